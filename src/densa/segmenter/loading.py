"""Any model folder as a segmenter: `model.json` names the format, and one table the function that loads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from densa.errors import InputError
from densa.networks import build as build_network
from densa.segmenter.calibration.calibrated import Calibrated
from densa.segmenter.calibration.stored import read_calibration
from densa.segmenter.contract import Segmenter
from densa.segmenter.ensemble import Ensemble
from densa.segmenter.ensemble_folder import load_ensemble
from densa.segmenter.folder_files import DESCRIPTION, description_bytes, naming_file
from densa.segmenter.forest import ForestSegmenter
from densa.segmenter.forest_folder import load_forest
from densa.segmenter.model_folder import Build, load_network_segmenter

__all__ = ["LOADERS", "load_segmenter", "model_format"]

Loader = Callable[..., Segmenter]
"""(folder, build, *, device, precision) -> segmenter."""


def _ensemble(folder: Path, build: Build, *, device: str, precision: str) -> Ensemble:
    return load_ensemble(folder, lambda member: load_segmenter(member, build, device=device, precision=precision))


def _forest(folder: Path, build: Build, *, device: str, precision: str) -> ForestSegmenter:
    return load_forest(folder)  # trees run on the processor, in float32 features, whatever is requested


LOADERS: dict[str, Loader] = {
    "densa-network": load_network_segmenter,
    "densa-ensemble": _ensemble,
    "densa-forest": _forest,
}
"""Format that `model.json` names -> the function that loads a folder of it."""


def load_segmenter(
    folder: Path | str, build: Build = build_network, *, device: str = "auto", precision: str = "auto"
) -> Segmenter:
    """The segmenter of a model folder of any format; a `Calibrated` one where a calibration is stored in the folder.

    Args:
        folder: as `save_model`, `save_forest` or `save_ensemble` wrote it.
        build: makes networks, `densa.networks.build`.
        device: "auto", "cpu" or "cuda".
        precision: "auto" (bfloat16 where the processor has it and gains by it), "float32" or "bfloat16".

    Raises:
        InputError: no model folder, of a format that densa does not know, or damaged.

    Examples:
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> architecture = segmenter.Architecture("segnet", {"width": 1})
        >>> segmenter.save_model("model", network, architecture, legend, bands)
        >>> segmenter.load_segmenter("model").legend.class_names
        ('ground', 'roof')
    """
    folder = Path(folder)
    segmenter = LOADERS[model_format(folder)](folder, build, device=device, precision=precision)
    stored = read_calibration(folder)
    if stored is None:
        return segmenter
    with naming_file(folder / DESCRIPTION):
        return Calibrated(segmenter, stored.scaling)


def model_format(folder: Path | str) -> str:
    """Format of a model folder, a key of `LOADERS`.

    Raises:
        InputError: it is not a model folder of densa.

    Examples:
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> architecture = segmenter.Architecture("segnet", {"width": 1})
        >>> segmenter.save_model("model", network, architecture, legend, bands)
        >>> segmenter.model_format("model")
        'densa-network'
    """
    path = Path(folder) / DESCRIPTION
    try:
        content = json.loads(description_bytes(path.parent))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not the description of a densa model: {error}") from error
    found = content.get("format") if isinstance(content, dict) else None
    if not isinstance(found, str) or found not in LOADERS:
        raise InputError(
            f"{path} is not the description of a densa model: format must be {' or '.join(sorted(LOADERS))}, "
            f"got {str(found)[:60]!r}"
        )
    return found
