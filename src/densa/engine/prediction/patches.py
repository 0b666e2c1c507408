"""Prediction by overlapping patches of the sizes that training scored best (Nogueira et al., TGRS 2019).

The method of the paper, an alternative to exact tiles: patches of side s at multiples of s / 2, the last shifted
inside; each is predicted as an image of its own, and the logits of the patches of a pixel are averaged. With several
sizes, their probabilities are averaged. The map depends on the sizes.

The mean of the logits is computed as the mean of the logarithms of the probabilities, which any segmenter has: they
differ from the logits by one number per pixel, which neither the most probable class nor a softmax depends on.

Method: Prediction by the best patch sizes.
Source: Nogueira et al., TGRS 57(10), 2019, arXiv:1804.04020.
As printed: patches at every half of their side, logits averaged.
Departs: logarithms of probabilities stand for logits; probabilities of several sizes are averaged.
Held by: tests/engine/prediction/test_patches.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from densa.engine.prediction.plan import fitted
from densa.engine.prediction.task import PredictionFiles, Writers
from densa.engine.prediction.tile import TilePrediction, label_and_confidence
from densa.errors import InputError
from densa.progress import Progress
from densa.raster import Raster, Window
from densa.segmenter import Calibrated, Segmenter, uncalibrated

__all__ = ["patch_starts", "predict_patches", "predict_patches_array", "predict_patches_to_file"]

_TINY = np.float32(np.finfo(np.float32).tiny)


def patch_starts(side: int, size: int) -> list[int]:
    """First rows (columns) of the patches along a side: multiples of half the size, the last shifted inside.

    Args:
        side: of the image in pixels.
        size: of the patches; a shorter image is one patch.

    Raises:
        InputError: a size below 1.

    Examples:
        >>> from densa import engine
        >>> engine.patch_starts(100, 40)
        [0, 20, 40, 60]
    """
    if size < 1:
        raise InputError(f"patches must be at least 1 pixel wide, got {size}")
    room = max(side - size, 0)
    starts = list(range(0, room + 1, max(size // 2, 1)))
    return starts if starts[-1] == room else [*starts, room]


def predict_patches(
    segmenter: Segmenter, raster: Raster, sizes: Sequence[int], *, progress: Progress | None = None
) -> Iterator[TilePrediction]:
    """Predict a raster by overlapping patches, a strip of rows at a time; memory grows with its width only.

    Args:
        segmenter: any segmenter; it is given each patch as an image of its own.
        raster: an open image of any size.
        sizes: sides of the patches in pixels; several are averaged. `densa.training.recorded_sizes` gives the best.
        progress: called with (pixels done, pixels in all) after every strip.

    Yields:
        Strips of whole rows from top to bottom. Probabilities are 0 where no patch holds a valid pixel.

    Raises:
        InputError: the raster's bands are not the segmenter's; no size, one below 1, or one above that of the raster.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, engine, networks, raster, segmenter
        >>> network = networks.build("unet", 1, 2, width=1)
        >>> model = segmenter.NetworkSegmenter(network, Legend(("ground", "roof")), segmenter.BandContract(1))
        >>> image = raster.from_array(np.zeros((40, 60), np.uint8))
        >>> strips = list(engine.predict_patches(model, image, [32]))
        >>> sum(strip.window.height for strip in strips)
        40
    """
    raster = _checked(segmenter, raster, sizes)
    scaling = segmenter.scaling if isinstance(segmenter, Calibrated) else None
    segmenter = uncalibrated(segmenter)  # the mean over patches is scaled, not each
    streams = [_Strips(_averaged(segmenter, raster, size)) for size in sizes]
    row, total = 0, raster.height * raster.width
    while row < raster.height:
        n = min(stream.ready() for stream in streams)
        parts = [stream.take(n) for stream in streams]
        probabilities = _softmax(parts[0][0])
        for logits, _ in parts[1:]:
            probabilities += _softmax(logits)
        valid = parts[0][1]
        probabilities /= np.float32(len(sizes))
        if scaling is not None:
            probabilities = scaling(probabilities)
        yield TilePrediction(Window(row, 0, n, raster.width), probabilities, valid)
        row += n
        if progress:
            progress(row * raster.width, total)


def predict_patches_array(
    segmenter: Segmenter, raster: Raster, sizes: Sequence[int], *, progress: Progress | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Label map (h, w) uint8 and probability of the label (h, w) float32; see `predict_patches`.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, engine, networks, raster, segmenter
        >>> network = networks.build("unet", 1, 2, width=1)
        >>> model = segmenter.NetworkSegmenter(network, Legend(("ground", "roof")), segmenter.BandContract(1))
        >>> image = raster.from_array(np.zeros((40, 60), np.uint8))
        >>> labels, confidence = engine.predict_patches_array(model, image, [16, 32])
        >>> labels.shape
        (40, 60)
    """
    return label_and_confidence(raster, predict_patches(segmenter, raster, sizes, progress=progress))


