"""The scene that the name of a file tells: tiles `area3_0_256`, frames `0006R0_001230`, `patient12_slice4`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["NamedScene", "named_scene", "shared_scenes"]

_WORDS = "scene|area|site|region|patient|case|slide|video|seq|sequence|subject|plot|flight|ortho|location|stack|volume"
_SCENE = re.compile(rf"(?:{_WORDS})(?P<which>\w*)", re.IGNORECASE)
_TILE = re.compile(r"(?:tile|patch|crop|part|block|row|col|column|chip|r|c|x|y)\d*|r\d+c\d+|x\d+y\d+", re.IGNORECASE)
_NUMBER = re.compile(r"(?:frame|slice|page|img|image|f|t|z|s)?\d+", re.IGNORECASE)
_PART = re.compile(r"[_\-. ]+")


@dataclass(frozen=True)
class NamedScene:
    """What a name tells.

    Attributes:
        scene: the name without its last numbers and words for parts; empty where nothing else is left, or nothing is
            taken away.
        told: whether the name says that it is a part of a scene, by a word such as "scene" or "tile"; otherwise it
            only ends in numbers, as those of frames and of unrelated images do.
        numbers: the last numbers.
    """

    scene: str
    told: bool = False
    numbers: tuple[int, ...] = ()


def named_scene(stem: str) -> NamedScene:
    """The scene in the name of a file, without its suffix; folders before it are kept.

    Examples:
        >>> from densa.datasets.scene_names import named_scene
        >>> named_scene("area3_tile_07")
        NamedScene(scene='area3', told=True, numbers=(7,))
        >>> named_scene("0006R0_001230").scene
        '0006R0'
        >>> named_scene("IMG123").scene
        ''
    """
    folder, _, name = stem.rpartition("/")
    parts = _PART.split(name)
    start, told = 0, False
    for k, part in enumerate(parts):
        if match := _SCENE.fullmatch(part):
            bare = not match["which"] and k + 1 < len(parts)
            start, told = k + 1 + bare, True
    end = len(parts)
    while end > start and (_TILE.fullmatch(parts[end - 1]) or _NUMBER.fullmatch(parts[end - 1])):
        end -= 1
    marks = parts[end:]
    if not end or not marks:
        return NamedScene("")
    numbers = tuple(int(number) for mark in marks for number in re.findall(r"\d{1,12}", mark))
    said = told or any(_TILE.fullmatch(mark) for mark in marks)
    scene = "_".join(parts[:end])
    return NamedScene(f"{folder}/{scene}" if folder else scene, said, numbers)


def shared_scenes(names: Sequence[str], splits: Sequence[str]) -> dict[str, tuple[list[int], bool]]:
    """The scenes that have images in two splits, by their names.

    Args:
        names: of the images, without suffix.
        splits: the split of each.

    Returns:
        For each scene the numbers of its images, and whether their names tell that it is one: they say so, or their
        last numbers are the rows and columns of tiles. Empty where all images would be of one scene, which is then the
        name of the data set.
    """
    found = [named_scene(name) for name in names]
    members: dict[str, list[int]] = defaultdict(list)
    for i, one in enumerate(found):
        if one.scene:
            members[one.scene].append(i)
    if len(members) < 2:
        return {}
    return {
        scene: (own, all(found[i].told for i in own) or _is_grid([found[i].numbers for i in own]))
        for scene, own in members.items()
        if len({splits[i] for i in own}) > 1
    }


def _is_grid(numbers: Sequence[tuple[int, ...]]) -> bool:
    """Whether numbers are rows and columns: few of each, in most of their combinations."""
    places = {pair[-2:] for pair in numbers if len(pair) >= 2}
    if len(places) < 4 or len(places) < len(numbers):
        return False
    rows, columns = {row for row, _ in places}, {column for _, column in places}
    return len(rows) > 1 and len(columns) > 1 and len(rows) * len(columns) <= 2 * len(places)
