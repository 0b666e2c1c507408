"""Stacks of TIFF directories: channels are bands, other planes pages."""

import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal

from densa import raster
from densa.errors import InputError
from densa.raster.stacks.directories import planes_of

SIZES = {"T": 2, "C": 3, "Z": 4, "Y": 20, "X": 24, "S": 3}


def pages_and_bands(array, axes):
    """(pages, bands, h, w) of an array; the first pages axis is the slowest."""
    order = [axis for axis in axes if axis in "TZ"] + [axis for axis in "CSYX" if axis in axes]
    moved = np.transpose(array, [axes.index(axis) for axis in order])
    n_bands = int(np.prod([SIZES[axis] for axis in "CS" if axis in axes], initial=1))
    return moved.reshape(-1, n_bands, SIZES["Y"], SIZES["X"])


@pytest.mark.parametrize("kind", ["ome", "imagej", "tifffile"])
@pytest.mark.parametrize(
    "axes", ["CYX", "ZYX", "TYX", "ZCYX", "CZYX", "TCZYX", "TZCYX", "CTYX", "TZYX", "YXS", "ZYXS", "CYXS"]
)
def test_axes_in_any_order(tmp_path, axes, kind):
    shape = [SIZES[axis] for axis in axes]
    array = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    options = {"photometric": "rgb" if "S" in axes else "minisblack", "ome": kind == "ome"}
    if kind == "imagej":
        if [axis for axis in "TZCYXS" if axis in axes] != list(axes):
            pytest.skip("ImageJ has one order")
        array, options = array.astype(np.uint8 if "S" in axes else np.uint16), {"imagej": True}
    tifffile.imwrite(tmp_path / "a.tif", array, metadata={"axes": axes}, **options)
    expected = pages_and_bands(array, axes)
    for page, bands in enumerate(expected):
        with raster.open(tmp_path / "a.tif", page=page) as image:
            assert (image.n_pages, image.n_bands) == expected.shape[:2]
            assert_array_equal(image.read()[0], bands)
            assert_array_equal(image.read((3, 4, 5, 6), bands=[1])[0], bands[:1, 3:8, 4:10])
    with pytest.raises(InputError, match="page of"):
        raster.open(tmp_path / "a.tif", page=len(expected))


def test_pyramid_compressed_tiled_with_names(tmp_path, rng):
    array = rng.integers(0, 999, (3, 256, 288), np.uint16)
    channels = {
        "Name": ["DAPI", "GFP", ""],
        "EmissionWavelength": [460, 520, 600],
        "EmissionWavelengthUnit": ["nm"] * 3,
    }
    tiled = {"tile": (128, 128), "compression": "zlib", "photometric": "minisblack"}
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", bigtiff=True) as file:
        file.write(array, subifds=1, metadata={"axes": "CYX", "Channel": channels}, **tiled)
        file.write(array[:, ::2, ::2], subfiletype=1, **tiled)
    with raster.open(tmp_path / "a.ome.tif") as image:
        assert (image.n_pages, image.band_names) == (1, ("DAPI", "GFP", "band 3"))
        assert [band.wavelength_nm for band in image.bands] == [460, 520, 600]
        assert_array_equal(image.read((100, 30, 60, 200), bands=[3, 1])[0], array[[2, 0], 100:160, 30:230])


def test_first_of_several_series(tmp_path, rng):
    array = rng.integers(0, 999, (3, 20, 30), np.uint16)
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as file:
        file.write(array, metadata={"axes": "CYX"}, photometric="minisblack")
        file.write(array[:2, :9, :9], metadata={"axes": "CYX"}, photometric="minisblack")
    with raster.open(tmp_path / "a.ome.tif") as image:
        assert (image.n_pages, image.n_bands) == (1, 3)
        assert "it holds 2 images (series), of which the first is read" in image.remarks[1]
        assert_array_equal(image.read()[0], array)


def test_pages_without_a_description_stay_pages(tmp_path, rng):
    array = rng.integers(0, 99, (5, 20, 30), np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for plane in array:
            file.write(plane, metadata=None, photometric="minisblack")
    with raster.open(tmp_path / "a.tif", page=3) as image:
        assert (image.n_pages, image.n_bands) == (5, 1)
        assert_array_equal(image.read()[0][0], array[3])


def ome(pixels, uuid=""):
    return f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" {uuid}><Image>{pixels}</Image></OME>'


def data(name, channel, ifd):
    return (
        f'<TiffData FirstC="{channel}" IFD="{ifd}" PlaneCount="1"><UUID FileName="{name}">urn:{name}</UUID></TiffData>'
    )


def test_channels_in_other_files_are_refused(tmp_path):
    pixels = '<Pixels SizeC="2" SizeZ="1" SizeT="1" DimensionOrder="XYZCT"><Channel/><Channel/>{}{}</Pixels>'
    apart = ome(pixels.format(data("a.tif", 0, 0), data("b.tif", 1, 0)))
    with pytest.raises(InputError, match=r"one file of an OME-TIFF in several.*b\.tif; save all channels in one file"):
        planes_of(apart, (0,), tmp_path / "a.tif")
    renamed = ome(pixels.format(data("a.tif", 0, 1), data("a.tif", 1, 0)))
    assert planes_of(renamed, (0, 1), tmp_path / "other.tif").pages == ((1, 0),)


def test_times_in_other_files_are_left_out(tmp_path):
    pixels = '<Pixels SizeC="1" SizeZ="1" SizeT="2" DimensionOrder="XYZCT"><Channel/>{}{}</Pixels>'
    first, second = data("a.tif", 0, 0), data("b.tif", 0, 0).replace("FirstC", "FirstT").replace('"0" IFD', '"1" IFD')
    found = planes_of(ome(pixels.format(first, second)), (0,), tmp_path / "a.tif")
    assert found.pages == ((0,),)
    assert "only its own 1 pages" in found.remarks[0]


@pytest.mark.parametrize(
    "description",
    [
        "<OME", "<OME></OME>", ome(""), ome('<Pixels SizeC="x"/>'), ome('<Pixels SizeC="2" SizeZ="999999999999"/>'),
        ome('<Pixels SizeC="2" SizeZ="1" SizeT="1"/>'), ome('<Pixels DimensionOrder="XYZZZ"/>'),
        "ImageJ=1\nimages=7\nchannels=3\n", "ImageJ=1\nimages=99\nslices=99\n", '{"axes',
        '{"shape": [5], "axes": "CYX"}',
        '{"shape": [5, 1, 1], "axes": "CYX"}', "scanned page",
    ],
)  # fmt: skip
def test_descriptions_that_say_nothing_of_this_file(description, tmp_path):
    assert planes_of(description, (0, 1, 2, 3)[: 1 if "OME" in description else 4], tmp_path / "a.tif") is None


def test_channels_of_other_sizes_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(np.zeros((9, 8), np.uint8), description="ImageJ=1\nimages=2\nchannels=2\n", metadata=None)
        file.write(np.zeros((9, 9), np.uint8), metadata=None)
    with pytest.raises(InputError, match="channels of a page must have one size and type"):
        raster.open(tmp_path / "a.tif").read()
