"""`densa regions`: unsupervised segmentation of an image of any size."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from densa.cli.common import Config, Json, named, print_json
from densa.cli.derived import options_from
from densa.engine.work.settings import Work
from densa.errors import InputError
from densa.locations import location
from densa.verbs.segment import check_file, segment_file
from densa.verbs.settings import SegmentOptions

if TYPE_CHECKING:
    from densa.engine.regions import Violations

CHECK = "Check"


@options_from(SegmentOptions)
def regions(
    given: dict[str, Any],
    image: Annotated[
        Path, typer.Argument(parser=location, metavar="IMAGE", help="Image of any format, size and number of bands.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="REGIONS", help="A .tif of int32 regions from 1; 0: no region."),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            "--check",
            parser=location,
            metavar="REGIONS",
            rich_help_panel=CHECK,
            help="Write nothing: verify the axioms of a partition on these regions of the image.",
        ),
    ] = None,
    predicate: Annotated[
        str | None,
        typer.Option(
            "--predicate",
            metavar="KIND:VALUE",
            rich_help_panel=CHECK,
            help="Predicate of each region, and of no union of two neighbours: range:10, deviation:4 or spread:8.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Segment a part of the image, print the estimate, and stop.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Partition an image into regions of similar pixels.

    The regions do not depend on the tile size, the workers or the memory budget. Finished work on a large image is kept
    in REGIONS.partial: --resume continues after an interruption.
    """
    if predicate is not None and check is None:
        raise InputError("`predicate` is for `check`")
    options = SegmentOptions.of(**given)
    if output is not None and check is None:
        _segment(image, output, options, dry_run, as_json)
    elif check is not None and output is None:
        work = options.part(Work)
        found = check_file(
            image,
            check,
            predicate=predicate,
            connectivity=options.connectivity,
            page=options.page,
            bands=options.bands,
            work=work,
        )
        _show_check(found, image, check, predicate, as_json)
    else:
        raise InputError("give either -o REGIONS.tif to make regions, or --check REGIONS.tif to verify some")


def _segment(image: Path, output: Path, options: SegmentOptions, dry_run: bool, as_json: bool) -> None:
    found = segment_file(image, output, options, dry_run=dry_run)
    others = named(output, found.files.values()).removeprefix(str(output)).removeprefix(", ")
    also = f"; {others}" if others else ""
    if as_json:
        print_json(found.to_json())
    elif found.estimate is not None:
        print(f"would write {output}: {found.estimate.sentence()}")
    elif found.n_regions is None:
        print(f"{output} is complete already{also}")
    else:
        print(f"wrote {output}: {found.n_regions} region{'s' * (found.n_regions != 1)}{also}")


def _show_check(found: Violations, image: Path, path: Path, predicate: str | None, as_json: bool) -> None:
    """Print the violations; raise an error if there are any."""
    if as_json:
        print_json({"regions": found.n_regions, "counts": found.counts, "first": [asdict(one) for one in found]})
    else:
        for violation in found:
            print(violation.message)
    if n := sum(found.counts.values()):
        raise InputError(
            f"{path} is no partition of {image.name}: {n} violation{'s' * (n > 1)} of the axioms"
            + (", the first of each are listed" if n > len(found) else "")
        )
    if not as_json:
        asked = "(a), (b) and (c)" if predicate is None else "(a) to (e)"
        print(f"{path} is a partition of {image.name} into {found.n_regions} regions: axioms {asked} hold")
