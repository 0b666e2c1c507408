"""U-Net's border weight map (Ronneberger, Fischer, Brox 2015, section 3): the background between two close
objects has a larger weight, so that the network learns to keep them apart.

Departure: the paper adds the term to all pixels; here only background has it (inside an object d1 is 0, and the
term would ask for a sharper border on the object's own side too). With fewer than two objects it is 0.

Method: U-Net's border weights.
Source: Ronneberger, Fischer, Brox 2015, arXiv:1505.04597, equation 2.
As printed: w_0 exp(-(d1 + d2)^2 / (2 sigma^2)) with w_0 = 10 and sigma = 5 pixels, added to the weight of the class.
Departs: only background has the term (inside an object d1 is 0); 0 where d1 + d2 exceeds 5 sigma.
Held by: tests/training/pieces/test_border_weights.py.
"""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from densa.errors import InputError

__all__ = ["border_weights", "border_weights_of_labels"]

# Beyond this many sigma of d1 + d2 the term is below w0 * 4e-6 and taken as 0.
_REACH = 5.0


def border_weights(instances: NDArray[Any], *, w0: float = 10.0, sigma: float = 5.0) -> NDArray[np.float32]:
    """Weight w0 exp(-(d1 + d2)^2 / (2 sigma^2)) of each background pixel.

    d1 and d2 are the Euclidean distances in pixels to the nearest pixel of the nearest and of the second nearest
    object. Add it to the class weight of the pixel (or to 1) for w(x) of the paper.

    Args:
        instances: (H, W) integers; 0 is background, every other value one object.
        w0: weight where two objects touch the same point.
        sigma: width of the border in pixels.

    Returns:
        (H, W) float32, from 0 to `w0`; 0 inside objects and where d1 + d2 exceeds 5 sigma (a term below 4e-6 w0).

    Raises:
        InputError: not a 2D array of integers, `w0` negative or `sigma` not positive.

    Examples:
        >>> import numpy as np
        >>> from densa import training
        >>> training.border_weights(np.array([[1, 0, 2, 0, 0]]), w0=10, sigma=2).round(2)
        array([[0.  , 6.07, 0.  , 1.35, 0.11]], dtype=float32)
    """
    _check(instances, w0, sigma)
    reach = _REACH * sigma
    nearest = np.full(instances.shape, np.inf, np.float32)
    second = nearest.copy()
    values, numbered = np.unique(instances, return_inverse=True)
    numbered = numbered.reshape(instances.shape)
    # One distance transform per object, in its bounding box widened by the reach: the time grows with
    # the total area of the boxes, not with the number of objects times the image.
    for value, box in zip(values, ndimage.find_objects(numbered + 1), strict=True):
        if value == 0:
            continue
        place = tuple(slice(max(0, s.start - ceil(reach)), s.stop + ceil(reach)) for s in box)
        distance = ndimage.distance_transform_edt(instances[place] != value).astype(np.float32)
        second[place] = np.minimum(second[place], np.maximum(nearest[place], distance))
        nearest[place] = np.minimum(nearest[place], distance)
    total = nearest + second
    weights = w0 * np.exp(-np.square(total, dtype=np.float32) / np.float32(2 * sigma**2))
    weights[(instances != 0) | (total > reach)] = 0
    return weights.astype(np.float32)


def border_weights_of_labels(
    labels: NDArray[np.uint8], *, background: int = 0, ignore_index: int = 255, w0: float = 10.0, sigma: float = 5.0
) -> NDArray[np.float32]:
    """Border weights of a label map whose objects are the connected components of each class but the background.

    Args:
        labels: (H, W) class of each pixel.
        background: the class between the objects. Components are 4-connected: a diagonal ridge separates.
        ignore_index: label that is neither object nor background.
        w0: see `border_weights`.
        sigma: see `border_weights`.

    Returns:
        (H, W) float32, see `border_weights`; 0 on ignored pixels.
    """
    instances = np.zeros(labels.shape, np.int32)
    count = 0
    for value in np.unique(labels):
        if value in (background, ignore_index):
            continue
        components, n = ndimage.label(labels == value)
        instances += np.where(components > 0, components + count, 0).astype(np.int32)
        count += n
    weights = border_weights(instances, w0=w0, sigma=sigma)
    weights[labels == ignore_index] = 0
    return weights


def _check(instances: NDArray[Any], w0: float, sigma: float) -> None:
    if instances.ndim != 2 or not np.issubdtype(instances.dtype, np.integer):
        raise InputError(f"instances must be (H, W) integers, got {instances.dtype} of shape {instances.shape}")
    if w0 < 0 or sigma <= 0:
        raise InputError(f"border weights need w0 >= 0 and sigma > 0, got w0={w0} and sigma={sigma}")
