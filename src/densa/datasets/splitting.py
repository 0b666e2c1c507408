"""Splits that do not leak: groups of images, or blocks of scenes, shared out to folds with equal shares of the classes.

Images that show the same, or the same place, are kept in one part; see `densa.datasets.leaks`.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.datasets.dataset import Dataset, Sample, strips
from densa.datasets.leaks.find import Leak
from densa.datasets.scene_names import named_scene
from densa.datasets.splits.blocks import Cell, block_cells, cell_windows
from densa.datasets.splits.split_file import SplitEntry, SplitFile, file_list_digest, name_in_data
from densa.datasets.splits.stratify import deviations, stratify
from densa.datasets.threads import in_threads
from densa.datasets.wording import listed
from densa.errors import InputError
from densa.progress import Progress
from densa.raster import Window
from densa.raster.alignment import frame_of

__all__ = [
    "Shares",
    "block_side",
    "class_pixels",
    "ground_blocks",
    "scene_groups",
    "split_by_blocks",
    "split_by_groups",
]

_SIDES = (4096, 2048, 1024, 512, 256, 128, 64, 32)
_BLOCKS_OF_A_PART = 4
_LEAST_SIDE = 16  # of the window that a buffer leaves of a block, in pixels
_NAMED = 20  # leaking pairs that are written to the file


@dataclass(frozen=True)
class Shares:
    """The parts of a split.

    Args:
        of_parts: the share of each part, in their order: "0", "1", ... are folds.
        folds: number of folds; None for train, val and test.
        seed: decides between equals.
        balance: balance the classes; otherwise the number of images, or blocks, alone.
    """

    of_parts: Mapping[str, float]
    folds: int | None = None
    seed: int = 0
    balance: bool = True

    @classmethod
    def of(cls, folds: int | None, fractions: Sequence[float] | None, *, seed: int = 0, balance: bool = True) -> Shares:
        """The parts of a number of folds, or of shares of train, val and test; by default 0.8 and 0.2."""
        if folds is not None and fractions is not None:
            raise InputError("give folds or fractions, not both")
        if folds is not None:
            return cls({str(fold): 1 / folds for fold in range(folds)}, folds, seed, balance)
        return cls(dict(zip(("train", "val", "test"), fractions or (0.8, 0.2), strict=False)), None, seed, balance)


@dataclass
class _Joined:
    """Groups that were joined since their images leak into each other (union-find)."""

    parent: dict[str, str] = field(default_factory=dict)

    def root(self, group: str) -> str:
        while (above := self.parent.get(group, group)) != group:
            group = above
        return group

    def join(self, first: str, second: str) -> bool:
        a, b = sorted((self.root(first), self.root(second)))
        self.parent[b] = a
        return a != b


def class_pixels(
    dataset: Dataset, windows: Sequence[Sequence[Window]] | None = None, *, progress: Progress | None = None
) -> NDArray[np.int64]:
    """Labelled pixels of each class.

    Args:
        dataset: images with masks; images without one count none.
        windows: for each image the windows to count in; None: each image as a whole.
        progress: called with (images done, images in all).

    Returns:
        (n, n_classes), a row for each image, or for each window of the first image, then of the second, and so on.
    """
    n_classes = dataset.legend.n_classes

    def count(i: int) -> NDArray[np.int64]:
        rows = 1 if windows is None else len(windows[i])
        if dataset.samples[i].mask is None:
            return np.zeros((rows, n_classes), np.int64)
        read = dataset.mask_reader(i)
        height, width = dataset.mask_size(i)
        counts = np.zeros((rows, n_classes), np.int64)
        for row, parts in enumerate([list(strips(height, width))] if windows is None else [[w] for w in windows[i]]):
            for part in parts:
                counts[row] += np.bincount(read(part).ravel(), minlength=n_classes)[:n_classes]
        return counts

    found = []
    for n, counts in enumerate(in_threads(count, range(len(dataset))), 1):
        found.append(counts)
        if progress:
            progress(n, len(dataset))
    return np.concatenate(found)


def scene_groups(samples: Sequence[Sample], n_parts: int) -> tuple[list[str], str]:
    """The scene of each sample: its folder or stack, or what its name begins with; and a line that says which.

    Names tell scenes where at least `n_parts` of them are left without their last numbers.
    """
    if any(sample.group not in ("", sample.name) for sample in samples):
        groups = [sample.group or sample.name for sample in samples]
        return groups, f"{len(set(groups))} scenes, by folders"
    names = [named_scene(sample.name).scene or sample.name for sample in samples]
    n_scenes = len(set(names))
    if n_parts <= n_scenes < len(samples):
        return names, f"{n_scenes} scenes, by the names of the images without their last numbers"
    return [sample.name for sample in samples], "neither folders nor names tell scenes: every image is one of its own"


def split_by_groups(
    dataset: Dataset, root: Path, groups: Sequence[str], shares: Shares, leaks: Sequence[Leak], *, what: str = "scene"
) -> SplitFile:
    """Share out groups of images to the parts.

    Args:
        dataset: all images.
        root: the folder that the paths in the file start from.
        groups: the group of each image.
        shares: the parts.
        leaks: between images of different groups, see `densa.datasets.leaks.find_leaks`.
        what: a group, in words.

    Raises:
        InputError: fewer groups than parts, also because of leaks; the message names them.
    """
    joined, left = _joined(groups, leaks, len(shares.of_parts))
    roots = [joined.root(group) for group in groups]
    names = list(dict.fromkeys(sorted(roots)))
    if len(names) < len(shares.of_parts):
        raise InputError(_too_few(dataset, groups, names, leaks, shares, what))
    pixels = class_pixels(dataset) if shares.balance else np.zeros((len(dataset), 0), np.int64)
    number = {name: k for k, name in enumerate(names)}
    of_image = np.array([number[one] for one in roots])
    amounts = np.zeros((len(names), pixels.shape[1] + 1))
    np.add.at(amounts, of_image, np.column_stack([pixels, np.ones(len(dataset))]))
    chosen = stratify(amounts, list(shares.of_parts.values()), seed=shares.seed)
    parts = list(shares.of_parts)
    entries = [
        SplitEntry(name_in_data(sample, root), parts[chosen[k]], group, sample.page)
        for sample, k, group in zip(dataset.samples, of_image, roots, strict=True)
    ]
    kept = [leak for leak in leaks if leak.sure and leak not in left]
    facts = {
        **_facts(dataset, root, entries),
        **_balance(dataset, pixels, chosen[of_image], entries, shares),
        "leaks": {
            "kept_together": _pairs(dataset, kept),
            "n_kept_together": len(kept),
            "divided": _pairs(dataset, left),
            "n_divided": sum(chosen[of_image[leak.first]] != chosen[of_image[leak.second]] for leak in left),
        },
    }
    return SplitFile(tuple(entries), shares.folds, facts)


def split_by_blocks(
    dataset: Dataset, root: Path, shares: Shares, leaks: Sequence[Leak], *, block: int, buffer: int
) -> SplitFile:
    """Cut every image into blocks, and share out the blocks to the parts; blocks without a label are left out.

    Args:
        dataset: all images, with masks.
        root: the folder that the paths in the file start from.
        shares: the parts.
        leaks: between images.
        block: side of a block in pixels, or more, so that blocks fill the image.
        buffer: pixels between windows of two parts; half of it is cut off each block where one of another part is
            adjacent.

    Raises:
        InputError: blocks too small for the buffer, fewer blocks than parts, or images that leak into each other.
    """
    if block - 2 * -(-buffer // 2) < _LEAST_SIDE:
        raise InputError(f"blocks of {block} pixels are too small for a buffer of {buffer}; use larger blocks")
    if sure := [leak for leak in leaks if leak.sure and leak.kind in ("copy", "near-copy", "overlap")]:
        raise InputError(
            f"blocks of images that show the same would be in two parts: {_named(dataset, sure)}; remove one of each, "
            "or use by=file"
        )
    sizes = [dataset.size(i) for i in range(len(dataset))]
    cells = block_cells(sizes, block)
    whole = cell_windows(sizes, dict.fromkeys(cells, ""), block=block, buffer=0)
    of_image: dict[int, list[Cell]] = defaultdict(list)
    for cell in cells:
        of_image[cell[0]].append(cell)
    pixels = class_pixels(dataset, [[whole[cell] for cell in of_image[i]] for i in range(len(dataset))])
    kept = [k for k in range(len(cells)) if pixels[k].any()]
    if len(kept) < len(shares.of_parts):
        raise InputError(
            f"{len(shares.of_parts)} parts need a block each, {len(kept)} of {len(cells)} blocks of {block} px hold "
            "a label; use smaller blocks"
        )
    cells, pixels = [cells[k] for k in kept], pixels[kept]
    amounts = np.column_stack([pixels if shares.balance else pixels[:, :0], np.ones(len(cells))])
    chosen = stratify(amounts, list(shares.of_parts.values()), seed=shares.seed)
    parts = list(shares.of_parts)
    of_cell = {cell: parts[part] for cell, part in zip(cells, chosen, strict=True)}
    windows = cell_windows(sizes, of_cell, block=block, buffer=buffer)
    samples = [dataset.samples[cell[0]] for cell in cells]
    entries = [
        SplitEntry(name_in_data(s, root), of_cell[cell], f"{s.name}:{cell[1]},{cell[2]}", s.page, windows[cell])
        for s, cell in zip(samples, cells, strict=True)
    ]
    inside = class_pixels(dataset, [[windows[cell] for cell in cells if cell[0] == i] for i in range(len(dataset))])
    facts = {
        **_facts(dataset, root, entries),
        "block_px": block,
        "buffer_px": buffer,
        **_balance(dataset, inside, chosen, entries, shares),
    }
    return SplitFile(tuple(entries), shares.folds, facts)


def block_side(sizes: Iterable[tuple[int, int]], n_parts: int) -> int:
    """The largest of some sides that gives at least four blocks to a part, or else the smallest of them."""
    known = list(sizes)
    for side in _SIDES:
        if len(block_cells(known, side)) >= _BLOCKS_OF_A_PART * n_parts:
            return side
    return _SIDES[-1]


def ground_blocks(dataset: Dataset, block: int | None, n_parts: int) -> tuple[list[str], int] | None:
    """Blocks of the ground that the centres of georeferenced tiles lie in, and the side of a block in pixels.

    Args:
        dataset: the tiles.
        block: side of a block in pixels; None: the largest that gives at least four blocks to a part.
        n_parts: number of parts.

    Returns:
        The block of each tile; None where a tile has no georeference, or where the tiles are of several systems.
    """
    frames = [frame_of(sample.image, sample.page) for sample in dataset.samples]
    places = [frame.georeference for frame in frames]
    if any(place is None or place.transform is None for place in places) or len({str(p.crs) for p in places if p}) > 1:
        return None
    middles = [(frame.width / 2, frame.height / 2) for frame in frames]
    transforms = [place.transform for place in places if place is not None]
    centres = np.array(
        [
            (t.a * column + t.b * row + t.c, t.d * column + t.e * row + t.f)
            for t, (column, row) in zip(transforms, middles, strict=True)
        ]
    )
    first = transforms[0]
    pixel = math.hypot(first.a, first.d), math.hypot(first.b, first.e)
    at = (centres - centres.min(axis=0)) / pixel  # in pixels of the first tile
    side = block
    if side is None:
        counts = ((one, len({tuple(row) for row in at // one})) for one in _SIDES)
        side = next((one for one, n in counts if n >= _BLOCKS_OF_A_PART * n_parts), _SIDES[-1])
    return [f"{int(y)},{int(x)}" for x, y in at // side], side


def _joined(groups: Sequence[str], leaks: Sequence[Leak], n_parts: int) -> tuple[_Joined, list[Leak]]:
    """Groups that hold the same are joined, then those that touch, as long as enough are left; and what was not."""
    joined, n_groups = _Joined(), len(set(groups))
    for leak in leaks:
        if leak.kind in ("copy", "near-copy", "overlap"):
            n_groups -= joined.join(groups[leak.first], groups[leak.second])
    touching = [leak for leak in leaks if leak.kind == "adjacent"]
    trial, n_left = _Joined(dict(joined.parent)), n_groups
    for leak in touching:
        n_left -= trial.join(groups[leak.first], groups[leak.second])
    return (trial, []) if n_left >= n_parts else (joined, touching)


def _too_few(
    dataset: Dataset, groups: Sequence[str], names: Sequence[str], leaks: Sequence[Leak], shares: Shares, what: str
) -> str:
    n_before = len(set(groups))
    needs = f"{len(shares.of_parts)} parts need a {what} each"
    if n_before >= len(shares.of_parts):
        sure = [leak for leak in leaks if leak.kind in ("copy", "near-copy", "overlap")]
        return (
            f"{needs}; of {n_before} only {len(names)} are left where images that show the same are kept together "
            f"({_named(dataset, sure)}): remove copies, or ask for fewer parts"
        )
    few = listed(sorted(set(groups)), most=5)
    return f"{needs}, the data has {n_before} ({few}); ask for fewer parts, or use by=file or by=block"


def _named(dataset: Dataset, leaks: Sequence[Leak]) -> str:
    first = [f"{dataset.samples[a.first].name} and {dataset.samples[a.second].name} ({a.why})" for a in leaks[:3]]
    return "; ".join(first) + (f"; ... {len(leaks)} pairs in all" if len(leaks) > 3 else "")


def _pairs(dataset: Dataset, leaks: Sequence[Leak]) -> list[dict[str, str]]:
    names = [sample.name for sample in dataset.samples]
    return [
        {"kind": leak.kind, "first": names[leak.first], "second": names[leak.second], "why": leak.why}
        for leak in leaks[:_NAMED]
    ]


def _facts(dataset: Dataset, root: Path, entries: Sequence[SplitEntry]) -> dict[str, Any]:
    digest = file_list_digest((name_in_data(sample, root), sample.page) for sample in dataset.samples)
    return {
        "images": len(dataset),
        "files_sha256": digest,
        "groups": len({entry.group for entry in entries}),
        "classes": list(dataset.legend.class_names),
    }


def _balance(
    dataset: Dataset, pixels: NDArray[np.int64], part: NDArray[Any], entries: Sequence[SplitEntry], shares: Shares
) -> dict[str, Any]:
    """Images, groups and class shares of each part, and how far the shares are from those of all."""
    names, classes = list(shares.of_parts), dataset.legend.class_names
    n_images = Counter(entry.part for entry in entries)
    groups = {name: {entry.group for entry in entries if entry.part == name} for name in names}
    rows: dict[str, dict[str, Any]] = {name: {"images": n_images[name], "groups": len(groups[name])} for name in names}
    if not pixels.shape[1] or not pixels.any():
        return {"parts": rows, "largest_deviation": None}
    apart = deviations(pixels, part, len(names))
    whole = pixels.sum(axis=0) / pixels.sum()
    for k, name in enumerate(names):
        counts = pixels[part == k].sum(axis=0)
        absent = [c for c, n, total in zip(classes, counts, pixels.sum(axis=0), strict=True) if total and not n]
        worst = int(np.nanargmax(np.abs(apart[k]))) if np.isfinite(apart[k]).any() else 0
        rows[name] |= {
            "pixels": int(counts.sum()),
            "class_shares": [
                None if not np.isfinite(a) else round(float(a + w), 6) for a, w in zip(apart[k], whole, strict=True)
            ],
            "largest_deviation": round(float(np.abs(apart[k][worst])), 6) if np.isfinite(apart[k][worst]) else None,
            "of_class": classes[worst],
            "absent_classes": absent,
        }
    worst_part = max(names, key=lambda name: rows[name]["largest_deviation"] or 0)
    return {
        "class_shares": [round(float(share), 6) for share in whole],
        "parts": rows,
        "largest_deviation": {
            "part": worst_part,
            "class": rows[worst_part]["of_class"],
            "deviation": rows[worst_part]["largest_deviation"],
        },
    }
