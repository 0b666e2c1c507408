"""Weights trained elsewhere: read from a file without running code, checked by name and shape, loaded into a network.

The files are torchvision's ImageNet classifiers (BSD licence), whose parameter names are those of the encoders here.
Files in torch's own format are read with `torch.load(weights_only=True)`, whose unpickler refuses anything but tensors
and plain containers.
"""

from __future__ import annotations

import pickle
import sys
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from densa.errors import InputError

__all__ = ["PUBLISHED", "adapt_bands", "load_weights", "read_weights"]

_SITE = "https://download.pytorch.org/models"
PUBLISHED: dict[str, str] = {
    "vgg16": f"{_SITE}/vgg16-397923af.pth",
    "vgg16_bn": f"{_SITE}/vgg16_bn-6c64b313.pth",
    "resnet50": f"{_SITE}/resnet50-11ad3fa6.pth",
    "resnet101": f"{_SITE}/resnet101-cd907fc2.pth",
}
"""Addresses of torchvision's ImageNet weights; the end of a file's name is the beginning of its SHA-256."""

_RUNNING = "num_batches_tracked"  # missing in old files, and used only with a momentum of None


def read_weights(source: Path | str) -> dict[str, Tensor]:
    """Read the named tensors of a file or, if `source` is a name of `PUBLISHED`, of its download.

    Args:
        source: a .safetensors file, a file of `torch.save` with a state dict (itself or under "state_dict" or "model"),
            or a published name; an existing file of that name has priority.

    Returns:
        Tensors on the CPU by name, without the prefix "module." of data-parallel training.

    Raises:
        InputError: no such file; a file that is damaged or holds more than tensors; or a failed download.
    """
    path = Path(source)
    if not path.is_file():
        if str(source) not in PUBLISHED:
            raise InputError(f"there are no weights at {path}; {_where(path.stem)}")
        return _tensors(_download(str(source)), str(source))
    try:
        if path.suffix == ".safetensors":
            return _tensors(load_file(path), str(path))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about other pickle protocols; unreadable files raise below
            content = torch.load(path, map_location="cpu", weights_only=True)
        return _tensors(content, str(path))
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} holds more than tensors, or is damaged; densa runs no code from weight files, save a state dict"
        ) from error
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} cannot be read as weights: {reason}") from error


def load_weights(
    network: nn.Module,
    stored: Mapping[str, Tensor],
    names: Mapping[str, str],
    *,
    source: str,
    first: str | None = None,
    unused: Collection[str] = (),
) -> None:
    """Load tensors of a file into some parameters and buffers of a network; the others are unchanged.

    The network is changed only if all tensors fit. A dense layer of the file, (n, C * h * w), fits a convolution over
    the whole map, (n, C, h, w).

    Args:
        network: the network.
        stored: tensors returned by `read_weights`.
        names: name in the file of each of the network's tensors to load.
        source: origin of `stored`, for messages.
        first: name of the network's first kernel, which is adapted to its number of bands by `adapt_bands`.
        unused: prefixes of further names that the file may have. Any other name that begins like one of `names` (with
            "features", for example) indicates another architecture.

    Raises:
        InputError: a tensor that is missing, has another shape or is unknown to the network; the message names the
            first.
    """
    own = network.state_dict()
    wanted = {name: its for name, its in names.items() if its in stored or not name.endswith(_RUNNING)}
    fitted = {}
    for name, its in wanted.items():
        if its not in stored:
            raise InputError(f"{source} is of another architecture: it has no {its}")
        fitted[name] = _fit(stored[its], own[name], its, source, adapts=name == first)
    parts = {its.split(".")[0] for its in names.values()}
    expected = {*names.values()}
    for its in stored:
        known = its in expected or its.endswith(_RUNNING) or its.startswith(tuple(unused))
        if its.split(".")[0] in parts and not known:
            raise InputError(f"{source} is of another architecture: the network has no {its}")
    network.load_state_dict(fitted, strict=False)


def adapt_bands(kernel: Tensor, n_bands: int) -> Tensor:
    """Adapt a first kernel to another number of bands than it was trained with.

    For one band: the sum over the bands, as if all of them had the values of this band. For more: the kernels of the
    bands in turn (red, green, blue, red, ...), scaled so that the response keeps its magnitude.

    Args:
        kernel: (n, B, k, k).
        n_bands: wanted number of bands.

    Returns:
        (n, n_bands, k, k).
    """
    n_trained = kernel.shape[1]
    if n_bands == n_trained:
        return kernel
    if n_bands == 1:
        return kernel.sum(dim=1, keepdim=True)
    return kernel[:, torch.arange(n_bands) % n_trained] * (n_trained / n_bands)


def _fit(tensor: Tensor, like: Tensor, name: str, source: str, *, adapts: bool) -> Tensor:
    if adapts and tensor.dim() == 4:
        tensor = adapt_bands(tensor, like.shape[1])
    if tensor.dim() == 2 and like.dim() == 4 and tensor.shape[0] == like.shape[0] and tensor.numel() == like.numel():
        tensor = tensor.view(like.shape)
    if tensor.shape != like.shape:
        raise InputError(
            f"{source} does not fit: {name} has the shape {tuple(tensor.shape)}, the network's {tuple(like.shape)}; "
            "build the network with the width that the weights were trained with"
        )
    return tensor.to(like.dtype)


def _tensors(content: Any, source: str) -> dict[str, Tensor]:
    for key in ("state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(f"{source} must hold tensors by name, a state dict; it holds {type(content).__name__}")
    return {str(name).removeprefix("module."): value for name, value in content.items()}


def _download(name: str) -> Any:
    try:
        return torch.hub.load_state_dict_from_url(
            PUBLISHED[name], map_location="cpu", check_hash=True, progress=sys.stderr.isatty(), weights_only=True
        )
    except (OSError, RuntimeError) as error:  # URLError is an OSError; a wrong hash a RuntimeError
        raise InputError(
            f"the weights {name} cannot be downloaded ({error}); get {PUBLISHED[name]} where there is a network and "
            f"give the file ({PUBLISHED[name].rsplit('/', 1)[1]}) in place of the name"
        ) from error


def _where(stem: str) -> str:
    """Where a file of the given name can be downloaded."""
    likely = [name for name in PUBLISHED if stem.split("-")[0] == name]
    listed = likely or list(PUBLISHED)
    return "torchvision's: " + ", ".join(f"{name} at {PUBLISHED[name]}" for name in listed) + "; a name downloads it"
