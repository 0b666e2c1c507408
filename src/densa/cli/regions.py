"""`densa regions`: unsupervised segmentation of an image of any size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from densa.cli.common import Config, Json, Overwrite, print_json, progress_bar, tell
from densa.cli.work_options import WORK, Dask, Executor, ExecutorKind, Memory, Resume, TileSize, Workers
from densa.errors import InputError

if TYPE_CHECKING:
    from densa.engine.regions import RegionMethod, RegionOutputs
    from densa.raster import Raster

OUTPUTS, METHOD, CHECK = "Outputs", "Method", "Check"


def regions(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="Image of any format, size and number of bands.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="REGIONS", help="A .tif of int32 regions from 1; 0: no region."),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            "--method",
            help="slic, watershed, mean-shift, normalized-cuts; components (of equal values) or relabel.",
        ),
    ] = "slic",
    count: Annotated[
        int | None,
        typer.Option(
            "--count",
            min=1,
            rich_help_panel=METHOD,
            help="Superpixels (slic), grid markers (watershed; else minima) or segments (normalized-cuts, 8).",
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option("--size", min=1, rich_help_panel=METHOD, help="slic: pixels of a superpixel (400)."),
    ] = None,
    compactness: Annotated[
        float | None,
        typer.Option("--compactness", min=0, rich_help_panel=METHOD, help="slic: weight of position (10)."),
    ] = None,
    sigma: Annotated[
        float | None,
        typer.Option(
            "--sigma", min=0, rich_help_panel=METHOD, help="watershed: Gaussian in pixels before the gradient (1)."
        ),
    ] = None,
    markers: Annotated[
        Path | None,
        typer.Option("--markers", rich_help_panel=METHOD, help="watershed: a raster of markers from 1, 0 elsewhere."),
    ] = None,
    relief: Annotated[
        str | None,
        typer.Option(
            "--relief", rich_help_panel=METHOD, help="watershed: gradient of the image, or as-is: one band of heights."
        ),
    ] = None,
    spatial_radius: Annotated[
        float | None,
        typer.Option("--spatial-radius", rich_help_panel=METHOD, help="mean-shift: window in pixels (7)."),
    ] = None,
    range_radius: Annotated[
        float | None,
        typer.Option("--range-radius", rich_help_panel=METHOD, help="mean-shift: window in colour (6.5)."),
    ] = None,
    min_size: Annotated[
        int | None,
        typer.Option(
            "--min-size",
            min=1,
            rich_help_panel=METHOD,
            help="Merge smaller regions into the neighbour of nearest colour (mean-shift: 20, otherwise none).",
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            rich_help_panel=METHOD,
            help="normalized-cuts: what is cut: pixels (of an image up to 1 megapixel), slic, watershed, mean-shift.",
        ),
    ] = None,
    max_cut: Annotated[
        float | None,
        typer.Option(
            "--max-cut", min=0, rich_help_panel=METHOD, help="normalized-cuts: halve while a cut is at most this."
        ),
    ] = None,
    value_scale: Annotated[
        float | None,
        typer.Option(
            "--value-scale",
            rich_help_panel=METHOD,
            help="normalized-cuts: distance of colours, as a share of the largest value, that weakens to 1/e (0.1).",
        ),
    ] = None,
    connectivity: Annotated[
        int | None,
        typer.Option(
            "--connectivity", rich_help_panel=METHOD, help="4 or 8: components, watershed; check: 8 for mean-shift."
        ),
    ] = None,
    outline: Annotated[
        Path | None,
        typer.Option("--outline", rich_help_panel=OUTPUTS, help="Also the image with the outlines, a .png or .tif."),
    ] = None,
    boundaries: Annotated[
        Path | None,
        typer.Option("--boundaries", rich_help_panel=OUTPUTS, help="Also a .tif: 1 on both sides of every boundary."),
    ] = None,
    polygons: Annotated[
        Path | None,
        typer.Option("--polygons", rich_help_panel=OUTPUTS, help="Also the regions as a .gpkg, .geojson or .fgb."),
    ] = None,
    statistics: Annotated[
        Path | None,
        typer.Option("--statistics", rich_help_panel=OUTPUTS, help="Also a .csv: size, place and values of each."),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            "--check",
            metavar="REGIONS",
            rich_help_panel=CHECK,
            help="Make nothing: verify the axioms of a partition on these regions of the image.",
        ),
    ] = None,
    predicate: Annotated[
        str | None,
        typer.Option(
            "--predicate",
            metavar="KIND:VALUE",
            rich_help_panel=CHECK,
            help="What must hold in a region, and not in two neighbours together: range:10, deviation:4 or spread:8.",
        ),
    ] = None,
    memory: Memory = None,
    tile_size: TileSize = None,
    workers: Workers = 1,
    executor: Executor = ExecutorKind.THREADS,
    dask: Dask = None,
    resume: Resume = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", rich_help_panel=WORK, help="Try a part of the image, say what all takes, and stop."),
    ] = False,
    overwrite: Overwrite = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Partition an image into regions of similar pixels.

    The regions are the same for any tile size, any workers and any budget of memory. What is finished of a large image
    waits in REGIONS.partial: --resume continues after whatever stopped it.
    """
    from densa import raster
    from densa.engine import Crew, parse_bytes
    from densa.engine.regions import RegionOutputs

    work = {
        "crew": Crew(workers, executor.value, dask),
        "memory": None if memory is None else parse_bytes(memory),
        "tile_size": tile_size,
    }
    if (output is None) == (check is None):
        raise InputError("give either -o REGIONS.tif to make regions, or --check REGIONS.tif to verify some")
    if predicate is not None and check is None:
        raise InputError("--predicate is for --check")
    with raster.open(image) as opened:
        if check is not None:
            _check(opened, check, predicate, connectivity, work, as_json)
            return
        chosen = {
            "count": count,
            "size": size,
            "compactness": compactness,
            "sigma": sigma,
            "markers": markers,
            "relief": relief,
            "spatial_radius": spatial_radius,
            "range_radius": range_radius,
            "min_size": min_size,
            "base": base,
            "max_cut": max_cut,
            "value_scale": value_scale,
            "connectivity": connectivity,
        }
        given = {name: value for name, value in chosen.items() if value is not None} | {"method": method}
        assert output is not None
        outputs = RegionOutputs(output, outline, boundaries, polygons, statistics)
        if dry_run:
            _estimate(opened, given, outputs, work, as_json)
        else:
            _segment(opened, given, outputs, work | {"resume": resume, "overwrite": overwrite}, as_json)


