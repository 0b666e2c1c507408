"""The scaling of a model's probabilities and how it was fitted, kept in its `model.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field, JsonValue, ValidationError

from densa.errors import InputError
from densa.raster import atomic_output
from densa.segmenter.calibration.scaling import Scaling, ScalingMethod
from densa.segmenter.folder_files import DESCRIPTION, Strict, description_bytes

__all__ = ["StoredCalibration", "read_calibration", "store_calibration"]

_KEY = "calibration"


@dataclass(frozen=True)
class StoredCalibration:
    """A scaling and the record of its fit.

    Examples:
        >>> from densa import segmenter
        >>> found = segmenter.StoredCalibration(segmenter.Scaling("temperature", (1.5,)), {"fitted_on": "val"})
        >>> print(found)
        temperature 1.5, fitted on val
    """

    scaling: Scaling
    record: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        on = self.record.get("fitted_on")
        return f"{self.scaling}" + (f", fitted on {on}" if on else "")


class _CalibrationFile(Strict):
    method: ScalingMethod
    temperatures: tuple[float, ...]
    biases: tuple[float, ...] = ()
    record: dict[str, JsonValue] = Field(default_factory=dict)


def store_calibration(folder: Path | str, scaling: Scaling | None, record: Mapping[str, Any] | None = None) -> None:
    """Store in a model folder of any format how its probabilities are scaled; None: no longer.

    Args:
        folder: a model folder.
        scaling: of the probabilities.
        record: of the fit, values that JSON can hold.

    Raises:
        InputError: not a model folder, a record that cannot be stored, or the folder cannot be written.

    Examples:
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> architecture = segmenter.Architecture("segnet", {"width": 1})
        >>> segmenter.save_model("model", network, architecture, legend, bands)
        >>> segmenter.store_calibration("model", segmenter.Scaling("temperature", (1.5,)))
        >>> segmenter.load_segmenter("model").scaling.temperatures
        (1.5,)
        >>> segmenter.store_calibration("model", None)
    """
    path = Path(folder) / DESCRIPTION
    content = _content(Path(folder))
    content.pop(_KEY, None)
    if scaling is not None:
        own = {"method": scaling.method, "temperatures": scaling.temperatures, "biases": scaling.biases}
        content[_KEY] = own | {"record": dict(record or {})}
    try:
        text = json.dumps(content, indent=1, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"the record of a calibration must be plain JSON: {error}") from error
    with atomic_output(path, overwrite=True) as temporary:
        Path(temporary).write_text(text, encoding="utf-8")


def read_calibration(folder: Path | str) -> StoredCalibration | None:
    """The scaling that `store_calibration` stored, checked; None where there is none.

    Raises:
        InputError: not a model folder, or a scaling that is damaged.

    Examples:
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> architecture = segmenter.Architecture("segnet", {"width": 1})
        >>> segmenter.save_model("model", network, architecture, legend, bands)
        >>> segmenter.read_calibration("model") is None
        True
    """
    folder = Path(folder)
    found: Any = _content(folder).get(_KEY)
    if found is None:
        return None
    try:
        content = _CalibrationFile.model_validate_json(json.dumps(found))
        return StoredCalibration(Scaling(content.method, content.temperatures, content.biases), content.record)
    except (InputError, ValidationError) as error:
        said = str(error)
        if isinstance(error, ValidationError):
            first = error.errors(include_url=False)[0]
            said = f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}"
        raise InputError(f"{folder / DESCRIPTION}: {_KEY} is damaged: {said}") from error


def _content(folder: Path) -> dict[str, Any]:
    text = description_bytes(folder)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{folder / DESCRIPTION} is not the description of a densa model: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{folder / DESCRIPTION} is not the description of a densa model")
    return content
