"""A segmenter followed by the fully connected CRF."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.crf import DenseCrf, dense_crf
from densa.errors import InputError
from densa.legend import Legend
from densa.segmenter.contract import BandContract, Segmenter

__all__ = ["Refined"]

STD_IN_8_BITS = 58.0
"""Values of 8 bits that one standard deviation stands for: that of photographs (ImageNet's: 0.229, 0.224, 0.225)."""


class Refined(Segmenter):
    """Another segmenter's probabilities, refined by `densa.crf.dense_crf` with the bands of the block; see `Segmenter`.

    `parameters.appearance_values` is in units of 8-bit values: of the bands as they are where the model was trained on
    uint8; bands of other data types are taken in units of their training standard deviation, each worth 58, so that
    published parameters keep their meaning.

    A mean field has no sharp reach: every iteration ties a pixel to all others by a Gaussian of the distance. The
    halo is `reach` widths of the widest kernel; what lies farther weighs less than exp(-reach^2 / 2) of a pixel nearby.
    Blocks therefore agree with the whole image up to an error: on noisy probabilities, 21 classes
    (`benchmarks/crf.py`), 0.3 % of the labels differed with a reach of 2, 0.08 % with 3 and none with 4. Where the
    position of a block is not given, vertices of the lattice lie elsewhere in each block, and 0.3 to 1.0 % differ at
    any reach. The engine gives it the same blocks whatever the tiles, so that maps do not depend on those.

    Args:
        segmenter: gives the probabilities.
        parameters: of the CRF; None: pydensecrf's example.
        reach: halo beyond the segmenter's own, in widths of the widest kernel; 0 or more.

    Raises:
        InputError: a reach below 0, or weights for another number of classes than the legend has.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> model = segmenter.NetworkSegmenter(network, legend, bands)
        >>> refined = segmenter.Refined(model)
        >>> refined.halo > model.halo
        True
        >>> refined.probabilities(np.zeros((3, 32, 32), np.uint8)).shape
        (2, 32, 32)
    """

    any_block = False

    def __init__(self, segmenter: Segmenter, parameters: DenseCrf | None = None, *, reach: float = 3.0) -> None:
        if not (math.isfinite(reach) and reach >= 0):
            raise InputError(f"reach must be 0 or more widths of the widest kernel, got {reach}")
        self.segmenter = segmenter
        self.parameters = parameters or DenseCrf()
        self.reach = reach
        self.legend: Legend = segmenter.legend
        self.bands: BandContract = segmenter.bands
        self.stride: int = segmenter.stride
        self.whole_image = segmenter.whole_image
        for name in ("smooth_weight", "appearance_weight"):
            shape = np.shape(getattr(self.parameters, name))
            if shape != (self.legend.n_classes,) * len(shape):
                raise InputError(
                    f"{name} must fit the {self.legend.n_classes} classes of the legend, got the shape {shape}"
                )
        widest = max(
            self.parameters.smooth_px if np.any(self.parameters.smooth_weight) else 0.0,
            self.parameters.appearance_px if np.any(self.parameters.appearance_weight) else 0.0,
        )
        own = math.ceil(reach * widest)
        self.halo: int = segmenter.halo + -(-own // self.stride) * self.stride

    def probabilities(self, block: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Class probabilities of a block, refined; pixels without data keep the segmenter's. See `Segmenter`."""
        return self.probabilities_at(block, valid, 0, 0)

    def probabilities_at(
        self, block: NDArray[Any], valid: NDArray[np.bool_] | None, row: int, column: int
    ) -> NDArray[np.float32]:
        """The same at a known position in the image; see `Segmenter.probabilities_at`."""
        found = self.segmenter.probabilities_at(block, valid, row, column)
        image, inside = self.image(np.asarray(block), valid)
        return dense_crf(found, image, self.parameters, valid=inside, origin=(row, column))

    def for_image(self, height: int, width: int) -> Refined:
        """The same for blocks of that image; see `Segmenter.for_image`."""
        return Refined(self.segmenter.for_image(height, width), self.parameters, reach=self.reach)

    def with_frozen_context(self, overview: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> Refined:
        """The same of the frozen model; see `Segmenter.with_frozen_context`."""
        return Refined(self.segmenter.with_frozen_context(overview, valid), self.parameters, reach=self.reach)

    def image(
        self, block: NDArray[Any], valid: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The bands (bands, h, w) in 8-bit units, as the CRF takes them, and the pixels (h, w) that have data."""
        inside = np.ones(block.shape[1:], np.bool_) if valid is None else np.asarray(valid, np.bool_).copy()
        if block.dtype.kind == "f":
            inside &= np.isfinite(block).all(axis=0)
        if np.dtype(self.bands.dtype) == np.uint8:
            return np.where(inside, block, 0).astype(np.float32), inside
        return self.bands.normalise(block, inside) * np.float32(STD_IN_8_BITS), inside
