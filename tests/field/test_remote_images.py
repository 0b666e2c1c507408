"""Images at URLs and in GDAL's file systems: only the ranges that are needed, and one line where a server fails."""

import json
import pickle
import time
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from numpy.testing import assert_array_equal
from PIL import Image
from rasterio.crs import CRS

import densa
from densa import raster
from densa.errors import InputError
from densa.locations import location
from tests.http_server import serving

PLACE = raster.Georeference(CRS.from_epsg(32632), Affine(0.5, 0, 500_000, 0, -0.5, 5_200_000))
GDAL_LIMITS = {"GDAL_HTTP_LOW_SPEED_TIME": "1", "GDAL_HTTP_CONNECTTIMEOUT": "2", "GDAL_HTTP_TIMEOUT": "4"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A scene of squares as TIFF, as a large TIFF, as PNG and as a turned JPEG."""
    folder = tmp_path_factory.mktemp("served")
    rng = np.random.default_rng(0)
    raster.write_bands(folder / "scene.tif", rng.integers(0, 255, (1, 48, 64), dtype=np.uint8), like=PLACE)
    raster.write_bands(folder / "large.tif", rng.integers(0, 255, (1, 1024, 1024), dtype=np.uint8))
    dots = np.zeros((1, 48, 64), np.int32)
    dots[0, 5:9, 5:9], dots[0, 30:40, 40:50] = 1, 2
    raster.write_bands(folder / "dots.tif", dots, like=PLACE)
    raster.write_bands(folder / "one.tif", np.full((1, 8, 8), 3, np.uint8))
    pixels = rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "photo.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    smooth = np.add.outer(np.arange(40) * 4, np.arange(60)).astype(np.uint8)
    Image.fromarray(smooth).save(folder / "turned.jpg", exif=exif, quality=95)
    (folder / "no image.tif").write_bytes(b"<html>not here</html>" * 100)
    return folder


@pytest.fixture
def server(folder, monkeypatch):
    for name, value in GDAL_LIMITS.items():
        monkeypatch.setenv(name, value)
    with serving(folder) as served:
        yield served


@pytest.mark.parametrize(
    "form", ["{}/ranges/scene.tif", "{}/ranges/scene.tif?token=a/b&x=https://y", "/vsicurl/{}/ranges/scene.tif"]
)
def test_a_url_reads_as_the_file(folder, server, form):
    with raster.open(form.format(server.url)) as image, raster.open(folder / "scene.tif") as file:
        for found, expected in zip(image.read(), file.read(), strict=True):
            assert_array_equal(found, expected)
        assert image.georeference == file.georeference
        assert (image.path.name, image.path.stem) == ("scene.tif", "scene")
        assert "token" not in str(image.path)
    assert {Path(path.partition("?")[0]).name for _, path, _ in server.requests} == {"scene.tif"}  # no side files


def test_only_ranges_are_fetched(folder, server):
    with raster.open(f"{server.url}/ranges/large.tif") as image:
        image.read(raster.Window(1000, 1000, 8, 8))
    assert all(asked or method == "HEAD" for method, _, asked in server.requests)
    assert server.sent < (folder / "large.tif").stat().st_size / 3


@pytest.mark.parametrize("name", ["photo.png", "turned.jpg"])
def test_photographs_too(folder, server, name):
    """As Pillow decodes them, the EXIF orientation applied."""
    with raster.open(f"{server.url}/ranges/{name}") as image, raster.open(folder / name) as file:
        found, expected = image.read()[0].astype(int), file.read()[0].astype(int)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= (0 if name == "photo.png" else 3)  # decoders of JPEG differ


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("ranges/missing.tif", "there is no such file (HTTP response code: 404)"),
        ("403/scene.tif", "its server refuses it (HTTP response code: 403)"),
        ("whole/large.tif", "does not send ranges of bytes, as it must; download it"),
        ("stalls/scene.tif", "stalls"),
        ("stalls-later/scene.tif", "cannot be read"),
        ("drips/scene.tif", "cannot be read"),
        ("garbage/large.tif", "cannot be read"),
        ("cut/large.tif", "cannot be read"),
        ("ranges/no image.tif", "it is no image that densa reads"),
        ("ranges/", "cannot be read"),
    ],
)
def test_a_server_that_fails_is_one_line(server, trained, run_cli, tmp_path, place, said):
    begin = time.monotonic()
    code, out, err = run_cli("predict", trained, f"{server.url}/{place}", "-o", tmp_path / "maps")
    assert time.monotonic() - begin < 10
    assert code == 2, (out, err)
    assert said in err
    assert len([line for line in err.splitlines() if line.startswith("densa:")]) == 1, err
    assert "Traceback" not in err
    assert all(asked or method == "HEAD" for method, _, asked in server.requests)


def test_a_length_that_is_a_lie_does_not_allocate(folder, server):
    with raster.open(f"{server.url}/longer/scene.tif") as image, raster.open(folder / "scene.tif") as file:
        assert_array_equal(image.read()[0], file.read()[0])


def test_default_limits_are_short(server, monkeypatch):
    for name in GDAL_LIMITS:
        monkeypatch.delenv(name)
    begin = time.monotonic()
    with pytest.raises(InputError, match="stalls"):
        raster.open(f"{server.url}/stalls/scene.tif")
    assert time.monotonic() - begin < 10


def test_credentials_are_those_of_gdal(server, monkeypatch):
    url = f"{server.url}/private/scene.tif"
    with pytest.raises(InputError, match="environment variables of GDAL"):
        raster.open(f"{url}?1")
    monkeypatch.setenv("GDAL_HTTP_HEADERS", "Authorization: Bearer secret")
    with raster.open(f"{url}?2") as image:
        assert image.height == 48


def test_s3_by_the_variables_of_gdal(folder, server, monkeypatch):
    for name, value in {
        "AWS_S3_ENDPOINT": server.url.removeprefix("http://"),
        "AWS_HTTPS": "NO",
        "AWS_VIRTUAL_HOSTING": "FALSE",
        "AWS_NO_SIGN_REQUEST": "YES",
    }.items():
        monkeypatch.setenv(name, value)
    with raster.open("s3://ranges/scene.tif") as image, raster.open(folder / "scene.tif") as file:
        assert_array_equal(image.read()[0], file.read()[0])


def test_predict_writes_what_it_writes_of_the_file(folder, server, trained, run_cli, tmp_path):
    url = f"{server.url}/ranges/scene.tif?token=secret"
    code, out, err = run_cli("predict", trained, url, "-o", tmp_path / "maps", "--tile-size", 32, "--json")
    assert code == 0, err
    assert "secret" not in out + err
    assert json.loads(out)[0]["labels"] == str(tmp_path / "maps" / "scene.tif")
    run_cli("predict", trained, folder / "scene.tif", "-o", tmp_path / "here", "--tile-size", 32)
    found, expected = (raster.read_image(tmp_path / place / "scene.tif") for place in ("maps", "here"))
    assert_array_equal(found, expected)
    assert b"secret" not in (tmp_path / "maps" / "scene.tif").read_bytes()
    labels, _ = raster.read_label_map(tmp_path / "here" / "scene.tif")
    assert_array_equal(densa.predict(trained, url).labels, labels)


def test_regions_of_a_url(folder, server, run_cli, tmp_path):
    url = f"{server.url}/ranges/scene.tif"
    code, _, err = run_cli("regions", url, "-o", tmp_path / "a.tif", "--size", 50, "--tile-size", 32)
    assert code == 0, err
    run_cli("regions", folder / "scene.tif", "-o", tmp_path / "b.tif", "--size", 50, "--tile-size", 32)
    assert_array_equal(raster.read_image(tmp_path / "a.tif"), raster.read_image(tmp_path / "b.tif"))


def test_markers_and_regions_at_urls(folder, server, run_cli, tmp_path):
    common = ["--method", "watershed", "--relief", "as-is"]
    url = f"{server.url}/ranges"
    code, _, err = run_cli(
        "regions", f"{url}/scene.tif", "-o", tmp_path / "a.tif", *common, "--markers", f"{url}/dots.tif"
    )
    assert code == 0, err
    run_cli("regions", folder / "scene.tif", "-o", tmp_path / "b.tif", *common, "--markers", folder / "dots.tif")
    assert_array_equal(raster.read_image(tmp_path / "a.tif"), raster.read_image(tmp_path / "b.tif"))
    code, out, err = run_cli("regions", f"{url}/scene.tif", "--check", f"{url}/dots.tif?key=1")
    assert code == 2
    assert "key=1" not in out + err
    assert f"{url}/dots.tif is no partition" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "{url}", "-o", "run"],
        ["evaluate", "{url}", "{url}"],
        ["predict", "{url}/run", "{url}/scene.tif", "-o", "out.tif"],
        ["regions", "{url}/scene.tif", "-o", "{url}/out.tif"],
        ["regions", "{url}/scene.tif", "-o", "out.tif", "--statistics", "{url}/out.csv"],
    ],
)
def test_folders_and_outputs_are_of_this_machine(server, run_cli, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    code, _, err = run_cli(*(part.format(url=f"{server.url}/ranges") for part in arguments))
    assert code == 2
    assert len(err.splitlines()) == 1, err
    assert list(tmp_path.iterdir()) == []


def test_seams_and_dry_runs_of_a_url(server, trained, run_cli, tmp_path):
    url = f"{server.url}/ranges/scene.tif"
    code, out, err = run_cli("seams", trained, url, "--tiles", "32,48", "--json")
    assert code == 0, err
    assert json.loads(out)["image"] == url
    for verb in (["predict", trained, url], ["regions", url]):
        code, out, err = run_cli(*verb, "-o", tmp_path / "dry.tif", "--dry-run")
        assert code == 0, err
    assert not (tmp_path / "dry.tif").exists()


def test_a_run_is_resumed_only_with_the_same_content(folder, trained, run_cli, tmp_path):
    from densa.engine.work.journal import image_identity

    other = tmp_path / "served"
    other.mkdir()
    raster.write_bands(other / "scene.tif", np.zeros((1, 48, 64), np.uint8), like=PLACE)
    found = []
    for place in (folder, folder, other):
        with serving(place) as served, raster.open(f"{served.url}/ranges/scene.tif?key=1") as image:
            found.append(image_identity(image, 0))
            assert "key" not in json.dumps(found[-1])
    contents = [one["content"] for one in found]
    assert contents[0] == contents[1] != contents[2]


@pytest.mark.parametrize(
    ("text", "name", "shown", "gdal"),
    [
        ("https://h/a/b.tif?sig=%2F", "b.tif", "https://h/a/b.tif", "/vsicurl/https://h/a/b.tif?sig=%2F"),
        ("https:/h/a/b.tif", "b.tif", "https://h/a/b.tif", "/vsicurl/https://h/a/b.tif"),
        ("HTTPS://me:pw@h/b.tif", "b.tif", "https://h/b.tif", "/vsicurl/https://me:pw@h/b.tif"),
        ("s3://bucket/a/b.tif", "b.tif", "s3://bucket/a/b.tif", "/vsis3/bucket/a/b.tif"),
        ("gs://bucket/b.tif", "b.tif", "gs://bucket/b.tif", "/vsigs/bucket/b.tif"),
        ("az://box/b.tif", "b.tif", "az://box/b.tif", "/vsiaz/box/b.tif"),
        ("/vsizip/a.zip/b.tif", "b.tif", "/vsizip/a.zip/b.tif", "/vsizip/a.zip/b.tif"),
    ],
)
def test_locations_keep_their_text(text, name, shown, gdal):
    found = location(text)
    assert (found.name, str(found), found.gdal_name) == (name, shown, gdal)
    assert pickle.loads(pickle.dumps(found)).gdal_name == gdal
    assert location(found) is found
    assert found.absolute() == found
    assert found.exists()


@pytest.mark.parametrize(
    "text",
    [
        "http://[x/a.tif",
        "http:///a.tif",
        "https://",
        "http://h:port/a.tif",
        "/vsicurl/",
        "/vsicurl?a=b",
        "/vsizip/none.zip/a.tif",
        "/vsifoo/a.tif",
        "s3://",
    ],
)
def test_what_is_no_address_is_one_line(text, run_cli, tmp_path):
    code, _, err = run_cli("regions", text, "-o", tmp_path / "r.tif")
    assert code == 2
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1, err


def test_a_vrt_at_a_url_is_refused(server):
    with pytest.raises(InputError, match="read from this machine only"):
        raster.open(f"{server.url}/ranges/a.vrt")


def test_other_paths_stay_paths(tmp_path):
    for text in ("a/b.tif", "c:/b.tif", "ftp://h/b.tif", str(tmp_path)):
        assert type(location(text)) is type(Path(text))


def test_images_in_archives(folder, tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(folder / "scene.tif", "in/scene.tif")
        archive.writestr("in/scene.tif.aux.xml", "<PAMDataset/>")
    with raster.open(f"/vsizip/{tmp_path}/a.zip/in/scene.tif") as image, raster.open(folder / "scene.tif") as file:
        assert_array_equal(image.read()[0], file.read()[0])
    with pytest.raises(InputError, match="vsisparse"):
        raster.open("/vsisparse/x.xml")
