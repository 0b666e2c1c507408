"""A trained shallow method: features, trees and the prior of the classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.descriptors import Place
from densa.errors import InputError
from densa.shallow.features import PixelFeatures
from densa.shallow.region_features import RegionFeatures, strip_rows
from densa.shallow.structured import vote
from densa.shallow.trees import Trees

__all__ = ["ShallowModel"]


@dataclass(frozen=True, eq=False)
class ShallowModel:
    """Class probabilities of blocks by trees over features of pixels or of regions.

    Attributes:
        features: features of pixels, or of regions; all pixels of a region get its probabilities.
        trees: trees over these features.
        factors: (C,) factors of the probabilities, which are then normalised to sum to 1: trees are trained as if all
            classes were equally frequent.
        n_bands: number of bands of the images.

    Raises:
        InputError: the trees are for another number of features, or the factors are not one positive number per class.

    Examples:
        >>> import numpy as np
        >>> from densa import shallow
        >>> values = np.arange(256, dtype=np.float32)[:, None]
        >>> trees = shallow.fit_trees(values, values[:, 0] >= 100, 2, n_trees=3)
        >>> model = shallow.ShallowModel(shallow.PixelFeatures(("bands",)), trees, np.ones(2), n_bands=1)
        >>> model.halo, model.stride
        (0, 1)
        >>> model.probabilities(np.array([[[20, 90, 110, 200]]], np.uint8)).argmax(axis=0)
        array([[0, 0, 1, 1]])
    """

    features: PixelFeatures | RegionFeatures
    trees: Trees
    factors: NDArray[np.float64]
    n_bands: int

    def __post_init__(self) -> None:
        n = len(self.features.names(self.n_bands))
        if self.trees.n_features != n:
            raise InputError(f"the trees are for {self.trees.n_features} features, those of the model are {n}")
        factors = np.asarray(self.factors, np.float64)
        if factors.shape != (self.trees.n_classes,) or not (np.isfinite(factors).all() and (factors > 0).all()):
            raise InputError(f"factors must be {self.trees.n_classes} positive numbers, got {factors}")
        object.__setattr__(self, "factors", factors)

    @property
    def stride(self) -> int:
        """Blocks must begin at multiples of it: the step of the superpixels, or 1."""
        return self.features.step if isinstance(self.features, RegionFeatures) else 1

    @cached_property
    def halo(self) -> int:
        """Pixels of context on which a pixel's probabilities depend."""
        return self.features.halo + self.trees.side // 2

    def probabilities(
        self,
        block: NDArray[Any],
        valid: NDArray[np.bool_] | None = None,
        place: Place | None = None,
    ) -> NDArray[np.float32]:
        """Class probabilities of a block.

        Args:
            block: (bands, h, w) values as stored in the raster.
            valid: (h, w), False where there is no data; None: everywhere valid.
            place: position of the block in its image, row and column multiples of `stride`; None: the block is the
                image.

        Returns:
            (C, h, w) float32, summing to 1; uniform where there is no data.

        Raises:
            InputError: another number of bands, or a place that is not a multiple of the stride.
        """
        if block.ndim != 3 or len(block) != self.n_bands or 0 in block.shape:
            raise InputError(f"a block must be ({self.n_bands}, h, w) with pixels, got shape {block.shape}")
        place = place or Place()
        place = replace(place, size=place.image_size(block.shape[1:]))
        if isinstance(self.features, RegionFeatures):
            out = self._of_regions(self.features, block, valid, place)
        elif self.trees.combine == "patches":
            out = self._of_patches(self.features, block, valid, place)
        else:
            out = self._of_pixels(self.features, block, valid, place)
        if valid is not None and not valid.all():
            out[:, ~valid] = 1 / len(out)
        return out

    def weighted(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (C, ...) multiplied by the factors, summing to 1 again; in place where no factor is 1."""
        if (self.factors == self.factors[0]).all():
            return probabilities
        probabilities *= self.factors.astype(np.float32).reshape(-1, *(1,) * (probabilities.ndim - 1))
        probabilities /= np.maximum(probabilities.sum(axis=0), np.float32(1e-30))
        return probabilities

    def _of_pixels(
        self, features: PixelFeatures, block: NDArray[Any], valid: NDArray[np.bool_] | None, place: Place
    ) -> NDArray[np.float32]:
        out = np.empty((self.trees.n_classes, *block.shape[1:]), np.float32)
        for top, end, found in _strips(features, block, valid, place):
            out[:, top:end] = self.weighted(self.trees.probabilities(found))
        return out

    def _of_patches(
        self, features: PixelFeatures, block: NDArray[Any], valid: NDArray[np.bool_] | None, place: Place
    ) -> NDArray[np.float32]:
        rows = np.empty((self.trees.n_trees, *block.shape[1:]), np.int32)
        for top, end, found in _strips(features, block, valid, place):
            rows[:, top:end] = self.trees.rows(found)
        return self.weighted(vote(self.trees, rows, valid))

    def _of_regions(
        self, features: RegionFeatures, block: NDArray[Any], valid: NDArray[np.bool_] | None, place: Place
    ) -> NDArray[np.float32]:
        table, regions = features.compute(block, valid, place)
        of_region = self.weighted(self.trees.probabilities(np.ascontiguousarray(table.T)))
        n_classes = len(of_region)
        of_region = np.hstack([np.full((n_classes, 1), 1 / n_classes, np.float32), of_region])
        return np.ascontiguousarray(of_region[:, regions])


def _strips(features: PixelFeatures, block: NDArray[Any], valid: NDArray[np.bool_] | None, place: Place) -> Any:
    """(first row, last + 1, features) of strips of a block, as if all were computed at once."""
    height, width, halo = *block.shape[1:], features.halo
    step = strip_rows(len(features.names(len(block))), width, halo)
    for top in range(0, height, step):
        end = min(height, top + step)
        above, below = max(0, top - halo), min(height, end + halo)
        mask = None if valid is None else valid[above:below]
        found = features.compute(block[:, above:below], mask, replace(place, row=place.row + above))
        yield top, end, np.ascontiguousarray(found[:, top - above : end - above])
