"""What a configuration may say of a shallow method: its own arguments, and few of the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from densa.errors import InputError
from densa.shallow import FEATURES, SHALLOW

__all__ = ["OPTIONS", "SHALLOW_ARGUMENTS", "check_arguments_of", "check_options", "shallow_arguments"]

OPTIONS = (
    "data", "images", "masks", "legend", "val_fraction", "split_seed", "model", "model_arguments", "strokes",
    "tune_crf", "seed",
)  # fmt: skip
"""Options of `TrainConfig` that mean something for a shallow method."""

_WORDS, _NUMBERS, _PIXELS = "words", "numbers", "pixels"
_ALL = {
    "samples": int, "features": _WORDS, "scales": _NUMBERS, "distances": _PIXELS, "min_leaf": int, "prior": float,
    "trees": int,
}  # fmt: skip
_REGIONS = {"regions": int, "compactness": float, "purity": float}
SHALLOW_ARGUMENTS: dict[str, dict[str, Any]] = {
    "pixel-forest": {**_ALL, "extra": bool},
    "pixel-boosting": {**_ALL, "learning_rate": float},
    "region-forest": {**_ALL, **_REGIONS, "extra": bool},
    "region-boosting": {**_ALL, **_REGIONS, "learning_rate": float},
    "structured-forest": {**_ALL, "patch": int},
}
"""Arguments of each shallow method (`model_arguments`), which `densa.shallow.train_shallow` explains; `regions` is its
`region_size`. Lists are written with commas."""

_OWN = {name for arguments in SHALLOW_ARGUMENTS.values() for name in arguments}


def check_options(values: Mapping[str, Any]) -> None:
    """Refuse options that mean nothing for the shallow method that `values` name.

    Raises:
        InputError: names them.
    """
    model = values["model"]
    if idle := [name for name in values if name not in OPTIONS and values[name] is not None]:
        said = ", ".join(name.replace("_", "-") for name in sorted(idle))
        own = ", ".join(SHALLOW_ARGUMENTS[model])
        raise InputError(f"train: {said} means nothing for {model}, which is no network; it has {own}, and seed")


def check_arguments_of(model: str, arguments: Mapping[str, Any], strokes: Any = None) -> None:
    """Refuse arguments of shallow methods for a network.

    Raises:
        InputError: names them.
    """
    if model not in SHALLOW and strokes is not None:
        raise InputError(f"train: strokes train shallow methods ({', '.join(SHALLOW)}), not the network {model}")
    if model not in SHALLOW and (idle := sorted(_OWN & set(arguments) - {"learning_rate"})):
        raise InputError(f"train: {', '.join(idle)} means nothing for {model}; shallow methods: {', '.join(SHALLOW)}")


def shallow_arguments(model: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Named arguments of `densa.shallow.train_shallow` from those of a configuration.

    Raises:
        InputError: an argument that the method does not have, or a value of another kind.
    """
    known = SHALLOW_ARGUMENTS[model]
    found: dict[str, Any] = {}
    for name, value in arguments.items():
        if name not in known:
            raise InputError(f"train: {model} has no argument {name}; it has {', '.join(known)}")
        found["region_size" if name == "regions" else name] = _value(name, value, known[name])
    return found


def _value(name: str, value: Any, kind: Any) -> Any:
    if kind == _WORDS:
        return tuple(part.strip() for part in str(value).split(","))
    try:
        if kind in (_NUMBERS, _PIXELS):
            numbers = [float(part) for part in str(value).split(",")]
            if kind == _PIXELS and any(n != int(n) for n in numbers):
                raise ValueError
            return tuple(int(n) for n in numbers) if kind == _PIXELS else tuple(numbers)
        if isinstance(value, str) or (isinstance(value, bool) != (kind is bool)):
            raise ValueError
        if kind is int and value != int(value):
            raise ValueError
        return kind(value)
    except (TypeError, ValueError, OverflowError) as error:
        wanted = {_NUMBERS: "numbers such as 1,2.5,4", _PIXELS: "whole numbers such as 8,24", int: "a whole number"}
        said = wanted.get(kind, "true or false" if kind is bool else "a number")
        hint = f" ({', '.join(FEATURES)})" if name == "features" else ""
        raise InputError(f"train: {name} must be {said}{hint}, got {value!r}") from error
