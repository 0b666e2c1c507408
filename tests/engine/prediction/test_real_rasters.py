"""`densa predict` on rasters as they come: every one opens, and its map arrives usable."""

import json
import sys

import numpy as np
import pytest
import rasterio
import torch
from numpy.testing import assert_array_equal

from densa import cli, raster
from densa.legend import IGNORE, Legend
from densa.networks import build
from densa.segmenter import Architecture, BandContract, save_model

pytestmark = pytest.mark.realdata

LEGEND = Legend(("dark", "middle", "bright"), ((20, 60, 200), (40, 160, 60), (240, 200, 40)))
RASTERS = {  # bands, share of valid pixels
    "kathmandu_rgba_4096.tif": (3, 0.88),
    "landsat_RGB.byte.tif": (3, 0.675),
    "m_4709963_se_14_1_20140720.tif": (4, 1.0),
    "m_4709963_se_14_1_20200831.tif": (4, 1.0),
    "sen1floods11/S2/Spain_7370579_S2Hand.tif": (13, 1.0),
    "sen1floods11/S1/Spain_7370579_S1Hand.tif": (2, 1.0),
    "sen1floods11/Labels/Spain_7370579_LabelHand.tif": (1, 1.0),
}
LARGE = {"cog_cmap.tif": 3, "cog_world.tif": 1}


@pytest.fixture
def run_cli(monkeypatch, capsys):
    """Call `densa ARGUMENTS`; gives its stdout once it ended well."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["densa", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        captured = capsys.readouterr()
        assert not stop.value.code, captured.err
        return captured.out

    return run


def save_network(folder, path):
    """A U-Net of random weights for the bands of a raster, normalised by the middle of it."""
    torch.manual_seed(0)
    with raster.open(path) as image:
        side = min(image.height, image.width, 512)
        values, valid = image.read(raster.Window((image.height - side) // 2, (image.width - side) // 2, side, side))
        inside = values[:, valid | ~valid.any()].astype(np.float64)
        mean, std = inside.mean(axis=1), np.maximum(inside.std(axis=1), 1e-3)
        bands = BandContract(
            image.n_bands, image.band_names, tuple(map(float, mean)), tuple(map(float, std)), str(image.dtype)
        )
    save_model(folder, build("unet", bands.n_bands, 3, width=2), Architecture("unet", {"width": 2}), LEGEND, bands)
    return folder


@pytest.mark.parametrize("name", RASTERS)
def test_map_arrives_usable(realdata, tmp_path, run_cli, name):
    path, (n_bands, share) = realdata / "rasters" / name, RASTERS[name]
    model = save_network(tmp_path / "model", path)
    run_cli("predict", model, path, "-o", tmp_path, "--probabilities", "--device", "cpu", "--precision", "float32")
    made = tmp_path / path.name
    with raster.open(path) as image, raster.open(made) as opened:
        assert image.n_bands == n_bands
        assert (opened.height, opened.width) == (image.height, image.width)
        assert opened.georeference == image.georeference
        valid = image.read()[1]
        assert_array_equal(opened.read()[1], valid)
    assert valid.mean() == pytest.approx(share, abs=0.005)
    labels, legend = raster.read_label_map(made)
    assert legend == LEGEND
    assert_array_equal(labels == IGNORE, ~valid)
    with rasterio.open(made) as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.nodata == IGNORE
        assert [file.colormap(1)[i][:3] for i in range(3)] == list(LEGEND.colors)
        assert set(file.block_shapes) == {(512, 512)}
        assert len(file.overviews(1)) == max(0, int(np.ceil(np.log2(max(file.shape) / 512))))
    assert all(f"<F>{word}</F>" in made.with_name(f"{made.name}.aux.xml").read_text() for word in LEGEND.class_names)
    with rasterio.open(made.with_name(f"{made.stem}.probabilities.tif")) as file:
        assert file.descriptions == LEGEND.class_names
        assert set(file.scales) == {1 / 255}
        total = file.read().sum(axis=0, dtype=int)
    assert abs(total[valid] - 255).max() <= 2  # three rounded shares


@pytest.mark.parametrize("name", LARGE)
def test_large_rasters_are_estimated(realdata, tmp_path, run_cli, name):
    path = realdata / "rasters" / name
    model = save_network(tmp_path / "model", path)
    [row] = json.loads(run_cli("predict", model, path, "-o", tmp_path, "--dry-run", "--json", "--tile-size", 512))
    side = row["tile_size"]  # whole windows of the network, the only ones it sees
    assert side >= 512
    assert row["tiles"] == -(-row["height"] // side) * -(-row["width"] // side)
    assert row["seconds"] > 0
    assert not list(tmp_path.glob("*.tif"))


@pytest.mark.parametrize("name", ["landsat_RGB.byte.tif", "sen1floods11/S2/Spain_7370579_S2Hand.tif"])
def test_tiles_do_not_show(realdata, tmp_path, run_cli, name):
    path = realdata / "rasters" / name
    model = save_network(tmp_path / "model", path)
    said = run_cli("seams", model, path, "--tiles", "128,304", "--precision", "float32", "--device", "cpu", "--json")
    assert json.loads(said)["share"] < 1e-5  # rounding may decide ties of random weights; a seam would be a per mille
