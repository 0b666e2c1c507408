"""Masks that number objects, taken for masks of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.datasets.masks import MaskScan
from densa.datasets.threads import in_threads
from densa.errors import InputError
from densa.legend import IGNORE
from densa.raster.masks.values import read_mask

__all__ = ["check_classes", "count_pieces", "number_objects"]

_LEAST_OBJECTS = 6  # in the fullest mask
_PIECES = 1.15  # pieces for each number: an object that something hides in part has several
_ALONE = 12  # in the only mask
_TRACKS = 1.5  # numbers of all files for each of the fullest: classes occur together, tracked objects come and go
_LOOKED_AT = 12  # masks whose pieces are counted


def number_objects(scans: Sequence[MaskScan], pieces: Mapping[object, int]) -> bool:
    """Whether masks number objects: one connected piece a number, and numbers that mean something else in each file.

    They are numbered from 1 without gaps, to another last number in each file; or up to 64 and more; or, as tracks,
    most of all numbers are missing in each file. A single file is told by its numbers without gaps alone.

    Args:
        scans: contents of masks of values.
        pieces: number of connected pieces of the masks by their paths, of as many as were looked at.
    """
    numbered = [scan for scan in scans if scan.values and max(scan.values) > 0]
    numbers = [[value for value in scan.values if value > 0] for scan in numbered]
    if not numbered or max(map(len, numbers)) < _LEAST_OBJECTS:
        return False
    counted = [
        (pieces[scan.path], len(own)) for scan, own in zip(numbered, numbers, strict=True) if scan.path in pieces
    ]
    n_numbers = sum(n for _, n in counted)
    if not n_numbers or sum(found for found, _ in counted) > _PIECES * n_numbers:
        return False
    whole = sum(own == list(range(1, len(own) + 1)) for own in numbers)
    unlike = len({own[-1] for own in numbers}) > 1
    if whole >= 0.8 * len(numbers) and (unlike or (len(numbers) == 1 and len(numbers[0]) >= _ALONE)):
        return True
    many = max(own[-1] for own in numbers) >= 64
    tracks = len({value for own in numbers for value in own}) >= _TRACKS * max(map(len, numbers))
    return unlike and (many or tracks)


def count_pieces(values: NDArray[Any]) -> int:
    """Connected pieces of equal values but 0 in an (H, W) mask; single pixels are none."""
    from skimage.measure import label

    pieces = label(values.astype(np.int64), background=0, connectivity=2)
    return int((np.bincount(pieces.ravel())[1:] > 1).sum())


def check_classes(scans: Sequence[MaskScan]) -> None:
    """Refuse masks that number objects where classes are expected.

    Raises:
        InputError: they do.
    """
    plain = [scan for scan in scans if scan.values and not scan.is_rgb]
    suspects = [scan for scan in plain if any(0 < value != IGNORE for value in scan.values)]
    if not suspects or len(suspects) < len(scans) / 2:
        return
    fullest = sorted(suspects, key=lambda scan: (-len(scan.values), str(scan.path)))[:_LOOKED_AT]
    # Without a look at pixels: were each number one piece, would these be objects?
    if not number_objects(suspects, {scan.path: 1 for scan in fullest}):
        return
    found = in_threads(lambda scan: (scan.path, count_pieces(read_mask(scan.path))), fullest)
    if number_objects(suspects, dict(found)):
        first = max(suspects, key=lambda scan: len(scan.values))
        n = sum(value > 0 for value in first.values)
        raise InputError(
            f"the masks hold object numbers, not classes: instances=True trains background and object (such as "
            f"{first.path}, with {n} numbers, each one connected piece); if they are classes, give a legend"
        )
