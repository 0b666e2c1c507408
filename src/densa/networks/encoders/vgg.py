"""VGG-16 as an encoder (Simonyan and Zisserman 2015, arXiv:1409.1556, configuration D); dense layers as convolutions.

Layers and parameters have torchvision's names, `features.N` and `classifier.N`, with batch normalisation (as in its
`vgg16_bn`) or without, so that its ImageNet weights can be loaded.

Method: VGG-16.
Source: Simonyan, Zisserman 2015, arXiv:1409.1556, configuration D.
As printed: layers and sizes; dense layers as convolutions.
Departs: batch normalisation on request, as in torchvision's `vgg16_bn`.
Held by: tests/networks/test_fcn.py, tests/networks/test_weights.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from densa.errors import InputError
from densa.networks.weights import load_weights, read_weights

__all__ = [
    "check_normalisation",
    "load_vgg16",
    "load_vgg16_encoder",
    "published_vgg16",
    "stages",
    "vgg16_classifier",
    "vgg16_features",
]

CONVOLUTIONS = (2, 2, 3, 3, 3)  # per stage; each stage ends with 2x2 max pooling


def vgg16_features(
    n_bands: int, *, width: int = 64, normalisation: str = "none", first_padding: int = 1, ceil_mode: bool = False
) -> nn.Sequential:
    """Thirteen 3x3 convolutions in five stages, each of which ends with 2x2 max pooling; He initialisation.

    Args:
        n_bands: bands of the images.
        width: channels of the first stage; 64 is the paper's (64, 128, 256, 512, 512).
        normalisation: "batch" adds batch normalisation after each convolution, "none" does not (the paper).
        first_padding: zeros around the image; 100 in FCN.
        ceil_mode: poolings round up, as in Caffe.
    """
    layers: list[nn.Module] = []
    n_in, padding = n_bands, first_padding
    for stage, n_convolutions in enumerate(CONVOLUTIONS):
        n_out = width * 2 ** min(stage, 3)
        for _ in range(n_convolutions):
            layers.append(nn.Conv2d(n_in, n_out, 3, padding=padding))
            layers += [nn.BatchNorm2d(n_out)] if normalisation == "batch" else []
            layers.append(nn.ReLU(inplace=True))
            n_in, padding = n_out, 1
        layers.append(nn.MaxPool2d(2, 2, ceil_mode=ceil_mode))
    features = nn.Sequential(*layers)
    features.apply(_initialise)
    return features


def vgg16_classifier(n_in: int, n_out: int, *, dropout: float = 0.5) -> nn.Sequential:
    """The dense layers fc6 and fc7 as convolutions, 7x7 and 1x1, with ReLU and dropout."""
    classifier = nn.Sequential(
        nn.Conv2d(n_in, n_out, 7), nn.ReLU(inplace=True), nn.Dropout(dropout),
        nn.Conv2d(n_out, n_out, 1), nn.ReLU(inplace=True), nn.Dropout(dropout),
    )  # fmt: skip
    classifier.apply(_initialise)
    return classifier


def stages(features: nn.Sequential, x: Tensor) -> Iterator[Tensor]:
    """Run `vgg16_features` and yield the map after each of the five poolings."""
    for layer in features:
        x = layer(x)
        if isinstance(layer, nn.MaxPool2d):
            yield x


def load_vgg16(
    network: nn.Module, source: Path | str, *, dense: Mapping[str, str], n_neurons: int | None = None
) -> None:
    """Load torchvision's VGG-16 into a network.

    A network with batch normalisation takes weights trained with or without it; without, its normalisation keeps its
    initial values.

    Args:
        network: its `features` are those of `vgg16_features`.
        source: a file, "vgg16" or "vgg16_bn"; see `densa.networks.weights.read_weights`.
        dense: names, in the file, of the dense layers by their names in the network: "classifier.0", "classifier.3".
        n_neurons: take only so many neurons of each dense layer, at equal steps, and the outer and middle taps of the
            first one, 3x3 of its 7x7 (DeepLab's decimation); None takes all.

    Raises:
        InputError: see `densa.networks.weights`; weights with batch normalisation for a network without.
    """
    stored = read_weights(source)
    if n_neurons is not None:
        stored = stored | _decimated(stored, n_neurons)
    features = network.get_submodule("features")
    names = {f"features.{name}": f"features.{name}" for name in features.state_dict()}
    kernels = [name for name, layer in features.named_children() if isinstance(layer, nn.Conv2d)]
    its_kernels, its_norms = _layers(stored, 4), _layers(stored, 1)
    has_norm = any(isinstance(layer, nn.BatchNorm2d) for layer in features.children())
    if its_norms and not has_norm:
        raise InputError(
            f"{source} has batch normalisation (features.{its_norms[0]}.weight), the network has none; build it with "
            'normalisation="batch", or give weights without'
        )
    if has_norm and not its_norms and len(kernels) == len(its_kernels):
        pairs = zip(kernels, its_kernels, strict=True)
        names = {f"features.{a}.{kind}": f"features.{b}.{kind}" for a, b in pairs for kind in ("weight", "bias")}
    names |= {f"{own}.{kind}": f"{its}.{kind}" for own, its in dense.items() for kind in ("weight", "bias")}
    first = f"features.{kernels[0]}.weight"
    load_weights(network, stored, names, source=str(source), first=first, unused=("classifier.",))


def _decimated(stored: Mapping[str, Tensor], n_neurons: int) -> dict[str, Tensor]:
    """fc6 and fc7 of a file with fewer neurons and taps; nothing of layers that do not divide so, which then misfit."""
    names = [f"classifier.{number}.{kind}" for number in (0, 3) for kind in ("weight", "bias")]
    fc6, fc6_bias, fc7, fc7_bias = (stored.get(name, torch.empty(0)) for name in names)
    step = len(fc6) // n_neurons
    if step == 0 or len(fc6) % n_neurons or fc6[0].numel() % 49 or fc7.shape[:2] != (len(fc6), len(fc6)):
        return {}
    taps = fc6.reshape(len(fc6), -1, 7, 7)[::step, :, ::3, ::3]
    parts = (taps, fc6_bias[::step], fc7.flatten(1)[::step, ::step], fc7_bias[::step])
    return dict(zip(names, parts, strict=True))


def load_vgg16_encoder(network: nn.Module, source: Path | str) -> None:
    """Load torchvision's VGG-16 into SegNet's encoder: thirteen normalised convolutions, matched by their order.

    Args:
        network: its `encoder` contains these convolutions.
        source: a file, "vgg16" (the normalisation then keeps its initial values) or "vgg16_bn"; see
            `densa.networks.weights.read_weights`.

    Raises:
        InputError: see `densa.networks.weights`.
    """
    stored = read_weights(source)
    layers = dict(network.get_submodule("encoder").named_modules())
    kernels = [name for name, layer in layers.items() if isinstance(layer, nn.Conv2d)]
    norms = [name for name, layer in layers.items() if isinstance(layer, nn.BatchNorm2d)]
    its_norms = _layers(stored, 1)
    expected = _numbers(3 if its_norms else 2)
    names = {
        f"encoder.{own}.{kind}": f"features.{number}.{kind}"
        for own, number in zip(kernels, expected, strict=True)
        for kind in ("weight", "bias")
    }
    if its_norms:
        names |= {
            f"encoder.{own}.{kind}": f"features.{number + 1}.{kind}"
            for own, number in zip(norms, expected, strict=True)
            for kind in ("weight", "bias", "running_mean", "running_var")
        }
    first = f"encoder.{kernels[0]}.weight"
    load_weights(network, stored, names, source=str(source), first=first, unused=("classifier.",))


def _numbers(n_layers: int) -> list[int]:
    """torchvision's numbers of the convolutions, each of which takes `n_layers` numbers, and a pooling one."""
    numbers, place = [], 0
    for n_convolutions in CONVOLUTIONS:
        numbers += [place + n_layers * i for i in range(n_convolutions)]
        place += n_layers * n_convolutions + 1
    return numbers


def _layers(stored: Mapping[str, Tensor], n_dimensions: int) -> list[int]:
    """Sorted numbers of the layers of `features` in a file whose weight has the given number of dimensions."""
    prefix, suffix = "features.", ".weight"
    found = [name[len(prefix) : -len(suffix)] for name, tensor in stored.items()
             if name.startswith(prefix) and name.endswith(suffix) and tensor.dim() == n_dimensions]  # fmt: skip
    return sorted(int(number) for number in found if number.isdigit())


def published_vgg16(normalisation: str) -> str:
    """Name in `densa.networks.weights.PUBLISHED` of the weights with all layers of `vgg16_features`."""
    return "vgg16_bn" if normalisation == "batch" else "vgg16"


def check_normalisation(normalisation: str) -> None:
    """Raise an InputError unless the normalisation is "batch" or "none"."""
    if normalisation not in {"batch", "none"}:
        raise InputError(f'normalisation must be "batch" or "none", got {normalisation!r}')


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
