"""`densa doctor`: what is wrong with a data set, and the mend."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from densa.cli.common import Config, Json, print_json
from densa.cli.derived import options_from
from densa.settings import Existing
from densa.verbs.settings import DoctorOptions


@options_from(DoctorOptions, Existing)
def doctor(
    given: dict[str, Any],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of images and masks.")],
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Examine a data set: what is wrong with it, why it matters, and the mend.

    Exit code 0: sound; 1: warnings; 2: errors.
    """
    from densa.doctor import exit_code
    from densa.verbs.doctor import doctor as verb

    found = verb(data, **{name: value for name, value in given.items() if name != "overwrite"})
    if as_json:
        print_json({**found.to_json(), "strict": strict})
    else:
        for one in found.findings:
            print(f"{one.severity} [{one.code}] {one.sentence}")
            print(f"  why: {one.why}")
            if one.mend:
                print(f"  mend: {one.mend}")
            for path in one.files:
                print(f"    {path}")
            if one.n_files > len(one.files):
                print(f"    ... and {one.n_files - len(one.files)} more")
    raise typer.Exit(exit_code(found.findings, strict=strict))
