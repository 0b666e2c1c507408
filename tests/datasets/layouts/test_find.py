import numpy as np
import pytest
from PIL import Image

from densa import InputError, datasets
from densa.datasets import SplitRule
from densa.datasets.layouts.pairing import pair_folders
from densa.legend import IGNORE

MASK = np.resize([0, 1, 2], (6, 8))
WHOLE = SplitRule(val_fraction=0)


def names(dataset):
    return [sample.name for sample in dataset.samples]


@pytest.mark.parametrize("images", ["images", "imgs", "JPEGImages", "img_dir"])
@pytest.mark.parametrize("masks", ["masks", "labels", "annotations", "gt"])
def test_paired_folders(pairs, tmp_path, images, masks):
    stems = pairs(3, images, masks)
    found = datasets.open(tmp_path, split=WHOLE)
    assert list(found) == ["train"]
    assert names(found["train"]) == stems
    assert found["train"].n_bands == datasets.check(*found.values()) == 3


@pytest.mark.parametrize("form", ["{split}/{kind}", "{kind}/{split}", "data/{split}/{kind}"])
def test_splits_above_or_below(pairs, tmp_path, form):
    for split, n in (("train", 3), ("valid", 2), ("test", 1)):
        pairs(n, form.format(split=split, kind="images"), form.format(split=split, kind="masks"))
    found = datasets.open(tmp_path)
    assert {split: len(part) for split, part in found.items()} == {"train": 3, "val": 2, "test": 1}
    assert names(found["train"]) == ["00", "01", "02"]
    assert datasets.check(*found.values()) == 3


def test_segnet_with_a_test_split_without_masks(pairs, write, tmp_path):
    pairs(3, "train", "trainannot")
    pairs(2, "val", "valannot")
    write("test/x.png", (6, 8))
    found = datasets.open(tmp_path)
    assert {split: len(part) for split, part in found.items()} == {"train": 3, "val": 2, "test": 1}
    assert found["test"].samples[0].mask is None
    assert datasets.check(found["train"], found["val"]) == 3
    with pytest.raises(InputError, match="image without a mask"):
        datasets.check(found["test"])


def test_camvid_is_known_by_its_twelve_values(write, tmp_path):
    write("train/a.png", (6, 8))
    write("trainannot/a.png", np.resize(np.arange(12), (6, 8)))
    train = datasets.open(tmp_path)["train"]
    assert train.legend.class_names[8] == "car"
    assert train.legend.n_classes == 11
    assert (train.labels(0) == IGNORE).sum() == 4


def test_pascal_voc(write, tmp_path):
    root = tmp_path / "VOCdevkit" / "VOC2012"
    for stem in ("a", "b", "c", "unlabelled"):
        write(f"VOCdevkit/VOC2012/JPEGImages/{stem}.jpg", (6, 8))
    for stem in ("a", "b", "c"):
        mask = np.resize([0, 12, 255], (6, 8))
        write(f"VOCdevkit/VOC2012/SegmentationClass/{stem}.png", mask, palette=list(range(255)) + [0] * 513)
    lists = root / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    for split, stems in (("train", "a\nb\n"), ("val", "c\n"), ("trainval", "a\nb\nc\n")):
        (lists / f"{split}.txt").write_text(stems)
    found = datasets.open(tmp_path)
    assert {split: names(part) for split, part in found.items()} == {"train": ["a", "b"], "val": ["c"]}
    assert found["train"].legend.class_names[12] == "dog"
    assert set(np.unique(found["train"].labels(0))) == {0, 12, IGNORE}
    (lists / "train.txt").unlink()
    (lists / "val.txt").unlink()
    assert sum(len(part) for part in datasets.open(tmp_path).values()) == 3


def test_scenes_are_groups(pairs, tmp_path):
    for scene in ("Tile 1", "Tile 2", "Tile 3"):
        pairs(4, f"{scene}/images", f"{scene}/masks")
    found = datasets.open(tmp_path, split=SplitRule(val_groups=("Tile 2",)))
    assert names(found["val"]) == [f"Tile 2/0{i}" for i in range(4)]
    assert {sample.group for sample in found["train"].samples} == {"Tile 1", "Tile 3"}


def test_scenes_below_the_kinds(pairs, tmp_path):
    for scene in ("north", "south"):
        pairs(2, f"images/train/{scene}", f"masks/train/{scene}")
    pairs(1, "images/val/west", "masks/val/west")
    found = datasets.open(tmp_path)
    assert {sample.group for sample in found["train"].samples} == {"north", "south"}
    assert names(found["val"]) == ["west/00"]


