"""`make demo`: its steps leave what they say, in seconds instead of minutes."""

import json

import pytest
from skimage import data

from densa import raster
from densa.errors import InputError
from densa.verbs import demo as verb


@pytest.fixture
def small(monkeypatch):
    """A network of width 2 for a few steps, a forest of two trees, a photograph of 64 x 64 pixels."""
    train, photo = verb.train, data.astronaut()[::8, ::8]

    def quick(*arguments, **options):
        network = options["model"] == "unet"
        return train(*arguments, **options | ({"width": 2, "steps": 3, "patch_size": 32} if network else {"trees": 2}))

    monkeypatch.setattr(verb, "train", quick)
    monkeypatch.setattr(data, "astronaut", lambda: photo.repeat(2, axis=0).repeat(2, axis=1))


@pytest.mark.slow
def test_every_step(small, tmp_path):
    said = []
    evaluation, page = verb.demo(tmp_path / "demo", minutes=5, seed=0, overwrite=False, say=said.append)
    assert page == tmp_path / "demo/report.html"
    assert [line.partition(":")[0] for line in said] == [
        "data",
        "model",
        "label maps",
        "regions, without training",
        "a forest from eleven strokes",
    ]
    assert [image.name for image in evaluation.images] == ["right"]
    metrics = json.loads((tmp_path / "demo/metrics.json").read_text())
    assert [row["name"] for row in metrics["classes"]] == ["background", "coin"]
    for method in ("slic", "watershed", "mean-shift", "normalized-cuts"):
        assert (tmp_path / f"demo/regions/{method}.png").exists()
        with raster.open(tmp_path / f"demo/regions/{method}.tif") as regions:
            assert (regions.height, regions.width) == (64, 64)
    assert raster.read_label_map(tmp_path / "demo/scribbles/map.png")[1].class_names == ("gland", "stroma", "lumen")
    assert "pixel forest of them" in page.read_text(encoding="utf-8")
    with pytest.raises(InputError, match="overwrite"):
        verb.demo(tmp_path / "demo", minutes=5, seed=0, overwrite=False, say=said.append)
