"""Features of pixels for the shallow methods: named sets of descriptors, the same in every tile of an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.descriptors import (
    ColourSpaces,
    LocalBinaryPatterns,
    MultiScale,
    PixelDescriptor,
    Place,
    Position,
    Raw,
    TextonBank,
)
from densa.errors import InputError
from densa.raster.mirroring import mirrored
from densa.shallow.settings import FEATURES, FeatureSettings

__all__ = ["PixelFeatures", "default_features"]

_DIRECTIONS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
MOST_DISTANCE = 200  # pixels


def default_features(n_bands: int) -> tuple[str, ...]:
    """The sets of features that are used by default.

    Examples:
        >>> from densa.shallow import default_features
        >>> default_features(3)
        ('colours', 'multi-scale')
        >>> default_features(4)
        ('bands', 'multi-scale')
    """
    return ("colours", "multi-scale") if n_bands == 3 else ("bands", "multi-scale")


@dataclass(frozen=True)
class PixelFeatures:
    """Features of pixels, the same in every tile whose place is given.

    Attributes:
        sets: some of `FEATURES`.
        scales: standard deviations of the multi-scale set in pixels, ascending.
        kinds: features of the multi-scale set, see `densa.descriptors.MultiScale`.
        distances: distances of the surroundings in pixels; each is smoothed by half of it.

    Raises:
        InputError: unknown sets, or scales or distances that are out of range.

    Examples:
        >>> import numpy as np
        >>> from densa.shallow import PixelFeatures
        >>> features = PixelFeatures(("bands", "multi-scale"), scales=(1.0,), kinds=("gaussian",))
        >>> features.names(1)
        ['band 1', 'band 1: Gaussian, sigma 1']
        >>> image = np.zeros((1, 20, 30), np.uint8)
        >>> features.compute(image, np.ones((20, 30), bool)).shape
        (2, 20, 30)
    """

    sets: tuple[str, ...]
    scales: tuple[float, ...] = FeatureSettings.scales
    kinds: tuple[str, ...] = ("gaussian", "laplacian", "gradient", "difference", "structure", "hessian")
    distances: tuple[int, ...] = FeatureSettings.distances

    def __post_init__(self) -> None:
        chosen = tuple(name for name in FEATURES if name in self.sets)
        if not chosen or len(chosen) != len(self.sets):
            raise InputError(f"features must be some of {', '.join(FEATURES)}, each once, got {', '.join(self.sets)}")
        object.__setattr__(self, "sets", chosen)
        object.__setattr__(self, "scales", tuple(float(s) for s in self.scales))
        object.__setattr__(self, "kinds", tuple(self.kinds))
        object.__setattr__(self, "distances", tuple(int(d) for d in self.distances))
        if not all(1 <= d <= MOST_DISTANCE for d in self.distances) or not self.distances:
            raise InputError(f"distances must be from 1 to {MOST_DISTANCE} pixels, got {self.distances}")
        self._descriptors()

    @property
    def halo(self) -> int:
        """Pixels of context on which a pixel's features depend."""
        reach = [d.halo for d in self._descriptors()]
        if "surroundings" in self.sets:
            reach += [self._smoothed(d).halo + d for d in self.distances]
        return max(reach, default=0)

    def names(self, n_bands: int) -> list[str]:
        """Name of every feature, in the order of `compute`.

        Raises:
            InputError: a set of features that does not exist for so many bands.
        """
        names = [name for d in self._descriptors() for name in d.names(n_bands)]
        if "surroundings" in self.sets:
            names += [
                f"{name} at ({dy * distance}, {dx * distance})"
                for distance in self.distances
                for dy, dx in _DIRECTIONS
                for name in self._smoothed(distance).names(n_bands)
            ]
        return names + (["row", "column"] if "position" in self.sets else [])

    def compute(
        self,
        block: NDArray[Any],
        valid: NDArray[np.bool_] | None = None,
        place: Place | None = None,
    ) -> NDArray[np.float32]:
        """Features of every pixel of a block.

        Args:
            block: (bands, h, w) values as stored in the raster.
            valid: (h, w), False where there is no data; None: everywhere valid.
            place: position of the block in its image; None: the block is the image.

        Returns:
            (n, h, w) float32; those of the descriptors are 0 where there is no data.

        Raises:
            InputError: the block is not (bands, h, w), or a set of features does not exist for its bands.
        """
        height, width = np.shape(block)[1:]
        out = np.empty((len(self.names(len(block))), height, width), np.float32)
        first = 0
        for descriptor in self._descriptors():
            last = first + descriptor.n_features(len(block))
            descriptor.compute(block, valid, out[first:last])
            first = last
        if "surroundings" in self.sets:
            for distance in self.distances:
                smoothed = self._smoothed(distance).compute(block, valid)
                for dy, dx in _DIRECTIONS:
                    rows = mirrored(np.arange(height) + dy * distance, height)
                    columns = mirrored(np.arange(width) + dx * distance, width)
                    last = first + len(smoothed)
                    out[first:last] = smoothed[:, rows[:, None], columns]
                    first = last
        if "position" in self.sets:
            Position().compute(block[:1], None, out[first:], place=place)
        return out

    def to_config(self) -> dict[str, Any]:
        """The fields, as JSON holds them."""
        return {
            "sets": list(self.sets),
            "scales": list(self.scales),
            "kinds": list(self.kinds),
            "distances": list(self.distances),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> PixelFeatures:
        """The features that `to_config` wrote.

        Raises:
            InputError: unknown fields, or values out of range.
        """
        try:
            values = {name: tuple(value) if isinstance(value, list) else value for name, value in config.items()}
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise InputError(f"features cannot be made of {dict(config)!r}: {error}") from error

    def _descriptors(self) -> list[PixelDescriptor]:
        makers: dict[str, Any] = {
            "bands": Raw,
            "colours": lambda: ColourSpaces(("lab", "hsv")),
            "multi-scale": lambda: MultiScale(self.scales, self.kinds),
            "textons": TextonBank,
            "patterns": LocalBinaryPatterns,
        }
        return [makers[name]() for name in self.sets if name in makers]

    def _smoothed(self, distance: int) -> MultiScale:
        return MultiScale((max(0.5, distance / 2),), ("gaussian",))
