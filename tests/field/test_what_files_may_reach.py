"""VRTs, side files, STAC items and driver files reach neither the network nor other folders, unless that is allowed."""

import json
import socket
import threading
from html import escape

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.testing import assert_array_equal
from PIL import Image
from rasterio.crs import CRS

from densa import raster
from densa.errors import InputError
from tests.http_server import serving


class Listening:
    """A socket that counts the connections to it."""

    def __init__(self):
        self.count = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.count += 1
            connection.close()


@pytest.fixture
def listening():
    made = Listening()
    yield made
    made.socket.close()


@pytest.fixture
def folder(tmp_path):
    """A folder of a stranger with one image; beside it secret.tif."""
    home = tmp_path / "home"
    home.mkdir()
    raster.write_bands(home / "a.tif", np.arange(64, dtype=np.uint8).reshape(1, 8, 8))
    raster.write_bands(tmp_path / "secret.tif", np.full((1, 8, 8), 77, np.uint8))
    return home


def vrt(source, *, relative=1, band="", root=""):
    return (
        f'<VRTDataset rasterXSize="8" rasterYSize="8"{root}><VRTRasterBand dataType="Byte" band="1"{band}>'
        f'<SimpleSource><SourceFilename relativeToVRT="{relative}">{source}</SourceFilename>'
        "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
    )


WMS = (
    '<GDAL_WMS><Service name="TMS"><ServerUrl>http://{address}/${{z}}/${{x}}/${{y}}</ServerUrl></Service><DataWindow>'
    "<UpperLeftX>-1</UpperLeftX><UpperLeftY>1</UpperLeftY><LowerRightX>1</LowerRightX><LowerRightY>-1</LowerRightY>"
    "<TileLevel>1</TileLevel></DataWindow><Projection>EPSG:3857</Projection><BandsCount>1</BandsCount></GDAL_WMS>"
)
INDEX = "<GDALTileIndexDataset><IndexDataset>tiles.gpkg</IndexDataset></GDALTileIndexDataset>"
NETWORK = {
    "vsicurl": "/vsicurl/http://{address}/a.tif",
    "vsicurl options": "/vsicurl?url=http%3A%2F%2F{address}%2Fa.tif",
    "vsicurl_streaming": "/vsicurl_streaming/http://{address}/a.tif",
    "http": "http://{address}/a.tif",
    "vsis3": "/vsis3/bucket/a.tif",
    "archive": "/vsizip/vsicurl/http://{address}/a.zip/a.tif",
    "driver": "WMS:http://{address}/?SERVICE=WMS",
    "inline WMS": escape(WMS),
    "inline VRT": escape(vrt("/vsicurl/http://{address}/a.tif")),
    "vrt://": "vrt:///vsicurl/http://{address}/a.tif",
    "subdataset": 'NETCDF:"/vsicurl/http://{address}/a.nc":v',
}


def _read(path):
    with raster.open(path) as image:
        return image.read()


@pytest.mark.parametrize("name", NETWORK)
def test_no_connection_for_a_source_on_the_network(folder, listening, name):
    (folder / "x.vrt").write_text(vrt(NETWORK[name].format(address=listening.address), relative=0))
    with pytest.raises(InputError, match=r"x.vrt refers to"):
        _read(folder / "x.vrt")
    assert listening.count == 0


WARPED = (
    '<VRTDataset rasterXSize="8" rasterYSize="8" subClass="VRTWarpedDataset"><VRTRasterBand dataType="Byte" band="1" '
    'subClass="VRTWarpedRasterBand"/><BlockXSize>8</BlockXSize><BlockYSize>8</BlockYSize><GDALWarpOptions>'
    '<SourceDataset relativeToVRT="0">{source}</SourceDataset><BandList><BandMapping src="1" dst="1"/></BandList>'
    "</GDALWarpOptions></VRTDataset>"
)


