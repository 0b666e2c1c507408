import numpy as np
import pytest
from numpy.testing import assert_array_equal

from densa import InputError, Legend, datasets, raster
from densa.datasets import SplitRule


@pytest.fixture
def part(write, tmp_path):
    mask = np.zeros((6, 8))
    mask[:2, :3], mask[4:, :3], mask[:, 5] = 1, 1, 2
    write("images/a.png", (6, 8))
    write("masks/a.png", mask)
    return datasets.open(tmp_path)["train"]


def test_image_labels_and_size(part):
    bands, valid = part.image(0)
    assert bands.shape == (3, 6, 8)
    assert valid.all()
    assert part.size(0) == (6, 8)
    assert part.labels(0).dtype == np.uint8
    window, _ = part.image(0, raster.Window(1, 2, 3, 4))
    assert_array_equal(window, bands[:, 1:4, 2:6])


def test_instances_are_the_components_of_each_class(part):
    objects = part.instances(0)
    assert objects.max() == 3
    assert (objects > 0).sum() == (part.labels(0) > 0).sum()
    assert len(np.unique(objects[part.labels(0) == 1])) == 2
    assert_array_equal(np.unique(objects[:, 5]), [3])


def test_a_missing_mask(part):
    without = datasets.Dataset((datasets.Sample("a", part.samples[0].image, None, "a"),), part.legend)
    with pytest.raises(InputError, match="has no mask"):
        without.labels(0)


def test_a_mask_of_another_size(part, write):
    write("masks/a.png", np.zeros((8, 6)))
    with pytest.raises(InputError, match="is 8x6, the image 6x8"):
        part.labels(0)


def test_instance_masks_have_two_classes(write, tmp_path):
    write("01/t000.tif", np.zeros((6, 8)))
    write("01_ST/SEG/man_seg000.tif", np.eye(6, 8, dtype=np.uint16) * 400)
    nuclei = datasets.open(tmp_path, legend=Legend(("nothing", "nucleus")))["train"]
    assert nuclei.legend.class_names == ("nothing", "nucleus")
    assert nuclei.labels(0).sum() == 6
    with pytest.raises(InputError, match="have 2 classes"):
        datasets.open(tmp_path, legend=Legend(("a", "b", "c")))


def test_a_folder_that_may_not_be_read(part, tmp_path, monkeypatch):
    def refuse(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr("densa.datasets.image_files.os.listdir", refuse)
    with pytest.raises(InputError, match=r"cannot be read.*Permission denied"):
        datasets.open(tmp_path)


@pytest.mark.realdata
def test_hela_cells(realdata):
    part = datasets.open(realdata / "dic_hela", split=SplitRule(val_fraction=0.3, by="image"))
    assert {split: len(samples) for split, samples in part.items()} == {"train": 6, "val": 3}
    assert datasets.check(*part.values()) == 1
    assert len(np.unique(part["train"].instances(0))) > 5
