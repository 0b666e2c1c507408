"""What a file says about missing data is read the same way in every format: the table of docs/validity.md, by cells.

The reference is a loop over pixels, from what was written into the file.
"""

import itertools
import struct
import zlib
from contextlib import ExitStack

import numpy as np
import pytest
import rasterio
import tifffile
from numpy.testing import assert_array_equal
from PIL import Image
from rasterio.enums import ColorInterp

import densa
from densa import raster
from densa.verbs.inputs import opened, path_of

HEIGHT, WIDTH = 4, 6
TYPES = ("uint8", "uint16", "int16", "float32")
ALPHAS = ((), (3,), (0,), (1, 4))  # places of alpha bands among all bands
MASKS = ("", "internal", "msk", "both")


def scene(dtype, n_bands):
    """Values 1 to 9: no 0, so that nothing is missing by chance."""
    rng = np.random.default_rng(n_bands)
    return rng.integers(1, 10, (n_bands, HEIGHT, WIDTH)).astype(dtype)


def reference(values, bands, *, nodata=None, alphas=(), masks=(), key=None):
    """(H, W) true where every band that is read holds data; `nodata` is one value per band, None for none."""
    valid = np.ones((HEIGHT, WIDTH), bool)
    for row, column in itertools.product(range(HEIGHT), range(WIDTH)):
        for band in bands:
            value = values[band, row, column].item()
            if nodata and nodata[band] is not None and value == nodata[band]:
                valid[row, column] = False
            if value != value or value in (float("inf"), float("-inf")):
                valid[row, column] = False
        if any(hidden[row, column] == 0 for hidden in (*alphas, *masks)):
            valid[row, column] = False
        if key is not None and all(values[b, row, column] == key[b] for b in range(len(values))):
            valid[row, column] = False
    return valid


def check(path, values, **declared):
    """All bands at once, each band alone, and a window read beside the whole."""
    n = len(values)
    with raster.open(path) as image:
        assert image.n_bands == n
        for bands in [range(n), *([b] for b in range(n))]:
            found, valid = image.read(bands=[b + 1 for b in bands])
            assert_array_equal(valid, reference(values, bands, **declared))
            assert_array_equal(found, values[list(bands)])
        window = raster.Window(1, 2, 2, 3)
        assert_array_equal(image.read(window)[1], reference(values, range(n), **declared)[1:3, 2:5])
        mirrored = image.read(raster.Window(-1, 0, 3, WIDTH), border="mirror")[1]
        assert_array_equal(mirrored[0], reference(values, range(n), **declared)[1])


def write_tiff(path, values, *, nodata=None, alphas=(), places=(), masks="", masked=()):
    """A TIFF with alpha bands at `places`, and masks in the file, beside it, or both."""
    bands = list(values)
    for place, alpha in zip(places, alphas, strict=True):
        bands.insert(place, alpha)
    stack = np.stack(bands)
    options = {"count": len(stack), "height": HEIGHT, "width": WIDTH, "dtype": stack.dtype, "nodata": nodata}

    def write(target, mask, internal):
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES" if internal else "NO"),
            rasterio.open(target, "w", driver="GTiff", photometric="MINISBLACK", **options) as file,
        ):
            file.colorinterp = [ColorInterp.alpha if i in places else ColorInterp.undefined for i in range(len(stack))]
            file.write(stack)
            if mask is not None:
                file.write_mask(mask)

    write(path, masked[0] if masks else None, masks in ("internal", "both"))
    if masks == "both":
        write(path.with_name("other.tif"), masked[1], False)
        path.with_name("other.tif.msk").rename(path.with_name(path.name + ".msk"))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("n_bands", [1, 3, 4])
@pytest.mark.parametrize("masks", MASKS)
def test_tiff(tmp_path, dtype, n_bands, masks):
    """Each combination of nodata, NaN, alpha bands and masks."""
    rng = np.random.default_rng(7)
    for places, nodata in itertools.product(ALPHAS, (None, 0, 5)):
        if any(place > n_bands for place in places):
            continue
        values = scene(dtype, n_bands)
        values[-1, 0, :2], values[0, 1, 0] = 0, 5
        if dtype == "float32":
            values[-1, 2, 2:4] = np.nan, np.inf
        alphas = [rng.integers(0, 2, (HEIGHT, WIDTH)).astype(dtype) * 9 for _ in places]
        if nodata == 0:
            alphas = [alpha + (alpha == 0) for alpha in alphas]  # alpha of 1: nodata concerns the other bands alone
            alphas = [alpha * (np.arange(WIDTH) > 0).astype(dtype) for alpha in alphas]
        masked = [rng.integers(0, 2, (HEIGHT, WIDTH)).astype(np.uint8) * 255 for _ in range(2)]
        used = {"": [], "both": masked}.get(masks, masked[:1])
        path = tmp_path / f"{places}{nodata}.tif"
        write_tiff(path, values, nodata=nodata, alphas=alphas, places=places, masks=masks, masked=masked)
        with np.errstate(invalid="ignore"):
            check(path, values, nodata=[nodata] * n_bands, alphas=alphas, masks=used)