@pytest.mark.parametrize(
    "form", ["absolute", "relative", "warped", "link", "nested", "overview", "mask", "spelling", "attribute"]
)
def test_no_file_of_another_folder(folder, tmp_path, form):
    secret = tmp_path / "secret.tif"
    (folder / "sub").mkdir()
    band = "<VRTRasterBand" + vrt(secret, relative=0).partition("<VRTRasterBand")[2].removesuffix("</VRTDataset>")
    content = {
        "absolute": vrt(secret, relative=0),
        "relative": vrt("sub/../../secret.tif"),
        "warped": WARPED.format(source=secret),
        "link": vrt("link.tif"),
        "nested": vrt("sub/inner.vrt"),
        "overview": vrt("a.tif").replace(
            "<SimpleS", f"<Overview><SourceFilename>{secret}</SourceFilename></Overview><SimpleS"
        ),
        "mask": vrt("a.tif").replace("</VRTDataset>", f"<MaskBand>{band}</MaskBand></VRTDataset>"),
        "spelling": vrt(secret, relative=0).replace("SourceFilename", "sourceFILENAME"),
        "attribute": vrt("a.tif").replace("<SimpleSource>", f'<SimpleSource SourceFilename="{secret}">'),
    }[form]
    (folder / "link.tif").symlink_to(secret)
    (folder / "sub" / "inner.vrt").write_text(vrt("../../secret.tif"))
    (folder / "x.vrt").write_text(content)
    with pytest.raises(InputError, match=r"outside of its folder|not followed"):
        _read(folder / "x.vrt")


def test_sources_of_its_own_folder_are_read(folder, monkeypatch):
    (folder / "sub").mkdir()
    (folder / "x.vrt").write_text(vrt("sub/inner.vrt"))
    (folder / "sub" / "inner.vrt").write_text(vrt("../a.tif"))
    expected = _read(folder / "a.tif")[0]
    assert_array_equal(_read(folder / "x.vrt")[0], expected)
    (folder / "absolute.vrt").write_text(vrt(folder / "a.tif", relative=0))
    assert_array_equal(_read(folder / "absolute.vrt")[0], expected)
    (folder / "working.vrt").write_text(vrt("a.tif", relative=0))
    monkeypatch.chdir(folder)
    assert_array_equal(_read("working.vrt")[0], expected)
    (folder / "missing.vrt").write_text(vrt("none.tif"))  # GDAL reports it when it is read
    with pytest.raises(InputError):
        _read(folder / "missing.vrt")


