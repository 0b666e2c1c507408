"""Partition an image of any size into regions of similar pixels, and check the axioms of a partition."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from densa.engine.regions.settings import COMPACTNESS, RANGE_RADIUS, RegionSettings
from densa.engine.work.settings import Work
from densa.errors import InputError
from densa.locations import location, with_assets
from densa.options import check_paths, must_exist, options_of, with_options
from densa.outputs import check_outputs, space_notes
from densa.progress import progress_bar
from densa.settings import Bands, Images, Page
from densa.verbs.inputs import allowed, open_page, opened, path_of
from densa.verbs.settings import RegionProducts, SegmentOptions
from densa.verbs.tell import kept_work, tell, tell_place

if TYPE_CHECKING:
    from densa.engine import Estimate
    from densa.engine.regions import RegionMethod, Violations
    from densa.raster import Raster
    from densa.verbs.results import Regions

__all__ = ["Segmented", "check_file", "segment", "segment_file"]


@dataclass(frozen=True)
class Segmented:
    """The files of a segmentation.

    Attributes:
        method: name of the method.
        files: by product: regions, outline, boundaries, polygons, statistics.
        n_regions: number of regions; None where the files were complete already, or of a dry run.
        estimate: time, memory and disk of the segmentation, of a dry run.
    """

    method: str
    files: dict[str, Path] = field(default_factory=dict)
    n_regions: int | None = None
    estimate: Estimate | None = None

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        files = {name: str(path) for name, path in self.files.items()}
        output = files.pop("regions")
        if self.estimate is not None:
            return {"output": output} | asdict(self.estimate)
        return {"regions": self.n_regions, "method": self.method, "output": output, **files}


def segment(
    image: Any, method: str = "slic", *, output: Path | str | None = None, **options: Any
) -> Regions | Segmented:
    """Partition an image into regions of similar pixels.

    Args:
        image: the path of an image, an open raster, an (h, w) or (h, w, bands) array, or an `xarray.DataArray` with the
            attributes of rioxarray.
        method: "slic", "watershed", "mean-shift", "normalized-cuts", "components" or "relabel".
        output: a .tif of int32 regions; None: regions in memory.
        **options: the options of `densa regions`, by name, see the reference. Without `output` they are those of the
            method, bands, page, and tile_size.

    Returns:
        Without `output`, `Regions`, the same as in the file; with `output`, the written files, a `Segmented`.

    Raises:
        InputError: options that do not fit the method or the image, an output that exists.

    Examples:
        >>> import numpy as np
        >>> import densa
        >>> image = np.zeros((20, 30), np.uint8)
        >>> image[:, 15:] = 200
        >>> densa.segment(image, "components").count
        2
    """
    settings = SegmentOptions.of(method=method, **options)
    if output is not None:
        with ExitStack() as stack:
            return segment_file(path_of(image, stack), Path(output), settings)
    of_image = {*options_of(Images), *options_of(Bands), *options_of(Page)}
    if others := sorted(set(options) - {*options_of(RegionSettings), *of_image, "tile_size"}):
        raise InputError(f"{', '.join(others)} is for files; give `output`, or leave it out")
    if isinstance(image, (str, Path)) and not location(image).exists():
        raise InputError(f"image must exist, got {image}: there is no such file")
    from densa.engine.regions import region_method, segment_array
    from densa.raster.choice.chosen import choose_bands
    from densa.verbs.results import Regions

    with allowed(settings), opened(image, settings.assets, settings.page) as whole:
        raster = whole if settings.bands is None else choose_bands(whole, settings.bands)
        found = region_method(settings.part(RegionSettings), raster)
        numbers = segment_array(found, raster, settings.part(Work))
        return Regions(numbers, found.name, raster.georeference)


segment.__signature__ = with_options(segment, SegmentOptions)  # type: ignore[attr-defined]


def segment_file(image: Path, output: Path, options: SegmentOptions, *, dry_run: bool = False) -> Segmented:
    """Segment an image into a file of regions.

    Args:
        image: of any format, size and number of bands.
        output: a .tif of int32 regions from 1; 0: no region.
        options: method, files, tiles and workers.
        dry_run: try a part of the image, and write nothing.

    Raises:
        InputError: options that do not fit the method or the image, an output that exists.
    """
    check_paths(SegmentOptions, options.flat())
    image = with_assets(location(image), options.assets)
    must_exist(image=image)
    from densa.engine.regions import RegionFiles, region_method, segment_to_file
    from densa.raster.vector.placing import check_place

    settings = options.part(RegionSettings)
    files = RegionFiles(output, **options.part(RegionProducts).flat())
    with allowed(options), open_page(image, options.page, bands=options.bands) as opened:
        read = [*opened.files, *([settings.markers] if settings.markers else [])]
        check_outputs(files.each().items(), read)
        if files.polygons is not None:
            check_place(files.polygons, opened)
        if dry_run:
            return Segmented(settings.method, files.each(), estimate=_estimate(opened, settings, files, options))
        method = region_method(settings, opened)
        tell_place(opened, [output, files.outline, files.polygons])
        if line := _on_scale(opened, settings):
            tell(line)
        for path in files.each().values():
            path.parent.mkdir(parents=True, exist_ok=True)
        n_pixels = opened.height * opened.width
        for note in space_notes(output.parent, 4 * n_pixels * (1 + len(files.each())), 4 * n_pixels):
            tell(note)
        with progress_bar(opened.path.name) as show, kept_work(output):
            page = (options.page or 1) - 1
            count = segment_to_file(method, opened, files, options.part(Work), page=page, progress=show, tell=tell)
    return Segmented(method.name, files.each(), count)


def _on_scale(image: Raster, settings: RegionSettings) -> str | None:
    """What distances of colours are measured in, where values are not of 8 bits; None where nothing is decided."""
    from densa.engine.regions.stages.value_range import span_of

    if image.dtype.kind not in "iuf" or image.dtype.itemsize == 1:
        return None
    if settings.method == "slic" and settings.compactness is None:
        return f"{image.dtype} values: compactness is {COMPACTNESS:g} / 255 of their range, see --compactness"
    if settings.method == "mean-shift" and settings.range_radius is None:
        return f"{image.dtype} values: the range radius is {RANGE_RADIUS:g} / 255 of their range, see --range-radius"
    if settings.method == "slic" and settings.compactness and settings.compactness > (span := span_of(image)) > 0:
        return (
            f"compactness {settings.compactness:g} is in units of the image, whose values span {span:.4g}: the regions "
            f"are nearly a grid; leave it out for {COMPACTNESS * span / 255:.3g}"
        )
    return None


def _estimate(image: Raster, settings: RegionSettings, files: Any, options: SegmentOptions) -> Estimate:
    from densa.engine.regions import estimate_segmentation, region_method

    def method_of(part: Raster, share: float) -> RegionMethod:
        own = settings
        if own.method in ("slic", "watershed") and own.count is not None:
            own = replace(own, count=max(1, round(own.count * share)))
        if share < 1:
            own = replace(own, markers=None)  # markers are drawn on the whole image
        return region_method(own, part)

    return estimate_segmentation(method_of, image, files, options.part(Work))


def check_file(
    image: Path,
    regions: Path,
    *,
    predicate: str | None = None,
    connectivity: int | None = None,
    page: int | None = None,
    bands: Sequence[int | str] | None = None,
    work: Work | None = None,
) -> Violations:
    """Verify the axioms of a partition on the regions of an image.

    Args:
        image: the image, whose valid pixels are the domain.
        regions: a raster of one band of integers from 1.
        predicate: "range:10", "deviation:4" or "spread:8": what must hold in a region, and not in two neighbours
            together.
        connectivity: 4 or 8 neighbours; None: 4.
        page, bands: of the image, as in `segment_file`.
        work: tiles, memory and workers.

    Raises:
        InputError: rasters that do not fit each other, an unknown predicate.
    """
    must_exist(image=image, regions=regions)
    from densa import raster
    from densa.engine.regions import check_regions, parse_predicate, reach_of

    image_page = (page or 1) - 1
    with (
        open_page(image, page, bands=bands) as opened,
        raster.open(regions) as numbers,
        progress_bar(regions.name) as show,
    ):
        return check_regions(
            numbers,
            opened,
            parse_predicate(predicate) if predicate else None,
            work=work or Work(),
            connectivity=reach_of(connectivity),
            image_page=image_page,
            progress=show,
        )
