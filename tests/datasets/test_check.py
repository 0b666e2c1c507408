import numpy as np
import pytest
from PIL import Image

from densa import InputError, Legend, datasets, raster
from densa.datasets import SplitRule
from densa.legend import IGNORE

LEGEND = Legend(("a", "b", "c"))


def open_all(tmp_path, legend=LEGEND):
    return datasets.open(tmp_path, legend=legend, split=SplitRule(val_fraction=0))["train"]


def problems(tmp_path, legend=LEGEND):
    with pytest.raises(InputError) as caught:
        datasets.check(open_all(tmp_path, legend))
    return str(caught.value)


def test_a_sound_data_set(pairs, tmp_path):
    pairs(3)
    seen = []
    assert datasets.check(open_all(tmp_path), progress=lambda done, total: seen.append((done, total))) == 3
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_every_offender_is_listed(pairs, write, tmp_path):
    """One of each kind, in one message."""
    pairs(4)
    write("images/lonely.png", (6, 8))
    write("masks/orphan.png", np.zeros((6, 8)))
    write("images/twice.png", (6, 8))
    write("images/twice.jpg", (6, 8))
    write("masks/twice.png", np.zeros((6, 8)))
    write("images/size.png", (6, 8))
    write("masks/size.png", np.zeros((8, 6)))
    write("images/value.png", (6, 8))
    write("masks/value.png", np.full((6, 8), 7))
    write("images/bands.png", np.zeros((6, 8)))
    write("masks/bands.png", np.zeros((6, 8)))
    write("images/empty.png", (6, 8)).write_bytes(b"")
    write("masks/empty.png", np.zeros((6, 8)))
    message = problems(tmp_path)
    assert message.startswith("the data set has 7 problems; repair or remove (`densa doctor` says how):\n")
    for part in (
        "lonely.png: image without a mask", "orphan.png: mask without an image", "2 images of one stem",
        "size.png: the mask is 8x6, the image 6x8", "value.png: mask has values 7", "bands.png: 1 n_bands",
        "empty.png is empty",
    ):  # fmt: skip
        assert part.replace("1 n_bands", "1 bands") in message


def test_ten_are_listed_and_the_rest_counted(pairs, write, tmp_path):
    pairs(2)
    for i in range(14):
        write(f"images/x{i:02}.png", (6, 8))
    message = problems(tmp_path)
    assert message.startswith("the data set has 14 problems")
    assert message.count("image without a mask") == 10
    assert message.endswith("... and 4 more")


