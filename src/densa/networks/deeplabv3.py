"""DeepLabv3 (Chen, Papandreou, Schroff, Adam 2017, arXiv:1706.05587): ASPP with image pooling on a dilated ResNet.

Method: DeepLabv3 (`deeplabv3`).
Source: Chen, Papandreou, Schroff, Adam 2017, arXiv:1706.05587.
As printed: ASPP with image pooling, rates doubled at output stride 8, no CRF.
Departs: batch normalisation averages with torch's momentum 0.1 (the paper's decay is 0.9997); He initialisation if no
    weights are loaded; the image's mean can be frozen, so that tiles agree (`DeepLabV3.freeze_context`).
Held by: tests/networks/test_deeplabv3.py, tests/segmenter/test_frozen_context.py.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from densa.errors import InputError
from densa.networks.checks import check_bands, check_counts
from densa.networks.deeplab_largefov import enlarge
from densa.networks.encoders.pyramid import build_encoder, load_encoder
from densa.networks.encoders.resnet import ResNet, load_resnet, rates_of
from densa.networks.network import Network

__all__ = ["DeepLabV3"]

RATES = (6, 12, 18)  # at output stride 16; twice that at 8


class DeepLabV3(Network):
    """Images (N, n_bands, H, W) to logits (N, n_classes, H, W), of any height and width.

    With image pooling every pixel depends on the whole image, so tiles of an image give other labels. With a frozen
    context they do not: tiles with their halo give the labels of the whole image. The context is not trained: train
    with image pooling, call `freeze_context`, and save the model with `image_pooling="frozen"`.

    Args:
        n_bands: bands of the images.
        n_classes: number of classes.
        width: channels of the backbone's first convolution; 64 is the paper's (2048 features, 256 per branch).
        backbone: "resnet101" (the paper's best) or "resnet50".
        output_stride: 16 or 8; the weights are the same.
        multi_grid: factors on the rates of the last stage's three 3x3 convolutions.
        image_pooling: "image" (the paper), "frozen", or "none" for ASPP without it.
        encoder: one of `densa.networks.encoders.pyramid.ENCODERS` in place of the backbone, at output stride 16.

    Attributes:
        context: (1, 4 * width, 1, 1), used by a frozen network instead of the pooled image; initially zeros.

    Raises:
        InputError: an argument out of range; in `forward`, another number of bands, or training on one image.

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.DeepLabV3(3, 5, width=2, backbone="resnet50").eval()
        >>> network(torch.zeros(1, 3, 32, 48)).shape
        torch.Size([1, 5, 32, 48])
    """

    needs_float32 = True  # in bfloat16, 0.3 % of the labels of a narrow trained network differed
    context: Tensor

    def __init__(
        self,
        n_bands: int,
        n_classes: int,
        *,
        width: int = 64,
        backbone: str = "resnet101",
        output_stride: int = 16,
        multi_grid: str = "1,2,4",
        image_pooling: str = "image",
        encoder: str | None = None,
    ) -> None:
        super().__init__()
        check_counts(n_bands=n_bands, n_classes=n_classes, width=width)
        if output_stride not in {8, 16}:
            raise InputError(f"output_stride must be 16 or 8, got {output_stride!r}")
        if image_pooling not in {"image", "frozen", "none"}:
            raise InputError(f'image_pooling must be "image", "frozen" or "none", got {image_pooling!r}')
        factors = rates_of(multi_grid, what="multi_grid", count=3)
        self.n_bands, self.n_classes = n_bands, n_classes
        self.output_stride, self.image_pooling, self.imagenet_weights = output_stride, image_pooling, backbone
        self.has_encoder = encoder is not None
        n = 4 * width  # 256
        if encoder is None:
            self.backbone = ResNet(n_bands, name=backbone, width=width, output_stride=output_stride, multi_grid=factors)
            n_in = self.backbone.n_features  # 2048
        else:
            if output_stride != 16:
                raise InputError(f"an encoder has output_stride 16, got {output_stride}")
            self.imagenet_weights, self.encoder = encoder, build_encoder(encoder, n_bands, output_stride=16)
            n_in = self.encoder.n_features[-1]
        rates = [rate * 16 // output_stride for rate in RATES]
        self.branches = nn.ModuleList([_convolution(n_in, n, 1), *(_convolution(n_in, n, 3, rate) for rate in rates)])
        n_maps = 4 * n
        if image_pooling != "none":
            self.pooling = _convolution(n_in, n, 1)
            n_maps += n
        if image_pooling == "frozen":
            self.register_buffer("context", torch.zeros(1, n, 1, 1))
        self.projection = _convolution(n_maps, n, 1)
        self.score = nn.Conv2d(n, n_classes, 1)
        nn.init.normal_(self.score.weight, std=0.01)
        nn.init.zeros_(self.score.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the images; see the class for the shapes."""
        check_bands(x, self.n_bands)
        scores = self.score(self.atrous_pyramid(self.features(x)))
        return enlarge(scores, self.output_stride, (x.shape[-2], x.shape[-1]))

    def features(self, x: Tensor) -> Tensor:
        """Deepest features of the images, (N, 2048, 33, 33) of 513 x 513 at output stride 16."""
        return self.levels(x)[-1] if self.has_encoder else self.backbone(x)

    def levels(self, x: Tensor) -> list[Tensor]:
        """The encoder's pyramid of the images, which get zeros at the bottom and right for whole cells."""
        height, width = (-x.shape[i] % self.output_stride for i in (-2, -1))
        return self.encoder(F.pad(x, (0, width, 0, height)) if height or width else x)

    def atrous_pyramid(self, features: Tensor) -> Tensor:
        """The branches of ASPP, projected: (N, 256, h, w) of the deepest features."""
        maps = [branch(features) for branch in self.branches]
        if self.image_pooling != "none":
            context = self.context if self.image_pooling == "frozen" else self._pooled(features)
            maps.append(context.expand(len(features), -1, *features.shape[-2:]))
        return self.projection(torch.cat(maps, dim=1))

    def freeze_context(self, images: Tensor) -> None:
        """Fix the image pooling at its value for an image, so that pixels no longer depend on the whole image.

        With the image itself, the labels are exactly those of the whole image; with an overview of it, or with similar
        images, they are nearly the same.

        Args:
            images: (N, n_bands, H, W), normalised like the network's input; the mean over several is used.

        Raises:
            InputError: another number of bands, or a network without image pooling.
        """
        check_bands(images, self.n_bands)
        if self.image_pooling == "none":
            raise InputError('the network has no image pooling to hold fixed; build it with image_pooling="image"')
        training = self.training
        self.eval()
        with torch.no_grad():
            pooled = torch.stack([self.features(image[None]).mean(dim=(2, 3), keepdim=True) for image in images])
            self.register_buffer("context", self.pooling(pooled.mean(dim=0)))
        self.image_pooling = "frozen"
        self.train(training)

    def load_weights(self, source: Path | str) -> None:
        """Load the backbone's or encoder's ImageNet weights: a file, or its name.

        Raises:
            InputError: see `load_resnet` and `load_encoder` of `densa.networks.encoders`.
        """
        if self.has_encoder:
            load_encoder(self, str(self.imagenet_weights), source)
        else:
            load_resnet(self, source)

    def _pooled(self, features: Tensor) -> Tensor:
        if self.training and len(features) == 1:
            raise InputError(
                "DeepLabv3 normalises the pooled image over the batch, which one image does not allow; train on "
                'batches of two or more, or with image_pooling="none"'
            )
        return self.pooling(features.mean(dim=(2, 3), keepdim=True))


def _convolution(n_in: int, n_out: int, size: int, rate: int = 1) -> nn.Sequential:
    """Dilated convolution, batch normalisation and ReLU."""
    layer = nn.Conv2d(n_in, n_out, size, padding=rate * (size // 2), dilation=rate, bias=False)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return nn.Sequential(layer, nn.BatchNorm2d(n_out), nn.ReLU(inplace=True))
