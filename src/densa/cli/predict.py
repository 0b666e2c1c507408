"""`densa predict`: label maps of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from densa.cli.common import Config, Json, named, print_json
from densa.cli.derived import in_flags, options_from
from densa.errors import InputError
from densa.locations import location
from densa.options import options_of
from densa.verbs.predict import Predicted, predict_files
from densa.verbs.settings import PredictOptions
from densa.verbs.tell import tell


@options_from(PredictOptions)
def predict(
    given: dict[str, Any],
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run or model folder.")],
    images: Annotated[
        list[Path],
        typer.Argument(parser=location, metavar="IMAGE...", help="Images, URLs, STAC items, or folders of images."),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="Folder, or a .png/.tif file for one image.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Predict three tiles, print the estimate, and stop.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Label every pixel of images with a trained model.

    The map of a photo is a palette PNG of the same size, that of a GeoTIFF a GeoTIFF with its georeference, colours
    and class names. Finished tiles of a large image are kept in NAME.partial: --resume continues after an interruption.
    """
    options = PredictOptions.of(**given)
    done: list[Predicted] = []
    for one in predict_files(run, images, output, options, dry_run=dry_run):
        done.append(one)
        if one.error is None and not as_json:
            print(_line(one, options), flush=True)
    if as_json:
        print_json([one.to_json() for one in done if one.error is None])
    _fail([one for one in done if one.error is not None], len(done))


def _line(one: Predicted, options: PredictOptions) -> str:
    labels = one.files["labels"]
    if one.estimate is not None:
        return f"would write {labels}: {one.estimate.sentence()}"
    if not one.complete:
        return f"shard {options.shard} of {labels} is done"
    sizes = f" (patches of {', '.join(map(str, one.patch_sizes))} pixels)" if one.patch_sizes else ""
    return f"wrote {named(labels, one.files.values())}{sizes}"


def _fail(failed: list[Predicted], n: int) -> None:
    """Report the images that failed, after the others are written."""
    if not failed:
        return
    if n == 1:
        raise InputError(failed[0].error)
    flags = {name: option.flag for name, option in options_of(PredictOptions).items()}
    for one in failed:
        reason = in_flags(one.error or "", flags)
        tell(reason if str(one.image) in reason else f"{one.image}: {reason}")
    raise InputError(f"{len(failed)} of {n} images failed; the others are done")
