"""DeepLabv2 with atrous spatial pyramid pooling (Chen, Papandreou, Kokkinos, Murphy, Yuille 2018, arXiv:1606.00915).

Parallel dilated 3x3 convolutions with four rates are applied to the same features; their class scores are summed and
upsampled bilinearly. With VGG-16 each branch consists of fc6, fc7 and fc8 of DeepLab-LargeFOV, with a ResNet of one
convolution to the classes.

Method: DeepLabv2 (`deeplabv2-aspp`).
Source: Chen, Papandreou, Kokkinos, Murphy, Yuille 2018, arXiv:1606.00915.
As printed: ASPP: scores of four dilated branches are summed.
Departs: batch normalisation for VGG-16, as in DeepLab-LargeFOV; scores are upsampled in training too; fc6 and fc7 of
    VGG-16's branches are not loaded from its ImageNet weights; no maximum over three scales of the image; the CRF is a
    step of its own.
Held by: tests/networks/test_deeplabv2.py.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from densa.errors import InputError
from densa.networks.checks import check_bands, check_counts
from densa.networks.deeplab_largefov import atrous_vgg16, enlarge, fc_branch
from densa.networks.encoders.resnet import BLOCKS, ResNet, load_resnet, rates_of
from densa.networks.encoders.vgg import load_vgg16, published_vgg16
from densa.networks.network import Network

__all__ = ["DeepLabV2"]

OUTPUT_STRIDE = 8


class DeepLabV2(Network):
    """Images (N, n_bands, H, W) to logits (N, n_classes, H, W), of any height and width.

    Args:
        n_bands: bands of the images.
        n_classes: number of classes.
        width: channels of the first level; 64 is the paper's (512 features of VGG-16, 2048 of a ResNet).
        backbone: "resnet101" (the paper's best), "resnet50" or "vgg16".
        rates: dilation of each branch; "6,12,18,24" is the paper's ASPP-L, "2,4,8,12" its ASPP-S.
        normalisation: of VGG-16: "batch", or "none" as in the paper.
        dropout: share of fc6's and fc7's features dropped in training; a ResNet has none.

    Raises:
        InputError: an argument out of range; in `forward`, another number of bands.

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.DeepLabV2(3, 5, width=2, backbone="resnet50")
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
        backbone: str = "resnet101",
        rates: str = "6,12,18,24",
        normalisation: str = "batch",
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        check_counts(n_bands=n_bands, n_classes=n_classes, width=width)
        if backbone not in {"vgg16", *BLOCKS}:
            raise InputError(f"the backbone must be one of vgg16, {', '.join(BLOCKS)}, got {backbone!r}")
        numbers = rates_of(rates, what="rates", count=4)
        self.n_bands, self.n_classes = n_bands, n_classes
        self._on_vgg16 = backbone == "vgg16"
        if self._on_vgg16:
            self.imagenet_weights = published_vgg16(normalisation)
            self.features = atrous_vgg16(n_bands, width=width, normalisation=normalisation)
            branches = [fc_branch(width, n_classes, rate=rate, dropout=dropout) for rate in numbers]
            self.branches = nn.ModuleList(branches)
        else:
            self.imagenet_weights = backbone
            self.backbone = ResNet(n_bands, name=backbone, width=width, output_stride=OUTPUT_STRIDE)
            n = self.backbone.n_features
            self.branches = nn.ModuleList(nn.Conv2d(n, n_classes, 3, padding=r, dilation=r) for r in numbers)
            for branch in self.branches:
                nn.init.normal_(branch.weight, std=0.01)  # type: ignore[arg-type]
                nn.init.zeros_(branch.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the images; see the class for the shapes."""
        check_bands(x, self.n_bands)
        features = self.features(x) if self._on_vgg16 else self.backbone(x)
        first, *others = (branch(features) for branch in self.branches)
        return enlarge(sum(others, start=first), OUTPUT_STRIDE, (x.shape[-2], x.shape[-1]))

    def load_weights(self, source: Path | str) -> None:
        """Load the backbone's ImageNet weights: a file of torchvision's, or its name ("resnet101", "vgg16", ...).

        Raises:
            InputError: see `densa.networks.encoders.resnet.load_resnet` and `densa.networks.encoders.vgg.load_vgg16`.
        """
        if not self._on_vgg16:
            load_resnet(self, source)
        else:
            load_vgg16(self, source, dense={})
