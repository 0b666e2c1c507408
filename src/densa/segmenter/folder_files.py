"""The two files of any model folder: written whole or not at all, checked before they are used."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open

from densa.errors import InputError
from densa.raster import atomic_output
from densa.segmenter.contract import BandContract

__all__ = [
    "CHECK_BLOCK",
    "CHECK_EXPECTED",
    "CHECK_SIZE",
    "DESCRIPTION",
    "WEIGHTS",
    "BandsFile",
    "Strict",
    "check_values",
    "description_bytes",
    "naming_file",
    "opened_weights",
    "plain_json",
    "read_description",
    "write_files",
]

WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"
CHECK_SIZE = (24, 40)  # height and width of the test block
CHECK_BLOCK, CHECK_EXPECTED = "check/block", "check/probabilities"  # names of the test block and its result
_LARGEST_JSON = 16 * 2**20  # bytes


class Strict(BaseModel):
    """Part of a description that must have exactly these fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BandsFile(Strict):
    """A `BandContract` as it is stored."""

    n_bands: int = Field(ge=1, le=10_000)
    names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    dtype: str
    # What models of earlier versions lack:
    colors: tuple[str, ...] = ()
    wavelengths: tuple[float | None, ...] = ()
    scales: tuple[float, ...] = ()
    offsets: tuple[float, ...] = ()
    chosen: tuple[int, ...] = ()
    n_in_file: int | None = Field(default=None, ge=1, le=10_000)


Content = TypeVar("Content", bound=Strict)


def plain_json(content: Mapping[str, Any], schema: type[Strict]) -> str:
    """The text of a description.

    Raises:
        InputError: a value cannot be stored as JSON, or does not fit the schema.
    """
    try:
        text = json.dumps(content, indent=1, allow_nan=False)
        schema.model_validate_json(text)
    except (TypeError, ValueError) as error:
        raise InputError(f"a model's description must be plain JSON: {error}") from error
    return text


def check_values(bands: BandContract) -> NDArray[np.float64]:
    """Noise, (n_bands, 24, 40), about as bright as the training images: a model is tested on it when it is loaded."""
    noise = np.random.default_rng(0).standard_normal((bands.n_bands, *CHECK_SIZE))
    mean, std = (np.array(values)[:, None, None] for values in (bands.mean, bands.std))
    return np.asarray(mean + std * noise)


def write_files(folder: Path, description: str, save: Callable[[Path], None]) -> None:
    """Write both files, over existing ones; other files in the folder stay.

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
    """The bytes of a folder's `model.json`, which must be of a reasonable size.

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
        if path.stat().st_size > _LARGEST_JSON:
            raise InputError(f"{path} has {path.stat().st_size} bytes, a model's description has a few thousand")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{folder} is not a model folder: it has no {DESCRIPTION}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def read_description(folder: Path, schema: type[Content], what: str = "a densa model") -> Content:
    """The description of a folder, checked against a schema.

    Raises:
        InputError: there is none, or it is damaged; the first wrong field is named.
    """
    try:
        return schema.model_validate_json(description_bytes(folder))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(f"{folder / DESCRIPTION} is not the description of {what}: {place}: {first['msg']}") from error


@contextmanager
def naming_file(path: Path) -> Iterator[None]:
    """A context whose errors name the file."""
    try:
        yield
    except InputError as error:
        raise error if str(path) in str(error) else InputError(f"{path}: {error}") from error


@contextmanager
def opened_weights(path: Path, framework: str) -> Iterator[Any]:
    """The open weights file of a model folder; `framework` ("pt" or "numpy") decides what its arrays are read as.

    Raises:
        InputError: there is none, or it is not a whole safetensors file.
    """
    if not path.is_file():
        raise InputError(f"{path.parent} is not a model folder: it has no {path.name}")
    try:
        with safe_open(path, framework=framework) as file:
            yield file
    except (SafetensorError, OSError) as error:
        # Looked at only now: the length of a header, with which a good file begins, may have the bytes of a pickle.
        with path.open("rb") as stream:
            start = stream.read(4)
        if start.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
            raise InputError(f"{path} is a pickle under another name; densa never loads pickled weights") from error
        raise InputError(f"{path} is not a whole safetensors file: {error}") from error
