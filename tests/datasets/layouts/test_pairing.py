import pytest

from densa.datasets.layouts.pairing import pair_folders


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("a.jpg", "a.png"), ("a.jpg", "a_mask.png"), ("a.png", "a_label.png"), ("a.png", "a_gt.png"),
        ("a.png", "a_L.png"), ("image_7.png", "mask_7.png"), ("x_S2Hand.tif", "x_LabelHand.tif"),
        ("a_rgb.png", "a_mask.png"), ("v1.5.png", "v1.5_mask.png"),
        ("a_000019_leftImg8bit.png", "a_000019_gtFine_labelIds.png"), ("a.jpg", "a_labelTrainIds.png"),
    ],
)  # fmt: skip
def test_stems_may_carry_marks(tmp_path, image, mask):
    for folder, name in (("images", image), ("masks", mask)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(b"")
    samples, problems = pair_folders(tmp_path / "images", tmp_path / "masks")
    assert samples[0].mask == tmp_path / "masks" / mask
    assert problems == []


def test_cityscapes_keeps_colours_and_instances_beside_the_labels(touch):
    ends = ("labelIds", "instanceIds", "color")
    folders = touch("images/b/x_leftImg8bit.png", *(f"masks/b/x_gtFine_{end}.png" for end in ends))
    samples, problems = pair_folders(*folders)
    assert [sample.mask.name for sample in samples] == ["x_gtFine_labelIds.png"]
    assert problems == []


def test_two_masks_of_one_image_are_named(touch):
    folders = touch("images/x_leftImg8bit.png", "masks/x_gtFine_labelIds.png", "masks/x_gtFine_labelTrainIds.png")
    samples, problems = pair_folders(*folders)
    assert samples[0].mask is None
    assert "2 masks of one image (x_gtFine_labelIds.png, x_gtFine_labelTrainIds.png)" in problems[0]


def test_an_exact_stem_beats_a_mark(tmp_path):
    for path in ("images/a.png", "images/a_gt.png", "masks/a.png", "masks/a_gt.png"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"")
    samples, problems = pair_folders(tmp_path / "images", tmp_path / "masks")
    assert [sample.mask.name for sample in samples] == ["a.png", "a_gt.png"]
    assert problems == []


@pytest.fixture
def touch(tmp_path):
    """Empty files below tmp_path."""

    def make(*paths):
        for path in paths:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(b"")
        return tmp_path / "images", tmp_path / "masks"

    return make


def test_subfolders_pair_with_their_like(touch):
    folders = touch("images/north/a.png", "images/south/a.png", "masks/north/a.png", "masks/south/a.png")
    samples, problems = pair_folders(*folders, group="2024")
    assert [(s.name, s.group, s.mask.parent.name) for s in samples] == [
        ("2024/north/a", "2024/north", "north"),
        ("2024/south/a", "2024/south", "south"),
    ]
    assert problems == []


def test_what_does_not_pair_is_a_problem(touch):
    images, masks = touch(
        "images/a.png", "images/lonely.png", "images/twice.png", "images/twice.jpg", "masks/a.png", "masks/orphan.png",
        "masks/twice.png",
    )  # fmt: skip
    samples, problems = pair_folders(images, masks)
    assert {sample.name: sample.mask and sample.mask.name for sample in samples} == {
        "a": "a.png", "lonely": None, "twice": "twice.png",
    }  # fmt: skip
    assert problems == [
        f"{images / 'twice.jpg'}: 2 images of one stem (twice.jpg, twice.png)",
        f"{masks / 'orphan.png'}: mask without an image",
    ]


def test_marks_that_fit_several_images_pair_with_none(touch):
    samples, problems = pair_folders(*touch("images/image_a.png", "images/a_rgb.png", "masks/a_mask.png"))
    assert [sample.mask for sample in samples] == [None, None]
    assert len(problems) == 1


def test_no_folder_of_masks(touch):
    images, _ = touch("images/a.png")
    samples, problems = pair_folders(images, None)
    assert samples[0].mask is None
    assert problems == []
