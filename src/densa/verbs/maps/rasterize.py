"""Write labels that are drawn, such as polygons, as masks on the grid of their images."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from densa.datasets.image_files import IMAGE_SUFFIXES
from densa.errors import InputError
from densa.legend import IGNORE, Legend
from densa.locations import location, without_layer
from densa.options import check_paths, must_exist, with_options
from densa.outputs import check_outputs
from densa.progress import Progress, progress_bar
from densa.settings import VectorLabels
from densa.verbs.inputs import allowed
from densa.verbs.settings import RasterizeOptions
from densa.verbs.tell import tell

if TYPE_CHECKING:
    from densa.datasets import Sample
    from densa.datasets.layouts.layout import Layout

__all__ = ["Mask", "Rasterized", "rasterize", "shares"]

_TILE = 2048  # pixels: side of the parts that are drawn and written at once
_VECTORS = {".gpkg", ".geojson", ".shp", ".fgb"}
_RASTERS = {".tif", ".tiff", ".png"}


@dataclass(frozen=True)
class Mask:
    """A mask that was written.

    Attributes:
        image: that it is of.
        path: of the mask.
        height, width: in pixels.
        counts: pixels of each class, in the order of the legend.
    """

    image: Path
    path: Path
    height: int
    width: int
    counts: tuple[int, ...]

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self.height * self.width

    @property
    def unlabelled(self) -> int:
        """Pixels without a label, which are 255."""
        return self.pixels - sum(self.counts)


@dataclass(frozen=True)
class Rasterized:
    """The masks of a call.

    Attributes:
        output: their folder, or the one file.
        legend: their classes.
        masks: in order.
        notes: what was decided in reading the labels, a line each.
    """

    output: Path
    legend: Legend
    masks: tuple[Mask, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As printed by `densa rasterize --json`."""
        names = self.legend.class_names
        masks = [
            {
                "image": str(mask.image),
                "mask": str(mask.path),
                "height": mask.height,
                "width": mask.width,
                "pixels": dict(zip(names, mask.counts, strict=True)),
                "unlabelled": mask.unlabelled,
            }
            for mask in self.masks
        ]
        return {"output": str(self.output), "legend": self.legend.to_dict(), "masks": masks, "notes": list(self.notes)}


def rasterize(
    *data: Path | str, output: Path | str, overwrite: bool = False, progress: bool = True, **options: Any
) -> Rasterized:
    """Write polygons, lines, points and annotations as masks, on the grid of their images.

    Args:
        *data: images, or one data set (a folder); a vector file among them is taken for the option `labels`.
        output: folder of the masks, NAME.tif of a georeferenced image and NAME.png of any other, with a legend.json; or
            a .tif or .png where there is one image.
        overwrite: replace masks that exist.
        progress: show a progress bar on stderr, and what was decided in reading the labels.
        **options: the options of `densa rasterize`, by name, see the reference.

    Returns:
        The masks, their legend and their pixels of each class.

    Raises:
        InputError: labels that cannot be read or do not lie on the images, labels that are masks already, an output
            that exists.

    Examples:
        >>> import json
        >>> from pathlib import Path
        >>> import numpy as np
        >>> import densa
        >>> densa.raster.write_bands("photo.tif", np.zeros((3, 4, 6), np.uint8))
        >>> square = {"type": "Polygon", "coordinates": [[[1, 0], [5, 0], [5, 2], [1, 2], [1, 0]]]}
        >>> feature = {"type": "Feature", "properties": {"class": "roof"}, "geometry": square}
        >>> _ = Path("roofs.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
        >>> found = densa.rasterize("photo.tif", labels="roofs.geojson", output="mask.png", progress=False)
        >>> found.masks[0].counts, found.masks[0].unlabelled
        ((8,), 16)
    """
    paths, options = _with_labels([location(path) for path in data], options)
    settings = RasterizeOptions.of(**options)
    check_paths(RasterizeOptions, options)
    for path in paths:
        must_exist(data=path)
    output = Path(output)
    with allowed(settings):
        layout = _layout(paths, settings)
        planned = _planned(layout, output)
        legend_file = None if output.suffix.lower() in _RASTERS else output / "legend.json"
        _check(planned, [] if legend_file is None else [legend_file], paths, settings, overwrite)
        notes = (layout.line(), *layout.remarks)
        for line in notes if progress else ():
            tell(line)
        legend = layout.codings[""].legend
        total = sum(_size(sample)[0] * _size(sample)[1] for sample, _ in planned)
        masks, done = [], 0
        with progress_bar("rasterize", shown=progress) as show:
            for sample, path in planned:
                masks.append(_write(sample, path, legend, overwrite, show, done, total))
                done += masks[-1].pixels
        if legend_file is not None:
            _write_legend(legend_file, legend)
    return Rasterized(output, legend, tuple(masks), notes)


rasterize.__signature__ = with_options(rasterize, RasterizeOptions)  # type: ignore[attr-defined]


def shares(found: Rasterized) -> str:
    """The share of each class in the pixels of all masks, in words; those that do not occur are counted."""
    total = sum(mask.pixels for mask in found.masks)
    counts = [sum(each) for each in zip(*(mask.counts for mask in found.masks), strict=True)]
    named = [(name, n) for name, n in zip(found.legend.class_names, counts, strict=True) if n]
    named.append(("not labelled", total - sum(counts)))
    absent = found.legend.n_classes - len(named) + 1
    words = ", ".join(f"{name} {_per_cent(n / total)}" for name, n in named)
    return words + (f"; {absent} of {found.legend.n_classes} classes do not occur" if absent else "")


