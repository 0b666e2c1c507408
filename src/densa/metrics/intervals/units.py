"""The independent units of an evaluation: scenes, otherwise images, otherwise blocks of the one scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.metrics.confusion import VoidRule, as_labels
from densa.metrics.intervals._cell_kernels import sum_cells
from densa.metrics.intervals.correlation import ErrorCorrelation
from densa.metrics.intervals.sums import Columns

__all__ = ["FEW_UNITS", "UnitKind", "UnitRule", "UnitSums", "UnitTable"]

FEW_UNITS = 10
"""Intervals of fewer units come with a warning."""

UnitKind = Literal["scene", "image", "block"]

_FEWEST_BLOCKS, _ENOUGH_BLOCKS = 4, 20
_FIRST_CELLS = 4096  # of the first image; more only through further images
_MOST_CELLS = 1 << 16
_MOST_BYTES = 1 << 28


@dataclass(frozen=True)
class UnitRule:
    """What the independent units of an evaluation are.

    Args:
        units: "scene", "image" or "block"; "auto": scenes where there are several, otherwise images where there are
            several, otherwise blocks of the one image.
        block: side of the blocks in pixels; None: by the distance over which errors correlate.

    Raises:
        InputError: an unknown kind, or a side for units that are not blocks.

    Examples:
        >>> from densa.metrics import intervals
        >>> intervals.UnitRule(block=256).kind
        'block'
    """

    units: Literal["auto", "scene", "image", "block"] = "auto"
    block: int | None = None

    def __post_init__(self) -> None:
        if self.units not in ("auto", "scene", "image", "block"):
            raise InputError(f"units must be auto, scene, image or block, got {self.units!r}")
        if self.block is not None and self.units not in ("auto", "block"):
            raise InputError(f"unit_block is the side of blocks, and the units are {self.units}s; leave one out")
        if self.block is not None and self.block < 1:
            raise InputError(f"unit_block must be 1 or more, got {self.block}")

    @property
    def kind(self) -> Literal["auto", "scene", "image", "block"]:
        """The kind of units, where it does not depend on the images."""
        return "block" if self.block is not None else self.units


@dataclass(frozen=True)
class UnitTable:
    """Sums of each unit.

    Attributes:
        kind: what the units are.
        names: (n,) name of each unit: of the scene or image, or "IMAGE@ROW,COLUMN" for a block.
        sums: (n, width) sums, see `densa.metrics.intervals.sums.Columns`.
        n_classes: number of classes.
        side: side of the blocks in pixels; None for other units.
        reach: distance in pixels over which errors correlate, where it decided the side.
        n_scenes: number of scenes that the images are of.
        neighbours: (m, 2) pairs of blocks that share a side.

    Examples:
        >>> import numpy as np
        >>> from densa.metrics import intervals
        >>> sums = intervals.UnitSums(2)
        >>> for name in ("a", "b"):
        ...     sums.add(np.array([[0, 1]]), np.array([[0, 0]]), image=name)
        ...
        >>> table = sums.table()
        >>> table.text, table.number, table.warning
        ('2 images', 2, '2 images are fewer than 10 independent units: the intervals are rough')
    """

    kind: UnitKind
    names: tuple[str, ...]
    sums: NDArray[np.float64]
    n_classes: int
    side: int | None = None
    reach: int | None = None
    n_scenes: int = 0
    neighbours: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2), np.int64))

    @property
    def counted(self) -> NDArray[np.bool_]:
        """(n,) whether a unit has pixels that count."""
        return self.sums[:, 3 * self.n_classes] > 0

    @property
    def number(self) -> int:
        """Number of units that have pixels that count."""
        return int(self.counted.sum())

    @property
    def text(self) -> str:
        """The units in words."""
        words = f"{self.number} {self.kind}{'' if self.number == 1 else 's'}"
        if self.kind == "block":
            words += f" of {self.side} x {self.side} px"
        if self.reach is not None:
            words += f" (errors correlate up to {self.reach} px)"
        if self.kind == "image" and self.n_scenes == 1 and len(self.names) > 1:
            words += " of one scene"
        return words

    @property
    def warning(self) -> str | None:
        """A line where the units are few; None otherwise."""
        if self.number == 1:
            return f"one independent unit only ({self.text}): no interval"
        if self.number < FEW_UNITS:
            return f"{self.text} are fewer than {FEW_UNITS} independent units: the intervals are rough"
        return None


@dataclass
class _Record:
    """Cells of one image or window: rows and columns on the grid of cells, and their sums."""

    scene: str
    image: str
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    sums: NDArray[np.float64]

    def summed(self, image: bool) -> _Record:
        """The cells at equal places together; `image`: all of them."""
        rows, columns = (self.rows * 0, self.columns * 0) if image else (self.rows, self.columns)
        width = int(columns.max()) + 1 if columns.size else 1
        keys, place = np.unique(rows * width + columns, return_inverse=True)
        sums = np.zeros((len(keys), self.sums.shape[1]))
        np.add.at(sums, place, self.sums)
        return _Record(self.scene, self.image, keys // width, keys % width, sums)


class UnitSums:
    """Collects the sums of units, image by image; memory does not depend on the size of the images.

    Args:
        n_classes: number of classes.
        void: rule for pixels whose target has no class, see `ConfusionMatrix.summary`.
        rule: what the units are.

    Examples:
        >>> import numpy as np
        >>> from densa.metrics import intervals
        >>> sums = intervals.UnitSums(2, rule=intervals.UnitRule(block=2))
        >>> labels = np.array([[0, 0, 1, 1]])
        >>> sums.add(labels, labels, image="scene")
        >>> sums.table().names
        ('scene@0,0', 'scene@0,2')
    """

    def __init__(self, n_classes: int, *, void: VoidRule = "ignore", rule: UnitRule | None = None) -> None:
        self.n_classes = n_classes
        self.void: VoidRule = void
        self.rule = rule or UnitRule()
        self.correlation = ErrorCorrelation(void)
        self._columns = Columns(n_classes)
        self._records: list[_Record] = []
        self._images: set[str] = set()
        self._side: int | None = self.rule.block

    def add(
        self,
        target: NDArray[Any],
        predicted: NDArray[Any],
        *,
        image: str,
        scene: str = "",
        corner: tuple[int, int] = (0, 0),
        boundary: NDArray[np.float64] | None = None,
        further: NDArray[np.float64] | None = None,
    ) -> None:
        """Add an image, or a window of it.

        Args:
            target: (H, W) integers, each a class or 255.
            predicted: (H, W) integers, likewise.
            image: name of the image; windows of one image have one name.
            scene: what the image is of; images of one scene are not independent. Empty: the image itself.
            corner: row and column of a window in its image.
            boundary: sums of its boundary scores, see `BoundaryF1.sums`.
            further: sums of further measures, see `FurtherMeasures.sums`; of all images or of none.
        """
        target, predicted = as_labels(target, "target"), as_labels(predicted, "predicted")
        self._images.add(image)
        if not self._has_cells and self._side is not None:  # blocks of the first image are not needed
            self._records, self._side = [record.summed(image=True) for record in self._records], None
        if self._has_cells and self.rule.block is None:
            self.correlation.add(target, predicted)
            self._side = self._side or _side_of_cells(target.size)
        side = self._side or max(corner) + max(target.shape) + 1
        record = self._cells(target, predicted, scene or image, image, corner, side)
        if boundary is not None:
            record.sums[0, self._columns.n_pixel_columns :] = boundary
        if further is not None:
            record.sums = np.concatenate([record.sums, np.zeros((len(record.sums), further.size))], 1)
            record.sums[0, self._columns.width :] = further
        self._records.append(record)
        if self._has_cells:
            self._limit_cells()

    @property
    def _has_cells(self) -> bool:
        """Whether images are kept in cells, of which blocks are made."""
        if self.rule.kind != "auto":
            return self.rule.kind == "block"
        return len(self._images) <= 1

    def _cells(
        self,
        target: NDArray[np.uint8],
        predicted: NDArray[np.uint8],
        scene: str,
        image: str,
        corner: tuple[int, int],
        side: int,
    ) -> _Record:
        first = corner[0] // side, corner[1] // side
        shape = tuple((corner[i] + target.shape[i] - 1) // side - first[i] + 1 for i in (0, 1))
        sums = np.zeros((*shape, self._columns.width))
        sum_cells(target, predicted, corner, side, self.n_classes, self.void == "false-positive", sums)
        rows, columns = np.indices(shape)
        return _Record(
            scene, image, rows.reshape(-1) + first[0], columns.reshape(-1) + first[1], sums.reshape(-1, sums.shape[2])
        )

    def _limit_cells(self) -> None:
        """Double the side of the cells until they are not too many."""
        most = min(_MOST_CELLS, _MOST_BYTES // (8 * self._columns.width))
        while (count := sum(len(record.rows) for record in self._records)) > most:
            if self.rule.block is not None:
                raise InputError(
                    f"blocks of {self.rule.block} px are more than {most}, {count} so far; give a larger unit_block"
                )
            if count == len(self._records):
                return
            self._side = 2 * (self._side or 1)
            self._records = [
                _Record(r.scene, r.image, r.rows // 2, r.columns // 2, r.sums).summed(image=False)
                for r in self._records
            ]

    def kind(self) -> UnitKind:
        """What the units of the images so far are."""
        if self.rule.kind != "auto":
            return self.rule.kind
        n_images, n_scenes = (len({getattr(r, name) for r in self._records}) for name in ("image", "scene"))
        if n_images < 2:
            return "block"
        return "scene" if 1 < n_scenes < n_images else "image"

    def side_of_blocks(self) -> int:
        """Side of the blocks in pixels: three times the distance over which errors correlate, in whole cells.

        Twice where there would be fewer than 20 blocks, once where there would be fewer than 4.
        """
        cell = self._side or 1
        if self.rule.block is not None:
            return cell
        reach = self.correlation.reach or 1
        once, twice, thrice = (cell * max(1, -(-times * reach // cell)) for times in (1, 2, 3))
        if len(set(self._places(thrice))) >= _ENOUGH_BLOCKS:
            return thrice
        return twice if len(set(self._places(twice))) >= _FEWEST_BLOCKS else once

    def _places(self, side: int) -> list[tuple[str, int, int]]:
        """The block of each cell: its image, and its row and column on the grid of blocks."""
        factor = side // (self._side or side)
        return [
            (record.image, row, column)
            for record in self._records
            for row, column in zip((record.rows // factor).tolist(), (record.columns // factor).tolist(), strict=True)
        ]

    def table(self, side: int | None = None) -> UnitTable:
        """The sums of the units of all images so far.

        Args:
            side: side of blocks, a multiple of that of the cells; None: as `side_of_blocks`. For the comparison of
                several runs, which have the same blocks.
        """
        kind = self.kind()
        n_scenes = len({record.scene for record in self._records})
        if kind != "block":
            names = [getattr(record, kind) for record in self._records for _ in record.rows]
            return UnitTable(kind, *grouped(names, self._all_sums()), self.n_classes, n_scenes=n_scenes)
        side = side or self.side_of_blocks()
        places = self._places(side)
        names = [f"{image}@{row * side},{column * side}" for image, row, column in places]
        sums = self._all_sums()
        sums[:, self._columns.n_pixel_columns :] = 0  # boundary scores are of images
        reach = None if self.rule.block is not None else self.correlation.reach
        beside = _neighbours(list(dict.fromkeys(places)))
        return UnitTable(kind, *grouped(names, sums), self.n_classes, side, reach, n_scenes, beside)

    def _all_sums(self) -> NDArray[np.float64]:
        if not self._records:
            return np.zeros((0, self._columns.width))
        return np.concatenate([record.sums for record in self._records])


def _neighbours(places: Sequence[tuple[str, int, int]]) -> NDArray[np.int64]:
    """(m, 2) numbers of the blocks that share a side."""
    number = {place: i for i, place in enumerate(places)}
    pairs = [
        (i, number[beside])
        for (image, row, column), i in number.items()
        for beside in ((image, row, column + 1), (image, row + 1, column))
        if beside in number
    ]
    return np.array(pairs, np.int64).reshape(-1, 2)


def _side_of_cells(n_pixels: int) -> int:
    """A power of two, 4 or more, that cuts the first image into `_FIRST_CELLS` at most."""
    side = 4
    while n_pixels > _FIRST_CELLS * side * side:
        side *= 2
    return side


def grouped(names: Sequence[str], sums: NDArray[np.float64]) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """The rows of equal names together, in the order of their first."""
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    out = np.zeros((len(places), sums.shape[1]))
    np.add.at(out, [places[name] for name in names], sums)
    return tuple(places), out
