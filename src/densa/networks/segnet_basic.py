"""SegNet-Basic (Badrinarayanan, Kendall, Cipolla 2017, arXiv:1511.00561, section 3.3) and decoders of its table 1.

Four 7x7 convolutions of 64 channels in the encoder and four in the decoder; unpooling with the encoder's switches, as
in SegNet, and no ReLU in the decoder. Poolings round up, as in Caffe, so images may have any size.

Method: SegNet-Basic (`segnet-basic`).
Source: Badrinarayanan, Kendall, Cipolla 2017, arXiv:1511.00561, section 3.3 and table 1.
As printed: four 7x7 convolutions of 64 channels up and down, no ReLU in the decoder; the decoders of table 1.
Departs: no contrast normalisation of the image, since its bands are normalised by the training set; He initialisation,
    epsilon 1e-5 in batch normalisation.
Held by: tests/networks/test_segnet_basic.py.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from densa.errors import InputError
from densa.networks.checks import check_bands, check_counts
from densa.networks.network import Network
from densa.networks.strips import convolve_and_pool, unpool_and_convolve
from densa.operators.unpooling import WindowSwitches, max_pool_2x2

__all__ = ["SegNetBasic"]

OUTPUT_STRIDE = 16  # deepest features are H/16 x W/16, rounded up
LEVELS = 4
DECODERS = ("unpool", "encoder-addition", "single-channel", "bilinear")


class SegNetBasic(Network):
    """Images (N, n_bands, H, W) to logits (N, n_classes, H, W), of any height and width.

    Args:
        n_bands: bands of the images.
        n_classes: number of classes.
        width: channels of every convolution; the paper has 64.
        decoder: "unpool" (SegNet-Basic); "encoder-addition", the encoder's maps added to those of each decoder stage;
            "single-channel", one decoder kernel per map; "bilinear", no decoder, the deepest scores upsampled.
        bias: biases before the batch normalisation and in the scores; the released model has them.

    Raises:
        InputError: an argument out of range; in `forward`, another number of bands.

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.SegNetBasic(3, 5, width=1)
        >>> network(torch.zeros(1, 3, 32, 48)).shape
        torch.Size([1, 5, 32, 48])
    """

    output_stride = OUTPUT_STRIDE
    needs_float32 = True  # see SegNet

    def __init__(
        self, n_bands: int, n_classes: int, *, width: int = 64, decoder: str = "unpool", bias: bool = True
    ) -> None:
        super().__init__()
        check_counts(n_bands=n_bands, n_classes=n_classes, width=width)
        if decoder not in DECODERS:
            raise InputError(f"decoder must be one of {', '.join(DECODERS)}, got {decoder!r}")
        self.n_bands, self.n_classes, self.adds_encoder = n_bands, n_classes, decoder == "encoder-addition"
        groups = width if decoder == "single-channel" else 1
        self.encoder = nn.ModuleList(
            nn.Sequential(*_convolution(n_bands if level == 0 else width, width, bias), nn.ReLU(inplace=True))
            for level in range(LEVELS)
        )
        self.decoder = nn.ModuleList(  # in the order of use
            nn.Sequential(*_convolution(width, width, bias, groups))
            for _ in range(0 if decoder == "bilinear" else LEVELS)
        )
        self.score = nn.Conv2d(width, n_classes, 1, bias=bias)
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the images; see the class for the shapes."""
        check_bands(x, self.n_bands)
        height, width = x.shape[-2:]
        kept: list[tuple[WindowSwitches, Tensor | None]] = []
        for stage in self.encoder:
            if self.adds_encoder:
                features = stage(x)
                x, switches = max_pool_2x2(features)
                kept.append((switches, features))
            else:
                x, switches = convolve_and_pool(stage, x)
                kept.append((switches, None))
        for stage in self.decoder:
            switches, level = kept.pop()
            x = unpool_and_convolve(stage, x, switches)
            x = x if level is None else x + level
        scores = self.score(x)
        if len(self.decoder) > 0:
            return scores
        # Cell t covers the pixels 16 t to 16 t + 15; the last of them may be outside the image.
        scores = F.interpolate(scores, scale_factor=OUTPUT_STRIDE, mode="bilinear", align_corners=False)
        return scores[..., :height, :width]


def _convolution(n_in: int, n_out: int, bias: bool, groups: int = 1) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(n_in, n_out, 7, padding=3, bias=bias, groups=groups), nn.BatchNorm2d(n_out)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