def _per_cent(share: float) -> str:
    return "0 %" if share == 0 else f"{100 * share:.1f} %" if share >= 0.001 else "under 0.1 %"


def _with_labels(paths: list[Path], options: dict[str, Any]) -> tuple[list[Path], dict[str, Any]]:
    """The images or the data set, and the options; a vector file among the paths is one of these."""
    vectors = [path for path in paths if without_layer(path).suffix.lower() in _VECTORS]
    images = [path for path in paths if path not in vectors]
    if len(vectors) > 1 or (vectors and options.get("labels") is not None):
        several = [*vectors, *([] if options.get("labels") is None else [options["labels"]])]
        raise InputError(f"labels must be one vector file, got {', '.join(map(str, several))}")
    if not images:
        raise InputError("give the images that the labels lie on, or a data set")
    return images, {**options, "labels": vectors[0]} if vectors else options


def _layout(paths: Sequence[Path], settings: RasterizeOptions) -> Layout:
    from densa.datasets.layouts.drawn import classed
    from densa.datasets.layouts.find import find_layout
    from densa.datasets.layouts.vector import read_vector

    if settings.instances or settings.mask_offset:
        raise InputError("instances and mask_offset are for masks, and these labels are drawn; leave them out")
    vectors = settings.part(VectorLabels)
    if len(paths) > 1 or not paths[0].is_dir():
        if vectors.labels is None:
            raise InputError(f"give the vector file of the labels of {paths[0]}: labels=FILE")
        folders = [str(path) for path in paths if path.is_dir()]
        if folders:
            raise InputError(f"data must be images or one folder, got the folder {folders[0]} among {len(paths)}")
        found = read_vector(paths[0] if len(paths) == 1 else paths[0].parent, vectors, paths)
    else:
        found = find_layout(paths[0], layout=settings.layout, labels=vectors)
    drawn = classed(found, settings.legend, background=vectors.background, ignore=settings.ignore)
    if drawn is None:
        raise InputError(
            f"the labels of {paths[0]} are masks already ({found.line()}); give vector labels or annotations"
        )
    return drawn


def _planned(layout: Layout, output: Path) -> list[tuple[Sample, Path]]:
    """Each sample with the file of its mask."""
    from densa import raster
    from densa.raster.decoded import MAX_DECODED_PIXELS

    if output.suffix.lower() in {*IMAGE_SUFFIXES, ".gpkg", ".geojson"} - _RASTERS and not output.is_dir():
        raise InputError(f"output must be a folder, or a file that ends in .png or .tif, got {output}")
    if output.suffix.lower() in _RASTERS and not output.is_dir():
        if len(layout.samples) > 1:
            raise InputError(f"output={output} is one file, but there are {len(layout.samples)} images; give a folder")
        return [(layout.samples[0], output)]
    several = len([split for split in layout.splits if layout.splits[split]]) > 1
    planned = []
    for split, samples in layout.splits.items():
        for sample in samples:
            with raster.open(sample.image, page=sample.page) as image:
                fits_png = not image.is_placed and image.height * image.width <= MAX_DECODED_PIXELS
            folder = output / split if several else output
            planned.append((sample, folder / f"{sample.name}{'.png' if fits_png else '.tif'}"))
    return planned


def _check(
    planned: Sequence[tuple[Sample, Path]],
    more: Sequence[Path],
    data: Sequence[Path],
    settings: RasterizeOptions,
    overwrite: bool,
) -> None:
    """Refuse outputs that exist, are one file, or would replace what is read."""
    read = {path for sample, _ in planned for path in (sample.image, sample.mask) if path is not None}
    given = (*data, settings.labels, settings.aoi, settings.legend)
    read |= {file for path in given if path is not None and (file := without_layer(path)).is_file()}
    outputs = [(f"mask of {sample.image.name}", path) for sample, path in planned]
    check_outputs([*outputs, *(("legend", path) for path in more)], read)
    for path in (*(path for _, path in planned), *more):
        if path.exists() and not overwrite:
            raise InputError(f"{path} exists; choose another output or give overwrite=True")


def _size(sample: Sample) -> tuple[int, int]:
    assert sample.drawn is not None
    return sample.drawn.height, sample.drawn.width


def _write(sample: Sample, path: Path, legend: Legend, overwrite: bool, show: Progress, done: int, total: int) -> Mask:
    """Draw a mask part by part."""
    import numpy as np

    from densa import raster

    assert sample.drawn is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    counts = np.zeros(256, np.int64)
    with raster.open(sample.image, page=sample.page) as image:
        if (image.height, image.width) != _size(sample):
            raise InputError(
                f"{sample.mask} says that {sample.image} has {sample.drawn.height} x {sample.drawn.width} pixels, it "
                f"has {image.height} x {image.width}"
            )
        with raster.LabelMapWriter(path, image.height, image.width, legend, like=image, overwrite=overwrite) as writer:
            for window, _ in raster.tiles(image.height, image.width, _TILE):
                labels = sample.drawn.read(window)
                writer.write(window, labels)
                counts += np.bincount(labels.ravel(), minlength=256)
                done += labels.size
                show(done, total)
    return Mask(sample.image, path, *_size(sample), tuple(counts[: legend.n_classes].tolist()))


def _write_legend(path: Path, legend: Legend) -> None:
    """The classes as the masks number them: from 0, with 255 for no label."""
    from densa.raster import atomic_output

    plain = Legend(legend.class_names, legend.colors, ignored_codes=(IGNORE,))
    with atomic_output(path, overwrite=True) as temporary:
        temporary.write_text(json.dumps(plain.to_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
