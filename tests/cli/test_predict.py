"""`densa predict`: several images, large ones, and what can go wrong on the way."""

import json

import numpy as np
import pytest

from densa import raster


@pytest.fixture
def scene(tmp_path):
    """A georeference-free image of 150 x 200 pixels."""
    image = np.random.default_rng(0).integers(0, 255, (1, 150, 200)).astype(np.uint8)
    raster.write_bands(tmp_path / "scene.tif", image)
    return tmp_path / "scene.tif"


def test_every_way_gives_the_same_files(run_cli, trained, scene, tmp_path):
    products = ["--probabilities", "--uncertainty"]
    ways = {
        "serial": ["--tile-size", 64],
        "threads": ["--tile-size", 64, "--workers", 2],
        "shards": ["--tile-size", 64, "--shard", "1/2"],
    }
    code, out, err = run_cli("predict", trained, scene, "-o", tmp_path / "shards.tif", *products, *ways["shards"])
    assert code == 0, err
    assert "shard 1/2 of" in out
    ways["shards"][-1] = "0/2"
    found = []
    for name, options in ways.items():
        code, out, err = run_cli("predict", trained, scene, "-o", tmp_path / f"{name}.tif", *products, *options)
        assert code == 0, err
        assert f"wrote {tmp_path / name}.tif" in out
        suffixes = (".tif", ".probabilities.tif", ".uncertainty.tif")
        found.append([(tmp_path / f"{name}{suffix}").read_bytes() for suffix in suffixes])
    assert found[1:] == found[:-1]
    code, out, err = run_cli("predict", trained, scene, "-o", tmp_path / "serial.tif", *products, "--resume", "--json")
    assert code == 0, err
    [row] = json.loads(out)
    assert row["complete"]


def test_one_bad_image_does_not_lose_the_others(run_cli, trained, scene, tmp_path):
    raster.write_bands(tmp_path / "rgb.tif", np.zeros((3, 20, 20), np.uint8))
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    images = [tmp_path / "broken.png", tmp_path / "rgb.tif", scene]
    code, out, err = run_cli("predict", trained, *images, "-o", tmp_path / "maps")
    assert code == 2
    assert out.splitlines() == [f"wrote {tmp_path / 'maps' / 'scene.png'}"]
    lines = err.strip().splitlines()
    assert "broken.png" in lines[0]
    assert "rgb.tif has 3 bands, the model expects 1" in lines[1]
    assert lines[2:] == ["densa: 2 of 3 images failed; the others are done"]


def test_dry_run_tells_tiles_time_disk_and_memory(run_cli, trained, scene, tmp_path):
    code, out, err = run_cli(
        "predict", trained, scene, "-o", tmp_path / "map.tif", "--dry-run", "--tile-size", 48, "--json"
    )
    assert code == 0, err
    [row] = json.loads(out)
    assert row["tiles"] == 4 * 5
    assert row["tile_size"] == 48
    assert row["overhead"] == 0  # the tiles are parts of one window
    assert row["seconds"] > 0
    assert row["disk_bytes"] > 1000
    assert row["memory_bytes"] > 10**8
    assert not (tmp_path / "map.tif").exists()
    assert not (tmp_path / "map.tif.partial").exists()
    code, out, _ = run_cli("predict", trained, scene, "-o", tmp_path / "map.tif", "--dry-run", "--memory", "3GB")
    assert code == 0
    assert "1 tile of" in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--memory", "lots"], "memory must be a number with a unit, as 2GB or 800MiB, got 'lots'"),
        (["--memory", "50MB"], "is too small for this model on scene.tif; the least is"),
        (["--shard", "2/2"], "shard must be i/n"),
        (["--dask", "nowhere"], "--dask must be the address of a scheduler"),
        (["--blend", "cubic"], "'linear' or 'hann'"),
        (["--samples", "3"], "Monte-Carlo"),
        (["--tile-size", "40"], "multiple of the stride 16, got 40; use 32 or 48"),
    ],
)
def test_mistakes(run_cli, trained, scene, tmp_path, options, said):
    code, _, err = run_cli("predict", trained, scene, "-o", tmp_path / "map.tif", *options)
    assert code == 2
    assert said in err
    assert not list(tmp_path.glob("map.tif*"))


