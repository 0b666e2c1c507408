"""Which file every prediction goes to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from densa import raster
from densa.datasets.pairing import image_files
from densa.errors import InputError

__all__ = ["Job", "plan_outputs"]

_VECTOR_KINDS = ("gpkg", "geojson", "fgb")
_LABEL_SUFFIXES = {".png", ".tif", ".tiff"}


@dataclass(frozen=True)
class Job:
    """One image (a page of it) and the files its prediction is written to."""

    image: Path
    page: int
    labels: Path
    probabilities: Path | None
    uncertainty: Path | None = None
    polygons: Path | None = None
    overlay: Path | None = None


def plan_outputs(
    images: Sequence[Path],
    output: Path,
    *,
    overwrite: bool = False,
    probabilities: bool = False,
    uncertainty: bool = False,
    polygons: str | None = None,
    overlay: bool = False,
    resume: bool = False,
    failed: Callable[[Path, InputError], None] | None = None,
) -> list[Job]:
    """Name every output before anything is computed.

    Args:
        images: files, or folders whose images are all taken, in order of name; their subfolders are kept.
        output: a folder (made when missing), or a .png/.tif file where one image with one page is given.
        overwrite: outputs may exist.
        probabilities: plan `NAME.probabilities.tif` beside every label map.
        uncertainty: plan `NAME.uncertainty.tif` as well.
        polygons: "gpkg", "geojson" or "fgb" for a NAME of that kind beside every label map, or a file for one image.
        overlay: plan `NAME.overlay.png` (.tif) beside every label map.
        resume: outputs may exist; whether they are those of this run is seen later.
        failed: gets images that cannot be opened, which are left out; None raises.

    Returns:
        One job per page of every image: a georeferenced image gives NAME.tif, any other NAME.png; the pages of
        a stack NAME_0000, NAME_0001, ...

    Raises:
        InputError: no image, an unreadable one, two of one output name, an output that exists or is the image.
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
    jobs: list[Job] = []
    for path, place in files:
        try:
            with raster.open(path) as image:
                n_pages, suffix = image.n_pages, ".png" if image.georeference is None else ".tif"
        except InputError as error:
            if failed is None:
                raise
            failed(path, error)
            continue
        if as_file and (len(files) > 1 or n_pages > 1):
            raise InputError(f"-o {output} is one file, but {len(files)} images were given; give a folder instead")
        for page in range(n_pages):
            name = path.stem if n_pages == 1 else f"{path.stem}_{page:04d}"
            labels = output if as_file else output / place / f"{name}{suffix}"
            beside = {
                product: labels.with_name(f"{labels.stem}.{product}.tif")
                for product, asked in (("probabilities", probabilities), ("uncertainty", uncertainty))
                if asked
            }
            probable, uncertain = beside.get("probabilities"), beside.get("uncertainty")
            picture = labels.with_name(f"{labels.stem}.overlay{labels.suffix}") if overlay else None
            jobs.append(Job(path, page, labels, probable, uncertain, _polygons(polygons, labels), picture))
    if polygons is not None and len(jobs) > 1 and len({job.polygons for job in jobs}) < len(jobs):
        raise InputError(f"--polygons {polygons} is one file, but there are {len(jobs)} label maps; give gpkg instead")
    _check(jobs, overwrite or resume)
    return jobs


def _polygons(asked: str | None, labels: Path) -> Path | None:
    if asked is None:
        return None
    return labels.with_suffix(f".{asked}") if asked in _VECTOR_KINDS else Path(asked)


def _check(jobs: list[Job], overwrite: bool) -> None:
    taken: dict[Path, Path] = {}
    for job in jobs:
        if job.labels in taken:
            raise InputError(f"{taken[job.labels]} and {job.image} would both be written to {job.labels}; rename one")
        taken[job.labels] = job.image
        for target in (job.labels, job.probabilities, job.uncertainty, job.polygons, job.overlay):
            if target is None or not target.exists():
                continue
            if target.resolve() == job.image.resolve():
                raise InputError(f"{target} is the image itself; choose another output folder")
            if not overwrite:
                raise InputError(f"{target} exists; choose another output or give --overwrite")
