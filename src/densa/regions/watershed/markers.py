"""Arguments of both watersheds, checked: markers in their different forms, masks and connectivity."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from densa.errors import InputError
from densa.regions.shared.checks import MAX_PIXELS, check_connectivity

Names = NDArray[np.signedinteger | np.unsignedinteger]


def check_reach(connectivity: int | ArrayLike) -> int:
    """1 for 4 neighbours, 2 for 8, from the number or the structuring element."""
    if np.ndim(connectivity):
        element = np.asarray(connectivity).astype(bool)
        for reach in (1, 2):
            if np.array_equal(element, ndimage.generate_binary_structure(2, reach)):
                return reach
        raise InputError(
            "connectivity must be 1, 2 or the (3, 3) structuring element of 4 or 8 neighbours, got "
            f"{element.astype(int).tolist()}"
        )
    return check_connectivity(connectivity)  # type: ignore[arg-type]


def check_inside(mask: NDArray[np.generic] | None, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    """The mask as bool; None for none."""
    if mask is None:
        return None
    inside = np.ascontiguousarray(mask, dtype=bool)
    if inside.shape != shape:
        raise InputError(f"mask must have the image's shape {shape}, got {inside.shape}")
    return inside


def blank_outside(image: NDArray[np.generic], inside: NDArray[np.bool_]) -> NDArray[np.generic]:
    """The image, with 0 for values outside the mask that are not finite."""
    if image.dtype.kind != "f":
        return image
    return np.where(inside | np.isfinite(image), image, image.dtype.type(0))


def given_markers(
    markers: ArrayLike | int, shape: tuple[int, int], inside: NDArray[np.bool_] | None
) -> tuple[NDArray[np.int32], Names | None]:
    """Marker numbers from 1 inside the mask (0 elsewhere) and the label of each number (None: the number itself)."""
    if np.ndim(markers) == 0:
        n_inside = shape[0] * shape[1] if inside is None else int(inside.sum())
        count = check_count(markers, n_inside)
        return cut(grid_markers(shape, count, n_inside, (0, 0, *shape)), inside), None
    given = np.asarray(markers)
    if given.shape != shape:
        raise InputError(f"markers must have the image's shape {shape}, got {given.shape}")
    if given.dtype.kind not in "iu":
        raise InputError(f"markers must be integers, got {given.dtype}; label them first, with scipy.ndimage.label")
    n_markers = np.count_nonzero(given)
    given = cut(given, inside)
    lowest, highest = int(given.min()), int(given.max())
    if n_markers and lowest == highest == 0:
        raise InputError(f"at least one marker pixel must be inside the mask, all {n_markers} lie outside the mask")
    if lowest >= 0 and highest < 2**31 and given.dtype == np.int32:
        return given.copy() if inside is None else given, None
    names = np.unique(given)
    names = np.concatenate([np.zeros(1, names.dtype), names[names != 0]])
    by_value = np.argsort(names)
    return by_value[np.searchsorted(names, given, sorter=by_value)].astype(np.int32), names


def cut(labels: NDArray[Any], inside: NDArray[np.bool_] | None) -> NDArray[Any]:
    """Labels inside the mask, 0 elsewhere."""
    return labels if inside is None else labels * inside


def check_count(markers: ArrayLike | int, n_inside: int) -> int:
    """A number of markers for so many pixels."""
    count = np.asarray(markers)
    if count.dtype.kind not in "iuf" or not 1 <= count <= n_inside:
        raise InputError(f"the number of markers must be from 1 to the {n_inside} pixels to flood, got {markers!r}")
    return int(count)


def grid_markers(
    shape: tuple[int, int], n_markers: int, n_inside: int, window: tuple[int, int, int, int]
) -> NDArray[np.int32]:
    """About `n_markers` numbered pixels on a regular grid over the mask, placed as by `skimage.util.regular_seeds`.

    Args:
        shape: (H, W) of the image.
        n_markers: requested number inside the mask.
        n_inside: pixels of the mask.
        window: row, column, height and width of the part to return.

    Returns:
        (height, width) numbers from 1 in raster order, 0 where there is no marker; the mask is not applied.

    Raises:
        InputError: more markers than int32 can number.
    """
    from skimage.util import regular_grid  # not at the top: half a second

    over_all = int(n_markers / (n_inside / (shape[0] * shape[1])))
    rows, columns = (
        np.arange(n)[places] for n, places in zip(shape, regular_grid(shape, over_all), strict=True)
    )  # fmt: skip
    if rows.size * columns.size > MAX_PIXELS:
        raise InputError(f"{rows.size} x {columns.size} markers are more than int32 can number; use fewer")
    row, column, height, width = window
    labels = np.zeros((height, width), np.int32)
    i = np.flatnonzero((rows >= row) & (rows < row + height))
    j = np.flatnonzero((columns >= column) & (columns < column + width))
    labels[np.ix_(rows[i] - row, columns[j] - column)] = i[:, None] * columns.size + j + 1
    return labels
