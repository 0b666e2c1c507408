"""The CRF that was tuned for a model, kept in its `model.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from densa.crf import DenseCrf
from densa.errors import InputError
from densa.raster import atomic_output
from densa.segmenter.folder_files import DESCRIPTION
from densa.segmenter.loading import model_format

__all__ = ["store_crf", "stored_crf"]

_KEY = "crf"


def store_crf(folder: Path | str, parameters: DenseCrf | None) -> None:
    """Store in a model folder which CRF refines its model best; None: no CRF improves it.

    Raises:
        InputError: not the model folder of a network or a shallow method, or it cannot be written.

    Examples:
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> architecture = segmenter.Architecture("segnet", {"width": 1})
        >>> segmenter.save_model("model", network, architecture, legend, bands)
        >>> from densa.crf import DenseCrf
        >>> segmenter.store_crf("model", DenseCrf(smooth_weight=2))
        >>> segmenter.stored_crf("model").smooth_weight
        2
    """
    path = Path(folder) / DESCRIPTION
    if model_format(folder) == "densa-ensemble":
        raise InputError(f"{folder} is an ensemble; a CRF is kept with a network or a shallow method")
    content = json.loads(path.read_bytes())
    content[_KEY] = None if parameters is None else asdict(parameters)
    with atomic_output(path, overwrite=True) as temporary:
        Path(temporary).write_text(json.dumps(content, indent=1, allow_nan=False), encoding="utf-8")


def stored_crf(folder: Path | str) -> DenseCrf | None:
    """The CRF that `store_crf` stored, for `ModelSource.crf` and `Refined`; None where there is none.

    Raises:
        InputError: it is not a model folder, or its parameters of a CRF are damaged.

    Examples:
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> architecture = segmenter.Architecture("segnet", {"width": 1})
        >>> segmenter.save_model("model", network, architecture, legend, bands)
        >>> segmenter.stored_crf("model") is None
        True
    """
    model_format(folder)
    content: Any = json.loads((Path(folder) / DESCRIPTION).read_bytes()).get(_KEY)
    if content is None:
        return None
    known = {field.name for field in fields(DenseCrf)}
    try:
        if not isinstance(content, dict) or not set(content) <= known:
            raise TypeError(f"it must have {', '.join(sorted(known))}")
        return DenseCrf(**{name: _tuples(value) for name, value in content.items()})
    except (TypeError, ValueError) as error:
        raise InputError(f"{Path(folder) / DESCRIPTION}: {_KEY} is damaged: {error}") from error


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value
