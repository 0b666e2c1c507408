import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from densa import datasets, raster
from densa.errors import InputError
from densa.legend import Legend
from densa.reports import evaluate_pairs, pairs_of_files, pairs_of_folders, pairs_of_masks

LEGEND = Legend(("ground", "house", "tree"), ((10, 20, 30), (200, 0, 0), (0, 200, 0)))
NAMES = [f"tile_{i:02d}" for i in range(12)]


@pytest.fixture
def labels(rng):
    """Three classes and the ignored label, for each name."""
    return {name: rng.choice(np.array([0, 1, 2, 255], np.uint8), (9, 14)) for name in NAMES}


def save(folder, arrays):
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in arrays.items():
        Image.fromarray(values).save(folder / f"{name}.png")
    return folder


def data_set(root, labels, rng):
    """images/ and masks/ of a data set whose every image is evaluated as "test"."""
    pictures = {name: rng.integers(0, 256, (*v.shape, 3)).astype(np.uint8) for name, v in labels.items()}
    save(root / "test" / "images", pictures)
    save(root / "test" / "masks", labels)
    return datasets.open(root, legend=LEGEND)["test"]


def test_plain_masks_and_predictions_of_the_same_stems(tmp_path, labels):
    masks = save(tmp_path / "truth", labels)
    predictions = save(tmp_path / "answers", {**labels, "one more": labels[NAMES[0]]})
    pairs, n_pairs, legend = pairs_of_masks(predictions, masks, legend=LEGEND)
    pairs = list(pairs)
    assert legend == LEGEND
    assert n_pairs == len(pairs) == 12
    assert [pair.name for pair in pairs] == NAMES
    for pair in pairs:
        assert_array_equal(pair.target, labels[pair.name])
        assert_array_equal(pair.predicted, labels[pair.name])
        assert pair.image is None
    assert evaluate_pairs(pairs, legend).summary.mean_iou == 1


def test_missing_predictions_are_listed_at_once(tmp_path, labels):
    masks = save(tmp_path / "truth", labels)
    predictions = save(tmp_path / "answers", {NAMES[0]: labels[NAMES[0]]})
    with pytest.raises(InputError, match="11 of 12 masks have no prediction of the same stem") as error:
        pairs_of_masks(predictions, masks, legend=LEGEND)
    assert "tile_10, ..." in str(error.value)  # the first ten
    assert "tile_11" not in str(error.value)


def test_colour_masks_against_densas_own_label_maps(tmp_path, labels):
    """The predictions carry a legend whose classes stand in another order."""
    table = np.zeros((256, 3), np.uint8)
    table[:3] = LEGEND.colors
    table[255] = (1, 1, 1)
    masks = save(tmp_path / "truth", {name: table[v] for name, v in labels.items()})
    other = Legend(("tree", "ground", "house"))
    predictions = tmp_path / "answers"
    predictions.mkdir()
    order = np.full(256, 255, np.uint8)
    order[[0, 1, 2]] = [1, 2, 0]
    for name, values in labels.items():
        raster.write_label_map(predictions / f"{name}.png", order[values], other)
    legend = Legend(LEGEND.class_names, LEGEND.colors, ignored_colors=((1, 1, 1),))
    pairs, _, _ = pairs_of_masks(predictions, masks, legend=legend)
    for pair in pairs:
        assert_array_equal(pair.target, labels[pair.name])
        assert_array_equal(pair.predicted, labels[pair.name])


def test_the_predictions_legend_names_index_masks(tmp_path, labels):
    masks = save(tmp_path / "truth", labels)
    predictions = tmp_path / "answers"
    predictions.mkdir()
    for name, values in labels.items():
        raster.write_label_map(predictions / f"{name}.png", values, LEGEND)
    _, _, legend = pairs_of_masks(predictions, masks)
    assert legend.class_names == LEGEND.class_names
    strange = save(
        tmp_path / "strange", {name: np.where(v == 255, 3, v).astype(np.uint8) for name, v in labels.items()}
    )
    pairs, _, legend = pairs_of_masks(predictions, strange)  # a fourth value: the legend does not fit
    assert legend.n_classes == 4
    with pytest.raises(InputError, match="both must have the same"):
        list(pairs)


