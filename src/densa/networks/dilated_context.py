"""Front end and context module of dilated convolutions (Yu, Koltun 2016, arXiv:1511.07122; layers of the authors'
prototxt).

The front end is VGG-16 without its last two poolings, with conv5 dilated by 2 and fc6 by 4, and without padding: its
input is the image mirrored by 186 pixels, and its scores have an eighth of the resolution. The context module, seven
3x3 convolutions of increasing rates on the scores, has a receptive field of 67 x 67 cells. Scores are upsampled
bilinearly.

Method: Dilated context (`dilated-context`).
Source: Yu, Koltun 2016, arXiv:1511.07122; the authors' prototxt.
As printed: front end without padding on the mirrored image, context module of seven rates, initialised as the identity.
Departs: batch normalisation after the 3x3 convolutions of the front end by default (`normalisation="none"` is the
    paper's); He initialisation if no weights are loaded; scores are upsampled in training too; the large module's
    initial noise, which the paper does not state, is 1 %.
Held by: tests/networks/test_dilated_context.py.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from densa.errors import InputError
from densa.networks.checks import check_bands, check_counts
from densa.networks.encoders.vgg import (
    check_normalisation,
    load_vgg16,
    published_vgg16,
    vgg16_classifier,
    vgg16_features,
)
from densa.networks.network import Network, at_least_float32

__all__ = ["DilatedContext", "context_module"]

OUTPUT_STRIDE = 8
MARGIN = 186  # pixels that the front end loses on each side
RATES = (1, 1, 2, 4, 8, 16, 1)
PADDING = sum(RATES)  # 33 cells on each side
# Channels of the seven convolutions, in units of the number of classes.
CHANNELS = {"basic": (1, 1, 1, 1, 1, 1, 1), "large": (2, 2, 4, 8, 16, 32, 32)}
NOISE = 0.01


class DilatedContext(Network):
    """Images (N, n_bands, H, W) to logits that lack 186 pixels on each side; H and W are 8 k + 372, k at least 1.

    Args:
        n_bands: bands of the images.
        n_classes: number of classes.
        width: channels of the first level; 64 is the paper's (64, 128, 256, 512, 512, and 4096 in fc6 and fc7).
        context: "basic" (the paper's for CamVid), "large" (for VOC 2012) or "none", the front end alone.
        normalisation: of the front end: "batch", or "none" as in the paper.
        dropout: share of fc6's and fc7's features dropped in training.

    Raises:
        InputError: an argument out of range; in `forward`, a number of bands or a size that it cannot take.

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.DilatedContext(3, 5, width=1)
        >>> network.margin
        186
        >>> network(torch.zeros(1, 3, 372 + 32, 372 + 48)).shape
        torch.Size([1, 5, 32, 48])
    """

    output_stride = OUTPUT_STRIDE
    margin = MARGIN

    def __init__(
        self,
        n_bands: int,
        n_classes: int,
        *,
        width: int = 64,
        context: str = "basic",
        normalisation: str = "batch",
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        check_counts(n_bands=n_bands, n_classes=n_classes, width=width)
        check_normalisation(normalisation)
        if context not in {*CHANNELS, "none"}:
            raise InputError(f'context must be "basic", "large" or "none", got {context!r}')
        if not 0 <= dropout < 1:
            raise InputError(f"dropout must be at least 0 and less than 1, got {dropout}")
        self.n_bands, self.n_classes = n_bands, n_classes
        self.imagenet_weights = published_vgg16(normalisation)
        self.features = _unpadded(vgg16_features(n_bands, width=width, normalisation=normalisation))
        self.classifier = vgg16_classifier(8 * width, 64 * width, dropout=dropout)
        self.classifier[0].dilation = (4, 4)  # type: ignore[assignment]
        self.score = nn.Conv2d(64 * width, n_classes, 1)
        nn.init.normal_(self.score.weight, std=0.01)
        nn.init.zeros_(self.score.bias)  # type: ignore[arg-type]
        self.context = nn.Sequential() if context == "none" else context_module(n_classes, context)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the images; see the class for the shapes."""
        check_bands(x, self.n_bands)
        fit = [self.input_side(max(side - 2 * MARGIN, 1)) for side in x.shape[-2:]]
        if [*x.shape[-2:]] != fit:
            raise InputError(
                "the dilated front end takes images whose height and width are 8 k + 372, at least 380 (the image "
                f"mirrored by {MARGIN} on each side), got {x.shape[-2]}x{x.shape[-1]}; pad to {fit[0]}x{fit[1]}"
            )
        scores = self.score(self.classifier(self.features(x)))  # (N, C, 66, 66) of 900 x 900
        scores = at_least_float32(self.context(scores))
        # Cell t covers the pixels 8 t to 8 t + 7 of the output.
        return F.interpolate(scores, scale_factor=OUTPUT_STRIDE, mode="bilinear", align_corners=False)

    def input_side(self, side: int) -> int:
        """Smallest height (or width) that the network takes whose logits are at least `side` high (or wide)."""
        return -(-max(side, 1) // OUTPUT_STRIDE) * OUTPUT_STRIDE + 2 * MARGIN

    def load_weights(self, source: Path | str) -> None:
        """Load VGG-16's ImageNet weights: a file of torchvision's, or "vgg16" or "vgg16_bn" to download it.

        Raises:
            InputError: see `densa.networks.encoders.vgg.load_vgg16`.
        """
        load_vgg16(self, source, dense={"classifier.0": "classifier.0", "classifier.3": "classifier.3"})

    def initialise_from(self, front_end: nn.Module) -> None:
        """Copy the front end of a trained network, as in the paper's second stage; the context is unchanged.

        Raises:
            InputError: `front_end` lacks a parameter of this front end or has it in another shape; the message names
                it.
        """
        own, theirs = self.state_dict(), front_end.state_dict()
        front = [name for name in own if not name.startswith("context.")]
        for name in front:
            if name not in theirs or theirs[name].shape != own[name].shape:
                found = f"has the shape {tuple(theirs[name].shape)} there" if name in theirs else "is missing there"
                raise InputError(
                    f"the network cannot start from that front end: {name} {found} and has {tuple(own[name].shape)} "
                    "here; build both with the same arguments but for the context"
                )
        self.load_state_dict({name: theirs[name] for name in front}, strict=False)


def context_module(n_classes: int, kind: str = "basic") -> nn.Sequential:
    """The context module, (N, n_classes, h, w) to the same, initially the identity for inputs that are not negative.

    Args:
        n_classes: maps in and out.
        kind: "basic", with n_classes maps in all layers, or "large", with up to 32 times as many and initial noise.

    Raises:
        InputError: an unknown kind.
    """
    if kind not in CHANNELS:
        raise InputError(f'the context module must be "basic" or "large", got {kind!r}')
    layers: list[nn.Module] = [nn.ZeroPad2d(PADDING)]
    n_in = n_classes
    for rate, factor in zip(RATES, CHANNELS[kind], strict=True):
        layers += [nn.Conv2d(n_in, factor * n_classes, 3, dilation=rate), nn.ReLU(inplace=True)]
        n_in = factor * n_classes
    module = nn.Sequential(*layers, nn.Conv2d(n_in, n_classes, 1))
    for layer in module:
        if isinstance(layer, nn.Conv2d):
            _initialise_as_identity(layer, n_classes, noise=NOISE if kind == "large" else 0.0)
    return module


@torch.no_grad()
def _initialise_as_identity(layer: nn.Conv2d, n_classes: int, *, noise: float) -> None:
    """Each output map is the share of its class's input maps at the centre of the kernel (section 3)."""
    n_out, n_in, middle = layer.out_channels, layer.in_channels, layer.kernel_size[0] // 2
    share = n_classes / n_out
    class_of_output = torch.arange(n_out) * n_classes // n_out
    class_of_input = torch.arange(n_in) * n_classes // n_in
    same = class_of_output[:, None] == class_of_input
    nn.init.normal_(layer.weight, std=noise * share) if noise else nn.init.zeros_(layer.weight)
    centre = layer.weight[:, :, middle, middle]
    layer.weight[:, :, middle, middle] = torch.where(same.to(centre.device), share, centre)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]


def _unpadded(features: nn.Sequential) -> nn.Sequential:
    """VGG-16's features without padding, pool4 and pool5, and with conv5 dilated by 2; layers keep their numbers."""
    stage = 1
    for number, layer in enumerate(features):
        if isinstance(layer, nn.MaxPool2d):
            if stage > 3:
                features[number] = nn.Identity()
            stage += 1
        elif isinstance(layer, nn.Conv2d):
            layer.padding = (0, 0)
            layer.dilation = (2, 2) if stage == 5 else (1, 1)
    return features