def predict_patches_to_file(
    segmenter: Segmenter,
    raster: Raster,
    outputs: PredictionFiles,
    sizes: Sequence[int],
    *,
    tags: Mapping[str, str] | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write the label map of `predict_patches`, and the other files requested; files appear when complete.

    Args:
        segmenter, raster, sizes, progress: see `predict_patches`.
        outputs: the files.
        tags: further text fields of every file.
        overwrite: replace files that exist.

    Raises:
        InputError: what `predict_patches` refuses, or an output that exists or cannot be written.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, engine, networks, raster, segmenter
        >>> network = networks.build("unet", 1, 2, width=1)
        >>> model = segmenter.NetworkSegmenter(network, Legend(("ground", "roof")), segmenter.BandContract(1))
        >>> image = raster.from_array(np.zeros((40, 60), np.uint8))
        >>> from pathlib import Path
        >>> engine.predict_patches_to_file(model, image, engine.PredictionFiles(Path("map.png")), [32])
        >>> raster.read_label_map("map.png")[0].shape
        (40, 60)
    """
    raster = _checked(segmenter, raster, sizes)
    fields = {"densa_patch_sizes": ",".join(map(str, sizes)), **(tags or {})}
    products = outputs.products(segmenter.legend.n_classes)
    with Writers(outputs, products, raster, segmenter.legend, tags=fields, overwrite=overwrite) as writers:
        for strip in predict_patches(segmenter, raster, sizes, progress=progress):
            writers.write_strip(strip.window.row, [products.planes(strip)])


Logits = tuple[NDArray[np.float32], NDArray[np.bool_]]
"""(classes, h, w) mean logits, up to one number per pixel, and (h, w) validity of some whole rows."""


def _averaged(segmenter: Segmenter, raster: Raster, size: int) -> Iterator[Logits]:
    """Mean logits of the patches of one size, in strips of rows that no later patch reaches."""
    rows, columns = patch_starts(raster.height, size), patch_starts(raster.width, size)
    height, width = min(size, raster.height), min(size, raster.width)
    across = np.zeros(raster.width, np.float32)
    for column in columns:
        across[column : column + width] += 1
    # The rolling buffer: sums and patches of each row from the current patches' first on.
    total = np.zeros((segmenter.legend.n_classes, height, raster.width), np.float32)
    down = np.zeros((height, 1), np.float32)
    for row, after in zip(rows, [*rows[1:], raster.height], strict=True):
        pixels, valid = raster.read(Window(row, 0, height, raster.width))
        pixels[:, ~valid] = 0  # values under nodata have no effect
        for column in columns:
            place = slice(column, column + width)
            if valid[:, place].any():
                block = np.ascontiguousarray(pixels[:, :, place])
                found = segmenter.probabilities(block, np.ascontiguousarray(valid[:, place]))
                total[:, :, place] += np.log(np.maximum(found, _TINY))
        down += 1
        n = after - row  # rows that are finished
        yield total[:, :n] / (down[:n] * across), valid[:n]
        total[:, : height - n], down[: height - n] = total[:, n:].copy(), down[n:].copy()
        total[:, height - n :], down[height - n :] = 0, 0


class _Strips:
    """Strips of one stream, cut to requested heights."""

    def __init__(self, stream: Iterator[Logits]) -> None:
        self._stream = stream
        self._held: Logits | None = None

    def ready(self) -> int:
        """Rows that can be taken in one call."""
        if self._held is None:
            self._held = next(self._stream)
        return len(self._held[1])

    def take(self, n: int) -> Logits:
        """The next `n` rows, at most those that are ready."""
        assert self._held is not None
        logits, valid = self._held
        self._held = (logits[:, n:], valid[n:]) if n < len(valid) else None
        return logits[:, :n], valid[:n]


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=0))
    shares: NDArray[np.float32] = powers / powers.sum(axis=0)
    return shares


def _checked(segmenter: Segmenter, raster: Raster, sizes: Sequence[int]) -> Raster:
    """The bands of the raster that the segmenter takes, after a check of the sizes."""
    raster = fitted(segmenter, raster)
    if not sizes or min(sizes) < 1:
        raise InputError(f"patch sizes must be one or more from 1, got {list(sizes)}")
    if max(sizes) > max(raster.height, raster.width):
        raise InputError(
            f"patches of {max(sizes)} pixels are larger than {raster.path}, {raster.height}x{raster.width}; use "
            "smaller ones, or exact prediction"
        )
    return raster
