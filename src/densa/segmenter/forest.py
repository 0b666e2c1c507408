"""A shallow model as a segmenter."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.descriptors import Place
from densa.errors import InputError
from densa.legend import Legend
from densa.segmenter.contract import BandContract, Segmenter
from densa.shallow import ShallowModel

__all__ = ["ForestSegmenter"]


class ForestSegmenter(Segmenter):
    """A forest over features of pixels or regions, the same for every tiling; see `Segmenter`.

    Args:
        model: features and trees.
        legend: its classes.
        bands: its input contract.
        size: (height, width) of the image that it is for, see `for_image`; None: blocks end where the image does.

    Raises:
        InputError: another number of classes or bands than the model has.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, segmenter, shallow
        >>> values = np.arange(256, dtype=np.float32)[:, None]
        >>> trees = shallow.fit_trees(values, values[:, 0] >= 100, 2, n_trees=3)
        >>> model = shallow.ShallowModel(shallow.PixelFeatures(("bands",)), trees, np.ones(2), n_bands=1)
        >>> legend, bands = Legend(("dark", "bright")), segmenter.BandContract(1)
        >>> forest = segmenter.ForestSegmenter(model, legend, bands)
        >>> forest.probabilities(np.array([[[20, 90, 110, 200]]], np.uint8)).argmax(axis=0)
        array([[0, 0, 1, 1]])
    """

    def __init__(
        self, model: ShallowModel, legend: Legend, bands: BandContract, size: tuple[int, int] | None = None
    ) -> None:
        if model.trees.n_classes != legend.n_classes or model.n_bands != bands.n_bands:
            raise InputError(
                f"the model has {model.trees.n_classes} classes and {model.n_bands} bands, legend and contract "
                f"{legend.n_classes} and {bands.n_bands}"
            )
        self.model = model
        self.legend = legend
        self.bands = bands
        self.size = size
        self.stride: int = model.stride
        self.halo: int = -(-model.halo // model.stride) * model.stride

    def probabilities(self, block: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Class probabilities of a block that begins where the image does; see `Segmenter.probabilities`."""
        return self.probabilities_at(block, valid, 0, 0)

    def probabilities_at(
        self, block: NDArray[Any], valid: NDArray[np.bool_] | None, row: int, column: int
    ) -> NDArray[np.float32]:
        """The same at a known position in the image; see `Segmenter.probabilities_at`."""
        self.bands.check_block(block, valid)
        return self.model.probabilities(block, valid, Place(row, column, self.size))

    def for_image(self, height: int, width: int) -> ForestSegmenter:
        """The same for blocks of an image of that size; see `Segmenter.for_image`."""
        return ForestSegmenter(self.model, self.legend, self.bands, (height, width))