def test_a_link_to_a_vrt_reads_its_own_folder(folder, tmp_path):
    (folder / "x.vrt").write_text(vrt("a.tif"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.vrt").symlink_to(folder / "x.vrt")
    assert_array_equal(_read(tmp_path / "elsewhere" / "x.vrt")[0], _read(folder / "a.tif")[0])


def test_another_folder_is_allowed_by_option_or_variable(folder, tmp_path, run_cli, monkeypatch):
    (folder / "x.vrt").write_text(vrt(tmp_path / "secret.tif", relative=0))
    code, _, err = run_cli("regions", folder / "x.vrt", "-o", tmp_path / "r.tif", "--method", "components")
    assert code == 2
    assert f"--allow-folder {tmp_path}" in err
    options = ["--allow-folder", tmp_path]
    code, _, err = run_cli("regions", folder / "x.vrt", "-o", tmp_path / "r.tif", "--method", "components", *options)
    assert code == 0, err
    with pytest.raises(InputError):
        _read(folder / "x.vrt")  # it was for that command
    with raster.allow_sources(folder=tmp_path):
        assert (_read(folder / "x.vrt")[0] == 77).all()
    monkeypatch.setenv("DENSA_ALLOW_FOLDER", str(tmp_path))
    assert (_read(folder / "x.vrt")[0] == 77).all()


def test_the_network_is_allowed_by_option(folder, tmp_path, trained, run_cli):
    with serving(folder) as served:
        (tmp_path / "x.vrt").write_text(vrt(f"/vsicurl/{served.url}/ranges/a.tif", relative=0))
        code, _, err = run_cli("predict", trained, tmp_path / "x.vrt", "-o", tmp_path / "maps")
        assert code == 2
        assert "--allow-remote allows that" in err
        assert served.requests == []
        code, _, err = run_cli("predict", trained, tmp_path / "x.vrt", "-o", tmp_path / "maps", "--allow-remote")
        assert code == 0, err
        assert {path for _, path, _ in served.requests} == {"/ranges/a.tif"}
        (tmp_path / "y.vrt").write_text(vrt(f"{served.url}/ranges/a.tif", relative=0))
        served.requests.clear()
        code, _, err = run_cli("predict", trained, tmp_path / "y.vrt", "-o", tmp_path / "maps", "--allow-remote")
        assert code == 2
        assert f"write it as /vsicurl/{served.url}/ranges/a.tif" in err  # GDAL would download the whole
        assert served.requests == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('<!DOCTYPE a [<!ENTITY b "/etc/passwd">]>' + vrt("&b;"), "DOCTYPE"),
        ('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>' + vrt("a.tif"), "DOCTYPE"),
        (vrt("a.tif")[:-5], "well-formed"),
        (vrt("a.tif<!-- -->/../../secret.tif"), "alone"),
        (vrt("a.tif", relative=2), "not followed"),
        (
            vrt("a.tif").replace("<SourceBand>", '<OpenOptions><OOI key="ROOT_PATH">/</OOI></OpenOptions><SourceBand>'),
            "not",
        ),
        ("<a>" * 300 + vrt("a.tif") + "</a>" * 300, "nested"),
        (
            vrt("a.tif", band=' subClass="VRTDerivedRasterBand"').replace(
                "<SimpleSource>",
                "<PixelFunctionType>f</PixelFunctionType><PixelFunctionLanguage>Python</PixelFunctionLanguage>"
                "<PixelFunctionCode>open('/tmp/x', 'w')</PixelFunctionCode><SimpleSource>",
            ),
            "Python",
        ),
    ],
)
def test_hostile_xml_is_refused(folder, content, said):
    (folder / "x.vrt").write_text(content)
    with pytest.raises(InputError, match=said):
        _read(folder / "x.vrt")


def test_a_vrt_that_refers_to_itself_ends(folder):
    (folder / "x.vrt").write_text(vrt("x.vrt"))
    with pytest.raises(InputError):
        _read(folder / "x.vrt")


@pytest.mark.parametrize(
    "description", [WMS, INDEX, "<MRF_META><CachedSource><Source>http://{address}</Source></CachedSource></MRF_META>"]
)
@pytest.mark.parametrize("name", ["a.tif", "a.wms", "a.gti", "a.mrf", "a.png", "a.jp2", "a.img"])
def test_descriptions_are_no_images(folder, listening, description, name):
    """Neither as an image, whatever its name, nor as the source of a VRT."""
    (folder / name).write_text(
        description.replace("{address}", listening.address).replace("{{", "{").replace("}}", "}")
    )
    (folder / "x.vrt").write_text(vrt(name))
    for path in (folder / name, folder / "x.vrt"):
        with pytest.raises(InputError):
            _read(path)
    assert listening.count == 0


@pytest.mark.parametrize("head", [b"II*\0\x08\0\0\0", b"BM", b"GIF89a", b"\x89PNG\r\n\x1a\n"])
def test_a_description_behind_the_head_of_an_image_is_none(folder, listening, head):
    """GDAL looks for a VRT anywhere in the first bytes of a source."""
    inner = vrt(f"/vsicurl/http://{listening.address}/a.tif", relative=0).encode()
    (folder / "b.tif").write_bytes(head + b" " + inner)
    (folder / "x.vrt").write_text(vrt("b.tif"))
    with pytest.raises(InputError):
        _read(folder / "x.vrt")
    assert listening.count == 0


