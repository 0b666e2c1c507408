"""Maps that arrive usable: layout of Cloud-Optimized GeoTIFF, the same bytes in any order, what is carried along."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.testing import assert_array_equal
from rasterio.control import GroundControlPoint
from rasterio.rpc import RPC

from densa import raster
from densa.errors import InputError
from densa.legend import IGNORE, Legend
from densa.raster import BandsWriter, LabelMapWriter, Window, tiles
from densa.raster.raster import Georeference
from densa.raster.writing import cog

LEGEND = Legend(("road", "water", "tree"), ((128, 64, 128), (0, 0, 255), (0, 200, 0)))
PLACE = Georeference("EPSG:32630", Affine(10, 0, 500000, 0, -10, 4000000))
ROTATED = Georeference("EPSG:32630", Affine(8, 3, 500000, 3, -8, 4000000))


@pytest.fixture(scope="module")
def labels():
    rng = np.random.default_rng(0)
    labels = np.kron(rng.integers(0, 3, (130, 170)), np.ones((9, 7), int)).astype(np.uint8)
    labels[:300, :250] = IGNORE
    return labels


def levels_of(path):
    """Every resolution of a file, the full one first: how much smaller it is, and its values."""
    with rasterio.open(path) as file:
        yield 1, file.read()
        factors = file.overviews(1)
    for level, factor in enumerate(factors):
        with rasterio.open(path, overview_level=level) as file:
            yield factor, file.read()


def check_layout(path):
    """What makes a GeoTIFF a Cloud-Optimized one, as GDAL's `validate_cloud_optimized_geotiff` checks it."""
    with rasterio.open(path) as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.tags(ns="IMAGE_STRUCTURE")["COMPRESSION"] == "DEFLATE"
        assert set(file.block_shapes) == {(512, 512)}
        n_halvings = max(0, int(np.ceil(np.log2(max(file.shape) / 512))))
        assert file.overviews(1) == [2**k for k in range(1, n_halvings + 1)]
        # Headers first, then the pixels, small before large: a reader sees the whole map after one request.
        first = [int(file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1))]
        headers = [int(file.get_tag_item("IFD_OFFSET", "TIFF", bidx=1))]
        for level in range(n_halvings):
            first.append(int(file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1, ovr=level)))
            headers.append(int(file.get_tag_item("IFD_OFFSET", "TIFF", bidx=1, ovr=level)))
    assert headers == sorted(headers)
    assert first == sorted(first, reverse=True)
    assert max(headers) < min(first)
    assert b"LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4" in path.read_bytes()[:400]


