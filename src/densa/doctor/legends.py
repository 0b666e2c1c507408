"""Legends: files that cannot be read, classes that they name and ignore, classes of what nobody labelled."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from densa.doctor.finding import Finding, finding
from densa.doctor.subject import Subject
from densa.legend import Legend, default_colors, is_ignored_name

__all__ = ["check_legends", "repaired"]


def check_legends(subject: Subject) -> Iterator[Finding]:
    """Faults of the legend's file, and classes that are none."""
    if subject.legend_fault:
        mended = subject.legend_file is not None and repaired(subject.legend_file) is not None
        mend = "LEGEND is the file with the names and colours made different" if mended else "correct the file"
        files = [] if subject.legend_file is None else [subject.legend_file]
        yield finding("legend-invalid", subject.legend_fault, files, mend=mend)
    if subject.legend is None:
        return
    if subject.legend_file is not None and not subject.legend_fault:
        dropped = [name for name in _names(subject.legend_file) if name not in subject.legend.class_names]
        dropped = [name for name in dropped if not is_ignored_name(name) and not _ignored(subject, name)]
        if dropped:
            sentence = f"{subject.legend_file.name} names {', '.join(dropped)} as a class and ignores it"
            yield finding("legend-ignores-class", sentence, [subject.legend_file])
    void = [name for name in subject.legend.class_names if is_ignored_name(name)]
    if void:
        sentence = f"{', '.join(void)} is a class of the legend, and would be trained"
        yield finding("void-class", sentence, mend=" ".join(f"--ignore {name}" for name in void))


def repaired(path: Path) -> Legend | None:
    """The legend of a file in which names or colours occur twice, made different; None where that is not its fault."""
    rows = _rows(path)
    if rows is None:
        return None
    names: list[str] = []
    for name, _, _ in rows:
        new, i = name, 2
        while new in names:
            new, i = f"{name} {i}", i + 1
        names.append(new)
    codes = [index for _, _, index in rows]
    if len(set(codes)) < len(codes):
        return None
    taken: list[Any] = []
    free = iter(default_colors(len(rows) * 2 + 2))
    for _, color, _ in rows:
        shown = color
        while shown is None or shown in taken:
            shown = "#{:02X}{:02X}{:02X}".format(*next(free))
        taken.append(shown)
    try:
        classes = [{"name": n, "color": c, "index": i} for n, c, i in zip(names, taken, codes, strict=True)]
        content = _content(path)
        ignore = content.get("ignore", 255) if isinstance(content, dict) else 255
        return Legend.from_dict({"classes": classes, "ignore": ignore})
    except (ValueError, TypeError):
        return None


def _rows(path: Path) -> list[tuple[str, str | None, int]] | None:
    """Name, colour and index of each class of a file, as they stand there; None where it is malformed otherwise."""
    if path.suffix.lower() in (".csv", ".txt"):
        return _rows_of_lines(path)
    content = _content(path)
    if not isinstance(content, dict) or not isinstance(content.get("classes"), list):
        return None
    rows = []
    for place, entry in enumerate(content["classes"]):
        entry = {"name": entry} if isinstance(entry, str) else entry
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            return None
        color, index = entry.get("color"), entry.get("index", place)
        if not isinstance(index, int) or not (color is None or isinstance(color, str)):
            return None
        rows.append((entry["name"], None if color is None else color.upper(), index))
    return rows


def _rows_of_lines(path: Path) -> list[tuple[str, str | None, int]] | None:
    """The classes of lines `index,name,color`, `R G B name`, or names alone (classes.txt)."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError):
        return None
    rows: list[tuple[str, str | None, int]] = []
    for line in lines:
        cells = [cell.strip() for cell in line.split(",")]
        color = re.fullmatch(r"(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\S.*)", line)
        if path.name.lower() == "classes.txt":
            rows.append((line, None, len(rows)))
        elif color:
            rows.append((color[4], "#{:02X}{:02X}{:02X}".format(*(int(color[i]) for i in (1, 2, 3))), len(rows)))
        elif len(cells) in (2, 3) and re.fullmatch(r"\d+", cells[0]):
            rows.append((cells[1], (cells[2].upper() or None) if len(cells) == 3 else None, int(cells[0])))
        elif rows:
            return None
    return rows or None


def _names(path: Path) -> list[str]:
    return [name for name, _, _ in _rows(path) or []]


def _ignored(subject: Subject, name: str) -> bool:
    """Whether an option says that a class is to be ignored."""
    return name in {str(one) for one in subject.ignore}


def _content(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
        return json.loads(text) if path.suffix.lower() == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return None
