"""A mended copy of a data set: never in place, with a list of what was changed."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa import raster
from densa.datasets.check import unusual
from densa.datasets.layouts.pairing import PairingProblem
from densa.datasets.masks import MaskScan
from densa.datasets.threads import in_threads
from densa.doctor.alignment import Alignment, turned
from densa.doctor.codings.recoding import labels_of
from densa.doctor.diagnosis import Diagnosis
from densa.doctor.overlays import is_scaled, shifted_masks, turn_of, turned_masks
from densa.doctor.subject import Fault, ImageFacts, Record, Subject
from densa.errors import InputError
from densa.legend import IGNORE, Legend
from densa.outputs import check_folder
from densa.progress import Progress
from densa.raster.alignment import frame_of, onto
from densa.raster.masks.values import read_mask_file

__all__ = ["CHANGES", "Change", "check_copy", "mend"]

CHANGES = "changes.csv"
"""File of a mended copy that lists what was changed."""
_DROPS = {
    "image-constant": "it has one value everywhere",
    "image-empty": "it has no valid pixel",
    "mask-copied": "its mask is equal to that of another image",
    "mask-is-image": "its mask shows the image",
    "nothing-labelled": "its mask has no labelled pixel",
    "name-ambiguous": "it has several masks",
}
_BESIDE = (".wld", ".pgw", ".jgw", ".tfw", ".prj")


@dataclass(frozen=True)
class Change:
    """One change of a mended copy.

    Args:
        file: of the data set.
        what: was done with it.
    """

    file: Path
    what: str


@dataclass(frozen=True)
class _Plan:
    """What is done with all files, decided before the first is written."""

    subject: Subject
    output: Path
    legend: Legend | None
    drops: dict[Path, str]
    turns: dict[Path, int]
    shifts: dict[Path, Alignment]
    n_bands: int
    dtype: str
    alphas: set[Path]


def check_copy(data: Path, output: Path, *, overwrite: bool = False) -> None:
    """Refuse a folder for the copy that is the data, lies in it, or holds other files.

    Raises:
        InputError: one of these.
    """
    here, there = data.resolve(), output.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise InputError(f"the mended copy must lie outside of {data}, got {output}; choose another folder")
    if output.exists() and not output.is_dir():
        raise InputError(f"the mended copy must be a folder, but {output} is a file; choose another name")
    if output.is_dir() and any(output.iterdir()):
        if not overwrite:
            raise InputError(f"{output} exists; choose another folder or give overwrite=True")
        if not (output / CHANGES).is_file():
            raise InputError(f"{output} holds other files than a mended copy (no {CHANGES}); choose another folder")
    check_folder(output)


def mend(
    diagnosis: Diagnosis, output: Path | str, *, overwrite: bool = False, progress: Progress | None = None
) -> tuple[Change, ...]:
    """Write a mended copy of a data set: images as they are, masks as label maps with a legend.

    Args:
        diagnosis: of the data set, from `examine`.
        output: folder of the copy: images/, masks/ and legend.json, in the folders of its splits where it has its own.
        overwrite: replace an earlier mended copy.
        progress: called with (pairs written, pairs in total).

    Returns:
        What was changed; changes.csv in the copy lists the same.

    Raises:
        InputError: the folder exists or cannot be written, or the data set has no pairs.

    Examples:
        >>> import densa
        >>> from densa import datasets, doctor
        >>> folder = datasets.coins("coins")
        >>> (folder / "train" / "masks" / "extra.png").write_bytes(b"")
        0
        >>> found = doctor.examine(folder)
        >>> [one.code for one in found.findings]
        ['mask-extra']
        >>> [change.what for change in doctor.mend(found, "mended")]
        ['left out: mask without an image']
        >>> doctor.examine("mended").findings
        ()
    """
    output = Path(output)
    check_copy(diagnosis.data, output, overwrite=overwrite)
    if diagnosis.subject is None or not diagnosis.subject.records:
        raise InputError(f"{diagnosis.data} has no pairs that could be copied; its findings say what it lacks")
    plan = _plan(diagnosis, output)
    if output.is_dir() and any(output.iterdir()):
        shutil.rmtree(output)
    output.mkdir(parents=True, exist_ok=True)
    changes = list(_of_pairing(diagnosis))
    if plan.subject.legend_fault and plan.subject.legend_file is not None:
        changes.append(Change(plan.subject.legend_file, "names and colours made different, or classes named by number"))
    records = plan.subject.records
    for n, own in enumerate(in_threads(lambda record: list(_written(plan, record)), records), 1):
        changes += own
        if progress:
            progress(n, len(records))
    if plan.legend is not None:
        text = json.dumps(plan.legend.to_dict(), indent=1, ensure_ascii=False)
        (output / "legend.json").write_text(text + "\n", encoding="utf-8")
    with (output / CHANGES).open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        csv.writer(file).writerows([("file", "change"), *((change.file, change.what) for change in changes)])
    return tuple(changes)


def _plan(diagnosis: Diagnosis, output: Path) -> _Plan:
    subject = diagnosis.subject
    assert subject is not None
    drops: dict[Path, str] = {}
    codes = {found.code for found in diagnosis.findings}
    for record in subject.records:
        if reason := _reason(record, subject, codes):
            drops[record.sample.image] = reason
    facts = [record.image for record in subject.records if isinstance(record.image, ImageFacts)]
    bands, types = unusual([image.n_bands for image in facts]), unusual([image.dtype for image in facts])
    legend = None
    if subject.recoding is not None:
        legend = subject.recoding.legend
        legend = Legend(legend.class_names, legend.colors)
    return _Plan(
        subject,
        output,
        legend,
        drops,
        turned_masks(subject),
        shifted_masks(subject),
        bands[0] if bands else 0,
        types[0] if types else "",
        _alphas(subject) if "bands-differ" in codes else set(),
    )


def _alphas(subject: Subject) -> set[Path]:
    """TIFF images with a band that is taken for alpha."""
    return {
        record.sample.image
        for record in subject.records
        if isinstance(record.image, ImageFacts)
        and record.image.has_alpha
        and record.sample.image.suffix.lower() in (".tif", ".tiff")
    }


def _reason(record: Record, subject: Subject, codes: set[str]) -> str | None:
    """Why a pair is left out; None where it is copied."""
    image, mask, overlay = record.image, record.mask, record.overlay
    if isinstance(image, Fault):
        return image.sentence
    if isinstance(mask, Fault):
        return mask.sentence
    if record.sample.mask is None:
        whole = all(other.sample.mask is None for other in subject.records if other.split == record.split)
        return None if record.split == "test" and whole else "image without a mask"
    if not image.any_valid:
        return _DROPS["image-empty"]
    if image.low == image.high:
        return _DROPS["image-constant"]
    if overlay is not None and overlay.is_copy:
        return _DROPS["mask-is-image"]
    if overlay is not None and overlay.sizes_differ and not overlay.misplaced:
        size = image.height, image.width
        if record.mask_size[::-1] != size and not is_scaled(record.mask_size, size):
            return f"its mask is {record.mask_size[0]}x{record.mask_size[1]}, the image {size[0]}x{size[1]}"
    if "mask-copied" in codes and _is_copied(record, subject):
        return _DROPS["mask-copied"]
    return None


def _is_copied(record: Record, subject: Subject) -> bool:
    assert isinstance(record.image, ImageFacts)
    return isinstance(record.mask, MaskScan) and len(record.mask.counts) > 1 and any(
        other.mask_digest == record.mask_digest
        and isinstance(other.image, ImageFacts)
        and isinstance(record.image, ImageFacts)
        and other.image.digest != record.image.digest
        for other in subject.records
    )  # fmt: skip


def _of_pairing(diagnosis: Diagnosis) -> Iterator[Change]:
    """Files that belong to no pair."""
    assert diagnosis.subject is not None
    for problems in diagnosis.subject.layout.problems.values():
        for problem in problems:
            if isinstance(problem, PairingProblem):
                what = problem.removeprefix(f"{problem.path}: ")
                yield Change(problem.path, f"left out: {what}" if problem.code == "mask-extra" else what)


def _written(plan: _Plan, record: Record) -> Iterator[Change]:
    """Write one pair; what was changed of it."""
    sample = record.sample
    if sample.image in plan.drops:
        yield Change(sample.image, f"left out: {plan.drops[sample.image]}")
        return
    labels = None
    changes: list[Change] = []
    if sample.mask is not None:
        labels = _labels(plan, record, changes)
        if labels is not None and (labels == IGNORE).all():
            yield Change(sample.image, f"left out: {_DROPS['nothing-labelled']}")
            return
    folder = plan.output / record.split if plan.subject.own_splits else plan.output
    image = yield from _write_image(plan, record, folder / "images" / sample.name)
    if sample.mask is None:
        return
    place = folder / "masks" / sample.name
    place.parent.mkdir(parents=True, exist_ok=True)
    if labels is None or plan.legend is None:
        shutil.copyfile(sample.mask, place.with_name(place.name + sample.mask.suffix.lower()))
        return
    assert isinstance(record.image, ImageFacts)
    suffix = ".tif" if record.image.is_placed else ".png"
    with raster.open(image) as like:
        raster.write_label_map(place.with_name(place.name + suffix), labels, plan.legend, like=like)
    if plan.subject.encoding == "instances":
        numbers = folder / "instances" / sample.name
        numbers.parent.mkdir(parents=True, exist_ok=True)
        raster.write_bands(
            numbers.with_name(numbers.name + ".tif"), read_mask_file(sample.mask, page=sample.page).values[None]
        )
    if sample.mask.stem != sample.image.stem and sample.mask.stem.lower() == sample.image.stem.lower():
        changes.append(Change(sample.mask, "named like its image"))
    yield from changes


def _write_image(plan: _Plan, record: Record, place: Path) -> Any:
    """Copy an image, or write it with the bands and the type of the others; returns its path."""
    sample, image = record.sample, record.image
    assert isinstance(image, ImageFacts)
    place.parent.mkdir(parents=True, exist_ok=True)
    other_bands = bool(plan.n_bands) and image.n_bands != plan.n_bands
    if sample.image in plan.alphas:
        yield Change(sample.image, "written without the band that is taken for alpha")
    other_type = bool(plan.dtype) and image.dtype != plan.dtype
    if not (
        other_bands
        or other_type
        or sample.page
        or sample.image in plan.alphas
        or sample.image.suffix.lower() == ".vrt"
        or _has_pages(sample.image)
    ):
        path = place.with_name(place.name + (image.suffix or sample.image.suffix).lower())
        shutil.copyfile(sample.image, path)
        for suffix in _BESIDE:
            for beside in (sample.image.with_suffix(suffix), Path(f"{sample.image}{suffix}")):
                if beside.is_file():
                    shutil.copyfile(beside, path.with_suffix(suffix))
        if (extra := Path(f"{sample.image}.aux.xml")).is_file():
            shutil.copyfile(extra, Path(f"{path}.aux.xml"))
        if image.suffix:
            yield Change(sample.image, f"named {path.name} by its content")
        return path
    path = place.with_name(place.name + ".tif")
    with raster.open(sample.image, page=sample.page) as opened:
        values, _ = opened.read()
        if other_bands:
            values, how = _with_bands(values, plan.n_bands)
            yield Change(sample.image, how)
        if other_type:
            values = _as_type(values, plan.dtype)
            yield Change(sample.image, f"values of the type {image.dtype} written as {plan.dtype}")
        raster.write_bands(path, values, like=opened.georeference)
    return path


def _has_pages(path: Path) -> bool:
    with raster.open(path) as opened:
        return opened.n_pages > 1


def _with_bands(values: NDArray[Any], n: int) -> tuple[NDArray[Any], str]:
    if len(values) > n:
        return values[:n], f"the first {n} of its {len(values)} bands"
    repeated = np.concatenate([values, *[values[-1:]] * (n - len(values))])
    return repeated, f"its {len(values)} bands, the last repeated to {n}"


def _as_type(values: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Values in another type: as they are where they fit, else scaled from one range to the other."""
    if dtype == "floating-point":
        return values.astype(np.float32)
    wanted = np.dtype(dtype)
    top = float(np.iinfo(wanted).max)
    if values.dtype.kind == "f" and float(np.nanmax(values)) <= 1:
        return np.round(np.nan_to_num(values) * top).astype(wanted)
    if values.dtype.kind != "f" and int(values.max()) > top:
        return np.round(values * (top / np.iinfo(values.dtype).max)).astype(wanted)
    return np.clip(np.round(np.nan_to_num(values)), 0, top).astype(wanted)


