"""Watershed by flooding from markers.

Sources: Beucher & Meyer 1993 (without lines); Meyer 1994 (with lines, as restated in lectures and encyclopedias: the
article itself was not at hand); Neubert & Protzel, ICPR 2014 (compact form). Readings, where the restatement is silent:
of equal levels the first in is the first out; a flood never descends (a pixel below the flood that reaches it is served
at the level of the flood, as in Meyer's ordered queues), not from a marker either; a pixel enters the queue once; only
a labelled pixel floods its neighbours, so a pixel that is served has a labelled neighbour.

Method: Watershed by flooding.
Source: Beucher, Meyer 1993; Meyer 1994; compact form: Neubert, Protzel, ICPR 2014.
As printed: pixels are flooded by value, those of one value first come, first served; lines as the lecture prints
    Meyer's algorithm: a pixel whose labelled neighbours differ stays a line and floods nothing.
Departs: markers of equal value flood in raster order, so that ties are decided; scikit-image's order of ties and its
    lines, through which labels can leak, under its own name.
Held by: tests/regions/watershed/test_flooding.py.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from densa.errors import InputError
from densa.jit import kernel_jit
from densa.parallel import share_pixels
from densa.regions.watershed import _level_kernels as level_kernels
from densa.regions.watershed._heap_kernels import flood_by_heap
from densa.regions.watershed.levels import rank_levels
from densa.regions.watershed.markers import Names, blank_outside, check_inside, check_reach, given_markers
from densa.regions.watershed.minima import check_relief, label_minima

__all__ = ["watershed"]

FEW_TIED_LEVELS = 256


def watershed(
    image: NDArray[np.generic],
    markers: ArrayLike | int | None = None,
    connectivity: int | ArrayLike = 1,
    *,
    mask: NDArray[np.generic] | None = None,
    compactness: float = 0.0,
    watershed_line: bool | Literal["scikit-image"] = False,
    ties: str = "raster",
) -> NDArray[np.signedinteger | np.unsignedinteger]:
    """Flood a relief from markers; where the floods of two markers meet, their regions end.

    Grey values are altitudes: flood `gradient_magnitude(photo)`, not the photograph, to find homogeneous objects.
    Pixels wait in a queue ordered by level and, within a level, first in, first out, so that plateaus are divided by
    distance. The level of a pixel is its own value or the level of the pixel it was reached from, whichever is higher
    (a flood never descends). Marker pixels are queued first, in raster order. The pixel served gives its label to its
    unlabelled neighbours, in the order up, left, right, down, then the diagonal ones in raster order.

    Lines are Meyer's with ``watershed_line=True``: the neighbours of all marker pixels are queued first, in raster
    order of those, each at its own value or that of the lowest marker pixel beside it, whichever is higher. A pixel is
    labelled when it is served: if its labelled neighbours all have one label, it takes that and its neighbours are
    queued; if they differ, it is line, stays 0 and floods nothing. So neighbours never have different labels, unless
    both are marker pixels: there is no line between markers that touch. A part of the image that lines enclose stays 0
    as well, as do pixels outside the mask, which are no neighbours. Marker pixels do not wait in the queue: `ties` has
    no say.

    With ``watershed_line="scikit-image"``, a pixel takes the label of the pixel that reached it when it is served,
    unless a neighbour has another label: then it is line, and the flood still passes through it, so that a label can
    continue behind the line of another (with ties as `ties` says).

    With `compactness` above 0, `compactness` times the distance in pixels to the marker pixel is added to each value;
    Meyer's lines have no such form, and scikit-image draws none then.

    `watershed_forest` is the watershed whose result does not depend on the order of processing, for large rasters.

    With ``ties="scikit-image"``, labels are equal to those of `skimage.segmentation.watershed` 0.26, pixel for pixel
    (its lines with their own name), and its tests pass. What differs from it: images have one or two dimensions, and
    the footprint is that of 4 or 8 neighbours; a constant image without markers is one region, not none; `mask` removes
    the markers outside it as there, but it is an error if none is left; NaN and infinite values are errors.

    Args:
        image: (H, W) or (W,) relief, any real dtype, finite where `mask` is True.
        markers: (H, W) integers, 0 where there is no marker (all 0: nothing is flooded); or the number of markers to
            place on a regular grid; or None for the regional minima of the image.
        connectivity: 1 for 4 neighbours, 2 for 8; or their (3, 3) structuring element.
        mask: (H, W), True where regions may grow; elsewhere the result is 0.
        compactness: 0 or more, in grey values per pixel of distance.
        watershed_line: whether regions are separated by a line of 0: Meyer's (True) or scikit-image's, see above.
        ties: which of two marker pixels of the same value is served first. "raster": the first in raster order.
            "scikit-image": the one that scikit-image's binary heap returns first; several times slower on large images
            where many marker pixels have the same value. On photographs, up to 0.15 % of the pixels of float gradients
            get another label, and 0 to 1.1 % with 256 grey values (`benchmarks/results/watershed_definitions.md`).

    Returns:
        (H, W) region of each pixel, 0 for none. Labels are those of the markers, in their dtype; int32 from 1 where
        markers were not given as an array. With lines, 0 is also the label of lines.

    Raises:
        InputError: the image is not (H, W), is empty, has 2^31 or more pixels, or holds NaN or infinite values;
            markers or mask have another shape than the image; all markers lie outside the mask; markers are not
            integers; a number of markers below 1 or above the number of pixels; compactness is negative or not finite;
            unknown connectivity, ties or lines; Meyer's lines with compactness or ``ties="scikit-image"``.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> relief = np.array([[1, 2, 3, 9, 3, 2, 1]] * 2)
        >>> regions.watershed(relief)
        array([[1, 1, 1, 1, 2, 2, 2],
               [1, 1, 1, 1, 2, 2, 2]], dtype=int32)
        >>> markers = np.array([[7, 0, 0, 0, 0, 0, 8]] + [[0] * 7])
        >>> regions.watershed(relief, markers, watershed_line=True)
        array([[7, 7, 7, 0, 8, 8, 8],
               [7, 7, 7, 0, 8, 8, 8]])
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
    if ties not in ("raster", "scikit-image"):
        raise InputError(f'ties must be "raster" or "scikit-image", got {ties!r}')
    if not (np.isfinite(compactness) and compactness >= 0):
        raise InputError(f"compactness must be a finite number from 0, got {compactness}")
    meyer = _check_lines(watershed_line, compactness, ties)
    inside = check_inside(mask, np.shape(image))
    relief = check_relief(image if inside is None else blank_outside(np.asarray(image), inside))
    labels, names = _markers(relief, markers, reach, inside)
    raster_order = ties == "raster"
    if meyer:
        _flood_with_lines(relief, labels, inside, reach)
    elif compactness > 0 or watershed_line:
        _flood_by_heap(relief, labels, inside, reach, raster_order, compactness, bool(watershed_line))
    elif labels.any():
        _flood(relief, labels, inside, reach, raster_order)
    return labels if names is None else names[labels]


