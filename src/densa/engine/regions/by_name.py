"""Region methods by their names on the command line."""

from __future__ import annotations

from pathlib import Path

from densa.engine.regions.components import Components, Relabel
from densa.engine.regions.cuts_of_pixels import PixelCuts
from densa.engine.regions.cuts_of_regions import NormalizedCuts
from densa.engine.regions.graph.merge_small import MergeSmall
from densa.engine.regions.mean_shift import MeanShift
from densa.engine.regions.slic.method import Slic
from densa.engine.regions.stages.stage import RegionMethod
from densa.engine.regions.watershed.method import Watershed
from densa.errors import InputError
from densa.raster import Raster
from densa.regions import Predicate

__all__ = ["parse_predicate", "reach_of", "region_method"]


def region_method(
    method: str,
    *,
    image: Raster,
    count: int | None = None,
    size: int | None = None,
    compactness: float | None = None,
    sigma: float | None = None,
    markers: Path | None = None,
    relief: str | None = None,
    spatial_radius: float | None = None,
    range_radius: float | None = None,
    min_size: int | None = None,
    base: str | None = None,
    max_cut: float | None = None,
    value_scale: float | None = None,
    connectivity: int | None = None,
) -> RegionMethod:
    """A region method by its name, for a raster of any size; the classes in `densa.engine.regions` have every option.

    Args:
        method: "slic", "watershed" (of the gradient's magnitude), "mean-shift", "normalized-cuts", "components" (of
            equal values) or "relabel" (of a raster of labels).
        image: the raster.
        count: superpixels of SLIC, grid markers of the watershed (None: the regional minima), segments of normalized
            cuts (8).
        size: pixels of a superpixel, in place of `count` (400).
        compactness: weight of position in SLIC (10).
        sigma: Gaussian before the watershed's gradient, in pixels (1).
        markers: raster of the watershed's markers.
        relief: what the watershed floods: the "gradient" of the image (None), or its one band "as-is", such as heights.
        spatial_radius, range_radius: of mean shift (7, 6.5).
        min_size: smaller regions are merged (20 for mean shift; otherwise none are).
        base: what normalized cuts cut: "pixels", or the regions of "slic", "watershed" or "mean-shift"; None: pixels
            up to a megapixel, superpixels above.
        max_cut: halve while a cut costs at most this, in place of a count of segments.
        value_scale: of normalized cuts: the distance of two colours, as a share of the largest value, at which their
            likeness has fallen to 1/e (0.1).
        connectivity: 4 or 8 neighbours; of components (4) and the watershed (4).

    Returns:
        What `segment_to_file` and `segment_array` take.

    Raises:
        InputError: an unknown name, an option of another method, or what the method refuses.
    """
    given = {name for name, value in locals().items() if value is not None} - {"method", "image"}
    takes = {
        "slic": {"count", "size", "compactness", "min_size"},
        "watershed": {"count", "sigma", "markers", "relief", "connectivity", "min_size"},
        "mean-shift": {"spatial_radius", "range_radius", "min_size"},
        "normalized-cuts": {"count", "base", "max_cut", "value_scale", "min_size"},
        "components": {"connectivity", "min_size"},
        "relabel": set[str](),
    }
    if method not in takes:
        raise InputError(f"unknown region method {method!r}; choose from {', '.join(sorted(takes))}")
    if others := sorted(given - takes[method]):
        named = ", ".join(f"--{name.replace('_', '-')}" for name in others)
        raise InputError(f"{named} is no option of {method}; leave it out, or choose another --method")
    reach = reach_of(connectivity)
    found: RegionMethod
    if method == "slic":
        if count is not None and size is not None:
            raise InputError("give either a count of superpixels or the size of one")
        found = Slic(count, 10.0 if compactness is None else compactness, superpixel_size=size)
    elif method == "watershed":
        if count is not None and markers is not None:
            raise InputError("give either a count of grid markers or a raster of markers")
        smoothing = 1.0 if sigma is None else sigma
        found = Watershed(markers or count, sigma=smoothing, relief=relief or "gradient", connectivity=reach)
    elif method == "mean-shift":
        radii = 7.0 if spatial_radius is None else spatial_radius, 6.5 if range_radius is None else range_radius
        return MeanShift(*radii, 20 if min_size is None else min_size)
    elif method == "components":
        found = Components(connectivity=reach)
    elif method == "relabel":
        found = Relabel()
    else:
        found = _normalized_cuts(image, count, base, max_cut, 0.1 if value_scale is None else value_scale)
    return found if min_size is None or min_size == 1 else MergeSmall(found, min_size, connectivity=reach)


def _normalized_cuts(
    image: Raster, count: int | None, base: str | None, max_cut: float | None, value_scale: float
) -> RegionMethod:
    if count is not None and max_cut is not None:
        raise InputError("give either a count of segments or the largest cut")
    if base is None:
        base = "pixels" if image.height * image.width <= PixelCuts.MOST_PIXELS else "slic"
    n_segments = None if max_cut is not None else count or 8
    if base == "pixels":
        return PixelCuts(n_segments, max_cut, value_scale)
    if base not in ("slic", "watershed", "mean-shift"):
        raise InputError(f"--base must be pixels, slic, watershed or mean-shift, got {base!r}")
    return NormalizedCuts(
        region_method(base, image=image), n_segments=n_segments, max_cut=max_cut, value_scale=value_scale
    )


def reach_of(connectivity: int | None) -> int:
    """1 for 4 neighbours (or None), 2 for 8, as `densa.regions` counts.

    Raises:
        InputError: another number.
    """
    if connectivity not in (None, 4, 8):
        raise InputError(f"connectivity must be 4 or 8 neighbours, got {connectivity}")
    return 2 if connectivity == 8 else 1


def parse_predicate(text: str) -> Predicate:
    """The predicate of "range:10", "deviation:4" or "spread:8".

    Raises:
        InputError: another kind, or no number.
    """
    kind, _, value = text.partition(":")
    try:
        threshold = float(value)
    except ValueError:
        raise InputError(f"a predicate is KIND:VALUE, as range:10, got {text!r}") from None
    return Predicate(kind, threshold)
