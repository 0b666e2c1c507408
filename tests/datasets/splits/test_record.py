import json

import pytest

from densa.datasets import block_split
from densa.datasets.splits.record import SplitRecord, split_text
from densa.errors import InputError
from densa.raster import Window


def test_a_split_is_read_back(scene, tmp_path):
    splits = block_split(scene, block=40, buffer=11, val_fraction=0.2, seed=4)
    (tmp_path / "split.json").write_text(split_text(splits))
    record = SplitRecord.read(tmp_path)
    assert not record.unknown
    found = record.find(scene.samples)
    assert {image.window for image in found[0] if image.split == "val"} == set(splits["val"].windows)
    assert SplitRecord.of(json.loads(split_text({"train": scene})), "").images[0].window is None
    assert SplitRecord.read(tmp_path / "images") is None


def test_records_of_several_models_are_one(scene):
    one, other = (SplitRecord.of(json.loads(split_text({name: scene})), "") for name in ("train", "val"))
    merged = SplitRecord.merged([one, other, SplitRecord(unknown=("why",))])
    assert [image.split for image in merged.find(scene.samples)[0]] == ["train", "val"]
    assert merged.unknown == ("why",)


def test_images_of_first_weights(scene, tmp_path):
    (tmp_path / "split.json").write_text(split_text({"train": scene}))
    record = SplitRecord.of(json.loads(split_text({}, weights=tmp_path)), "")
    assert record.find(scene.samples)[0][0].split == "train"
    unknown = SplitRecord.of(json.loads(split_text({}, weights=tmp_path / "images")), "")
    assert unknown.unknown


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"train": [{}]}', '{"train": 3}', '{"train": [{"image": "a", "window": [1]}]}']
)
def test_a_damaged_record_is_refused(tmp_path, text):
    (tmp_path / "split.json").write_text(text)
    with pytest.raises(InputError, match="cannot be read"):
        SplitRecord.read(tmp_path)


def test_entries_of_an_earlier_version(scene, tmp_path):
    """Files that are still there are recognised; lost ones are not known."""
    entry = {"image": str(scene.samples[0].image), "page": 0, "window": [0, 0, 40, 40]}
    record = SplitRecord.of({"train": [entry, {**entry, "image": str(tmp_path / "lost.tif")}]}, "split.json")
    assert "1 training images named in split.json cannot be recognised" in record.unknown
    assert record.find(scene.samples)[0][0].window in (None, Window(0, 0, 40, 40))
