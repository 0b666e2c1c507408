"""Regional minima of a relief, and the removal of unimportant ones (Soille, Morphological Image Analysis, ch. 6).

A regional minimum is a connected set of pixels of one value, none of which has a lower neighbour. Flooding from all of
them gives a region for each dimple of the noise; `h_minima` keeps the minima of a certain depth, and `fill_minima` and
`area_closing` remove shallow or small basins from the relief before it is flooded.

Method: Minima of a relief.
Source: Soille, Morphological Image Analysis, 2nd edition 2003, chapter 6.
As printed: regional minima, h-minima, filling and area closing.
Departs: nothing.
Held by: tests/regions/watershed/test_minima.py.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.jit import inner_jit, kernel_jit
from densa.parallel import share_pixels
from densa.regions.shared.checks import check_connectivity
from densa.union_find import find

__all__ = ["area_closing", "fill_minima", "h_minima", "label_minima", "regional_minima"]


def regional_minima(image: NDArray[np.generic], connectivity: int = 1) -> NDArray[np.bool_]:
    """Mark the pixels of all regional minima.

    Equal to `skimage.morphology.local_minima`, except that a constant image is one minimum here and none there.

    Args:
        image: (H, W) relief, any real dtype, finite.
        connectivity: 1 for 4 neighbours, 2 for 8.

    Returns:
        (H, W) True on regional minima.

    Raises:
        InputError: not a finite (H, W) image of real numbers, or a connectivity other than 1 and 2.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> regions.regional_minima(np.array([[9, 2, 9, 8, 8, 9]])).astype(int)
        array([[0, 1, 0, 1, 1, 0]])
    """
    return label_minima(image, connectivity) > 0


def label_minima(image: NDArray[np.generic], connectivity: int = 1) -> NDArray[np.int32]:
    """Number the regional minima from 1, in the order of their first pixels, row by row; 0 elsewhere.

    Arguments and errors as in `regional_minima`.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> regions.label_minima(np.array([[9, 2, 9, 8, 8, 9]]))
        array([[0, 1, 0, 2, 2, 0]], dtype=int32)
    """
    relief = check_relief(image)
    check_connectivity(connectivity)
    status = np.empty(relief.shape, np.uint8)
    labels = np.zeros(relief.shape, np.int32)
    share_pixels(_compare_with_neighbours, relief.shape, relief, connectivity == 2, status)
    _label_plateaus(relief, connectivity == 2, status, labels, np.empty(relief.size, np.int32))
    return labels


def h_minima(image: NDArray[np.generic], depth: float, connectivity: int = 1) -> NDArray[np.bool_]:
    """Mark the bottoms of the minima whose basin is at least `depth` deep.

    The depth of a basin is measured from its lowest pixel to the pass where it overflows into a lower one; for the
    lowest basin, to the highest pixel. Equal to `skimage.morphology.h_minima` for integers.

    Args:
        image: (H, W) relief, any real dtype, finite.
        depth: in grey values, above 0.
        connectivity: 1 for 4 neighbours, 2 for 8.

    Returns:
        (H, W) True on the lowest pixels of each sufficiently deep basin; labelled, they are markers for `watershed`.

    Raises:
        InputError: as `regional_minima`, or `depth` is not a number above 0.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> regions.h_minima(np.array([[9, 2, 9, 8, 9]]), depth=3).astype(int)
        array([[0, 1, 0, 0, 0]])
    """
    relief = check_relief(image)
    whole = relief.dtype.kind in "iu" and relief.dtype != np.uint64 and float(depth).is_integer()
    values: NDArray[Any] = relief.astype(np.int64 if whole else np.float64)
    filled = _raise_basins(values, depth, connectivity)
    if depth > float(values.max()) - float(values.min()):
        return np.zeros(relief.shape, bool)
    return filled >= values + values.dtype.type(depth)


def fill_minima(image: NDArray[np.generic], depth: float, connectivity: int = 1) -> NDArray[np.generic]:
    """Raise every basin by `depth`, or to the pass where it overflows, whichever is lower (the H-minima transform).

    This removes basins shallower than `depth`, so that flooding from the remaining minima gives fewer regions.

    Args:
        image: (H, W) relief, any real dtype, finite.
        depth: in grey values, above 0; a whole number where the image has integers.
        connectivity: 1 for 4 neighbours, 2 for 8.

    Returns:
        (H, W) raised relief in the image's dtype; integers are limited to the image's largest value.

    Raises:
        InputError: as `regional_minima`, or `depth` is not a number above 0, whole for integers.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> regions.fill_minima(np.array([[9, 2, 9, 8, 9]]), depth=3)
        array([[9, 5, 9, 9, 9]])
    """
    relief = check_relief(image)
    if relief.dtype.kind in "iu":
        if not float(depth).is_integer():
            raise InputError(
                f"depth must be a whole number for an image of {relief.dtype}, got {depth}; convert the image to floats"
            )
        if relief.dtype == np.uint64 and relief.max() > np.iinfo(np.int64).max:
            raise InputError(
                f"image must hold values below 2^63, got {relief.max()}; subtract its minimum, or convert it to floats"
            )
        raised = _raise_basins(relief.astype(np.int64), depth, connectivity)
        return np.minimum(raised, relief.max()).astype(relief.dtype)
    return _raise_basins(relief.astype(np.float64), depth, connectivity).astype(relief.dtype)


def area_closing(image: NDArray[np.generic], area: int, connectivity: int = 1) -> NDArray[np.generic]:
    """Fill every basin to the level at which it has at least `area` pixels.

    Equal to `skimage.morphology.area_closing` (Vincent 1993), computed on the tree of the basins.

    Args:
        image: (H, W) relief, any real dtype, finite.
        area: in pixels, at least 1.
        connectivity: 1 for 4 neighbours, 2 for 8.

    Returns:
        (H, W) filled relief in the image's dtype.

    Raises:
        InputError: as `regional_minima`, or `area` is below 1.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> regions.area_closing(np.array([[9, 3, 9, 4, 4, 9]]), area=2)
        array([[9, 9, 9, 4, 4, 9]])
    """
    relief = check_relief(image)
    if area < 1:
        raise InputError(f"area must be at least 1 pixel, got {area}")
    order, parent = _tree(relief, connectivity)
    filled = relief.ravel().copy()
    _fill_small(order, parent, area, filled)
    return filled.reshape(relief.shape)


def check_relief(image: NDArray[np.generic]) -> NDArray[np.generic]:
    """The image as a finite, C-ordered (H, W) array of at most 2^31 - 1 pixels (float16 and bool widened)."""
    relief = np.asarray(image)
    if relief.ndim != 2:
        raise InputError(
            f"image must be (height, width), got shape {relief.shape}; "
            "to flood an image of several bands, use gradient_magnitude(image)"
        )
    if relief.size == 0:
        raise InputError(f"image must have at least one pixel, got shape {relief.shape}")
    if (relief.shape[0] + 2) * (relief.shape[1] + 2) >= 2**31:
        raise InputError(f"image must have fewer than 2^31 pixels, got {relief.shape}; work on parts of it")
    if relief.dtype.kind not in "buif":
        raise InputError(f"image must hold integers or real numbers, got {relief.dtype}; convert it first")
    if relief.dtype.kind == "f" and not np.isfinite(relief).all():
        raise InputError(
            "image must be finite, it holds NaN or infinite values; replace them, or leave them out with mask"
        )
    if relief.dtype == np.bool_:
        relief = relief.view(np.uint8)
    if relief.dtype == np.float16:
        relief = relief.astype(np.float32)
    elif relief.dtype.itemsize > 8:
        relief = relief.astype(np.float64)
    return np.ascontiguousarray(relief.astype(relief.dtype.newbyteorder("="), copy=False))


# -- regional minima -------------------------------------------------------------------------------------------------

HAS_LOWER, HAS_EQUAL, SEEN = 1, 2, 4


@kernel_jit
def _compare_with_neighbours(relief, diagonal, status, top, end):  # type: ignore[no-untyped-def]
    """HAS_LOWER and HAS_EQUAL of each pixel; beyond the border, a pixel is its own neighbour, and so equal."""
    height, width = relief.shape
    for row in range(top, end):
        up, down = relief[max(row - 1, 0)], relief[min(row + 1, height - 1)]
        middle = relief[row]
        for column in range(width):
            left, right = max(column - 1, 0), min(column + 1, width - 1)
            here = middle[column]
            a, b, c, d = up[column], middle[left], middle[right], down[column]
            lower = (a < here) | (b < here) | (c < here) | (d < here)
            equal = (a == here) | (b == here) | (c == here) | (d == here)
            if diagonal:
                a, b, c, d = up[left], up[right], down[left], down[right]
                lower |= (a < here) | (b < here) | (c < here) | (d < here)
                equal |= (a == here) | (b == here) | (c == here) | (d == here)
            status[row, column] = HAS_LOWER * lower + HAS_EQUAL * equal


@kernel_jit
def _label_plateaus(relief, diagonal, status, labels, stack):  # type: ignore[no-untyped-def]
    """Number the minima: a pixel without equal neighbours at once, a plateau after visiting all of it."""
    height, width = relief.shape
    n_minima = 0
    for row in range(height):
        for column in range(width):
            if status[row, column] == 0:
                n_minima += 1
                labels[row, column] = n_minima
            elif status[row, column] == HAS_EQUAL:
                n_pixels, low = _walk_plateau(relief, diagonal, status, stack, row, column)
                if not low:
                    n_minima += 1
                    for i in range(n_pixels):
                        labels[stack[i] // width, stack[i] % width] = n_minima


@inner_jit
def _walk_plateau(relief, diagonal, status, plateau, row, column):  # type: ignore[no-untyped-def]
    """Collect the plateau of a pixel and mark it SEEN; also returns whether any of it has a lower neighbour."""
    height, width = relief.shape
    value = relief[row, column]
    status[row, column] |= SEEN
    plateau[0] = row * width + column
    n_pixels, i, low = 1, 0, False
    while i < n_pixels:
        row, column = plateau[i] // width, plateau[i] % width
        i += 1
        low |= (status[row, column] & HAS_LOWER) != 0
        for r in range(max(row - 1, 0), min(row + 2, height)):
            for c in range(max(column - 1, 0), min(column + 2, width)):
                if not diagonal and r != row and c != column:
                    continue
                if relief[r, c] == value and status[r, c] & SEEN == 0:
                    status[r, c] |= SEEN
                    plateau[n_pixels] = r * width + c
                    n_pixels += 1
    return n_pixels, low


# -- the tree of basins: Najman & Couprie 2006, in the union-find form of Berger et al. 2007 -------------------------


def _tree(relief: NDArray[np.generic], connectivity: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Pixels from low to high, and of each the pixel that represents the next basin around its own (root: itself)."""
    check_connectivity(connectivity)
    order = np.argsort(relief.ravel(), kind="stable")
    parent = np.empty(relief.size, np.int32)
    _build_tree(relief.ravel(), order, relief.shape[1], connectivity == 2, parent, np.full(relief.size, -1, np.int32))
    return order, parent


