"""Watershed by flooding from markers (Beucher & Meyer 1993; Meyer 1994; compact form: Neubert & Protzel, ICPR 2014)."""

import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from densa.errors import InputError
from densa.regions.watershed import _level_kernels as _flooding
from densa.regions.watershed._heap_kernels import flood_by_heap
from densa.regions.watershed.markers import Names, blank_outside, check_inside, check_reach, given_markers
from densa.regions.watershed.minima import check_relief, label_minima

__all__ = ["watershed"]

FEW_TIED_LEVELS = 256
MOST_PLAIN_LEVELS = 1 << 20  # integers of a smaller range are levels as they are, without sorting


def watershed(
    image: NDArray[np.generic],
    markers: ArrayLike | int | None = None,
    connectivity: int | ArrayLike = 1,
    *,
    mask: NDArray[np.generic] | None = None,
    compactness: float = 0.0,
    watershed_line: bool = False,
    ties: str = "heap",
) -> NDArray[np.signedinteger | np.unsignedinteger]:
    """Flood a relief from markers; where floods of two markers meet, their regions end.

    `watershed_forest` is the watershed whose result does not depend on the order of computing, for large rasters.

    Grey values are altitudes: flood `gradient_magnitude(photo)`, not the photograph, to find homogeneous objects. The
    pixels reached wait in a queue by level and age. The level of a pixel is its value, or that of the pixel it was
    reached from, whichever is higher (a flood never goes down again); at one level the first in is the first out, so
    that plateaus are shared out by distance. The pixel served gives its label to its unreached neighbours, in the order
    up, left, right, down, and then the diagonal ones row by row.

    With `watershed_line` a pixel is labelled when it is served, by the one that reached it, unless a neighbour carries
    another label: then it is line, and what lies behind it is still entered. No line separates markers that touch. With
    `compactness` above 0, `compactness` times the distance in pixels to the marker pixel is added to each value, and no
    lines are drawn.

    Labels are equal to those of `skimage.segmentation.watershed` 0.26, pixel for pixel, and its own tests pass.
    Differences: one or two dimensions only, and no footprint but those of 4 and 8 neighbours; a constant image without
    markers is one region, not none; `mask` cuts given markers as there, but markers that all lie outside it are an
    error; NaN and infinite values are errors; no lines together with `compactness`, as there.

    Args:
        image: (H, W) or (W,) relief, any real dtype, finite where `mask` is True.
        markers: (H, W) integers, 0 where there is no marker (all 0: nothing is flooded); or how many to lay on a
            regular grid; or None for the regional minima of the image.
        connectivity: 1 for 4 neighbours, 2 for 8; or their (3, 3) structuring element.
        mask: (H, W), True where regions may grow; elsewhere the result is 0.
        compactness: 0 or more, in grey values per pixel of distance.
        watershed_line: whether to part regions by a line of 0.
        ties: which of two marker pixels of the same value floods first. "heap": the one that scikit-image's binary heap
            happens to serve first, for equal labels. "raster": row by row; several times faster on large images where
            many marker pixels have the same value, and then labels differ from scikit-image's where such floods meet
            (0.4 % of the pixels of photographs flooded from their minima). Lines and compactness follow "heap".

    Returns:
        (H, W) region of each pixel, 0 for none. Labels are those of the markers, in their dtype; int32 from 1 where
        markers were not given as an array.

    Raises:
        InputError: the image is not (H, W), empty, of 2^31 or more pixels, or holds NaN or infinite values; shapes of
            markers or mask differ from the image's; all markers lie outside the mask; markers are not integers; a count
            of markers below 1 or above the number of pixels; compactness is negative or not finite; unknown
            connectivity or ties.
    """
    reach = check_reach(connectivity)
    if np.ndim(image) == 1:  # a row is an image of one row
        flooded = watershed(
            np.asarray(image)[None],
            markers if markers is None or np.ndim(markers) == 0 else np.asarray(markers)[None],
            reach,
            mask=None if mask is None else np.asarray(mask)[None],
            compactness=compactness,
            watershed_line=watershed_line,
            ties=ties,
        )
        return flooded[0]
    if ties not in ("heap", "raster"):
        raise InputError(f'ties must be "heap" or "raster", got {ties!r}')
    if not (np.isfinite(compactness) and compactness >= 0):
        raise InputError(f"compactness must be a finite number from 0, got {compactness}")
    inside = check_inside(mask, np.shape(image))
    relief = check_relief(image if inside is None else blank_outside(np.asarray(image), inside))
    labels, names = _markers(relief, markers, reach, inside)
    if compactness > 0 or watershed_line:
        _flood_by_heap(relief, labels, inside, reach, compactness, watershed_line)
    elif labels.any():
        _flood(relief, labels, inside, reach, ties)
    return labels if names is None else names[labels]


