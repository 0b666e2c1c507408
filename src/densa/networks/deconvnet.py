"""DeconvNet (Noh, Hong, Han 2015, arXiv:1505.04366; layers of the authors' prototxt).

VGG-16 with its dense layers as the encoder, mirrored as the decoder: a 7x7 transposed convolution follows the single
cell, and unpooling puts values at the positions of the encoder's maxima (the switches). All layers except the scores
are followed by batch normalisation, whose shift is initialised with 0.001, and ReLU. Poolings round up, as in Caffe,
and unpooling restores the size before pooling, so images may have other sizes than the paper's 224 x 224, from 193 on.

Departures: the 3x3 deconvolutions of stride 1 and padding 1 are implemented as convolutions, which are equal except for
flipped kernels; He initialisation if no ImageNet weights are loaded. The paper labels an image by aggregating the maps
of some 50 proposals, each with zeros beyond its box, by their maximum or their sum (equations 1 and 2), so that a pixel
in few boxes scores low; here an image is labelled whole or in tiles, and a mean of overlapping patches
(`densa.engine.predict_patches`) divides by the patches that cover a pixel.

Method: DeconvNet (`deconvnet`).
Source: Noh, Hong, Han 2015, arXiv:1505.04366; the authors' prototxt.
As printed: layers, switches, normalisation of all layers but the scores with a shift of 0.001, sizes.
Departs: deconvolutions of stride 1 are convolutions with flipped kernels; He initialisation if no weights are loaded; a
    mean over proposals divides by the number that covers a pixel, where equation 2 aggregates zero-padded maps.
Held by: tests/networks/test_deconvnet.py.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from torch import Tensor, nn

from densa.errors import InputError
from densa.networks.checks import check_bands, check_counts
from densa.networks.encoders.vgg import load_vgg16, vgg16_features
from densa.networks.network import Network
from densa.operators.unpooling import max_pool_2x2, max_unpool_2x2

__all__ = ["DeconvNet"]

OUTPUT_STRIDE = 32
SMALLEST = 193  # 193, 97, 49, 25, 13, 7: the seven cells that fc6 needs
ONE_CELL = 224  # largest side that gives one cell
SHIFT = 0.001


class DeconvNet(Network):
    """Images (N, n_bands, H, W) to logits (N, n_classes, H, W); H and W from 193.

    Args:
        n_bands: bands of the images.
        n_classes: number of classes.
        width: channels of the first level; 64 is the paper's (64, 128, 256, 512, 512, and 4096 in fc6 and fc7).
        dense_width: channels of fc6 and fc7; None for 64 * width. SegNet's authors trained it with 1024.

    Raises:
        InputError: an argument out of range; in `forward`, another number of bands or a smaller image.

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.DeconvNet(3, 5, width=1).eval()
        >>> network(torch.zeros(1, 3, 200, 220)).shape
        torch.Size([1, 5, 200, 220])
    """

    output_stride = OUTPUT_STRIDE
    imagenet_weights = "vgg16_bn"

    def __init__(self, n_bands: int, n_classes: int, *, width: int = 64, dense_width: int | None = None) -> None:
        super().__init__()
        n_dense = 64 * width if dense_width is None else dense_width
        check_counts(n_bands=n_bands, n_classes=n_classes, width=width, dense_width=n_dense)
        self.n_bands, self.n_classes = n_bands, n_classes
        w1, w2, w3, w4 = (width * 2**i for i in range(4))  # 64, 128, 256, 512
        self.features = vgg16_features(n_bands, width=width, normalisation="batch", ceil_mode=True)
        self.fc6 = _normalised(nn.Conv2d(w4, n_dense, 7))  # 7 x 7 of 224 x 224 to 1 x 1
        self.fc7 = _normalised(nn.Conv2d(n_dense, n_dense, 1))
        self.fc6_deconv = _normalised(nn.ConvTranspose2d(n_dense, w4, 7))  # back to 7 x 7
        # In the order of use; a stage's last layer reduces the channels to those of the level above.
        self.decoder = nn.ModuleList(
            [
                _deconvolutions(w4, w4, w4, w4),
                _deconvolutions(w4, w4, w4, w3),
                _deconvolutions(w3, w3, w3, w2),
                _deconvolutions(w2, w2, w1),
                _deconvolutions(w1, w1, w1),
            ]
        )
        self.score = nn.Conv2d(w1, n_classes, 1)
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the images; see the class for the shapes."""
        check_bands(x, self.n_bands)
        if min(x.shape[-2:]) < SMALLEST:
            raise InputError(
                f"DeconvNet takes images of at least {SMALLEST}x{SMALLEST} pixels, got {x.shape[-2]}x{x.shape[-1]}; "
                f"pad to {max(x.shape[-2], SMALLEST)}x{max(x.shape[-1], SMALLEST)}"
            )
        if self.training and x.shape[0] == 1 and max(x.shape[-2:]) <= ONE_CELL:
            raise InputError(
                "DeconvNet normalises fc6 over the batch, which one image of a single cell does not allow; train on "
                f"two or more, or from {ONE_CELL + 1}x{ONE_CELL + 1} pixels on"
            )
        switches = []
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                x, places = max_pool_2x2(x)
                switches.append(places)
            else:
                x = layer(x)
        x = self.fc6_deconv(self.fc7(self.fc6(x)))
        for stage in self.decoder:
            x = max_unpool_2x2(x, switches.pop())
            for layer in stage.children():  # one by one, so that no map is kept longer than needed
                x = layer(x)
        return self.score(x)

    def input_side(self, side: int) -> int:
        """Smallest height (or width) that the network takes whose logits are at least `side` high (or wide)."""
        return max(side, SMALLEST)

    def load_weights(self, source: Path | str) -> None:
        """Load VGG-16's ImageNet weights into the encoder: a file of torchvision's, or "vgg16" or "vgg16_bn".

        Raises:
            InputError: see `densa.networks.encoders.vgg.load_vgg16`.
        """
        load_vgg16(self, source, dense={"fc6.0": "classifier.0", "fc7.0": "classifier.3"})


def _normalised(layer: nn.Conv2d | nn.ConvTranspose2d) -> nn.Sequential:
    return nn.Sequential(layer, nn.BatchNorm2d(layer.out_channels), nn.ReLU(inplace=True))


def _deconvolutions(*channels: int) -> nn.Sequential:
    """3x3, batch normalisation and ReLU, from each number of channels to the next."""
    layers: list[nn.Module] = []
    for a, b in pairwise(channels):
        layers += [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.BatchNorm2d):
        nn.init.constant_(module.bias, SHIFT)
    elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        # One cell becomes 7 x 7: an output of fc6_deconv depends on one input position, not on 49.
        fan_in = module.in_channels * (1 if isinstance(module, nn.ConvTranspose2d) else module.kernel_size[0] ** 2)
        nn.init.normal_(module.weight, std=(2 / fan_in) ** 0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
