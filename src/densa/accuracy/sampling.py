"""Draw a sample of a map to assess its accuracy, and write it as points whose reference class is to be filled in."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from densa.accuracy.class_map import ClassMap
from densa.accuracy.design import COLUMN, SampleDesign
from densa.accuracy.drawing import Design, Drawn, Reservoir, draw_systematic
from densa.accuracy.estimation import Z_95, Stratum
from densa.accuracy.planning import LEAST, Allocation, allocate, least_of, sample_size
from densa.accuracy.units import Census, MapUnits, take_census
from densa.checks import as_count
from densa.errors import InputError
from densa.legend import Legend
from densa.progress import Progress
from densa.raster import Georeference
from densa.raster.vector.point_writer import write_points

__all__ = ["MapSample", "SamplePlan", "draw_sample"]

WHOLE = "all"
"""Name of the one stratum of a design without strata."""


@dataclass(frozen=True)
class SamplePlan:
    """What is to be drawn.

    Args:
        total: number of units; or
        per_class: number of units of each stratum; or
        half_width: wished half-width of the 95 % interval of the overall accuracy, which gives the number.
        design: stratified, random (simple random) or systematic (a square grid with a random start).
        allocation: of a stratified sample; None: proportional, or Neyman's where `half_width` is given.
        expected: expected user's accuracy of every stratum, or of each by its name; used by `half_width` and Neyman's
            allocation. 0.5 is the worst case.
        block: side of a sampling unit in pixels; 1: pixels.
        seed: of the random numbers.

    Raises:
        InputError: none or several of `total`, `per_class` and `half_width`, values out of range, or combinations that
            mean nothing.

    Examples:
        >>> from densa import accuracy
        >>> accuracy.SamplePlan(total=500, design="systematic").design
        'systematic'
    """

    total: int | None = None
    per_class: int | None = None
    half_width: float | None = None
    design: Design = "stratified"
    allocation: Allocation | None = None
    expected: float | Mapping[str, float] = 0.5
    block: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        given = [name for name in ("total", "per_class", "half_width") if getattr(self, name) is not None]
        if len(given) != 1:
            got = " and ".join(given) or "none of them"
            raise InputError(f"give one of total=500, per_class=50 and half_width=0.02, got {got}")
        if self.design not in get_args(Design):
            raise InputError(f"design must be one of {', '.join(get_args(Design))}, got {self.design!r}")
        if self.per_class is not None:
            as_count(self.per_class, "per_class", least=LEAST)
            if self.design != "stratified":
                raise InputError(
                    f"per_class needs design=stratified: a {self.design} sample has no number per class; give total=500"
                )
            if self.allocation is not None:
                raise InputError("allocation has no effect with per_class, which is the number of each; give total=500")
        if self.total is not None:
            as_count(self.total, "total", least=LEAST)
        if self.half_width is not None and not 0 < self.half_width < 1:
            raise InputError(f"half_width must be a share between 0 and 1, such as 0.02, got {self.half_width!r}")
        if self.allocation is not None and self.design != "stratified":
            raise InputError(f"allocation has no effect with design={self.design}, which has no strata; leave it out")

    @property
    def most(self) -> int:
        """Units that any stratum may need, before the map is known."""
        if self.half_width is not None:
            return math.ceil(0.25 * (Z_95 / self.half_width) ** 2)  # the worst case
        found = self.total if self.per_class is None else self.per_class
        return int(found or 0)


@dataclass(frozen=True)
class MapSample:
    """A sample of a map.

    Attributes:
        design: what `densa evaluate` needs to estimate from it.
        numbers: (n_strata,) units drawn of each stratum of the design.
        probabilities: (n_strata,) probability with which each of its units was drawn.
        classes: (n,) class of each unit on the map.
        strata: (n,) name of its stratum.
        places: (n, 2) row and column of its first pixel.
        centres: (n, 2) row and column of its centre, with fractions.
        georeference: of the map.
        without_class: units of the map that have no class, or no stratum; they are not sampled.
        expected_half_width: of the 95 % interval of the overall accuracy, under the expected accuracies.
        map_units: units of each class of the map by its name.
        map_areas: area of each class of the map by its name, in the unit of the design.
        remarks: what was decided, a line each.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, accuracy, raster
        >>> raster.write_label_map("map.tif", np.array([[0] * 8, [1] * 8], np.uint8), Legend(("field", "road")))
        >>> found = accuracy.draw_sample("map.tif", accuracy.SamplePlan(per_class=3))
        >>> found.numbers.tolist(), sorted(found.classes), found.probabilities.tolist()
        ([3, 3], ['field', 'field', 'field', 'road', 'road', 'road'], [0.375, 0.375])
        >>> found.write("points.csv")
    """

    design: SampleDesign
    numbers: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    classes: tuple[str, ...]
    strata: tuple[str, ...]
    places: NDArray[np.int64]
    centres: NDArray[np.float64]
    georeference: Georeference | None
    without_class: int
    expected_half_width: float
    map_units: dict[str, int]
    map_areas: dict[str, float]
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.classes)

    def write(self, path: Path | str, *, overwrite: bool = False) -> None:
        """Write the points, with an empty column `ref` for the reference class.

        The columns are `id`, `stratum`, `map_class`, `ref`, `inclusion_probability`, `row` and `column` (of the first
        pixel of the unit), and `design`, whose first cell holds what `densa evaluate` needs. The order is random: a
        beginning of the list is a sample, too.

        Args:
            path: .gpkg, .fgb, .geojson or .csv.
            overwrite: replace an existing file.

        Raises:
            InputError: another suffix, pyogrio is missing, or the file exists.
        """
        probability = dict(zip((one.name for one in self.design.strata), self.probabilities.tolist(), strict=True))
        n = len(self)
        attributes: dict[str, list[Any]] = {
            "id": list(range(1, n + 1)),
            "stratum": list(self.strata),
            "map_class": list(self.classes),
            "ref": [None] * n,
            "inclusion_probability": [probability[name] for name in self.strata],
            "row": self.places[:, 0].tolist(),
            "column": self.places[:, 1].tolist(),
            COLUMN: [self.design.to_text(), *[None] * (n - 1)],
        }
        rows, columns = self.centres.T
        write_points(path, columns, rows, attributes, like=self.georeference, overwrite=overwrite)

    def to_json(self) -> dict[str, Any]:
        """The design and the numbers of each stratum, for programs."""
        design, unit = self.design, self.design.unit
        strata = [
            {
                "name": one.name,
                "units": one.units,
                f"area_{unit}": one.area,
                "points": int(n),
                "inclusion_probability": float(p),
            }
            for one, n, p in zip(design.strata, self.numbers, self.probabilities, strict=True)
        ]
        return {
            "map": design.map,
            "design": design.design,
            "unit": "pixel" if design.block == 1 else "block",
            "block": design.block,
            "seed": design.seed,
            "points": len(self) or int(self.numbers.sum()),
            "expected_half_width": self.expected_half_width if math.isfinite(self.expected_half_width) else None,
            "units_without_class": self.without_class,
            "strata_of": design.strata_of or design.map,
            "strata": strata,
            "classes": [
                {"name": name, "units": self.map_units[name], f"area_{unit}": area}
                for name, area in self.map_areas.items()
            ],
            "remarks": list(self.remarks),
        }


def draw_sample(
    path: Path | str,
    plan: SamplePlan,
    *,
    strata: Path | str | None = None,
    legend: Legend | None = None,
    draw: bool = True,
    progress: Callable[[str], Any] | None = None,
) -> MapSample:
    """Draw a probability sample of the pixels or blocks of a map of any size.

    Pixels without a class are not sampled. The result depends on the map, the plan and the seed alone.

    Args:
        path: a map of classes: GeoTIFF, or a picture of palette or grey values.
        plan: what is to be drawn.
        strata: raster of strata; None: the classes of the map. Only for a stratified sample.
        legend: names of the classes; None: those that the map carries, or else its values.
        draw: False: only the numbers of units, none is drawn.
        progress: called with the name of each pass over the map; returns a context manager that gives a function of
            (done, total), as `densa.progress.progress_bar`.

    Raises:
        InputError: a file that is no map of classes, has no pixel with a class, or is too small for the plan.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, accuracy, raster
        >>> raster.write_label_map("map.tif", np.array([[0] * 8, [1] * 8], np.uint8), Legend(("field", "road")))
        >>> found = accuracy.draw_sample("map.tif", accuracy.SamplePlan(total=8, design="random"))
        >>> len(found), found.numbers.tolist(), found.design.strata[0].name
        (8, [8], 'all')
    """
    if strata is not None and plan.design != "stratified":
        raise InputError(f"strata has no effect with design={plan.design}; leave it out, or take design=stratified")
    with ExitStack() as stack:
        class_map = stack.enter_context(ClassMap(path, legend))
        stratum_map = None if strata is None else stack.enter_context(ClassMap(strata))
        units = MapUnits(class_map, block=plan.block, strata=stratum_map)
        return _draw(units, plan, draw, progress)


def _draw(units: MapUnits, plan: SamplePlan, draw: bool, progress: Any) -> MapSample:
    def passed(name: str, work: Callable[[Progress | None], Any]) -> Any:
        if progress is None:
            return work(None)
        with progress(name) as show:
            return work(show)

    systematic = plan.design == "systematic"
    if systematic or not draw:
        census = passed("count", lambda show: take_census(units, show))
        reservoir = None
    else:
        reservoir = Reservoir(units, plan.most, plan.seed, by_stratum=plan.design == "stratified")
        census = passed("sample", reservoir.fill)
    strata, codes = _strata(units, census, stratified=plan.design == "stratified")
    wanted = _numbers(plan, strata)
    drawn, probability = None, np.array([n / one.units for n, one in zip(wanted, strata, strict=True)])
    if reservoir is not None:
        numbers = dict(zip(codes, wanted.tolist(), strict=True)) if plan.design == "stratified" else int(wanted[0])
        drawn = reservoir.draw(numbers)
    elif draw:
        drawn, share = passed("sample", lambda show: draw_systematic(units, census, int(wanted[0]), plan.seed, show))
        wanted, probability = np.array([len(drawn)]), np.array([share])
    return _sample(units, plan, census, strata, codes, (wanted, probability, drawn))


def _strata(units: MapUnits, census: Census, *, stratified: bool) -> tuple[list[Stratum], list[int]]:
    """The strata of a design, and their codes."""
    if not stratified:
        area = float(census.class_areas.sum()) * census.unit_area
        return [Stratum(WHOLE, int(census.class_units.sum()), area)], [0]
    codes = census.codes(strata=True)
    names = (units.strata or units.class_map).names(codes)
    return [
        Stratum(name, int(census.stratum_units[code]), float(census.stratum_areas[code]) * census.unit_area)
        for name, code in zip(names, codes, strict=True)
    ], codes


def _numbers(plan: SamplePlan, strata: list[Stratum]) -> NDArray[np.int64]:
    """Units to draw of each stratum."""
    sizes = [one.units for one in strata]
    if plan.per_class is not None:
        return least_of(sizes, plan.per_class)
    expected = _expected(plan, strata)
    stratified = plan.design == "stratified"
    total = plan.total
    if plan.half_width is not None:
        total = sample_size(plan.half_width, sizes, expected, stratified=stratified)
        total = max(total, int(np.minimum(sizes, LEAST).sum()))
    assert total is not None
    if not stratified:
        if total > sizes[0]:
            raise InputError(f"total must be at most {sizes[0]}, the units of the map, got {total}")
        return np.array([total])
    usual: Allocation = "proportional" if plan.half_width is None else "neyman"
    return allocate(total, sizes, plan.allocation or usual, expected)


def _expected(plan: SamplePlan, strata: list[Stratum]) -> NDArray[np.float64]:
    """Expected user's accuracy of each stratum; that of a design without strata is their mean."""
    if not isinstance(plan.expected, Mapping):
        return np.full(len(strata), float(plan.expected))
    names = [one.name for one in strata]
    if plan.design != "stratified":
        raise InputError(f"expected must be one accuracy with design={plan.design}, got one of each class")
    if set(names) != set(plan.expected):
        odd = sorted(set(plan.expected) - set(names)) or sorted(set(names) - set(plan.expected))
        raise InputError(f"expected must name every stratum, {', '.join(names)}; see {odd[0]!r}")
    return np.array([float(plan.expected[name]) for name in names])


