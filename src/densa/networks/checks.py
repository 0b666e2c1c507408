"""Checks of the arguments and images of all networks."""

from __future__ import annotations

from torch import Tensor

from densa.errors import InputError

__all__ = ["check_bands", "check_counts"]


def check_counts(**counts: int) -> None:
    """Raise an InputError unless all counts (bands, classes, channels) are integers of at least 1."""
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(f"{name} must be a whole number, at least 1, got {value!r}")


def check_bands(images: Tensor, n_bands: int) -> None:
    """Raise an InputError unless images are (N, n_bands, H, W)."""
    if images.dim() != 4:
        raise InputError(f"a network takes images (N, {n_bands}, H, W), got a tensor of shape {tuple(images.shape)}")
    if images.shape[1] != n_bands:
        raise InputError(
            f"the network was built for {n_bands} bands, got an image of {images.shape[1]}; "
            "choose the bands it was built for, or build it anew"
        )