def _check_lines(watershed_line: object, compactness: float, ties: str) -> bool:
    """Whether lines are to be Meyer's."""
    if isinstance(watershed_line, str) and watershed_line == "scikit-image":
        return False
    if not isinstance(watershed_line, bool | np.bool_):
        raise InputError(f'watershed_line must be True, False or "scikit-image", got {watershed_line!r}')
    if watershed_line and compactness > 0:
        raise InputError(f"watershed_line=True draws lines between regions that are not compact, got {compactness=}")
    if watershed_line and ties == "scikit-image":
        raise InputError(
            'watershed_line=True draws Meyer\'s lines; for those of ties="scikit-image", watershed_line="scikit-image"'
        )
    return bool(watershed_line)


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
    """Offsets of the neighbours in a padded, flattened image, in the order in which they are reached."""
    nearest = (-row_length, -1, 1, row_length)
    if connectivity == 1:
        return nearest
    return (*nearest, -row_length - 1, -row_length + 1, row_length - 1, row_length + 1)


def _flood(
    relief: NDArray[np.generic],
    labels: NDArray[np.int32],
    inside: NDArray[np.bool_] | None,
    connectivity: int,
    raster_order: bool,
) -> None:
    """Flooding in linear time, level by level; `labels` holds the markers and is filled."""
    levels, n_levels = rank_levels(relief)
    height, width = relief.shape
    state = np.empty((height + 2, width + 2), np.int32)
    counts, marker_counts = np.zeros(n_levels, np.int32), np.zeros(n_levels, np.int32)
    _fill_state(levels, labels, inside, state)
    level_kernels.count_levels(state, levels, counts, marker_counts)
    start = np.cumsum(counts, dtype=np.int32) - counts
    fill, n_pixels = start.copy(), int(start[-1] + counts[-1])
    queue, lake = np.empty(n_pixels, np.int32), np.empty(n_pixels, np.int32)
    level_kernels.enqueue_markers(state, levels, fill, queue)
    offsets = _offsets(connectivity, width + 2)
    uncertain = np.zeros(0, bool) if raster_order else marker_counts > 1
    tied = np.flatnonzero(uncertain)
    stuck = level_kernels.flood(state.ravel(), offsets, start, fill, queue, lake, 0, uncertain)
    n_tied = 0
    while stuck >= 0:  # the order of tied markers matters there: once more, up to that level beside a heap
        shifts = _item_fields(n_levels, n_pixels, int(marker_counts.max()))
        if shifts is None:
            _flood_by_heap(relief, labels, inside, connectivity, False, 0.0, False)
            return
        # where many levels have ties, the next would be as uncertain
        n_tied = stuck + 1 if n_tied == 0 and tied.size <= FEW_TIED_LEVELS else int(tied[-1]) + 1
        _fill_state(levels, labels, inside, state)
        fill[:] = start
        level_kernels.enqueue_markers(state, levels, fill, queue)
        heap = np.full(n_pixels + 2, level_kernels.EMPTY)
        n_items = level_kernels.shadow_markers(state, levels, heap, np.zeros(n_levels, np.uint64), *shifts)
        level_kernels.flood_as_heap(
            state.ravel(), offsets, start, fill, queue, lake, marker_counts, heap, n_items, n_tied, *shifts
        )
        stuck = level_kernels.flood(state.ravel(), offsets, start, fill, queue, lake, n_tied, marker_counts > 1)
    share_pixels(_unpack, labels.shape, state, labels)


