"""Which legend counts: given, of a file in the folder, of the layout, or inferred."""

import json

import numpy as np
import pytest

from densa import InputError, Legend, datasets

WHOLE = datasets.SplitRule(val_fraction=0)
IDS = np.resize([0, 7, 8, 11], (4, 6))


@pytest.fixture
def cityscapes(write, tmp_path):
    stem = "ulm_000000_000019"
    write(f"leftImg8bit/train/ulm/{stem}_leftImg8bit.png", (4, 6))
    write(f"gtFine/train/ulm/{stem}_gtFine_labelIds.png", IDS)
    return tmp_path


def opened(root, **options):
    return datasets.open(root, split=WHOLE, **options)["train"]


def own(path, *names):
    classes = [{"name": name, "index": index} for name, index in zip(names, (0, 7, 8, 11), strict=True)]
    path.write_text(json.dumps({"classes": classes, "ignore": 255}))
    return path


def test_the_layout_then_a_file_in_the_folder_then_what_is_given(cityscapes, tmp_path):
    assert opened(cityscapes).legend_source == "Cityscapes' table of labels"
    file = own(cityscapes / "legend.json", "nothing", "way", "path", "house")
    assert opened(cityscapes).legend.class_names == ("nothing", "way", "path", "house")
    assert opened(cityscapes).legend_source == str(file)
    other = own(tmp_path / "other.json", "a", "b", "c", "d")
    assert opened(cityscapes, legend=other).legend.class_names == ("a", "b", "c", "d")
    assert opened(cityscapes, legend=Legend(("x", "y"), codes=(7, 8), ignored_codes=(0, 11))).legend.n_classes == 2


def test_a_legend_of_the_layouts_classes_is_read_as_the_layout_codes_them(cityscapes):
    """As that of a model, which was trained on other files of the same classes."""
    names = opened(cityscapes).legend.class_names
    found = opened(cityscapes, legend=Legend(names))
    assert found.legend.codes[:3] == (7, 8, 11)
    everything = opened(cityscapes, classes="all").legend.class_names
    assert opened(cityscapes, legend=Legend(everything)).legend.codes == tuple(range(4, 34))


def test_one_set_of_classes(pairs, tmp_path):
    pairs(2)
    with pytest.raises(InputError, match="the layout pairs, which has one set of classes; leave it out, got all"):
        opened(tmp_path, classes="all")


def test_a_set_of_classes_that_the_layout_has_not(cityscapes):
    with pytest.raises(InputError, match="which has train and all, got some"):
        opened(cityscapes, classes="some")


def test_ignored_classes_are_taken_out_of_any_legend(cityscapes):
    found = opened(cityscapes, ignore=("road", 8))
    assert found.legend.n_classes == 17
    assert found.labels(0)[0].tolist() == [255, 255, 255, 0, 255, 255]
