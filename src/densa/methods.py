"""The one table of methods: name -> what it is, how it is made, where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from densa.errors import InputError
from densa.networks import build
from densa.segmenter import Segmenter, load_network_segmenter

__all__ = ["METHODS", "Method", "load"]


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
        Method(
            "unet", "network", "U-Net with padded convolutions and batch normalisation", "Ronneberger et al. 2015"
        ),
        Method(
            "unet-valid",
            "network",
            "U-Net as printed: valid convolutions, mirrored overlap-tile",
            "Ronneberger et al. 2015",
        ),
        Method(
            "segnet", "network", "encoder-decoder that unpools with the encoder's indices", "Badrinarayanan et al. 2017"
        ),
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
    folder = Path(folder)
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "does not exist"
        raise InputError(f"a model is a folder with model.json and model.safetensors; {folder} {found}")
    return load_network_segmenter(folder, build, device=device, precision=precision)