def _flood_with_lines(
    relief: NDArray[np.generic], labels: NDArray[np.int32], inside: NDArray[np.bool_] | None, connectivity: int
) -> None:
    """Flooding with Meyer's lines, in linear time; `labels` holds the markers and is filled."""
    levels, n_levels = rank_levels(relief)
    height, width = relief.shape
    state = np.empty((height + 2, width + 2), np.int32)
    counts = np.zeros(n_levels, np.int32)
    _fill_state(levels, labels, inside, state)
    offsets = _offsets(connectivity, width + 2)
    level_kernels.raise_beside_markers(state.ravel(), np.pad(levels, 1).ravel(), offsets, width + 2, counts)
    start = np.cumsum(counts, dtype=np.int32) - counts
    queue, lake = np.empty((2, int(counts.sum(dtype=np.int64))), np.int32)
    level_kernels.flood_with_lines(state.ravel(), offsets, start, start.copy(), queue, lake, width + 2)
    share_pixels(_unpack, labels.shape, state, labels)


def _item_fields(n_levels: int, n_pixels: int, most_markers: int) -> tuple[np.uint64, np.uint64] | None:
    """Shifts of level and place in a heap item of 64 bits (see `_level_kernels`); None where the fields do not fit."""
    place_shift = (most_markers - 1).bit_length()
    level_shift = place_shift + n_pixels.bit_length()
    if level_shift + n_levels.bit_length() > 64:  # n_levels, not the last level: no item may equal EMPTY
        return None
    return np.uint64(level_shift), np.uint64(place_shift)


def _fill_state(
    levels: NDArray[np.generic], labels: NDArray[np.int32], inside: NDArray[np.bool_] | None, state: NDArray[np.int32]
) -> None:
    """Fill the padded state (see `_level_kernels`)."""
    state[0] = state[-1] = 0
    everywhere = np.ones((1, 1), bool)
    share_pixels(_pack, levels.shape, levels, labels, everywhere if inside is None else inside, state)


@kernel_jit
def _pack(levels, labels, inside, state, top, end):  # type: ignore[no-untyped-def]
    """Fill rows of the state; an `inside` of one pixel stands for all."""
    width = levels.shape[1]
    masked = inside.size > 1 or not inside[0, 0]
    for row in range(top, end):
        state[row + 1, 0] = 0
        state[row + 1, width + 1] = 0
        for column in range(width):
            label = labels[row, column]
            state[row + 1, column + 1] = label if label > 0 else ~np.int32(levels[row, column])
        if masked:
            for column in range(width):
                if not inside[row, column]:
                    state[row + 1, column + 1] = 0


@kernel_jit
def _unpack(state, labels, top, end):  # type: ignore[no-untyped-def]
    """Labels of the pixels reached, 0 for the others."""
    width = labels.shape[1]
    for row in range(top, end):
        for column in range(width):
            labels[row, column] = max(state[row + 1, column + 1], 0)


def _flood_by_heap(
    relief: NDArray[np.generic],
    labels: NDArray[np.int32],
    inside: NDArray[np.bool_] | None,
    connectivity: int,
    raster_order: bool,
    compactness: float,
    lines: bool,
) -> None:
    """Compact flooding, with scikit-image's lines, or plain; `labels` holds the markers and is filled."""
    padded = np.pad(labels, 1)
    enterable = np.pad(np.ones(relief.shape, bool) if inside is None else inside, 1)
    row_length = padded.shape[1]
    markers = np.flatnonzero(padded)
    flood_by_heap(
        np.pad(relief.astype(np.float64), 1).ravel(),
        padded.ravel(),
        enterable.ravel(),
        markers,
        np.arange(markers.size) if raster_order else np.zeros(markers.size, np.int64),
        _offsets(connectivity, row_length),
        row_length,
        float(compactness),
        lines,
    )
    labels[...] = padded[1:-1, 1:-1]
