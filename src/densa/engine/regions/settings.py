"""The options of region methods, and their defaults; see `region_method`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge

from densa.options import Group, Option

__all__ = [
    "COMPACTNESS",
    "MIN_SIZE",
    "N_SEGMENTS",
    "RANGE_RADIUS",
    "SIGMA",
    "SPATIAL_RADIUS",
    "SUPERPIXEL_SIZE",
    "VALUE_SCALE",
    "RegionSettings",
]

SUPERPIXEL_SIZE, COMPACTNESS = 400, 10.0  # of SLIC; the latter of 255 values
SIGMA = 1.0  # of the watershed's gradient
SPATIAL_RADIUS, RANGE_RADIUS, MIN_SIZE = 7.0, 6.5, 20  # of mean shift
N_SEGMENTS, VALUE_SCALE = 8, 0.1  # of normalized cuts


@dataclass(frozen=True, kw_only=True)
class RegionSettings(Group, title="Method"):
    """A region method and its options; None where an option is not given: each belongs to some methods only.

    Examples:
        >>> from densa.engine import regions
        >>> regions.RegionSettings(method="slic", count=500).count
        500
        >>> regions.RegionSettings(count=0)
        Traceback (most recent call last):
            ...
        densa.errors.InputError: count must be greater than or equal to 1, got 0
    """

    method: Annotated[
        Literal["slic", "watershed", "mean-shift", "normalized-cuts", "components", "relabel"],
        Option("Region method; components: of equal values, relabel: of a raster of labels."),
    ] = "slic"
    count: Annotated[
        int | None,
        Ge(1),
        Option(
            "Superpixels (slic), grid markers (watershed) or segments (normalized-cuts).",
            default=f"by the size; minima; {N_SEGMENTS}",
        ),
    ] = None
    size: Annotated[int | None, Ge(1), Option("slic: pixels of a superpixel.", "px", default=f"{SUPERPIXEL_SIZE}")] = (
        None
    )
    compactness: Annotated[
        float | None,
        Ge(0),
        Option("slic: weight of position, in units of the image.", default=f"{COMPACTNESS:g} of 255 values"),
    ] = None
    sigma: Annotated[
        float | None, Ge(0), Option("watershed: Gaussian before the gradient.", "px", default=f"{SIGMA:g}")
    ] = None
    markers: Annotated[Path | None, Option("watershed: a raster of markers from 1, 0 elsewhere.", exists=True)] = None
    align: Annotated[
        bool | None,
        Option("watershed: resample georeferenced markers to the grid of the image, by the nearest pixel."),
    ] = None
    relief: Annotated[
        Literal["gradient", "as-is"] | None,
        Option("watershed: gradient of the image, or as-is: one band of heights.", default="gradient"),
    ] = None
    spatial_radius: Annotated[
        float | None, Option("mean-shift: window in space.", "px", default=f"{SPATIAL_RADIUS:g}")
    ] = None
    range_radius: Annotated[
        float | None,
        Option("mean-shift: window in colour, in units of the image.", default=f"{RANGE_RADIUS:g} of 255 values"),
    ] = None
    min_size: Annotated[
        int | None,
        Ge(1),
        Option(
            "Merge smaller regions into the neighbour of nearest colour.",
            "px",
            default=f"{MIN_SIZE} for mean-shift, otherwise none",
        ),
    ] = None
    base: Annotated[
        Literal["pixels", "slic", "watershed", "mean-shift"] | None,
        Option(
            "normalized-cuts: what is cut: pixels, or the regions of a method.",
            default="pixels up to 1 megapixel, slic above",
        ),
    ] = None
    max_cut: Annotated[
        float | None, Ge(0), Option("normalized-cuts: halve while a cut costs at most this, in place of a count.")
    ] = None
    value_scale: Annotated[
        float | None,
        Option(
            "normalized-cuts: distance of colours, as a share of the largest value, that weakens to 1/e.",
            default=f"{VALUE_SCALE:g}",
        ),
    ] = None
    connectivity: Annotated[
        int | None, Option("4 or 8 neighbours: components, watershed; check: 8 for mean-shift.", default="4")
    ] = None
