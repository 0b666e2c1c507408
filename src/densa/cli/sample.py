"""`densa sample`: points of a map whose reference class is to be filled in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from densa.cli.common import Config, Json, print_json
from densa.cli.derived import in_flags, options_from
from densa.locations import location
from densa.options import options_of
from densa.settings import Existing
from densa.verbs.settings import SampleOptions
from densa.verbs.tell import tell

if TYPE_CHECKING:
    from densa.accuracy import MapSample


@options_from(SampleOptions, Existing)
def sample(
    given: dict[str, Any],
    map: Annotated[Path, typer.Argument(parser=location, metavar="MAP", help="Map of classes, of any size.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="POINTS", help="A .gpkg, .geojson, .fgb or .csv; default: only the numbers."
        ),
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Draw a probability sample of the pixels or blocks of a map, to assess its accuracy and the areas of its classes.

    Fill in the reference class of every point, in the column `ref` or as another raster, and give map and points to
    `densa evaluate`. Pixels without a class are not sampled. The same seed gives the same points.
    """
    from densa.verbs.maps.sample import sample as verb

    found = verb(map, output=output, **given)
    flags = {name: one.flag for name, one in options_of(SampleOptions).items()}
    for line in found.remarks:
        tell(in_flags(line, flags))
    if as_json:
        print_json({**found.to_json(), "output": None if output is None else str(output)})
        return
    _show(found)
    if output is not None:
        print(f"wrote {output}: fill in the column ref, then densa evaluate {map} {output}")


def _show(found: MapSample) -> None:
    """A line for each stratum, and one for all."""
    unit = "px" if found.design.unit == "px" else "km²"
    factor = 1.0 if unit == "px" else 1e-6
    what = "pixels" if found.design.block == 1 else "blocks"
    width = max(len("stratum"), *(len(one.name) for one in found.design.strata))
    print(f"{'stratum':<{width}}  {what:>14}  {'area (' + unit + ')':>16}  {'points':>8}  inclusion probability")
    rows = zip(found.design.strata, found.numbers.tolist(), found.probabilities.tolist(), strict=True)
    for one, n, probability in rows:
        print(f"{one.name:<{width}}  {one.units:>14}  {one.area * factor:>16.6g}  {n:>8}  {probability:.4g}")
    total = f"{int(found.numbers.sum())} points, {found.design.design}"
    block = "" if found.design.block == 1 else f" sample of blocks of {found.design.block} pixels"
    half = found.expected_half_width
    expects = f"; expected half-width of the overall accuracy {half:.4f} (95 %)" if half == half else ""
    print(f"{total}{block}{expects}")
