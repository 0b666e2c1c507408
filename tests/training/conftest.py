"""A small data set of bright squares on dark ground, and a small network."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from densa import datasets
from densa.segmenter import Architecture


def write_scenes(folder, n_train=4, n_val=2, height=40, width=52):
    rng = np.random.default_rng(3)
    for split, n in (("train", n_train), ("val", n_val)):
        for kind in ("images", "masks"):
            (folder / kind / split).mkdir(parents=True)
        for i in range(n):
            mask = np.zeros((height, width), np.uint8)
            for row, column in rng.integers(0, (height - 12, width - 12), (3, 2)):
                mask[row : row + 12, column : column + 12] = 1
            mask[-3:] = 255
            image = rng.integers(0, 60, (height, width, 3)) + np.where(mask == 1, 120, 40)[..., None]
            Image.fromarray(image.astype(np.uint8)).save(folder / "images" / split / f"{i}.png")
            Image.fromarray(mask).save(folder / "masks" / split / f"{i}.png")
    (folder / "legend.json").write_text('{"classes": [{"name": "ground"}, {"name": "square"}], "ignore": 255}')
    return folder


@pytest.fixture(scope="session")
def scenes_folder(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("scenes"))


@pytest.fixture(scope="session")
def scenes(scenes_folder):
    return datasets.open(scenes_folder)


ARCHITECTURE = Architecture("tiny", {})


@pytest.fixture
def architecture():
    return ARCHITECTURE


class Tiny(nn.Sequential):
    """Two convolutions with normalisation and dropout between."""

    def __init__(self, n_bands=3, n_classes=2, *, batch=True, seed=0, dropout=0.1):
        torch.manual_seed(seed)
        super().__init__(
            nn.Conv2d(n_bands, 8, 3, padding=1),
            nn.BatchNorm2d(8) if batch else nn.Identity(),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv2d(8, n_classes, 3, padding=1),
        )


@pytest.fixture
def tiny():
    return Tiny
