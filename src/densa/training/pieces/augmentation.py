"""Augmentation of a batch on its device: image, labels and weights move together.

Flips and quarter turns permute pixels, so they cost no sharpness. Rotation, scale and U-Net's elastic deformation
(Ronneberger et al. 2015, section 3.1) are one map of coordinates and one resampling: images bilinear, labels and
weights nearest. Beyond its border a patch is mirrored, labels too, so that every pixel keeps a true
label; an ignored pixel stays ignored. Random numbers are drawn for a whole step from (seed, step) on the processor: the
same on every device and for every division of the step into micro-batches and processes.

Method: U-Net's elastic deformation.
Source: Ronneberger, Fischer, Brox 2015, arXiv:1505.04597, section 3.1.
As printed: displacements of deviation 10 pixels on a 3 x 3 grid, interpolated bicubically.
Departs: the rest of the augmentation is not the paper's; beyond the patch is its mirror image.
Held by: tests/training/pieces/test_augmentation.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from densa.errors import InputError
from densa.training.settings import Augmentation

__all__ = ["Draw", "augment", "draw", "elastic_field", "mixed_seed"]

# Gamma changes values within this many standard deviations of the mean; those beyond are shifted with the ends.
_GAMMA_RANGE = 4.0


@dataclass(frozen=True)
class Draw:
    """The random changes of n patches; every tensor has n rows."""

    transposed: Tensor  # bool
    flipped_rows: Tensor  # bool, after the transposition
    flipped_columns: Tensor  # bool
    angle: Tensor  # radians
    zoom: Tensor  # magnification
    control: Tensor  # (n, 2, 3, 3) displacements in pixels: rows, columns
    gain: Tensor  # (n, n_bands)
    offset: Tensor
    gamma: Tensor

    def part(self, start: int, stop: int) -> Draw:
        """The draw of the patches from `start` to before `stop`."""
        return Draw(*(getattr(self, field.name)[start:stop] for field in fields(self)))


def draw(settings: Augmentation, n: int, n_bands: int, *, seed: int, step: int) -> Draw:
    """Choose the changes of the `n` patches of a step; the same for the same seed and step.

    Examples:
        >>> from densa import training
        >>> drawn = training.draw(training.Augmentation.flips(quarter_turns=True), 4, 3, seed=0, step=0)
        >>> drawn.flipped_rows.shape, drawn.gain.shape
        (torch.Size([4]), torch.Size([4, 3]))
    """
    g = torch.Generator().manual_seed(mixed_seed(seed, step))

    def even(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=g) * 2 - 1  # -1 .. 1

    turns = torch.randint(0, 4, (n,), generator=g) * settings.quarter_turns
    flips = torch.randint(0, 2, (2, n), generator=g).bool()
    return Draw(
        transposed=turns % 2 == 1,
        flipped_rows=((turns == 1) | (turns == 2)) ^ (flips[0] & settings.flip_rows),
        flipped_columns=((turns == 2) | (turns == 3)) ^ (flips[1] & settings.flip_columns),
        angle=even(n) * math.radians(settings.rotation),
        zoom=torch.exp(even(n) * math.log1p(settings.scale)),
        control=torch.randn(n, 2, 3, 3, generator=g) * settings.elastic,
        gain=1 + even(n, n_bands) * settings.gain,
        offset=even(n, n_bands) * settings.offset,
        gamma=torch.exp(even(n, n_bands) * math.log1p(settings.gamma)),
    )


def augment(
    images: Tensor, maps: Tensor, drawn: Draw, settings: Augmentation, valid: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Apply a draw to a batch.

    Args:
        images: (N, B, H, W) float32, each band normalised to mean 0 and standard deviation 1.
        maps: (N, M, H, W) float32 maps carried along by nearest neighbour: labels (255 ignored), weights.
        drawn: the changes of these N patches, from `draw`.
        settings: the settings of the draw.
        valid: (N, H, W) bool; an invalid pixel of `images` must hold 0 and does so afterwards.

    Returns:
        images, maps and valid, changed alike; new tensors.

    Raises:
        InputError: quarter turns of patches that are not square.

    Examples:
        >>> import torch
        >>> from densa import training
        >>> settings = training.Augmentation.flips()
        >>> images, labels = torch.zeros(2, 3, 8, 8), torch.zeros(2, 1, 8, 8)
        >>> drawn = training.draw(settings, 2, 3, seed=0, step=0)
        >>> images, labels, valid = training.augment(images, labels, drawn, settings)
        >>> images.shape, labels.shape, valid
        (torch.Size([2, 3, 8, 8]), torch.Size([2, 1, 8, 8]), None)
    """
    if settings.quarter_turns and images.shape[-2] != images.shape[-1]:
        raise InputError(f"quarter turns need square patches, got {tuple(images.shape[-2:])}")
    carried = maps if valid is None else torch.cat([maps, valid[:, None].to(maps.dtype)], dim=1)
    images, carried = _permute(images, drawn), _permute(carried, drawn)
    if settings.resamples:
        grid = _grid(drawn, images.shape[-2], images.shape[-1], images.device)
        images = F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=True)
        carried = F.grid_sample(carried, grid, mode="nearest", padding_mode="reflection", align_corners=True)
    if settings.gain or settings.offset or settings.gamma:
        images = _recolour(images, drawn, settings)
    if valid is None:
        return images, carried, None
    maps, valid = carried[:, :-1], carried[:, -1] > 0.5
    return images * valid[:, None], maps, valid