@kernel_jit
def _build_tree(values, order, width, diagonal, parent, highest):  # type: ignore[no-untyped-def]
    """Join pixels from low to high; afterwards the parent of each pixel is the canonical one of a basin.

    `highest` leads to the pixel added last to each basin so far; it comes as -1.
    """
    height = values.size // width
    for pixel in order:
        parent[pixel] = highest[pixel] = pixel
        row, column = pixel // width, pixel % width
        for r in range(max(row - 1, 0), min(row + 2, height)):
            for c in range(max(column - 1, 0), min(column + 2, width)):
                if not diagonal and r != row and c != column:
                    continue
                if highest[r * width + c] < 0:
                    continue
                top = find(highest, r * width + c)
                if top != pixel:
                    parent[top] = highest[top] = pixel
    for i in range(order.size - 1, -1, -1):
        pixel = order[i]
        up = parent[pixel]
        if values[parent[up]] == values[up]:
            parent[pixel] = parent[up]


@kernel_jit
def _fill_small(order, parent, area, values):  # type: ignore[no-untyped-def]
    """Raise every basin with fewer than `area` pixels to the first basin around it that has so many."""
    areas = np.ones(values.size, np.int64)
    for pixel in order:
        if parent[pixel] != pixel:
            areas[parent[pixel]] += areas[pixel]
    for i in range(order.size - 1, -1, -1):
        pixel = order[i]
        up = parent[pixel]
        if up != pixel and (values[up] == values[pixel] or areas[pixel] < area):
            values[pixel] = values[up]


