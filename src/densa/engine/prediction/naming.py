"""Names of the files of every prediction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from densa import raster
from densa.datasets.image_files import image_files
from densa.engine.prediction.settings import PolygonShape
from densa.engine.prediction.task import PredictionFiles
from densa.errors import InputError

__all__ = ["PlannedImage", "plan_outputs"]

_VECTOR_KINDS = ("gpkg", "geojson", "fgb")
_LABEL_SUFFIXES = {".png", ".tif", ".tiff"}


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
    resume: bool = False,
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
        resume: outputs may exist; whether they belong to this run is checked later.
        failed: called with images that cannot be opened, and are left out; None raises.

    Returns:
        One entry per page of every image: a georeferenced image gives NAME.tif, any other NAME.png; the pages of
        a stack NAME_0000, NAME_0001, ...

    Raises:
        InputError: no image, an unreadable one, two images with one output, an output that exists or is the image.

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
    planned: list[PlannedImage] = []
    for path, place in files:
        try:
            with raster.open(path) as image:
                n_pages, suffix = image.n_pages, ".tif" if image.is_placed else ".png"
        except InputError as error:
            if failed is None:
                raise
            failed(path, error)
            continue
        if as_file and (len(files) > 1 or n_pages > 1):
            raise InputError(f"output={output} is one file, but {len(files)} images were given; give a folder instead")
        for page in range(n_pages):
            name = path.stem if n_pages == 1 else f"{path.stem}_{page:04d}"
            labels = output if as_file else output / place / f"{name}{suffix}"
            beside = {
                product: labels.with_name(f"{labels.stem}.{product}.tif")
                for product, asked in (("probabilities", probabilities), ("uncertainty", uncertainty))
                if asked
            }
            made = PredictionFiles(labels, **beside, polygons=_polygons(polygons, labels), shape=shape)
            picture = labels.with_name(f"{labels.stem}.overlay{labels.suffix}") if overlay else None
            planned.append(PlannedImage(path, page, made, picture))
    if polygons is not None and len(planned) > 1 and len({one.files.polygons for one in planned}) < len(planned):
        raise InputError(
            f"polygons={polygons} is one file, but there are {len(planned)} label maps; give polygons=gpkg instead"
        )
    _check(planned, overwrite or resume)
    return planned


def _polygons(asked: str | None, labels: Path) -> Path | None:
    if asked is None:
        return None
    return labels.with_suffix(f".{asked}") if asked in _VECTOR_KINDS else Path(asked)


def _check(planned: list[PlannedImage], overwrite: bool) -> None:
    taken: dict[Path, Path] = {}
    for one in planned:
        labels, image = one.files.labels, one.image
        if labels in taken:
            raise InputError(f"{taken[labels]} and {image} would both be written to {labels}; rename one")
        taken[labels] = image
        products = one.files.probabilities, one.files.uncertainty, one.files.polygons
        for target in (labels, *products, one.overlay):
            if target is None or not target.exists():
                continue
            if target.resolve() == image.resolve():
                raise InputError(f"{target} is the image itself; choose another output folder")
            if not overwrite:
                raise InputError(f"{target} exists; choose another output or give overwrite=True")
