"""What the checks of the doctor look at: the pairs of a data set and what was read of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa.datasets import Sample
from densa.datasets.layouts.layout import Layout
from densa.datasets.leaks import Fingerprint
from densa.datasets.masks import Encoding, MaskScan
from densa.doctor.alignment import Alignment
from densa.doctor.codings.recoding import Miscoding, Recoding
from densa.legend import Legend

__all__ = ["Fault", "ImageFacts", "Overlay", "Record", "Subject"]


class Fault(NamedTuple):
    """Why a file cannot be read.

    Attributes:
        code: of the finding.
        sentence: of the reader.
    """

    code: str
    sentence: str


class ImageFacts(NamedTuple):
    """What was read of an image.

    Attributes:
        height, width, n_bands, dtype: of its pixels; "floating-point" of any width.
        low, high: least and greatest valid value; NaN where there is none.
        level: greatest mean of a band; 0 for values of 8 bits, which have no unit.
        any_valid: a pixel is valid.
        scale: of its values, as the file declares it.
        digest: hash of the values.
        thumbnail: (32, 32) uint8 grey picture, stretched to its own range.
        crs: its reference system; None where it has none.
        is_placed: it is georeferenced.
        suffix: that of its content, where its name has another.
        has_alpha: a band of it is alpha.
        fingerprint: what it is compared by with the other images.
    """

    height: int
    width: int
    n_bands: int
    dtype: str
    low: float
    high: float
    level: float
    any_valid: bool
    scale: str
    digest: bytes
    thumbnail: NDArray[np.uint8]
    crs: Any
    is_placed: bool
    suffix: str | None
    has_alpha: bool
    fingerprint: Fingerprint


class Overlay(NamedTuple):
    """How a mask lies on its image.

    Attributes:
        sizes_differ: they have different sizes, and the mask is not resampled by its georeference.
        misplaced: what is wrong with their places on the ground; None where nothing is.
        alignment: the best shift by their edges; None where it was not looked for, or has no answer.
        surface: the correlation of all shifts.
        turns: correlation of each way of turning the mask; None likewise.
        is_copy: the mask shows the image.
        resampled: the mask is resampled to the image by the georeference of both.
        gap: share of the pixels that the mask declares as nodata where the image is valid.
    """

    sizes_differ: bool
    misplaced: str | None = None
    alignment: Alignment | None = None
    surface: NDArray[np.float32] | None = None
    turns: NDArray[np.float64] | None = None
    is_copy: bool = False
    resampled: bool = False
    gap: float = 0.0


@dataclass(frozen=True)
class Record:
    """What was read of one pair; small, so that those of many thousand pairs fit into memory.

    Args:
        split: "train", "val" or "test".
        sample: the files.
        image: what was read of the image, or why it cannot be read.
        mask: what the mask holds, or why it cannot be read; None where there is no mask file.
        mask_digest: hash of the values of the mask.
        mask_size: its height and width.
        mask_suffix: that of its content, where its name has another.
        n_lines: number of different rows or columns of the mask, whichever are fewer; few where outlines are straight.
        pieces: connected pieces of the mask; None where it has few values.
        overlay: of both; None where one cannot be read.
    """

    split: str
    sample: Sample
    image: ImageFacts | Fault
    mask: MaskScan | Fault | None = None
    mask_digest: bytes = b""
    mask_size: tuple[int, int] = (0, 0)
    mask_suffix: str | None = None
    n_lines: int = 0
    pieces: int | None = None
    overlay: Overlay | None = None

    @property
    def is_readable(self) -> bool:
        """Whether image and mask could be read."""
        return isinstance(self.image, ImageFacts) and isinstance(self.mask, MaskScan)


@dataclass(frozen=True)
class Subject:
    """A data set under examination.

    Args:
        root: its folder.
        layout: how it is laid out.
        records: its pairs, split by split.
        legend: names and codes of its classes; None where they could not be told.
        encoding: how its masks code the classes.
        source: where the legend comes from, for people.
        legend_file: its file; None where there is none.
        refusal: why densa cannot open the data set; "" where it can.
        own_splits: folders or lists of the data set state its splits; otherwise densa drew them.
        align: masks are resampled to the grid of their image.
        ignore: values, colours and classes that an option leaves out.
        legend_fault: why the file of the legend cannot be used; "" where it can.
        miscodings: codings that are not read as they were meant.
        recoding: how the masks are to be read; None where that cannot be told.
    """

    root: Path
    layout: Layout
    records: tuple[Record, ...]
    legend: Legend | None = None
    encoding: Encoding = "values"
    source: str = ""
    legend_file: Path | None = None
    refusal: str = ""
    own_splits: bool = False
    align: bool = False
    ignore: tuple[int | str, ...] = ()
    legend_fault: str = ""
    miscodings: tuple[Miscoding, ...] = ()
    recoding: Recoding | None = None

    def splits(self) -> Iterator[tuple[str, list[Record]]]:
        """The names of the splits with their records."""
        for name in dict.fromkeys(record.split for record in self.records):
            yield name, [record for record in self.records if record.split == name]

    @property
    def scans(self) -> list[MaskScan]:
        """What the masks hold that can be read, and that are not copies of their image."""
        return [
            record.mask
            for record in self.records
            if isinstance(record.mask, MaskScan)
            and record.sample.drawn is None
            and not (record.overlay and record.overlay.is_copy)
        ]
