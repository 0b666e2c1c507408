"""`densa predict`: label maps of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from densa.cli.common import Config, Device, Json, Overwrite, Precision, print_json, progress_bar


def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run or model folder.")],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Images, or folders of images.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="Folder, or a .png/.tif file for one image.")
    ],
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Also write one uint8 band per class: NAME.probabilities.tif.")
    ] = False,
    tile_size: Annotated[
        int | None, typer.Option("--tile-size", help="Side of a tile in pixels; the result does not depend on it.")
    ] = None,
    device: Device = "auto",
    precision: Precision = "auto",
    overwrite: Overwrite = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be written, and stop.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Label every pixel of images with a trained model.

    A photo gives a palette PNG of the same size, a GeoTIFF a GeoTIFF with its georeference, colours and class names.
    """
    from densa import methods, raster
    from densa.engine import plan_outputs, predict_to_file

    plan = plan_outputs(images, output, overwrite=overwrite, probabilities=probabilities)
    segmenter = methods.load(run, device=device, precision=precision)
    written = []
    for job in plan:
        with raster.open(job.image, page=job.page) as image:
            if not dry_run:
                job.labels.parent.mkdir(parents=True, exist_ok=True)
                with progress_bar(job.image.name) as progress:
                    predict_to_file(
                        segmenter,
                        image,
                        job.labels,
                        probabilities=job.probabilities,
                        tile_size=tile_size,
                        overwrite=overwrite,
                        progress=progress,
                    )
            row = {"image": str(job.image), "labels": str(job.labels), "height": image.height, "width": image.width}
        if job.probabilities:
            row["probabilities"] = str(job.probabilities)
        written.append(row)
        if not as_json:
            print(f"{'would write' if dry_run else 'wrote'} {job.labels}")
    if as_json:
        print_json(written)
