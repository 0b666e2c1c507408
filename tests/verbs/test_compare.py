"""Runs that cannot be compared."""

import shutil

import numpy as np
import pytest

import densa
from densa import datasets, raster
from densa.errors import InputError
from densa.legend import Legend
from densa.training import TrainConfig
from densa.verbs import compare as compare_methods

QUICK = {"model": "pixel-forest", "trees": 2, "samples": 200}


@pytest.fixture
def loose(tmp_path):
    """Twelve images that no folder assigns to a split."""
    rng = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (tmp_path / "loose" / kind).mkdir(parents=True)
    for i in range(12):
        labels = (rng.random((12, 16)) > 0.5).astype(np.uint8)
        raster.write_bands(tmp_path / "loose" / "images" / f"{i}.tif", labels[None] * 100)
        raster.write_label_map(tmp_path / "loose" / "masks" / f"{i}.png", labels, Legend(("ground", "square")))
    return tmp_path / "loose"


@pytest.fixture
def forest(loose, tmp_path):
    from densa.training import train_from_config

    return train_from_config(TrainConfig.of(data=loose, **QUICK), tmp_path / "forest", progress=False).folder


def test_a_run_that_held_out_other_images_is_refused(loose, forest):
    """Wherever the data lies now."""
    entries = compare_methods.entries_of(f"pixel-boosting,{forest}")
    moved = loose.rename(loose.with_name("moved"))
    for seed in range(1, 4):
        with pytest.raises(InputError, match=r"held out other images: it was trained on . of the 2 images"):
            compare_methods.plan(entries, "val", {"data": moved, "split_seed": seed}, None)
    assert len(compare_methods.plan(entries, "val", {"data": moved}, None).chosen) == 2


def test_trained_models_alone_are_compared_on_what_none_was_trained_on(loose, forest):
    entries = compare_methods.entries_of(str(forest))
    for seed in range(3):
        found = compare_methods.plan(entries, None, {"data": loose, "split_seed": seed}, None)
        assert (found.split, found.measured_on.images, found.measured_on.of) == ("val", 2, 12)


def test_a_split_by_block_is_refused(squares, tmp_path):
    """Its training pixels lie in the very images of the comparison."""
    config = TrainConfig.of(data=squares, split_block=100, model="unet")
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text(config.to_yaml())
    by_block = r"config.yaml splits the images themselves into blocks \(split_block 100\); evaluate each run by itself"
    for models in ("unet", "pixel-forest"):
        entries = compare_methods.entries_of(models)
        with pytest.raises(InputError, match=by_block):
            compare_methods.plan(entries, None, {"data": squares}, run / "config.yaml")


def test_a_copy_of_the_data_is_the_data(squares, trained, tmp_path):
    elsewhere = tmp_path / "copy"
    shutil.copytree(squares, elsewhere)
    found = compare_methods.plan(compare_methods.entries_of(str(trained)), None, {"data": elsewhere}, None)
    assert isinstance(found.chosen, datasets.Dataset)
    assert found.split == "val"
    assert found.measured_on.trained_on is False


def test_a_shallow_method_takes_its_own_options(loose, forest):
    """By name, beside a network that has none of them, and from a config.yaml."""
    entries = compare_methods.entries_of("unet,pixel-forest,pixel-boosting")
    configs = compare_methods.plan(entries, None, {"data": loose, "trees": 3, "boosting_rate": 0.25}, None).configs
    assert (configs["pixel-forest"].trees, configs["pixel-boosting"].boosting_rate) == (3, 0.25)
    assert configs["unet"] == compare_methods.plan(entries, None, {"data": loose}, None).configs["unet"]
    entries, stored = compare_methods.entries_of("pixel-forest"), forest / "config.yaml"
    found = compare_methods.plan(entries, None, {"data": loose, "trees": 3}, stored).configs["pixel-forest"]
    assert (found.trees, found.samples) == (3, QUICK["samples"])


def test_unknown_options_are_refused(loose, tmp_path):
    with pytest.raises(InputError, match="there is no option tree; did you mean trees"):
        densa.compare(loose, ["pixel-forest"], output=tmp_path / "report", tree=3)


def test_the_old_run_is_kept_where_its_retraining_is_interrupted(loose, tmp_path, monkeypatch):
    output, entries = tmp_path / "report", compare_methods.entries_of("pixel-forest")
    quick = {"samples": 200, "accuracy_only": True, "pictures": 0}
    densa.compare(loose, ["pixel-forest"], output=output, trees=2, **quick)

    def state(trees):
        options = {"data": loose, "trees": trees, "samples": 200}
        planned = compare_methods.plan(entries, None, options, None)
        return compare_methods.state_of_run(planned, entries[0], output).split()[0]

    def interrupted(*args, **options):
        raise KeyboardInterrupt

    assert (state(2), state(3)) == ("keep", "replace")
    with monkeypatch.context() as patched:
        patched.setattr(compare_methods, "train_from_config", interrupted)
        with pytest.raises(KeyboardInterrupt):
            densa.compare(loose, ["pixel-forest"], output=output, overwrite=True, trees=3, **quick)
    assert (state(2), state(3)) == ("keep", "replace")
    # As if it had been interrupted after it took the place of the old one.
    config = output / "runs" / "pixel-forest" / "config.yaml"
    config.write_text(config.read_text().replace("trees: 2", "trees: 3"))
    assert (state(2), state(3)) == ("replace", "continue")
    densa.compare(loose, ["pixel-forest"], output=output, overwrite=True, trees=3, **quick)
    assert (state(2), state(3)) == ("replace", "keep")
