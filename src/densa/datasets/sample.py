"""One image of a data set and its mask."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Sample"]


@dataclass(frozen=True)
class Sample:
    """An image, the mask that labels it, and the scene that both belong to.

    Args:
        name: what the sample is called; differs within a split, may hold "/" where folders are scenes.
        image: image file.
        mask: mask file; None where there is none.
        group: the scene; a split by fraction never cuts one.
        page: page of the files, where they are stacks.
    """

    name: str
    image: Path
    mask: Path | None
    group: str
    page: int = 0
