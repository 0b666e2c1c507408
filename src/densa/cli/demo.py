"""`densa demo`: a demonstration in a few minutes, on images that come with the dependencies."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from densa.cli.common import named_inside
from densa.cli.derived import options_from
from densa.settings import Existing


@options_from(Existing)
def demo(
    given: dict[str, Any],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of all files of the demo.")] = Path("demo"),
    minutes: Annotated[float, typer.Option("--minutes", min=0.05, help="Longest time to train the U-Net.")] = 4,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
) -> None:
    """Train a U-Net on the left half of a photograph of coins, label the right half, and write demo/report.html.

    The region methods partition another photograph; a forest learns a tissue from strokes. All images come with
    scikit-image.
    """
    from densa.verbs import demo as verb
    from densa.verbs.evaluate import summary_line

    say = partial(print, flush=True)
    overwrite = given.get("overwrite", False)
    evaluation, page = verb.demo(output, minutes=minutes, seed=seed, overwrite=overwrite, say=say)
    on = f"measured on {evaluation.measured_on}"
    print(f"IoU of coins {evaluation.summary.iou[1]:.4f}; {summary_line(evaluation)}; {on}")
    print(f"wrote {named_inside(output)}; open {page.resolve()}")
