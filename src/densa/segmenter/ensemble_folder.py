"""Model folder of an ensemble: `model.json` (weights, combination) beside the members' own folders, `member-0`, ..."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue

from densa.errors import InputError
from densa.outputs import check_folder, is_same
from densa.segmenter.contract import Segmenter
from densa.segmenter.ensemble import Ensemble, check_weights
from densa.segmenter.folder_files import DESCRIPTION, Strict, description_bytes, read_description

__all__ = ["FORMAT", "EnsembleDescription", "load_ensemble", "model_files", "read_ensemble", "save_ensemble"]

FORMAT = "densa-ensemble"
MOST_MEMBERS = 32
DEEPEST = 4  # ensembles inside ensembles
MOST_MODELS = 128  # in all of them together

Load = Callable[[Path], Segmenter]


@dataclass(frozen=True)
class EnsembleDescription:
    """Contents of an ensemble's `model.json`: the members' folders, which lie inside its own, and how they combine.

    Examples:
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> architecture = segmenter.Architecture("segnet", {"width": 1})
        >>> segmenter.save_model("model", network, architecture, legend, bands)
        >>> segmenter.save_ensemble("both", ["model", "model"], load=segmenter.load_segmenter)
        >>> found = segmenter.read_ensemble("both")
        >>> len(found.members), found.weights, found.combine
        (2, (1.0, 1.0), 'mean')
    """

    members: tuple[Path, ...]
    weights: tuple[float, ...]
    combine: str


class _EnsembleFile(Strict):
    format: Literal["densa-ensemble"]
    version: Literal[1]
    combine: str
    weights: tuple[float, ...] = Field(min_length=1, max_length=MOST_MEMBERS)
    calibration: dict[str, JsonValue] | None = None  # see `densa.segmenter.store_calibration`


def save_ensemble(
    folder: Path | str,
    models: Sequence[Path | str],
    *,
    load: Load,
    weights: Sequence[float] | None = None,
    combine: str = "mean",
    overwrite: bool = False,
) -> None:
    """Write the model folder of an ensemble, with copies of its members; it appears whole or not at all.

    Args:
        folder: new, or with `overwrite` an ensemble's, which is replaced.
        models: model folders of any format.
        load: makes a segmenter of each, to see that they fit together.
        weights: one positive number per model; None: 1 each.
        combine: "mean" or "product"; see `Ensemble`.
        overwrite: replace an existing ensemble.

    Raises:
        InputError: models that cannot be loaded or do not fit together, weights out of range, or a folder that exists
            or cannot be written.

    Examples:
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> architecture = segmenter.Architecture("segnet", {"width": 1})
        >>> segmenter.save_model("model", network, architecture, legend, bands)
        >>> segmenter.save_ensemble("both", ["model", "model"], load=segmenter.load_segmenter, weights=[2, 1])
        >>> segmenter.model_format("both")
        'densa-ensemble'
    """
    folder = Path(folder)
    if not 1 <= len(models) <= MOST_MEMBERS:
        raise InputError(f"an ensemble has 1 to {MOST_MEMBERS} models, got {len(models)}")
    chosen = check_weights(weights, len(models), combine)
    _check_target(folder, overwrite)
    for place in models:
        model = Path(place)
        if is_same(folder, model) or _lies_in(folder, model) or (folder.exists() and _lies_in(model, folder)):
            raise InputError(f"{folder} and the model {model} lie in each other; choose another output")
    check_folder(folder.parent)
    Ensemble([load(Path(one)) for one in models], chosen, combine)
    content = {"format": FORMAT, "version": 1, "combine": combine, "weights": chosen}
    temporary = folder.with_name(f".{folder.name[:100]}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        for number, one in enumerate(models):
            _copy_model(Path(one), temporary / f"member-{number}")
        (temporary / DESCRIPTION).write_text(json.dumps(content, indent=1), encoding="utf-8")
        read_ensemble(temporary)
        _replace(temporary, folder)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_ensemble(folder: Path | str) -> EnsembleDescription:
    """The description in the model folder of an ensemble; its members' weights are not read.

    Raises:
        InputError: it is not an ensemble, a member is missing or a link, or members are too many or nested too deep.

    Examples:
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> architecture = segmenter.Architecture("segnet", {"width": 1})
        >>> segmenter.save_model("model", network, architecture, legend, bands)
        >>> segmenter.save_ensemble("both", ["model", "model"], load=segmenter.load_segmenter)
        >>> segmenter.read_ensemble("both").weights
        (1.0, 1.0)
    """
    folder = Path(folder)
    description = _read(folder)
    _count(folder, DEEPEST, MOST_MODELS)
    return description


def load_ensemble(folder: Path | str, load: Load) -> Ensemble:
    """The segmenter of an ensemble's folder; `load` makes those of its members.

    Raises:
        InputError: see `read_ensemble`, `load` and `Ensemble`.

    Examples:
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> architecture = segmenter.Architecture("segnet", {"width": 1})
        >>> segmenter.save_model("model", network, architecture, legend, bands)
        >>> segmenter.save_ensemble("both", ["model", "model"], load=segmenter.load_segmenter)
        >>> len(segmenter.load_ensemble("both", segmenter.load_segmenter).members)
        2
    """
    description = read_ensemble(folder)
    return Ensemble([load(member) for member in description.members], description.weights, description.combine)


def model_files(folder: Path | str) -> list[Path]:
    """The files of a model folder of any format: `model.*`, and those of an ensemble's members.

    Raises:
        InputError: it is not a model folder, or cannot be read.
    """
    folder = Path(folder)
    try:
        files = sorted(path for path in folder.glob("model.*") if path.is_file())
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror}") from error
    if folder / DESCRIPTION not in files:
        raise InputError(f"{folder} is not a model folder: it has no {DESCRIPTION}")
    if _is_ensemble(folder):
        files += [path for member in read_ensemble(folder).members for path in model_files(member)]
    return files


def _is_ensemble(folder: Path) -> bool:
    try:
        content = json.loads(description_bytes(folder))
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and content.get("format") == FORMAT


def _read(folder: Path) -> EnsembleDescription:
    content = read_description(folder, _EnsembleFile, "an ensemble")
    weights = check_weights(content.weights, len(content.weights), content.combine)
    members = tuple(folder / f"member-{number}" for number in range(len(weights)))
    for member in members:
        if member.is_symlink() or not member.is_dir():
            raise InputError(
                f"{folder} is an ensemble of {len(members)} models, but {member.name} is not a folder in it"
            )
    return EnsembleDescription(members, weights, content.combine)


def _count(folder: Path, depth: int, most: int) -> int:
    """Number of models in an ensemble and in those nested in it, at most `most`."""
    if depth == 0:
        raise InputError(f"{folder} lies more than {DEEPEST} ensembles deep; make one ensemble of the models")
    n = 0
    for member in _read(folder).members:
        n += _count(member, depth - 1, most - n) if _is_ensemble(member) else 1
        if n > most:
            raise InputError(f"an ensemble may hold {MOST_MODELS} models, those inside it counted; {folder} has more")
    return n


def _check_target(folder: Path, overwrite: bool) -> None:
    if not folder.exists():
        return
    if not overwrite:
        raise InputError(f"{folder} exists; choose another output or give overwrite=True")
    if not _is_ensemble(folder):
        raise InputError(f"{folder} is not an ensemble and is not overwritten; choose another output")


def _lies_in(inner: Path, outer: Path) -> bool:
    return outer.resolve() in inner.resolve().parents


def _copy_model(model: Path, target: Path) -> None:
    """Copy the files of a model, with the split.json that names the images it was trained on, where there is one."""
    files = model_files(model)
    splits = [path.with_name("split.json") for path in files if path.name == DESCRIPTION]
    for path in [*files, *(path for path in splits if path.is_file())]:
        copy = target / path.relative_to(model)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def _replace(new: Path, folder: Path) -> None:
    if not folder.exists():
        new.rename(folder)
        return
    old = new.with_name(f"{new.name}-old")
    folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
