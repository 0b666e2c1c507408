"""First weights of a training: published ImageNet weights, a file of them, or a trained model.

The input is normalised by the training images' own statistics not by those of the weights' training data. For
photographs the two are nearly the same (published networks also see bands of mean 0 and deviation 1); other bands have
no published statistics. The first kernel is adapted to the number of bands.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from densa.errors import InputError
from densa.networks import NETWORKS, Network, build
from densa.networks.weights import PUBLISHED, adapt_bands, read_weights
from densa.segmenter import Architecture, ModelDescription, read_model
from densa.segmenter.folder_files import WEIGHTS

__all__ = ["IMAGENET", "NONE", "class_parameters", "implied_arguments", "load_initial_weights"]

IMAGENET, NONE = "imagenet", "none"
_PUBLISHED_WIDTH = 64
# Trained network -> networks that start from its weights and add parameters.
_STAGES = {
    "fcn32s": ("fcn16s", "fcn8s"),
    "fcn16s": ("fcn8s",),
    "dilated-context": ("dilated-context",),
}


def load_initial_weights(
    network: Network, architecture: Architecture, source: Path | str, *, n_bands: int, n_classes: int
) -> str:
    """Put first weights into a network.

    Args:
        network: changed in place.
        architecture: name and arguments that it was built of.
        source: "imagenet" downloads the published weights of the network's encoder, of `densa.networks.weights`;
            or a file of torchvision's VGG-16 or ResNet; or a run or model folder of densa's: of the same architecture
            (with another number of classes the layers that depend on it stay random, with another number of bands the
            first kernel is adapted), or of an earlier stage (fcn32s for fcn16s and fcn8s, a front end for its context).
        n_bands: bands of the images.
        n_classes: number of classes.

    Returns:
        A line for people on what was loaded.

    Raises:
        InputError: no such file or folder, no network to download from, weights of another architecture: the first
            parameter that differs is named.

    Examples:
        >>> from densa import Legend, networks, segmenter, training
        >>> architecture = segmenter.Architecture("segnet", {"width": 1})
        >>> first, second = networks.build("segnet", 3, 2, width=1), networks.build("segnet", 3, 4, width=1)
        >>> segmenter.save_model("first", first, architecture, Legend(("a", "b")), segmenter.BandContract(3))
        >>> print(training.load_initial_weights(second, architecture, "first", n_bands=3, n_classes=4))
        first weights: segnet of first; 2 classes then, 4 now: fresh decoder.4.3.bias, decoder.4.3.weight
    """
    folder = _model_folder(source)
    if folder is None:
        return _load_published(network, architecture.name, source)
    return _load_trained(network, architecture, folder, n_bands, n_classes)


def class_parameters(architecture: Architecture, n_bands: int, n_classes: int) -> set[str]:
    """Names of the parameters whose shape depends on the number of classes: the classifier."""
    return _differing(_shapes(architecture, n_bands, n_classes), _shapes(architecture, n_bands, n_classes + 1))


def implied_arguments(source: Path | str, model: str) -> dict[str, Any]:
    """Arguments of the network that first weights were trained with, as far as network `model` has them.

    A source that cannot be read implies none; loading raises the error.
    """
    folder = _model_folder(source)
    if folder is None:
        return {"width": _PUBLISHED_WIDTH}
    try:
        arguments = read_model(folder).architecture.arguments
    except InputError:
        return {}
    known = inspect.signature(NETWORKS[model]).parameters if model in NETWORKS else {}
    return {name: value for name, value in arguments.items() if name in known and value is not None}


def _model_folder(source: Path | str) -> Path | None:
    """The model folder that the source names, by its path or that of its weights; None for other files."""
    path = Path(source)
    if path.is_dir():
        return path
    return path.parent if path.name == WEIGHTS and (path.parent / "model.json").is_file() else None


def _load_published(network: Network, model: str, source: Path | str) -> str:
    if network.imagenet_weights is None:
        having = [name for name, its in NETWORKS.items() if its.load_weights is not Network.load_weights]
        if Path(source).is_file():
            first = next(iter(network.state_dict()))
            stored = read_weights(source)
            if first not in stored:
                raise InputError(f"{source} is of another architecture: it has no {first}, the first of {model}")
        raise InputError(
            f"there are no published weights for {model}; give the folder of a trained {model}, or train one of "
            f"{', '.join(having)}"
        )
    name = network.imagenet_weights if str(source) == IMAGENET and not Path(source).is_file() else source
    network.load_weights(name)
    return f"first weights: {PUBLISHED.get(str(name), name)}; the other layers are fresh"


def _load_trained(network: Network, architecture: Architecture, folder: Path, n_bands: int, n_classes: int) -> str:
    model = read_model(folder)
    stored = read_weights(folder / WEIGHTS)
    stored = {key: tensor for key, tensor in stored.items() if not key.startswith("check/")}  # its test block
    own, name = network.state_dict(), model.architecture.name
    stage = architecture.name in _STAGES.get(name, ()) and stored.keys() != own.keys()
    if stage:
        then = (model.bands.n_bands, model.legend.n_classes)
        if then != (n_bands, n_classes):
            raise InputError(
                f"{folder} ({name}) was trained on {then[0]} bands and {then[1]} classes, these data have {n_bands} "
                f"and {n_classes}; {architecture.name} starts from the same numbers: train {name} on these data first"
            )
        network.initialise_from(_rebuilt(model, stored, folder))
        fresh = [key for key in own if key not in stored]
        return f"first weights: {name} of {folder}; new: {', '.join(fresh)}"
    fresh_names: set[str] = set()
    if model.legend.n_classes != n_classes:
        fresh_names = class_parameters(architecture, n_bands, n_classes)
    of_bands = _differing(_shapes(architecture, n_bands, n_classes), _shapes(architecture, n_bands + 1, n_classes))
    _warm_start(network, stored, fresh_names, of_bands, f"{folder} ({name})")
    changes = []
    if fresh_names:
        changes.append(
            f"{model.legend.n_classes} classes then, {n_classes} now: fresh {', '.join(sorted(fresh_names))}"
        )
    if model.bands.n_bands != n_bands:
        changes.append(f"{model.bands.n_bands} bands then, {n_bands} now: adapted {', '.join(sorted(of_bands))}")
    return "; ".join([f"first weights: {name} of {folder}", *changes])


def _rebuilt(model: ModelDescription, stored: Mapping[str, Tensor], folder: Path) -> nn.Module:
    """The network of a model folder."""
    name, arguments = model.architecture.name, model.architecture.arguments
    try:
        with torch.device("meta"):
            network = build(name, model.bands.n_bands, model.legend.n_classes, **arguments)
        network.load_state_dict(stored, assign=True)
    except (RuntimeError, TypeError, OverflowError) as error:
        raise InputError(f"{folder} is damaged: its weights are not those of a {name} with {arguments}") from error
    return network


@torch.no_grad()
def _warm_start(
    network: nn.Module, stored: Mapping[str, Tensor], fresh: set[str], of_bands: set[str], source: str
) -> None:
    """Load every tensor but those of `fresh`; nothing is changed unless all fit."""
    own, taken = network.state_dict(), {}
    for name, tensor in own.items():
        if name not in stored:
            raise InputError(f"the weights of {source} are of another architecture: they have no {name}")
        its = stored[name]
        if name in of_bands and its.dim() == 4:
            its = adapt_bands(its, tensor.shape[1])
        if name in fresh:
            continue
        if its.shape != tensor.shape:
            raise InputError(
                f"the weights of {source} are of another architecture: {name} has the shape {tuple(its.shape)} there "
                f"and {tuple(tensor.shape)} here; train with the arguments of that run"
            )
        taken[name] = its
    for name in stored:
        if name not in own:
            raise InputError(f"the weights of {source} are of another architecture: the network has no {name}")
    network.load_state_dict(taken, strict=False)


def _shapes(architecture: Architecture, n_bands: int, n_classes: int) -> dict[str, torch.Size]:
    with torch.device("meta"):
        network = build(architecture.name, n_bands, n_classes, **architecture.arguments)
    return {name: tensor.shape for name, tensor in network.state_dict().items()}


def _differing(a: Mapping[str, torch.Size], b: Mapping[str, torch.Size]) -> set[str]:
    return {name for name in a if a[name] != b.get(name)}