@pytest.mark.parametrize("like", [PLACE, None])
def test_label_map_is_cloud_optimized(tmp_path, labels, like):
    raster.write_label_map(tmp_path / "a.tif", labels, LEGEND, like=like)
    check_layout(tmp_path / "a.tif")
    for factor, values in levels_of(tmp_path / "a.tif"):
        assert values.shape[1:] == tuple(side // factor for side in labels.shape)
        assert set(np.unique(values)) == {0, 1, 2, IGNORE}
    with raster.open(tmp_path / "a.tif") as opened:  # by windows again, and overviews are no pages
        assert opened.n_pages == 1
        for window, _ in tiles(*labels.shape, 400):
            place = np.s_[window.row : window.row + window.height, window.column : window.column + window.width]
            assert_array_equal(opened.read(window)[1], labels[place] != IGNORE)
    assert_array_equal(raster.read_label_map(tmp_path / "a.tif")[0], labels)


def test_overviews_hold_the_most_frequent_class(tmp_path, labels):
    raster.write_label_map(tmp_path / "a.tif", labels, LEGEND)
    (_, full), (_, half), *_ = levels_of(tmp_path / "a.tif")
    rows, columns = (side // 2 * 2 for side in labels.shape)
    blocks = full[0, :rows, :columns].reshape(rows // 2, 2, columns // 2, 2).swapaxes(1, 2).reshape(-1, 4)
    counts = np.stack([(blocks == k).sum(axis=1) for k in range(3)], axis=1)
    chosen = half[0, : rows // 2, : columns // 2].ravel()
    labelled = counts.any(axis=1)
    assert_array_equal(chosen != IGNORE, labelled)
    assert_array_equal(counts[labelled, chosen[labelled]], counts[labelled].max(axis=1))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_the_same_pixels_are_the_same_bytes(tmp_path, labels, rng, dtype):
    """Whatever the windows and their order; GDAL alone would store blocks as they come."""
    bands = np.stack([labels, labels[::-1]]).astype(dtype)
    for name, size in (("a", 2000), ("b", 512), ("c", 300), ("d", 200)):
        cores = [core for core, _ in tiles(*labels.shape, size)]
        with (
            LabelMapWriter(tmp_path / f"{name}.map.tif", *labels.shape, LEGEND, like=PLACE, tags={"X": "1"}) as one,
            BandsWriter(tmp_path / f"{name}.tif", 2, *labels.shape, dtype, like=PLACE, scale=0.5) as two,
        ):
            for i in rng.permutation(len(cores)):
                row, column, height, width = cores[i]
                place = np.s_[row : row + height, column : column + width]
                one.write(cores[i], labels[place])
                two.write(cores[i], bands[:, *place])
    for suffix in (".map.tif", ".tif", ".map.tif.aux.xml"):
        assert len({(tmp_path / f"{name}{suffix}").read_bytes() for name in "abcd"}) == 1
    assert len(list(tmp_path.iterdir())) == 12


def test_pixels_that_are_overwritten(tmp_path, labels):
    with LabelMapWriter(tmp_path / "a.tif", *labels.shape, LEGEND) as writer:
        writer.write(Window(0, 0, *labels.shape), np.zeros_like(labels))
        writer.write(Window(0, 0, *labels.shape), labels)
    raster.write_label_map(tmp_path / "b.tif", labels, LEGEND)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_bands_are_cloud_optimized_and_average(tmp_path, rng):
    shares = rng.integers(0, 256, (6, 520, 1030)).astype(np.uint8)
    names = tuple(f"class {i}" for i in range(6))
    with BandsWriter(tmp_path / "a.tif", *shares.shape, "uint8", like=PLACE, band_names=names, scale=1 / 255) as file:
        for window, _ in tiles(520, 1030, 512):
            place = np.s_[window.row : window.row + window.height, window.column : window.column + window.width]
            file.write(window, shares[:, *place])
    check_layout(tmp_path / "a.tif")
    (_, full), (_, half), *_ = levels_of(tmp_path / "a.tif")
    assert_array_equal(full, shares)
    mean = shares.reshape(6, 260, 2, 515, 2).mean(axis=(2, 4))
    assert np.abs(half - mean).max() <= 0.5
    with rasterio.open(tmp_path / "a.tif") as file:
        assert file.descriptions == names
        assert file.scales == (1 / 255,) * 6
        assert file.transform == PLACE.transform
        assert file.crs.to_epsg() == 32630


def test_identifiers_are_never_averaged(tmp_path, rng):
    regions = rng.integers(1, 100_000, (1, 700, 600)).astype(np.int32)
    raster.write_bands(tmp_path / "a.tif", regions, nodata=0)
    for _, values in levels_of(tmp_path / "a.tif"):
        assert np.isin(values, regions).all()


def test_tags(tmp_path, labels):
    tags = {"DENSA_MODEL": "sha256:1f", "DENSA_SETTINGS": "árvore"}
    raster.write_label_map(tmp_path / "a.tif", labels, LEGEND, tags=tags)
    raster.write_label_map(tmp_path / "a.png", labels, LEGEND, tags=tags)
    raster.write_bands(tmp_path / "b.tif", labels[None], tags=tags)
    for name in ("a.tif", "a.png", "b.tif"):
        with raster.open(tmp_path / name) as opened:
            assert tags.items() <= opened.metadata.items()
            maker = opened.metadata.get("TIFFTAG_SOFTWARE") or opened.metadata["Software"]
            assert maker.startswith("densa ")


def test_rotated_transform_is_carried(tmp_path, labels):
    raster.write_label_map(tmp_path / "a.tif", labels, LEGEND, like=ROTATED)
    with rasterio.open(tmp_path / "a.tif") as file:
        assert file.transform == ROTATED.transform


def test_ground_control_points_are_carried(tmp_path, labels):
    corners = [(0, 0, 10.0, 50.0), (0, 1190, 11.0, 50.1), (1170, 0, 10.1, 49.0), (1170, 1190, 11.1, 49.2)]
    with rasterio.open(
        tmp_path / "s.tif", "w", driver="GTiff", count=1, height=1170, width=1190, dtype="uint8"
    ) as file:
        file.gcps = [GroundControlPoint(*corner, 0) for corner in corners], rasterio.CRS.from_epsg(4326)
    with raster.open(tmp_path / "s.tif") as like:
        assert like.georeference is None
        raster.write_label_map(tmp_path / "a.tif", labels, LEGEND, like=like)
    with rasterio.open(tmp_path / "a.tif") as file:
        points, crs = file.gcps
        assert [(p.row, p.col, p.x, p.y) for p in points] == corners
        assert crs.to_epsg() == 4326


def test_rational_polynomials_are_carried(tmp_path, labels):
    one = [1.0] + [0.0] * 19
    rpcs = RPC(
        height_off=1, height_scale=2, lat_off=50, lat_scale=1, long_off=10, long_scale=1, line_off=300, line_scale=300,
        samp_off=350, samp_scale=350, line_num_coeff=[0.0, *one[:-1]], line_den_coeff=one,
        samp_num_coeff=[0.0, 0.0, *one[:-2]], samp_den_coeff=one,
    )  # fmt: skip
    with rasterio.open(tmp_path / "s.tif", "w", driver="GTiff", count=1, height=9, width=9, dtype="uint8") as file:
        file.rpcs = rpcs
    with raster.open(tmp_path / "s.tif") as like:
        raster.write_label_map(tmp_path / "a.tif", labels, LEGEND, like=like)
    with rasterio.open(tmp_path / "a.tif") as file:
        assert file.rpcs.line_num_coeff == rpcs.line_num_coeff
        assert file.rpcs.samp_off == 350


def test_failure_while_copying_leaves_nothing(tmp_path, labels, monkeypatch):
    """Also not the files that GDAL keeps beside its output."""

    def full(source, target, **options):
        for suffix in ("", ".ovr.tmp", ".msk.ovr.tmp"):
            target.with_name(target.name + suffix).write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cog.rasterio.shutil, "copy", full)
    with pytest.raises(InputError, match=r"a\.tif cannot be written completely"):
        raster.write_label_map(tmp_path / "a.tif", labels, LEGEND)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("cut", [0.3, 0.9, 0.999])
def test_a_copy_that_lost_its_end_is_found(tmp_path, labels, monkeypatch, cut):
    """GDAL says nothing when the last blocks do not reach the disk."""
    whole = cog.rasterio.shutil.copy

    def lossy(source, target, **options):
        whole(source, target, **options)
        content = target.read_bytes()
        target.write_bytes(content[: int(len(content) * cut)])

    monkeypatch.setattr(cog.rasterio.shutil, "copy", lossy)
    with pytest.raises(InputError, match=r"a\.tif cannot be written completely"):
        raster.write_label_map(tmp_path / "a.tif", labels, LEGEND)
    assert not list(tmp_path.iterdir())


REAL = (
    "kathmandu_rgba_4096.tif",
    "m_4709963_se_14_1_20140720.tif",
    "landsat_RGB.byte.tif",
    "sen1floods11",
)


@pytest.mark.realdata
@pytest.mark.parametrize("name", REAL)
def test_maps_of_real_rasters(realdata, tmp_path, name):
    """RGBA, four bands, 13 of int16, two of float32: a map and bands like each of them lie where it lies."""
    source = realdata / "rasters" / name
    for path in sorted(source.rglob("*.tif"))[:6] if source.is_dir() else [source]:
        with raster.open(path) as like, rasterio.open(path) as original:
            window = Window(0, 0, min(like.height, 700), min(like.width, 800))
            values, valid = like.read(window)
            labels = np.where(valid, 1, IGNORE).astype(np.uint8)
            options = {"like": like, "overwrite": True}
            raster.write_label_map(tmp_path / "a.tif", labels, LEGEND, **options)
            raster.write_bands(tmp_path / "b.tif", values, band_names=like.band_names, **options)
            for made in ("a.tif", "b.tif"):
                check_layout(tmp_path / made)
                with rasterio.open(tmp_path / made) as file:
                    assert file.crs == original.crs
                    assert file.transform == original.transform
        with raster.open(tmp_path / "b.tif") as copy:
            assert_array_equal(copy.read()[0], values)
            assert copy.band_names == like.band_names
        assert_array_equal(raster.read_label_map(tmp_path / "a.tif")[0], labels)
