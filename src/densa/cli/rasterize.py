"""`densa rasterize`: labels that are drawn, as masks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from densa.cli.common import Config, Json, print_json
from densa.cli.derived import options_from
from densa.settings import Existing
from densa.verbs.settings import RasterizeOptions


@options_from(RasterizeOptions, Existing)
def rasterize(
    given: dict[str, Any],
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA...",
            help="Images, or a data set. A vector file among them is taken for --labels.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="OUT", help="Folder of the masks, or a .tif or .png for one image."),
    ] = ...,  # type: ignore[assignment]
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Write polygons, lines, points and annotations as masks, on the grid of their images.

    A georeferenced image gives NAME.tif, any other NAME.png; 255 is no label. The masks carry their legend, and
    legend.json beside them is the same. `densa train` and `densa evaluate` read the labels themselves: the masks are
    for other programs.
    """
    from densa.verbs.maps.rasterize import rasterize as verb
    from densa.verbs.maps.rasterize import shares

    found = verb(*data, output=output, **given)
    if as_json:
        print_json(found.to_json())
        return
    what = f"{len(found.masks)} mask{'s' * (len(found.masks) != 1)}"
    print(f"wrote {found.output}: {what} of {sum(mask.pixels for mask in found.masks)} pixels; {shares(found)}")
