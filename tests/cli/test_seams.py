import json

import numpy as np
import pytest

from densa import raster


@pytest.fixture
def scene(tmp_path, squares):
    """An image larger than the tiles, of noise and squares."""
    rng = np.random.default_rng(1)
    image = rng.normal(100, 40, (1, 200, 330)).clip(0, 255).astype(np.uint8)
    raster.write_bands(tmp_path / "scene.tif", image)
    return tmp_path / "scene.tif"


def test_exact_tiles_have_no_seam(run_cli, trained, scene, tmp_path):
    code, out, _ = run_cli(
        "seams", trained, scene, "--tiles", "64,144", "--precision", "float32", "-o", tmp_path / "x.png"
    )
    assert code == 0
    assert out.startswith("0 of 66000 pixels differ (0.0000 %)")
    assert not (raster.read_mask(tmp_path / "x.png") == [230, 25, 40]).all(axis=2).any()


def test_blended_windows_differ_and_the_picture_shows_where(run_cli, trained, scene, tmp_path):
    picture = tmp_path / "x.png"
    arguments = ("seams", trained, scene, "--tiles", "64,64", "--blend", "hann", "--json", "-o", picture)
    code, out, _ = run_cli(*arguments)
    assert code == 0
    said = json.loads(out)
    assert said["pixels"] == 200 * 330
    assert 0 < said["differing"] < said["pixels"]
    assert said["share"] == said["differing"] / said["pixels"]
    red = (raster.read_mask(picture) == [230, 25, 40]).all(axis=2)
    assert red.sum() == said["differing"]  # no reduction: one cell per pixel
    assert run_cli(*arguments)[0] == 2  # the picture exists


@pytest.mark.parametrize(
    ("tiles", "message"), [("64", "as 256,384"), ("0,5", "as 256,384"), ("64,70", "multiple of the stride")]
)
def test_bad_tiles_give_one_line(run_cli, trained, scene, tiles, message):
    code, _, err = run_cli("seams", trained, scene, "--tiles", tiles)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
