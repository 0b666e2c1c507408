"""Fully convolutional networks FCN-32s, FCN-16s and FCN-8s on VGG-16 (Long, Shelhamer, Darrell 2015, arXiv:1411.4038;
Shelhamer, Long, Darrell 2017, arXiv:1605.06211; layers, crops and scales of the authors' `net.py`).

The image is padded by 100 zeros, so that images of any size are large enough for the 7x7 layer; class scores of the
last layer, of pool4 and of pool3 are upsampled bilinearly, cropped to align them, and added.

Departures: `normalisation="batch"`, the default, adds batch normalisation after the 3x3 convolutions, without which
VGG-16 is hard to train from scratch ("none" is the paper's network); He initialisation if no weights are loaded. The
factors of FCN-8s all at once, 0.01 for pool4 and 0.0001 for pool3, are for features without normalisation; with it both
are 1, which trained best (benchmarks/fcn_at_once.py: mean IoU 0.167 of three seeds against 0.140 with 0.1 and 0.01 and
0.137 with the paper's, 100 steps on CamVid at width 8).

Method: FCN (`fcn32s`, `fcn16s`, `fcn8s`).
Source: Long, Shelhamer, Darrell 2015, arXiv:1411.4038; Shelhamer, Long, Darrell 2017, arXiv:1605.06211; the authors'
    `net.py`.
As printed: layers, padding of 100, crops, scales of the pools, scores that begin at zero.
Departs: batch normalisation after the 3x3 convolutions by default, since VGG-16 is hard to train from scratch without
    (`normalisation="none"` is the paper's), and then no factors for the pools all at once; He initialisation if no
    weights are loaded.
Held by: tests/networks/test_fcn.py.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from densa.errors import InputError
from densa.networks.checks import check_bands, check_counts
from densa.networks.encoders.vgg import (
    check_normalisation,
    load_vgg16,
    published_vgg16,
    stages,
    vgg16_classifier,
    vgg16_features,
)
from densa.networks.network import Network, at_least_float32
from densa.operators.upsampling import BilinearUpsampling

__all__ = ["FCN8s", "FCN16s", "FCN32s"]

PADDING = 100
# Offset of one map in another, from the positions of their cells' centres in the image.
CROP_32S, CROP_16S, CROP_8S = 19, 27, 31  # of the image in the upsampled scores
CROP_POOL4, CROP_POOL3 = 5, 9  # of the coarser scores in those of pool4 and of pool3


class _FCN(Network):
    """Common parts of the three networks: VGG-16 and the scores of its last layer."""

    output_stride = 32

    def __init__(
        self, n_bands: int, n_classes: int, width: int, normalisation: str, dropout: float, upsampling: str
    ) -> None:
        super().__init__()
        check_counts(n_bands=n_bands, n_classes=n_classes, width=width)
        check_normalisation(normalisation)
        if not 0 <= dropout < 1:
            raise InputError(f"dropout must be at least 0 and less than 1, got {dropout}")
        if upsampling not in {"fixed", "learned"}:
            raise InputError(f'upsampling must be "fixed" or "learned", got {upsampling!r}')
        self.n_bands, self.n_classes = n_bands, n_classes
        self.imagenet_weights = published_vgg16(normalisation)
        self.features = vgg16_features(
            n_bands, width=width, normalisation=normalisation, first_padding=PADDING, ceil_mode=True
        )
        self.classifier = vgg16_classifier(8 * width, 64 * width, dropout=dropout)
        self.score_fr = _scores(64 * width, n_classes)

    def load_weights(self, source: Path | str) -> None:
        """Load VGG-16's ImageNet weights: a file of torchvision's, or "vgg16" or "vgg16_bn" to download it.

        Raises:
            InputError: see `densa.networks.encoders.vgg.load_vgg16`.
        """
        load_vgg16(self, source, dense={"classifier.0": "classifier.0", "classifier.3": "classifier.3"})

    def initialise_from(self, coarser: nn.Module) -> None:
        """Copy the parameters of a coarser network by name, as in the stages 32s, 16s, 8s of the papers.

        Score layers that `coarser` does not have are zero, so training continues from its result.

        Raises:
            InputError: `coarser` has a parameter that this network lacks or has in another shape; the message names it.
        """
        own, theirs = self.state_dict(), coarser.state_dict()
        for name, tensor in theirs.items():
            if name not in own:
                raise InputError(f"{type(self).__name__} cannot start from that network: it has no {name}")
            if own[name].shape != tensor.shape:
                raise InputError(
                    f"{type(self).__name__} cannot start from that network: {name} has the shape "
                    f"{tuple(tensor.shape)} there and {tuple(own[name].shape)} here; build both with the same arguments"
                )
        self.load_state_dict(theirs, strict=False)

    def _pooled(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """pool3, pool4 and the scores of the last layer, in float32 or better, in which they are upsampled."""
        check_bands(x, self.n_bands)
        _, _, pool3, pool4, pool5 = stages(self.features, x)
        return pool3, pool4, at_least_float32(self.score_fr(self.classifier(pool5)))


class FCN32s(_FCN):
    """Images (N, n_bands, H, W) to logits (N, n_classes, H, W), of any height and width.

    Args:
        n_bands: bands of the images.
        n_classes: number of classes.
        width: channels of the first level; 64 is the paper's (64, 128, 256, 512, 512, and 4096 in fc6 and fc7).
        normalisation: "batch", or "none" as in the paper.
        dropout: share of fc6's and fc7's features dropped in training.

    Raises:
        InputError: an argument out of range; in `forward`, another number of bands.

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.FCN32s(3, 5, width=1)
        >>> network(torch.zeros(1, 3, 32, 48)).shape
        torch.Size([1, 5, 32, 48])
    """

    def __init__(
        self, n_bands: int, n_classes: int, *, width: int = 64, normalisation: str = "batch", dropout: float = 0.5
    ) -> None:
        super().__init__(n_bands, n_classes, width, normalisation, dropout, "fixed")
        self.upscore = BilinearUpsampling(n_classes, 32)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the images; see the class for the shapes."""
        *_, scores = self._pooled(x)  # (N, C, 16, 16) of a 500 x 500 image
        return _crop(self.upscore(scores), CROP_32S, x)


