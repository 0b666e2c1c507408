"""SLIC superpixels (Achanta, Shaji, Smith, Lucchi, Fua, Süsstrunk, TPAMI 2012, doi:10.1109/TPAMI.2012.120).

Departures, each so that the result is exact and depends on neither threads nor tiles:

* a pixel considers the centres of the 3 x 3 grid cells around its own cell (gSLIC, Ren & Reid 2011), not those whose
  moving 2S x 2S window contains it; so every pixel has a centre, and a centre stays within its nine cells;
* colours and positions are fixed-point integers, about 1/17 of a CIELAB unit for photographs;
* before the last round, where cells have 12 rows or more, each round uses every third row, in turn (an idea of
  fast-slic): centres are means of a third of their pixels, and boundaries are as accurate;
* small pieces are merged into the neighbour with the longest shared border, not the last one found by a raster scan.

The lecture's slides set the first distance to minus infinity (it must be plus) and show a distance with three cases
that is not part of the method; the two printed distances D and D' = D / m assign alike.

Method: SLIC (`slic`).
Source: Achanta, Shaji, Smith, Lucchi, Fua, Süsstrunk, TPAMI 34(11), 2012, doi:10.1109/TPAMI.2012.120.
As printed: grid of centres moved to the least gradient, distance with compactness m, ten rounds, the adaptive form
    SLICO.
Departs: 3 x 3 cells around a pixel's own in place of the moving 2S x 2S window (gSLIC), fixed-point features, early
    rounds on every third row, small pieces to the neighbour of the longest border: exact for any threads and tiles. The
    lecture's first distance, minus infinity, is plus infinity.
Held by: tests/regions/slic/test_superpixels.py, tests/regions/slic/test_parts.py,
    tests/regions/slic/test_small_pieces.py.
"""

import math

import numpy as np
from numpy.typing import DTypeLike, NDArray

from densa.errors import InputError
from densa.regions.shared.checks import check_image, check_mask, value_ranges
from densa.regions.slic.cells import cell_grid
from densa.regions.slic.metric import make_metric, to_planes, used_compactness
from densa.regions.slic.parts import Part, candidates, labels_of, move_centers, seed_centers
from densa.regions.slic.small_pieces import absorb_small_pieces

__all__ = ["check_image_parameters", "check_parameters", "slic", "smallest_size"]


