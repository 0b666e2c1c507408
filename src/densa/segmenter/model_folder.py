"""Model folder: `model.safetensors` (weights and a test block) and `model.json` (everything else). Never a pickle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, JsonValue
from safetensors.torch import save_file
from torch import Tensor, nn

from densa.errors import InputError
from densa.legend import Legend
from densa.segmenter.contract import BandContract
from densa.segmenter.folder_files import (
    CHECK_BLOCK,
    CHECK_EXPECTED,
    CHECK_SIZE,
    DESCRIPTION,
    WEIGHTS,
    BandsFile,
    Strict,
    check_values,
    naming_file,
    opened_weights,
    plain_json,
    read_description,
    write_files,
)
from densa.segmenter.network import NetworkSegmenter

__all__ = ["Architecture", "ModelDescription", "load_network_segmenter", "read_model", "save_model"]

_VERSION = 1
_TOLERANCE = 1e-3  # of a probability: other processors add in another order

Build = Callable[..., nn.Module]
"""(name, n_bands, n_classes, **arguments) -> network; `densa.networks.build` is one."""


@dataclass(frozen=True)
class Architecture:
    """Which network: a name that `build` knows, and its arguments other than the numbers of bands and classes.

    Examples:
        >>> from densa import networks, segmenter
        >>> architecture = segmenter.Architecture("unet", {"width": 2})
        >>> network = networks.build(architecture.name, 3, 5, **architecture.arguments)
        >>> network.n_classes
        5
    """

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelDescription:
    """Contents of `model.json` for a network.

    Examples:
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> architecture = segmenter.Architecture("segnet", {"width": 1})
        >>> segmenter.save_model("model", network, architecture, legend, bands)
        >>> found = segmenter.read_model("model")
        >>> found.architecture.name, found.stride, found.legend.class_names
        ('segnet', 32, ('ground', 'roof'))
    """

    architecture: Architecture
    legend: Legend
    bands: BandContract
    halo: int
    stride: int
    receptive_field: dict[str, Any]
    training: dict[str, Any]


class _ArchitectureFile(Strict):
    name: str = Field(max_length=200)
    arguments: dict[str, bool | int | float | str | None]


class _ModelFile(Strict):
    format: Literal["densa-network"]
    version: Literal[1]
    architecture: _ArchitectureFile
    legend: dict[str, JsonValue]
    bands: BandsFile
    halo: int = Field(ge=0)
    stride: int = Field(ge=1)
    receptive_field: dict[str, JsonValue]
    training: dict[str, JsonValue]
    tolerance: float = Field(gt=0, le=0.1)
    crf: dict[str, JsonValue] | None = None  # see `densa.segmenter.store_crf`
    calibration: dict[str, JsonValue] | None = None  # see `densa.segmenter.store_calibration`


def save_model(
    folder: Path | str,
    network: nn.Module,
    architecture: Architecture,
    legend: Legend,
    bands: BandContract,
    *,
    training: dict[str, Any] | None = None,
) -> None:
    """Write a model folder, over an existing model; each file appears whole or not at all.

    Args:
        folder: made where it is missing; other files in it stay.
        network: the trained network.
        architecture: from which `build` makes the same network.
        legend: its classes.
        bands: its input contract.
        training: the training record, values that JSON can hold.

    Raises:
        InputError: the folder cannot be written, or `training` cannot be stored as JSON.

    Examples:
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> architecture = segmenter.Architecture("segnet", {"width": 1})
        >>> segmenter.save_model("model", network, architecture, legend, bands)
        >>> segmenter.model_format("model")
        'densa-network'
    """
    folder = Path(folder)
    segmenter = NetworkSegmenter(network, legend, bands, device="cpu", precision="float32")
    reach = segmenter.receptive_field
    content = {
        "format": "densa-network",
        "version": _VERSION,
        "architecture": asdict(architecture),
        "legend": legend.to_dict(),
        "bands": asdict(bands),
        "halo": segmenter.halo,
        "stride": segmenter.stride,
        # JSON has no infinity: where the whole image decides, the reach is null.
        "receptive_field": {**asdict(reach), "reach": None if reach.whole_image else reach.reach},
        "training": training or {},
        "tolerance": _TOLERANCE,
    }
    text = plain_json(content, _ModelFile)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    block = check_values(bands).astype(np.float32)
    tensors[CHECK_BLOCK] = torch.from_numpy(block)
    tensors[CHECK_EXPECTED] = torch.from_numpy(segmenter.probabilities(block))
    write_files(folder, text, lambda path: save_file(tensors, path))


def read_model(folder: Path | str) -> ModelDescription:
    """The description in a model folder; the weights are not read.

    Raises:
        InputError: it is not a model folder of a network.

    Examples:
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> architecture = segmenter.Architecture("segnet", {"width": 1})
        >>> segmenter.save_model("model", network, architecture, legend, bands)
        >>> segmenter.read_model("model").architecture
        Architecture(name='segnet', arguments={'width': 1})
    """
    content, _ = _description(Path(folder))
    return content


def load_network_segmenter(
    folder: Path | str, build: Build, *, device: str = "auto", precision: str = "auto"
) -> NetworkSegmenter:
    """The segmenter of a model folder, tested on the block that was stored with it.

    Args:
        folder: as `save_model` wrote it.
        build: makes the network, `densa.networks.build`.
        device, precision: see `NetworkSegmenter`.

    Raises:
        InputError: no model folder; a description that is not densa's; weights that are not a safetensors file or
            belong to another architecture (the first parameter that differs is named); another result on the test
            block.

    Examples:
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> architecture = segmenter.Architecture("segnet", {"width": 1})
        >>> segmenter.save_model("model", network, architecture, legend, bands)
        >>> segmenter.load_network_segmenter("model", networks.build).legend.class_names
        ('ground', 'roof')
    """
    folder = Path(folder)
    model, tolerance = _description(folder)
    name, arguments = model.architecture.name, model.architecture.arguments
    sizes = (model.bands.n_bands, model.legend.n_classes)
    try:
        with torch.device("meta"):
            expected = build(name, *sizes, **arguments).state_dict()
        tensors = _tensors(folder / WEIGHTS, expected, sizes, name)
        with torch.random.fork_rng(devices=[]):
            network = build(name, *sizes, **arguments)
    except (TypeError, RuntimeError, OverflowError) as error:
        raise InputError(f"{folder / DESCRIPTION}: network {name} cannot be built with {arguments}: {error}") from error
    block, probabilities = tensors.pop(CHECK_BLOCK).numpy(), tensors.pop(CHECK_EXPECTED).numpy()
    network.load_state_dict(tensors)
    segmenter = NetworkSegmenter(network, model.legend, model.bands, device="cpu", precision="float32")
    with np.errstate(all="ignore"):  # a damaged block may hold anything
        _check_result(folder, segmenter.probabilities(block), probabilities, tolerance)
    if segmenter.fits(device, precision):
        return segmenter
    return NetworkSegmenter(network, model.legend, model.bands, device=device, precision=precision)


def _check_result(folder: Path, found: NDArray[np.float32], expected: NDArray[np.float32], tolerance: float) -> None:
    difference = float(np.abs(found - expected).max())
    if not difference <= tolerance:  # NaN is not
        raise InputError(
            f"{folder}: the model's test block gives probabilities that differ by {difference:.3g} from those stored "
            f"with it, at most {tolerance:g} is allowed; the files were changed or belong to another version of densa"
        )


def _description(folder: Path) -> tuple[ModelDescription, float]:
    path, content = folder / DESCRIPTION, read_description(folder, _ModelFile)
    with naming_file(path):
        legend = Legend.from_dict(content.legend)
        bands = BandContract(**content.bands.model_dump())
    architecture = Architecture(content.architecture.name, dict(content.architecture.arguments))
    model = ModelDescription(
        architecture, legend, bands, content.halo, content.stride, dict(content.receptive_field), dict(content.training)
    )
    return model, content.tolerance


def _tensors(path: Path, expected: dict[str, Tensor], sizes: tuple[int, int], name: str) -> dict[str, Tensor]:
    """The tensors of a weights file; its header must be that of the expected ones before any is read."""
    n_bands, n_classes = sizes
    shapes = {key: (tuple(tensor.shape), tensor.dtype) for key, tensor in expected.items()}
    shapes[CHECK_BLOCK] = ((n_bands, *CHECK_SIZE), torch.float32)
    shapes[CHECK_EXPECTED] = ((n_classes, *CHECK_SIZE), torch.float32)
    with opened_weights(path, "pt") as file:
        _check_header(path, file, shapes, name)
        return {key: file.get_tensor(key) for key in shapes}


def _check_header(path: Path, file: Any, shapes: dict[str, tuple[tuple[int, ...], torch.dtype]], name: str) -> None:
    stored = set(file.keys())
    for key, (shape, dtype) in shapes.items():
        if key not in stored:
            raise InputError(f"{path} is not of the network {name}: {key} is missing")
        found = file.get_slice(key)
        if tuple(found.get_shape()) != shape:
            raise InputError(
                f"{path} is not of the network {name} as described: {key} has the shape "
                f"{tuple(found.get_shape())}, it must be {shape}"
            )
        if _DTYPES.get(found.get_dtype()) != dtype:
            raise InputError(f"{path}: {key} has the type {found.get_dtype()}, it must be {dtype}")
    if unknown := sorted(stored - set(shapes)):
        raise InputError(f"{path} is not of the network {name}: it has no parameter {unknown[0]}")


_DTYPES = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64, "BF16": torch.bfloat16, "BOOL": torch.bool}
