"""Convolution and its transpose on signals and images, their output sizes, and convolution as a matrix.

As in neural networks, the kernel is not flipped (correlation). Sizes follow Dumoulin and Visin (2016,
arXiv:1603.07285).

Method: Transposed and dilated convolution.
Source: Dumoulin, Visin 2016, arXiv:1603.07285.
As printed: sizes; the transpose as the adjoint, zeros between and a flipped kernel.
Departs: the kernel is not flipped (correlation), as in neural networks; the lecture's examples are shown with the
    padding removed.
Held by: tests/operators/test_convolution.py.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from densa.errors import InputError

__all__ = ["convolution", "convolution_matrix", "convolution_size", "transposed_convolution", "transposed_size"]


def convolution_size(
    size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, *, ceil: bool = False
) -> int:
    """Output length of a convolution or pooling along one axis.

    Args:
        size: length of the input.
        kernel, stride, padding, dilation: of the operation; `padding` on each side.
        ceil: round up, as Caffe's poolings do; a last window that would begin beyond the input is omitted.

    Raises:
        InputError: a number out of range, or a kernel longer than the padded input.

    Examples:
        >>> from densa import operators
        >>> operators.convolution_size(224, kernel=7, stride=2, padding=3)
        112
    """
    _check_settings(stride, padding, dilation)
    extent = dilation * (kernel - 1) + 1
    if kernel < 1 or size + 2 * padding < extent:
        raise InputError(
            f"the padded input must have at least {extent} samples, the extent of a kernel of {kernel} with dilation "
            f"{dilation}, got {size + 2 * padding}; increase the padding"
        )
    span = size + 2 * padding - extent
    n = (-(-span // stride) if ceil else span // stride) + 1
    return n - 1 if ceil and (n - 1) * stride >= size + padding else n


def transposed_size(
    size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, output_padding: int = 0
) -> int:
    """Output length of a transposed convolution along one axis.

    Args:
        size: length of the input.
        kernel, stride, padding, dilation: of the convolution that it transposes; `padding` samples are cropped at each
            end.
        output_padding: additional samples at the end, below `stride`: inputs of several lengths give outputs of the
            same length in a strided convolution, this chooses one of them.

    Raises:
        InputError: a number out of range, or an output without samples.

    Examples:
        >>> from densa import operators
        >>> operators.transposed_size(112, kernel=4, stride=2, padding=1)
        224
    """
    _check_settings(stride, padding, dilation)
    if not 0 <= output_padding < stride:
        raise InputError(f"output_padding must be at least 0 and below the stride {stride}, got {output_padding}")
    n = (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1 + output_padding
    if kernel < 1 or size < 1 or n < 1:
        raise InputError(
            f"a transposed convolution of {size} samples with kernel {kernel}, stride {stride} and padding {padding} "
            f"has the length {n}, it must be at least 1; use less padding"
        )
    return n


def convolution(x: Tensor, kernel: Tensor, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> Tensor:
    """Convolution of a signal or an image.

    Output t is the sum over j of kernel[j] * x[t * stride - padding + j * dilation].

    Args:
        x: (..., L) for a 1-D kernel, (..., H, W) for a 2-D one; leading dimensions are independent.
        kernel: (k,) or (k_rows, k_columns).
        stride: distance between outputs, in samples.
        padding: zeros on each side.
        dilation: distance between taps, in samples.

    Returns:
        (..., L') or (..., H', W'), see `convolution_size`.

    Raises:
        InputError: dimensions that do not fit, or a setting out of range.

    Examples:
        >>> import torch
        >>> from densa import operators
        >>> operators.convolution(torch.tensor([1.0, 2.0, 4.0, 8.0]), torch.tensor([-1.0, 1.0]))
        tensor([1., 2., 4.])
    """
    _check_kernel(x, kernel)
    for size, k in zip(x.shape[-kernel.dim() :], kernel.shape, strict=True):
        convolution_size(size, k, stride, padding, dilation)
    operation = F.conv1d if kernel.dim() == 1 else F.conv2d
    return _each(x, kernel, lambda a, b: operation(a, b, stride=stride, padding=padding, dilation=dilation))


def transposed_convolution(
    x: Tensor, kernel: Tensor, *, stride: int = 1, padding: int = 0, dilation: int = 1, output_padding: int = 0
) -> Tensor:
    """The adjoint of `convolution`: adds the kernel, multiplied by each sample, to the output at its position.

    Args:
        x: (..., L) for a 1-D kernel, (..., H, W) for a 2-D one.
        kernel: (k,) or (k_rows, k_columns).
        stride: distance between the positions of neighbouring samples in the output.
        padding: samples cropped at each end (those that the convolution had padded).
        dilation: distance between taps, in samples.
        output_padding: see `transposed_size`.

    Returns:
        (..., L') or (..., H', W'), see `transposed_size`.

    Raises:
        InputError: dimensions that do not fit, or a setting out of range.

    Examples:
        >>> import torch
        >>> from densa import operators
        >>> operators.transposed_convolution(torch.tensor([1.0, 10.0]), torch.tensor([1.0, 2.0, 3.0]), stride=2)
        tensor([ 1.,  2., 13., 20., 30.])
    """
    _check_kernel(x, kernel)
    for size, k in zip(x.shape[-kernel.dim() :], kernel.shape, strict=True):
        transposed_size(size, k, stride, padding, dilation, output_padding)
    operation = F.conv_transpose1d if kernel.dim() == 1 else F.conv_transpose2d
    return _each(
        x,
        kernel,
        lambda a, b: operation(a, b, stride=stride, padding=padding, dilation=dilation, output_padding=output_padding),
    )


def convolution_matrix(
    kernel: Tensor | Sequence[float], size: int | tuple[int, int], stride: int = 1, padding: int = 0, dilation: int = 1
) -> Tensor:
    """The matrix X of a convolution: `X @ a` convolves, `X.T @ a` is the transposed convolution.

    X has no columns for the zeros of the padding, so its transpose crops the padding. The matrix of textbooks, whose
    transpose is two samples longer, is that with padding 0 on an input of size + 2.

    Args:
        kernel: (k,) or (k_rows, k_columns).
        size: length of the input, or (H, W) of an image, taken row by row.
        stride, padding, dilation: as in `convolution`.

    Returns:
        (outputs, inputs), in the kernel's type.

    Raises:
        InputError: dimensions that do not fit, or a setting out of range.

    Examples:
        >>> import torch
        >>> from densa import operators
        >>> matrix = operators.convolution_matrix(torch.tensor([1.0, 2.0, 3.0]), size=4)
        >>> matrix
        tensor([[1., 2., 3., 0.],
                [0., 1., 2., 3.]])
        >>> matrix.T @ torch.tensor([1.0, 0.0])
        tensor([1., 2., 3., 0.])
    """
    weights = torch.as_tensor(kernel)
    sizes = (size,) if isinstance(size, int) else tuple(size)
    if weights.dim() not in (1, 2) or len(sizes) != weights.dim():
        raise InputError(
            f"kernel must have 1 or 2 dimensions and size as many numbers, got {weights.dim()} dimensions and the size "
            f"{size}; give {'a length' if weights.dim() == 1 else '(rows, columns)'}"
        )
    out = [convolution_size(n, k, stride, padding, dilation) for n, k in zip(sizes, weights.shape, strict=True)]
    rows = torch.arange(math.prod(out)).view(out)
    columns = torch.arange(math.prod(sizes)).view(sizes)
    matrix = weights.new_zeros(math.prod(out), math.prod(sizes))
    for tap in itertools.product(*(range(k) for k in weights.shape)):
        read, inside = [], []
        for n, m, j in zip(sizes, out, tap, strict=True):
            place = torch.arange(m) * stride - padding + j * dilation
            within = (place >= 0) & (place < n)
            read.append(place[within])
            inside.append(torch.arange(m)[within])
        matrix[rows[_grid(inside)].ravel(), columns[_grid(read)].ravel()] = weights[tap]
    return matrix


def _grid(places: list[Tensor]) -> tuple[Tensor, ...]:
    return tuple(torch.meshgrid(*places, indexing="ij"))


def _each(x: Tensor, kernel: Tensor, operation: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Apply an operation to every signal of `x` independently; integers via float64, which is exact."""
    dtype = torch.promote_types(x.dtype, kernel.dtype)
    within = dtype if dtype.is_floating_point else torch.float64
    leading, own = x.shape[: x.dim() - kernel.dim()], x.shape[x.dim() - kernel.dim() :]
    y = operation(x.to(within).reshape(-1, 1, *own), kernel.to(within)[None, None])
    return y.to(dtype).view(*leading, *y.shape[2:])


def _check_kernel(x: Tensor, kernel: Tensor) -> None:
    if kernel.dim() not in (1, 2) or x.dim() < kernel.dim() or 0 in x.shape:
        raise InputError(
            f"kernel and x must be (k,) and (..., L), or (rows, columns) and (..., H, W), got "
            f"{tuple(kernel.shape)} and {tuple(x.shape)}"
        )


def _check_settings(stride: int, padding: int, dilation: int) -> None:
    if stride < 1 or dilation < 1 or padding < 0:
        raise InputError(
            f"stride and dilation must be at least 1 and padding at least 0, got {stride}, {dilation} and {padding}"
        )
