"""Partition an image of any size into regions of similar pixels, and check the axioms of a partition."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from densa.engine.regions.settings import RegionSettings
from densa.engine.work.settings import Work
from densa.errors import InputError
from densa.options import check_paths
from densa.progress import progress_bar
from densa.verbs.settings import RegionProducts, SegmentOptions
from densa.verbs.tell import kept_work, tell

if TYPE_CHECKING:
    from densa.engine import Estimate
    from densa.engine.regions import RegionMethod, Violations
    from densa.raster import Raster

__all__ = ["Segmented", "check_file", "segment_file"]


@dataclass(frozen=True)
class Segmented:
    """The files of a segmentation.

    Attributes:
        method: name of the method.
        files: by product: regions, outline, boundaries, polygons, statistics.
        n_regions: number of regions; None where the files were complete already, or of a dry run.
        estimate: what the segmentation would take, of a dry run.
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


def segment_file(image: Path, output: Path, options: SegmentOptions, *, dry_run: bool = False) -> Segmented:
    """Segment an image into a file of regions.

    Args:
        image: of any format, size and number of bands.
        output: a .tif of int32 regions from 1; 0: no region.
        options: method, files and long runs.
        dry_run: try a part of the image, and write nothing.

    Raises:
        InputError: options that do not fit the method or the image, an output that exists.
    """
    check_paths(SegmentOptions, options.flat())
    if not image.exists():
        raise InputError(f"image must exist, got {image}: there is no such file or folder")
    from densa import raster
    from densa.engine.regions import RegionFiles, region_method, segment_to_file

    settings = options.part(RegionSettings)
    files = RegionFiles(output, **options.part(RegionProducts).flat())
    with raster.open(image) as opened:
        if dry_run:
            return Segmented(settings.method, files.each(), estimate=_estimate(opened, settings, files, options))
        method = region_method(settings, opened)
        output.parent.mkdir(parents=True, exist_ok=True)
        with progress_bar(opened.path.name) as show, kept_work(output):
            count = segment_to_file(method, opened, files, options.part(Work), progress=show, tell=tell)
    return Segmented(method.name, files.each(), count)


def _estimate(image: Raster, settings: RegionSettings, files: Any, options: SegmentOptions) -> Estimate:
    from densa.engine.regions import estimate_segmentation, region_method

    def method_of(part: Raster, share: float) -> RegionMethod:
        own = settings
        if own.method in ("slic", "watershed") and own.count is not None:
            own = replace(own, count=max(1, round(own.count * share)))
        if share < 1:
            own = replace(own, markers=None)  # they lie on the whole image
        return region_method(own, part)

    return estimate_segmentation(method_of, image, files, options.part(Work))


def check_file(
    image: Path, regions: Path, *, predicate: str | None = None, connectivity: int | None = None, work: Work = Work()
) -> Violations:
    """Verify the axioms of a partition on the regions of an image.

    Args:
        image: the image, whose valid pixels are the domain.
        regions: a raster of one band of integers from 1.
        predicate: "range:10", "deviation:4" or "spread:8": what must hold in a region, and not in two neighbours
            together.
        connectivity: 4 or 8 neighbours; None: 4.
        work: tiles, memory and workers.

    Raises:
        InputError: rasters that do not fit each other, an unknown predicate.
    """
    for name, path in (("image", image), ("regions", regions)):
        if not path.exists():
            raise InputError(f"{name} must exist, got {path}: there is no such file or folder")
    from densa import raster
    from densa.engine.regions import check_regions, parse_predicate, reach_of

    with raster.open(image) as opened, raster.open(regions) as numbers, progress_bar(regions.name) as show:
        return check_regions(
            numbers,
            opened,
            parse_predicate(predicate) if predicate else None,
            work=work,
            connectivity=reach_of(connectivity),
            progress=show,
        )
