"""A segmenter whose probabilities are scaled, so that they mean what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.segmenter.calibration.scaling import Scaling
from densa.segmenter.contract import Segmenter

__all__ = ["Calibrated", "uncalibrated", "within_calibration"]


class Calibrated(Segmenter):
    """Another segmenter's probabilities, scaled; see `Segmenter`.

    Args:
        segmenter: any.
        scaling: of its probabilities.

    Raises:
        InputError: a scaling of another number of classes.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> model = segmenter.NetworkSegmenter(network, legend, bands)
        >>> softer = segmenter.Calibrated(model, segmenter.Scaling("temperature", (3.0,)))
        >>> block = np.zeros((3, 32, 32), np.uint8)
        >>> bool(softer.probabilities(block).max() <= model.probabilities(block).max())
        True
    """

    def __init__(self, segmenter: Segmenter, scaling: Scaling) -> None:
        scaling.check(segmenter.legend.n_classes)
        self.segmenter, self.scaling = segmenter, scaling
        self.legend, self.bands = segmenter.legend, segmenter.bands
        self.halo, self.stride = segmenter.halo, segmenter.stride
        self.whole_image, self.any_block = segmenter.whole_image, segmenter.any_block
        self.device, self.dtype = segmenter.device, segmenter.dtype

    def probabilities(self, block: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Scaled class probabilities of a block; see `Segmenter.probabilities`."""
        return self.scaling(self.segmenter.probabilities(block, valid))

    def probabilities_at(
        self, block: NDArray[Any], valid: NDArray[np.bool_] | None, row: int, column: int
    ) -> NDArray[np.float32]:
        """The same at a known position in the image; see `Segmenter.probabilities_at`."""
        return self.scaling(self.segmenter.probabilities_at(block, valid, row, column))

    def working_bytes(self, height: int, width: int) -> int | None:
        """Memory of a block; see `Segmenter.working_bytes`."""
        own = self.segmenter.working_bytes(height, width)
        return None if own is None else own + 4 * self.legend.n_classes * height * width

    def for_image(self, height: int, width: int) -> Calibrated:
        """The same for blocks of that image; see `Segmenter.for_image`."""
        return Calibrated(self.segmenter.for_image(height, width), self.scaling)

    def with_frozen_context(self, overview: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> Calibrated:
        """The same of the frozen model; see `Segmenter.with_frozen_context`."""
        return Calibrated(self.segmenter.with_frozen_context(overview, valid), self.scaling)


def uncalibrated(segmenter: Segmenter) -> Segmenter:
    """The segmenter without its scaling; itself where it has none.

    Examples:
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> model = segmenter.NetworkSegmenter(network, Legend(("ground", "roof")), segmenter.BandContract(3))
        >>> softer = segmenter.Calibrated(model, segmenter.Scaling("temperature", (3.0,)))
        >>> segmenter.uncalibrated(softer) is segmenter.uncalibrated(model) is model
        True
    """
    return segmenter.segmenter if isinstance(segmenter, Calibrated) else segmenter


def within_calibration(segmenter: Segmenter, wrap: Callable[[Segmenter], Segmenter]) -> Segmenter:
    """Wrap a segmenter, and scale the result where the segmenter was scaled.

    Scaled last, a temperature changes no label: not that of a mean of views, windows or samples, nor that of a CRF.

    Examples:
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> model = segmenter.NetworkSegmenter(network, Legend(("ground", "roof")), segmenter.BandContract(3))
        >>> softer = segmenter.Calibrated(model, segmenter.Scaling("temperature", (3.0,)))
        >>> type(segmenter.within_calibration(softer, segmenter.Augmented).segmenter).__name__
        'Augmented'
    """
    if isinstance(segmenter, Calibrated):
        return Calibrated(wrap(segmenter.segmenter), segmenter.scaling)
    return wrap(segmenter)
