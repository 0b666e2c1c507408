"""The filter bank of TextonBoost (Shotton, Winn, Rother, Criminisi, IJCV 2009, section 3.1): 17 responses in colour.

Method: Filter bank of textons.
Source: Shotton, Winn, Rother, Criminisi, IJCV 2009, section 3.1.
As printed: 17 responses in CIE Lab: Gaussians of three scales, Laplacians of four, first derivatives of two.
Departs: the derivatives are elongated 3 to 1 as in Darwin (Gould, JMLR 2012), not as in TextonBoost; they are true
    Gaussian derivatives, where Darwin has Sobel's operator and OpenCV's kernels.
Held by: tests/descriptors/pixels/test_textons.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.checks import as_positive
from densa.descriptors.pixels._normalised import Responses
from densa.descriptors.pixels._taps import radius
from densa.descriptors.pixels.colour import check_rgb, full_white, lab_planes
from densa.descriptors.pixels.descriptor import PlaneDescriptor
from densa.descriptors.pixels.place import Place

__all__ = ["TextonBank"]

TRUNCATE = 3.0  # standard deviations
_GAUSSIANS, _DERIVATIVES, _LAPLACIANS = (1.0, 2.0, 4.0), (2.0, 4.0), (1.0, 2.0, 4.0, 8.0)
_ELONGATION = 3.0  # Darwin's: derivatives are smoothed this much wider across their direction


@dataclass(frozen=True)
class TextonBank(PlaneDescriptor):
    """Gaussians (sigma 1, 2, 4) of every channel, derivatives (2, 4) and Laplacians of Gaussians (1, 2, 4, 8) of one.

    In colour the channels are L / 100, (a + 128) / 255 and (b + 128) / 255 of CIE Lab; derivatives and Laplacians are
    taken of L: 17 responses. Without colour the channels are the n bands as they are; derivatives and Laplacians are
    taken of their mean: 3 n + 8 responses. Derivatives are smoothed three times as wide across their direction.

    The elongation is the Darwin framework's (Gould, JMLR 2012); TextonBoost's derivatives are of round Gaussians.
    Departure: true Gaussian derivatives, where Darwin uses Sobel's operator and OpenCV's kernels.
    Nodata: a response is the derivative of the smoothed image divided by the smoothed weight of the valid pixels.

    Attributes:
        bandwidth: factor of every sigma.
        colour: convert red, green, blue to CIE Lab.
        white: the value of full intensity in colour; None: 255 for 8-bit, 65535 for 16-bit images, 1 for floats.

    Raises:
        InputError: `bandwidth` or `white` is not above 0.

    Examples:
        >>> import numpy as np
        >>> from densa.descriptors import TextonBank
        >>> bank = TextonBank()
        >>> bank.n_features(3), bank.halo
        (17, 36)
        >>> bank.names(3)[0]
        'Lab L: Gaussian, sigma 1'
        >>> bank.compute(np.full((3, 4, 5), 255, np.uint8))[0, 0, 0].round(2).item()  # L / 100 of white
        1.0
    """

    bandwidth: float = 1.0
    colour: bool = True
    white: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "bandwidth", as_positive(self.bandwidth, "bandwidth", 16))
        if self.white is not None:
            object.__setattr__(self, "white", as_positive(self.white, "white"))

    @property
    def halo(self) -> int:
        """Pixels of context: the reach of the widest filter."""
        longest = max(_ELONGATION * _DERIVATIVES[-1], _LAPLACIANS[-1])
        return radius(self.bandwidth * longest, TRUNCATE)

    def names(self, n_bands: int) -> list[str]:
        """Names such as "Lab L: Gaussian, sigma 1" and "Lab L: derivative across, sigma 2"."""
        if self.colour:
            check_rgb(n_bands, "textons in colour")
        channels = ("Lab L", "Lab a", "Lab b") if self.colour else [f"band {i + 1}" for i in range(n_bands)]
        grey = "Lab L" if self.colour else "mean"
        names = [f"{c}: Gaussian, sigma {s * self.bandwidth:g}" for s in _GAUSSIANS for c in channels]
        for s in _DERIVATIVES:
            names += [f"{grey}: derivative {way}, sigma {s * self.bandwidth:g}" for way in ("across", "down")]
        return names + [f"{grey}: Laplacian of Gaussian, sigma {s * self.bandwidth:g}" for s in _LAPLACIANS]

    def _white(self, dtype: np.dtype[Any]) -> float:
        return (self.white or full_white(dtype)) if self.colour else 1.0

    def _fill(
        self, planes: NDArray[np.float32], valid: NDArray[np.bool_] | None, out: NDArray[np.float32], place: Place
    ) -> None:
        channels, grey = self._channels(planes)
        responses = Responses(valid)
        if responses.weight is not None:
            channels, grey = channels * responses.weight, grey * responses.weight  # black is not 0 in Lab
        i = 0
        for sigma in _GAUSSIANS:
            s = sigma * self.bandwidth
            for channel in channels:
                out[i] = responses.gaussian(channel, s, radius(s, TRUNCATE))
                i += 1
        for sigma in _DERIVATIVES:
            s, wide = sigma * self.bandwidth, _ELONGATION * sigma * self.bandwidth
            radii = radius(s, TRUNCATE), radius(wide, TRUNCATE)
            out[i] = responses.first(grey, s, wide, radii)
            out[i + 1] = responses.first(grey.T, s, wide, radii).T
            i += 2
        for sigma in _LAPLACIANS:
            s = sigma * self.bandwidth
            out[i] = responses.laplacian(grey, s, radius(s, TRUNCATE))
            i += 1

    def _channels(self, planes: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Channels (n, h, w), and the plane (h, w) whose derivatives are taken."""
        if not self.colour:
            return planes, planes.mean(axis=0, dtype=np.float32) if len(planes) > 1 else planes[0]
        lab = lab_planes(planes)
        lab[0] /= np.float32(100)
        lab[1:] = (lab[1:] + np.float32(128)) / np.float32(255)
        return lab, lab[0]
