"""Dilated networks without a stride (Nogueira et al., TGRS 2019, arXiv:1804.04020; layers of the authors' repository
keillernogueira/dynamic-rs-segmentation).

Rates increase from layer to layer and the resolution is kept: logits have the size of the image, as training with a
random patch size per batch requires. A layer consists of convolution, batch normalisation without scale and shift, and
activation; "Pooling" adds 3x3 max pooling of stride 1. The 4x4 kernels have one more tap after than before the pixel,
as with the authors' padding ("SAME"), so they shift the features by half a pixel.

Method: Dilated networks without stride (`dilated6`, `dilated6-rate6`, `dense-dilated6`, `dilated6-pooling`,
    `dilated8-pooling`).
Source: Nogueira et al., TGRS 57(10), 2019, arXiv:1804.04020; keillernogueira/dynamic-rs-segmentation.
As printed: layers, rates, 4x4 kernels padded by one before and two after, normalisation without scale and shift,
    parameter totals.
Departs: running statistics have a momentum of 0.1, since the authors' 0.001 (`norm_momentum=0.001`) is for runs of 150
    thousand steps; convolutions have a bias, which the normalisation cancels.
Held by: tests/networks/test_dilated.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from densa.errors import InputError
from densa.networks.checks import check_bands, check_counts
from densa.networks.network import Network

__all__ = ["DenseDilated6", "Dilated6", "Dilated6Pooling", "Dilated6Rate6", "Dilated8Pooling"]

KERNELS = (5, 5, 4, 4, 3, 3)
RATES = (1, 2, 3, 4, 5, 6)
BIAS = 0.1
EPSILON = 1e-3
LEAK = 0.1


class _Dilated(Network):
    """Layers of increasing rates and a 1x1 classifier; see `Dilated6` for the arguments."""

    output_stride = 1
    kernels: Sequence[int] = KERNELS
    rates: Sequence[int] = RATES
    factors: Sequence[int] = (1, 1, 2, 2, 4, 4)
    """Channels of each layer, in units of `width`."""
    pooling = False

    def __init__(self, n_bands: int, n_classes: int, *, width: int = 64, norm_momentum: float = 0.1) -> None:
        super().__init__()
        _check(n_bands, n_classes, width, norm_momentum)
        self.n_bands, self.n_classes = n_bands, n_classes
        channels = [factor * width for factor in self.factors]
        self.layers = nn.Sequential(
            *(
                _layer(n_in, n_out, kernel, rate, momentum=norm_momentum, pooling=self.pooling)
                for n_in, n_out, kernel, rate in zip(
                    [n_bands, *channels], channels, self.kernels, self.rates, strict=False
                )
            )
        )
        self.classifier = _classifier(channels[-1], n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the images, of the same size."""
        check_bands(x, self.n_bands)
        logits: Tensor = self.classifier(self.layers(x))
        return logits


class Dilated6(_Dilated):
    """Six layers of rates 1, 1, 2, 2, 4, 4; receptive field 37 pixels.

    Images (N, n_bands, H, W) to logits (N, n_classes, H, W).

    Args:
        n_bands: bands of the images.
        n_classes: number of classes.
        width: channels of the first layer; 64 is the paper's.
        norm_momentum: share of a batch in the running statistics; 0.001 is the authors'.

    Raises:
        InputError: an argument out of range; in `forward`, another number of bands.

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.Dilated6(3, 5, width=1)
        >>> network(torch.zeros(1, 3, 32, 48)).shape
        torch.Size([1, 5, 32, 48])
    """

    rates = (1, 1, 2, 2, 4, 4)


class Dilated6Rate6(_Dilated):
    """`Dilated6` with the rates 1 to 6; receptive field 56 pixels.

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.Dilated6Rate6(3, 5, width=1)
        >>> network(torch.zeros(1, 3, 32, 48)).shape
        torch.Size([1, 5, 32, 48])
    """


class Dilated6Pooling(_Dilated):
    """`Dilated6` with the rates 1 to 6 and 3x3 max pooling in each layer; receptive field 68 pixels.

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.Dilated6Pooling(3, 5, width=1)
        >>> network(torch.zeros(1, 3, 32, 48)).shape
        torch.Size([1, 5, 32, 48])
    """

    pooling = True