def _sample(
    units: MapUnits,
    plan: SamplePlan,
    census: Census,
    strata: list[Stratum],
    codes: list[int],
    found: tuple[NDArray[np.int64], NDArray[np.float64], Drawn | None],
) -> MapSample:
    numbers, probability, drawn = found
    raster, present = units.class_map.raster, census.codes()
    names = dict(zip(present, units.class_map.names(present), strict=True))
    of_strata = {code: one.name for code, one in zip(codes, strata, strict=True)}
    if drawn is None:
        nothing = np.zeros(0, np.int64)
        drawn = Drawn(nothing, nothing, nothing, nothing)
    windows = [units.window_of(int(r), int(c)) for r, c in zip(drawn.rows, drawn.columns, strict=True)]
    crs = None if raster.georeference is None else raster.georeference.crs
    design = SampleDesign(
        plan.design,
        tuple(strata),
        unit=census.unit,
        block=plan.block,
        map=raster.path.name,
        strata_of="" if units.strata is None else units.strata.path.name,
        seed=plan.seed,
        crs="" if crs is None else crs.to_string(),
    )
    return MapSample(
        design=design,
        numbers=np.asarray(numbers, np.int64),
        probabilities=probability,
        classes=tuple(names[int(code)] for code in drawn.classes),
        strata=tuple(of_strata[int(code)] if plan.design == "stratified" else strata[0].name for code in drawn.strata),
        places=np.array([(w.row, w.column) for w in windows], np.int64).reshape(-1, 2),
        centres=np.array([(w.row + w.height / 2, w.column + w.width / 2) for w in windows]).reshape(-1, 2),
        georeference=raster.georeference,
        without_class=census.none,
        expected_half_width=_half_width(plan, strata, numbers),
        map_units={names[code]: int(census.class_units[code]) for code in present},
        map_areas={names[code]: float(census.class_areas[code]) * census.unit_area for code in present},
        remarks=_remarks(units, plan, strata, numbers, census),
    )


