"""Splits inside one scene: by blocks, with a buffer between those of different splits.

Every window of a split is an image of its own: patches and predictions never read beyond it, what lies beyond its
border is mirrored. So no pixel serves two splits, and none lies nearer than the buffer to a pixel of another split.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from densa.datasets.dataset import Dataset
from densa.datasets.splits.groups import choose_groups
from densa.datasets.splits.windows import WindowDataset
from densa.errors import InputError
from densa.legend import IGNORE
from densa.raster import Window

__all__ = ["Cell", "block_cells", "block_split", "cell_windows", "split_windows"]

Cell = tuple[int, int, int]
"""A block: number of the scene, row and column of blocks."""


def block_split(
    dataset: Dataset,
    *,
    block: int,
    buffer: int,
    val_fraction: float = 0.2,
    test_fraction: float = 0.0,
    seed: int = 0,
    smallest: int = 1,
) -> dict[str, WindowDataset]:
    """Split every scene of a data set into blocks, and the blocks into training, validation and test.

    Args:
        dataset: scenes with their masks.
        block: side of a block in pixels; blocks are this large or larger, so that they fill the scene.
        buffer: pixels between windows of different splits. With the side of a patch plus the receptive field, no pixel
            on which a validated pixel depends is in a training patch, even where the whole scene is predicted.
        val_fraction: share of the blocks for validation, below 1.
        test_fraction: share of the blocks for testing, below 1.
        seed: decides the choice of blocks.
        smallest: smallest side of a window in pixels, such as the side of a patch.

    Returns:
        The splits that have a window, "train" first. Blocks without a labelled pixel are left out.

    Raises:
        InputError: fractions out of range, blocks too small for the buffer, fewer blocks than splits, or a split
            without a labelled pixel.

    Examples:
        >>> from densa import datasets
        >>> train = datasets.open(datasets.coins("coins"))["train"]
        >>> splits = datasets.block_split(train, block=64, buffer=16, val_fraction=0.25)
        >>> {name: len(split) for name, split in splits.items()}
        {'train': 9, 'val': 3}
    """
    _check(block, buffer, val_fraction, test_fraction, smallest)
    sizes = [dataset.size(i) for i in range(len(dataset))]
    for i, size in enumerate(sizes):
        if dataset.mask_size(i) != size:
            raise InputError(f"{dataset.samples[i].mask} has another size than its image; check the data set")
    placed = split_windows(
        sizes, block=block, buffer=buffer, val_fraction=val_fraction, test_fraction=test_fraction, seed=seed
    )
    labelled = [set(_labelled(dataset, i, [w for _, k, w in placed if k == i])) for i in range(len(dataset))]
    splits: dict[str, WindowDataset] = {}
    for split in ("train", "val", "test"):
        own = [(i, window) for name, i, window in placed if name == split and window in labelled[i]]
        if own:
            splits[split] = WindowDataset.of(dataset, own)
    wanted = {"train": True, "val": val_fraction > 0, "test": test_fraction > 0}
    if missing := [name for name, is_wanted in wanted.items() if is_wanted and name not in splits]:
        raise InputError(
            f"no block of the {missing[0]} split holds a labelled pixel; use smaller blocks than {block}, another "
            "seed, or another fraction"
        )
    return splits


def split_windows(
    sizes: Sequence[tuple[int, int]],
    *,
    block: int,
    buffer: int,
    val_fraction: float = 0.2,
    test_fraction: float = 0.0,
    seed: int = 0,
) -> list[tuple[str, int, Window]]:
    """The windows into which `block_split` cuts scenes of these sizes.

    Returns:
        Split, scene and window of each block; the window leaves out the block's part of the buffer.

    Raises:
        InputError: fewer blocks than splits.

    Examples:
        >>> from densa import datasets
        >>> blocks = datasets.split_windows([(64, 128)], block=64, buffer=8, val_fraction=0.5)
        >>> sorted(split for split, scene, window in blocks)
        ['train', 'val']
        >>> sorted((window.height, window.width) for split, scene, window in blocks)
        [(64, 60), (64, 60)]
    """
    cells = block_cells(sizes, block)
    n_splits = 1 + (val_fraction > 0) + (test_fraction > 0)
    if len(cells) < n_splits:
        raise InputError(
            f"{n_splits} splits need a block each, the scenes have {len(cells)} of {block} pixels; use smaller blocks"
        )
    names = {f"{i}:{r},{c}": (i, r, c) for i, r, c in cells}
    of_cell = dict.fromkeys(cells, "train")
    for split, fraction in (("test", test_fraction), ("val", val_fraction / (1 - test_fraction))):
        free = {name: 1 for name, cell in names.items() if of_cell[cell] == "train"}
        if fraction and len(free) > 1:
            of_cell |= {names[name]: split for name in choose_groups(free, fraction, seed)}
    windows = cell_windows(sizes, of_cell, block=block, buffer=buffer)
    return [(of_cell[cell], cell[0], windows[cell]) for cell in cells]


def block_cells(sizes: Sequence[tuple[int, int]], block: int) -> list[Cell]:
    """The blocks of scenes of these sizes (height, width), row by row; each of `block` pixels or more."""
    return [
        (i, r, c)
        for i, (height, width) in enumerate(sizes)
        for r in range(max(1, height // block))
        for c in range(max(1, width // block))
    ]


def cell_windows(
    sizes: Sequence[tuple[int, int]], of_cell: Mapping[Cell, str], *, block: int, buffer: int
) -> dict[Cell, Window]:
    """The window of each block, without its part of the buffer where blocks of other splits are adjacent.

    Args:
        sizes: height and width of each scene.
        of_cell: the split of each block; blocks that are missing are of no split.
        block: side of a block in pixels.
        buffer: pixels between windows of different splits.
    """
    grids = [tuple(_edges(side, block) for side in size) for size in sizes]
    return {cell: _window(cell, grids[cell[0]], of_cell, -(-buffer // 2)) for cell in of_cell}


def _edges(side: int, block: int) -> list[int]:
    n = max(1, side // block)
    return [k * side // n for k in range(n + 1)]


def _window(
    cell: tuple[int, int, int], grid: tuple[list[int], ...], of_cell: Mapping[tuple[int, int, int], str], margin: int
) -> Window:
    """A cell, without a margin on the sides where a cell of another split is adjacent, at a side or at a corner."""
    i, r, c = cell

    def foreign(*near: tuple[int, int]) -> bool:
        return any(of_cell.get((i, a, b), of_cell[cell]) != of_cell[cell] for a, b in near)

    top, bottom = (foreign(*((r + d, c + e) for e in (-1, 0, 1))) for d in (-1, 1))
    left, right = (foreign(*((r + e, c + d) for e in (-1, 0, 1))) for d in (-1, 1))
    rows, columns = grid
    first = rows[r] + margin * top, columns[c] + margin * left
    last = rows[r + 1] - margin * bottom, columns[c + 1] - margin * right
    return Window(*first, last[0] - first[0], last[1] - first[1])


def _labelled(dataset: Dataset, i: int, windows: Sequence[Window]) -> Iterator[Window]:
    """The windows of image `i` that hold a labelled pixel that is valid."""
    read = dataset.mask_reader(i)
    with dataset.open_image(i) as image:
        for window in windows:
            labels = read(window)
            if (labels != IGNORE).any() and (image.read(window)[1] & (labels != IGNORE)).any():
                yield window


def _check(block: int, buffer: int, val_fraction: float, test_fraction: float, smallest: int) -> None:
    for name, value in (("block", block), ("smallest", smallest)):
        if value < 1:
            raise InputError(f"{name} must be at least 1 pixel, got {value}")
    if buffer < 0:
        raise InputError(f"the buffer must not be negative, got {buffer}")
    for name, share in (("val_fraction", val_fraction), ("test_fraction", test_fraction)):
        if not 0 <= share < 1:
            raise InputError(f"{name} must be from 0 to below 1, got {share}")
    if val_fraction + test_fraction >= 1:
        raise InputError(f"val_fraction {val_fraction} and test_fraction {test_fraction} leave nothing to train on")
    least = 2 * -(-buffer // 2) + smallest
    if block < least:
        raise InputError(
            f"blocks of {block} pixels are too small: a buffer of {buffer} (patch plus receptive field) and a patch of "
            f"{smallest} need {least}; use larger blocks, or smaller patches"
        )
