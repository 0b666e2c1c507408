"""The shell and Python blocks of README and of two pages run, on tiny data under the names that they use."""

import glob
import json
import os
import re
import shlex
import shutil
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import shapely
from PIL import Image
from rasterio import Affine
from rasterio.crs import CRS

import densa
from densa import cli, raster
from densa.legend import Legend

pyogrio = pytest.importorskip("pyogrio", reason="the text writes GeoPackages")

ROOT = Path(__file__).parents[1]
LEGEND = Legend(("ground", "road"))

# All that differs from the text: trainings of minutes become two steps, no method is measured in processes of its own
# (tests/cli/test_compare.py does that), and the memory, which is the whole process's, suffices for all tests in one.
TRAINING = {"steps": 2, "patch_size": 32, "batch_size": 2, "width": 2}
COMPARISON = {**TRAINING, "accuracy_only": True}
MEMORY = {"2GB": "64GB", "4GB": "64GB"}

# Files that the text promises beside those that follow `-o`, `output=` and the like.
PROMISED = {
    "README.md shell 1": [
        *("runs/roads/model.json", "maps/scene.tif", "maps/huge.tif", "maps/huge.gpkg"),
        *("report/report.html", "report/metrics.json", "side-by-side/comparison.html"),
    ],
    "README.md python 0": ["runs/roads/model.json", "side-by-side/comparison.html"],
    "docs/quickstart.md shell 0": ["runs/roads/model.json", "maps/scene.tif", "report/report.html"],
    "docs/quickstart.md python 0": ["scene.tif"],
    "docs/large_images.md shell 0": ["maps/ortho.tif", "maps/ortho.tif.aux.xml", "maps/ortho.gpkg"],
}


def _blocks():
    for page in ("README.md", "docs/quickstart.md", "docs/large_images.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for language in ("shell", "python"):
            found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
            for number, block in enumerate(found):
                yield f"{page} {language} {number}", block


BLOCKS = dict(_blocks())


def _image(height, width, seed=0):
    """A bright road on dark ground, elsewhere for another seed."""
    values = np.random.default_rng(seed).integers(40, 90, (height, width, 3)).astype(np.uint8)
    values[:, width // 3 - 6 * seed : width // 2 - 6 * seed] += 120
    return values


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """What the blocks read: a data set, photographs, strokes, scenes, and a trained model."""
    folder = tmp_path_factory.mktemp("data")
    for seed, name in enumerate(("train/{}/a", "train/{}/b", "val/{}/c")):
        image, mask = (folder / "roads" / name.format(kind) for kind in ("images", "masks"))
        image.parent.mkdir(parents=True, exist_ok=True)
        mask.parent.mkdir(parents=True, exist_ok=True)
        values = _image(48, 64, seed)
        Image.fromarray(values).save(image.with_suffix(".jpg"))
        Image.fromarray((values[..., 0] > 120).astype(np.uint8)).save(mask.with_suffix(".png"))
    (folder / "roads/legend.json").write_text(json.dumps(LEGEND.to_dict()))
    Image.fromarray(_image(120, 160)).save(folder / "photo.png")
    Image.fromarray(_image(120, 160)).save(folder / "photo.jpg")
    strokes = [{"class": name, "points": [[x, 5], [x, 100]]} for name, x in (("ground", 20), ("road", 65))]
    (folder / "strokes.json").write_text(json.dumps({"classes": LEGEND.to_dict()["classes"], "strokes": strokes}))
    (folder / "new").mkdir()
    place = raster.Georeference(CRS.from_epsg(32723), Affine(0.5, 0, 200000, 0, -0.5, 7500000))
    for name, size in (("new/scene.tif", (60, 80)), ("huge.tif", (300, 400)), ("ortho.tif", (300, 400))):
        raster.write_bands(folder / name, _image(*size).transpose(2, 0, 1), like=place)
    x, y = place.transform.c, place.transform.f
    outlines = [shapely.box(x + 5, y - 140, x + 60, y - 5), shapely.box(x + 70, y - 140, x + 95, y - 5)]
    pyogrio.raw.write(
        folder / "polygons.gpkg",
        shapely.to_wkb(np.array(outlines)),
        [np.array(["ground", "road"], dtype=object)],
        ["class"],
        geometry_type="Polygon",
        crs="EPSG:32723",
    )
    densa.train(folder / "roads", model="unet", output=folder / "runs/roads", progress=False, **TRAINING)
    return folder


@pytest.fixture
def here(data, tmp_path, monkeypatch, request):
    """A working folder with the data; the model is there unless the block trains it."""
    folder = tmp_path / "here"
    shutil.copytree(data, folder)
    if re.search(r"densa.train\b", BLOCKS[request.node.callspec.params["name"]]):
        shutil.rmtree(folder / "runs")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "0")
    return folder


def _options(values):
    return [word for name, value in values.items() for word in _flag(name, value)]


def _flag(name, value):
    flag = f"--{name.replace('_', '-')}"
    return [flag] if value is True else [flag, str(value)]


def _small(words):
    """A command line with settings that take no time."""
    words = [MEMORY.get(word, word) for word in words]
    network = words[1] in ("train", "compare") and not {"--resume", "pixel-forest", "--strokes"} & set(words)
    if not network:
        return words
    for option in ("--minutes", "--width"):
        if option in words:
            at = words.index(option)
            del words[at : at + 2]
    return words + _options(TRAINING if words[1] == "train" else COMPARISON)


def _commands(block):
    """The words of every line, with file patterns expanded; comments left out."""
    for line in block.splitlines():
        found = [sorted(glob.glob(word)) or [word] for word in shlex.split(os.path.expandvars(line), comments=True)]
        if words := [word for words in found for word in words]:
            yield words


def _named(words):
    """Outputs that a command line names."""
    outputs = ("-o", "--outline", "--statistics", "--polygons")
    named = [value for option, value in pairwise(words) if option in outputs]
    return [value for value in named if value != "gpkg"]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in BLOCKS if " shell " in name])
