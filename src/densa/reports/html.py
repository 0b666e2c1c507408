"""What the pages have in common: the folder they are written into, the look, the filters of their templates."""

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
    """The files of those names in a folder, which may be written.

    Args:
        folder: may be missing.
        names: of the files.
        what: is written, for messages.
        overwrite: the files may exist.

    Raises:
        InputError: one of them exists and must not be replaced, or the folder is a file.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"a {what} is written into a folder, {folder} is a file; give another name")
    paths = [folder / name for name in names]
    for path in paths:
        if path.exists() and not overwrite:
            raise InputError(f"{path} exists; give another folder or allow overwriting")
    return paths


def make_folder(folder: Path) -> None:
    """Make the folder of a report, where it is missing.

    Raises:
        InputError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"report folder {folder} cannot be made: {error.strerror or error}") from error


def page_facts(facts: Mapping[str, object]) -> dict[str, str]:
    """densa's version and the date, then what is known of the facts."""
    own = {"densa": densa.__version__, "date": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")}
    return own | {key: str(value) for key, value in facts.items() if value is not None}


def render_page(template: str, filters: Mapping[str, Callable[..., str]], **content: Any) -> str:
    """A page of this package's templates as one HTML text without any external resource.

    Args:
        template: name of the file.
        filters: those of the template, beside `hex` for colours.
        content: what the template shows, beside the `style` of all pages.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["hex"] = lambda color: "#{:02x}{:02x}{:02x}".format(*color)
    environment.filters.update(filters)
    folder = files("densa.reports")
    text = folder.joinpath(template).read_text(encoding="utf-8")
    style = folder.joinpath("style.css").read_text(encoding="utf-8")
    return environment.from_string(text).render(style=style, **content)
