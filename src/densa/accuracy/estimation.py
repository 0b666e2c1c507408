"""Accuracy of a map and areas of its classes, estimated from a probability sample, with standard errors.

In stratum h, of N_h units and the area A_h, n_h units were sampled. The unit u has the area a_u and, of an attribute,
the area y_u (that which the map calls forest, that which is forest, that which is right, ...); z_u = y_u - R x_u, where
R = Y / X is the ratio of the estimated totals Y = sum_h A_h sum_u y_u / sum_u a_u and X likewise, and X is the known
area of the map for the overall accuracy and for areas. The variance of R is that of equation 28 of Stehman 2014,

    sum_h A_h^2 (1 - f_h) s_h^2 / n_h / X^2,

with s_h^2 the sample variance of (z_u - a_u z_h) / a_h, z_h = sum_u z_u / sum_u a_u, a_h the mean of the a_u, and f_h =
n_h / N_h, taken as 0 up to 5 % (Cochran 1977, section 2.6). Where all units have one area these are the estimators of
Stehman 2014, and, where strata are the classes of the map, equations 1 to 11 of Olofsson et al. 2014.

Method: Accuracy and area from a sample.
Source: Olofsson, Foody, Herold, Stehman, Woodcock, Wulder 2014, RSE 148:42-57, equations 1 to 11; Stehman 2014, IJRS
    35:4923-4939, section 2.
As printed: user's, producer's and overall accuracy, areas, their standard errors; intervals of 1.96 standard errors.
Departs: units of unequal area (pixels in degrees, blocks at borders) are weighted by area within their stratum;
    intervals end at 0 and 1; the finite population correction counts from a twentieth of a stratum on.
Held by: tests/accuracy/test_estimation.py, tests/accuracy/test_simulation.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densa.errors import InputError

__all__ = [
    "Estimate",
    "MapAccuracy",
    "Parts",
    "Stratum",
    "estimate_accuracy",
    "estimate_domains",
    "estimate_parts",
]

Z_95 = 1.959963984540054
"""Quantile of the normal distribution for intervals of 95 %."""
_NEGLIGIBLE = 0.05  # share of a stratum that was sampled, up to which the correction for finite populations is left out


@dataclass(frozen=True)
class Stratum:
    """A part of the map that was sampled by itself.

    Attributes:
        name: for messages and tables.
        units: number of its units, pixels or blocks.
        area: their area, in any unit that all strata share.

    Examples:
        >>> from densa import accuracy
        >>> accuracy.Stratum("forest", units=3_200_000, area=288_000.0).units
        3200000
    """

    name: str
    units: int
    area: float


@dataclass(frozen=True)
class Estimate:
    """An estimated share, with its standard error; NaN where it is not defined.

    Attributes:
        value: the share, from 0 to 1.
        standard_error: NaN also where a stratum that counts has one point.

    Examples:
        >>> from densa import accuracy
        >>> found = accuracy.Estimate(0.95, 0.01)
        >>> round(found.low, 4), round(found.high, 4), round(found.half_width, 4)
        (0.9304, 0.9696, 0.0196)
    """

    value: float
    standard_error: float

    @property
    def half_width(self) -> float:
        """1.96 standard errors."""
        return Z_95 * self.standard_error

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval, at least 0."""
        return max(0.0, self.value - self.half_width) if math.isfinite(self.half_width) else math.nan

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval, at most 1."""
        return min(1.0, self.value + self.half_width) if math.isfinite(self.half_width) else math.nan

    def to_json(self, total: float | None = None, unit: str = "") -> dict[str, float | None]:
        """Value, standard error and interval; with a total also the area in it, under keys that end in the unit."""
        parts = {"value": self.value, "standard_error": self.standard_error, "low": self.low, "high": self.high}
        if total is not None:
            parts |= {f"{name}_{unit}" if unit else name: total * value for name, value in _areas_of(self).items()}
        return {name: value if math.isfinite(value) else None for name, value in parts.items()}


def _areas_of(share: Estimate) -> dict[str, float]:
    return {
        "area": share.value,
        "area_standard_error": share.standard_error,
        "area_low": share.low,
        "area_high": share.high,
    }


@dataclass(frozen=True)
class MapAccuracy:
    """Estimates of a sample; classes in the order of `class_names`.

    Attributes:
        class_names: names of the classes.
        strata: the strata.
        points: (n_strata,) number of sampled units of each stratum.
        counts: (n_classes, n_classes) sampled units by [map, reference]; areas where a unit holds several classes.
        matrix: (n_classes, n_classes) shares of the area by [map, reference]; sums to 1.
        overall: overall accuracy.
        users: user's accuracy of each class (1 - commission); NaN where the map shows none in the sample.
        producers: producer's accuracy of each class (1 - omission); NaN where the reference shows none.
        areas: share of the area that each class has in the reference.
        mapped: share of the area that each class has on the map, estimated from the same sample.
        area: of the map.
        remarks: what else is to be known, a line each.

    Examples:
        >>> from densa import accuracy
        >>> strata = [accuracy.Stratum("forest", 900, 900), accuracy.Stratum("field", 100, 100)]
        >>> found = accuracy.estimate_accuracy(
        ...     [0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 0], strata, class_names=("forest", "field")
        ... )
        >>> round(found.overall.value, 4), found.matrix.round(4).tolist()
        (0.9667, [[0.9, 0.0], [0.0333, 0.0667]])
        >>> found.areas[1].to_json(total=found.area)["area"].__round__(3)
        66.667
    """

    class_names: tuple[str, ...]
    strata: tuple[Stratum, ...]
    points: NDArray[np.int64]
    counts: NDArray[np.float64]
    matrix: NDArray[np.float64]
    overall: Estimate
    users: tuple[Estimate, ...]
    producers: tuple[Estimate, ...]
    areas: tuple[Estimate, ...]
    mapped: tuple[Estimate, ...]
    area: float
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Parts:
    """Areas of sampled units by class: one entry for a pixel, several for a block.

    Attributes:
        unit: (n,) number of the unit of each entry.
        predicted: (n,) class on the map.
        reference: (n,) class of the reference.
        area: (n,) area.

    Examples:
        >>> import numpy as np
        >>> from densa import accuracy
        >>> block = accuracy.Parts(np.array([0, 0]), np.array([0, 0]), np.array([0, 1]), np.array([7.0, 2.0]))
        >>> float(block.area.sum())  # nine pixels that the map gives one class, two of them wrong
        9.0
    """

    unit: NDArray[np.int64]
    predicted: NDArray[np.int64]
    reference: NDArray[np.int64]
    area: NDArray[np.float64] = field(repr=False)


def estimate_accuracy(
    stratum: ArrayLike,
    predicted: ArrayLike,
    reference: ArrayLike,
    strata: Sequence[Stratum],
    *,
    class_names: Sequence[str],
    unit_areas: ArrayLike | None = None,
) -> MapAccuracy:
    """Estimate accuracy and areas from sampled units, each of one class on the map and one in the reference.

    Args:
        stratum: (n,) number of the stratum of each sampled unit, in the order of `strata`.
        predicted: (n,) class of each on the map, an index of `class_names`.
        reference: (n,) true class of each, an index of `class_names`.
        strata: the strata, which together are the map; they may be others than the classes of the map.
        class_names: names of the classes.
        unit_areas: (n,) area of each unit; None: all units have one area.

    Returns:
        The estimates.

    Raises:
        InputError: lengths that differ, a number that is no stratum or class, or a stratum without points.

    Examples:
        >>> from densa import accuracy
        >>> strata = [accuracy.Stratum("forest", 900, 900), accuracy.Stratum("field", 100, 100)]
        >>> found = accuracy.estimate_accuracy(
        ...     [0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 0], strata, class_names=("forest", "field")
        ... )
        >>> round(found.users[1].value, 4), round(found.users[1].standard_error, 4)
        (0.6667, 0.3333)
    """
    columns = [np.asarray(values) for values in (stratum, predicted, reference)]
    n = len(columns[0])
    areas = np.ones(n) if unit_areas is None else np.asarray(unit_areas, np.float64)
    if any(values.shape != (n,) for values in (*columns, areas)):
        raise InputError(
            "stratum, predicted, reference and unit_areas must be (n,), a value for each sampled unit, got the shapes "
            + ", ".join(str(values.shape) for values in (*columns, areas))
        )
    of, on_map, truth = (values.astype(np.int64) for values in columns)
    parts = Parts(np.arange(n), on_map, truth, areas)
    return estimate_parts(of, parts, strata, class_names=class_names)


def estimate_parts(
    stratum: NDArray[np.int64],
    parts: Parts,
    strata: Sequence[Stratum],
    *,
    class_names: Sequence[str],
) -> MapAccuracy:
    """Estimate accuracy and areas as `estimate_accuracy` does, from units that may hold several classes.

    Args:
        stratum: (n_units,) number of the stratum of each sampled unit.
        parts: areas of the units by class.
        strata: the strata.
        class_names: names of the classes.

    Examples:
        >>> import numpy as np
        >>> from densa import accuracy
        >>> of_units = np.array([0, 0, 1, 1, 1])  # two blocks of four pixels, of which some are wrong
        >>> on_map, truth = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 0, 1, 0])
        >>> parts = accuracy.Parts(of_units, on_map, truth, np.array([3.0, 1, 2, 1, 1]))
        >>> found = accuracy.estimate_parts(
        ...     np.array([0, 0]), parts, [accuracy.Stratum("all", 10, 40)], class_names=("field", "road")
        ... )
        >>> found.overall.value
        0.75
    """
    n_classes = len(class_names)
    _check(stratum, parts, strata, class_names)
    sample = _Sample(stratum, parts, strata)
    k = np.arange(n_classes)
    on_map, truth = parts.predicted == k[:, None], parts.reference == k[:, None]
    weight = parts.area * sample.weight[stratum[parts.unit]] / sample.area
    matrix = np.zeros((n_classes, n_classes))
    np.add.at(matrix, (parts.predicted, parts.reference), weight)
    counts = np.zeros_like(matrix)
    shares = parts.area / sample.unit_areas[parts.unit]
    np.add.at(counts, (parts.predicted, parts.reference), shares)
    return MapAccuracy(
        class_names=tuple(class_names),
        strata=tuple(strata),
        points=sample.points,
        counts=counts,
        matrix=matrix,
        overall=sample.share(parts.predicted == parts.reference),
        users=tuple(sample.ratio(m & t, m, of_map=True) for m, t in zip(on_map, truth, strict=True)),
        producers=tuple(sample.ratio(m & t, t) for m, t in zip(on_map, truth, strict=True)),
        areas=tuple(map(sample.share, truth)),
        mapped=tuple(map(sample.share, on_map)),
        area=sample.area,
        remarks=_remarks(sample),
    )


def estimate_domains(
    stratum: NDArray[np.int64], parts: Parts, strata: Sequence[Stratum], domain: NDArray[np.int64], n_domains: int
) -> list[tuple[int, Estimate, Estimate]]:
    """Points, overall accuracy and share of the area of parts of the map that cut across its strata.

    Args:
        stratum, parts, strata: as `estimate_parts`.
        domain: (n_units,) number of each unit's part.
        n_domains: how many there are.

    Examples:
        >>> import numpy as np
        >>> from densa import accuracy
        >>> parts = accuracy.Parts(np.arange(4), np.zeros(4, int), np.array([0, 1, 0, 0]), np.ones(4))
        >>> strata = [accuracy.Stratum("all", 100, 100.0)]
        >>> found = accuracy.estimate_domains(np.zeros(4, int), parts, strata, np.array([0, 0, 1, 1]), 2)
        >>> [(points, estimate.value) for points, estimate, _ in found]
        [(2, 0.5), (2, 1.0)]
    """
    sample = _Sample(stratum, parts, strata)
    right = parts.predicted == parts.reference
    found = []
    for number in range(n_domains):
        inside = (domain == number)[parts.unit]
        points = int((domain == number).sum())
        found.append((points, sample.ratio(right & inside, inside), sample.share(inside)))
    return found


class _Sample:
    """Units in strata: totals and variances of attributes of their parts."""

    def __init__(self, stratum: NDArray[np.int64], parts: Parts, strata: Sequence[Stratum]) -> None:
        self._stratum, self._parts, self.strata = stratum, parts, strata
        n, n_strata = len(stratum), len(strata)
        self.unit_areas = np.bincount(parts.unit, parts.area, minlength=n)
        self.points = np.bincount(stratum, minlength=n_strata)
        self._areas = np.array([one.area for one in strata], np.float64)
        self._units = np.array([one.units for one in strata], np.float64)
        self.area = float(self._areas.sum())
        sampled = np.bincount(stratum, self.unit_areas, minlength=n_strata)
        self.weight = self._areas / sampled  # area of the map for each unit of sampled area
        self._mean = sampled / self.points

    def share(self, attribute: NDArray[np.bool_]) -> Estimate:
        """Of the whole area."""
        y = self._per_unit(attribute)
        total = float((self.weight[self._stratum] * y).sum())
        return Estimate(min(1.0, total / self.area), self._error(y, self.area, self.points > 0))

    def ratio(self, attribute: NDArray[np.bool_], among: NDArray[np.bool_], *, of_map: bool = False) -> Estimate:
        """Of the area of another attribute, which is estimated as well; `of_map`: it is seen on the map."""
        y, x = self._per_unit(attribute), self._per_unit(among)
        weight = self.weight[self._stratum]
        whole = float((weight * x).sum())
        if not whole:
            return Estimate(math.nan, math.nan)
        value = float((weight * y).sum()) / whole
        # A stratum without the other attribute does not count where that one is seen on the map.
        counts = np.bincount(self._stratum, x, minlength=len(self.strata)) > 0
        return Estimate(value, self._error(y - value * x, whole, counts if of_map else self.points > 0))

    def _per_unit(self, attribute: NDArray[np.bool_]) -> NDArray[np.float64]:
        inside = self._parts.unit[attribute]
        return np.bincount(inside, self._parts.area[attribute], minlength=len(self._stratum)).astype(np.float64)

    def _error(self, z: NDArray[np.float64], whole: float, counts: NDArray[np.bool_]) -> float:
        """Standard error of sum(z) / whole; `counts`: the strata that have to do with it."""
        n_strata, of = len(self.strata), self._stratum
        mean = np.bincount(of, z, minlength=n_strata) * self.weight / self._areas
        residual = (z - self.unit_areas * mean[of]) / self._mean[of]
        squares = np.bincount(of, residual**2, minlength=n_strata)
        fraction = self.points / self._units
        free = np.where(fraction > _NEGLIGIBLE, 1 - fraction, 1.0)
        if ((self.points == 1) & (free > 0) & counts).any():  # one point says nothing of the variance
            return math.nan
        variance = squares / np.maximum(self.points - 1, 1) / self.points
        return math.sqrt(float((self._areas**2 * free * variance).sum())) / whole


def _check(stratum: NDArray[np.int64], parts: Parts, strata: Sequence[Stratum], class_names: Sequence[str]) -> None:
    if not strata:
        raise InputError("strata must be one or more, got none")
    for what, values, n in (
        ("stratum", stratum, len(strata)),
        ("predicted", parts.predicted, len(class_names)),
        ("reference", parts.reference, len(class_names)),
    ):
        if values.size and (values.min() < 0 or values.max() >= n):
            wrong = int(values.min() if values.min() < 0 else values.max())
            raise InputError(f"{what} must be numbers from 0 to {n - 1}, got {wrong}")
    for one in strata:
        if not (one.units > 0 and 0 < one.area < math.inf):
            raise InputError(f"a stratum must have units and an area, got {one}")
    points = np.bincount(stratum, minlength=len(strata))
    if not points.all():
        without = [one.name for one, n in zip(strata, points, strict=True) if not n]
        raise InputError(
            f"strata without points: {', '.join(without[:10])}{', ...' if len(without) > 10 else ''}; nothing is known"
            " of them: label points there, at least two in each"
        )
    if many := [one.name for one, n in zip(strata, points, strict=True) if n > one.units]:
        raise InputError(f"stratum {many[0]} has more points than units; is the map another than that of the sample?")


def _remarks(sample: _Sample) -> tuple[str, ...]:
    alone = [one.name for one, n in zip(sample.strata, sample.points.tolist(), strict=True) if n == 1 and one.units > 1]
    if not alone:
        return ()
    listed = ", ".join(alone[:10]) + (", ..." if len(alone) > 10 else "")
    return (f"strata with one point have no variance, nor what depends on them a standard error: {listed}",)


def finite(value: Any) -> float | None:
    """A number for JSON; None where it is not defined."""
    number = float(value)
    return number if math.isfinite(number) else None
