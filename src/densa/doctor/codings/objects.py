"""Masks that number objects, taken for masks of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from densa.datasets.inferring.numbered import number_objects as hold_object_numbers
from densa.datasets.masks import MaskScan
from densa.doctor.codings.recoding import Code, Miscoding, Recoding
from densa.legend import IGNORE, Legend

__all__ = ["number_objects"]


def number_objects(scans: Sequence[MaskScan], pieces: Mapping[object, int], known: set[int]) -> Miscoding | None:
    """Whether masks number objects: from 1 without gaps in most files, another last number in each, one piece a number.

    Args:
        scans: contents of the masks.
        pieces: number of connected pieces of each mask by its path.
        known: values that a legend names; masks that hold no others are masks of classes.
    """
    numbered = [scan for scan in scans if scan.values and max(scan.values) > 0]
    numbers = [[value for value in scan.values if value > 0] for scan in numbered]
    if not numbered:
        return None
    if known and all(set(scan.values) <= known for scan in numbered):
        return None
    if not hold_object_numbers(numbered, pieces):
        return None
    last = [own[-1] for own in numbers]
    sentence = (
        f"the masks number objects, not classes: values up to {min(last)} in one file and {max(last)} in another, each "
        "one connected piece"
    )
    table: dict[Code, int] = {0: 0}
    table |= {value: 1 for own in numbers for value in own}
    table[IGNORE] = table.get(IGNORE, 1)
    recoding = Recoding(Legend(("background", "object")), table)
    return Miscoding("instance-ids", sentence, tuple(scan.path for scan in numbered), recoding)
