"""Copies: images of the same pixels, and images that show the same after scaling, compression, mirroring or turning.

Candidates for near copies differ in few bits of a 64-bit perceptual hash (signs of the low frequencies of the image at
32 x 32 pixels, Zauner 2010), in any of the eight positions. They count where the reduced images agree as well, and the
fine detail of both, block by block: images of one texture or one arrangement agree at 32 x 32 pixels, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

from densa.datasets.leaks.fingerprint import Fingerprint

__all__ = ["POSITIONS", "exact_copies", "near_copies", "perceptual_hashes", "same_detail"]

POSITIONS: tuple[Callable[[NDArray[Any]], NDArray[Any]], ...] = (
    lambda a: a,
    lambda a: a[:, ::-1],
    lambda a: a[::-1],
    lambda a: a[::-1, ::-1],
    lambda a: a.T,
    lambda a: a.T[:, ::-1],
    lambda a: a.T[::-1],
    lambda a: a.T[::-1, ::-1],
)
"""An (h, w) image mirrored and turned."""

_BITS = 10  # of 64 that may differ
_AGREEMENT = 0.97  # correlation of the reduced images
_DETAIL = 0.6  # median correlation of blocks of the whole images
_BLOCK = 8
_LEAST_BLOCKS = 24
_ROWS = 1024  # hashes that are compared with all others at once
_SIDE = 512  # images are compared at no more than this size


def exact_copies(prints: Sequence[Fingerprint | None]) -> Iterator[tuple[int, int]]:
    """Pairs of images of the same pixels: each of them with the first."""
    first: dict[str, int] = {}
    for i, one in enumerate(prints):
        if one is not None and one.pixels is not None and first.setdefault(one.pixels, i) != i:
            yield first[one.pixels], i


def perceptual_hashes(small: NDArray[Any]) -> NDArray[np.float32]:
    """(n, 64) signs, +1 or -1, of the low frequencies of (n, 32, 32) images; the product of two is 64 - 2 x the bits
    that differ.
    """
    low = dctn(small.astype(np.float32), axes=(1, 2))[:, :8, :8].reshape(len(small), 64)
    low[:, 0] = 0  # the mean
    return np.where(low > np.median(low, axis=1, keepdims=True), 1, -1).astype(np.float32)


def near_copies(
    prints: Sequence[Fingerprint | None], weight: Callable[[int, int], int], most: int
) -> list[tuple[int, int, float, int]]:
    """Pairs of images whose reduced versions agree, the most alike first; `same_detail` decides.

    Args:
        prints: of the images.
        weight: how much a pair matters: 0: it is not to be found; those that matter more come first.
        most: pairs that are returned, at most.

    Returns:
        Both numbers, the correlation at 32 x 32 pixels, from 0.97, and the position of the second that it is of.
    """
    reduced = {i: one.small for i, one in enumerate(prints) if one is not None and one.small is not None}
    known = list(reduced)
    if len(known) < 2:
        return []
    small = np.stack(list(reduced.values())).astype(np.float32)
    plain = perceptual_hashes(small)
    turned = [perceptual_hashes(np.stack([turn(image) for image in small])) for turn in POSITIONS]
    best: dict[tuple[int, int], tuple[float, int]] = {}
    for start in range(0, len(known), _ROWS):
        rows = plain[start : start + _ROWS]
        for position, hashes in enumerate(turned):
            for r, j in np.argwhere(rows @ hashes[start:].T >= 64 - 2 * _BITS):
                a, b = start + int(r), start + int(j)
                if a >= b or not weight(known[a], known[b]):
                    continue
                agreement = float((small[a] * POSITIONS[position](small[b])).sum())
                if agreement >= max(_AGREEMENT, best.get((known[a], known[b]), (0.0, 0))[0]):
                    best[known[a], known[b]] = agreement, position
    pairs = sorted(
        ((*pair, *found) for pair, found in best.items()), key=lambda pair: (-weight(pair[0], pair[1]), -pair[2])
    )
    return pairs[:most]


def same_detail(first: NDArray[Any], second: NDArray[Any], position: int = 0) -> bool:
    """Whether two (H, W) grey images show the same in detail, the second in a position, and scaled to one size.

    Decided by the median correlation of blocks of 8 x 8 pixels that vary in both; false where there are too few.
    """
    first, second = _reduced(first), POSITIONS[position](_reduced(second))
    return _block_agreement(*_one_size(first, second)) >= _DETAIL


def _reduced(image: NDArray[Any]) -> NDArray[np.float32]:
    step = -(-max(image.shape) // _SIDE)
    height, width = (side // step * step for side in image.shape)
    cells = image[:height, :width].reshape(height // step, step, width // step, step)
    return cells.mean(axis=(1, 3), dtype=np.float32)


def _one_size(first: NDArray[Any], second: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both images at the size of the smaller one, by bilinear interpolation."""
    if first.shape == second.shape:
        return first, second
    size = tuple(min(a, b) for a, b in zip(first.shape, second.shape, strict=True))
    return _scaled(first, size), _scaled(second, size)


def _scaled(image: NDArray[Any], size: tuple[int, ...]) -> NDArray[Any]:
    if image.shape == size:
        return image
    from skimage.transform import resize

    scaled: NDArray[Any] = resize(image, size, order=1, anti_aliasing=True, preserve_range=True)
    return scaled


def _block_agreement(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Median over blocks of the correlation of both images, each without its mean; 0 where few blocks vary."""
    height, width = (side // _BLOCK for side in first.shape)
    if not height * width:
        return 0.0

    def blocks(image: NDArray[Any]) -> NDArray[np.float32]:
        cut = image[: height * _BLOCK, : width * _BLOCK].astype(np.float32)
        rows = cut.reshape(height, _BLOCK, width, _BLOCK).transpose(0, 2, 1, 3).reshape(height * width, -1)
        centred: NDArray[np.float32] = rows - rows.mean(axis=1, keepdims=True)
        return centred

    a, b = blocks(first), blocks(second)
    norms = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    varies = np.minimum(
        *(norm / max(float(image.std()), 1e-12) for norm, image in zip(norms, (first, second), strict=True))
    )
    kept = varies > 0.04 * _BLOCK
    if kept.sum() < min(_LEAST_BLOCKS, height * width / 4):
        return 0.0
    agreement = (a[kept] * b[kept]).sum(axis=1) / (norms[0][kept] * norms[1][kept])
    return float(np.median(agreement))