def _raise_basins(values: NDArray[np.generic], depth: float, connectivity: int) -> NDArray[np.generic]:
    """Reconstruction by erosion of `values + depth` above `values` (int64 or float64)."""
    if not (np.isfinite(depth) and depth > 0):
        raise InputError(f"depth must be a finite number above 0, got {depth}")
    order, parent = _tree(values, connectivity)
    flat = values.ravel()
    raised = flat.copy()
    _raise_to_pass(flat, order, parent, flat.dtype.type(depth), raised)
    return raised.reshape(values.shape)


@kernel_jit
def _raise_to_pass(values, order, parent, depth, raised):  # type: ignore[no-untyped-def]
    """Level of each basin: its lowest value plus `depth`, at least its value, at most the level of the basin around."""
    lowest = values.copy()
    for pixel in order:
        up = parent[pixel]
        lowest[up] = min(lowest[up], lowest[pixel])
    for i in range(order.size - 1, -1, -1):
        pixel = order[i]
        up = parent[pixel]
        if up == pixel:
            raised[pixel] = max(values[pixel], lowest[pixel] + depth)
        elif values[up] == values[pixel]:
            raised[pixel] = raised[up]
        else:
            wanted = max(values[pixel], lowest[pixel] + depth)
            raised[pixel] = wanted if wanted < values[up] else raised[up]
