"""Writes the table of what is as printed and what departs, from the heads of the methods' modules.

The last paragraph of such a head is a block of lines that begin with the keys of `KEYS`, in this order; a line that is
too long goes on, indented. The modules are parsed, not imported. Called when the documentation is built, and by
`python docs/make_fidelity.py` after a change of a head.
"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "densa"
PAGE = Path(__file__).with_name("fidelity.md")
KEYS = ("Method", "Source", "As printed", "Departs", "Held by")
PARTS = {
    "Segmentation into regions": ("regions", "engine/regions"),
    "Shallow methods": ("shallow", "descriptors"),
    "Random fields": ("crf",),
    "Networks": ("networks", "segmenter"),
    "Operators": ("operators",),
    "Training and prediction": ("training", "engine/prediction"),
    "Measures": ("metrics", "accuracy"),
}
HEAD = """# Fidelity

What each method takes from its source as printed, where it departs and why, and the tests that hold it: worked examples,
brute force, other libraries, or the figures of the papers. The table is written by `docs/make_fidelity.py` from the heads of
the modules; `tests/test_fidelity.py` fails where they differ.
"""


def block(path: Path) -> dict[str, str]:
    """The entries of a module's head by key; empty if it has no block.

    Raises:
        ValueError: keys that are missing or in another order.
    """
    head = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    start = re.search(rf"^{KEYS[0]}: ", head, re.MULTILINE)
    if start is None:
        return {}
    lines = re.sub(r"\n +", " ", head[start.start() :]).splitlines()
    pairs = [line.partition(": ") for line in lines]
    if tuple(key for key, _, _ in pairs) != KEYS:
        raise ValueError(f"{path}: the block must be the last paragraph, with the keys {', '.join(KEYS)}")
    return {key: text.strip() for key, _, text in pairs}


def part_of(path: Path) -> str:
    """Part of the lecture of a module: that of the longest folder that contains it."""
    place = path.relative_to(SOURCE).as_posix()
    found = [
        (len(folder), part) for part, folders in PARTS.items() for folder in folders if place.startswith(folder + "/")
    ]
    if not found:
        raise ValueError(f"{path} has a block, but no part of the lecture has its folder; see PARTS")
    return max(found)[1]


def blocks() -> dict[Path, dict[str, str]]:
    """The blocks of all modules that have one, by module, in the order of their paths."""
    return {path: found for path in sorted(SOURCE.rglob("*.py")) if (found := block(path))}


def tests_of(entries: dict[str, str]) -> list[str]:
    """Paths of the tests that a block names."""
    return re.findall(r"[^\s,]+\.py", entries["Held by"])


def page() -> str:
    """The page, in Markdown."""
    found = blocks()
    lines = [HEAD]
    for part in PARTS:
        lines += [f"## {part}", "", f"| {' | '.join(KEYS)} |", "|---" * len(KEYS) + "|"]
        for path, entries in found.items():
            if part_of(path) == part:
                cells = [entries[key].rstrip(".").replace("|", r"\|") for key in KEYS[:-1]]
                lines.append(f"| {' | '.join([*cells, ', '.join(f'`{test}`' for test in tests_of(entries))])} |")
        lines.append("")
    return "\n".join(lines)


def write() -> None:
    """Write fidelity.md beside this file."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write()