def test_flips_and_blending_change_the_probabilities(run_cli, trained, scene, tmp_path):
    found = {}
    for name, options in {
        "plain": [],
        "flips": ["--tta", "flips"],
        "blend": ["--blend", "hann", "--tile-size", 64],
    }.items():
        code, _, err = run_cli("predict", trained, scene, "-o", tmp_path / f"{name}.tif", "--probabilities", *options)
        assert code == 0, err
        with raster.open(tmp_path / f"{name}.probabilities.tif") as written:
            found[name] = written.read()[0].astype(int)
    assert 0 < np.abs(found["plain"] - found["flips"]).mean() < 50
    assert 0 < np.abs(found["plain"] - found["blend"]).mean() < 50


def test_an_overlay_is_laid_over_the_image(run_cli, trained, scene, tmp_path):
    code, _, err = run_cli("predict", trained, scene, "-o", tmp_path / "map.png", "--overlay")
    assert code == 0, err
    picture = raster.read_mask(tmp_path / "map.overlay.png")
    assert picture.shape == (150, 200, 3)
    labels = raster.read_mask(tmp_path / "map.png")
    with raster.open(scene) as image:
        grey = image.read()[0][0]
    from densa import methods

    colors = methods.load(trained).legend.palette()[labels]
    np.testing.assert_allclose(picture, (grey[..., None].astype(float) + colors) / 2, atol=1)
    assert run_cli("predict", trained, scene, "-o", tmp_path / "other.png", "--overlay")[0] == 0
    (tmp_path / "other.png").unlink()
    code, _, err = run_cli("predict", trained, scene, "-o", tmp_path / "other.png", "--overlay")
    assert code == 2
    assert "other.overlay.png exists" in err


def test_a_crf_refines(run_cli, trained, scene, tmp_path):
    """Published parameters; the model's own; neither, both and unknown ones are one line."""
    import shutil

    from densa.crf import PYDENSECRF
    from densa.segmenter import store_crf

    # From dark to bright, a little less than the noise: labels are noisy in the middle.
    brightness = np.linspace(118, 138, 200) + np.random.default_rng(0).normal(0, 4, (1, 150, 200))
    raster.write_bands(scene, brightness.astype(np.uint8), overwrite=True)
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    code, _, err = run_cli("predict", run, scene, "-o", tmp_path / "x.tif", "--crf")
    assert code == 2
    assert "has no CRF of its own" in err
    store_crf(run, PYDENSECRF)
    for name, options in {"plain": [], "own": ["--crf"], "published": ["--crf-parameters", "pydensecrf"]}.items():
        code, _, err = run_cli("predict", run, scene, "-o", tmp_path / f"{name}.png", *options)
        assert code == 0, err
    plain, own, published = (raster.read_mask(tmp_path / f"{name}.png") for name in ("plain", "own", "published"))
    np.testing.assert_array_equal(own, published)
    borders = [np.count_nonzero(np.diff(labels.astype(int), axis=1)) for labels in (plain, own)]
    assert borders[1] < borders[0] / 4  # noise is smoothed away
    assert (
        "give one of them"
        in run_cli("predict", run, scene, "-o", tmp_path / "x.tif", "--crf", "--crf-parameters", "pydensecrf")[2]
    )
    assert "must be one of" in run_cli("predict", run, scene, "-o", tmp_path / "x.tif", "--crf-parameters", "x")[2]


def test_patches_of_the_best_size(run_cli, trained, scene, tmp_path):
    code, out, err = run_cli("predict", trained, scene, "-o", tmp_path / "x.tif", "--context", "paper", "--json")
    assert code == 0, err
    [row] = json.loads(out)
    assert row["patch_sizes"] == [32]  # what the run was trained on
    labels = raster.read_mask(tmp_path / "x.tif")
    assert labels.shape == (150, 200)
    code, _, err = run_cli(
        "predict", trained, scene, "-o", tmp_path / "y.tif", "--context", "paper", "--tile-size", 64, "--workers", 2
    )
    assert code == 2
    assert "leave out --tile-size 64, --workers 2" in err