def _markers(
    relief: NDArray[np.generic], markers: ArrayLike | int | None, connectivity: int, inside: NDArray[np.bool_] | None
) -> tuple[NDArray[np.int32], Names | None]:
    """Marker numbers from 1 inside the mask (0 elsewhere) and the label of each number (None: the number itself)."""
    if markers is not None:
        return given_markers(markers, (relief.shape[0], relief.shape[1]), inside)
    labels = label_minima(relief, connectivity)
    if inside is not None:  # a plateau that the mask cuts in two is two markers
        structure = ndimage.generate_binary_structure(2, connectivity)
        labels = ndimage.label((labels > 0) & inside, structure, output=np.int32)[0]
    return labels, None


def _offsets(connectivity: int, row_length: int) -> tuple[int, ...]:
    """Steps to the neighbours in a padded, flattened image, in the order in which they are entered."""
    nearest = (-row_length, -1, 1, row_length)
    if connectivity == 1:
        return nearest
    return (*nearest, -row_length - 1, -row_length + 1, row_length - 1, row_length + 1)


def _flood(
    relief: NDArray[np.generic],
    labels: NDArray[np.int32],
    inside: NDArray[np.bool_] | None,
    connectivity: int,
    ties: str,
) -> None:
    """Flooding in linear time, by levels; `labels` holds the markers and is filled."""
    levels, n_levels = _levels(relief)
    height, width = relief.shape
    state = np.empty((height + 2, width + 2), np.int32)
    counts, marker_counts = np.zeros(n_levels, np.int32), np.zeros(n_levels, np.int32)
    everywhere = np.ones((1, 1), bool)
    _pack(levels, labels, everywhere if inside is None else inside, state)
    _flooding.count_levels(state, levels, counts, marker_counts)
    start = np.cumsum(counts, dtype=np.int32) - counts
    fill, n_pixels = start.copy(), int(start[-1] + counts[-1])
    queue, lake = np.empty(n_pixels, np.int32), np.empty(n_pixels, np.int32)
    _flooding.enqueue_markers(state, levels, fill, queue)
    offsets = _offsets(connectivity, width + 2)
    uncertain = marker_counts > 1 if ties == "heap" else np.zeros(0, bool)
    tied = np.flatnonzero(uncertain)
    stuck = _flooding.flood(state.ravel(), offsets, start, fill, queue, lake, 0, uncertain)
    n_tied = 0
    while stuck >= 0:  # the order of tied markers matters there: once more, up to that level beside a heap
        shifts = _item_fields(n_levels, n_pixels, int(marker_counts.max()))
        if shifts is None:
            _flood_by_heap(relief, labels, inside, connectivity, 0.0, False)
            return
        # where many levels have ties, the next would be as uncertain
        n_tied = stuck + 1 if n_tied == 0 and tied.size <= FEW_TIED_LEVELS else int(tied[-1]) + 1
        _pack(levels, labels, everywhere if inside is None else inside, state)
        fill[:] = start
        _flooding.enqueue_markers(state, levels, fill, queue)
        heap = np.full(n_pixels + 2, _flooding.EMPTY)
        n_items = _flooding.shadow_markers(state, levels, heap, np.zeros(n_levels, np.uint64), *shifts)
        _flooding.flood_as_heap(
            state.ravel(), offsets, start, fill, queue, lake, marker_counts, heap, n_items, n_tied, *shifts
        )
        stuck = _flooding.flood(state.ravel(), offsets, start, fill, queue, lake, n_tied, marker_counts > 1)
    _unpack(state, labels)


def _item_fields(n_levels: int, n_pixels: int, most_markers: int) -> tuple[np.uint64, np.uint64] | None:
    """Shifts of level and place in a heap item of 64 bits (see `_flooding`); None where the three do not fit."""
    place_shift = (most_markers - 1).bit_length()
    level_shift = place_shift + n_pixels.bit_length()
    if level_shift + n_levels.bit_length() > 64:  # n_levels, not the last level: no item may equal EMPTY
        return None
    return np.uint64(level_shift), np.uint64(place_shift)


