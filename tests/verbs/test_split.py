"""`densa split` on small data sets, and the split file in the other verbs."""

import json
import shutil
from collections import Counter

import numpy as np
import pytest

import densa
from densa import Legend, raster
from densa.datasets import SplitFile, SplitRule
from densa.errors import InputError

LEGEND = Legend(("ground", "road", "tree"))


@pytest.fixture
def scenes(tmp_path):
    """Eight scenes of three images each, told by their names; the classes lie in some of them only."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "scenes"
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for scene in range(8):
        for frame in range(3):
            labels = np.zeros((40, 48), np.uint8)
            labels[:, : 4 * (scene % 4)] = 1
            labels[: 8 * (scene // 4), 24:] = 2
            name = f"scene{scene}_{frame:03}"
            raster.write_bands(folder / "images" / f"{name}.tif", rng.integers(1, 255, (1, 40, 48), np.uint8))
            raster.write_label_map(folder / "masks" / f"{name}.png", labels, LEGEND)
    return folder


def parts_of(found):
    """The parts of each scene."""
    parts = {}
    for entry in found.entries:
        parts.setdefault(entry.image.split("/")[-1].split("_")[0], set()).add(entry.part)
    return parts


def test_scenes_stay_whole_and_classes_are_balanced(scenes):
    found = densa.split(scenes, by="scene", folds=4, progress=False)
    assert all(len(parts) == 1 for parts in parts_of(found).values())
    assert Counter(entry.part for entry in found.entries) == {"0": 6, "1": 6, "2": 6, "3": 6}
    assert found.facts["largest_deviation"]["deviation"] < 0.12
    by_hand = {}
    for entry in found.entries:
        mask = raster.read_label_map(scenes / "masks" / f"{entry.image.split('/')[-1][:-4]}.png")[0]
        by_hand.setdefault(entry.part, []).append(np.bincount(mask.ravel(), minlength=3)[:3])
    for part, counts in by_hand.items():
        shares = np.sum(counts, axis=0) / np.sum(counts)
        np.testing.assert_allclose(found.facts["parts"][part]["class_shares"], shares, atol=1e-6)


def test_fractions_and_seeds(scenes):
    found = densa.split(scenes, fractions=(0.5, 0.25, 0.25), progress=False)
    assert Counter(entry.part for entry in found.entries) == {"train": 12, "val": 6, "test": 6}
    others = [densa.split(scenes, fractions="0.5,0.25,0.25", seed=seed, progress=False) for seed in (0, 1, 2, 3)]
    assert others[0].entries == found.entries
    assert any(other.entries != found.entries for other in others)


def test_files_and_attributes(scenes, tmp_path):
    found = densa.split(scenes, by="file", folds=5, progress=False)
    assert sorted(Counter(entry.part for entry in found.entries).values()) == [4, 5, 5, 5, 5]
    table = tmp_path / "table.csv"
    names = sorted(path.stem for path in (scenes / "images").iterdir())
    table.write_text("image,city\n" + "".join(f"{name},city{k % 3}\n" for k, name in enumerate(names)))
    found = densa.split(scenes, by="attribute", attribute="city", table=table, folds=3, progress=False)
    assert {(entry.group, entry.part) for entry in found.entries} == {
        (f"city{k}", next(e.part for e in found.entries if e.group == f"city{k}")) for k in range(3)
    }
    assert {entry.part for entry in found.entries} == {"0", "1", "2"}


def test_blocks_with_a_buffer(scenes):
    found = densa.split(scenes, by="block", block=20, buffer=4, folds=3, progress=False)
    assert (found.facts["block_px"], found.facts["buffer_px"]) == (20, 4)
    for a in found.entries:
        for b in found.entries:
            if a.image == b.image and a.part != b.part:
                rows = max(a.window.row, b.window.row) - min(
                    a.window.row + a.window.height, b.window.row + b.window.height
                )
                columns = max(a.window.column, b.window.column) - min(
                    a.window.column + a.window.width, b.window.column + b.window.width
                )
                assert max(rows, columns) >= 4


def test_georeferenced_tiles_stay_in_their_block(tmp_path, rng):
    """A scene of 6 x 6 tiles: those of one block of 2 x 2 tiles come into one part."""
    from affine import Affine

    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    for row in range(6):
        for column in range(6):
            place = raster.Georeference(None, Affine(2, 0, 1000 + 64 * column, 0, -2, 5000 - 64 * row))
            image, labels = rng.integers(1, 255, (1, 32, 32), np.uint8), np.full((32, 32), row % 3, np.uint8)
            raster.write_bands(tmp_path / "images" / f"t{row}{column}.tif", image, like=place)
            raster.write_label_map(tmp_path / "masks" / f"t{row}{column}.tif", labels, LEGEND)
    found = densa.split(tmp_path, by="block", block=64, folds=3, progress=False)
    parts = {}
    for entry in found.entries:
        row, column = map(int, entry.image[-6:-4])
        parts.setdefault((row // 2, column // 2), set()).add(entry.part)
    assert len(parts) == 9
    assert all(len(own) == 1 for own in parts.values())
    assert Counter(entry.part for entry in found.entries) == {"0": 12, "1": 12, "2": 12}
    with pytest.raises(InputError, match="leave it out"):
        densa.split(tmp_path, by="block", block=64, buffer=8, folds=3, progress=False)


def test_copies_stay_together(scenes):
    """A copy under the name of another scene: both scenes come into one part."""
    for kind, end in (("images", "tif"), ("masks", "png")):
        shutil.copy(scenes / kind / f"scene1_000.{end}", scenes / kind / f"scene5_002.{end}")
    for seed in range(4):
        parts = parts_of(densa.split(scenes, folds=4, seed=seed, progress=False))
        assert parts["scene1"] == parts["scene5"]
    leaks = densa.split(scenes, folds=4, progress=False).facts["leaks"]
    assert (leaks["n_kept_together"], leaks["kept_together"][0]["kind"]) == (1, "copy")
    with pytest.raises(InputError, match=r"only 7 are left .*scene1_000 and scene5_002"):
        densa.split(scenes, folds=8, progress=False)
    with pytest.raises(InputError, match=r"scene1_000 and scene5_002 .*remove one of each"):
        densa.split(scenes, by="block", block=20, buffer=2, progress=False)


def test_own_splits_are_pooled(tmp_path):
    data = densa.datasets.coins(tmp_path / "coins")
    found = densa.split(data, by="block", folds=2, progress=False)
    assert {entry.image for entry in found.entries} == {"train/images/left.tif", "test/images/right.tif"}


def test_test_that_is_kept(scenes, tmp_path):
    data = tmp_path / "own"
    for path in sorted(scenes.rglob("*.*")):
        split = "test" if path.name.startswith(("scene6", "scene7")) else "train"
        place = data / split / path.parent.name / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    found = densa.split(data, folds=3, keep_test=True, output=tmp_path / "s.json", progress=False)
    assert {entry.part for entry in found.entries if "/scene6" in entry.image} == {"test"}
    opened = densa.datasets.open(data, split=SplitRule(file=tmp_path / "s.json", fold=0))
    assert {name: len(one) for name, one in opened.items()} == {"train": 12, "val": 6, "test": 6}
    shutil.copy(data / "test" / "images" / "scene7_001.tif", data / "train" / "images" / "scene2_001.tif")
    with pytest.raises(InputError, match="1 pairs of images leak between the test split and the others"):
        densa.split(data, folds=3, keep_test=True, progress=False)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"folds": 3, "fractions": (0.5, 0.5)}, "folds or fractions"),
        ({"fractions": (0.5, 0.6)}, "fractions must be the shares"),
        ({"by": "attribute"}, "needs `table`"),
        ({"block": 64}, "block needs by=block"),
        ({"attribute": "city"}, "attribute needs by=attribute"),
        ({"folds": 9, "group_by": r"(scene\d)"}, "9 parts need a scene each, the data has 8"),
        ({"group_by": "area"}, "does not match the name"),
        ({"keep_test": True}, "has no test split to keep"),
        ({"by": "block", "block": 24, "buffer": 20}, "too small for a buffer"),
        ({"folds": 1}, "folds must be"),
        ({"by": "town"}, "by must be"),
    ],
)
def test_refusals(scenes, options, said):
    with pytest.raises(InputError, match=said) as error:
        densa.split(scenes, progress=False, **options)
    assert "\n" not in str(error.value)


def test_the_command_line(scenes, tmp_path, run_cli):
    path = tmp_path / "splits.json"
    code, out, err = run_cli("split", scenes, "--by", "scene", "--folds", "4", "--stratify", "classes", "-o", path)
    assert code == 0, err
    assert "largest deviation of a class share" in out
    assert "8 scenes, by the names" in err
    assert SplitFile.read(path).folds == 4
    code, out, err = run_cli("split", scenes, "--folds", "4", "-o", path)
    assert (code, err.count("\n")) == (2, 1)
    assert "exists" in err
    code, out, _ = run_cli("split", scenes, "--folds", "4", "-o", path, "--overwrite", "--json")
    content = json.loads(out)
    assert (code, content["folds"], content["images"], set(content["parts"])) == (0, 4, 24, {"0", "1", "2", "3"})


def test_train_and_evaluate_a_fold(scenes, tmp_path, run_cli):
    path, run = tmp_path / "splits.json", tmp_path / "run"
    found = densa.split(scenes, folds=4, output=path, progress=False)
    given = ("--split-file", path, "--fold", "2")
    code, _, err = run_cli(
        "train", scenes, *given, "--model", "pixel-forest", "--trees", "1", "--samples", "50", "-o", run
    )
    assert code == 0, err
    record = json.loads((run / "split.json").read_text())
    inside = {entry.image.split("/")[-1][:-4] for entry in found.entries if entry.part == "2"}
    assert {entry["name"] for entry in record["val"]} == inside
    assert len(record["train"]) == 18
    code, out, _ = run_cli("evaluate", run, scenes, *given, "--json")
    measured = json.loads(out)["measured_on"]
    assert (code, measured["split"], measured["images"], measured["trained_on"]) == (0, "val", 6, False)
    code, out, _ = run_cli("evaluate", scenes / "masks", scenes, "--split-file", path, "--fold", "0", "--json")
    assert (code, json.loads(out)["measured_on"]["images"]) == (0, 6)
    code, _, err = run_cli("train", scenes, "--split-file", path, "--model", "pixel-forest", "-o", tmp_path / "no")
    assert code == 2
    assert "--fold must be from 0 to 3" in err
    code, _, err = run_cli(
        "train", scenes, *given, "--val-fraction", "0.2", "--model", "pixel-forest", "-o", tmp_path / "no"
    )
    assert code == 2
    assert "--val-fraction has no effect" in err


def test_predictions_of_whole_images_are_measured_by_windows(scenes, tmp_path, run_cli):
    path = tmp_path / "blocks.json"
    found = densa.split(scenes, by="block", block=20, buffer=4, folds=2, output=path, progress=False)
    code, out, err = run_cli("evaluate", scenes / "masks", scenes, "--split-file", path, "--fold", "1", "--json")
    assert code == 0, err
    content = json.loads(out)
    assert content["measured_on"]["images"] == sum(entry.part == "1" for entry in found.entries)
    assert content["measured_on"]["windows"] is True
