"""Region methods by their names."""

from __future__ import annotations

from typing import Any

from densa.engine.regions.components import Components, Relabel
from densa.engine.regions.cuts_of_pixels import PixelCuts
from densa.engine.regions.cuts_of_regions import NormalizedCuts
from densa.engine.regions.graph.merge_small import MergeSmall
from densa.engine.regions.mean_shift import MeanShift
from densa.engine.regions.settings import MIN_SIZE, N_SEGMENTS, RANGE_RADIUS, SPATIAL_RADIUS, RegionSettings
from densa.engine.regions.slic.method import Slic
from densa.engine.regions.stages.stage import RegionMethod
from densa.engine.regions.stages.value_range import span_of
from densa.engine.regions.watershed.method import Watershed
from densa.errors import InputError
from densa.options import options_of
from densa.raster import Raster
from densa.regions import Predicate

__all__ = ["parse_predicate", "reach_of", "region_method"]

_OPTIONS = {
    "slic": {"count", "size", "compactness", "min_size"},
    "watershed": {"count", "sigma", "markers", "align", "relief", "connectivity", "min_size"},
    "mean-shift": {"spatial_radius", "range_radius", "min_size"},
    "normalized-cuts": {"count", "base", "max_cut", "value_scale", "min_size"},
    "components": {"connectivity", "min_size"},
    "relabel": set[str](),
}


def region_method(settings: RegionSettings, image: Raster) -> RegionMethod:
    """A region method by its name, for a raster of any size; the classes in `densa.engine.regions` have every option.

    Args:
        settings: name and options.
        image: the raster.

    Returns:
        What `segment_to_file` and `segment_array` take.

    Raises:
        InputError: an option of another method, two options that exclude each other, or an error of the method.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> from densa.engine import regions
        >>> image = np.zeros((20, 30), np.uint8)
        >>> image[:, 15:] = 200
        >>> settings = regions.RegionSettings(method="slic", count=12)
        >>> regions.region_method(settings, raster.from_array(image)).name
        'slic'
    """
    given = {name for name in options_of(RegionSettings) if getattr(settings, name) is not None} - {"method"}
    if others := sorted(given - _OPTIONS[settings.method]):
        named = ", ".join(f"`{name}`" for name in others)
        raise InputError(f"{named} is no option of {settings.method}; leave it out, or choose another `method`")
    reach, min_size = reach_of(settings.connectivity), settings.min_size
    if settings.method == "mean-shift":
        radius = _or(settings.spatial_radius, SPATIAL_RADIUS)
        colour = default_range_radius(image) if settings.range_radius is None else settings.range_radius
        return MeanShift(radius, colour, MIN_SIZE if min_size is None else min_size)
    found = _unmerged(settings, image, reach)
    return found if min_size is None or min_size == 1 else MergeSmall(found, min_size, connectivity=reach)


def default_range_radius(image: Raster) -> float:
    """6.5 for photographs; for values that are not of 8 bits, 6.5 / 255 of the widest range of a band."""
    span = span_of(image) if image.dtype.kind in "iuf" and image.dtype.itemsize > 1 else 0.0
    return RANGE_RADIUS * span / 255 if span else RANGE_RADIUS


def _unmerged(settings: RegionSettings, image: Raster, reach: int) -> RegionMethod:
    """The method without the merging of small regions."""
    if settings.method == "slic":
        if settings.count is not None and settings.size is not None:
            raise InputError("give either a count of superpixels or the size of one")
        return Slic(settings.count, **_given(settings, "compactness"), superpixel_size=settings.size)
    if settings.method == "watershed":
        if settings.count is not None and settings.markers is not None:
            raise InputError("give either a count of grid markers or a raster of markers")
        if settings.align and settings.markers is None:
            raise InputError("`align` is for a raster of `markers`; leave it out")
        markers = settings.markers or settings.count
        return Watershed(markers, **_given(settings, "sigma", "relief", "align"), connectivity=reach)
    if settings.method == "components":
        return Components(connectivity=reach)
    if settings.method == "relabel":
        return Relabel()
    return _normalized_cuts(settings, image)


def _normalized_cuts(settings: RegionSettings, image: Raster) -> RegionMethod:
    if settings.count is not None and settings.max_cut is not None:
        raise InputError("give either a count of segments or the largest cut")
    n_segments = None if settings.max_cut is not None else settings.count or N_SEGMENTS
    base = settings.base
    if base is None:
        base = "pixels" if image.height * image.width <= PixelCuts.MOST_PIXELS else "slic"
    if base == "pixels":
        return PixelCuts(n_segments, settings.max_cut, **_given(settings, "value_scale"))
    of_base = region_method(RegionSettings(method=base), image)
    return NormalizedCuts(of_base, n_segments, settings.max_cut, **_given(settings, "value_scale"))


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _given(settings: RegionSettings, *names: str) -> dict[str, Any]:
    """Those of some options that are given; the classes have defaults for the others."""
    return {name: getattr(settings, name) for name in names if getattr(settings, name) is not None}


def reach_of(connectivity: int | None) -> int:
    """1 for 4 neighbours (or None), 2 for 8, as `densa.regions` counts.

    Raises:
        InputError: another number.

    Examples:
        >>> from densa.engine import regions
        >>> regions.reach_of(4), regions.reach_of(8)
        (1, 2)
    """
    if connectivity not in (None, 4, 8):
        raise InputError(f"connectivity must be 4 or 8 neighbours, got {connectivity}")
    return 2 if connectivity == 8 else 1


def parse_predicate(text: str) -> Predicate:
    """The predicate of "range:10", "deviation:4" or "spread:8".

    Raises:
        InputError: another kind, or no number.

    Examples:
        >>> from densa.engine import regions
        >>> regions.parse_predicate("range:10")
        Predicate(kind='range', threshold=10.0)
        >>> regions.parse_predicate("range")
        Traceback (most recent call last):
            ...
        densa.errors.InputError: a predicate is KIND:VALUE, as range:10, got 'range'
    """
    kind, _, value = text.partition(":")
    try:
        threshold = float(value)
    except ValueError:
        raise InputError(f"a predicate is KIND:VALUE, as range:10, got {text!r}") from None
    return Predicate(kind, threshold)
