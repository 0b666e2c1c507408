"""`densa regions`: unsupervised segmentation of an image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from densa.cli.common import Config, Json, Overwrite, print_json


def regions(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="Image of any format and number of bands.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="REGIONS", help="A .tif of int32 regions from 1; 0: no region.")
    ],
    method: Annotated[str, typer.Option("--method", help="slic, watershed, mean-shift or normalized-cuts.")] = "slic",
    count: Annotated[
        int | None,
        typer.Option("--count", min=1, help="Superpixels (slic), markers (watershed) or segments (normalized-cuts)."),
    ] = None,
    compactness: Annotated[
        float | None, typer.Option("--compactness", min=0, help="slic: weight of position (10); watershed: 0.")
    ] = None,
    sigma: Annotated[
        float, typer.Option("--sigma", min=0, help="watershed: Gaussian in pixels before the gradient.")
    ] = 1.0,
    spatial_radius: Annotated[float, typer.Option("--spatial-radius", help="mean-shift: window in pixels.")] = 7.0,
    range_radius: Annotated[float, typer.Option("--range-radius", help="mean-shift: window in colour.")] = 6.5,
    min_size: Annotated[int, typer.Option("--min-size", min=1, help="mean-shift: smallest region in pixels.")] = 20,
    outline: Annotated[
        Path | None, typer.Option("--outline", help="Also write the image with the regions' outlines, a .png.")
    ] = None,
    overwrite: Overwrite = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Partition an image into regions of similar pixels."""
    import numpy as np

    from densa import methods, raster, reports
    from densa.errors import InputError

    for target in (output, outline):
        if target is not None and target.exists() and not overwrite:
            raise InputError(f"{target} exists; choose another output or give --overwrite")
    with raster.open(image) as opened:
        pixels, valid = opened.read()
        found = methods.partition(
            np.ascontiguousarray(np.moveaxis(pixels, 0, -1)),
            method,
            mask=None if valid.all() else valid,
            count=count,
            compactness=compactness,
            sigma=sigma,
            spatial_radius=spatial_radius,
            range_radius=range_radius,
            min_size=min_size,
        )
        output.parent.mkdir(parents=True, exist_ok=True)
        raster.write_bands(output, found[None], like=opened, band_names=("region",), nodata=0, overwrite=overwrite)
    if outline is not None:
        raster.write_picture(outline, reports.outlined(pixels, valid, found), overwrite=overwrite)
    content = {"regions": int(found.max()), "output": str(output), "method": method}
    if as_json:
        print_json(content)
    else:
        print(f"wrote {output}: {content['regions']} regions")
