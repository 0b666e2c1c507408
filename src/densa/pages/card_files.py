"""A model card as Markdown and as a self-contained page."""

from __future__ import annotations

import html
import re
from pathlib import Path

from densa.pages.card import ModelCard
from densa.raster import atomic_output
from densa.reports.html import check_files, make_folder, page_facts, render_page

__all__ = ["CARD_FILES", "check_card", "markdown", "write_card"]

CARD_FILES = ("card.md", "card.html")
"""Names of the files of a card."""


def check_card(folder: Path | str, *, overwrite: bool = False) -> list[Path]:
    """Paths of the files of a card in a folder.

    Raises:
        InputError: one of them exists and `overwrite` is false, or the folder is a file.
    """
    return check_files(folder, CARD_FILES, "card", overwrite=overwrite)


def write_card(card: ModelCard, folder: Path | str, *, overwrite: bool = False) -> list[Path]:
    """Write `card.md` and `card.html` into a folder, which is created if missing.

    Args:
        card: the card.
        folder: output folder; other files in it are not touched.
        overwrite: replace the two files if they exist.

    Returns:
        Their paths.

    Raises:
        InputError: a file exists and `overwrite` is false, or cannot be written.

    Examples:
        >>> from densa import pages
        >>> card = pages.ModelCard("roads", (pages.Section("Limits", ("trained on 3 images",)),))
        >>> [path.name for path in pages.write_card(card, "card")]
        ['card.md', 'card.html']
    """
    paths = check_card(folder, overwrite=overwrite)
    page = render_page(
        "card.html.j2", {}, package="densa.pages", title=f"Model card: {card.title}", card=card, facts=page_facts({})
    )
    make_folder(paths[0].parent)
    for path, text in zip(paths, (markdown(card), page), strict=True):
        with atomic_output(path, overwrite) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    return paths


def markdown(card: ModelCard) -> str:
    """The card as Markdown; what comes from files is escaped, so that no name becomes a link, a picture or a tag."""
    parts = [f"# Model card: {_escaped(card.title)}", ""]
    for section in card.sections:
        parts += [f"## {_escaped(section.title)}", ""]
        if section.lines:
            parts += [*(f"* {_escaped(line)}" for line in section.lines), ""]
        if section.rows:
            parts += [
                "| " + " | ".join(map(_escaped, section.header)) + " |",
                "|" + " --- |" * len(section.header),
                *("| " + " | ".join(map(_escaped, row)) + " |" for row in section.rows),
                "",
            ]
    return "\n".join(parts)


def _escaped(text: str) -> str:
    """A text on one line without marks of Markdown or HTML."""
    plain = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*\[\]|#!~]|(?<!\w)_|_(?!\w))", r"\\\1", plain)
