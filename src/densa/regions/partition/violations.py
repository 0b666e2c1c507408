"""Failures of the axioms of a partition, and their messages."""

from dataclasses import dataclass

Pixel = tuple[int, int]  # row and column


@dataclass(frozen=True)
class Violation:
    """One failure of an axiom.

    Attributes:
        axiom: "a" to "e".
        regions: the regions concerned; none for (a).
        place: (row, column) of a pixel where the axiom fails.
        message: the failure in words.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> (violation,) = regions.check(np.zeros((1, 3)), np.array([[1, 2, 1]]))
        >>> violation.axiom, violation.regions
        ('b', (1,))
    """

    axiom: str
    regions: tuple[int, ...]
    place: Pixel
    message: str


def missing(count: int, place: Pixel) -> Violation:
    """Pixels of the domain are in no region."""
    return Violation("a", (), place, f"axiom (a): {count} pixels of the domain are in no region, first at {place}")


def beyond(count: int, place: Pixel) -> Violation:
    """Pixels outside the domain are in a region."""
    return Violation("a", (), place, f"axiom (a): {count} pixels outside the domain are in a region, first at {place}")


def in_pieces(region: int, count: int, place: Pixel) -> Violation:
    """A region is not connected; `place` is in its second piece."""
    message = f"axiom (b): region {region} is in {count} pieces, the second begins at {place}"
    return Violation("b", (region,), place, message)


def overlapping(one: int, other: int, count: int, place: Pixel) -> Violation:
    """Two regions share pixels."""
    message = f"axiom (c): regions {one} and {other} share {count} pixels, first at {place}"
    return Violation("c", (one, other), place, message)


def predicate_fails(region: int, place: Pixel) -> Violation:
    """The predicate is false for a region that begins at `place`."""
    message = f"axiom (d): the predicate is false for region {region}, which begins at {place}"
    return Violation("d", (region,), place, message)


def union_fits(one: int, other: int, place: Pixel) -> Violation:
    """The predicate holds for the union of two regions that meet at `place`."""
    message = (
        f"axiom (e): the predicate holds for the union of the adjacent regions {one} and {other}, which meet at {place}"
    )
    return Violation("e", (one, other), place, message)