class FCN16s(_FCN):
    """FCN-32s with the scores of pool4 added, at a resolution of 16 pixels; see `FCN32s`.

    Args:
        n_bands, n_classes, width, normalisation, dropout: see `FCN32s`.
        upsampling: "fixed", all bilinear (the released networks), or "learned" for all but the last (2015 paper).

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.FCN16s(3, 5, width=1)
        >>> network(torch.zeros(1, 3, 32, 48)).shape
        torch.Size([1, 5, 32, 48])
    """

    def __init__(
        self,
        n_bands: int,
        n_classes: int,
        *,
        width: int = 64,
        normalisation: str = "batch",
        dropout: float = 0.5,
        upsampling: str = "fixed",
    ) -> None:
        super().__init__(n_bands, n_classes, width, normalisation, dropout, upsampling)
        self.upscore2 = BilinearUpsampling(n_classes, 2, learned=upsampling == "learned")
        self.score_pool4 = _scores(8 * width, n_classes)
        self.upscore16 = BilinearUpsampling(n_classes, 16)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the images; see the class for the shapes."""
        _, pool4, scores = self._pooled(x)
        scores = self.upscore2(scores)  # 34 x 34 of 500 x 500
        scores = scores + _crop(self.score_pool4(pool4), CROP_POOL4, scores)
        return _crop(self.upscore16(scores), CROP_16S, x)


class FCN8s(_FCN):
    """FCN-16s with the scores of pool3 added, at a resolution of 8 pixels; see `FCN32s`.

    Args:
        n_bands, n_classes, width, normalisation, dropout: see `FCN32s`.
        upsampling: see `FCN16s`.
        at_once: train without the stages 32s and 16s. Without normalisation, pool4 is then scaled by 0.01 and pool3 by
            0.0001 before its scores, which compensates for the magnitude of their features (2017 paper).

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.FCN8s(3, 5, width=1)
        >>> network(torch.zeros(1, 3, 32, 48)).shape
        torch.Size([1, 5, 32, 48])
    """

    def __init__(
        self,
        n_bands: int,
        n_classes: int,
        *,
        width: int = 64,
        normalisation: str = "batch",
        dropout: float = 0.5,
        upsampling: str = "fixed",
        at_once: bool = False,
    ) -> None:
        super().__init__(n_bands, n_classes, width, normalisation, dropout, upsampling)
        learned = upsampling == "learned"
        self.scales = (0.01, 0.0001) if at_once and normalisation == "none" else (1.0, 1.0)
        self.upscore2 = BilinearUpsampling(n_classes, 2, learned=learned)
        self.score_pool4 = _scores(8 * width, n_classes)
        self.upscore_pool4 = BilinearUpsampling(n_classes, 2, learned=learned)
        self.score_pool3 = _scores(4 * width, n_classes)
        self.upscore8 = BilinearUpsampling(n_classes, 8)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the images; see the class for the shapes."""
        pool3, pool4, scores = self._pooled(x)
        scores = self.upscore2(scores)  # 34 x 34 of 500 x 500
        scores = scores + _crop(self.score_pool4(pool4 * self.scales[0]), CROP_POOL4, scores)
        scores = self.upscore_pool4(scores)  # 70 x 70
        scores = scores + _crop(self.score_pool3(pool3 * self.scales[1]), CROP_POOL3, scores)
        return _crop(self.upscore8(scores), CROP_8S, x)


def _scores(n_in: int, n_classes: int) -> nn.Conv2d:
    """1x1 convolution to the classes, initially zero (in the paper, random weights were neither better nor faster)."""
    layer = nn.Conv2d(n_in, n_classes, 1)
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _crop(x: Tensor, offset: int, like: Tensor) -> Tensor:
    """Rows and columns of `x` from `offset` on, as many as `like` has."""
    return x[..., offset : offset + like.shape[-2], offset : offset + like.shape[-1]]
