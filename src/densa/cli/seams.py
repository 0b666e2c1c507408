"""`densa seams`: do tile borders change labels?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from densa.cli.common import Config, Json, print_json
from densa.cli.derived import options_from
from densa.locations import location
from densa.settings import Existing
from densa.verbs.settings import SeamsOptions


@options_from(SeamsOptions, Existing)
def seams(
    given: dict[str, Any],
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run or model folder.")],
    image: Annotated[Path, typer.Argument(parser=location, metavar="IMAGE", help="An image of any size.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="PNG", help="Picture of differences.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Predict an image under two tilings and print the share of pixels whose labels differ.

    The model is applied to every tile by itself, which shows whether its halo suffices; `densa predict` applies it to
    the same windows for any tiles. With --precision float32 the share is 0 for every model without image-wide
    features; pixels whose two best probabilities are equal to 1e-5 are counted apart. In bfloat16, rounding may differ.
    """
    from densa.verbs.seams import seams as verb

    found = verb(run, image, output=output, **given)
    if as_json:
        content = {**vars(found), "image": str(found.image), "picture": None if output is None else str(output)}
        print_json(content)
        return
    first, second = found.tiles
    again = f"windows of {second} blended ({found.blend})" if found.blend else f"tiles of {second}"
    percent = f"{100 * found.share:.4f} %"
    print(
        f"{found.differing} of {found.pixels} pixels differ ({percent}): tiles of {first} and {again}"
        + (f"; {found.ties} more are ties, rounded either way" if found.ties else "")
        + ("" if output is None else f"; wrote {output}")
    )
