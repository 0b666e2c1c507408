"""World files, `.aux.xml` and `.prj` beside images."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from rasterio.crs import CRS

from densa import raster
from densa.errors import InputError
from densa.raster.side_files import placement_beside

PIXELS = np.arange(24, dtype=np.uint8).reshape(4, 6)
WORLD = "10\n0.5\n0.25\n-10\n500005\n4999995\n"
TRANSFORM = Affine(10, 0.25, 500005 - 5.125, 0.5, -10, 4999995 + 4.75)


@pytest.mark.parametrize(
    "name", ["a.png a.pgw", "a.png a.PGW", "a.png a.pngw", "a.jpg a.jgw", "a.jpg a.jpgw", "a.jpeg a.jgw",
             "a.bmp a.bpw", "a.gif a.gfw", "a.webp a.wld", "a.JPG a.JGW", "a.tif a.tfw"],
)  # fmt: skip
def test_world_file_of_every_format(tmp_path, name):
    image, world = (tmp_path / part for part in name.split())
    Image.fromarray(PIXELS).save(image)
    with raster.open(image) as opened:
        assert not opened.is_placed
    world.write_text(WORLD)
    with raster.open(image) as opened:
        assert opened.georeference.crs is None
        assert opened.georeference.transform.almost_equals(TRANSFORM, 1e-9)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_auxiliary_file_and_projection(tmp_path, dtype):
    path = tmp_path / "a.png"
    options = {"driver": "PNG", "count": 1, "height": 4, "width": 6, "dtype": dtype}
    with rasterio.open(path, "w", crs="EPSG:32633", transform=Affine(10, 0, 5e5, 0, -10, 5e6), **options) as file:
        file.write(PIXELS[None].astype(dtype))
    with raster.open(path) as opened:
        assert opened.georeference == raster.Georeference(CRS.from_epsg(32633), Affine(10, 0, 5e5, 0, -10, 5e6))
    (tmp_path / "a.png.aux.xml").unlink()
    (tmp_path / "a.pgw").write_text(WORLD)
    (tmp_path / "a.prj").write_text(CRS.from_epsg(2056).to_wkt(version="WKT1_ESRI"))
    with raster.open(path) as opened:
        assert opened.georeference.crs.to_epsg() == 2056


def test_statistics_alone_place_nothing(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    (tmp_path / "a.png.aux.xml").write_text(
        '<PAMDataset><PAMRasterBand band="1"><Metadata><MDI key="STATISTICS_MEAN">3</MDI></Metadata>'
        "</PAMRasterBand></PAMDataset>"
    )
    assert not placement_beside(tmp_path / "a.png").is_placed


@pytest.mark.parametrize("text", ["", "1 0 0", "a\nb\nc\nd\ne\nf", "0\n0\n0\n0\n5\n5", "nan\n0\n0\n1\n0\n0"])
def test_damaged_world_file_is_refused(tmp_path, text):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    (tmp_path / "a.pgw").write_text(text)
    with pytest.raises(InputError, match=r"a\.pgw"):
        raster.open(tmp_path / "a.png")


def test_exif_orientation_beside_a_world_file_is_told(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PIXELS).save(tmp_path / "a.jpg", exif=exif)
    with raster.open(tmp_path / "a.jpg") as opened:
        assert (opened.height, opened.width, opened.remarks) == (6, 4, ())
    (tmp_path / "a.jgw").write_text(WORLD)
    with raster.open(tmp_path / "a.jpg") as opened:
        assert (opened.height, opened.width) == (4, 6)
        assert "EXIF orientation is not applied" in opened.remarks[0]