def vrt(path, source, bands, more=""):
    """A VRT of bands of a TIFF with further elements, each (element text)."""
    inside = "".join(
        f'<VRTRasterBand dataType="{kind}" band="{i}">{text}<SimpleSource><SourceFilename relativeToVRT="1">'
        f"{source.name}</SourceFilename><SourceBand>{i}</SourceBand></SimpleSource></VRTRasterBand>"
        for i, (kind, text) in enumerate(bands, 1)
    )
    path.write_text(f'<VRTDataset rasterXSize="{WIDTH}" rasterYSize="{HEIGHT}">{more}{inside}</VRTDataset>')


@pytest.mark.parametrize("nodata", [(1, 2, 3), (None, 4, None), (300, 4, -1), (0.5, 4, 5)])
def test_nodata_of_each_band(tmp_path, nodata):
    """Also nodata that does not fit the type, which no pixel holds."""
    values = scene("uint8", 3)
    write_tiff(tmp_path / "s.tif", values)
    bands = [("Byte", "" if n is None else f"<NoDataValue>{n}</NoDataValue>") for n in nodata]
    vrt(tmp_path / "a.vrt", tmp_path / "s.tif", bands)
    check(tmp_path / "a.vrt", values, nodata=nodata)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nodata_written_in_decimals(tmp_path, dtype):
    """As other programs write the smallest float32; it need not be the nearest number."""
    values = scene(dtype, 2)
    values[0, 1, 1] = np.finfo(np.float32).min
    write_tiff(tmp_path / "s.tif", values)
    kind = {"float32": "Float32", "float64": "Float64"}[dtype]
    text = "-3.4028235e+38" if dtype == "float32" else repr(float(np.finfo(np.float32).min))
    vrt(tmp_path / "a.vrt", tmp_path / "s.tif", [(kind, f"<NoDataValue>{text}</NoDataValue>"), (kind, "")])
    check(tmp_path / "a.vrt", values, nodata=[float(np.finfo(np.float32).min), None])


def test_nodata_of_large_integers(tmp_path):
    values = scene("int64", 1)
    values[0, 0, 0] = -(2**40)
    options = {"count": 1, "height": HEIGHT, "width": WIDTH, "dtype": "int64", "nodata": -(2**40)}
    with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", **options) as file:
        file.write(values)
    check(tmp_path / "a.tif", values, nodata=[-(2**40)])


def test_key_colour_of_all_bands(tmp_path):
    """GDAL's NODATA_VALUES: a pixel is missing where all bands have their value, not where one has."""
    values = scene("uint8", 3)
    values[:, 0, 0], values[:, 0, 1] = (7, 8, 9), (7, 8, 1)
    write_tiff(tmp_path / "a.tif", values)
    with rasterio.open(tmp_path / "a.tif", "r+") as file:
        file.update_tags(NODATA_VALUES="7 8 9")
    check(tmp_path / "a.tif", values, key=(7, 8, 9))


def test_a_type_of_alpha_beside_another_of_values(tmp_path):
    values, alpha = scene("uint8", 2), np.full((HEIGHT, WIDTH), 0.25, np.float32)
    alpha[0], alpha[1, 0] = 0, np.nan
    with rasterio.open(
        tmp_path / "s.tif", "w", driver="GTiff", count=3, height=HEIGHT, width=WIDTH, dtype="float32"
    ) as file:
        file.write(np.concatenate([values.astype("f4"), alpha[None]]))
    alpha_text = "<ColorInterp>Alpha</ColorInterp>"
    vrt(tmp_path / "a.vrt", tmp_path / "s.tif", [("Byte", ""), ("Byte", ""), ("Float32", alpha_text)])
    check(tmp_path / "a.vrt", values, alphas=[np.nan_to_num(alpha)])


@pytest.mark.parametrize("nodata", [None, 3])
def test_masks_of_single_bands(tmp_path, nodata):
    """They count where their band is read."""
    values, masked = scene("uint8", 2), np.full((2, HEIGHT, WIDTH), 255, np.uint8)
    masked[0, 0], masked[1, :, 0] = 0, 0
    write_tiff(tmp_path / "a.tif", values, nodata=nodata)
    with rasterio.open(
        tmp_path / "a.tif.msk", "w", driver="GTiff", count=2, height=HEIGHT, width=WIDTH, dtype="uint8"
    ) as file:
        file.write(masked)
        file.update_tags(INTERNAL_MASK_FLAGS_1="0", INTERNAL_MASK_FLAGS_2="0")
    with raster.open(tmp_path / "a.tif") as image:
        for bands in ([0], [1], [0, 1]):
            expected = reference(values, bands, nodata=[nodata] * 2, masks=masked[bands])
            assert_array_equal(image.read(bands=[b + 1 for b in bands])[1], expected)