@pytest.mark.parametrize("kind", ["images", "masks"])
@pytest.mark.parametrize("damage", ["truncated", "garbage", "zero"])
def test_damaged_files(pairs, write, tmp_path, kind, damage):
    pairs(3)
    path = write(f"{kind}/01.png", np.random.default_rng(0).integers(0, 255, (200, 300, 3)))
    content = path.read_bytes()
    path.write_bytes({"truncated": content[: len(content) // 2], "garbage": b"hello" * 99, "zero": b""}[damage])
    message = problems(tmp_path)
    assert "has 1 problem;" in message
    assert f"{kind}/01.png" in message


def test_unknown_colors(write, tmp_path):
    legend = Legend(("red", "blue"), ((255, 0, 0), (0, 0, 255)))
    for i, color in enumerate([(255, 0, 0), (0, 0, 255), (254, 0, 0)]):
        write(f"images/{i}.jpg", (6, 8))
        write(f"masks/{i}.png", np.full((6, 8, 3), color))
    assert "2.png: mask has colours #FE0000" in problems(tmp_path, legend)


def test_types_that_differ(pairs, tmp_path):
    pairs(3)
    raster.write_bands(tmp_path / "images" / "02.tif", np.ones((3, 6, 8), np.uint16))
    (tmp_path / "images" / "02.png").unlink()
    assert "02.tif: uint16 values, 2 other images have uint8" in problems(tmp_path)


def test_bands_that_differ_between_splits(pairs, write, tmp_path):
    pairs(3, "train/images", "train/masks")
    write("val/images/v.png", np.ones((6, 8)))
    write("val/masks/v.png", np.zeros((6, 8)))
    found = datasets.open(tmp_path, legend=LEGEND)
    assert datasets.check(found["val"]) == 1
    with pytest.raises(InputError, match=r"v\.png: 1 bands, 3 other images have 3"):
        datasets.check(*found.values())


def test_images_without_a_valid_pixel(pairs, tmp_path):
    pairs(2)
    Image.fromarray(np.zeros((6, 8, 4), np.uint8)).save(tmp_path / "images" / "00.png")
    assert "00.png: no pixel is valid" in problems(tmp_path)


def test_invalid_pixels_have_no_label(pairs, tmp_path):
    pairs(1)
    pixels = np.full((6, 8, 4), 255, np.uint8)
    pixels[2:4, :, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "images" / "00.png")
    part = open_all(tmp_path)
    assert datasets.check(part) == 3
    labels = part.labels(0)
    assert (labels[2:4] == IGNORE).all()
    assert (labels[:2] != IGNORE).all()
    # The classes are counted where there is an image.
    counts = datasets.class_frequencies(part)
    assert counts.pixels.sum() == 32
    assert list(counts.pixels_of_images) == [32, 32, 32]


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_tiny_images_are_no_problem(write, tmp_path, shape):
    write("images/a.png", shape)
    write("masks/a.png", np.zeros(shape))
    part = open_all(tmp_path)
    assert datasets.check(part) == 3
    batch = datasets.PatchSampler(part, 4, seed=0).batch(0, 2)
    assert (batch.labels != IGNORE).sum() == 2 * min(shape[0], 4) * min(shape[1], 4)


@pytest.mark.realdata
def test_camvid_is_sound(realdata):
    found = datasets.open(realdata / "camvid")
    assert {split: len(part) for split, part in found.items()} == {"train": 367, "val": 101}
    assert datasets.check(found["val"]) == 3


def _trained(tmp_path, masks, legend=None):
    """A data set of images of noise with the given masks, and none that validates."""
    rng = np.random.default_rng(0)
    for i, mask in enumerate(masks):
        for kind, values in (("images", rng.integers(0, 255, mask.shape, np.uint8)), ("masks", mask)):
            (tmp_path / kind).mkdir(exist_ok=True)
            Image.fromarray(values).save(tmp_path / kind / f"{i}.png")
    legend = legend or Legend(("field", "road"), ignored_codes=(9,))
    return datasets.open(tmp_path, legend=legend, split=datasets.SplitRule(val_fraction=0))["train"]


HALVES = np.repeat([0, 1], 8)[None].repeat(16, 0).astype(np.uint8)


@pytest.mark.parametrize(
    ("masks", "said"),
    [
        ([np.zeros((16, 16), np.uint8)] * 4, "all labelled pixels of 4 training images are of the class field"),
        ([np.full((16, 16), 9, np.uint8)] * 2, "no pixel of 2 training images has a label"),
        ([HALVES] * 3, "the masks of all 3 training images are equal"),
    ],
)
def test_labels_that_would_waste_a_training_are_refused(tmp_path, masks, said):
    train = _trained(tmp_path, masks)
    assert datasets.check(train) == 1
    with pytest.raises(InputError, match=said):
        datasets.check(train, training=True)


def test_what_is_not_learnt_is_told(tmp_path):
    train = _trained(tmp_path, [HALVES, 1 - HALVES], Legend(("field", "road", "roof")))
    (tmp_path / "val").mkdir()
    val = _trained(tmp_path / "val", [HALVES + 1], train.legend)
    lines = []
    datasets.check(train, val, training=True, tell=lines.append)
    assert [line.partition(";")[0] for line in lines] == ["roof occurs in validation, but not in training"]