def _labels(plan: _Plan, record: Record, changes: list[Change]) -> NDArray[np.uint8] | None:
    """The mended label map of a pair; None where the coding of the masks cannot be told."""
    sample, subject = record.sample, plan.subject
    if sample.drawn is not None:
        labels: NDArray[np.uint8] = sample.drawn.read(raster.Window(0, 0, sample.drawn.height, sample.drawn.width))
        return labels
    if sample.mask is None or subject.recoding is None or not isinstance(record.mask, MaskScan):
        return None
    assert isinstance(record.image, ImageFacts)
    file = read_mask_file(sample.mask, page=sample.page)
    if subject.encoding == "instances":
        values: NDArray[Any] = file.values
        labels = np.where(values > 0, 1, 0).astype(np.uint8)
        labels[file.hidden] = IGNORE
    else:
        labels = labels_of(file, record.mask, subject.recoding)
    for one in subject.miscodings:
        if sample.mask in one.files:
            changes.append(Change(sample.mask, f"{one.code}: written as class numbers with legend.json"))
    if record.overlay is not None and record.overlay.gap > 0:
        changes.append(Change(sample.mask, "nodata written as not labelled, or as the class that the legend names"))
    return _laid(plan, record, labels, changes)


def _laid(plan: _Plan, record: Record, labels: NDArray[np.uint8], changes: list[Change]) -> NDArray[np.uint8]:
    """Labels on the grid of their image: turned, moved or resampled."""
    mask, image, overlay = record.sample.mask, record.image, record.overlay
    assert mask is not None
    assert isinstance(image, ImageFacts)
    size = image.height, image.width
    if overlay is not None and (overlay.misplaced or overlay.resampled):
        aligned = overlay.alignment
        if aligned is not None and aligned.distance < 2 and aligned.strength >= 6:
            changes.append(Change(mask, "given the place of its image, on whose edges it lies pixel by pixel"))
            return labels
        frames = frame_of(mask, record.sample.page), frame_of(record.sample.image, record.sample.page)
        grid = onto(*frames)
        if grid is not None:
            changes.append(Change(mask, "resampled to the grid of its image"))
            whole = labels
            return grid.read(lambda at: whole[at.row : at.row + at.height, at.column : at.column + at.width], IGNORE)
    if overlay is not None and overlay.sizes_differ:
        if labels.shape == size[::-1]:
            changes.append(Change(mask, "turned to the size of its image"))
            return np.ascontiguousarray(turned(labels, turn_of(overlay)))
        rows = (np.arange(size[0]) * 2 + 1) * labels.shape[0] // (2 * size[0])
        columns = (np.arange(size[1]) * 2 + 1) * labels.shape[1] // (2 * size[1])
        changes.append(Change(mask, f"resampled from {labels.shape[0]}x{labels.shape[1]} to {size[0]}x{size[1]}"))
        return labels[rows[:, None], columns]
    if mask in plan.turns:
        changes.append(Change(mask, "turned to lie on its image"))
        return np.ascontiguousarray(turned(labels, plan.turns[mask]))
    if mask in plan.shifts:
        shift = plan.shifts[mask]
        changes.append(Change(mask, f"moved by {-shift.rows} rows and {-shift.columns} columns"))
        return _moved(labels, -shift.rows, -shift.columns)
    return labels


def _moved(labels: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """Labels moved down and right; what comes in from outside has no label."""
    moved = np.full_like(labels, IGNORE)
    height, width = labels.shape
    to = np.s_[max(0, rows) : height + min(0, rows), max(0, columns) : width + min(0, columns)]
    of = np.s_[max(0, -rows) : height + min(0, -rows), max(0, -columns) : width + min(0, -columns)]
    moved[to] = labels[of]
    return moved
