"""Leaks are found, and sound images raise none."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from densa import raster
from densa.datasets import Sample
from densa.datasets.leaks import find_leaks


def field(rng, height=160, width=192, bands=1, sigma=2.0):
    """A picture of blurred noise with grain."""
    smooth = gaussian_filter(rng.normal(size=(bands, height, width)), (0, sigma, sigma))
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    return (20 + 200 * smooth + rng.normal(0, 3, smooth.shape)).clip(0, 255).astype(np.uint8)


@pytest.fixture
def found(tmp_path):
    """found({"train/a": array, ...}): kinds and names of the leaks."""

    def find(images, places=None, **options):
        samples, splits = [], []
        for name, values in images.items():
            split, _, stem = name.partition("/")
            path = tmp_path / f"{split}-{stem.replace('/', '-')}.tif"
            raster.write_bands(path, np.asarray(values), like=(places or {}).get(name), overwrite=True)
            samples.append(Sample(stem, path, None, stem))
            splits.append(split)
        leaks = find_leaks(samples, splits, **options)
        return {(leak.kind, samples[leak.first].name, samples[leak.second].name) for leak in leaks if leak.sure}

    return find


def jpeg(image, quality):
    store = io.BytesIO()
    Image.fromarray(image[0]).save(store, "JPEG", quality=quality)
    return np.asarray(Image.open(store))[None]


def smaller(image, share):
    size = round(image.shape[2] * share), round(image.shape[1] * share)
    return np.asarray(Image.fromarray(image[0]).resize(size, Image.Resampling.BILINEAR))[None]


def test_copies_of_the_same_pixels(found, rng):
    a, b, c = field(rng), field(rng), field(rng)
    assert found({"train/a": a, "train/b": b, "val/c": c, "val/d": a}) == {("copy", "a", "d")}
    assert found({"train/a": a, "train/b": a, "val/c": c}) == set()
    assert found({"train/a": a, "train/b": a, "val/c": c}, within=True) == {("copy", "a", "b")}


@pytest.mark.parametrize(
    "altered",
    [
        lambda a: jpeg(a, 60),
        lambda a: smaller(a, 0.7),
        lambda a: a[:, :, ::-1],
        lambda a: a[:, ::-1],
        lambda a: np.rot90(a, axes=(1, 2)),
        lambda a: (a * 0.8 + 15).astype(np.uint8),
    ],
    ids=["compressed", "scaled", "mirrored", "flipped", "turned", "darker"],
)
def test_near_copies(found, rng, altered):
    a, b = field(rng, sigma=8), field(rng, sigma=8)
    leaks = found({"train/a": a, "train/b": b, "val/c": np.ascontiguousarray(altered(a))})
    assert {pair for pair in leaks if pair[0] != "adjacent"} == {("near-copy", "a", "c")}


def test_alike_is_no_copy(found, rng):
    """One arrangement, as of a phantom or of drawn fixtures, with its own grain in every image; blank tiles."""
    rows, columns = np.mgrid[:160, :192]
    shape = 60 + 100.0 * ((rows - 80) ** 2 + (columns - 90) ** 2 < 60**2)
    images = {
        f"{split}/{k}": (shape + rng.normal(0, 8, shape.shape)).clip(0, 255).astype(np.uint8)[None]
        for k, split in enumerate(["train"] * 4 + ["val"] * 3)
    }
    blank = np.full((1, 160, 192), 7, np.uint8)
    noise = {
        f"{split}/n{split}": (127 + rng.normal(0, 2, shape.shape)).astype(np.uint8)[None] for split in ("train", "val")
    }
    assert found({**images, **noise, "train/x": blank, "val/y": blank}) == set()


def test_tiles_that_share_pixels(found, rng):
    scene = field(rng, 160, 400, bands=3)
    leaks = found({"train/a": scene[:, :, :200], "val/b": scene[:, :, 150:350], "train/c": field(rng, 160, 200, 3)})
    assert leaks == {("overlap", "a", "b")}


@pytest.mark.parametrize("stretch", [lambda a: a, lambda a: (a.astype(np.float32) - 90) / 50])
def test_tiles_that_share_rows(found, rng, stretch):
    scene = stretch(field(rng, 400, 160))
    assert found({"train/a": scene[:, :250], "val/b": scene[:, 200:380]}) == {("overlap", "a", "b")}


def test_tiles_that_touch(found, rng):
    scene = field(rng, 256, 256, sigma=2)
    tiles = {(r, c): scene[:, 128 * r : 128 * r + 128, 128 * c : 128 * c + 128] for r in (0, 1) for c in (0, 1)}
    images = {f"{'val' if place == (0, 1) else 'train'}/{place[0]}{place[1]}": tile for place, tile in tiles.items()}
    images |= {f"train/x{k}": field(rng, 128, 128) for k in range(6)}
    assert found(images) == {("adjacent", "00", "01"), ("adjacent", "01", "11")}


def test_overlap_on_the_ground(found, rng):
    from affine import Affine
    from rasterio.crs import CRS

    def at(x, y, epsg=32632, size=2.0):
        return raster.Georeference(CRS.from_epsg(epsg), Affine(size, 0, x, 0, -size, y))

    images = {name: field(rng, 100, 100) for name in ("train/a", "train/b", "val/c", "val/d")}
    x, y = 500_000, 5_200_000
    apart = {"train/a": at(x, y), "train/b": at(x + 200, y), "val/c": at(x + 400, y), "val/d": at(x, y - 200)}
    assert found(images, apart) == set()
    places = {**apart, "val/c": at(x + 150, y + 30)}
    assert found(images, places) == {("overlap", "a", "c"), ("overlap", "b", "c")}
    degrees = {**apart, "val/c": at(9.0, 46.953, 4326, 2e-5)}  # 500 000 E is 9 degrees of longitude
    assert found(images, degrees) == {("overlap", "a", "c")}


def test_one_georeference_for_all_says_nothing(found, rng):
    from affine import Affine

    place = raster.Georeference(None, Affine(1, 0, 0, 0, -1, 0))
    images = {name: field(rng, 64, 64) for name in ("train/a", "val/b", "val/c")}
    assert found(images, dict.fromkeys(images, place)) == set()


def test_scenes_by_name(found, rng):
    images = {name: field(rng) for name in ("train/area1_tile_1", "train/area2_tile_1", "val/area1_tile_2")}
    assert found(images) == {("scene", "area1_tile_1", "area1_tile_2")}


def test_scenes_by_folder(rng, tmp_path):
    paths = []
    for k in range(3):
        paths.append(tmp_path / f"{k}.tif")
        raster.write_bands(paths[-1], field(rng))
    groups = ["site 1", "site 2", "site 1"]
    samples = [Sample(f"{group}/{path.stem}", path, None, group) for group, path in zip(groups, paths, strict=True)]
    assert [leak.kind for leak in find_leaks(samples, ["train", "train", "val"])] == ["scene"]
    assert find_leaks(samples, ["val", "train", "val"]) == []


def test_what_cannot_be_read_is_left_to_other_checks(tmp_path, rng):
    raster.write_bands(tmp_path / "a.tif", field(rng))
    (tmp_path / "b.tif").write_bytes(b"no image")
    samples = [Sample(stem, Path(tmp_path / f"{stem}.tif"), None, stem) for stem in "ab"]
    calls = []
    assert find_leaks(samples, ["train", "val"], progress=lambda *step: calls.append(step)) == []
    assert calls == [(1, 2), (2, 2)]


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["isbi2012", "dic_hela"])
def test_real_frames_are_no_copies(realdata, name):
    """Slices of one stack, and frames of one film, resemble each other."""
    from densa.datasets.layouts.find import find_layout

    samples = find_layout(realdata / name).samples
    assert find_leaks(samples, ["train", "val"] * (len(samples) // 2) + ["train"] * (len(samples) % 2)) == [] or all(
        leak.kind == "scene" for leak in find_leaks(samples, [str(k) for k in range(len(samples))])
    )
