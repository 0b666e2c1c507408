import numpy as np
import pytest
from scipy import ndimage
from skimage import data, filters
from skimage.measure import label

from densa import InputError, datasets


def test_coins_make_a_data_set(tmp_path):
    found = datasets.open(datasets.coins(tmp_path / "coins"))
    assert {split: len(part) for split, part in found.items()} == {"train": 1, "test": 1}
    assert datasets.check(*found.values()) == 1
    halves = [found[split].image(0)[0][0] for split in ("train", "test")]
    np.testing.assert_array_equal(np.concatenate(halves, axis=1), data.coins())
    labels = [found[split].labels(0) for split in ("train", "test")]
    np.testing.assert_array_equal(np.concatenate(labels, axis=1), datasets.coin_labels())
    assert found["train"].legend.class_names == ("background", "coin")
    with pytest.raises(InputError, match="exist"):
        datasets.coins(tmp_path / "coins")
    datasets.coins(tmp_path / "coins", overwrite=True)


def test_outlines_sit_on_the_edges():
    """24 coins, none touching; the image's gradient is strongest on the outline and falls to both sides."""
    labels = datasets.coin_labels().astype(bool)
    assert label(labels).max() == 24
    gradient = filters.sobel(filters.gaussian(data.coins(), 0.7))
    distance = ndimage.distance_transform_edt(labels) - ndimage.distance_transform_edt(~labels)
    outside, on_edge, inside = (
        gradient[(distance >= low) & (distance <= high)].mean() for low, high in ((-4, -2.5), (-1, 1), (2.5, 4))
    )
    assert on_edge > 2 * max(outside, inside)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be created"):
        datasets.coins(tmp_path / "file" / "coins")