def elastic_field(control: Tensor, height: int, width: int) -> Tensor:
    """Displacement of every pixel: bicubic interpolation of a coarse grid of vectors.

    Args:
        control: (N, 2, 3, 3) displacements in pixels at the corners, the middles of the edges and the centre.
        height: rows of the patch.
        width: columns of the patch.

    Returns:
        (N, 2, height, width); takes the values of `control` at its nine points.
    """
    return F.interpolate(control, size=(height, width), mode="bicubic", align_corners=True)


def mixed_seed(*numbers: int) -> int:
    """Combine numbers into a generator's seed (steps of splitmix64); neighbouring numbers give unrelated seeds."""
    value = 0
    for number in numbers:
        value = (value + number + 0x9E3779B97F4A7C15) % 2**64
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) % 2**64
        value ^= value >> 31
    return value >> 1


def _permute(x: Tensor, drawn: Draw) -> Tensor:
    def where(flag: Tensor, changed: Tensor, x: Tensor) -> Tensor:
        return torch.where(flag.to(x.device)[:, None, None, None], changed, x) if flag.any() else x

    x = where(drawn.transposed, x.transpose(-2, -1), x) if drawn.transposed.any() else x
    x = where(drawn.flipped_rows, x.flip(-2), x)
    return where(drawn.flipped_columns, x.flip(-1), x)


def _grid(drawn: Draw, height: int, width: int, device: torch.device) -> Tensor:
    """(N, H, W, 2) where each output pixel is read, in the convention of `grid_sample`: (column, row) in -1..1."""
    row = torch.arange(height, device=device, dtype=torch.float32)[:, None] - (height - 1) / 2
    column = torch.arange(width, device=device, dtype=torch.float32) - (width - 1) / 2
    cos = (torch.cos(drawn.angle) / drawn.zoom).to(device)[:, None, None]
    sin = (torch.sin(drawn.angle) / drawn.zoom).to(device)[:, None, None]
    rows, columns = cos * row + sin * column, cos * column - sin * row
    if drawn.control.any():
        shift = elastic_field(drawn.control.to(device), height, width)
        rows, columns = rows + shift[:, 0], columns + shift[:, 1]
    return torch.stack([columns * (2 / max(width - 1, 1)), rows * (2 / max(height - 1, 1))], dim=-1)


def _recolour(images: Tensor, drawn: Draw, settings: Augmentation) -> Tensor:
    gain, offset, gamma = (
        values.to(images.device)[:, :, None, None] for values in (drawn.gain, drawn.offset, drawn.gamma)
    )
    if settings.gamma:
        inner = images.clamp(-_GAMMA_RANGE, _GAMMA_RANGE)
        share = (inner + _GAMMA_RANGE) / (2 * _GAMMA_RANGE)
        # The mean is kept: otherwise gamma would mostly shift the colour.
        images = (share**gamma - 0.5**gamma) * (2 * _GAMMA_RANGE) + (images - inner)
    return images * gain + offset
