"""The runs of a comparison: those that are finished are kept, the others are trained."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from densa.errors import InputError
from densa.raster import atomic_output
from densa.training import train_from_config
from densa.training.loop.run_folder import CHECKPOINT
from densa.verbs.compare_plan import Entry, Plan
from densa.verbs.tell import tell

__all__ = ["read_note", "run_folder", "state_of_run", "train_runs"]


def run_folder(output: Path, name: str) -> Path:
    """The folder of the run of a method in a comparison's output."""
    return output / "runs" / name


def state_of_run(plan: Plan, entry: Entry, output: Path) -> str:
    """The step that trains a method, as words that begin with "keep", "train", "continue" or "replace"."""
    folder = run_folder(output, entry.name)
    wanted = plan.configs[entry.name].to_yaml()
    if _finished(folder) == wanted:
        return f"keep the finished run {folder}"
    if not folder.exists():
        return f"train {folder}"
    if _config_of(folder) == wanted != read_note(folder).get("config"):
        return f"continue {folder}"
    return f"replace {folder}, of other settings"


def train_runs(plan: Plan, output: Path, *, overwrite: bool = False) -> tuple[Entry, ...]:
    """Train the methods that are not finished, one after the other.

    A share of the training images that a method cannot be trained on, such as one without a class, is left out.

    Returns:
        The entries of the plan that are trained.

    Raises:
        InputError: a run of other settings exists and `overwrite` is false, or training fails.
    """
    trained = [entry for entry in plan.entries if entry.method]
    states = {entry.name: state_of_run(plan, entry, output) for entry in trained}
    if not overwrite and (other := [name for name, state in states.items() if state.startswith("replace")]):
        raise InputError(
            f"{run_folder(output, other[0])} was trained with other settings; give another folder or overwrite=True"
        )
    left_out: set[str] = set()
    for number, entry in enumerate(trained, 1):
        state, folder = states[entry.name], run_folder(output, entry.name)
        print(f"{number} of {len(trained)}: {state}", file=sys.stderr)
        if state.startswith("keep"):
            continue
        config = plan.configs[entry.name]
        resume = state.startswith("continue") and (folder / CHECKPOINT).exists()
        folder.parent.mkdir(parents=True, exist_ok=True)
        if _finished(folder) is None:  # that of a finished run stays: the run comes back where this training fails
            _note(folder).unlink(missing_ok=True)
        try:
            result = train_from_config(config, folder, resume=resume, overwrite=not resume and folder.exists())
        except InputError as error:
            if entry.fraction is None or all(other.name in left_out for other in trained if other is not entry):
                raise
            tell(f"{entry.name} is left out: {error}")
            left_out.add(entry.name)
            continue
        note = {"config": config.to_yaml(), "steps": result.steps, "minutes": round(result.seconds / 60, 2)}
        with atomic_output(_note(folder), overwrite=True) as temporary:
            temporary.write_text(json.dumps(note, indent=2), encoding="utf-8", errors="backslashreplace")
    return tuple(entry for entry in plan.entries if entry.name not in left_out)


def _note(folder: Path) -> Path:
    """The file beside a finished run that holds its configuration."""
    return folder.with_name(f"{folder.name}.json")


def _finished(folder: Path) -> str | None:
    """The configuration that a finished run was trained with; the note may be of a run that was replaced since."""
    noted: str | None = read_note(folder).get("config")
    return noted if (folder / "model.json").exists() and noted == _config_of(folder) else None


def _config_of(folder: Path) -> str | None:
    """The configuration in a run folder."""
    try:
        return (folder / "config.yaml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def read_note(folder: Path) -> dict[str, Any]:
    """The note on a run: its configuration, steps and minutes; empty where there is none."""
    try:
        note = json.loads(_note(folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}