def test_transparent_entries_of_a_palette(tmp_path):
    """Two of them, where GDAL's own mask knows one at most."""
    values = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(1, HEIGHT, WIDTH) % 5
    write_tiff(tmp_path / "s.tif", values)
    entries = "".join(f'<Entry c1="{i * 9}" c2="{i}" c3="0" c4="{0 if i in (1, 3) else 255}"/>' for i in range(5))
    text = f"<ColorInterp>Palette</ColorInterp><ColorTable>{entries}</ColorTable>"
    vrt(tmp_path / "a.vrt", tmp_path / "s.tif", [("Byte", text)])
    with raster.open(tmp_path / "a.vrt") as image:
        found, valid = image.read()
    assert_array_equal(valid, (values[0] != 1) & (values[0] != 3))
    assert_array_equal(found[0], values[0] * 9)


def png(path, depth, kind, rows, transparent=None):
    """A PNG of any bit depth, built by hand: Pillow and GDAL do not write all of them."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packed = b""
    for row in rows:
        if depth < 8:
            bits = "".join(format(int(v), f"0{depth}b") for v in row)
            bits += "0" * (-len(bits) % 8)
            packed += b"\0" + bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
        else:
            packed += b"\0" + np.asarray(row, ">u2" if depth == 16 else "u1").tobytes()
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, kind, 0, 0, 0)
    parts = [chunk(b"IHDR", header)] + ([chunk(b"tRNS", transparent)] if transparent else [])
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + b"".join([*parts, chunk(b"IDAT", zlib.compress(packed)), chunk(b"IEND", b"")])
    )


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_transparent_grey_of_png(tmp_path, depth):
    values = np.random.default_rng(0).integers(0, 2**depth, (1, HEIGHT, WIDTH)).astype("uint16" if depth > 8 else "u1")
    png(tmp_path / "a.png", depth, 0, values[0], struct.pack(">H", int(values[0, 0, 0])))
    check(tmp_path / "a.png", values, nodata=[int(values[0, 0, 0])])


@pytest.mark.parametrize("depth", [8, 16])
def test_transparent_colour_of_png(tmp_path, depth):
    values = scene("uint16" if depth > 8 else "uint8", 3)
    values[:, 0, 0], values[:, 0, 1] = (7, 8, 9), (7, 8, 1)
    png(tmp_path / "a.png", depth, 2, np.moveaxis(values, 0, 2).reshape(HEIGHT, -1), struct.pack(">HHH", 7, 8, 9))
    check(tmp_path / "a.png", values, key=(7, 8, 9))


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("n_bands", [1, 3])
def test_alpha_of_png(tmp_path, depth, n_bands):
    values = scene("uint16" if depth > 8 else "uint8", n_bands)
    alpha = np.random.default_rng(0).integers(0, 3, (HEIGHT, WIDTH))
    stack = np.moveaxis(np.concatenate([values, alpha[None].astype(values.dtype)]), 0, 2)
    png(tmp_path / "a.png", depth, 4 if n_bands == 1 else 6, stack.reshape(HEIGHT, -1))
    check(tmp_path / "a.png", values, alphas=[alpha])


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".gif"])
def test_photographs_with_files_of_gdal_beside_them(tmp_path, suffix):
    """A `.msk` and the nodata of an `.aux.xml` count as those of a TIFF do."""
    grey = suffix in {".jpg", ".bmp", ".png"}
    stored = np.full((HEIGHT, WIDTH) if grey else (HEIGHT, WIDTH, 3), 90, np.uint8)
    path = tmp_path / f"a{suffix}"
    image = Image.fromarray(stored)
    (image.quantize(4) if suffix == ".gif" else image).save(path, **({"lossless": True} if suffix == ".webp" else {}))
    mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
    mask[0] = 0
    with rasterio.open(f"{path}.msk", "w", driver="GTiff", count=1, height=HEIGHT, width=WIDTH, dtype="uint8") as file:
        file.write(mask[None])
        file.update_tags(INTERNAL_MASK_FLAGS_1="2")
    with raster.open(path) as opened:
        assert_array_equal(opened.read()[1], mask > 0)
    if grey:
        (tmp_path / f"a{suffix}.aux.xml").write_text(
            '<PAMDataset><PAMRasterBand band="1"><NoDataValue>90</NoDataValue></PAMRasterBand></PAMDataset>'
        )
        with raster.open(path) as opened:
            assert not opened.read()[1].any()


@pytest.mark.parametrize("nodata", [None, 4])
def test_volumes(tmp_path, nodata):
    """ImageJ's stacks and TIFF volumes, which tifffile reads."""
    stack = np.stack([scene("uint16", 1)[0], scene("uint16", 1)[0] + 1])
    tags = [] if nodata is None else [(42113, "s", 0, str(nodata), True)]
    tifffile.imwrite(tmp_path / "a.tif", stack, volumetric=True, tile=(2, 16, 16), extratags=tags)
    with raster.open(tmp_path / "a.tif", page=1) as image:
        assert image.n_pages == 2
        assert_array_equal(image.read()[1], reference(stack[1:], [0], nodata=[nodata]))


