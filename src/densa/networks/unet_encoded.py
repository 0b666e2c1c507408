"""U-Net with an encoder trained on ImageNet: the decoder of Ronneberger et al. 2015 on the pyramid of a classifier.

Method: U-Net on a pretrained encoder (`unet` with `encoder`).
Source: Ronneberger, Fischer, Brox 2015, arXiv:1505.04597 (the decoder); the encoder's own paper.
As printed: each level of the decoder joins the enlarged deeper features with those of the encoder and has two 3x3
    convolutions.
Departs: bilinear enlargement for the up-convolution; batch normalisation; the finest level is at half the image's
    resolution, where the encoders begin, and its logits are enlarged bilinearly.
Held by: tests/networks/test_unet_encoded.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from densa.errors import InputError
from densa.networks.checks import check_bands, check_counts
from densa.networks.encoders.pyramid import build_encoder, load_encoder
from densa.networks.network import Network

__all__ = ["EncodedUNet"]

DECODER = (1.0, 1.5, 2.0, 4.0)  # channels by `width`, the finest level first


class EncodedUNet(Network):
    """Images (N, n_bands, H, W) to logits (N, n_classes, H, W); H and W multiples of the output stride.

    Args:
        n_bands: bands of the images.
        n_classes: number of classes.
        encoder: name of the encoder, one of `densa.networks.encoders.pyramid.ENCODERS`.
        width: channels of the decoder's finest level; the deeper ones have 1.5, 2 and 4 times as many.
        output_stride: 32 or 16: pixels per cell of the encoder's deepest features. 16 halves the context, and so the
            cost of exact tiles.

    Raises:
        InputError: an argument out of range; in `forward`, a number of bands or a size that it cannot take.

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.build("unet", 3, 5, encoder="efficientnet-lite0", width=4).eval()
        >>> network(torch.zeros(1, 3, 32, 64)).shape
        torch.Size([1, 5, 32, 64])
    """

    def __init__(self, n_bands: int, n_classes: int, *, encoder: str, width: int = 32, output_stride: int = 32) -> None:
        super().__init__()
        check_counts(n_bands=n_bands, n_classes=n_classes, width=width)
        self.n_bands, self.n_classes, self.output_stride = n_bands, n_classes, output_stride
        self.imagenet_weights = encoder
        self.encoder = build_encoder(encoder, n_bands, output_stride=output_stride)
        n_features = self.encoder.n_features
        outs = [int(width * factor) for factor in DECODER[: len(n_features) - 1]]
        ins = [*outs[1:], n_features[-1]]  # of the deeper level
        self.merge = nn.ModuleList(
            _two_convs(deeper + skip, out) for deeper, skip, out in zip(ins, n_features[:-1], outs, strict=True)
        )
        self.head = nn.Conv2d(outs[0], n_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the images; see the class for the shapes."""
        check_bands(x, self.n_bands)
        self._check_size(x.shape[-2], x.shape[-1])
        *skips, deepest = self.encoder(x)
        for skip, merge in zip(reversed(skips), reversed(self.merge), strict=True):
            deepest = merge(torch.cat([skip, _enlarged(deepest)], dim=1))
        return _enlarged(self.head(deepest))

    def input_side(self, side: int) -> int:
        """Smallest height (or width) that the network takes whose logits are at least `side` high (or wide)."""
        return -(-max(side, 1) // self.output_stride) * self.output_stride

    def load_weights(self, source: Path | str) -> None:
        """Load ImageNet weights into the encoder: a file, or the encoder's name.

        Raises:
            InputError: see `densa.networks.encoders.pyramid.load_encoder`.
        """
        load_encoder(self, str(self.imagenet_weights), source)

    def train(self, mode: bool = True) -> Self:
        """Training mode, in which an encoder with frozen statistics keeps those of its weights."""
        super().train(mode)
        if self.freezes_statistics:
            self.encoder.eval()
        return self

    def _check_size(self, height: int, width: int) -> None:
        fit = (self.input_side(height), self.input_side(width))
        if (height, width) != fit:
            raise InputError(
                f"height and width must be multiples of {self.output_stride}, got {height}x{width}; pad to "
                f"{fit[0]}x{fit[1]}"
            )


def _enlarged(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _two_convs(n_in: int, n_out: int) -> nn.Sequential:
    """3x3 convolution, batch normalisation and ReLU, twice."""
    layers: list[nn.Module] = []
    for a in (n_in, n_out):
        convolution = nn.Conv2d(a, n_out, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        layers += [convolution, nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
