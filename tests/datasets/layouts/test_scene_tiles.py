"""Tiles of a scene, by their georeference."""

from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from densa import datasets, raster
from densa.datasets import SplitRule
from densa.datasets.layouts.scene_tiles import scenes_of_tiles, strips_of_tiles
from densa.raster.alignment import Frame

UTM = CRS.from_epsg(32632)


def frame(column, row, *, height=10, width=10, pixel=2.0, crs=UTM):
    place = raster.Georeference(crs, Affine(pixel, 0, 5e5 + pixel * column, 0, -pixel, 5e6 - pixel * row))
    return Frame(Path("t.tif"), height, width, place)


def test_tiles_that_share_a_side_are_of_one_scene():
    tiles = [frame(0, 0), frame(10, 0), frame(10, 10), frame(200, 0), frame(200, 10), frame(0, 300)]
    scenes = scenes_of_tiles(tiles)
    assert scenes[0] == scenes[1] == scenes[2]
    assert scenes[3] == scenes[4]
    assert len(set(scenes.tolist())) == 3


@pytest.mark.parametrize(
    "tiles",
    [
        [frame(0, 0), frame(30, 0)],
        [frame(0, 0), frame(0, 0)],  # the same place
        [frame(0, 0), frame(10, 10)],  # a corner alone
        [frame(0, 0), frame(5, 0)],  # overlap by half
        [frame(0, 0), frame(10, 0, crs=CRS.from_epsg(32633))],
        [frame(0, 0), frame(5, 0, pixel=4.0)],
        [frame(0, 0), None],
        [frame(0, 0)],
    ],
)
def test_other_images_are_not(tiles):
    assert scenes_of_tiles(tiles) is None


def test_tiles_whose_borders_are_rounded_adjoin():
    assert scenes_of_tiles([frame(0, 0), frame(10.4, 0)]) is not None
    assert scenes_of_tiles([frame(0, 0), frame(9.6, 0)]) is not None


def test_strips_are_across_the_longer_side():
    tiles = [frame(10 * c, 10 * r) for r in range(2) for c in range(10)]
    assert strips_of_tiles(tiles).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4] * 2


@pytest.fixture
def folder(tmp_path):
    def make(places):
        for folder in ("images", "masks"):
            (tmp_path / folder).mkdir()
        for k, (column, row) in enumerate(places):
            place = frame(column, row).georeference
            values = np.random.default_rng(k).integers(0, 99, (10, 10)).astype(np.uint8)
            raster.write_bands(tmp_path / "images" / f"t{k:02}.tif", values[None], like=place)
            raster.write_bands(tmp_path / "masks" / f"t{k:02}.tif", np.eye(10, dtype=np.uint8)[None], like=place)
        return tmp_path

    return make


def test_a_scene_is_in_one_split(folder):
    root = folder([(1000 * s + 10 * c, 0) for s in range(5) for c in range(3)])
    for seed in range(4):
        splits = datasets.open(root, split=SplitRule(seed=seed))
        scenes = {name: {sample.group for sample in split.samples} for name, split in splits.items()}
        assert scenes["train"] & scenes["val"] == set()
        assert len(splits["val"]) == 3
    assert "the 15 images are tiles of 5 scenes" in " ".join(splits["train"].taken)


def test_one_scene_is_divided_into_strips(folder):
    root = folder([(10 * c, 10 * r) for r in range(3) for c in range(5)])
    splits = datasets.open(root)
    assert len(splits["val"]) == 3
    assert len({int(sample.name[1:]) % 5 for sample in splits["val"].samples}) == 1  # one column of tiles
    assert "the 15 images are tiles of one scene" in " ".join(splits["train"].taken)
    by_image = datasets.open(root, split=SplitRule(by="image"))
    assert len({int(sample.name[1:]) % 5 for sample in by_image["val"].samples}) > 1


def test_parts_of_a_mosaic_are_not_read_beside_it(folder):
    root = folder([(0, 0), (10, 0), (500, 0)])
    for kind in ("images", "masks"):
        sources = "".join(
            f'<SimpleSource><SourceFilename relativeToVRT="1">t0{k}.tif</SourceFilename><SourceBand>1</SourceBand>'
            '<SrcRect xOff="0" yOff="0" xSize="10" ySize="10"/>'
            f'<DstRect xOff="{10 * k}" yOff="0" xSize="10" ySize="10"/></SimpleSource>'
            for k in range(2)
        )
        band = f'<VRTRasterBand dataType="Byte" band="1">{sources}</VRTRasterBand>'
        place = "<GeoTransform>500000, 2, 0, 5000000, 0, -2</GeoTransform>"
        text = f'<VRTDataset rasterXSize="20" rasterYSize="10"><SRS>EPSG:32632</SRS>{place}{band}</VRTDataset>'
        (root / kind / "mosaic.vrt").write_text(text)
    part = datasets.open(root, split=SplitRule(val_fraction=0))["train"]
    assert [sample.name for sample in part.samples] == ["mosaic", "t02"]
    assert "2 images are parts of a mosaic (mosaic.vrt, ...) and are left out" in part.taken
    assert datasets.check(part) == 1
    assert part.labels(0).shape == (10, 20)