@pytest.mark.parametrize("name", ["a.tif", "grey.png"])
@pytest.mark.parametrize("side", [".msk", ".ovr", ".MSK", ".aux.xml"])
def test_side_files_lead_nowhere_else(folder, listening, name, side):
    Image.fromarray(np.zeros((8, 8), np.uint16)).save(folder / "grey.png")
    place = f"/vsicurl/http://{listening.address}/a.tif"
    metadata = (
        f'<PAMDataset><Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">{place}</MDI></Metadata></PAMDataset>'
    )
    (folder / f"{name}{side}").write_text(metadata if side == ".aux.xml" else vrt(place, relative=0))
    (folder / "x.vrt").write_text(vrt(name))
    for path in (folder / name, folder / "x.vrt"):
        with pytest.raises(InputError, match=r"refers to|must be a TIFF"):
            _read(path)
    assert listening.count == 0


@pytest.mark.parametrize("side", [".msk", ".ovr", ".aux.xml"])
def test_side_files_in_a_folder_of_many_files(folder, listening, side):
    """GDAL lists no more than 1000 names, and then asks for single ones."""
    for i in range(1001):
        (folder / f"{i}.txt").touch()
    place = f"/vsicurl/http://{listening.address}/a.tif"
    metadata = (
        f'<PAMDataset><Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">{place}</MDI></Metadata></PAMDataset>'
    )
    (folder / f"a.tif{side}").write_text(metadata if side == ".aux.xml" else vrt(place, relative=0))
    with pytest.raises(InputError, match=r"refers to|must be a TIFF"):
        _read(folder / "a.tif")
    assert listening.count == 0


def test_tags_of_a_tiff_lead_nowhere_else(folder, listening):
    place = f"/vsicurl/http://{listening.address}/a.tif"
    with rasterio.open(folder / "b.tif", "w", driver="GTiff", height=8, width=8, count=1, dtype="uint8") as file:
        file.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=place)
    (folder / "x.vrt").write_text(vrt("b.tif"))
    for path in (folder / "b.tif", folder / "x.vrt"):
        with pytest.raises(InputError, match="refers to"):
            _read(path)
    assert listening.count == 0


def test_parts_of_erdas_files_lie_beside_them(folder, tmp_path):
    """A large image is two files, of which the first names the second."""
    profile = {"driver": "HFA", "width": 64, "height": 64, "count": 1, "dtype": "uint8", "USE_SPILL": "YES"}
    with rasterio.open(folder / "e.img", "w", **profile) as file:
        file.write(np.ones((1, 64, 64), np.uint8))
    assert (_read(folder / "e.img")[0] == 1).all()
    name = b"e.ige"
    content = (folder / "e.img").read_bytes()
    assert name in content
    (folder / "e.img").write_bytes(content.replace(name, b"../ig"))
    (folder.parent / "ig").write_bytes((folder / "e.ige").read_bytes())
    (folder / "x.vrt").write_text(vrt("e.img"))
    for path in (folder / "e.img", folder / "x.vrt"):
        with pytest.raises(InputError, match=r"e\.img refers to .*which is outside of its folder"):
            _read(path)


def test_masks_and_metadata_beside_an_image_still_count(folder):
    profile = {"driver": "GTiff", "height": 8, "width": 8, "count": 1, "dtype": "uint8"}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(folder / "a.tif", "w", **profile) as file:
        file.write(np.ones((1, 8, 8), np.uint8))
        file.write_mask(np.arange(64).reshape(8, 8) % 2 == 0)
    assert (folder / "a.tif.msk").exists()
    (folder / "a.tif.aux.xml").write_text("<PAMDataset><Metadata><MDI key='A'>http://b</MDI></Metadata></PAMDataset>")
    assert not _read(folder / "a.tif")[1].all()


