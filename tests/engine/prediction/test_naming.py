"""Every prediction has one output, named before anything is computed."""

from pathlib import Path

import numpy as np
import pytest

from densa import raster
from densa.engine import plan_outputs
from densa.errors import InputError


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    for name in ("a.png", "b.png", "scene 1/a.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        raster.write_bands((folder / name).with_suffix(".tif"), np.zeros((1, 4, 5), np.uint8))
    return folder


def test_a_folder_keeps_its_subfolders(images, tmp_path):
    planned = plan_outputs([images], tmp_path / "out", probabilities=True)
    names = {one.files.labels.relative_to(tmp_path / "out").as_posix() for one in planned}
    assert names == {"a.png", "b.png", "scene 1/a.png"}
    assert planned[0].files.probabilities.name == "a.probabilities.tif"


def test_one_image_may_name_its_file(images, tmp_path):
    [planned] = plan_outputs([images / "a.tif"], tmp_path / "map.tif")
    assert planned.files.labels == tmp_path / "map.tif"
    with pytest.raises(InputError, match="one file, but 2 images"):
        plan_outputs([images / "a.tif", images / "b.tif"], tmp_path / "map.tif")


def test_clashes_are_refused(images, tmp_path):
    with pytest.raises(InputError, match="would both be written"):
        plan_outputs([images / "a.tif", images / "scene 1" / "a.tif"], tmp_path)
    (tmp_path / "a.png").write_bytes(b"mine")
    with pytest.raises(InputError, match="exists; choose another output or give overwrite=True"):
        plan_outputs([images / "a.tif"], tmp_path)
    assert plan_outputs([images / "a.tif"], tmp_path, overwrite=True)
    with pytest.raises(InputError, match="is the image itself"):
        plan_outputs([images / "a.tif"], images / "a.tif", overwrite=True)


def test_nothing_to_predict_is_said(tmp_path):
    with pytest.raises(InputError, match="holds no image"):
        plan_outputs([tmp_path], tmp_path / "out")
    with pytest.raises(InputError, match=r"missing\.png"):
        plan_outputs([Path(tmp_path / "missing.png")], tmp_path / "out")
