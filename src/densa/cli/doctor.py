"""`densa doctor`: what is wrong with a data set, and the mend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from densa.cli.common import Config, Json, named_inside, print_json, print_table
from densa.cli.derived import options_from
from densa.errors import InputError
from densa.settings import Existing
from densa.verbs.settings import DoctorOptions

if TYPE_CHECKING:
    from densa.doctor import Diagnosis, Finding
    from densa.verbs.doctor import Examined

_LISTED_CHANGES = 10


@options_from(DoctorOptions, Existing)
def doctor(
    given: dict[str, Any],
    data: Annotated[Path | None, typer.Argument(metavar="DATA", help="Folder of images and masks.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="REPORT", help="Folder of the report: report.html, findings.json."),
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Examine a data set: what is wrong with it, why it matters, and how to mend it.

    Exit code 0: sound; 1: warnings; 2: errors, or with --strict warnings. With --fix it is that of the mended copy.
    """
    if given.get("env"):
        _show_environment(as_json)
        return
    if data is None:
        raise InputError("give DATA, the folder of images and masks; or --env for this machine")
    from densa.verbs.doctor import doctor as verb

    examined = verb(data, output=output, **given)
    if as_json:
        print_json(examined.to_json())
    else:
        _show(examined, output)
    raise typer.Exit(examined.exit_code(strict=given.get("strict", False)))


def _show(examined: Examined, output: Path | None) -> None:
    for one in examined.diagnosis.findings:
        _show_finding(one)
    print(_summary(examined.diagnosis))
    if examined.page is not None:
        print(f"wrote {examined.page if output != examined.page.parent else named_inside(examined.page.parent)}")
    if examined.mended is None:
        return
    for change in examined.changes[:_LISTED_CHANGES]:
        print(f"  {change.file}: {change.what}")
    more = len(examined.changes) - _LISTED_CHANGES
    print(f"  ... and {more} more, see {examined.copy}/changes.csv" if more > 0 else f"wrote {examined.copy}")
    for one in examined.mended.findings:
        _show_finding(one)
    print(_summary(examined.mended))


def _show_finding(one: Finding) -> None:
    print(f"{one.severity.upper()} [{one.code}] {one.sentence}")
    print(f"  why:  {one.why}")
    if one.mend:
        print(f"  mend: {one.mend}")
    if one.files:
        more = f" ... ({one.n_files} in all)" if one.n_files > len(one.files) else ""
        print(f"  {'files' if one.n_files > 1 else 'file'}: {', '.join(map(str, one.files))}{more}")
    print()


def _summary(found: Diagnosis) -> str:
    splits, n = ", ".join(f"{name} {n}" for name, n in found.splits.items()), sum(found.splits.values())
    what = "sound" if found.to_json()["sound"] else f"{_counted(found, 'error')}, {_counted(found, 'warning')}"
    classes = "" if found.legend is None else f", {found.legend.n_classes} classes"
    source = f" ({found.source})" if found.source else ""
    return f"{found.data}: {what}; {n} image{'s' * (n != 1)} ({splits or 'none'}){classes}{source}"


def _counted(found: Diagnosis, severity: str) -> str:
    n = found.count(severity)
    return f"{n} {severity}{'s' * (n != 1)}"


def _show_environment(as_json: bool) -> None:
    from densa.doctor.environment import environment

    found = environment()
    if as_json:
        print_json(found)
    else:
        print_table(found)
