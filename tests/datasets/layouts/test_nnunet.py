import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import InputError, datasets
from densa.legend import IGNORE

MASK = np.array([[0, 1, 2, 3]])
CONTENT = {
    "channel_names": {"0": "red", "1": "nir"},
    "labels": {"background": 0, "road": 1, "roof": 2, "ignore": 3},
    "numTraining": 2,
    "file_ending": ".tif",
}
WHOLE = datasets.SplitRule(val_fraction=0)


@pytest.fixture
def nnunet(write, tmp_path):
    """nnunet(key=value): two cases of two channels, one of the test."""

    def make(**changed):
        ending = changed.get("file_ending", ".tif").replace(".nii.gz", ".tif")
        for folder, case in (("imagesTr", "a_1"), ("imagesTr", "b"), ("imagesTs", "c")):
            for k in range(2):
                write(f"{folder}/{case}_{k:04}{ending}", np.full((1, 4), 7 + k))
        for case in ("a_1", "b"):
            write(f"labelsTr/{case}{ending}", MASK)
        (tmp_path / "dataset.json").write_text(json.dumps({**CONTENT, **changed}))
        return tmp_path

    return make


@pytest.mark.parametrize("ending", [".tif", ".png"])
def test_channels_are_bands_and_ignore_is_not_labelled(nnunet, ending):
    found = datasets.open(nnunet(file_ending=ending), split=WHOLE)
    assert {split: len(part) for split, part in found.items()} == {"train": 2, "test": 1}
    train = found["train"]
    assert (train.layout, train.legend.class_names) == ("nnunet", ("background", "road", "roof"))
    assert_array_equal(train.labels(0), [[0, 1, 2, IGNORE]])
    assert [sample.name for sample in train.samples] == ["a_1", "b"]
    with train.open_image(0) as image:
        assert image.band_names == ("red", "nir")
    assert_array_equal(train.image(0)[0][:, 0, 0], [7, 8])
    assert datasets.check(train) == 2
    assert "channels red, nir" in train.taken[0]
    assert "ignore is not labelled" in train.taken[0]


def test_a_picture_has_its_channels_in_one_file(write, tmp_path):
    write("imagesTr/a_0000.png", (1, 4))
    write("labelsTr/a.png", MASK)
    content = {**CONTENT, "channel_names": {"0": "R", "1": "G", "2": "B"}, "file_ending": ".png"}
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    assert datasets.check(datasets.open(tmp_path)["train"]) == 3


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"labels": {"background": 0, "whole": [1, 2], "core": 2}}, r"regions that overlap \(whole\)"),
        ({"labels": {"background": 0, "road": "1"}}, "must give each label a whole number, got '1' for 'road'"),
        ({"labels": []}, "must have labels such as"),
        ({"channel_names": {"1": "red"}}, "must have channel_names such as"),
        ({"file_ending": ".nii.gz"}, r"file_ending '\.nii\.gz', which densa does not read"),
        ({"channel_names": {"0": "a", "1": "b", "2": "c"}}, r"case a_1 must have 3 channels, it has 2: .*_0002\.tif"),
        (
            {"dataset": {"a": {"images": ["../../x.tif"], "label": "labelsTr/b.tif"}}},
            r"\.\./\.\./x\.tif', which lies outside",
        ),
        ({"dataset": {"a": {"images": ["/etc/passwd"], "label": "labelsTr/b.tif"}}}, "/etc/passwd'; it must be a path"),
        ({"dataset": {"a": {"images": [3], "label": "labelsTr/b.tif"}}}, "names the file 3; it must be a path"),
        ({"dataset": {"a": []}}, "must list a case as"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(nnunet, changed, said):
    with pytest.raises(InputError, match=said) as caught:
        datasets.open(nnunet(**changed))
    assert "\n" not in str(caught.value)


def test_the_first_version(nnunet):
    root = nnunet()
    (root / "dataset.json").write_text(json.dumps({"modality": {"0": "CT"}, "labels": {"0": "background"}}))
    with pytest.raises(InputError, match="first version"):
        datasets.open(root)


@pytest.mark.parametrize("text", ["[" * 100_000, "{", "[]", "\x00"])
def test_hostile_json(nnunet, text):
    root = nnunet()
    (root / "dataset.json").write_text(text)
    with pytest.raises(InputError, match=r"dataset\.json"):
        datasets.open(root)


def test_cases_that_are_listed_with_their_files(nnunet):
    entry = {"images": ["imagesTr/a_1_0000.tif", "imagesTr/a_1_0001.tif"], "label": "labelsTr/b.tif"}
    found = datasets.open(nnunet(dataset={"case": entry}), split=WHOLE)["train"]
    assert [(s.name, s.image.name, s.mask.name) for s in found.samples] == [("case", "a_1_0000.tif", "b.tif")]
    assert found.n_bands == 2


def test_channels_of_other_sizes(nnunet, write):
    root = nnunet()
    write("imagesTr/b_0001.tif", (2, 4))
    with pytest.raises(InputError, match=r"must have one grid: b_0000\.tif has 1 x 4 pixels, b_0001\.tif 2 x 4"):
        datasets.check(datasets.open(root, split=WHOLE)["train"])