def test_data_sets_are_confined_too(folder, tmp_path, run_cli):
    data = tmp_path / "data"
    for kind in ("images", "masks"):
        (data / kind).mkdir(parents=True)
    for i in range(4):
        (data / "images" / f"{i}.vrt").write_text(vrt(tmp_path / "secret.tif", relative=0))
        Image.fromarray(np.full((8, 8), i % 2, np.uint8)).save(data / "masks" / f"{i}.png")
    code, _, err = run_cli("train", data, "-o", tmp_path / "run", "--dry-run")
    assert code == 2
    assert "outside of its folder" in err
    code, _, err = run_cli("train", data, "-o", tmp_path / "run", "--dry-run", "--allow-folder", tmp_path)
    assert "outside of its folder" not in err


# ---------------------------------------------------------------------------------------------- STAC items

PLACE = raster.Georeference(CRS.from_epsg(32632), Affine(10, 0, 500_000, 0, -10, 5_200_000))
COARSE = raster.Georeference(PLACE.crs, Affine(20, 0, 500_000, 0, -20, 5_200_000))
MOVED = raster.Georeference(PLACE.crs, Affine(10, 0, 500_003, 0, -10, 5_200_000))


@pytest.fixture
def item(tmp_path):
    """A STAC item with four bands of one grid, one of another, and a thumbnail."""
    home = tmp_path / "item"
    home.mkdir()
    assets = {"thumbnail": {"href": "./small.png", "roles": ["thumbnail"]}}
    for i, name in enumerate(("blue", "green", "red", "nir")):
        raster.write_bands(home / f"{name}.tif", np.full((1, 8, 8), i, np.uint16), like=PLACE)
        assets[name] = {"href": f"./{name}.tif", "roles": ["data"]}
    raster.write_bands(home / "swir.tif", np.zeros((1, 4, 4), np.uint16), like=COARSE)
    assets["swir"] = {"href": "swir.tif"}
    write_item(home, assets)
    return home / "item.json"


def write_item(folder, assets):
    content = {"type": "Feature", "stac_version": "1.0.0", "id": "x", "properties": {}, "assets": assets}
    (folder / "item.json").write_text(json.dumps(content))


def test_an_item_is_one_raster(item):
    with raster.open(item) as image:
        assert image.band_names == ("red", "green", "blue")
        assert image.georeference == PLACE
        assert image.read()[0][:, 0, 0].tolist() == [2, 1, 0]
        assert image.read(bands=[3, 1])[0][:, 0, 0].tolist() == [0, 2]
    with raster.open(f"{item}#assets=nir,red") as image:
        assert image.band_names == ("nir", "red")
        assert image.read()[0][:, 3, 3].tolist() == [3, 2]


def test_bands_of_a_single_asset_are_those_of_its_file(item):
    raster.write_bands(item.parent / "visual.tif", np.zeros((3, 8, 8), np.uint8), like=PLACE)
    write_item(item.parent, {"visual": {"href": "visual.tif"}})
    with raster.open(item) as image, raster.open(item.parent / "visual.tif") as alone:
        assert image.band_names == alone.band_names
        assert image.bands == alone.bands


def test_work_on_an_item_is_resumed_with_the_same_assets_only(item):
    from densa.engine.work.journal import image_identity

    found = {}
    for names in ("red,nir", "nir,red", "red,green"):
        with raster.open(f"{item}#assets={names}") as image:
            found[names] = image_identity(image, 0)
    assert found["red,nir"] != found["nir,red"] != found["red,green"]
    raster.write_bands(item.parent / "nir.tif", np.full((1, 8, 8), 9, np.uint16), like=PLACE, overwrite=True)
    with raster.open(f"{item}#assets=red,nir") as image:
        assert image_identity(image, 0) != found["red,nir"]