def _estimate(
    image: Raster, chosen: dict[str, Any], outputs: RegionOutputs, work: dict[str, Any], as_json: bool
) -> None:
    """Say what it would take."""
    from dataclasses import asdict

    from densa.engine.regions import estimate_segmentation, region_method

    def method_of(part: Raster, share: float) -> RegionMethod:
        options = dict(chosen)
        if options["method"] in ("slic", "watershed") and "count" in options:
            options["count"] = max(1, round(options["count"] * share))
        if share < 1:
            options.pop("markers", None)  # they lie on the whole image
        return region_method(image=part, **options)

    found = estimate_segmentation(method_of, image, outputs, **work)
    if as_json:
        print_json({"output": str(outputs.regions)} | asdict(found))
    else:
        print(f"would write {outputs.regions}: {found.sentence()}")


def _segment(
    image: Raster, chosen: dict[str, Any], outputs: RegionOutputs, work: dict[str, Any], as_json: bool
) -> None:
    from densa.engine.regions import region_method, segment_to_file

    method = region_method(image=image, **chosen)
    outputs.regions.parent.mkdir(parents=True, exist_ok=True)
    try:
        with progress_bar(image.path.name) as progress:
            n_regions = segment_to_file(method, image, outputs, progress=progress, tell=tell, **work)
    except KeyboardInterrupt:
        if outputs.regions.with_name(outputs.regions.name + ".partial").exists():
            tell(f"what is finished of {outputs.regions.name} is kept; --resume continues")
        raise
    written = {name: str(path) for name, path in outputs.each().items()}
    content = {"regions": n_regions, "method": method.name, "output": written.pop("regions"), **written}
    if as_json:
        print_json(content)
    elif n_regions is None:
        print(f"{outputs.regions} is complete already")
    else:
        print(f"wrote {outputs.regions}: {n_regions} region{'s' * (n_regions != 1)}")


def _check(
    image: Raster, path: Path, predicate: str | None, connectivity: int | None, work: dict[str, Any], as_json: bool
) -> None:
    """Say which axioms fail; end with an error where one does."""
    from dataclasses import asdict

    from densa import raster
    from densa.engine.regions import check_regions, parse_predicate, reach_of

    with raster.open(path) as regions, progress_bar(path.name) as progress:
        found = check_regions(
            regions,
            image,
            parse_predicate(predicate) if predicate else None,
            connectivity=reach_of(connectivity),
            progress=progress,
            **work,
        )
    if as_json:
        print_json({"regions": found.n_regions, "counts": found.counts, "first": [asdict(one) for one in found]})
    else:
        for violation in found:
            print(violation.message)
    if n := sum(found.counts.values()):
        raise InputError(
            f"{path} is no partition of {image.path.name}: {n} violation{'s' * (n > 1)} of the axioms"
            + (", the first of each are listed" if n > len(found) else "")
        )
    if not as_json:
        asked = "(a), (b) and (c)" if predicate is None else "(a) to (e)"
        print(f"{path} is a partition of {image.path.name} into {found.n_regions} regions: axioms {asked} hold")
