"""U-Net (Ronneberger, Fischer, Brox 2015, arXiv:1505.04597, figure 1), with valid or padded convolutions.

As in the authors' released model, a ReLU follows each up-convolution. `padding="valid"` is the paper's network.

Departures of `padding="same"`, the default: logits have the image's size, and there is batch normalisation between
every 3x3 convolution and its ReLU. It learns an offset, which replaces the convolution's bias, and no scale (the next
convolution can absorb a scale through the ReLU), so both variants have the paper's number of parameters.

Method: U-Net (`unet`, `unet-valid`).
Source: Ronneberger, Fischer, Brox 2015, arXiv:1505.04597, figure 1; the released model.
As printed: `unet-valid`: valid convolutions, crops, dropout after levels 4 and 5, He initialisation, a ReLU after each
    up-convolution as in the released model.
Departs: `unet`: padded convolutions, so that logits have the image's size, and batch normalisation with an offset in
    place of the bias and without scale, which the next convolution absorbs: the paper's number of parameters.
Held by: tests/networks/test_unet.py.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from densa.errors import InputError
from densa.networks.checks import check_bands, check_counts
from densa.networks.network import Network

__all__ = ["UNet", "UNetValid"]

OUTPUT_STRIDE = 16  # deepest features are H/16 x W/16
MARGIN = 92  # pixels that valid convolutions lose on each side


class UNet(Network):
    """Images (N, n_bands, H, W) to logits (N, n_classes, H, W); H and W multiples of 16.

    With `padding="valid"`, H and W are 16 k + 12, at least 188, and the logits lack 92 pixels on each side.

    Args:
        n_bands: bands of the images.
        n_classes: number of classes.
        width: channels of the first level; each of the four further levels has twice as many as the one above.
        padding: "same" pads every convolution with zeros; "valid" does not (the paper).
        normalisation: "batch" or "none"; None for "batch" with padding and "none" without (the paper).
        dropout: share of the features dropped in training after levels 4 and 5; the released model has 0.5.

    Raises:
        InputError: an argument out of range; in `forward`, a number of bands or a size that it cannot take.

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.UNet(3, 5, width=1)
        >>> network(torch.zeros(1, 3, 32, 48)).shape
        torch.Size([1, 5, 32, 48])
    """

    output_stride = OUTPUT_STRIDE

    def __init__(
        self,
        n_bands: int,
        n_classes: int,
        *,
        width: int = 64,
        padding: str = "same",
        normalisation: str | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_counts(n_bands=n_bands, n_classes=n_classes, width=width)
        if padding not in {"same", "valid"}:
            raise InputError(f'padding must be "same" or "valid", got {padding!r}')
        if normalisation not in {None, "batch", "none"}:
            raise InputError(f'normalisation must be "batch", "none" or None, got {normalisation!r}')
        if not 0 <= dropout < 1:
            raise InputError(f"dropout must be at least 0 and less than 1, got {dropout}")
        self.n_bands, self.n_classes = n_bands, n_classes
        self.margin = MARGIN if padding == "valid" else 0
        pad = 0 if padding == "valid" else 1
        batch = normalisation == "batch" if normalisation else padding == "same"
        w = [width * 2**i for i in range(5)]  # 64, 128, 256, 512, 1024
        self.down = nn.ModuleList(
            _two_convs(a, b, pad, batch, dropout if level >= 3 else 0.0)
            for level, (a, b) in enumerate(zip([n_bands, *w[:4]], w, strict=True))
        )
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * a, a, 2, stride=2) for a in w[:4])
        self.merge = nn.ModuleList(_two_convs(2 * a, a, pad, batch) for a in w[:4])
        self.head = nn.Conv2d(width, n_classes, 1)
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the images; see the class for the shapes."""
        check_bands(x, self.n_bands)
        self._check_size(x.shape[-2], x.shape[-1])
        skips = []
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)  # (N, w[level], H/2^level, W/2^level)
            skips.append(x)
        for level in (3, 2, 1, 0):
            x = F.relu(self.up[level](x))
            x = self.merge[level](torch.cat([_centre_crop(skips[level], x), x], dim=1))
        return self.head(x)

    def input_side(self, side: int) -> int:
        """Smallest height (or width) that the network takes whose logits are at least `side` high (or wide)."""
        if self.margin:
            return OUTPUT_STRIDE * max(0, math.ceil((side - 4) / OUTPUT_STRIDE)) + 4 + 2 * MARGIN
        return OUTPUT_STRIDE * max(1, math.ceil(side / OUTPUT_STRIDE))

    def _check_size(self, height: int, width: int) -> None:
        if self.margin:
            fit = [self.input_side(max(side - 2 * MARGIN, 1)) for side in (height, width)]
            rule = "16 k + 12, at least 188 (188, 204, ..., 572, 588, ...)"
        else:
            fit = [self.input_side(side) for side in (height, width)]
            rule = "multiples of 16"
        if [height, width] != fit:
            raise InputError(
                f"U-Net takes images whose height and width are {rule}, got {height}x{width}; pad to {fit[0]}x{fit[1]}"
            )


class UNetValid(UNet):
    """The paper's network: valid convolutions, no normalisation, dropout 0.5; see `UNet`.

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.UNetValid(3, 5, width=1)
        >>> network(torch.zeros(1, 3, 188, 204)).shape
        torch.Size([1, 5, 4, 20])
        >>> network.margin
        92
    """

    def __init__(self, n_bands: int, n_classes: int, *, width: int = 64, dropout: float = 0.5) -> None:
        super().__init__(n_bands, n_classes, width=width, padding="valid", normalisation="none", dropout=dropout)


class _ShiftNorm(nn.BatchNorm2d):
    """Batch normalisation that learns an offset but no scale."""

    def __init__(self, n_channels: int) -> None:
        super().__init__(n_channels)
        del self.weight
        self.register_buffer("weight", torch.ones(n_channels))


def _two_convs(n_in: int, n_out: int, pad: int, batch: bool, dropout: float = 0.0) -> nn.Sequential:
    """3x3 convolution, optional normalisation and ReLU, twice; then dropout."""
    layers: list[nn.Module] = []
    for a in (n_in, n_out):
        layers.append(nn.Conv2d(a, n_out, 3, padding=pad, bias=not batch))
        layers += [_ShiftNorm(n_out)] if batch else []
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers, *([nn.Dropout(dropout)] if dropout else []))


def _centre_crop(x: Tensor, like: Tensor) -> Tensor:
    """The centre of `x`, with the height and width of `like`; 64 -> 56 takes rows 4 to 59."""
    height, width = like.shape[-2:]
    top, left = (x.shape[-2] - height) // 2, (x.shape[-1] - width) // 2
    return x[..., top : top + height, left : left + width]


def _initialise(module: nn.Module) -> None:
    """Weights from N(0, sqrt(2 / N)), N the number of inputs of one output (section 3); biases 0."""
    if isinstance(module, nn.Conv2d):
        n_inputs = module.in_channels * module.kernel_size[0] * module.kernel_size[1]
    elif isinstance(module, nn.ConvTranspose2d):
        n_inputs = module.in_channels  # kernel = stride: an output depends on one input position
    else:
        return
    nn.init.normal_(module.weight, std=math.sqrt(2 / n_inputs))
    if module.bias is not None:
        nn.init.zeros_(module.bias)