def test_an_item_at_a_url(item, tmp_path, run_cli):
    with serving(item.parent) as served:
        with raster.open(f"{served.url}/ranges/item.json") as image:
            assert image.read()[0][:, 0, 0].tolist() == [2, 1, 0]
        assert all("thumb" not in path and "small" not in path for _, path, _ in served.requests)
        url = f"{served.url}/ranges/item.json"
        options = ["--assets", "nir,red", "--size", 20]
        code, _, err = run_cli("regions", url, "-o", tmp_path / "r.tif", *options)
        assert code == 0, err
        code, _, err = run_cli("regions", item, "-o", tmp_path / "s.tif", *options)
        assert code == 0, err
        assert_array_equal(raster.read_image(tmp_path / "r.tif"), raster.read_image(tmp_path / "s.tif"))
        for place, said in (("403/item.json", "403"), ("ranges/none.json", "404"), ("ranges/red.tif.json", "404")):
            with pytest.raises(InputError, match=said):
                raster.open(f"{served.url}/{place}")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("red,swir", "one grid: red has 8 x 8 pixels.*swir 4 x 4"),
        ("red,none", "no asset none; it has thumbnail, blue"),
        ("red,red", "different names"),
        ("thumbnail", "must be a TIFF or JPEG 2000"),
    ],
)
def test_assets_that_do_not_fit_are_refused(item, names, said):
    with pytest.raises(InputError, match=said):
        raster.open(f"{item}#assets={names}")


def test_shifted_assets_are_refused(item):
    raster.write_bands(item.parent / "green.tif", np.zeros((1, 8, 8), np.uint16), like=MOVED, overwrite=True)
    with pytest.raises(InputError, match=r"red has .*green 8 x 8"):
        raster.open(item)


@pytest.mark.parametrize(
    "href",
    [
        "../secret.tif",
        "{tmp}/secret.tif",
        "/vsicurl/http://{address}/a.tif",
        "http://{address}/a.tif",
        "s3://b/a.tif",
        "/vsizip/{tmp}/a.zip/a.tif",
    ],
)
def test_items_are_confined_too(item, tmp_path, listening, href):
    raster.write_bands(tmp_path / "secret.tif", np.full((1, 8, 8), 77, np.uint8))
    write_item(item.parent, {"a": {"href": href.format(tmp=tmp_path, address=listening.address)}})
    with pytest.raises(InputError, match=r"item.json refers to"):
        raster.open(f"{item}#assets=a")
    assert listening.count == 0


def test_an_item_at_a_url_stays_there(item, tmp_path, listening):
    write_item(item.parent, {"a": {"href": f"http://{listening.address}/a.tif"}, "b": {"href": "../x/b.tif"}})
    with serving(item.parent) as served:
        for name in "ab":
            with pytest.raises(InputError, match="outside of its folder; allow_remote=True"):
                raster.open(f"{served.url}/ranges/item.json#assets={name}")
        assert listening.count == 0
        with serving(item.parent) as other:
            write_item(item.parent, {"a": {"href": f"{other.url}/ranges/red.tif"}})
            with raster.allow_sources(remote=True), raster.open(f"{served.url}/ranges/item.json") as image:
                assert image.read()[0][0, 0, 0] == 2


@pytest.mark.parametrize(
    "assets",
    [
        {},
        [],
        {"a": 5},
        {"a": {"href": 5}},
        {"a": {"href": ""}},
        {"a": {"href": "http://[x/a.tif"}},
        {"a": {"href": "a\0.tif"}},
        {"a": {"href": "a.tif", "roles": [{}, []]}},
        {"a": {"href": "none.tif", "roles": 3}},
    ],
)
@pytest.mark.parametrize("named", ["", "#assets=a"])
def test_strange_assets_are_refused(tmp_path, assets, named):
    write_item(tmp_path, assets)
    with serving(tmp_path) as served:
        for place in (tmp_path, f"{served.url}/ranges"):
            with pytest.raises(InputError):
                raster.open(f"{place}/item.json{named}")


def test_other_json_is_no_image(tmp_path):
    for content in ("{}", "[1]", "{", '{"type": "FeatureCollection", "assets": {}}', "[" * 100_000):
        (tmp_path / "x.json").write_text(content)
        with pytest.raises(InputError, match="STAC item"):
            raster.open(tmp_path / "x.json")
