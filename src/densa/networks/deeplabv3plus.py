"""DeepLabv3+ (Chen, Zhu, Papandreou, Schroff, Adam 2018, arXiv:1802.02611): DeepLabv3 as an encoder, with a decoder.

Method: DeepLabv3+ (`deeplabv3plus`).
Source: Chen, Zhu, Papandreou, Schroff, Adam 2018, arXiv:1802.02611, figure 2 and section 3.1.
As printed: ASPP enlarged by 4, joined with 48 channels of the encoder's features at 1/4, two 3x3 convolutions of 256
    channels, enlarged by 4.
Departs: ResNets and EfficientNet-Lite as encoders, not the modified Xception; convolutions are not separable; see
    DeepLabv3 for ASPP.
Held by: tests/networks/test_deeplabv3plus.py.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from densa.networks.checks import check_bands
from densa.networks.deeplab_largefov import enlarge
from densa.networks.deeplabv3 import DeepLabV3

__all__ = ["DeepLabV3Plus"]

LOW = 0.75  # of `width`: 48 channels of the features at 1/4 (table 1)


class DeepLabV3Plus(DeepLabV3):
    """Images (N, n_bands, H, W) to logits (N, n_classes, H, W), of any height and width.

    Args:
        n_bands: bands of the images.
        n_classes: number of classes.
        encoder: one of `densa.networks.encoders.pyramid.ENCODERS`, at output stride 16.
        width: a quarter of the channels of ASPP and decoder; 64 is the paper's (256, and 48 of the encoder at 1/4).
        image_pooling: "image" (the paper), "frozen" or "none"; see `DeepLabV3`.

    Raises:
        InputError: an argument out of range; in `forward`, another number of bands, or training on one image.

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.DeepLabV3Plus(3, 5, width=4, encoder="efficientnet-lite0").eval()
        >>> network(torch.zeros(1, 3, 64, 96)).shape
        torch.Size([1, 5, 64, 96])
    """

    def __init__(
        self,
        n_bands: int,
        n_classes: int,
        *,
        encoder: str = "resnet101",
        width: int = 64,
        image_pooling: str = "image",
    ) -> None:
        super().__init__(n_bands, n_classes, width=width, image_pooling=image_pooling, encoder=encoder)
        n, n_low = 4 * width, max(1, int(LOW * width))
        self.reduce = _convolution(self.encoder.n_features[1], n_low, 1)
        self.refine = nn.Sequential(_convolution(n + n_low, n, 3), _convolution(n, n, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the images; see the class for the shapes."""
        check_bands(x, self.n_bands)
        _, low, *_, deepest = self.levels(x)
        size = (low.shape[-2], low.shape[-1])
        pyramid = F.interpolate(self.atrous_pyramid(deepest), size=size, mode="bilinear", align_corners=False)
        scores = self.score(self.refine(torch.cat([pyramid, self.reduce(low)], dim=1)))
        return enlarge(scores, 4, (x.shape[-2], x.shape[-1]))


def _convolution(n_in: int, n_out: int, size: int) -> nn.Sequential:
    """Convolution, batch normalisation and ReLU."""
    layer = nn.Conv2d(n_in, n_out, size, padding=size // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return nn.Sequential(layer, nn.BatchNorm2d(n_out), nn.ReLU(inplace=True))
