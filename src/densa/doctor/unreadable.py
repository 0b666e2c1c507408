"""Files that cannot be read, or whose name says another format."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from densa.datasets.wording import counted
from densa.doctor.finding import Finding, finding
from densa.doctor.subject import Fault, ImageFacts, Subject

__all__ = ["check_files"]

_SAID = {
    "file-empty": "{n} of no bytes",
    "file-truncated": "{n} cut short",
    "file-corrupt": "{n} that cannot be read",
    "mask-type": "{n} that cannot be masks",
}


def check_files(subject: Subject) -> Iterator[Finding]:
    """Empty, truncated and damaged files; suffixes that do not go with the content."""
    faults: dict[str, list[tuple[Path, str]]] = defaultdict(list)
    renamed: dict[Path, str] = {}
    for record in subject.records:
        for path, read in ((record.sample.image, record.image), (record.sample.mask, record.mask)):
            if isinstance(read, Fault) and path is not None:
                faults[read.code].append((path, read.sentence))
        if isinstance(record.image, ImageFacts) and record.image.suffix:
            renamed[record.sample.image] = record.image.suffix
        if record.mask_suffix and record.sample.mask is not None:
            renamed[record.sample.mask] = record.mask_suffix
    for code, found in faults.items():
        n = counted(len(found), "file")
        yield finding(code, f"{_SAID[code].format(n=n)}; first: {found[0][1]}", [path for path, _ in found])
    if renamed:
        first, suffix = next(iter(renamed.items()))
        sentence = (
            f"{counted(len(renamed), 'file')} with the wrong extension; first: {first.name} is "
            f"{suffix.lstrip('.').upper()} by its content"
        )
        yield finding("extension-wrong", sentence, list(renamed))
