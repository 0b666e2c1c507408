import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from densa import InputError, datasets
from densa.datasets.layouts.suffixes import read_suffixes

WHOLE = datasets.SplitRule(val_fraction=0)
MASK = np.resize([0, 1, 2], (4, 5))


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("{}_sat.jpg", "{}_mask.png"),
        ("{}.png", "{}_L.png"),
        ("{}.png", "{}_label.png"),
        ("{}-img.png", "{}-GT.png"),
        ("{}.tif", "{}_seg.tif"),
        ("IMG_{}.JPG", "img_{}_MASK.png"),
        ("image_{}.png", "label_{}.png"),
        ("{}.jpg", "{}.png"),
        ("sat/{}.png", "truth/{}_mask.png"),
        ("tiles/{}_rgb.png", "truth/{}_gt.png"),
    ],
)
def test_words_that_tell_masks(write, tmp_path, image, mask):
    for stem in ("a", "b"):
        write(image.format(stem), (4, 5))
        write(mask.format(stem), MASK)
    found = datasets.open(tmp_path, split=WHOLE)["train"]
    assert [sample.mask.name for sample in found.samples] == [mask.format(s).split("/")[-1] for s in "ab"]
    assert_array_equal(found.labels(0), MASK)
    assert datasets.check(found) == 3
    assert found.taken[0].startswith(f"layout suffixes: images such as {image.format('a')}, masks such as")


def test_folders_of_splits(write, tmp_path):
    for split in ("train", "val"):
        write(f"{split}/a_sat.png", (4, 5))
        write(f"{split}/a_mask.png", MASK)
    write("test/a_sat.png", (4, 5))
    found = datasets.open(tmp_path)
    assert {split: len(part) for split, part in found.items()} == {"train": 1, "val": 1, "test": 1}
    assert found["test"].samples[0].mask is None


def test_two_masks_of_one_image_are_a_problem(write, tmp_path):
    for name in ("a.png", "a_mask.png", "b.png", "b_mask.png", "b_gt.png"):
        write(name, MASK)
    with pytest.raises(InputError, match=r"1 images and 2 masks of one name \(b\.png, b_gt\.png, b_mask\.png\)"):
        datasets.check(datasets.open(tmp_path, split=WHOLE)["train"])


def test_photos_alone_are_no_data_set(write, tmp_path):
    for name in ("a.png", "car_l.png", "b.jpg", "c.jpg", "c.tif"):
        write(name, (4, 5))
    assert not read_suffixes(tmp_path).samples


def stack(path, values, n=3):
    path.parent.mkdir(exist_ok=True, parents=True)
    pages = [Image.fromarray(np.resize(np.add(values, k), (4, 5)).astype(np.uint8)) for k in range(n)]
    pages[0].save(path, save_all=True, append_images=pages[1:])


@pytest.mark.parametrize(
    "names", [("train-volume", "train-labels"), ("images", "labels"), ("image_stack", "mask_stack")]
)
def test_stacks_are_paired_by_page(tmp_path, names):
    stack(tmp_path / f"{names[0]}.tif", [50, 60])
    stack(tmp_path / f"{names[1]}.tif", [0, 1])
    if names[0].startswith("train"):
        stack(tmp_path / "test-volume.tif", [50, 60])
    found = datasets.open(tmp_path, split=WHOLE)
    train = found["train"]
    assert (train.layout, len(train)) == ("stacks", 3)
    assert_array_equal(train.labels(2)[0], [2, 3, 2, 3, 2])
    assert train.image(2)[0].min() == 52
    assert ("test" in found) == names[0].startswith("train")
    assert datasets.check(train) == 1


def test_stacks_of_other_lengths_are_named(tmp_path):
    stack(tmp_path / "train-volume.tif", [50, 60])
    stack(tmp_path / "train-labels.tif", [0, 1], n=4)
    with pytest.raises(InputError, match=r"train-labels\.tif: it has 4 pages, .*train-volume\.tif has 3"):
        datasets.check(datasets.open(tmp_path)["train"])
    stack(tmp_path / "train-labels.tif", [0, 1], n=2)
    with pytest.raises(InputError, match="it has 2 pages, none for page 3"):
        datasets.check(datasets.open(tmp_path)["train"])
