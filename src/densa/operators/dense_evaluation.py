"""Patch classifiers at every pixel of an image, without extracting patches: three exact ways, and the patchwise scan.

A network of valid convolutions and poolings of total stride f, applied to a whole image, gives the scores of every f-th
patch only. The others come from shifted images (Long, Shelhamer, Darrell 2015, section 3.1), from pooling at every
offset (Giusti et al. 2013, arXiv:1302.1700) or from dilated kernels (Li, Zhao, Wang 2014, arXiv:1412.4526).

Method: Dense evaluation of patch classifiers.
Source: Long et al. 2015, section 3.1; Giusti et al. 2013, arXiv:1302.1700; Li, Zhao, Wang 2014, arXiv:1412.4526.
As printed: shift and stitch, pooling at every offset, dilated kernels: all equal to the scan of patches.
Departs: nothing.
Held by: tests/operators/test_dense_evaluation.py.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from densa.errors import InputError

__all__ = ["dilated_form", "fragments", "patch_size", "scan_patches", "shift_and_stitch"]

_POINTWISE = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.BatchNorm2d, nn.Dropout, nn.Identity, nn.Softmax)


def patch_size(layers: nn.Sequential) -> int:
    """Side of the patches that `layers` reduce to one score; an image has scores for H - size + 1 rows.

    Raises:
        InputError: a layer with padding, or one that is not a convolution, max pooling or pointwise function.

    Examples:
        >>> from torch import nn
        >>> from densa import operators
        >>> operators.patch_size(nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Conv2d(2, 2, 2)))
        6
    """
    size, step = 1, 1
    for layer in layers:
        kernel, stride, dilation = _window(layer)
        size += (kernel - 1) * dilation * step
        step *= stride
    return size


def dilated_form(layers: nn.Sequential) -> nn.Sequential:
    """The network that gives the scores of every patch in one pass: strides become dilations of the following layers.

    Args:
        layers: valid convolutions, max poolings and pointwise functions.

    Returns:
        A network that shares the layers' weights, (N, B, H, W) -> (N, C, H - size + 1, W - size + 1).

    Raises:
        InputError: see `patch_size`.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from densa import operators
        >>> layers = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Conv2d(2, 2, 2))
        >>> operators.patch_size(layers)
        6
        >>> operators.dilated_form(layers)(torch.zeros(1, 1, 8, 10)).shape
        torch.Size([1, 2, 3, 5])
    """
    step = 1
    dense: list[nn.Module] = []
    for layer in layers:
        _, stride, dilation = _window(layer)
        if isinstance(layer, nn.Conv2d):
            twin = copy.copy(layer)  # the same parameters
            twin.stride, twin.dilation = (1, 1), (dilation * step, dilation * step)
            dense.append(twin)
        elif isinstance(layer, nn.MaxPool2d):
            dense.append(nn.MaxPool2d(layer.kernel_size, stride=1, dilation=dilation * step))
        else:
            dense.append(layer)
        step *= stride
    return nn.Sequential(*dense)


def fragments(layers: nn.Sequential, images: Tensor) -> Tensor:
    """The scores of every patch: each strided layer is applied at all of its offsets, and the results are interleaved.

    Args:
        layers: see `dilated_form`.
        images: (N, B, H, W), at least as high and wide as a patch.

    Returns:
        (N, C, H - size + 1, W - size + 1).

    Raises:
        InputError: see `patch_size`; or an image smaller than a patch.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from densa import operators
        >>> layers = nn.Sequential(nn.MaxPool2d(2), nn.MaxPool2d(2))
        >>> image = torch.arange(80.0).reshape(1, 1, 8, 10)
        >>> scores = operators.fragments(layers, image)
        >>> scores.shape
        torch.Size([1, 1, 5, 7])
        >>> torch.equal(scores, operators.dilated_form(layers)(image))
        True
    """
    height, width = _dense_size(images, patch_size(layers))
    step, pieces = 1, {(0, 0): images}
    for layer in layers:
        _, stride, _ = _window(layer)
        offsets = [(a, b) for a in range(stride) for b in range(stride)]
        pieces = {
            (row + a * step, column + b * step): layer(piece[..., a:, b:])
            for (row, column), piece in pieces.items()
            for a, b in offsets
            if row + a * step < height and column + b * step < width
        }
        step *= stride
    return _interleaved(pieces, step, height, width)


def shift_and_stitch(network: Callable[[Tensor], Tensor], images: Tensor, stride: int, size: int) -> Tensor:
    """The scores of every patch: the network on stride x stride shifted images, the results interleaved.

    Args:
        network: returns the scores of the patches at multiples of `stride`.
        images: (N, B, H, W), at least as high and wide as a patch.
        stride: total stride of the network.
        size: side of its patches.

    Returns:
        (N, C, H - size + 1, W - size + 1).

    Raises:
        InputError: an image smaller than a patch.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> from densa import operators
        >>> image = torch.arange(9.0).reshape(1, 1, 3, 3)
        >>> operators.shift_and_stitch(nn.MaxPool2d(2), image, stride=2, size=2)
        tensor([[[[4., 5.],
                  [7., 8.]]]])
    """
    height, width = _dense_size(images, size)
    shifts = [(row, column) for row in range(min(stride, height)) for column in range(min(stride, width))]
    return _interleaved({(r, c): network(images[..., r:, c:]) for r, c in shifts}, stride, height, width)


def scan_patches(
    network: Callable[[Tensor], Tensor], images: Tensor, size: int, *, batch_size: int = 256, rows: slice | None = None
) -> Tensor:
    """The scores of every patch, computed patch by patch: the reference for the faster functions of this module.

    Args:
        network: (n, B, size, size) to (n, C, 1, 1) scores of the centre pixels.
        images: (N, B, H, W), at least as high and wide as a patch.
        size: side of the patches.
        batch_size: patches per call of the network.
        rows: rows of the result to compute; None for all.

    Returns:
        (N, C, H - size + 1 or those rows, W - size + 1).

    Raises:
        InputError: an image smaller than a patch.

    Examples:
        >>> import torch
        >>> from densa import operators
        >>> image = torch.arange(9.0).reshape(1, 1, 3, 3)
        >>> operators.scan_patches(lambda patches: patches.mean((2, 3), keepdim=True), image, 2)
        tensor([[[[2., 3.],
                  [5., 6.]]]])
    """
    _dense_size(images, size)
    patches = images.unfold(2, size, 1).unfold(3, size, 1)  # a view, (N, B, H', W', size, size)
    patches = patches[:, :, rows or slice(None)].permute(0, 2, 3, 1, 4, 5)
    n, height, width = patches.shape[:3]
    places = torch.arange(n * height * width).split(batch_size)
    batches = (patches[p // (height * width), p // width % height, p % width] for p in places)
    scores = torch.cat([network(batch).flatten(1) for batch in batches])
    return scores.view(n, height, width, -1).permute(0, 3, 1, 2)


def _interleaved(pieces: dict[tuple[int, int], Tensor], step: int, height: int, width: int) -> Tensor:
    first = next(iter(pieces.values()))
    whole = first.new_empty(*first.shape[:2], height, width)
    for (row, column), piece in pieces.items():
        whole[..., row::step, column::step] = piece
    return whole


def _dense_size(images: Tensor, size: int) -> tuple[int, int]:
    height, width = images.shape[-2] - size + 1, images.shape[-1] - size + 1
    if images.dim() != 4 or min(height, width) < 1:
        raise InputError(
            f"images must be (N, bands, H, W), and H and W at least {size}, the size of a patch, got "
            f"{tuple(images.shape)}; mirror them at the border by {size // 2} pixels"
        )
    return height, width


def _window(layer: nn.Module) -> tuple[int, int, int]:
    """(kernel, stride, dilation) of a layer, the same for rows and columns."""
    if isinstance(layer, _POINTWISE):
        return 1, 1, 1
    if not isinstance(layer, nn.Conv2d | nn.MaxPool2d):
        raise InputError(
            f"layers must be convolutions, max poolings and pointwise functions, got "
            f"{type(layer).__name__}; write dense layers as convolutions over the whole map"
        )
    names = ("kernel_size", "stride", "dilation", "padding")
    settings = {name: _both(getattr(layer, name)) for name in names}
    if settings["padding"] != (0, 0) or getattr(layer, "ceil_mode", False):
        raise InputError(
            f"layers must have no padding and not round up (ceil_mode), got {layer}: at the border of a patch they see "
            "zeros where an image has pixels"
        )
    if any(a != b for a, b in settings.values()):
        raise InputError(f"layers must have the same kernel, stride and dilation for rows and columns, got {layer}")
    return settings["kernel_size"][0], settings["stride"][0], settings["dilation"][0]


def _both(value: int | tuple[int, ...] | str) -> tuple[int, int]:
    if isinstance(value, str):
        return (0, 0) if value == "valid" else (1, 1)
    return (value, value) if isinstance(value, int) else (value[0], value[-1])