def test_cell_tracking(write, tmp_path):
    cells = np.zeros((6, 8), np.uint16)
    cells[:2, :2], cells[4:, 4:] = 7, 300
    for number in ("000", "001", "002"):
        path = tmp_path / "01" / f"t{number}.tif"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((6, 8), 9, np.uint8)).save(path)
    write("01_GT/SEG/man_seg001.tif", cells)
    train = datasets.open(tmp_path)["train"]
    assert names(train) == ["01/t001"]
    assert datasets.check(train) == 1
    assert train.labels(0).sum() == 12
    assert set(np.unique(train.instances(0))) == {0, 7, 300}


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("a.jpg", "a.png"), ("a.jpg", "a_mask.png"), ("a.png", "a_label.png"), ("a.png", "a_gt.png"),
        ("a.png", "a_L.png"), ("image_7.png", "mask_7.png"), ("x_S2Hand.tif", "x_LabelHand.tif"),
        ("a_rgb.png", "a_mask.png"), ("v1.5.png", "v1.5_mask.png"),
    ],
)  # fmt: skip
def test_stems_may_carry_marks(tmp_path, image, mask):
    for folder, name in (("images", image), ("masks", mask)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(b"")
    samples, problems = pair_folders(tmp_path / "images", tmp_path / "masks")
    assert samples[0].mask == tmp_path / "masks" / mask
    assert problems == []


def test_an_exact_stem_beats_a_mark(tmp_path):
    for path in ("images/a.png", "images/a_gt.png", "masks/a.png", "masks/a_gt.png"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"")
    samples, problems = pair_folders(tmp_path / "images", tmp_path / "masks")
    assert [sample.mask.name for sample in samples] == ["a.png", "a_gt.png"]
    assert problems == []


def test_folders_of_other_names(pairs, tmp_path):
    pairs(2, "scenes/S2", "truth")
    with pytest.raises(InputError, match="holds no data set"):
        datasets.open(tmp_path)
    assert len(datasets.open(tmp_path, images="scenes/S2", masks="truth", split=WHOLE)["train"]) == 2
    with pytest.raises(InputError, match="not a folder"):
        datasets.open(tmp_path, images="scenes/S2", masks="nowhere")
    with pytest.raises(InputError, match="go together"):
        datasets.open(tmp_path, images="scenes/S2")


def test_stacks_become_pages_of_one_group(tmp_path):
    for folder, low in (("images", 50), ("masks", 0)):
        (tmp_path / folder).mkdir()
        for stem in ("one", "two"):
            pages = [Image.fromarray(np.resize([low, low + 1 + k], (6, 8)).astype(np.uint8)) for k in range(3)]
            pages[0].save(tmp_path / folder / f"{stem}.tif", save_all=True, append_images=pages[1:])
    found = datasets.open(tmp_path, split=SplitRule(val_groups=("two",)))
    assert names(found["train"]) == ["one_0", "one_1", "one_2"]
    assert datasets.check(*found.values()) == 1
    assert found["train"].image(2)[0].max() == 53
    assert found["train"].labels(2).max() == 3


def test_no_data_set(tmp_path):
    with pytest.raises(InputError, match="holds no data set"):
        datasets.open(tmp_path)
    with pytest.raises(InputError, match="is not one"):
        datasets.open(tmp_path / "missing")
    (tmp_path / "images").mkdir()
    (tmp_path / "img").mkdir()
    with pytest.raises(InputError, match="several folders"):
        datasets.open(tmp_path)


@pytest.mark.realdata
def test_dubai_is_split_by_tile(realdata):
    found = datasets.open(realdata / "dubai")
    assert sum(len(part) for part in found.values()) == 63
    scenes = [{sample.group for sample in part.samples} for part in found.values()]
    assert set.union(*scenes) == {f"Tile {i}" for i in (1, 2, 3, 4, 5, 6, 8)}
    assert not scenes[0] & scenes[1]


@pytest.mark.realdata
def test_isbi_is_two_classes(realdata):
    found = datasets.open(realdata / "isbi2012")
    assert {split: len(part) for split, part in found.items()} == {"train": 16, "val": 4}
    assert found["train"].legend.codes == (0, 255)
    assert found["train"].labels(0).max() == 1