def test_shell_block(name, here, monkeypatch, capsys):
    targets = (ROOT / "Makefile").read_text(encoding="utf-8")
    for words in _commands(BLOCKS[name]):
        if words[0] == "make":
            assert f"\n{words[1]}: " in targets
            continue
        if words[0] == "ls":
            assert {path.name for path in Path(words[1]).iterdir()} == {"train", "val", "legend.json"}
            continue
        assert words[0] == "densa"
        monkeypatch.setattr(sys, "argv", _small(words))
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert not stop.value.code, (words, capsys.readouterr().err)
        for path in _named(words):
            assert Path(path).exists(), (words, path)
    for path in PROMISED.get(name, []):
        assert Path(path).stat().st_size, path


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in BLOCKS if " python " in name])
def test_python_block(name, here):
    block = BLOCKS[name]
    trained = ", ".join(f"{option}={value}" for option, value in TRAINING.items())
    compared = ", ".join(f"{option}={value}" for option, value in COMPARISON.items())
    small = "\n".join(
        line.replace("minutes=20", compared if "compare(" in line else trained) for line in block.splitlines()
    )
    for given, instead in MEMORY.items():
        small = small.replace(given, instead)
    exec(compile(small, name, "exec"), {})
    for path in [*re.findall(r'(?:output|polygons)="(.*?)"', block), *PROMISED.get(name, [])]:
        assert Path(path).exists(), path


def test_every_page_has_blocks():
    assert {name.rsplit(" ", 1)[0] for name in BLOCKS} == {
        f"{page} {language}"
        for page in ("README.md", "docs/quickstart.md", "docs/large_images.md")
        for language in ("shell", "python")
    }
    assert set(PROMISED) <= set(BLOCKS)
