"""Pairs of reference and prediction from folders of label maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa import raster
from densa.datasets import Dataset, Sample, WindowDataset
from densa.datasets.codings import (
    check_legend,
    check_one_coding,
    check_storage,
    coding_of_predictions,
    coding_remarks,
    holds_0_and_255,
    shows_only,
    values_of,
)
from densa.datasets.ignoring import ignored_values, without_ignored
from densa.datasets.image_files import image_files
from densa.datasets.inferring.known import legend_of_masks
from densa.datasets.layouts.find import find_layout
from densa.datasets.layouts.layout import NoLayout
from densa.datasets.legends import choose_encoding, read_legend
from densa.datasets.masks import Encoding, MaskScan, read_labels, scan_mask
from densa.datasets.opening import WHOLE, chosen_name, open_whole
from densa.datasets.threads import in_threads
from densa.errors import InputError
from densa.legend import IGNORE, Legend
from densa.metrics import CalibrationCounts
from densa.progress import Progress
from densa.raster import Window
from densa.raster.alignment import Frame, Onto, frame_of, misplacement, onto
from densa.reports.calibration import counts_of_raster
from densa.reports.evaluation import Pair
from densa.reports.label_maps import (
    first_of,
    label_maps,
    match,
    probabilities_beside,
    probability_reader,
    read_prediction,
    relative_stem,
)
from densa.reports.measured_on import MeasuredOn

__all__ = ["ComparedFiles", "compared_files", "pairs_of_files", "pairs_of_folders", "pairs_of_masks"]


@dataclass(frozen=True)
class ComparedFiles:
    """Pairs of label maps and masks.

    Attributes:
        pairs: read one at a time.
        legend: of the masks.
        measured_on: the split of the data set and the number of pairs.
    """

    pairs: Iterator[Pair]
    legend: Legend
    measured_on: MeasuredOn


def pairs_of_files(
    predictions: Path,
    data: Path,
    *,
    split: str | None = None,
    legend: Legend | Path | None = None,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
) -> tuple[Iterator[Pair], Legend]:
    """Pairs of a folder of label maps with a data set or with a folder of masks.

    Args:
        predictions: folder of label maps.
        data: a data set in a layout that `datasets.open` recognises; any other folder with images is taken as masks.
        split: train, val or test of a data set; None for test, or val if there is no test split with masks.
        legend: the legend of the masks, or its file; None to find or infer it.
        progress: called with (images done, images in all).
        tell: called with a line for each decision in reading the masks.

    Returns:
        The pairs, read one at a time, and the legend used.

    Raises:
        InputError: as `pairs_of_folders` and `pairs_of_masks`, or an unknown split.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from densa import Legend, datasets, raster, reports
        >>> folder = datasets.coins("coins")
        >>> test = datasets.open(folder)["test"]
        >>> Path("maps").mkdir()
        >>> raster.write_label_map(f"maps/{test.samples[0].image.stem}.png", test.labels(0), test.legend)
        >>> pairs, legend = reports.pairs_of_files(Path("maps"), folder)
        >>> reports.evaluate_pairs(pairs, legend).summary.mean_iou
        1.0
    """
    found = compared_files(predictions, data, split=split, legend=legend, progress=progress, tell=tell)
    return found.pairs, found.legend


def compared_files(
    predictions: Path,
    data: Path,
    *,
    split: str | None = None,
    legend: Legend | Path | None = None,
    align: bool = False,
    reading: Mapping[str, Any] | None = None,
    split_file: Path | None = None,
    fold: int | None = None,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
) -> ComparedFiles:
    """As `pairs_of_files`; also says which images are compared.

    `align` resamples maps to the grid of the masks; `reading`, `split_file` and `fold`: see
    `densa.datasets.opening.open_whole`.
    """
    how = dict(reading or {})
    if "labels" in how or _is_data_set(data, how.get("layout")):
        splits = open_whole(data, legend, align=align, reading=how, split_file=split_file, fold=fold)
        if split is not None and WHOLE in splits:
            raise InputError(f"{data} has no splits, so no split {split!r}; omit split to compare all of its images")
        name = chosen_name(splits, split, data)
        dataset = splits[name]
        _tell_all(tell, dataset.remarks)
        n_files = len({(sample.image, sample.page) for sample in dataset.samples})
        pairs, n_spare = pairs_of_folders(predictions, dataset, tell=tell), _n_spare(predictions, n_files)
        windows = isinstance(dataset, WindowDataset)
        n_all, note = sum(map(len, splits.values())), _note(n_spare)
        measured = MeasuredOn(name, len(dataset), n_all, None, note, windows, dataset.taken)
        return ComparedFiles(_with_progress(pairs, len(dataset), progress), dataset.legend, measured)
    ignore = tuple(how.pop("ignore", ()))
    if how:
        raise InputError(f"{data} is a folder of masks; {', '.join(sorted(how))} has no effect on it, leave it out")
    if isinstance(legend, Path):
        legend = read_legend(legend)
    if split is not None or split_file is not None:
        what = "split_file" if split is None else f"split {split!r}"
        raise InputError(f"{data} is a folder of masks and has no splits; omit {what}")
    pairs, n_pairs, legend = pairs_of_masks(predictions, data, legend=legend, ignore=ignore, align=align, tell=tell)
    measured = MeasuredOn(WHOLE, n_pairs, n_pairs, None, _note(_n_spare(predictions, n_pairs)))
    return ComparedFiles(_with_progress(pairs, n_pairs, progress), legend, measured)


def _n_spare(predictions: Path, n_pairs: int) -> int:
    """Number of label maps that are not compared; `n_pairs` of them are."""
    return sum(1 for _ in label_maps(predictions)) - n_pairs


def _note(n_spare: int) -> str:
    own = "label maps do not say which images their model was trained on"
    if not n_spare:
        return own
    return f"{n_spare} label map{'s' if n_spare > 1 else ''} without an image among them not compared; {own}"


def pairs_of_folders(
    predictions: Path, dataset: Dataset, *, tell: Callable[[str], None] | None = None
) -> Iterator[Pair]:
    """Pairs of a data set's images with the label maps of a folder.

    The prediction of an image has its name or stem (NAME_0003 for a page of a stack), in the folder itself or in the
    subfolder given by the sample's name. It may contain densa's legend, with the classes in any order; other files are
    read like the masks of the data set. Predictions without an image in the data set are ignored.

    Args:
        predictions: folder of label maps; `NAME.probabilities.tif` beside one is shown as relevance.
        dataset: images with masks; its `align` resamples masks and label maps to the grid of their image.
        tell: called with a line for each decision in laying them over each other.

    Returns:
        The pairs, read one at a time.

    Raises:
        InputError: immediately, if samples have no mask or no prediction (the message gives the count and the first
            ten) or a mask or label map lies at another place on the ground than its image; while reading, if a file
            cannot be read or does not fit the legend.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from densa import Legend, datasets, raster, reports
        >>> folder = datasets.coins("coins")
        >>> test = datasets.open(folder)["test"]
        >>> Path("maps").mkdir()
        >>> raster.write_label_map(f"maps/{test.samples[0].image.stem}.png", test.labels(0), test.legend)
        >>> pairs = reports.pairs_of_folders(Path("maps"), test)
        >>> reports.evaluate_pairs(pairs, test.legend).summary.mean_iou
        1.0
    """
    if without := [sample.name for sample in dataset.samples if sample.mask is None]:
        raise InputError(f"{len(without)} images have no mask to compare with: {first_of(without)}")
    files = _files_of(predictions, dataset)
    if misplaced := [problem for i in range(len(dataset)) if (problem := dataset.misplacement(i))]:
        raise InputError(misplaced[0] + _more(misplaced))
    # Masks without georeference are those of their image; an image without one lies where its mask does.
    frames = [_frame(sample) for sample in dataset.samples]
    grids = _grids(files, frames, dataset.align, tell)
    inferred = dataset.legend_source.startswith("inferred")
    shows = not inferred or (len(dataset) > 0 and _shows_colors([_scan(dataset.samples[0])], dataset.legend))
    coding, remarks = _coding_of_plain(files, dataset.legend, dataset.encoding, inferred=inferred, shows_colors=shows)
    _tell_all(tell, remarks)

    def read() -> Iterator[Pair]:
        for i, (sample, file, grid) in enumerate(zip(dataset.samples, files, grids, strict=True)):
            target = dataset.labels(i)
            predicted = _on_grid(read_prediction(file, dataset.legend, coding), grid)
            if isinstance(dataset, WindowDataset):
                part = _part(predicted, dataset.windows[i], file)
                yield Pair(
                    name=sample.name,
                    target=target,
                    predicted=part,
                    image=partial(dataset.image, i),
                    part=dataset.part_of(i),
                    source=sample.image,
                )
                continue
            yield Pair(
                name=sample.name,
                target=target,
                predicted=predicted,
                image=_image_reader(sample),
                probabilities=probability_reader(file, dataset.legend),
                calibration=_calibration(file, dataset.legend, target, predicted, grid),
                scene=sample.group,
                source=sample.image,
            )

    return read()


def pairs_of_masks(
    predictions: Path,
    masks: Path,
    *,
    legend: Legend | None = None,
    ignore: tuple[int | str, ...] = (),
    align: bool = False,
    tell: Callable[[str], None] | None = None,
) -> tuple[Iterator[Pair], int, Legend]:
    """Pairs of a folder of masks with the label maps of the same stems in another folder.

    Args:
        predictions: folder of label maps, as in `pairs_of_folders`.
        masks: folder of masks, possibly in subfolders.
        legend: the legend of the masks; None for the legend that the masks carry, or else that in the predictions, if
            it fits the masks, or else one that is inferred from unambiguous masks.
        ignore: values, colours ("#RRGGBB") or names of classes that are not labelled.
        align: resample georeferenced label maps to the grid of their mask, by the nearest pixel.
        tell: called with a line for each decision in reading the masks.

    Returns:
        The pairs, read one at a time and without image; their number; and the legend used.

    Raises:
        InputError: immediately, if there are no masks, masks have no prediction (the message gives the count and the
            first ten) or no legend can be inferred; while reading, if a file cannot be read or does not fit the legend.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from densa import Legend, datasets, raster, reports
        >>> folder = datasets.coins("coins")
        >>> test = datasets.open(folder)["test"]
        >>> Path("maps").mkdir()
        >>> raster.write_label_map(f"maps/{test.samples[0].image.stem}.png", test.labels(0), test.legend)
        >>> pairs, count, legend = reports.pairs_of_masks(Path("maps"), test.samples[0].mask.parent)
        >>> count, legend.class_names
        (1, ('background', 'coin'))
    """
    mask_files = list(image_files(masks)) if masks.is_dir() else []
    if not mask_files:
        raise InputError(f"{masks} must be a folder of masks (PNG, TIFF), but it contains none")
    names = [relative_stem(path, masks) for path in mask_files]
    files = match(predictions, [[name, name.rsplit("/", 1)[-1]] for name in names])
    grids = _grids(files, [frame_of(path) for path in mask_files], align, tell)
    scans = list(in_threads(scan_mask, mask_files))
    check_storage(scans)
    of_masks, of_maps = (_widened(raster.carried_legend(one[0]), ignore) for one in (mask_files, files))
    chosen, encoding, inferred = _legend_of_masks(scans, legend, of_masks, of_maps, ignore)
    chosen = without_ignored(chosen, encoding, ignore) if ignore else chosen
    _tell_all(tell, coding_remarks(scans, chosen, encoding))
    shows = not inferred or _shows_colors(scans, chosen)
    coding, remarks = _coding_of_plain(files, chosen, encoding, inferred=inferred, shows_colors=shows)
    _tell_all(tell, remarks)

    folders = {name.rpartition("/")[0] for name in names}

    def read() -> Iterator[Pair]:
        for name, mask, file, grid in zip(names, mask_files, files, grids, strict=True):
            target = read_labels(mask, chosen, encoding)
            predicted = _on_grid(read_prediction(file, chosen, coding), grid)
            yield Pair(
                name=name,
                target=target,
                predicted=predicted,
                probabilities=probability_reader(file, chosen),
                calibration=_calibration(file, chosen, target, predicted, grid),
                scene=name.rpartition("/")[0] if len(folders) > 1 else "",
                source=mask,
            )

    return read(), len(files), chosen


def _frame(sample: Sample) -> Frame:
    """Where a sample lies: its image, or its mask where the image does not say it."""
    image = frame_of(sample.image, sample.page)
    if image.is_placed or sample.mask is None or sample.drawn is not None:
        return image
    return frame_of(sample.mask, sample.page)


def _grids(
    files: Sequence[Path], frames: Sequence[Frame], align: bool, tell: Callable[[str], None] | None
) -> list[Onto | None]:
    """How each label map is read on the grid of its image; None where it lies on it, or is laid over it by pixels.

    Raises:
        InputError: a label map lies at another place on the ground, and is not to be aligned.
    """
    maps = [frame_of(file) for file in files]
    if align:
        grids = [onto(other, frame) for other, frame in zip(maps, frames, strict=True)]
    else:
        grids = [None] * len(maps)
        found = (misplacement(other, frame) for other, frame in zip(maps, frames, strict=True))
        if misplaced := [problem for problem in found if problem]:
            raise InputError(misplaced[0] + _more(misplaced))
    n = sum(other.is_placed != frame.is_placed for other, frame in zip(maps, frames, strict=True))
    by_pixels = "label maps are laid over their image pixel by pixel: only one of both is georeferenced"
    _tell_all(tell, [f"{n} of {len(maps)} {by_pixels}"] if n else ())
    return grids


def _more(problems: Sequence[str]) -> str:
    return f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""


def _calibration(
    file: Path, legend: Legend, target: NDArray[np.uint8], predicted: NDArray[np.uint8], grid: Onto | None
) -> CalibrationCounts | None:
    """Counts of the probabilities beside a label map; None where there are none, or the map lies on another grid."""
    path = probabilities_beside(file)
    if path is None or grid is not None or target.shape != predicted.shape:
        return None
    return counts_of_raster(path, legend, target, predicted)


def _on_grid(labels: NDArray[np.uint8], grid: Onto | None) -> NDArray[np.uint8]:
    if grid is None:
        return labels
    return grid.read(lambda w: labels[w.row : w.row + w.height, w.column : w.column + w.width], IGNORE)


def _legend_of_masks(
    scans: Sequence[MaskScan],
    given: Legend | None,
    of_masks: Legend | None,
    of_predictions: Legend | None,
    ignore: tuple[int | str, ...],
) -> tuple[Legend, Encoding, bool]:
    """Legend and encoding of masks, and whether the legend was inferred from them."""
    if given is None and of_masks is not None and _fits(scans, of_masks):
        return of_masks, choose_encoding(scans, of_masks), False
    known = given
    if known is None and of_predictions is not None:
        known = _binary(scans, of_predictions) or (of_predictions if _fits(scans, of_predictions) else None)
    if known is None:
        return *legend_of_masks(scans, "masks", ignore)[:2], True
    check_one_coding(scans, known)
    check_legend(scans, known)
    return known, choose_encoding(scans, known), False


def _widened(legend: Legend | None, ignore: tuple[int | str, ...]) -> Legend | None:
    """A legend that ignores further values, which are none of its classes."""
    if legend is None or not ignore:
        return legend
    further = [value for value in ignored_values(ignore) if value not in legend.codes]
    return replace(legend, ignored_codes=tuple(dict.fromkeys((*legend.ignored_codes, *further))))


def _binary(scans: Sequence[MaskScan], legend: Legend) -> Legend | None:
    """The legend of two classes for masks that hold 0 and 255: there 255 is the second one, not its ignored label."""
    if legend.n_classes != 2 or not holds_0_and_255(values_of(scans)):
        return None
    return replace(legend, codes=(0, IGNORE), ignored_codes=())


def _coding_of_plain(
    files: Sequence[Path], legend: Legend, encoding: Encoding, *, inferred: bool, shows_colors: bool
) -> tuple[Encoding, tuple[str, ...]]:
    """How the predictions that carry no legend are read, and what was decided in that."""
    plain = [path for path in files if raster.carried_legend(path) is None]
    scans = list(in_threads(scan_mask, plain))
    coding = coding_of_predictions(scans, legend, encoding, inferred=inferred, shows_colors=shows_colors)
    return coding, coding_remarks(scans, legend, coding, "predictions")


def _tell_all(tell: Callable[[str], None] | None, lines: Sequence[str]) -> None:
    if tell is not None:
        for line in lines:
            tell(line)


def _scan(sample: Sample) -> MaskScan:
    return scan_mask(sample.mask, sample.page)  # type: ignore[arg-type]


def _shows_colors(scans: Sequence[MaskScan], legend: Legend) -> bool:
    """Whether masks show the colours of a legend."""
    return all(scan.colors for scan in scans) and shows_only(scans, legend)


def _fits(scans: Sequence[MaskScan], legend: Legend) -> bool:
    """Whether masks hold only values that are classes of a legend, none of which they declare as nodata."""
    known = {*legend.codes, *legend.ignored_codes}
    declared = {code for scan in scans for code in scan.missing}
    by_value = all(scan.values or not scan.colors for scan in scans)
    return by_value and not declared & {*legend.codes} and all(known.issuperset(scan.values) for scan in scans)


def _is_data_set(folder: Path, layout: str | None) -> bool:
    """Whether a folder has a known layout; without one, a folder of images is taken as masks."""
    try:
        find_layout(folder, layout=layout)
    except NoLayout:
        if layout is None and folder.is_dir() and next(image_files(folder), None) is not None:
            return False
        raise
    return True


def _with_progress(pairs: Iterator[Pair], n_pairs: int, progress: Progress | None) -> Iterator[Pair]:
    for done, pair in enumerate(pairs, 1):
        yield pair
        if progress:
            progress(done, n_pairs)


def _files_of(predictions: Path, dataset: Dataset) -> list[Path]:
    """The label map of each sample; windows of an image have that of the image."""
    if not isinstance(dataset, WindowDataset):
        return match(predictions, [_candidates(sample) for sample in dataset.samples])
    whole = {(s.image, s.page): replace(s, name=s.name.rsplit("@", 1)[0]) for s in dataset.samples}
    found = match(predictions, [_candidates(sample) for sample in whole.values()])
    file_of = dict(zip(whole, found, strict=True))
    return [file_of[sample.image, sample.page] for sample in dataset.samples]


def _part(labels: NDArray[np.uint8], window: Window, file: Path) -> NDArray[np.uint8]:
    """A window of a label map.

    Raises:
        InputError: the map is smaller than its image.
    """
    part = labels[window.row : window.row + window.height, window.column : window.column + window.width]
    if part.shape != (window.height, window.width):
        raise InputError(f"{file} is {labels.shape[0]}x{labels.shape[1]}, smaller than its image; predict it again")
    return part


def _candidates(sample: Sample) -> list[str]:
    """Names that the prediction of a sample may have, the most specific first."""
    page = f"_{sample.page:04d}"
    names = [sample.name, f"{sample.name}{page}", f"{sample.image.stem}{page}"]
    return names if sample.page else [*names, sample.image.stem]


def _image_reader(sample: Sample) -> Callable[[], tuple[NDArray[Any], NDArray[np.bool_]]]:
    def read() -> tuple[NDArray[Any], NDArray[np.bool_]]:
        with sample.open() as image:
            return image.read(bands=range(1, 4) if image.n_bands > 3 else None)

    return read
