"""Accuracy of a map and areas of its classes from points with reference classes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.accuracy.class_map import NONE, ClassMap
from densa.accuracy.design import SampleDesign
from densa.accuracy.estimation import (
    Estimate,
    MapAccuracy,
    Parts,
    Stratum,
    estimate_domains,
    estimate_parts,
    finite,
)
from densa.accuracy.point_table import PointTable, is_empty, read_points, text_of
from densa.accuracy.reference import ClassNames, listed
from densa.accuracy.units import Census, MapUnits, over, read_over, take_census
from densa.errors import InputError
from densa.legend import Legend
from densa.progress import Progress

__all__ = ["Domain", "MapAssessment", "assess_map"]


@dataclass(frozen=True)
class Domain:
    """A part of the sample with one value of an attribute.

    Attributes:
        value: of the attribute.
        points: number of its points.
        accuracy: overall accuracy in this part of the map.
        share: of the area of the map.

    Examples:
        >>> from densa import accuracy
        >>> accuracy.Domain("steep", 40, accuracy.Estimate(0.8, 0.06), accuracy.Estimate(0.3, 0.05)).points
        40
    """

    value: str
    points: int
    accuracy: Estimate
    share: Estimate


@dataclass(frozen=True)
class MapAssessment:
    """Accuracy of a map, estimated from a sample, with what it rests on.

    Attributes:
        accuracy: the estimates.
        map, points: the files.
        reference: where the reference classes are from: a field of the points, or a raster.
        design: how the points were drawn; `strata` are those of the estimates.
        estimator: in words.
        mapped_areas: (n_classes,) area of each class by counting the pixels of the map.
        n_points: points of the file.
        n_empty: those without a reference class, which are left out.
        by: name of the attribute of `domains`.
        domains: overall accuracy for each of its values.
        remarks: what was decided, a line each.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, accuracy, raster
        >>> legend = Legend(("field", "road"))
        >>> raster.write_label_map("map.tif", np.array([[0] * 8, [1] * 8], np.uint8), legend)
        >>> accuracy.draw_sample("map.tif", accuracy.SamplePlan(per_class=8)).write("points.csv")
        >>> truth = np.array([[0] * 8, [0] * 2 + [1] * 6], np.uint8)
        >>> raster.write_label_map("truth.tif", truth, legend)
        >>> found = accuracy.assess_map("map.tif", "points.csv", reference="truth.tif")
        >>> found.accuracy.overall.value, found.accuracy.users[1].value, found.to_json()["classes"][0]["area_px"]
        (0.875, 0.75, 10.0)
    """

    accuracy: MapAccuracy
    map: str
    points: str
    reference: str
    design: SampleDesign
    estimator: str
    mapped_areas: NDArray[np.float64]
    n_points: int
    n_empty: int
    by: str = ""
    domains: tuple[Domain, ...] = ()
    remarks: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """The content of `metrics.json`: shares of 0 to 1, areas in the unit that ends their keys; None: undefined."""
        found, unit = self.accuracy, self.design.unit
        classes = [
            {
                "name": name,
                "users_accuracy": found.users[k].to_json(),
                "producers_accuracy": found.producers[k].to_json(),
                "share": found.areas[k].to_json(),
                **{
                    key: finite(found.area * value)
                    for key, value in (
                        (f"area_{unit}", found.areas[k].value),
                        (f"area_standard_error_{unit}", found.areas[k].standard_error),
                        (f"area_low_{unit}", found.areas[k].low),
                        (f"area_high_{unit}", found.areas[k].high),
                    )
                },
                f"mapped_area_{unit}": float(self.mapped_areas[k]),
            }
            for k, name in enumerate(found.class_names)
        ]
        strata = [
            {"name": one.name, "units": one.units, f"area_{unit}": one.area, "points": int(n)}
            for one, n in zip(found.strata, found.points, strict=True)
        ]
        return {
            "map": self.map,
            "points": self.points,
            "reference": self.reference,
            "design": self.design.design,
            "unit": "pixel" if self.design.block == 1 else "block",
            "block": self.design.block,
            "n_points": self.n_points,
            "n_points_without_reference": self.n_empty,
            f"area_{unit}": found.area,
            "overall_accuracy": found.overall.to_json(),
            "classes": classes,
            "error_matrix": {
                "rows": "map",
                "columns": "reference",
                "classes": list(found.class_names),
                "area_shares": found.matrix.tolist(),
                "counts": found.counts.tolist(),
            },
            **self._disagreement(),
            "strata": strata,
            **({"by": self.by, "groups": [_domain_json(one) for one in self.domains]} if self.by else {}),
            "rules": {"estimator": self.estimator, "intervals": "estimate +- 1.96 standard errors, within 0 and 1"},
            "remarks": list(self.remarks),
        }

    def _disagreement(self) -> dict[str, float]:
        from densa.metrics import disagreement

        found = disagreement(self.accuracy.matrix.T)
        return {"quantity_disagreement": found.quantity, "allocation_disagreement": found.allocation}


def _domain_json(one: Domain) -> dict[str, Any]:
    return {
        "value": one.value,
        "points": one.points,
        "overall_accuracy": one.accuracy.to_json(),
        "share": one.share.to_json(),
    }


def assess_map(
    path: Path | str,
    points: Path | str,
    *,
    class_field: str = "ref",
    reference: Path | str | None = None,
    strata: Path | str | None = None,
    legend: Legend | None = None,
    by: str | None = None,
    progress: Progress | None = None,
) -> MapAssessment:
    """Estimate the accuracy of a map and the areas of its classes from points with reference classes.

    Points of `densa sample` say how they were drawn. Others are taken as drawn at random in the classes of the map, or
    in `strata`. Simple random and systematic samples are post-stratified by the classes of the map if each has at least
    two points, as Olofsson et al. 2014 recommend; a systematic sample is taken for a random one, which as a rule
    overstates its errors.

    Args:
        path: the map; it need not be that which was sampled.
        points: .gpkg, .geojson, .shp, .fgb or .csv.
        class_field: field of the points that holds the reference class, its name or its value on the map; points where
            it is empty are left out, as if they had not been drawn.
        reference: raster that holds the reference classes in place of the field; on any grid.
        strata: raster of the strata, for points that do not say how they were drawn.
        legend: names of the classes; None: those that the map carries, or else its values.
        by: field of the points; the overall accuracy is given for each of its values, too.
        progress: called with (pixels done, pixels in all) of the map, whose classes are counted.

    Raises:
        InputError: a file that cannot be read; a field that is absent; classes that are not in the legend; points
            outside the map, without a class on it, or two on one unit; a stratum without points.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, accuracy, raster
        >>> raster.write_label_map("map.tif", np.array([[0] * 8, [1] * 8], np.uint8), Legend(("field", "road")))
        >>> from pathlib import Path
        >>> _ = Path("points.csv").write_text("column,row,ref\\n0,0,field\\n5,0,field\\n2,1,road\\n7,1,field\\n")
        >>> accuracy.assess_map("map.tif", "points.csv").accuracy.overall.value
        0.75
    """
    with ExitStack() as stack:
        class_map = stack.enter_context(ClassMap(path, legend))
        table = read_points(points, class_map.raster)
        if table.design is not None and strata is not None:
            raise InputError(f"strata has no effect: {table.path} says how its points were drawn; leave it out")
        stratum_map = None if strata is None else stack.enter_context(ClassMap(strata))
        block = 1 if table.design is None else table.design.block
        units = MapUnits(class_map, block=block, strata=stratum_map)
        if reference is None:
            table.column(class_field)  # refused before the map is read
        if by is not None:
            table.column(by)
        places = _places(table, units)
        census = take_census(units, progress)
        truth = None if reference is None else stack.enter_context(ClassMap(reference, _legend_of(reference, legend)))
        sampled = _sampled(units, table, places, census, class_field if truth is None else truth)
        return _assessment(units, table, census, sampled, by)


def _legend_of(reference: Path | str, legend: Legend | None) -> Legend | None:
    """The legend of a reference raster: its own, or else that which is given for the map."""
    from densa.raster import carried_legend

    return carried_legend(reference) or legend


@dataclass(frozen=True)
class _Sampled:
    """Sampled units with a reference class.

    Attributes:
        kept: their numbers among the points.
        parts: their areas by class.
        names: all classes.
        predicted: class of each on the map; of a block, the most frequent one.
        strata: code of the stratum of each, by the raster of strata or the map.
        reference: where the reference classes are from.
    """

    kept: list[int]
    parts: Parts
    names: ClassNames
    predicted: NDArray[np.int64]
    strata: NDArray[np.int64]
    reference: str


def _places(table: PointTable, units: MapUnits) -> NDArray[np.int64]:
    """(n, 2) row and column of the unit of each point.

    Raises:
        InputError: points outside the map, or two on one unit.
    """
    raster, ids = units.class_map.raster, table.ids
    with np.errstate(invalid="ignore"):
        rows, columns = np.floor(table.rows), np.floor(table.columns)
        inside = (rows >= 0) & (rows < raster.height) & (columns >= 0) & (columns < raster.width)
    if not inside.all():
        outside = [ids[k] for k in np.flatnonzero(~inside)]
        raise InputError(
            f"{len(outside)} of {len(table)} points of {table.path} are outside of {raster.path}: {listed(outside)};"
            " remove them, or choose the map that was sampled"
        )
    places = np.stack([rows, columns], axis=1).astype(np.int64) // units.block
    first: dict[tuple[int, int], str] = {}
    pairs = []
    for name, (row, column) in zip(ids, places.tolist(), strict=True):
        if (other := first.setdefault((row, column), name)) is not name:
            pairs.append(f"{other} and {name}")
    if pairs:
        what = "pixel" if units.block == 1 else "block"
        raise InputError(f"{table.path} has points twice on one {what}: {listed(pairs)}; keep one of each")
    return places


def _sampled(
    units: MapUnits, table: PointTable, places: NDArray[np.int64], census: Census, truth: str | ClassMap
) -> _Sampled:
    ids, codes = table.ids, census.codes()
    names = ClassNames(units.class_map.legend, codes)
    number = _number_of(units.class_map, codes)
    if isinstance(truth, ClassMap):
        reader, of_truth = over(truth, units.class_map), _Lookup(truth, names)
        cells: list[int | None] = [None] * len(places)
    else:
        reader, of_truth = None, None
        cells = names.numbers(table.column(truth), ids, table.path)
    entries: list[tuple[int, int, int, float]] = []
    kept: list[int] = []
    predicted: list[int] = []
    strata: list[int] = []
    nowhere: list[int] = []
    for k in np.lexsort((places[:, 1], places[:, 0])).tolist():
        window = units.window_of(*places[k].tolist())
        unit = units.read(window)
        if unit.classes[0, 0] == NONE:
            nowhere.append(k)
            continue
        on_map = number[units.class_map.read(window)]
        areas = units.pixel_areas(window)
        if of_truth is not None and isinstance(truth, ClassMap):
            true = of_truth(read_over(truth, reader, window))
        else:
            true = np.full(on_map.shape, NONE if cells[k] is None else cells[k])
            on_map = np.where(on_map == NONE, NONE, number[unit.classes[0, 0]])  # of a block with one reference class
        both = (on_map != NONE) & (true != NONE)
        if not both.any():
            continue
        for pair in np.unique(np.stack([on_map[both], true[both]]), axis=1).T.tolist():
            here = both & (on_map == pair[0]) & (true == pair[1])
            entries.append((len(kept), *pair, float(areas[here].sum())))
        kept.append(k)
        predicted.append(int(number[unit.classes[0, 0]]))
        strata.append(int(unit.strata[0, 0]))
    if nowhere:
        raise InputError(
            f"{len(nowhere)} of {len(places)} points of {table.path} are where {units.class_map.path} has no class:"
            f" {listed([ids[k] for k in sorted(nowhere)])}; remove them, or choose the map that was sampled"
        )
    if not kept:
        where = f"the field {truth!r} of {table.path}" if isinstance(truth, str) else f"{truth.path}"
        raise InputError(f"none of the {len(places)} points has a reference class: {where} is empty there; fill it in")
    unit_of, on_map_of, true_of, area_of = zip(*entries, strict=True)
    parts = Parts(np.array(unit_of), np.array(on_map_of), np.array(true_of), np.array(area_of))
    source = f"field {truth}" if isinstance(truth, str) else truth.path.name
    return _Sampled(kept, parts, names, np.array(predicted), np.array(strata), source)


def _number_of(class_map: ClassMap, codes: Sequence[int]) -> NDArray[np.int64]:
    """Number of the class of each code of a map; the last entry is that of `NONE`."""
    n = max(codes) + 1
    table = np.full(n + 1, NONE, np.int64)
    table[list(codes)] = codes if class_map.legend is not None else np.arange(len(codes))
    return table


class _Lookup:
    """Numbers of classes of the codes of a reference raster, by their names, or by their values."""

    def __init__(self, truth: ClassMap, names: ClassNames) -> None:
        self._truth, self._names = truth, names
        self._known: dict[int, int] = {NONE: NONE}

    def __call__(self, codes: NDArray[np.int32]) -> NDArray[np.int64]:
        for code in np.unique(codes).tolist():
            if code not in self._known:
                name = self._truth.names([code])
                (found,) = self._names.numbers(name, ["at their places"], self._truth.path)
                self._known[code] = NONE if found is None else found
        table = np.array([[code, number] for code, number in sorted(self._known.items())])
        return table[np.searchsorted(table[:, 0], codes), 1]


def _assessment(units: MapUnits, table: PointTable, census: Census, sampled: _Sampled, by: str | None) -> MapAssessment:
    strata, of, estimator, remarks = _strata(units, table, census, sampled)
    n_empty = len(table) - len(sampled.kept)
    if n_empty:
        remarks.append(
            f"{n_empty} of {len(table)} points have no reference class and are left out, as if they had not been drawn"
        )
    if table.n_without:
        remarks.append(f"{table.n_without} features of {table.path.name} have no geometry and are left out")
    present, mapped = _present(units, census, sampled)
    place = np.full(len(sampled.names.names), NONE)
    place[present] = np.arange(len(present))
    parts = replace(sampled.parts, predicted=place[sampled.parts.predicted], reference=place[sampled.parts.reference])
    found = estimate_parts(of, parts, strata, class_names=[sampled.names.names[k] for k in present])
    design = table.design or SampleDesign("stratified", tuple(strata), census.unit, 1, units.class_map.path.name)
    domains: tuple[Domain, ...] = ()
    if by is not None:
        cells = ["(empty)" if is_empty(cell) else text_of(cell) for cell in table.column(by)]
        values = sorted({cells[k] for k in sampled.kept})
        numbers = np.array([values.index(cells[k]) for k in sampled.kept])
        parts_by_value = estimate_domains(of, parts, strata, numbers, len(values))
        domains = tuple(Domain(value, *part) for value, part in zip(values, parts_by_value, strict=True))
    return MapAssessment(
        accuracy=found,
        map=str(units.class_map.path),
        points=str(table.path),
        reference=sampled.reference,
        design=design,
        estimator=estimator,
        mapped_areas=mapped,
        n_points=len(table),
        n_empty=n_empty,
        by=by or "",
        domains=domains,
        remarks=(*remarks, *found.remarks, *_without_error(found)),
    )


def _present(units: MapUnits, census: Census, sampled: _Sampled) -> tuple[list[int], NDArray[np.float64]]:
    """Numbers of the classes on the map or in the reference, and the areas of their pixels on the map."""
    codes, number = census.codes(), _number_of(units.class_map, census.codes())
    present = sorted({*number[codes].tolist(), *sampled.parts.reference.tolist()})
    areas = np.zeros(len(sampled.names.names))
    areas[number[codes]] = census.class_areas[codes] * census.unit_area
    return present, areas[present]


def _strata(
    units: MapUnits, table: PointTable, census: Census, sampled: _Sampled
) -> tuple[list[Stratum], NDArray[np.int64], str, list[str]]:
    """The strata of the estimates, that of each unit, the estimator in words, and remarks."""
    design, remarks = table.design, []
    if design is not None and design.design == "stratified":
        names = [one.name for one in design.strata]
        cells = [text_of(cell) for cell in table.column("stratum")]
        if odd := sorted({cells[k] for k in sampled.kept} - set(names)):
            raise InputError(
                f"{table.path} has the strata {listed(odd)}, which its design does not have: {listed(names)}"
            )
        remarks += _other_area(design, census)
        of = np.array([names.index(cells[k]) for k in sampled.kept])
        return list(design.strata), of, "stratified (Stehman 2014; Olofsson et al. 2014)", remarks
    codes = census.codes(strata=True)
    strata = [
        Stratum(name, int(census.stratum_units[code]), float(census.stratum_areas[code]) * census.unit_area)
        for name, code in zip((units.strata or units.class_map).names(codes), codes, strict=True)
    ]
    of = np.searchsorted(codes, sampled.strata)
    counts = np.bincount(of, minlength=len(codes))
    if design is None:
        what = "the classes of the map" if units.strata is None else units.strata.path.name
        remarks.append(f"{table.path.name} does not say how its points were drawn: taken as drawn at random in {what}")
        return strata, of, f"stratified by {what} (Olofsson et al. 2014)", remarks
    remarks += _other_area(design, census)
    if (counts >= 2).all():
        return strata, of, f"{design.design}, post-stratified by the classes of the map (Olofsson et al. 2014)", remarks
    few = [one.name for one, n in zip(strata, counts.tolist(), strict=True) if n < 2]
    remarks.append(f"not post-stratified by the classes of the map: fewer than two points on {listed(few)}")
    return list(design.strata), np.zeros(len(of), np.int64), f"{design.design}, without strata (Stehman 2014)", remarks


def _other_area(design: SampleDesign, census: Census) -> list[str]:
    """A line where the map is not as large as that which was sampled."""
    sampled = sum(one.area for one in design.strata)
    here = float(census.class_areas.sum()) * census.unit_area
    if design.unit == census.unit and abs(here / sampled - 1) < 1e-3:
        return []
    return [
        f"the sample is of {design.map or 'a map'} of {sampled:.6g} {design.unit}, this map has {here:.6g}"
        f" {census.unit}: estimates are of the area that was sampled"
    ]


def _without_error(found: MapAccuracy) -> list[str]:
    """A line on classes in which all points are right: no error was seen, which is not the same as none."""
    if all(n >= one.units for n, one in zip(found.points.tolist(), found.strata, strict=True)):
        return []
    sure = [
        name
        for name, users in zip(found.class_names, found.users, strict=True)
        if users.value == 1 and users.standard_error == 0
    ]
    if not sure:
        return []
    return [
        f"all points on {listed(sure)} are right: a standard error of 0 says that none was seen, not that there is none"
    ]