class Dilated8Pooling(_Dilated):
    """Eight layers of rates 1 to 8, each with 3x3 max pooling; receptive field 102 pixels. Arguments as `Dilated6`.

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.Dilated8Pooling(3, 5, width=1)
        >>> network(torch.zeros(1, 3, 32, 48)).shape
        torch.Size([1, 5, 32, 48])
    """

    kernels = (*KERNELS, 3, 3)
    rates = (*RATES, 7, 8)
    factors = (1, 1, 2, 2, 3, 3, 4, 4)
    pooling = True


class DenseDilated6(Network):
    """Six layers of rates 1 to 6, each applied to the outputs of all before it; receptive field 56 pixels.

    Images (N, n_bands, H, W) to logits (N, n_classes, H, W). The classifier is applied to all six outputs, and only the
    first layer to the image.

    Args:
        n_bands: bands of the images.
        n_classes: number of classes.
        width: channels of the first layer; 32 is the paper's.
        norm_momentum: share of a batch in the running statistics; 0.001 is the authors'.

    Raises:
        InputError: an argument out of range; in `forward`, another number of bands.

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.DenseDilated6(3, 5, width=1)
        >>> network(torch.zeros(1, 3, 32, 48)).shape
        torch.Size([1, 5, 32, 48])
    """

    output_stride = 1

    def __init__(self, n_bands: int, n_classes: int, *, width: int = 32, norm_momentum: float = 0.1) -> None:
        super().__init__()
        _check(n_bands, n_classes, width, norm_momentum)
        self.n_bands, self.n_classes = n_bands, n_classes
        self.layers = nn.ModuleList()
        channels: list[int] = []
        for factor, kernel, rate in zip((1, 1, 2, 2, 4, 4), KERNELS, RATES, strict=True):
            n_in = sum(channels) or n_bands
            self.layers.append(_layer(n_in, factor * width, kernel, rate, momentum=norm_momentum))
            channels.append(factor * width)
        self.classifier = _classifier(sum(channels), n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the images, of the same size."""
        check_bands(x, self.n_bands)
        outputs: list[Tensor] = []
        for layer in self.layers:  # layers 2 to 6 have 32, 64, 128, 192, 320 input channels
            outputs.append(layer(torch.cat(outputs, dim=1) if outputs else x))
        logits: Tensor = self.classifier(torch.cat(outputs, dim=1))
        return logits


def _check(n_bands: int, n_classes: int, width: int, norm_momentum: float) -> None:
    check_counts(n_bands=n_bands, n_classes=n_classes, width=width)
    if not 0 < norm_momentum <= 1:
        raise InputError(f"norm_momentum must be more than 0 and at most 1, got {norm_momentum}")


def _layer(n_in: int, n_out: int, kernel: int, rate: int, *, momentum: float, pooling: bool = False) -> nn.Sequential:
    """Convolution to the same size, normalisation, activation and optional max pooling."""
    lost = (kernel - 1) * rate
    before, after = lost // 2, lost - lost // 2
    convolution = nn.Conv2d(n_in, n_out, kernel, dilation=rate, padding=before if before == after else 0)
    nn.init.xavier_uniform_(convolution.weight)
    nn.init.constant_(convolution.bias, BIAS)  # type: ignore[arg-type]
    modules: list[nn.Module] = [] if before == after else [nn.ZeroPad2d((before, after, before, after))]
    modules += [convolution, nn.BatchNorm2d(n_out, eps=EPSILON, momentum=momentum, affine=False)]
    modules.append(nn.LeakyReLU(LEAK, inplace=True) if pooling else nn.ReLU(inplace=True))
    return nn.Sequential(*modules, *([nn.MaxPool2d(3, stride=1, padding=1)] if pooling else []))


def _classifier(n_in: int, n_classes: int) -> nn.Conv2d:
    classifier = nn.Conv2d(n_in, n_classes, 1)
    nn.init.xavier_uniform_(classifier.weight)
    nn.init.constant_(classifier.bias, BIAS)  # type: ignore[arg-type]
    return classifier
