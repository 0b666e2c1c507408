"""`densa evaluate MAP POINTS`: what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from densa.cli.common import named, print_json
from densa.verbs.tell import tell

if TYPE_CHECKING:
    from densa.accuracy import MapAssessment

__all__ = ["show_assessment"]


def show_assessment(found: MapAssessment, page: Path | None, *, as_json: bool) -> None:
    """Print the estimates, and where they were written."""
    from densa.pages.assess import assessment_lines

    for line in found.remarks:
        tell(line)
    if as_json:
        print_json(found.to_json())
        return
    print(*assessment_lines(found), sep="\n")
    if page is not None:
        print(f"wrote {named(page, [page.with_name('metrics.json')])}")
