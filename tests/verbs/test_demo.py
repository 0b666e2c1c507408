"""`make demo`: its steps leave what they say, in seconds instead of minutes."""

import json
import sys
from pathlib import Path

import pytest

from densa import cli, raster
from densa.errors import InputError
from densa.verbs import demo as verb
from tests.quick_demo import make_demo_quick


@pytest.fixture
def small(monkeypatch):
    make_demo_quick(monkeypatch)


@pytest.mark.slow
def test_every_step(small, tmp_path, monkeypatch, capsys):
    recipe = (Path(__file__).parents[2] / "Makefile").read_text().split("\ndemo: ")[1].splitlines()[1].split()
    assert recipe[0] == "$(BIN)/densa"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["densa", *recipe[1:]])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert not stop.value.code
    said = capsys.readouterr().out.splitlines()
    steps = ("data", "model", "label maps", "regions, without training", "a forest from eleven strokes")
    assert [line.partition(":")[0] for line in said[:-2]] == list(steps)
    assert said[-2].startswith("IoU of coins 0.")
    files = "coins/, maps/, metrics.json, regions/, report.html, scribbles/, unet/"
    assert said[-1] == f"wrote demo ({files}); open {tmp_path.resolve() / 'demo/report.html'}"
    metrics = json.loads(Path("demo/metrics.json").read_text())
    assert [row["name"] for row in metrics["classes"]] == ["background", "coin"]
    assert metrics["rules"]["images"] == 1
    for method in ("slic", "watershed", "mean-shift", "normalized-cuts"):
        assert Path(f"demo/regions/{method}.png").exists()
        with raster.open(f"demo/regions/{method}.tif") as regions:
            assert (regions.height, regions.width) == (64, 64)
    assert raster.read_label_map("demo/scribbles/map.png")[1].class_names == ("gland", "stroma", "lumen")
    assert "pixel forest of them" in Path("demo/report.html").read_text(encoding="utf-8")
    with pytest.raises(InputError, match="overwrite"):
        verb.demo(Path("demo"), minutes=5, seed=0, overwrite=False, say=print)
