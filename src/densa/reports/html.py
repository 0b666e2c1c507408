"""Shared parts of the pages: output folder, style, template filters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import densa
from densa.errors import InputError

__all__ = ["check_files", "make_folder", "page_facts", "render_page"]


def check_files(folder: Path | str, names: Sequence[str], what: str, *, overwrite: bool = False) -> list[Path]:
    """Paths of files in a folder, if they may be written.

    Args:
        folder: the folder, which may be missing.
        names: names of the files.
        what: kind of output, for messages.
        overwrite: the files may exist.

    Raises:
        InputError: one of them exists and `overwrite` is false, or the folder is a file.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"the output of a {what} must be a folder, but {folder} is a file; choose another name")
    paths = [folder / name for name in names]
    for path in paths:
        if path.exists() and not overwrite:
            raise InputError(f"{path} exists; choose another folder or pass overwrite=True")
    return paths


def make_folder(folder: Path) -> None:
    """Create the folder of a report if it is missing.

    Raises:
        InputError: it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"report folder {folder} cannot be created: {error.strerror or error}") from error


def page_facts(facts: Mapping[str, object]) -> dict[str, str]:
    """densa's version and the date, followed by the facts that are not None."""
    own = {"densa": densa.__version__, "date": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")}
    return own | {key: str(value) for key, value in facts.items() if value is not None}


def render_page(
    template: str, filters: Mapping[str, Callable[..., str]], *, package: str = "densa.reports", **content: Any
) -> str:
    """Render a template as HTML without external resources.

    Args:
        template: name of the template file.
        filters: filters of the template, in addition to `hex` for colours.
        package: which has the template.
        content: variables of the template, in addition to `style`, the style sheet of all pages.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["hex"] = lambda color: "#{:02x}{:02x}{:02x}".format(*color)
    environment.filters.update(filters)
    text = files(package).joinpath(template).read_text(encoding="utf-8")
    style = files("densa.reports").joinpath("style.css").read_text(encoding="utf-8")
    return environment.from_string(text).render(style=style, **content)