def test_data_set_and_folder_of_predictions(tmp_path, labels, rng):
    dataset = data_set(tmp_path / "data", labels, rng)
    predictions = save(tmp_path / "answers", labels)
    probabilities = np.zeros((3, 9, 14), np.uint8)
    probabilities[1] = 255
    raster.write_bands(predictions / f"{NAMES[0]}.probabilities.tif", probabilities)
    pairs = list(pairs_of_folders(predictions, dataset))
    assert [pair.name.rsplit("/")[-1] for pair in pairs] == NAMES
    bands, valid = pairs[0].image()
    assert bands.shape == (3, 9, 14)
    assert valid.all()
    assert_array_equal(pairs[0].probabilities(), probabilities)
    assert pairs[1].probabilities is None
    view = evaluate_pairs(pairs[:1], dataset.legend).worst[0]
    assert (view.probabilities[1] == 255).all()


def test_files_are_a_data_set_or_a_folder_of_masks(tmp_path, labels, rng):
    dataset = data_set(tmp_path / "data", labels, rng)
    predictions = save(tmp_path / "answers", labels)
    legend_file = tmp_path / "legend.csv"
    legend_file.write_text("index,name\n0,ground\n1,house\n2,tree\n255,void\n")
    told = []
    pairs, legend = pairs_of_files(
        predictions, tmp_path / "data", legend=legend_file, progress=lambda *done: told.append(done)
    )
    assert legend.class_names == dataset.legend.class_names
    assert all(pair.image is not None for pair in pairs)
    assert told == [(i, 12) for i in range(1, 13)]
    pairs, _ = pairs_of_files(predictions, tmp_path / "data" / "test" / "masks", legend=legend_file)
    assert all(pair.image is None for pair in pairs)
    with pytest.raises(InputError, match="no split 'val'; choose from test"):
        pairs_of_files(predictions, tmp_path / "data", split="val", legend=legend_file)
    with pytest.raises(InputError, match="is a folder of masks and has no split"):
        pairs_of_files(predictions, tmp_path / "data" / "test" / "masks", split="val")


def test_wrong_files_are_named(tmp_path, labels):
    masks = save(tmp_path / "truth", {"a": labels[NAMES[0]]})
    bad = save(tmp_path / "bad", {"a": np.full((9, 14), 7, np.uint8)})
    with pytest.raises(InputError, match=r"predictions hold 7 .*a\.png"):
        list(pairs_of_masks(bad, masks, legend=LEGEND)[0])
    (bad / "a.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"a\.png"):
        list(pairs_of_masks(bad, masks, legend=LEGEND)[0])
    Image.fromarray(labels[NAMES[0]]).save(bad / "a.tif")
    with pytest.raises(InputError, match="have the same stem"):
        pairs_of_masks(bad, masks, legend=LEGEND)
    with pytest.raises(InputError, match="must be a folder of masks"):
        pairs_of_masks(bad, tmp_path / "missing", legend=LEGEND)
    with pytest.raises(InputError, match="must be a folder of label maps"):
        pairs_of_masks(tmp_path / "missing", masks, legend=LEGEND)


def test_one_prediction_is_not_used_twice(tmp_path, labels):
    for scene in ("north", "south"):
        save(tmp_path / "truth" / scene, {"a": labels[NAMES[0]]})
    flat = save(tmp_path / "flat", {"a": labels[NAMES[0]]})
    with pytest.raises(InputError, match="use subfolders"):
        pairs_of_masks(flat, tmp_path / "truth", legend=LEGEND)
    for scene in ("north", "south"):
        save(tmp_path / "deep" / scene, {"a": labels[NAMES[0]]})
    pairs, _, _ = pairs_of_masks(tmp_path / "deep", tmp_path / "truth", legend=LEGEND)
    assert [pair.name for pair in pairs] == ["north/a", "south/a"]
