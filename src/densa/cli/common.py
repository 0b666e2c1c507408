"""Options of several commands, the --config file, JSON on stdout."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from densa.errors import InputError, one_line

__all__ = ["Config", "Json", "named", "named_inside", "print_json", "print_table", "shown"]


def _read_config(context: typer.Context, path: Path | None) -> Path | None:
    """Values of a YAML file become the command's defaults; the command line overrides them."""
    if path is None:
        return None
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"config {path} cannot be read: {one_line(error)}") from error
    known = {parameter.name for parameter in context.command.params}
    if not isinstance(content, dict):
        raise InputError(f"config {path} must hold `option: value` lines, got {type(content).__name__}")
    values = {str(key).replace("-", "_"): value for key, value in content.items()}
    if unknown := sorted(set(values) - {name for name in known if name}):
        raise InputError(f"config {path} has {', '.join(unknown)}, which `{context.info_name}` does not know")
    context.default_map = {key: value for key, value in values.items() if value is not None}
    return path


Config = Annotated[
    Path | None,
    typer.Option(
        "--config", is_eager=True, callback=_read_config, help="YAML file of options; those given override it."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs on stdout.")]


def named(main: Path, others: Iterable[Path]) -> str:
    """The files that were written, for the last line; those beside the main one by their names alone."""
    files = [path for path in dict.fromkeys((main, *others)) if path.exists()] or [main]
    beside = [path.with_name(f"{path.name}.aux.xml") for path in files]  # class names for GDAL and QGIS
    files += [path for path in beside if path.exists()]
    return ", ".join(
        path.name if place and path.parent == main.parent else str(path) for place, path in enumerate(files)
    )


def named_inside(folder: Path) -> str:
    """A folder and what lies in it, for the last line."""
    inside = sorted(f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir())
    return f"{folder} ({', '.join(name for name in inside if not name.startswith('.'))})"


def print_json(content: Any) -> None:
    """Strict JSON on stdout, in ASCII for any console: numbers that are not finite become null."""
    print(json.dumps(_finite(content), indent=2))


def _finite(content: Any) -> Any:
    if isinstance(content, float) and not math.isfinite(content):
        return None
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_finite(value) for value in content]
    return content


def print_table(content: Mapping[str, Any]) -> None:
    """A line for each value that says something."""
    for key, value in content.items():
        if not _is_empty(value):
            print(f"{key.replace('_', ' '):<18} {shown(value)}")


def shown(value: object) -> str:
    """A value for people; in a mapping, what is empty is left out."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int):
        return f"{value:,}".replace(",", " ")
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {shown(item)}" for key, item in value.items() if not _is_empty(item))
    if isinstance(value, (list, tuple)):
        return ", ".join(shown(item) for item in value)
    return str(value)


def _is_empty(value: object) -> bool:
    """Whether there is nothing in it, or in any part."""
    if isinstance(value, Mapping):
        return all(map(_is_empty, value.values()))
    return value is None or value == "" or (isinstance(value, (list, tuple)) and all(map(_is_empty, value)))
