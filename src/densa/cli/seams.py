"""`densa seams`: does the tiling show?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from densa.cli.common import Config, Json, print_json
from densa.cli.derived import options_from
from densa.progress import progress_bar
from densa.settings import Computation, Existing
from densa.verbs.settings import Windows


@options_from(Windows, Computation, Existing, without=("context", "patch_sizes"))
def seams(
    given: dict[str, Any],
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run or model folder.")],
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="An image of any size.")],
    tiles: Annotated[
        str | None, typer.Option("--tiles", metavar="A,B", help="Sides of the two tilings. [256,384, to the stride]")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="PNG", help="Picture of where.")] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Predict an image under two tilings, and tell the share of the pixels whose labels differ.

    With --precision float32 it is 0 for every model without image-wide features. In bfloat16 a rounding may differ.
    """
    from densa import methods, raster, reports
    from densa.engine import Blended
    from densa.errors import InputError
    from densa.raster import write_picture

    overwrite, blend = given.pop("overwrite", False), given.pop("blend", None)
    if blend is not None:
        Windows(blend=blend)  # refuses others
    if output is not None and output.exists() and not overwrite:
        raise InputError(f"{output} exists; choose another output or give overwrite=True")
    sizes = None if tiles is None else _sizes(tiles)
    segmenter = methods.load(run, **given)
    step = segmenter.stride * (2 if blend else 1)
    first, second = sizes or (-(-256 // segmenter.stride) * segmenter.stride, -(-384 // step) * step)
    other = None if blend is None else Blended(segmenter, window_size=second, weights=blend)
    with raster.open(image) as opened, progress_bar(image.name) as progress:
        sides = (first, second if other is None else other.stride)
        found = reports.find_seams(segmenter, opened, sides, other=other, progress=progress)
        if output is not None:
            write_picture(output, reports.seams_picture(found, opened), overwrite=overwrite)
    content = {
        "image": str(image),
        "tiles": [first, second],
        "blend": blend,
        "pixels": found.pixels,
        "differing": found.differing,
        "share": found.share,
        "picture": None if output is None else str(output),
    }
    if as_json:
        print_json(content)
        return
    again = f"windows of {second} blended ({blend})" if blend else f"tiles of {second}"
    print(
        f"{found.differing} of {found.pixels} pixels differ ({100 * found.share:.4f} %): tiles of {first} and {again}"
        + ("" if output is None else f"; wrote {output}")
    )


def _sizes(text: str) -> tuple[int, int]:
    from densa.errors import InputError

    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip().isdigit() and int(part) for part in parts):
        raise InputError(f"--tiles takes the sides of two tilings in pixels, as 256,384; got {text!r}")
    return int(parts[0]), int(parts[1])