def _levels(relief: NDArray[np.generic]) -> tuple[NDArray[np.generic], int]:
    """The rank of each pixel's value and the number of ranks; ranks may have gaps where that saves the sorting."""
    if relief.dtype.kind == "u" and relief.dtype.itemsize <= 2:
        return relief, int(relief.max()) + 1
    if relief.dtype.kind in "iu":
        lowest, highest = relief.min(), relief.max()
        n_levels = int(highest) - int(lowest) + 1
        if n_levels <= MOST_PLAIN_LEVELS:
            unsigned = f"u{relief.dtype.itemsize}"  # so that no difference overflows
            return (relief.view(unsigned) - lowest.view(unsigned)).astype(np.int32), n_levels
    levels = np.empty(relief.shape, np.int32)
    if relief.dtype == np.float32:
        packed = np.empty(relief.size, np.uint64)
        _pack_values(relief.ravel().view(np.int32), packed)
        return levels, _rank_packed(_sort_packed(packed, np.empty_like(packed)), levels.ravel())
    return levels, _rank(relief.ravel(), np.argsort(relief.ravel()), levels.ravel())


@njit(nogil=True, cache=True, parallel=True)
def _pack_values(bits, packed):  # type: ignore[no-untyped-def]
    """(value, pixel) as one number that sorts like the float32 value of these bits."""
    for i in prange(bits.size):
        value = np.int64(bits[i])
        if value < 0:
            value = -(value & 0x7FFFFFFF)  # -0.0 becomes 0
        packed[i] = np.uint64(value + 0x80000000) << np.uint64(32) | np.uint64(i)


@njit(nogil=True, cache=True)
def _sort_packed(packed, spare):  # type: ignore[no-untyped-def]
    """Sort by the upper 32 bits, 11 bits at a time from the lowest (radix sort); returns the array that holds it."""
    digit = np.uint64(2047)
    ends = np.zeros((3, 2048), np.int64)
    for item in packed:
        for turn in range(3):
            ends[turn, item >> np.uint64(32 + 11 * turn) & digit] += 1
    for turn in range(3):
        if ends[turn].max() == packed.size:  # one digit for all
            continue
        places = np.cumsum(ends[turn]) - ends[turn]
        shift = np.uint64(32 + 11 * turn)
        for item in packed:
            place = item >> shift & digit
            spare[np.uint64(places[place])] = item
            places[place] += 1
        packed, spare = spare, packed
    return packed


@njit(nogil=True, cache=True)
def _rank_packed(packed, levels):  # type: ignore[no-untyped-def]
    """`_rank` of sorted (value, pixel) numbers."""
    level = 0
    last = packed[0] >> np.uint64(32)
    for item in packed:
        value = item >> np.uint64(32)
        level += value != last
        last = value
        levels[item & np.uint64(0xFFFFFFFF)] = level
    return level + 1


@njit(nogil=True, cache=True)
def _rank(values, order, levels):  # type: ignore[no-untyped-def]
    """Ranks of values from their order; equal values share one."""
    level = 0
    levels[order[0]] = 0
    for i in range(1, order.size):
        level += values[order[i]] != values[order[i - 1]]
        levels[order[i]] = level
    return level + 1


@njit(nogil=True, cache=True, parallel=True)
def _pack(levels, labels, inside, state):  # type: ignore[no-untyped-def]
    """Fill the padded state (see `_flooding`); `inside` of one pixel stands for all."""
    height, width = levels.shape
    masked = inside.size > 1 or not inside[0, 0]
    state[0] = 0
    state[height + 1] = 0
    for row in prange(height):
        state[row + 1, 0] = 0
        state[row + 1, width + 1] = 0
        for column in range(width):
            label = labels[row, column]
            state[row + 1, column + 1] = label if label > 0 else ~np.int32(levels[row, column])
        if masked:
            for column in range(width):
                if not inside[row, column]:
                    state[row + 1, column + 1] = 0


@njit(nogil=True, cache=True, parallel=True)
def _unpack(state, labels):  # type: ignore[no-untyped-def]
    """Labels of the pixels reached, 0 for the others."""
    height, width = labels.shape
    for row in prange(height):
        for column in range(width):
            labels[row, column] = max(state[row + 1, column + 1], 0)


def _flood_by_heap(
    relief: NDArray[np.generic],
    labels: NDArray[np.int32],
    inside: NDArray[np.bool_] | None,
    connectivity: int,
    compactness: float,
    lines: bool,
) -> None:
    """Compact flooding, with lines, or plain; `labels` holds the markers and is filled."""
    padded = np.pad(labels, 1)
    enterable = np.pad(np.ones(relief.shape, bool) if inside is None else inside, 1)
    row_length = padded.shape[1]
    flood_by_heap(
        np.pad(relief.astype(np.float64), 1).ravel(),
        padded.ravel(),
        enterable.ravel(),
        np.flatnonzero(padded),
        _offsets(connectivity, row_length),
        row_length,
        float(compactness),
        lines,
    )
    labels[...] = padded[1:-1, 1:-1]
