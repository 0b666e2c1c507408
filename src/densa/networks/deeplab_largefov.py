"""DeepLab-LargeFOV (Chen, Papandreou, Kokkinos, Murphy, Yuille 2015, arXiv:1412.7062).

VGG-16 whose last two poolings keep the resolution, with conv5 dilated by 2 and fc6 a 3x3 convolution dilated by 12:
scores at an eighth of the image's resolution, upsampled bilinearly. Poolings are 3x3 and round up, as in Caffe; an
average of 3x3 follows them (pool5a of the released network; zeros beyond the border count, as in Caffe). fc6 and fc7
start from VGG-16's by decimation: three of the seven taps each way, whose distance of 3 cells of 32 pixels is fc6's of
12 cells of 8, and every fourth of the 4096 neurons.

Departures: `normalisation="batch"`, the default, adds batch normalisation after the 3x3 convolutions of VGG-16, which
is hard to train from scratch without it ("none" is the paper's network); He initialisation if no weights are loaded; in
training, too, scores are upsampled, instead of reducing the labels; no conditional random field follows. The paper says
that the first dense layer is decimated, not which neurons are kept.

Method: DeepLab-LargeFOV (`deeplab-largefov`).
Source: Chen, Papandreou, Kokkinos, Murphy, Yuille 2015, arXiv:1412.7062; the released network.
As printed: 3x3 poolings that round up, conv5 dilated by 2, pool5a, fc6 dilated by 12; fc6 and fc7 decimated from
    VGG-16's.
Departs: batch normalisation after the 3x3 convolutions by default (`normalisation="none"` is the paper's); He
    initialisation if no weights are loaded; scores are upsampled in training too, where the paper reduces the labels;
    the CRF is a step of its own.
Held by: tests/networks/test_deeplab_largefov.py.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional as F

from densa.errors import InputError
from densa.networks.checks import check_bands, check_counts
from densa.networks.encoders.vgg import check_normalisation, load_vgg16, published_vgg16, vgg16_features
from densa.networks.network import Network, at_least_float32

__all__ = ["DeepLabLargeFOV", "atrous_vgg16", "enlarge", "fc_branch"]

OUTPUT_STRIDE = 8
RATE = 12


class DeepLabLargeFOV(Network):
    """Images (N, n_bands, H, W) to logits (N, n_classes, H, W), of any height and width.

    Args:
        n_bands: bands of the images.
        n_classes: number of classes.
        width: channels of the first level; 64 is the paper's (64, 128, 256, 512, 512, and 1024 in fc6 and fc7).
        normalisation: "batch", or "none" as in the paper.
        dropout: share of fc6's and fc7's features dropped in training.

    Raises:
        InputError: an argument out of range; in `forward`, another number of bands.

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.DeepLabLargeFOV(3, 5, width=1)
        >>> network(torch.zeros(1, 3, 32, 48)).shape
        torch.Size([1, 5, 32, 48])
    """

    output_stride = OUTPUT_STRIDE

    def __init__(
        self, n_bands: int, n_classes: int, *, width: int = 64, normalisation: str = "batch", dropout: float = 0.5
    ) -> None:
        super().__init__()
        check_counts(n_bands=n_bands, n_classes=n_classes, width=width)
        self.n_bands, self.n_classes = n_bands, n_classes
        self.imagenet_weights = published_vgg16(normalisation)
        self.features = atrous_vgg16(n_bands, width=width, normalisation=normalisation)
        self.pool5a = nn.AvgPool2d(3, stride=1, padding=1)
        self.classifier = fc_branch(width, n_classes, rate=RATE, dropout=dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the images; see the class for the shapes."""
        check_bands(x, self.n_bands)
        scores = self.classifier(self.pool5a(self.features(x)))  # (N, C, 41, 41) of 321 x 321
        return enlarge(scores, OUTPUT_STRIDE, (x.shape[-2], x.shape[-1]))

    def load_weights(self, source: Path | str) -> None:
        """Load VGG-16's ImageNet weights, fc6 and fc7 decimated: a file of torchvision's, or "vgg16" or "vgg16_bn".

        Raises:
            InputError: see `densa.networks.encoders.vgg.load_vgg16`.
        """
        dense = {"classifier.0": "classifier.0", "classifier.3": "classifier.3"}
        load_vgg16(self, source, dense=dense, n_neurons=len(self.get_parameter("classifier.0.bias")))


def atrous_vgg16(n_bands: int, *, width: int, normalisation: str) -> nn.Sequential:
    """VGG-16's features at an eighth of the resolution: pool4 and pool5 without stride, conv5 dilated by 2.

    Row t of the features has its centre at row 8 t of the image; 321 rows give 41.
    """
    check_normalisation(normalisation)
    features = vgg16_features(n_bands, width=width, normalisation=normalisation)
    stage = 1
    for number, layer in enumerate(features):
        if isinstance(layer, nn.MaxPool2d):
            shrinks = stage <= 3
            features[number] = nn.MaxPool2d(3, stride=2 if shrinks else 1, padding=1, ceil_mode=shrinks)
            stage += 1
        elif isinstance(layer, nn.Conv2d) and stage == 5:
            layer.dilation, layer.padding = (2, 2), (2, 2)
    return features


def fc_branch(width: int, n_classes: int, *, rate: int, dropout: float) -> nn.Sequential:
    """fc6 (3x3, dilated by `rate`), fc7 and fc8 (1x1), applied to the features of `atrous_vgg16`."""
    if not 0 <= dropout < 1:
        raise InputError(f"dropout must be at least 0 and less than 1, got {dropout}")
    n = 16 * width  # 1024
    branch = nn.Sequential(
        nn.Conv2d(8 * width, n, 3, padding=rate, dilation=rate), nn.ReLU(inplace=True), nn.Dropout(dropout),
        nn.Conv2d(n, n, 1), nn.ReLU(inplace=True), nn.Dropout(dropout),
        nn.Conv2d(n, n_classes, 1),
    )  # fmt: skip
    for layer in branch:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    nn.init.normal_(branch[-1].weight, std=0.01)  # type: ignore[arg-type]
    return branch


def enlarge(scores: Tensor, factor: int, size: tuple[int, int]) -> Tensor:
    """Upsample bilinearly the scores of cells whose centres are at rows 0, factor, 2 * factor, ... of an image.

    These are the positions in the DeepLab networks. For sides factor * n + 1, such as 321 and 513, the corners are
    aligned; for other sides, the scores are constant beyond the last cell, so the size of the image does not shift
    them. Computed in float32, or in float64 if the scores are float64.

    Args:
        scores: (N, C, h, w).
        factor: pixels per cell.
        size: (H, W) of the image, at most (factor * h, factor * w).

    Returns:
        (N, C, H, W).
    """
    padded = F.pad(at_least_float32(scores), (0, 1, 0, 1), mode="replicate")
    full = (factor * scores.shape[-2] + 1, factor * scores.shape[-1] + 1)
    enlarged = F.interpolate(padded, size=full, mode="bilinear", align_corners=True)
    return enlarged[..., : size[0], : size[1]]
