"""Small data sets written by the tests themselves."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path) -> Write:
    """write("images/a.png", array or (height, width), palette=[...]): an image file below tmp_path."""

    def save(name, content, *, palette=None):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, tuple):
            content = np.random.default_rng(len(name)).integers(1, 255, (*content, 3))
        content = np.asarray(content)
        picture = Image.fromarray(content if content.dtype == np.uint16 else content.astype(np.uint8))
        if palette is not None:
            picture.putpalette(palette)
        picture.save(path)
        return path

    return save


@pytest.fixture
def pairs(write) -> Callable[..., list[str]]:
    """pairs(n): n pairs of 6x8 images and masks of the classes 0, 1, 2 in images/ and masks/."""

    def make(n, images="images", masks="masks", values=(0, 1, 2)):
        stems = [f"{i:02}" for i in range(n)]
        for i, stem in enumerate(stems):
            write(f"{images}/{stem}.png", (6, 8))
            write(f"{masks}/{stem}.png", np.resize(np.roll(values, i), (6, 8)))
        return stems

    return make