def _half_width(plan: SamplePlan, strata: list[Stratum], numbers: NDArray[np.int64]) -> float:
    """Half-width of the interval of the overall accuracy that the expected accuracies let expect."""
    expected, areas = _expected(plan, strata), np.array([one.area for one in strata])
    sizes, n = np.array([one.units for one in strata]), np.asarray(numbers, np.float64)
    if (n < LEAST).any() and (n < sizes).any():
        return math.nan
    variance = (areas / areas.sum()) ** 2 * expected * (1 - expected) * (1 - n / sizes) / np.maximum(n, 1)
    return float(Z_95 * np.sqrt(variance.sum()))


def _remarks(
    units: MapUnits, plan: SamplePlan, strata: list[Stratum], numbers: NDArray[np.int64], census: Census
) -> tuple[str, ...]:
    raster, said = units.class_map.raster, []
    if raster.georeference is None or raster.georeference.crs is None:
        where = "has no georeference" if raster.georeference is None else "names no reference system"
        what = "areas are in pixels" if census.unit == "px" else "areas are in square metres of the plane"
        said.append(f"{raster.path.name} {where}: {what}, and points in the coordinates of the map")
    if plan.half_width is not None and plan.expected == 0.5:
        said.append("half_width without expected accuracies takes the worst case of 0.5; give expected=0.8")
    small = [one.name for one, n in zip(strata, numbers.tolist(), strict=True) if n == one.units]
    if small and plan.design == "stratified":
        said.append(f"sampled as a whole, since they have no more units: {', '.join(small[:10])}")
    if units.strata is not None and census.none:
        said.append(f"{census.none} units without a class or a stratum are left out")
    return tuple(said)