def test_masks_of_further_pages(tmp_path):
    """Each page of a TIFF has the mask that follows it; GDAL knows that of the first alone."""
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for page in range(2):
            file.write(scene("uint8", 1)[0] + page, metadata=None)
            hidden = np.arange(HEIGHT)[:, None] == np.full(WIDTH, page)
            file.write(~hidden, photometric="mask", subfiletype=4, metadata=None)
    for page in range(2):
        with raster.open(tmp_path / "a.tif", page=page) as image:
            assert image.n_pages == 2
            assert_array_equal(~image.read()[1], np.arange(HEIGHT)[:, None] == np.full(WIDTH, page))


def test_arrays():
    """Masked arrays and nodata of arrays in memory, each band for itself."""
    values = scene("int16", 2)
    hidden = np.zeros((HEIGHT, WIDTH, 2), bool)
    hidden[0, 0, 0] = hidden[1, 1, 1] = True
    image = raster.from_array(np.ma.array(np.moveaxis(values, 0, 2), mask=hidden), nodata=[3, 4])
    for bands in ([0], [1], [0, 1]):
        expected = reference(values, bands, nodata=[3, 4], masks=[~hidden[..., b] for b in bands])
        assert_array_equal(image.read(bands=[b + 1 for b in bands])[1], expected)


def test_what_a_file_declares_of_bands_reaches_a_turned_image(tmp_path):
    """The orientation tag turns the pixels; what is missing follows them."""
    values = scene("uint8", 1)
    tags = [(274, "H", 1, 3, True), (42113, "s", 0, "5", True)]
    tifffile.imwrite(tmp_path / "a.tif", values[0], extratags=tags)
    check(tmp_path / "a.tif", values[:, ::-1, ::-1], nodata=[5])


def test_files_without_missing_data_read_no_masks(tmp_path, monkeypatch):
    """Whoever declares nothing pays nothing, and what is declared by value is not read a second time."""
    calls = []
    write_tiff(tmp_path / "plain.tif", scene("uint8", 3))
    write_tiff(tmp_path / "nodata.tif", scene("uint8", 3), nodata=0)
    for name in ("plain.tif", "nodata.tif"):
        with raster.open(tmp_path / name) as image:
            monkeypatch.setattr(type(image._dataset()), "read_masks", lambda *a, **k: calls.append(a), raising=False)
            image.read()
    assert calls == []


@pytest.mark.parametrize("attributes", [{"_FillValue": 3}, {"nodatavals": (3.0, 3.0)}])
def test_nodata_of_xarray(attributes):
    xarray = pytest.importorskip("xarray")
    values = scene("int16", 2)
    with opened(xarray.DataArray(values, dims=("band", "y", "x"), attrs=attributes)) as image:
        assert_array_equal(image.read()[1], reference(values, [0, 1], nodata=[3, 3]))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_masked_arrays_keep_their_validity_in_a_file(dtype):
    """`predict` takes files, so an array becomes one."""
    values, hidden = scene(dtype, 2), np.zeros((HEIGHT, WIDTH, 2), bool)
    hidden[0, 0] = hidden[2, 1] = True
    with ExitStack() as stack:
        path = path_of(np.ma.array(np.moveaxis(values, 0, 2), mask=hidden), stack)
        with raster.open(path) as image:
            assert_array_equal(image.read()[1], ~hidden[..., 0])


def test_an_array_that_uses_all_values_is_refused():
    full = np.arange(256, dtype=np.uint8).reshape(16, 16)
    hidden = np.zeros((16, 17), bool)
    hidden[:, 16] = True
    with ExitStack() as stack, pytest.raises(densa.InputError, match="uses all values of its type"):
        path_of(np.ma.array(np.pad(full, ((0, 0), (0, 1))), mask=hidden), stack)