def slic(
    image: NDArray[np.generic],
    n_superpixels: int,
    compactness: float | None = None,
    *,
    n_iterations: int = 10,
    adaptive: bool = False,
    lab: bool | None = None,
    mask: NDArray[np.bool_] | None = None,
    enforce_connectivity: bool = True,
    min_size_factor: float = 0.25,
) -> NDArray[np.int32]:
    """Partition an image into compact superpixels of similar colour.

    The result is the same for any number of threads, and on any machine.

    Args:
        image: (H, W) or (H, W, B), any integer or floating type, B from 1 to 256; fewer than 2**31 pixels. Three
            bands of uint8 are taken as sRGB and compared in CIELAB (L from 0 to 100); other images as they are.
        n_superpixels: requested number, from 1 to H * W. The number of centres is that of the nearest regular grid; the
            number of regions also depends on connectivity.
        compactness: colour distance, in units of CIELAB or of the image, worth one grid step: `m` of equation (3);
            0 or more. For photographs of 8 bits 1 to 40, by default 10. For images of other types the default is
            10 / 255 of the widest range of a band, so that a photograph in floats from 0 to 1 or in 16 bits is divided
            as one in bytes is.
        n_iterations: rounds of assignment and update; the paper uses 10. Stops earlier where nothing moves.
        adaptive: SLICO: each superpixel's largest colour distance so far replaces `compactness`, which is the initial
            value of all and must then be above 0.
        lab: convert sRGB to CIELAB; None: exactly for three bands of uint8.
        mask: (H, W) pixels that belong to the image; the others are in no region and may be NaN.
        enforce_connectivity: make every region 4-connected, merging pieces below `min_size_factor` of the mean
            superpixel into a neighbour. Otherwise region k has the pixels of centre k, perhaps in pieces or none.
        min_size_factor: 0 to 1; the code of the paper uses a quarter.

    Returns:
        (H, W) int32 regions from 1, numbered in raster order of their first pixel; 0 where `mask` is False.

    Raises:
        InputError: an argument is outside its range, or the image holds NaN or infinite values.

    Examples:
        >>> import numpy as np
        >>> from densa import regions
        >>> image = np.repeat([[0, 100]], 4, axis=1).repeat(4, axis=0)  # a dark and a bright half
        >>> regions.slic(image, 2)
        array([[1, 1, 1, 1, 2, 2, 2, 2],
               [1, 1, 1, 1, 2, 2, 2, 2],
               [1, 1, 1, 1, 2, 2, 2, 2],
               [1, 1, 1, 1, 2, 2, 2, 2]], dtype=int32)
    """
    image = check_image(image)
    height, width = image.shape[:2]
    valid = check_mask(mask, (height, width))
    check_parameters(compactness, n_iterations, adaptive, min_size_factor)
    check_image_parameters(height, width, image.shape[2], image.dtype, n_superpixels, lab)
    if lab is None:
        lab = image.dtype == np.uint8 and image.shape[2] == 3
    grid = cell_grid(height, width, n_superpixels)
    ranges = None if lab else value_ranges(image, valid)
    metric = make_metric(grid, used_compactness(compactness, image.dtype, ranges), adaptive, ranges)
    part = Part(to_planes(image, valid, metric), valid, 0, 0)
    centers = seed_centers(part, grid, metric, grid.cells)
    move_centers(part, grid, metric, centers, range(n_iterations - 1))
    won = candidates(part, grid, metric, centers, grid.cells)
    del part  # frees its planes before the labels are allocated
    labels = labels_of(won, valid, grid, grid.cells, grid.cells)
    if enforce_connectivity:
        n_pixels = height * width if valid is None else int(np.count_nonzero(valid))
        absorb_small_pieces(labels, smallest_size(min_size_factor, n_superpixels, n_pixels), labels)
    return labels


def smallest_size(min_size_factor: float, n_superpixels: int, n_pixels: int) -> float:
    """Size in pixels below which a piece is absorbed, in an image with `n_pixels` inside the mask."""
    return min_size_factor * n_pixels / max(1, min(n_superpixels, n_pixels))


def check_parameters(compactness: float | None, n_iterations: int, adaptive: bool, min_size_factor: float) -> None:
    """Refuse parameters that are invalid for every image."""
    if compactness is not None and not (math.isfinite(compactness) and 0 <= compactness <= 1e30):
        raise InputError(f"compactness must be 0 or more and finite, got {compactness}")
    if adaptive and compactness == 0:
        raise InputError("compactness must be above 0 with adaptive=True: it is each superpixel's first colour scale")
    if n_iterations < 1:
        raise InputError(f"n_iterations must be 1 or more, got {n_iterations}")
    if not 0 <= min_size_factor <= 1:
        raise InputError(f"min_size_factor must be from 0 to 1, got {min_size_factor}")


def check_image_parameters(
    height: int, width: int, n_bands: int, dtype: DTypeLike, n_superpixels: int, lab: bool | None
) -> None:
    """Refuse parameters that are invalid for an image of that size and dtype."""
    if not 1 <= n_superpixels <= height * width:
        raise InputError(
            "n_superpixels must be from 1 to the number of pixels, "
            f"{height} x {width} = {height * width}; got {n_superpixels}"
        )
    if lab and (np.dtype(dtype) != np.uint8 or n_bands != 3):
        raise InputError(
            f"lab=True needs an sRGB image of three uint8 bands, got {n_bands} of {np.dtype(dtype)}; "
            "convert it, or use lab=False"
        )
