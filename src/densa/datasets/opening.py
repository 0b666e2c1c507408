"""Opening a folder as a data set: layout, legend and splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from densa.datasets.choice import MaskReading, choose_legend
from densa.datasets.codings import coding_remarks
from densa.datasets.dataset import Dataset, Sample
from densa.datasets.inferring.known import is_known, is_published
from densa.datasets.inferring.shares import Shares, lines_of_shares, pixel_shares, void_hints
from densa.datasets.layouts.drawn import classed
from densa.datasets.layouts.find import find_layout
from densa.datasets.layouts.layout import Layout
from densa.datasets.masks import Encoding, MaskScan, scan_mask
from densa.datasets.splits.groups import SplitRule, split_samples
from densa.datasets.splits.split_file import Assigned, SplitFile
from densa.datasets.splits.windows import WindowDataset
from densa.datasets.strokes.opening import open_strokes, strokes_of, width_of_strokes
from densa.datasets.threads import in_threads
from densa.errors import InputError
from densa.legend import Legend
from densa.raster import Window
from densa.raster.bands import Band
from densa.settings import VectorLabels

__all__ = ["WHOLE", "choose_split", "chosen_name", "laid_out", "open_dataset", "open_whole"]

WHOLE = "all"
"""Name of the split of all images, where a data set without splits is opened to be measured."""


def open_dataset(
    path: Path | str,
    *,
    legend: Legend | Path | str | None = None,
    split: SplitRule | None = None,
    images: Path | str | None = None,
    masks: Path | str | None = None,
    align: bool = False,
    bands: Sequence[int | str] | None = None,
    layout: str | None = None,
    labels: VectorLabels | Path | str | None = None,
    **reading: Unpack[MaskReading],
) -> dict[str, Dataset]:
    """Open a folder of images and masks.

    The layout is told by what the folder holds: `images/` beside `masks/` (and similar names), with or without
    `train/`, `val/`, `test/` above or below, also in folders of scenes; or one of the published layouts, see the page
    on layouts. A test split of the folder is never trained on. Objects are told apart where VOC's
    `SegmentationObject/`, or `instances/` beside `images/` and `masks/`, has a file that numbers them or, in a folder
    named like the image, a file for each.

    Args:
        path: folder of the data set.
        legend: the legend or its file. None: `legend.json|yaml|csv`, `label_colors.txt` or `classes.txt` in the folder;
            otherwise the legend that densa's own label maps carry; otherwise it is inferred from all masks, unless they
            are ambiguous.
        split: how images that no folder or list assigns are split; by default a fifth of the scenes is for validation.
        images: folder of the images, where it has a name of its own.
        masks: folder of the masks, likewise.
        align: resample georeferenced masks to the grid of their georeferenced image, by the nearest pixel.
        bands: to be read of every image, by number from 1 or by name, in this order; None: all. Images that name the
            bands of the first one in another order are then read in its order.
        layout: name of the layout, where the folder holds several or is not recognised.
        labels: vector file of polygons, lines and points in place of masks (or a folder with one for each image), and
            how it is read; or strokes, see `densa.datasets.strokes.open_strokes`. `path` may then be one image.
            `background` applies to annotations of other layouts, too.
        **reading: how the masks are read: `classes`, "train" or "all", of a layout that has two sets of classes, as
            Cityscapes; `ignore`, values, colours ("#RRGGBB") or names of classes that are not labelled; `instances`,
            True where the masks number objects, and the classes are background and object; `mask_offset`, added to the
            values of the masks, such as -1 where they count the classes from 1 (values below 0 are not labelled).

    Returns:
        A `Dataset` for each of "train", "val" and "test" that has images. `check` them before use.

    Raises:
        InputError: no layout is recognised, or several; the legend cannot be inferred; the split rule does not fit.

    Examples:
        >>> from densa import datasets
        >>> splits = datasets.open(datasets.coins("coins"))
        >>> {name: len(split) for name, split in splits.items()}
        {'train': 1, 'test': 1}
        >>> splits["train"].legend.class_names
        ('background', 'coin')
    """
    if (strokes := strokes_of(labels)) is not None:
        name = "train" if split is None else split.rest
        width = width_of_strokes(strokes)
        opened = open_strokes(path, strokes.labels or "", legend=legend, bands=bands, width=width, val_fraction=0.0)
        return {name: opened["train"]}
    given = [None if folder is None else Path(folder) for folder in (images, masks)]
    found, legend, reading = laid_out(Path(path), legend, *given, layout=layout, labels=labels, reading=reading)
    rule = split or SplitRule()
    placed, left_out = _placed(found, rule, Path(path))
    splits = {name: list(dict.fromkeys(one.sample for one in own)) for name, own in placed.items()}
    everything = list(dict.fromkeys(sample for samples in splits.values() for sample in samples))
    masks_of = [sample for sample in everything if sample.mask is not None and sample.drawn is None]
    results = list(in_threads(_scan, masks_of))
    scans = [result for result in results if isinstance(result, MaskScan)]
    chosen, encoding, source = choose_legend(found, results, legend, **reading)
    remarks = (*coding_remarks(scans, chosen, encoding), *left_out)
    shares = pixel_shares(scans, chosen, encoding)
    taken = (found.line(), *found.remarks, *_classes_in_words(chosen, encoding, source, shares))
    wanted = None if bands is None else tuple(bands)
    like = _known_bands(everything) if bands is None else ()
    opened = {
        name: Dataset(
            tuple(samples),
            chosen,
            encoding,
            source,
            _problems(found, name, first=name == next(iter(splits))),
            remarks,
            align,
            wanted,
            like,
            found.kind,
            taken,
            is_published(source),
        )
        for name, samples in splits.items()
    }
    return {name: _by_windows(dataset, placed[name]) for name, dataset in opened.items()}


def _placed(layout: Layout, rule: SplitRule, root: Path) -> tuple[dict[str, list[Assigned]], list[str]]:
    """The samples of each split, by the split file or by the rule; and what people should know of it."""
    if rule.file is None:
        found = split_samples(layout.splits, rule, layout.lists)
        return {name: [Assigned(sample, None) for sample in samples] for name, samples in found.items()}, []
    return SplitFile.read(rule.file).assign(layout.samples, root, rule.fold)


def _by_windows(dataset: Dataset, assigned: Sequence[Assigned]) -> Dataset:
    """A data set of the windows that a split file names; as it is where the file names whole images.

    Raises:
        InputError: a window reaches beyond its image.
    """
    if all(one.window is None for one in assigned):
        return dataset
    number = {sample: i for i, sample in enumerate(dataset.samples)}
    sizes = {i: dataset.size(i) for i in range(len(dataset))}
    places = []
    for one in assigned:
        i = number[one.sample]
        window = one.window or Window(0, 0, *sizes[i])
        if window.row + window.height > sizes[i][0] or window.column + window.width > sizes[i][1]:
            raise InputError(
                f"the split file names the window {list(window)} of {one.sample.image}, which has {sizes[i][0]} rows "
                f"and {sizes[i][1]} columns; write the split file again"
            )
        places.append((i, window))
    return WindowDataset.of(dataset, places)


def laid_out(
    path: Path,
    legend: Legend | Path | str | None,
    images: Path | None = None,
    masks: Path | None = None,
    *,
    layout: str | None = None,
    labels: VectorLabels | Path | str | None = None,
    reading: MaskReading,
) -> tuple[Layout, Legend | Path | str | None, MaskReading]:
    """The layout of a data set, and the legend and the reading of masks that are left to be applied.

    Labels that are drawn get their classes here, for which `ignore` counts.

    Raises:
        InputError: no layout is recognised, or several; vector labels that cannot be read.
    """
    vectors = (
        labels if isinstance(labels, VectorLabels) else VectorLabels(labels=None if labels is None else Path(labels))
    )
    try:
        found = find_layout(path, images, masks, layout=layout, labels=vectors)
        drawn = classed(found, legend, background=vectors.background, ignore=reading.get("ignore", ()))
    except OSError as error:
        raise InputError(f"data set {path} cannot be read: {error}") from error
    if drawn is None:
        return found, legend, reading
    if idle := [name for name in ("instances", "mask_offset") if reading.get(name)]:
        raise InputError(f"{' and '.join(idle)} of masks has no effect on labels that are drawn; leave it out")
    return drawn, drawn.codings[""].legend, {**reading, "ignore": ()}


def _classes_in_words(legend: Legend, encoding: Encoding, source: str, shares: Shares | None) -> list[str]:
    """The classes, where no file names them."""
    inferred = source.startswith("inferred")
    if shares is None or not (inferred or is_known(source)):
        return []
    hints = void_hints(legend, encoding, shares) if inferred else []
    return [*lines_of_shares(shares, legend, encoding, source), *hints]


def _known_bands(samples: Sequence[Sample]) -> tuple[Band, ...]:
    """The bands of the first image, where it says what they are."""
    try:
        with samples[0].open() as image:
            bands = image.bands
    except (InputError, IndexError):  # `check` reports what is wrong with it
        return ()
    return bands if all(band.identity or band.wavelength_nm for band in bands) else ()


def choose_split(splits: dict[str, Dataset], split: str | None, data: Path | str) -> Dataset:
    """The split to evaluate on.

    Args:
        splits: as `open_dataset` returns them.
        split: "train", "val" or "test"; None: the first of test, val and the others whose images all have masks.
        data: the data set as the user named it, for messages.

    Raises:
        InputError: there is no such split.

    Examples:
        >>> from densa import datasets
        >>> folder = datasets.coins("coins")
        >>> splits = datasets.open(folder)
        >>> datasets.choose_split(splits, None, folder) is splits["test"]
        True
    """
    return splits[chosen_name(splits, split, data)]


def chosen_name(splits: Mapping[str, Dataset], split: str | None, data: Path | str) -> str:
    """The name of the split that `choose_split` returns."""
    if split is not None and split not in splits:
        raise InputError(f"{data} has no split {split!r}; choose from {', '.join(splits)}")
    if split is not None:
        return split
    for name in ("test", "val", *(name for name in splits if name not in ("test", "val"))):
        if name in splits and all(sample.mask for sample in splits[name].samples):
            return name
    raise InputError(f"no split of {data} has a mask for every image; name one of {', '.join(splits)}")


def open_whole(
    path: Path | str,
    legend: Legend | Path | None,
    *,
    images: Path | None = None,
    masks: Path | None = None,
    align: bool = False,
    reading: Mapping[str, Any] | None = None,
    split_file: Path | None = None,
    fold: int | None = None,
) -> dict[str, Dataset]:
    """Open a data set to be measured, see `open_dataset`: by its own splits, or as one that is named "all".

    `reading`: `layout`, `classes`, `ignore`, `instances`, `mask_offset` and `labels`; `split_file` and its `fold`
    decide the splits where they are given.
    """
    rule = SplitRule(val_fraction=0.0, rest=WHOLE, file=split_file, fold=fold)
    return open_dataset(path, legend=legend, split=rule, images=images, masks=masks, align=align, **reading or {})


def _problems(layout: Layout, split: str, *, first: bool) -> tuple[str, ...]:
    """Problems of pairing; those of no split are reported with the first one."""
    loose = [p for s, problems in layout.problems.items() if s not in layout.splits or s == "" for p in problems]
    own = layout.problems.get(split, []) if split in layout.splits else []
    return (*own, *(loose if first else ()))


def _scan(sample: Sample) -> MaskScan | InputError:
    """Contents of a mask, or why it cannot be read: `check` reports that together with all other problems."""
    try:
        return scan_mask(sample.mask, sample.page)  # type: ignore[arg-type]
    except InputError as error:
        return error
