"""Images whose bands are files of their own."""

from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from densa import InputError, datasets, raster
from densa.datasets import SplitRule
from densa.datasets.band_files import band_of, channels_of_cases, scenes_in_bands


@pytest.mark.parametrize(
    ("stem", "told"),
    [
        ("T32TPT_20200722T101559_B04", ("T32TPT_20200722T101559", "B04")),
        ("T32TPT_20200722T101559_B8A_20m", ("T32TPT_20200722T101559", "B8A")),
        ("LC08_L1TP_193027_B10", ("LC08_L1TP_193027", "B10")),
        ("LC09_L2SP_193027_SR_B4", ("LC09_L2SP_193027", "SR_B4")),
        ("scene.band_2", ("scene", "band_2")),
        ("field-nir", ("field", "nir")),
        ("field_RED", ("field", "RED")),
        ("scene_12", None),
        ("B04", None),
        ("scene_B13", None),
        ("scene_B04_mask", None),
        ("a_b", None),
    ],
)
def test_names(stem, told):
    assert band_of(stem) == told


def test_scenes_and_the_order_of_their_bands():
    names = ("a_B8A", "a_B08", "a_B11", "a_B02", "b_nir", "b_blue", "b_red", "c_B02", "d_B1", "other")
    found = scenes_in_bands(Path("x", f"{name}.tif") for name in names)
    assert {scene: [name for name, _ in bands] for (_, scene), bands in found.items()} == {
        "a": ["B02", "B08", "B8A", "B11"],
        "b": ["red", "blue", "nir"],
    }
    assert scenes_in_bands([Path("a_B02_10m.tif"), Path("a_B02_20m.tif")]) == {}


def test_channels_are_numbered_from_0_without_gaps():
    names = ("a_0001", "a_0000", "b_0000", "c_0000", "c_0002", "d_0001", "d_0002", "e_00", "e_01")
    found = channels_of_cases(Path("x", f"{name}.tif") for name in names)
    assert found == {(Path("x"), "a"): (Path("x/a_0000.tif"), Path("x/a_0001.tif"))}


@pytest.fixture
def folder(tmp_path):
    """Two scenes of three bands of 10 m and one of 20 m, with masks named by the scene."""
    rng = np.random.default_rng(0)

    def save(path, values, pixel):
        path.parent.mkdir(exist_ok=True)
        place = raster.Georeference(CRS.from_epsg(32632), Affine(pixel, 0, 5e5, 0, -pixel, 5.2e6))
        raster.write_bands(path, values[None], like=place)

    for scene in ("s1", "s2"):
        for k, band in enumerate(("B02", "B03", "B04")):
            values = (100 * k + rng.integers(0, 50, (20, 30))).astype(np.uint16)
            save(tmp_path / "images" / f"{scene}_{band}.tif", values, 10)
        save(tmp_path / "images" / f"{scene}_B05.tif", np.ones((10, 15), np.uint16), 20)
        save(tmp_path / "masks" / f"{scene}.tif", np.eye(20, 30, dtype=np.uint8), 10)
    return tmp_path


def test_they_are_one_image(folder):
    for path in (folder / "images").glob("*_B05.tif"):
        path.unlink()
    part = datasets.open(folder, split=SplitRule(val_fraction=0))["train"]
    assert [sample.name for sample in part.samples] == ["s1", "s2"]
    assert "the bands of 2 images lie in files of their own (s1_B02.tif, s1_B03.tif, ...)" in " ".join(part.taken)
    assert datasets.check(part) == 3
    bands, valid = part.image(0)
    assert bands.shape == (3, 20, 30)
    assert valid.all()
    assert [int(band.min()) // 100 for band in bands] == [0, 1, 2]


def test_bands_of_another_resolution_are_refused_until_others_are_chosen(folder):
    part = datasets.open(folder, split=SplitRule(val_fraction=0))["train"]
    with pytest.raises(InputError, match=r"must have one grid: .*s1_B05.tif 10 x 15 pixels.*choose bands of one"):
        datasets.check(part)
    chosen = datasets.open(folder, split=SplitRule(val_fraction=0), bands=["B04", "B02"])["train"]
    assert datasets.check(chosen) == 2
    assert [int(band.min()) // 100 for band in chosen.image(0)[0]] == [2, 0]


def test_images_with_masks_of_their_own_stay_apart(folder):
    for path in (folder / "images").glob("*.tif"):
        if path.stem.endswith("B05"):
            path.unlink()
        else:
            (folder / "masks" / path.name).write_bytes((folder / "masks" / f"{path.stem[:2]}.tif").read_bytes())
    for scene in ("s1", "s2"):
        (folder / "masks" / f"{scene}.tif").unlink()
    part = datasets.open(folder, split=SplitRule(val_fraction=0))["train"]
    assert len(part) == 6


@pytest.fixture
def of_three_bands(tmp_path):
    rng = np.random.default_rng(0)
    mask = np.zeros((40, 50), np.uint8)
    mask[10:30, 12:36] = 1
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for scene in "ab":
        for k, band in enumerate(("B02", "B03", "B04")):
            values = (mask.astype(int) * (k + 1) * 300 + rng.integers(0, 50, mask.shape)).astype(np.uint16)
            raster.write_bands(tmp_path / "images" / f"{scene}_{band}.tif", values[None])
        raster.write_bands(tmp_path / "masks" / f"{scene}.tif", mask[None])
    return tmp_path, mask


def test_files_of_bands_are_one_image(run_cli, of_three_bands):
    root, mask = of_three_bands
    quick = ["--model", "pixel-forest", "--trees", 5, "--samples", 400, "--scales", 1]
    code, _, err = run_cli("train", root, *quick, "--bands", "B04,B02", "-o", root / "run")
    assert code == 0, err
    assert "the bands of 2 images lie in files of their own" in err
    files = [root / "images" / f"a_{band}.tif" for band in ("B02", "B03", "B04")]
    code, _, err = run_cli("predict", root / "run", *files, "-o", root / "maps", "--tile-size", 16)
    assert code == 0, err
    assert "1 image read from files of the bands (B04, B02); first: a.tif" in err
    assert [path.name for path in (root / "maps").glob("*.png")] == ["a.png"]
    assert (raster.read_label_map(root / "maps" / "a.png")[0] == mask).mean() > 0.99
    code, _, err = run_cli("predict", root / "run", root / "images", "-o", root / "all", "--workers", 2)
    assert code == 0, err
    assert sorted(path.name for path in (root / "all").glob("*.png")) == ["a.png", "b.png"]
    assert (root / "all" / "a.png").read_bytes() == (root / "maps" / "a.png").read_bytes()
    code, _, err = run_cli("evaluate", root / "run", root, "--json", "-o", root / "report")
    assert code == 0, err
    code, _, err = run_cli("predict", root / "run", files[0], "-o", root / "no")
    assert code == 2
