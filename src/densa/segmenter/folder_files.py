"""The two files of a model folder, whatever the model: written whole or not at all, read with suspicion."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError

from densa.errors import InputError
from densa.raster import atomic_output

__all__ = [
    "DESCRIPTION",
    "WEIGHTS",
    "BandsFile",
    "Strict",
    "description_bytes",
    "plain_json",
    "read_description",
    "write_files",
]

WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"
LARGEST_JSON = 16 * 2**20  # bytes


class Strict(BaseModel):
    """Part of a description that has these fields and no other."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BandsFile(Strict):
    """A `BandContract` as it is stored."""

    n_bands: int = Field(ge=1, le=10_000)
    names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    dtype: str


Content = TypeVar("Content", bound=Strict)


def plain_json(content: Mapping[str, Any], schema: type[Strict]) -> str:
    """The text of a description.

    Raises:
        InputError: it holds what JSON does not, or what the schema forbids.
    """
    try:
        text = json.dumps(content, indent=1, allow_nan=False)
        schema.model_validate_json(text)
    except (TypeError, ValueError) as error:
        raise InputError(f"a model's description must be plain JSON: {error}") from error
    return text


def write_files(folder: Path, description: str, save: Callable[[Path], None]) -> None:
    """Write both files over those that are there; other files in the folder stay.

    Args:
        folder: made where it is missing.
        description: text of `model.json`.
        save: writes the weights to the path that it is given.

    Raises:
        InputError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}") from error
    # The weights carry their own test block, so an old description beside new weights is still a sound model.
    with atomic_output(folder / WEIGHTS, overwrite=True) as path:
        path.touch()
        mode = path.stat().st_mode
        try:
            save(path)
        except SafetensorError as error:
            raise InputError(f"{folder / WEIGHTS} cannot be written: {error}") from error
        path.chmod(mode)  # safetensors makes files that the owner alone may read
    with atomic_output(folder / DESCRIPTION, overwrite=True) as path:
        path.write_text(description, encoding="utf-8")


def description_bytes(folder: Path) -> bytes:
    """The bytes of a folder's `model.json`, of a reasonable size.

    Raises:
        InputError: there is no such folder or file, or it cannot be read.
    """
    path = folder / DESCRIPTION
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise InputError(
            f"a model is a folder with {DESCRIPTION} and its weights, {folder} {what}; "
            "densa never loads pickled weights (.pt, .pth)"
        )
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise InputError(f"{path} has {path.stat().st_size} bytes, a model's description has a few thousand")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{folder} is no model folder: it has no {DESCRIPTION}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def read_description(folder: Path, schema: type[Content], what: str = "a densa model") -> Content:
    """The description of a folder, each field of the type that the schema says.

    Raises:
        InputError: there is none, or it is damaged; the first wrong field is named.
    """
    try:
        return schema.model_validate_json(description_bytes(folder))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(f"{folder / DESCRIPTION} is no description of {what}: {place}: {first['msg']}") from error
