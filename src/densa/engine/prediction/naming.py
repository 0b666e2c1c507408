"""Names of the files of every prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from densa import raster
from densa.datasets.image_files import image_files
from densa.engine.prediction.settings import PolygonShape
from densa.engine.prediction.task import PredictionFiles
from densa.errors import InputError
from densa.outputs import check_outputs, is_same
from densa.raster.decoded import MAX_DECODED_PIXELS
from densa.raster.vector.placing import check_place

__all__ = ["PlannedImage", "plan_outputs"]

_VECTOR_KINDS = ("gpkg", "geojson", "fgb")
_LABEL_SUFFIXES = {".png", ".tif", ".tiff"}
# Files that densa does not write label maps to: a folder of such a name is meant for a file.
_OTHER_SUFFIXES = {
    ".jpg", ".jpeg", ".jp2", ".bmp", ".gif", ".webp", ".img", ".vrt", ".npy", ".json", ".csv", ".zip", ".gz", ".pdf",
    ".gpkg", ".geojson", ".fgb", ".shp",
}  # fmt: skip


@dataclass(frozen=True)
class PlannedImage:
    """One image (a page of it), the files of its prediction, and the picture of the classes over the image.

    Examples:
        >>> from pathlib import Path
        >>> from densa import engine
        >>> files = engine.PredictionFiles(Path("maps/photo.png"))
        >>> engine.PlannedImage(Path("photo.jpg"), 0, files).files.labels.name
        'photo.png'
    """

    image: Path
    page: int
    files: PredictionFiles
    overlay: Path | None = None


def plan_outputs(
    images: Sequence[Path],
    output: Path,
    *,
    overwrite: bool = False,
    probabilities: bool = False,
    uncertainty: bool = False,
    polygons: str | None = None,
    shape: PolygonShape = PolygonShape(),
    overlay: bool = False,
    page: int | None = None,
    resume: bool = False,
    inputs: Iterable[Path] = (),
    failed: Callable[[Path, InputError], None] | None = None,
) -> list[PlannedImage]:
    """Name every output before anything is computed.

    Args:
        images: files, or folders whose images are all taken, in order of name; their subfolders are kept.
        output: a folder (made when missing), or a .png/.tif file where one image with one page is given.
        overwrite: outputs may exist.
        probabilities: plan `NAME.probabilities.tif` beside every label map.
        uncertainty: plan `NAME.uncertainty.tif` as well.
        polygons: "gpkg", "geojson" or "fgb" for a NAME of that kind beside every label map, or a file for one image.
        shape: of the polygons.
        overlay: plan `NAME.overlay.png` (.tif) beside every label map.
        page: the only page to plan, from 1; None: all.
        resume: outputs may exist; whether they belong to this run is checked later.
        inputs: other files that are read, such as those of the model; no output may replace them.
        failed: called with images that cannot be opened, and are left out; None raises.

    Returns:
        One entry per page of every image: a georeferenced image gives NAME.tif, any other NAME.png; the pages of
        a stack NAME_0000, NAME_0001, ...

    Raises:
        InputError: no image, an unreadable one, two images with one output, an output that exists or is an input, or a
            kind of file that is not written.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from densa import engine, raster
        >>> raster.write_bands("photo.tif", np.zeros((1, 40, 60), np.uint8))
        >>> planned = engine.plan_outputs([Path("photo.tif")], Path("maps"), probabilities=True)
        >>> [path.name for path in planned[0].files.each().values()]
        ['photo.probabilities.tif', 'photo.png']
    """
    files: list[tuple[Path, Path]] = []  # the image, and the folder of its outputs below `output`
    for path in images:
        if path.is_dir():
            inside = [(p, p.parent.relative_to(path)) for p in image_files(path)]
            if not inside:
                raise InputError(f"folder {path} holds no image; give image files or a folder of them")
            files.extend(inside)
        else:
            files.append((path, Path()))
    as_file = output.suffix.lower() in _LABEL_SUFFIXES and not output.is_dir()
    _check_kinds(output, polygons)
    read = list(inputs)
    planned: list[PlannedImage] = []
    for path, place in files:
        try:
            with raster.open(path) as image:
                fits_png = not image.is_placed and image.height * image.width <= MAX_DECODED_PIXELS
                n_pages, suffix = image.n_pages, ".png" if fits_png else ".tif"
                read += image.files
                unplaced = None if polygons is None else _unplaced(_polygons(polygons, path), image)
                if page is not None and page > n_pages:
                    raise InputError(f"page must be at most {n_pages}, the pages of {path}, got {page}")
        except InputError as error:
            if failed is None:
                raise
            failed(path, error)
            read.append(path)
            continue
        if unplaced is not None:  # of the whole call, before any image is computed
            raise unplaced
        pages = range(n_pages) if page is None else (page - 1,)
        if as_file and (len(files) > 1 or len(pages) > 1):
            n = f"{len(files)} images were" if len(files) > 1 else f"an image of {n_pages} pages was"
            way = "give a folder instead" + (", or choose a `page`" if len(files) == 1 else "")
            raise InputError(f"output={output} is one file, but {n} given; {way}")
        for number in pages:
            name = path.stem if n_pages == 1 else f"{path.stem}_{number:04d}"
            labels = output if as_file else output / place / f"{name}{suffix}"
            beside = {
                product: labels.with_name(f"{labels.stem}.{product}.tif")
                for product, asked in (("probabilities", probabilities), ("uncertainty", uncertainty))
                if asked
            }
            made = PredictionFiles(labels, **beside, polygons=_polygons(polygons, labels), shape=shape)
            picture = labels.with_name(f"{labels.stem}.overlay{labels.suffix}") if overlay else None
            planned.append(PlannedImage(path, number, made, picture))
    if polygons is not None and len(planned) > 1 and len({one.files.polygons for one in planned}) < len(planned):
        raise InputError(
            f"polygons={polygons} is one file, but there are {len(planned)} label maps; give polygons=gpkg instead"
        )
    _check(planned, read, overwrite or resume)
    return planned


def _polygons(asked: str | None, labels: Path) -> Path | None:
    if asked is None:
        return None
    return labels.with_suffix(f".{asked}") if asked in _VECTOR_KINDS else Path(asked)


def _unplaced(polygons: Path | None, image: raster.Raster) -> InputError | None:
    """Why polygons of an image cannot be written, see `check_place`."""
    try:
        if polygons is not None:
            check_place(polygons, image)
    except InputError as error:
        return error
    return None


def _check_kinds(output: Path, polygons: str | None) -> None:
    """Refuse kinds of files that are not written, before a folder of that name is made."""
    if output.suffix.lower() in _OTHER_SUFFIXES and not output.is_dir():
        raise InputError(f"output must be a folder, or a file that ends in .png or .tif, got {output}")
    kinds = (*_VECTOR_KINDS, None)
    if polygons not in kinds and Path(str(polygons)).suffix.lower().removeprefix(".") not in kinds:
        raise InputError(
            f"polygons must be {', '.join(_VECTOR_KINDS)}, or a file that ends in one of them, got {polygons!r}"
        )


def _check(planned: list[PlannedImage], read: list[Path], overwrite: bool) -> None:
    taken: dict[Path, Path] = {}
    for one in planned:
        for target in _targets(one).values():
            if target in taken and taken[target] != one.image:
                raise InputError(f"{taken[target]} and {one.image} would both be written to {target}; rename one")
            taken[target] = one.image
            if is_same(target, one.image):
                raise InputError(f"{target} is the image itself; choose another output folder")
    every = [(f"{product} of {one.image.name}", path) for one in planned for product, path in _targets(one).items()]
    check_outputs(every, read)
    for _, target in every:
        if target.exists() and not overwrite:
            raise InputError(f"{target} exists; choose another output or give overwrite=True")


def _targets(one: PlannedImage) -> dict[str, Path]:
    return one.files.each() | ({} if one.overlay is None else {"overlay": one.overlay})
