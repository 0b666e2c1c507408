"""Random patches of a data set, the same for the same seed and step."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densa import raster
from densa.datasets.dataset import Dataset
from densa.datasets.image_files import has_windows
from densa.datasets.threads import in_threads
from densa.errors import InputError
from densa.legend import IGNORE
from densa.raster.mirroring import mirrored

__all__ = ["Batch", "Loaded", "PatchSampler"]

_MAX_ENTRIES = 1_000_000


class Batch(NamedTuple):
    """Patches: raw values, class indices with `IGNORE`, where the image is valid, and pixel weights if requested."""

    images: NDArray[np.float32]  # (n, bands, size, size)
    labels: NDArray[np.int64]  # (n, size, size)
    valid: NDArray[np.bool_]  # (n, size, size)
    weights: NDArray[np.float32] | None  # (n, size, size)


class Loaded(NamedTuple):
    """An image in memory; `bands` and `labels` are None where they are read by window, `valid` where all pixels are.

    `labels` are those of the mask file alone, also where the image is invalid.
    """

    bands: NDArray[Any] | None
    valid: NDArray[np.bool_] | None
    labels: NDArray[np.uint8] | None
    weights: NDArray[np.float32] | None

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays."""
        return sum(array.nbytes for array in self if array is not None)


class PatchSampler:
    """Square patches at random places of random images.

    Each pass through the images is shuffled and takes from every image as many patches as fit into it, at least one.
    Images smaller than a patch are mirrored at their borders; the mirrored pixels have the label `IGNORE` and weight 0.

    Args:
        dataset: the training split, checked.
        size: side of a patch in pixels, or its (height, width).
        seed: decides images and places, together with the step.
        cache_bytes: memory for decoded images, which are held in their own type; the others are read again for each
            patch, large ones by window.
        extra: function that returns (H, W) float32 weights of image `i`, computed once while the image is held; their
            crop is `Batch.weights`.
        sizes: function that returns the (height, width) of the batch that begins with patch `number`, counted from the
            start of training; None: always `size`.

    Raises:
        InputError: the data set is empty, or `size` is not positive.

    Examples:
        >>> from densa import datasets
        >>> train = datasets.open(datasets.coins("coins"))["train"]
        >>> sampler = datasets.PatchSampler(train, 64, seed=0)
        >>> sampler.patches_per_pass
        14
        >>> patches = sampler.batch(0, 2)
        >>> patches.images.shape, patches.labels.shape
        ((2, 1, 64, 64), (2, 64, 64))
    """

    _holds_labels = False  # whether the label map of an image that is read by window is needed whole

    def __init__(
        self,
        dataset: Dataset,
        size: int | tuple[int, int],
        *,
        seed: int,
        cache_bytes: int = 2 << 30,
        extra: Callable[[int], NDArray[np.float32]] | None = None,
        sizes: Callable[[int], tuple[int, int]] | None = None,
    ) -> None:
        self.dataset = dataset
        self.size = (size, size) if isinstance(size, int) else size
        if min(self.size) < 1:
            raise InputError(f"a patch is at least one pixel wide, got {self.size}")
        if len(dataset) == 0:
            raise InputError("the data set holds no image to take patches from")
        self.seed = seed
        self.cache_bytes = cache_bytes
        self.extra = extra
        self.sizes = sizes
        self._sizes = list(in_threads(dataset.size, range(len(dataset))))
        with dataset.open_image(0) as first:
            self._bytes_per_pixel = first.n_bands * first.dtype.itemsize + 1
        self._entries = _entries(self._sizes, self.size)
        self._passes: dict[int, NDArray[np.int64]] = {}
        self._held: dict[int, Loaded] = {}
        self._held_bytes = 0
        self._lock = Lock()

    @property
    def patches_per_pass(self) -> int:
        """Number of patches of a pass, after which every image has been seen in proportion to its size."""
        return len(self._entries)

    def batch(self, step: int, n: int) -> Batch:
        """The `n` patches of a step; they depend only on the seed, the step and `n`.

        Raises:
            InputError: a file cannot be read.
        """
        height, width = self.size if self.sizes is None else self.sizes(step * n)
        images = np.empty((n, self.dataset.n_bands, height, width), np.float32)
        labels = np.empty((n, height, width), np.int64)
        valid = np.empty((n, height, width), np.bool_)
        weights = np.empty((n, height, width), np.float32) if self.extra else None
        rng = np.random.default_rng([self.seed, step])
        for k, draws in enumerate(rng.random((n, 2))):
            patch = Batch(images[k], labels[k], valid[k], None if weights is None else weights[k])
            self._patch(step * n + k, draws, patch)
        return Batch(images, labels, valid, weights)

    def batches(self, steps: Iterable[int], n: int, *, ahead: int = 4, workers: int = 2) -> Iterator[Batch]:
        """The batches of many steps in order, prepared in the background while the caller computes.

        The threads end when the last batch is taken, when the iterator is closed or dropped, and at the interpreter's
        exit; an error is raised at its step.

        Args:
            steps: the requested steps.
            n: patches of a batch.
            ahead: number of batches that are prepared before they are requested.
            workers: number of threads; the order of the batches does not depend on it.
        """
        pending: deque[Future[Batch]] = deque()
        with ThreadPoolExecutor(workers, thread_name_prefix="patches") as pool:
            try:
                for step in steps:
                    pending.append(pool.submit(self.batch, step, n))
                    if len(pending) > ahead:
                        yield pending.popleft().result()
                while pending:
                    yield pending.popleft().result()
            finally:
                for future in pending:
                    future.cancel()

    def _patch(self, number: int, draws: NDArray[np.float64], patch: Batch) -> None:
        """Fill the patch `number`, counted from the start of training; `draws`: two numbers in 0..1 for its place."""
        i = self._entry_of(number)
        sides = zip(self._sizes[i], patch.labels.shape, strict=True)
        row, column = (_start(share, *both) for share, both in zip(draws, sides, strict=True))
        self._crop(i, self._load(i), row, column, patch)

    def _entry_of(self, number: int) -> int:
        """Entry (an image) of the patch `number`: each pass through the entries is shuffled."""
        turn, place = divmod(number, len(self._entries))
        order = self._passes.get(turn)
        if order is None:
            order = np.random.default_rng([self.seed, turn, 1]).permutation(self._entries)
            # At most two passes are in use at once, but threads may be a little apart.
            self._passes = {**{t: o for t, o in self._passes.items() if abs(t - turn) < 2}, turn: order}
        return int(order[place])

    def _crop(self, i: int, loaded: Loaded, row: int, column: int, patch: Batch) -> None:
        """Fill one patch whose first pixel is (row, column) of image `i`; beyond the image's border it is mirrored."""
        image, labels, valid, weights = patch
        height, width = labels.shape
        rows, columns = np.arange(row, row + height), np.arange(column, column + width)
        in_rows, in_columns = ((n >= 0) & (n < side) for n, side in zip((rows, columns), self._sizes[i], strict=True))
        at_rows, at_columns = (mirrored(n, side) for n, side in zip((rows, columns), self._sizes[i], strict=True))
        whole = bool(in_rows.all() and in_columns.all())
        at: Any = np.s_[row : row + height, column : column + width] if whole else np.ix_(at_rows, at_columns)
        first, last = (at_rows.min(), at_columns.min()), (at_rows.max(), at_columns.max())
        window = raster.Window(*map(int, first), *(int(b - a) + 1 for a, b in zip(first, last, strict=True)))
        here: Any = np.s_[:, :] if whole else np.ix_(at_rows - first[0], at_columns - first[1])
        if loaded.bands is None:
            bands, inside = self.dataset.image(i, window)
            image[:], valid[:] = _finite(bands)[(slice(None), *here)], inside[here]
        else:
            image[:] = loaded.bands[(slice(None), *at)]
            valid[:] = True if loaded.valid is None else loaded.valid[at]
        labels[:] = self.dataset.mask_labels(i, window)[here] if loaded.labels is None else loaded.labels[at]
        labels[~valid] = IGNORE
        if weights is not None and loaded.weights is not None:
            weights[:] = loaded.weights[at]
        if not whole:
            outside = ~(in_rows[:, None] & in_columns)
            labels[outside] = IGNORE
            if weights is not None:
                weights[outside] = 0

    def _load(self, i: int) -> Loaded:
        held = self._held.get(i)
        if held is not None:
            return held
        height, width = self._sizes[i]
        weights = None if self.extra is None else np.asarray(self.extra(i), np.float32)
        by_window = self._by_window(i)
        size: tuple[int, ...]
        if by_window and not self._holds_labels and self.dataset.reads_labels_by_window(i):
            loaded, size = Loaded(None, None, None, weights), self.dataset.mask_size(i)
        elif by_window:
            loaded = Loaded(None, None, labels := self.dataset.mask_labels(i), weights)
            size = labels.shape
        else:
            bands, valid = self.dataset.image(i)
            labels = self.dataset.mask_labels(i)
            loaded, size = Loaded(_finite(bands), None if valid.all() else valid, labels, weights), labels.shape
        if size != (height, width):
            raise InputError(f"{self.dataset.samples[i].mask} has another size than its image; check the data set")
        with self._lock:
            # What is needed whole of an image that is read by window (labels, weights) is the small part: always held.
            if i not in self._held and (by_window or self._held_bytes + loaded.n_bytes <= self.cache_bytes):
                self._held[i] = loaded
                self._held_bytes += loaded.n_bytes
        return loaded

    def _by_window(self, i: int) -> bool:
        """Whether to read only the window of a patch: of an image that does not fit the cache, if its format allows."""
        height, width = self._sizes[i]
        fits = self._held_bytes + height * width * self._bytes_per_pixel <= self.cache_bytes
        return not fits and has_windows(self.dataset.samples[i].image)


def _entries(sizes: list[tuple[int, int]], patch: tuple[int, int]) -> NDArray[np.int64]:
    """Images, each as often as patches fit into it."""
    fit = np.array([max(1.0, height * width / (patch[0] * patch[1])) for height, width in sizes])
    fit *= min(1.0, _MAX_ENTRIES / fit.sum())
    return np.repeat(np.arange(len(sizes)), np.maximum(1, np.rint(fit).astype(np.int64)))


def _start(share: float, side: int, patch: int) -> int:
    """First row (column) of a patch, evenly among those that keep it inside (or the image inside it)."""
    room = side - patch
    return int(share * (room + 1)) if room >= 0 else -int(share * (1 - room))


def _finite(bands: NDArray[Any]) -> NDArray[Any]:
    """The bands with 0 for NaN and infinity, which would spread when a patch is resampled; such pixels are invalid."""
    return np.nan_to_num(bands, nan=0, posinf=0, neginf=0) if bands.dtype.kind == "f" else bands
