"""SegNet (Badrinarayanan, Kendall, Cipolla 2017, PAMI 39(12), arXiv:1511.00561; VGG-16 without its dense layers).

The decoder puts features back at the positions of the encoder's maxima (the switches), then convolves. Pooling rounds
up, as in the authors' Caffe: 45 -> 23 -> 12; switches record the size before pooling, so images may have any size.
Switches take 2 bits each, and large levels are predicted in strips, so a prediction needs little more memory than the
weights and two pooled maps.

The benchmark's training drops half of the features at the end of the deeper stages (`dropout`, off by default); the
paper does not list the places, which here are those of Bayesian SegNet: after pool3, pool4 and pool5 and after the
decoder's stages 5, 4 and 3.

Departures: He initialisation if no ImageNet weights are loaded; epsilon 1e-5 in the batch normalisation (theirs 1e-9).

Method: SegNet (`segnet`).
Source: Badrinarayanan, Kendall, Cipolla 2017, PAMI 39(12), arXiv:1511.00561; the authors' prototxt.
As printed: thirteen and thirteen convolutions, all normalised but the last, switches, poolings that round up.
Departs: He initialisation if no weights of ImageNet are loaded; epsilon 1e-5 in batch normalisation (theirs 1e-9).
Held by: tests/networks/test_segnet.py.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional as F

from densa.errors import InputError
from densa.networks.checks import check_bands, check_counts
from densa.networks.encoders.vgg import load_vgg16_encoder
from densa.networks.network import Network
from densa.networks.strips import convolve_and_pool, unpool_and_convolve

__all__ = ["FIRST", "SegNet"]

OUTPUT_STRIDE = 32  # deepest features are H/32 x W/32, rounded up
FIRST = 2  # stages without dropout: encoder stages up to this number, and as many decoder stages at the end


class SegNet(Network):
    """Images (N, n_bands, H, W) to logits (N, n_classes, H, W), of any height and width.

    Args:
        n_bands: bands of the images.
        n_classes: number of classes.
        width: channels of the first level; 64 is the paper's (64, 128, 256, 512, 512).
        dropout: share of the deeper stages' features dropped in training; 0.5 in the paper's benchmark.

    Raises:
        InputError: an argument out of range; in `forward`, another number of bands.

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.SegNet(3, 5, width=1)
        >>> network(torch.zeros(1, 3, 32, 48)).shape
        torch.Size([1, 5, 32, 48])
    """

    output_stride = OUTPUT_STRIDE
    # In bfloat16, maxima of a window are often equal and switches change: far more than 0.1 % of the labels differ.
    needs_float32 = True
    imagenet_weights = "vgg16_bn"

    def __init__(self, n_bands: int, n_classes: int, *, width: int = 64, dropout: float = 0.0) -> None:
        super().__init__()
        check_counts(n_bands=n_bands, n_classes=n_classes, width=width)
        if not 0 <= dropout < 1:
            raise InputError(f"dropout must be at least 0 and less than 1, got {dropout}")
        self.n_bands, self.n_classes, self.dropout = n_bands, n_classes, dropout
        w1, w2, w3, w4 = (width * 2**i for i in range(4))  # 64, 128, 256, 512
        self.encoder = nn.ModuleList(
            [
                _convs(n_bands, w1, w1),
                _convs(w1, w2, w2),
                _convs(w2, w3, w3, w3),
                _convs(w3, w4, w4, w4),
                _convs(w4, w4, w4, w4),
            ]
        )
        # In the order of use; a stage's last convolution reduces the channels to those of the level above.
        self.decoder = nn.ModuleList(
            [
                _convs(w4, w4, w4, w4),
                _convs(w4, w4, w4, w3),
                _convs(w3, w3, w3, w2),
                _convs(w2, w2, w1),
                nn.Sequential(*_convs(w1, w1), nn.Conv2d(w1, n_classes, 3, padding=1)),
            ]
        )
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the images; see the class for the shapes."""
        check_bands(x, self.n_bands)
        drops = self.training and self.dropout > 0
        switches = []
        for number, stage in enumerate(self.encoder):
            x, places = convolve_and_pool(stage, x)  # 360x480 to 180x240 ... 23x30 to 12x15
            switches.append(places)
            if drops and number >= FIRST:
                x = F.dropout(x, self.dropout)
        for number, stage in enumerate(self.decoder):
            x = unpool_and_convolve(stage, x, switches.pop())
            if drops and number < len(self.decoder) - FIRST:
                x = F.dropout(x, self.dropout)
        return x

    def load_weights(self, source: Path | str) -> None:
        """Load VGG-16's ImageNet weights into the encoder: a file of torchvision's, or "vgg16" or "vgg16_bn".

        Raises:
            InputError: see `densa.networks.encoders.vgg.load_vgg16_encoder`.
        """
        load_vgg16_encoder(self, source)


def _convs(*channels: int) -> nn.Sequential:
    """3x3 convolution, batch normalisation and ReLU, from each number of channels to the next."""
    layers: list[nn.Module] = []
    for a, b in pairwise(channels):
        layers += [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
