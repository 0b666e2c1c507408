import numpy as np
import pytest
from affine import Affine
from numpy.testing import assert_array_equal
from rasterio.crs import CRS

from densa import InputError, datasets, raster
from densa.datasets import SplitRule, dataset
from densa.datasets.dataset import strips
from densa.legend import IGNORE


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


@pytest.mark.realdata
def test_hela_cells(realdata):
    part = datasets.open(realdata / "dic_hela", split=SplitRule(val_fraction=0.3, by="image"))
    assert {split: len(samples) for split, samples in part.items()} == {"train": 6, "val": 3}
    assert datasets.check(*part.values()) == 1
    assert len(np.unique(part["train"].instances(0))) > 5


@pytest.fixture
def holed(tmp_path):
    """A GeoTIFF of 60 x 40 with nodata, and its mask."""
    bands = np.random.default_rng(3).integers(1, 9, (2, 60, 40)).astype(np.uint8)
    bands[:, 20:33, 5:9] = 0
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    raster.write_bands(tmp_path / "images" / "a.tif", bands, nodata=0)
    raster.write_bands(tmp_path / "masks" / "a.tif", (np.indices((60, 40)).sum(axis=0) % 2)[None].astype(np.uint8))
    return datasets.open(tmp_path)["train"]


def windows_read(monkeypatch):
    """Folder of the file and window of each read from here on."""
    found, read = [], raster.Raster.read

    def note(self, window=None, **more):
        found.append((self.path.parent.name, window))
        return read(self, window, **more)

    monkeypatch.setattr(raster.Raster, "read", note)
    return found


def test_labels_are_those_of_valid_pixels_read_in_strips(holed, monkeypatch):
    expected = np.indices((60, 40)).sum(axis=0) % 2
    expected[20:33, 5:9] = IGNORE
    assert_array_equal(holed.labels(0), expected)
    monkeypatch.setattr(dataset, "_STRIP_PIXELS", 40 * 7)
    read = windows_read(monkeypatch)
    labels, valid = holed.labels_and_valid(0)
    assert_array_equal(labels, expected)
    assert_array_equal(valid, expected != IGNORE)
    heights = [window.height for folder, window in read if folder == "images"]
    assert heights == [7] * 8 + [4]  # once, and never more than a strip


def test_images_known_to_be_valid_are_not_read_again(part, monkeypatch):
    assert part.labels_and_valid(0)[1] is None
    read = windows_read(monkeypatch)
    labels, valid = part.labels_and_valid(0)
    assert valid is None
    assert labels.shape == (6, 8)
    assert "images" not in {folder for folder, _ in read}


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_the_reader_of_a_mask_gives_its_windows(write, tmp_path, suffix):
    write("images/a.png", (30, 40))
    write(f"masks/a.{suffix}", np.arange(1200).reshape(30, 40) % 3)
    part = datasets.open(tmp_path)["train"]
    read = part.mask_reader(0)
    whole = part.mask_labels(0)
    for window in (raster.Window(0, 0, 30, 40), raster.Window(3, 5, 7, 11), raster.Window(29, 39, 1, 1)):
        place = np.s_[window.row : window.row + window.height, window.column : window.column + window.width]
        assert_array_equal(read(window), whole[place])
        assert_array_equal(part.mask_labels(0, window), whole[place])


@pytest.mark.parametrize(("height", "width", "pixels"), [(10, 7, 21), (10, 7, 1), (3, 100, 1 << 24), (1, 1, 5)])
def test_strips_partition_the_image(height, width, pixels, monkeypatch):
    monkeypatch.setattr(dataset, "_STRIP_PIXELS", pixels)
    found = list(strips(height, width))
    assert [w.row for w in found] == list(np.cumsum([0, *(w.height for w in found)]))[:-1]
    assert sum(w.height for w in found) == height
    assert all(w.width == width and (w.height * width <= pixels or w.height == 1) for w in found)


def test_an_empty_data_set_has_no_bands(part):
    with pytest.raises(InputError, match="holds no image"):
        datasets.Dataset((), part.legend).n_bands  # noqa: B018


def test_a_subset_forgets_what_is_known_of_the_other_images(write, tmp_path):
    """Numbers of images are new: neither validity nor places of the old ones are taken for theirs."""
    for i, width in enumerate((8, 9, 10)):
        write(f"images/{i}.png", (6, width))
        write(f"masks/{i}.png", np.full((6, width), i % 2))
    part = datasets.open(tmp_path, split=SplitRule(val_fraction=0))["train"]
    for i in range(3):
        part.remember_valid(i, True)
        assert part.misplacement(i) is None  # remembers where image and mask lie
    some = part.subset([2, 0])
    assert [sample.name for sample in some.samples] == ["2", "0"]
    assert [some.size(i) for i in range(2)] == [(6, 10), (6, 8)]
    assert [some._frames(i)[0].width for i in range(2)] == [10, 8]
    assert some._all_valid == {}
    assert part._all_valid == dict.fromkeys(range(3), True)


def _placed(path, values, pixel, x=5e5):
    path.parent.mkdir(parents=True, exist_ok=True)
    place = raster.Georeference(CRS.from_epsg(32632), Affine(pixel, 0, x, 0, -pixel, 5.2e6))
    raster.write_bands(path, values if values.ndim == 3 else values[None], like=place)


@pytest.fixture
def coarse(tmp_path):
    """Images of 10 m, and masks of 20 m that reach beyond them on the right."""
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        fine = np.zeros((40, 60), np.uint8)
        fine[8:20, 10:31] = 1
        _placed(tmp_path / "images" / f"{name}.tif", rng.integers(1, 99, (2, 40, 60)).astype(np.uint8), 10)
        _placed(tmp_path / "masks" / f"{name}.tif", np.pad(fine, ((0, 0), (0, 8)))[::2, ::2], 20)
    return tmp_path


def test_masks_of_another_resolution_are_resampled_by_their_georeference(coarse):
    part = datasets.open(coarse, split=SplitRule(val_fraction=0))["train"]
    told = []
    assert datasets.check(part, tell=told.append) == 2
    line = "2 of 2 masks have another size than their image: they are resampled to its grid by the nearest pixel"
    assert told == [f"{line}, by their georeference"]
    expected = np.zeros((40, 60), np.uint8)
    expected[8:20, 10:32] = 1
    assert_array_equal(part.labels(0), expected)
    window = raster.Window(5, 7, 20, 30)
    assert_array_equal(part.mask_reader(0)(window), expected[5:25, 7:37])
    blocks = datasets.WindowDataset.of(part, [(0, raster.Window(4, 20, 30, 25))])
    datasets.check(blocks)
    assert_array_equal(blocks.labels(0), expected[4:34, 20:45])


def test_masks_without_a_georeference_must_have_the_size_of_the_image(coarse, write):
    for name in "ab":
        (coarse / "masks" / f"{name}.tif").unlink()
        write(f"masks/{name}.png", np.eye(20, 30))
    part = datasets.open(coarse, split=SplitRule(val_fraction=0))["train"]
    with pytest.raises(InputError, match="the mask is 20x30, the image 40x60"):
        datasets.check(part)


def test_masks_of_another_place_are_refused(coarse):
    (coarse / "masks" / "a.tif").unlink()
    _placed(coarse / "masks" / "a.tif", np.zeros((20, 30), np.uint8), 20, x=7e5)
    part = datasets.open(coarse, split=SplitRule(val_fraction=0))["train"]
    with pytest.raises(InputError, match="have no place on the ground in common"):
        datasets.check(part)
