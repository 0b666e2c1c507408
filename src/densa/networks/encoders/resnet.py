"""ResNet-50 and ResNet-101 as encoders (He, Zhang, Ren, Sun 2016, arXiv:1512.03385), with dilation instead of the last
strides (Chen, Papandreou, Schroff, Adam 2017, arXiv:1706.05587, section 3.1).

Layers and parameters have torchvision's names, so that its ImageNet weights can be loaded; as there, the stride of a
stage is that of the 3x3 convolution of its first block. All 3x3 convolutions of a stage without stride have the stage's
rate, as in the paper's figures.

Method: ResNet-50 and ResNet-101.
Source: He, Zhang, Ren, Sun 2016, arXiv:1512.03385; dilation: Chen et al. 2017, arXiv:1706.05587, section 3.1.
As printed: blocks and sizes; rates in place of the last strides.
Departs: the stride of a stage is that of its first 3x3 convolution, as in torchvision, where the paper has it in the
    1x1 before.
Held by: tests/networks/encoders/test_resnet.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from densa.errors import InputError
from densa.networks.weights import load_weights, read_weights

__all__ = ["ResNet", "load_resnet", "rates_of"]

BLOCKS = {"resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3)}
# For each output stride: (stride, rate) of the four stages, the first of which has a quarter of the resolution.
STAGES = {
    32: ((1, 1), (2, 1), (2, 1), (2, 1)),
    16: ((1, 1), (2, 1), (2, 1), (1, 2)),
    8: ((1, 1), (2, 1), (1, 2), (1, 4)),
}
EXPANSION = 4


class ResNet(nn.Module):
    """Images (N, n_bands, H, W) to features (N, 32 * width, H / output_stride, W / output_stride), rounded up.

    Row t of the features has its centre at row t * output_stride of the image.

    Args:
        n_bands: bands of the images.
        name: "resnet50" or "resnet101".
        width: channels of the first convolution; 64 is the paper's (2048 features).
        output_stride: 32 (the paper), 16 or 8.
        multi_grid: factors of the rates of the last stage's three 3x3 convolutions.

    Raises:
        InputError: an unknown name or output stride.
    """

    def __init__(
        self,
        n_bands: int,
        *,
        name: str = "resnet101",
        width: int = 64,
        output_stride: int = 32,
        multi_grid: Sequence[int] = (1, 1, 1),
    ) -> None:
        super().__init__()
        if name not in BLOCKS:
            raise InputError(f"the backbone must be one of {', '.join(BLOCKS)}, got {name!r}")
        if output_stride not in STAGES:
            raise InputError(f"output_stride must be one of {', '.join(map(str, STAGES))}, got {output_stride!r}")
        self.name = name
        self.conv1 = nn.Conv2d(n_bands, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        n_in = width
        for number, (n_blocks, (stride, rate)) in enumerate(zip(BLOCKS[name], STAGES[output_stride], strict=True)):
            rates = [rate * factor for factor in multi_grid] if number == 3 else [rate] * n_blocks
            n_inner = width * 2**number  # 64, 128, 256, 512
            self.add_module(f"layer{number + 1}", _stage(n_in, n_inner, stride, rates))
            n_in = EXPANSION * n_inner
        self.n_features = n_in
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        """Features of the images; see the class for the shapes."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for number in range(1, 5):
            x = self.get_submodule(f"layer{number}")(x)
        return x


class _Bottleneck(nn.Module):
    """1x1 to fewer channels, 3x3 dilated, 1x1 to more channels, each normalised; added to the input."""

    def __init__(self, n_in: int, n_inner: int, stride: int, rate: int) -> None:
        super().__init__()
        n_out = EXPANSION * n_inner
        self.conv1 = nn.Conv2d(n_in, n_inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_inner)
        self.conv2 = nn.Conv2d(n_inner, n_inner, 3, stride=stride, padding=rate, dilation=rate, bias=False)
        self.bn2 = nn.BatchNorm2d(n_inner)
        self.conv3 = nn.Conv2d(n_inner, n_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(n_out)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1 or n_in != n_out:
            projection = nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(n_out))

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        return self.relu(self.bn3(self.conv3(y)) + self.downsample(x))


def _stage(n_in: int, n_inner: int, stride: int, rates: Sequence[int]) -> nn.Sequential:
    first = _Bottleneck(n_in, n_inner, stride, rates[0])
    return nn.Sequential(first, *(_Bottleneck(EXPANSION * n_inner, n_inner, 1, rate) for rate in rates[1:]))


def load_resnet(network: nn.Module, source: Path | str, *, part: str = "backbone") -> None:
    """Load torchvision's ResNet into a part of a network.

    Args:
        network: its `part` is a `ResNet`.
        part: name of the submodule.
        source: a file, "resnet50" or "resnet101"; see `densa.networks.weights.read_weights`.

    Raises:
        InputError: see `densa.networks.weights`.
    """
    names = {f"{part}.{name}": name for name in network.get_submodule(part).state_dict()}
    stored = read_weights(source)
    load_weights(network, stored, names, source=str(source), first=f"{part}.conv1.weight", unused=("fc.",))


def rates_of(text: str, *, what: str, count: int) -> tuple[int, ...]:
    """Parse positive integers separated by commas: "1,2,4".

    Args:
        text: the numbers; a text can be stored in a model's description.
        what: name of the argument, for messages.
        count: required number of integers.

    Raises:
        InputError: another text.
    """
    parts = text.split(",") if isinstance(text, str) else []
    rates = tuple(int(part) for part in parts if part.strip().isdecimal())
    if len(parts) != count or len(rates) != count or min(rates) < 1:
        example = ",".join(str(2**i) for i in range(count))
        raise InputError(f'{what} must be {count} whole numbers from 1, such as "{example}", got {text!r}')
    return rates


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
