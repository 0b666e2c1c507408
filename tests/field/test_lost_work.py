"""What people ran into: a model that was trained and lost because measuring it failed, or a score of nothing."""

import json
import shutil

import numpy as np
import pytest

from densa import cli, raster
from densa.legend import Legend
from densa.training.loop import run as run_module

QUICK = ["--width", 1, "--steps", 2, "--patch-size", 16, "--batch-size", 2, "--device", "cpu"]
FOREST = ["--model", "pixel-forest", "--trees", 2, "--samples", 100]


@pytest.fixture
def densa(monkeypatch, capsys):
    """Call `densa ARGUMENTS`; gives the exit code, stdout and stderr."""

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["densa", *map(str, arguments)])
        return cli.run(), *capsys.readouterr()

    return call


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory):
    """A data set whose validation images have no labelled pixel."""
    folder = tmp_path_factory.mktemp("unlabelled")
    rng, legend = np.random.default_rng(0), Legend(("ground", "square"))
    for split, labels in (("train", np.eye(32, dtype=np.uint8)), ("val", np.full((32, 32), 255, np.uint8))):
        for kind in ("images", "masks"):
            (folder / split / kind).mkdir(parents=True)
        raster.write_bands(folder / split / "images/a.tif", rng.integers(0, 255, (1, 32, 32)).astype(np.uint8))
        raster.write_label_map(folder / split / "masks/a.png", labels, legend)
    return folder


@pytest.mark.parametrize("options", [[*QUICK, "--validate-every", 1], FOREST], ids=["network", "forest"])
@pytest.mark.parametrize("broken", [OSError(5, "Input/output error"), RuntimeError("a defect"), None], ids=str)
def test_a_trained_model_is_saved_whatever_its_validation_says(request, densa, tmp_path, monkeypatch, options, broken):
    from densa.training import shallow

    squares, unlabelled = map(request.getfixturevalue, ("squares", "unlabelled"))

    def fail(*_, **__):
        raise broken

    if broken is not None:
        for module in (run_module, shallow):
            monkeypatch.setattr(module, "validate", fail)
    data = unlabelled if broken is None else squares
    if isinstance(broken, RuntimeError):  # keeps its traceback, after the model is saved
        with pytest.raises(RuntimeError, match="a defect"):
            densa("train", data, "-o", tmp_path / "run", *options)
    else:
        code, out, err = densa("train", data, "-o", tmp_path / "run", *options)
        assert code == 0, err
        assert "validation mean IoU" not in out + err
        assert "nan" not in out.replace(str(tmp_path), "") + err
        assert broken is None or "saved without a score" in err
    code, out, _ = densa("info", tmp_path / "run", "--json")
    assert code == 0
    if options is not FOREST and not isinstance(broken, RuntimeError):  # the newest weights, where none was measured
        assert json.loads(out)["training"]["step"] == 2


def test_a_finished_segmentation_with_a_picture_is_complete_for_resume(densa, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    raster.write_bands("a.tif", np.random.default_rng(0).integers(0, 255, (1, 24, 32)).astype(np.uint8))
    words = ["regions", "a.tif", "-o", "r.tif", "--count", "4", "--outline", "o.png", "--boundaries", "b.tif"]
    assert densa(*words)[0] == 0
    code, out, err = densa(*words, "--resume")
    assert (code, out.split(";")[0]) == (0, "r.tif is complete already"), err


@pytest.mark.parametrize("options", [QUICK, FOREST], ids=["network", "forest"])
def test_an_old_run_stays_until_the_new_one_has_a_model(densa, squares, tmp_path, monkeypatch, options):
    from densa.segmenter import forest_folder, model_folder

    run = tmp_path / "run"
    assert densa("train", squares, "-o", run, *options)[0] == 0
    old = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    broken = tmp_path / "broken"
    for kind in ("images", "masks"):
        shutil.copytree(squares / "train" / kind, broken / "train" / kind)
    next((broken / "train/masks").iterdir()).unlink()
    assert densa("train", broken, "-o", run, *options, "--overwrite")[0] == 2  # errors of the data
    assert {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()} == old

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    for module in (forest_folder, model_folder):
        monkeypatch.setattr(module, "save_file", full)
    assert densa("train", squares, "-o", run, *options, "--overwrite")[0] == 2
    assert {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()} == old
    monkeypatch.undo()
    code, _, err = densa("train", squares, "-o", run, *options, "--overwrite", "--seed", 1)
    assert code == 0, err
    assert (run / "model.safetensors").read_bytes() != old["model.safetensors"]
    assert not (run / "replaced-run").exists()
