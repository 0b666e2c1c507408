"""The one table of methods: name -> what it is, how it is made, where it comes from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from densa.errors import InputError
from densa.networks import build
from densa.operators import receptive_field
from densa.segmenter import Segmenter, load_network_segmenter, read_model

__all__ = ["METHODS", "Method", "describe", "describe_run", "load"]


@dataclass(frozen=True)
class Method:
    """One method as `densa models` lists it."""

    name: str
    kind: Literal["network", "regions"]
    summary: str
    source: str


METHODS = {
    method.name: method
    for method in (
        Method("unet", "network", "U-Net, padded, with batch normalisation", "Ronneberger et al. 2015"),
        Method(
            "unet-valid", "network", "U-Net as printed: valid convolutions, overlap-tile", "Ronneberger et al. 2015"
        ),
        Method("segnet", "network", "decoder that unpools with the encoder's indices", "Badrinarayanan et al. 2017"),
    )
}


def load(folder: Path | str, *, device: str = "auto", precision: str = "auto") -> Segmenter:
    """Load a trained model.

    Args:
        folder: a model folder or a run folder (`model.json` and `model.safetensors` in it).
        device: "auto", "cpu" or "cuda".
        precision: "auto" (bfloat16 where the processor has it and gains by it), "float32" or "bfloat16".

    Raises:
        InputError: no model there, or files that are not a model of densa.
    """
    return load_network_segmenter(_folder(folder), build, device=device, precision=precision)


def describe(name: str, n_bands: int, n_classes: int, *, width: int | None = None) -> dict[str, Any]:
    """Size and context of an untrained network, worked out without allocating it.

    Returns:
        `parameters`, `model_megabytes` (float32 weights and buffers, 10^6 bytes), `receptive_field` (pixels), `halo`,
        `stride`, `output_stride`, and what was asked for.

    Raises:
        InputError: an unknown name, or numbers that the network cannot have.
    """
    arguments = {} if width is None else {"width": width}
    with torch.device("meta"):
        network = build(name, n_bands, n_classes, **arguments)
    field = receptive_field(network, n_bands)
    tensors = network.state_dict().values()
    return {
        "name": name,
        "source": METHODS[name].source,
        "bands": n_bands,
        "classes": n_classes,
        **arguments,
        "parameters": sum(p.numel() for p in network.parameters()),
        "receptive_field": field.size,
        "halo": field.local_halo,
        "stride": field.stride,
        "output_stride": int(getattr(network, "output_stride", 1)),
        "whole_image": field.whole_image,
        "model_megabytes": round(sum(t.numel() * t.element_size() for t in tensors) / 1e6, 3),
    }


def describe_run(folder: Path | str) -> dict[str, Any]:
    """Input contract and training record of a run or model folder.

    Raises:
        InputError: there is no model of densa in it.
    """
    folder = _folder(folder)
    model = read_model(folder)
    name, arguments = model.architecture.name, model.architecture.arguments
    with torch.device("meta"):
        network = build(name, model.bands.n_bands, model.legend.n_classes, **arguments)
    return {
        "folder": str(folder),
        "architecture": asdict(model.architecture),
        "source": METHODS[name].source,
        "parameters": sum(p.numel() for p in network.parameters()),
        "receptive_field": model.receptive_field.get("size"),
        "halo": model.halo,
        "stride": model.stride,
        "model_megabytes": round((folder / "model.safetensors").stat().st_size / 1e6, 3),
        "classes": list(model.legend.class_names),
        "legend": model.legend.to_dict(),
        "input": asdict(model.bands),
        "training": model.training,
    }


def _folder(folder: Path | str) -> Path:
    folder = Path(folder)
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "does not exist"
        raise InputError(f"a model is a folder with model.json and model.safetensors; {folder} {found}")
    return folder
