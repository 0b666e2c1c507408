"""Shallow methods through the command line: trained, applied, evaluated and described as networks are."""

import json

import numpy as np
import pytest
import yaml

from densa import raster

QUICK = ["--trees", 5, "--samples", 600, "--scales", "1,2"]


@pytest.mark.parametrize("method", ["pixel-forest", "region-boosting", "structured-forest"])
def test_train_predict_evaluate_info(run_cli, squares, tmp_path, method):
    run = tmp_path / method
    # five rounds of boosting are unsure of everything; a frequent class would take it all
    own = ["--region-size", 8, "--model-argument", "prior=0"] if method == "region-boosting" else []
    code, out, err = run_cli("train", squares, "-o", run, "--model", method, *QUICK, *own)
    assert code == 0, err
    assert "5 trees" in out
    assert "validation mean IoU" in out
    image = next((squares / "val" / "images").iterdir())
    code, _, err = run_cli("predict", run, image, "-o", tmp_path / "maps", "--tile-size", 24)
    assert code == 0, err
    code, out, err = run_cli("evaluate", run, squares, "-o", tmp_path / "report", "--json")
    assert code == 0, err
    assert json.loads((tmp_path / "report" / "metrics.json").read_text())["mean_iou"] > 0.6
    code, out, err = run_cli("info", run, "--json")
    assert code == 0, err
    said = json.loads(out)
    assert said["architecture"]["name"] == method
    assert said["classes"] == ["ground", "square"]
    assert said["training"]["scores"]["mean_iou"] > 0.6


def test_its_config_repeats_the_run(run_cli, squares, tmp_path):
    for name, source in (("a", [squares, "--model", "pixel-forest", *QUICK]), ("b", ["--config", "a/config.yaml"])):
        source = [tmp_path / s if s == "a/config.yaml" else s for s in source]
        code, _, err = run_cli("train", *source, "-o", tmp_path / name)
        assert code == 0, err
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in "ab"]
    assert weights[0] == weights[1]
    config = yaml.safe_load((tmp_path / "a" / "config.yaml").read_text())
    assert [config[name] for name in ("trees", "samples", "scales")] == [5, 600, [1.0, 2.0]]
    assert "optimizer" not in config
    code, _, err = run_cli("train", "--config", tmp_path / "a" / "config.yaml", "-o", tmp_path / "a")
    assert code == 2
    assert "holds a run already" in err


def test_strokes_on_one_image(run_cli, squares, tmp_path):
    image = next((squares / "train" / "images").iterdir())
    mask = raster.read_mask(squares / "train" / "masks" / f"{image.stem}.png")
    bright, dark = ([[int(x), int(y)] for y, x in np.argwhere(mask == k)[:: 20 + 200 * (1 - k)]] for k in (1, 0))
    content = {
        "classes": [{"name": "ground"}, {"name": "square"}],
        "strokes": [
            *({"class": "square", "width": 1, "points": [point]} for point in bright),
            *({"class": "ground", "width": 1, "points": [point]} for point in dark),
        ],
    }
    strokes = tmp_path / "strokes.json"
    strokes.write_text(json.dumps(content))
    run = tmp_path / "run"
    code, out, err = run_cli("train", image, "--strokes", strokes, *QUICK, "-o", run)
    assert code == 0, err
    assert "model pixel-forest: strokes train a forest in seconds" in err
    assert "validation" not in out
    code, _, err = run_cli("predict", run, image, "-o", tmp_path / "map.tif")
    assert code == 0, err
    found = raster.read_label_map(tmp_path / "map.tif")[0]
    assert (found == mask).mean() > 0.9
    content["strokes"] = content["strokes"][:2]
    strokes.write_text(json.dumps(content))
    for data, model, said in (
        (image, "pixel-forest", "all labels are of square alone"),
        (image, "unet", "all labels are of square alone"),
        (squares, "pixel-forest", "strokes must be a folder of files named like them"),
    ):
        code, _, err = run_cli("train", data, "--strokes", strokes, "--model", model, "-o", tmp_path / "no")
        assert (code, err.count("\n")) == (2, 1)
        assert said in err
    code, _, err = run_cli("train", image, "--model", "pixel-forest", "-o", tmp_path / "no")
    assert code == 2
    assert "is a file; give a folder" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--model", "pixel-forest", "--optimizer", "sgd", "--steps", 9],
            "--optimizer, --steps has no effect on",
        ),
        (["--model", "pixel-forest", "--region-size", 8], "--region-size has no effect on pixel-forest"),
        (["--model", "region-forest", "--features", "colour"], "features must be some of bands"),
        (["--model", "region-forest", "--features", "bands,colours"], "need the three bands"),
        (["--model", "pixel-forest", "--scales", "a"], "scales must be numbers"),
        (["--model", "pixel-forest", "--model-argument", "prior=yes"], "--prior must be a number, got True"),
        (["--model", "pixel-forest", "--model-argument", "magic=1"], "has no argument magic"),
        (["--model", "pixel-forest", "--trees", 0], "--trees must be greater than or equal to 1"),
        (["--model", "unet", "--trees", 5], "--trees has no effect on unet"),
    ],
)
def test_mistakes_are_said_in_one_line(refused, options, said):
    assert said in refused(*options)


def test_nothing_to_resume(run_cli, squares, tmp_path):
    run = tmp_path / "run"
    assert run_cli("train", squares, "-o", run, "--model", "pixel-forest", *QUICK)[0] == 0
    code, _, err = run_cli("train", "-o", run, "--resume")
    assert code == 2
    assert "writes no checkpoint and cannot be resumed; train without --resume" in err
    code, out, err = run_cli("train", squares, "-o", tmp_path / "no", "--model", "region-forest", "--dry-run")
    assert code == 0, err
    assert "region-forest" in out
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("model", ["pixel-forest", "unet"])
def test_a_crf_is_kept_where_it_helps(run_cli, squares, tmp_path, model, monkeypatch):
    from densa.crf import DenseCrf
    from densa.segmenter import load_segmenter, stored_crf

    candidates = (DenseCrf(1.0, 1.0, 10.0, 30.0, 3.0, 2), DenseCrf(30.0, 50.0, 30.0, 200.0, 50.0, 2))
    monkeypatch.setattr("densa.crf.tuning.CANDIDATES", candidates)
    quick = QUICK if model == "pixel-forest" else ["--steps", 2, "--width", 2, "--patch-size", 32, "--device", "cpu"]
    run = tmp_path / "run"
    code, _, err = run_cli("train", squares, "-o", run, "--model", model, "--tune-crf", *quick)
    assert code == 0, err
    kept = stored_crf(run)
    assert ("CRF on" in err) == (kept is not None)
    assert ("CRF off" in err) == (kept is None)
    assert "crf" in json.loads((run / "model.json").read_text())
    load_segmenter(run)


def test_a_forest_is_compared_with_a_network(run_cli, squares, trained, tmp_path):
    run = tmp_path / "forest"
    assert run_cli("train", squares, "-o", run, "--model", "region-forest", "--region-size", 8, *QUICK)[0] == 0
    models = f"{run},{trained}"
    code, out, err = run_cli(
        "compare", squares, "--models", models, "--accuracy-only", "-o", tmp_path / "report", "--json"
    )
    assert code == 0, err
    assert {"forest", "unet"} <= {row["name"] for row in json.loads(out)["methods"]}
