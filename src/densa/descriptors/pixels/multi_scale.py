"""The multi-scale set of edge, blob and texture filters known from ilastik (Berg et al., Nature Methods 2019).

As there, the image is smoothed once for every scale above 1, by sqrt(sigma^2 - 1), and the filters are then taken at
sigma 1, truncated after two standard deviations: the same Gaussian, at a fraction of the cost. The difference of
Gaussians and the outer smoothing of the structure tensor are therefore those of sigma 1 applied to the smoothed image.
`presmooth=False` takes every filter at its own scale.

Method: Multi-scale filters.
Source: ilastik (Berg et al., Nature Methods 2019, doi:10.1038/s41592-019-0582-9).
As printed: the features, scales and the one smoothing per scale, truncated after two standard deviations.
Departs: `presmooth=False` takes every filter at its own scale; pixels without data are left out by normalised
    convolution.
Held by: tests/descriptors/pixels/test_multi_scale.py, tests/descriptors/pixels/test_normalised.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densa.checks import as_choices, as_positive
from densa.descriptors.pixels._multi_scale_kernel import N_SLOTS, describe_scale
from densa.descriptors.pixels._taps import first_taps, gaussian_taps, radius, second_taps
from densa.descriptors.pixels.descriptor import PlaneDescriptor
from densa.descriptors.pixels.place import Place
from densa.errors import InputError
from densa.parallel import share_rows

__all__ = ["MultiScale"]

KINDS = {  # names of the features of each kind, in the order of the kernel's slots
    "gaussian": ("Gaussian",),
    "laplacian": ("Laplacian of Gaussian",),
    "gradient": ("gradient magnitude",),
    "difference": ("difference of Gaussians",),
    "structure": ("structure tensor, larger eigenvalue", "structure tensor, smaller eigenvalue"),
    "hessian": ("Hessian, larger eigenvalue", "Hessian, smaller eigenvalue"),
}
MAX_SCALE = 200.0  # pixels; a halo of 700
SMALLEST_DERIVATIVE = 0.5  # below this scale the pixel grid cannot sample a Gaussian's derivative: smoothing only
_BEFORE_TRUNCATE = 3.5  # standard deviations; the filters after it are cut earlier
_SMALLER = 0.66  # the narrower Gaussian of the difference, and ...
_OUTER = 0.5  # ... the smoothing of the structure tensor, as shares of the scale


@dataclass(frozen=True)
class MultiScale(PlaneDescriptor):
    """Gaussian, derivatives and eigenvalues at several scales, of every band on its own: 49 values with the defaults.

    Attributes:
        scales: standard deviations in pixels, ascending; below 0.5 only the Gaussian is taken.
        features: some of gaussian, laplacian (of the Gaussian), gradient (magnitude), difference (of Gaussians, sigma
            minus 0.66 sigma), structure (both eigenvalues of the structure tensor, smoothed by half the scale) and
            hessian (both eigenvalues).
        presmooth: smooth by sqrt(sigma^2 - 1) first and filter at sigma 1, for scales above 1.
        truncate: standard deviations after which the filters end.

    Units: those of the image per pixel (gradient), per squared pixel (Laplacian, Hessian), squared (structure tensor);
    not normalised by the scale. Pixels without data take part in no sum: the first smoothing is divided by the weight
    of the valid pixels; a scale without a first smoothing fills them from their neighbours in the same way.

    Raises:
        InputError: scales that are not ascending numbers above 0, or unknown features.

    Examples:
        >>> import numpy as np
        >>> from densa.descriptors import MultiScale
        >>> descriptor = MultiScale(scales=(1.0, 2.0), features=("gaussian", "gradient"))
        >>> descriptor.n_features(n_bands=3), descriptor.halo
        (12, 8)
        >>> descriptor.compute(np.ones((1, 4, 5)))[:, 2, 2].round(3).tolist()
        [1.0, 0.0, 1.0, 0.0]
    """

    scales: tuple[float, ...] = (0.3, 0.7, 1.0, 1.6, 3.5, 5.0, 10.0)
    features: tuple[str, ...] = tuple(KINDS)
    presmooth: bool = True
    truncate: float = 2.0

    def __post_init__(self) -> None:
        scales = tuple(as_positive(s, "a scale", MAX_SCALE) for s in self.scales)
        if not scales or list(scales) != sorted(set(scales)):
            raise InputError(f"scales must be ascending and each given once, got {scales}")
        object.__setattr__(self, "scales", scales)
        object.__setattr__(self, "features", as_choices(self.features, tuple(KINDS), "features"))
        object.__setattr__(self, "truncate", as_positive(self.truncate, "truncate", 8))
        if "gaussian" not in self.features and scales[-1] < SMALLEST_DERIVATIVE:
            raise InputError(f"scales below {SMALLEST_DERIVATIVE} have the feature gaussian only, got {self.features}")

    @property
    def halo(self) -> int:
        """Pixels of context: those of the first smoothing (or filling) and of the filters after it."""
        return max(sum(self._radii(scale)) for scale in self.scales)

    def names(self, n_bands: int) -> list[str]:
        """Names such as "band 1: Gaussian, sigma 0.3", by band, then by scale, then by feature."""
        return [
            f"band {band + 1}: {name}, sigma {scale:g}"
            for band in range(n_bands)
            for scale in self.scales
            for kind in self._kinds(scale)
            for name in KINDS[kind]
        ]

    def _kinds(self, scale: float) -> tuple[str, ...]:
        return tuple(k for k in self.features if k == "gaussian" or scale >= SMALLEST_DERIVATIVE)

    def _steps(self, scale: float) -> tuple[float, float]:
        """Standard deviation of the smoothing that comes first (0: none) and of the filters."""
        return (math.sqrt(scale**2 - 1), 1.0) if self.presmooth and scale > 1 else (0.0, scale)

    def _radii(self, scale: float) -> tuple[int, int]:
        """Reach of the first smoothing or filling, and of the filters after it."""
        before, sigma = self._steps(scale)
        outer = radius(_OUTER * sigma, self.truncate) if "structure" in self._kinds(scale) else 0
        filters = radius(sigma, self.truncate) + outer
        if not before:
            return filters, filters  # every pixel that a filter reads has a valid pixel in reach
        return max(radius(before, _BEFORE_TRUNCATE), filters), filters

    def _fill(
        self, planes: NDArray[np.float32], valid: NDArray[np.bool_] | None, out: NDArray[np.float32], place: Place
    ) -> None:
        mask = np.empty((0, 0), np.float32) if valid is None else valid.astype(np.float32)
        first = 0
        for plane in planes:
            for scale in self.scales:
                before, sigma = self._steps(scale)
                reach = self._radii(scale)[0]
                slots = self._slots(scale, first)
                first = max(first, int(slots.max()) + 1)
                smoothing = gaussian_taps(before or reach / 2, reach)
                arguments = (plane, mask, smoothing, not before, self._taps(sigma), slots, out)
                share_rows(describe_scale, plane.shape[0], *arguments)

    def _slots(self, scale: float, first: int) -> NDArray[np.int64]:
        """Plane of each of the kernel's features, -1 for those that are not requested."""
        slots: list[int] = []
        for kind, names in KINDS.items():
            wanted = kind in self._kinds(scale)
            slots += [first + i if wanted else -1 for i in range(len(names))]
            first += len(names) if wanted else 0
        assert len(slots) == N_SLOTS
        return np.array(slots, np.int64)

    def _taps(self, sigma: float) -> tuple[NDArray[np.float32], ...]:
        n = radius(sigma, self.truncate)
        smaller, outer = _SMALLER * sigma, _OUTER * sigma
        return (
            gaussian_taps(sigma, n),
            first_taps(sigma, n),
            second_taps(sigma, n),
            gaussian_taps(smaller, radius(smaller, self.truncate)),
            gaussian_taps(outer, radius(outer, self.truncate)),
        )
