"""What people ran into: an output that replaced its own input, or failed after the work was done."""

import os
import shutil
import tempfile
from types import SimpleNamespace

import numpy as np
import pytest
from affine import Affine

import densa
from densa import cli, outputs, raster
from densa.errors import InputError
from densa.legend import Legend
from densa.outputs import check_folder, check_outputs, space_notes

PHOTO = np.random.default_rng(0).integers(0, 255, (3, 24, 32)).astype(np.uint8)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with an image, its copy, a hard link, a symbolic link, and markers."""
    monkeypatch.chdir(tmp_path)
    raster.write_bands("a.tif", PHOTO)
    shutil.copy("a.tif", "kept.tif")
    os.link("a.tif", "hard.tif")
    os.symlink("a.tif", "soft.tif")
    os.mkdir("sub")
    markers = np.zeros((1, 24, 32), np.uint8)
    markers[0, 2, 2], markers[0, 20, 20] = 1, 2
    raster.write_bands("markers.tif", markers)
    return tmp_path


@pytest.fixture
def refused(monkeypatch, capsys):
    """Call `densa ARGUMENTS`, which must end with one line and exit code 2; gives the line."""

    def refuse(*arguments):
        monkeypatch.setattr("sys.argv", ["densa", *map(str, arguments)])
        assert cli.run() == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1, err
        return err

    return refuse


@pytest.mark.parametrize("name", ["a.tif", "./a.tif", "sub/../a.tif", "hard.tif", "soft.tif"])
@pytest.mark.parametrize("option", ["-o", "--boundaries", "--outline"])
def test_regions_do_not_replace_their_image(here, refused, name, option):
    others = [] if option == "-o" else ["-o", "regions.tif"]
    said = refused("regions", "a.tif", *others, option, name, "--overwrite")
    assert "is an input of this command" in said
    assert (here / "a.tif").read_bytes() == (here / "kept.tif").read_bytes()
    assert not list(here.glob("*.partial"))


def test_regions_do_not_replace_their_markers(here, refused):
    said = refused(
        "regions", "a.tif", "--method", "watershed", "--markers", "markers.tif", "-o", "markers.tif", "--overwrite"
    )
    assert "markers.tif is an input" in said


def test_regions_do_not_replace_the_source_of_a_mosaic(here, refused):
    (here / "m.vrt").write_text(
        '<VRTDataset rasterXSize="32" rasterYSize="24"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        '<SourceFilename relativeToVRT="1">a.tif</SourceFilename><SourceBand>1</SourceBand>'
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )
    assert "a.tif is an input" in refused("regions", "m.vrt", "-o", "a.tif", "--overwrite")


def test_two_products_have_two_names(here, refused):
    said = refused("regions", "a.tif", "-o", "r.tif", "--boundaries", "sub/../r.tif")
    assert "is named for two products" in said


def test_predictions_do_not_replace_images_or_the_model(here, refused, trained):
    (here / "maps").mkdir()
    raster.write_bands("b.tif", PHOTO[:1])
    raster.write_picture("b.png", PHOTO.transpose(1, 2, 0).copy())
    for images, output in ((["b.tif", "b.png"], "."), (["b.tif"], "b.tif")):
        said = refused("predict", trained, *images, "-o", output, "--overwrite")
        assert "image itself" in said or "both be written" in said or "is an input" in said
    said = refused("predict", trained, "b.tif", "-o", "m.png", "--polygons", "b.shp")
    assert "polygons" in said
    said = refused("predict", trained, "b.tif", "-o", "map.jpg")
    assert "map.jpg" in said
    assert not (here / "map.jpg").exists()


def test_a_product_of_one_image_is_not_another_image(here, refused, trained):
    raster.write_picture("b.png", PHOTO.transpose(1, 2, 0).copy())
    shutil.copy("b.png", "b.overlay.png")
    said = refused("predict", trained, "b.png", "b.overlay.png", "-o", "maps", "--overlay")
    assert "b.overlay.png" in said
    said = refused("predict", trained, "kept.tif", "b.overlay.png", "-o", ".", "--overwrite")
    assert "b.overlay.png" in said


def test_seams_do_not_replace_their_image_and_write_png_only(here, refused, trained):
    raster.write_picture("b.png", PHOTO.transpose(1, 2, 0).copy())
    assert "b.png is an input" in refused("seams", trained, "b.png", "-o", "b.png", "--overwrite")
    assert "must end in .png" in refused("seams", trained, "b.png", "-o", "seams.tif")


def test_a_run_is_not_the_data_and_does_not_replace_what_it_reads(refused, trained, squares, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    run = tmp_path / "run"
    assert "is the data" in refused("train", squares, "-o", squares, "--overwrite", "--steps", 1)
    images = next((squares / "train").glob("i*"))
    assert "holds images of the data" in refused("train", squares, "-o", images, "--steps", 1)
    for given in (["--config", run / "config.yaml"], ["--weights", run / "model.safetensors"]):
        said = refused("train", squares, *given, "-o", run, "--overwrite", "--steps", 1)
        assert "lies in the run that is replaced" in said
    (run / "labels.gpkg").touch()
    for given in ("--labels", "--aoi"):
        said = refused(
            "train", squares, given, f"{run / 'labels.gpkg'}#layer=a", "-o", run, "--overwrite", "--steps", 1
        )
        assert "labels.gpkg is read, and lies in the run that is replaced" in said
    assert (run / "model.safetensors").exists()


def test_an_ensemble_does_not_replace_its_members(refused, trained, tmp_path, monkeypatch, capsys):
    both = tmp_path / "both"
    monkeypatch.setattr("sys.argv", ["densa", "ensemble", str(trained), str(trained), "-o", str(both)])
    assert cli.run() == 0
    capsys.readouterr()
    for output in (both, both / "member-0" / "inside", tmp_path):
        assert refused("ensemble", both, trained, "-o", output, "--overwrite")
    assert (both / "member-0" / "model.json").exists()


@pytest.mark.parametrize("verb", ["regions", "predict", "seams", "train", "evaluate"])
def test_a_folder_that_cannot_be_made_is_one_line(here, refused, trained, squares, verb):
    (here / "file").write_text("no folder")
    raster.write_bands("b.tif", PHOTO[:1])
    arguments = {
        "regions": ["a.tif", "-o", "file/r.tif"],
        "predict": [trained, "b.tif", "-o", "file/maps"],
        "seams": [trained, "b.tif", "-o", "file/s.png"],
        "train": [squares, "-o", "file/run"],
        "evaluate": [squares / "val/masks", squares / "val/masks", "-o", "file/report"],
    }
    assert "cannot be made" in refused(verb, *arguments[verb])


@pytest.mark.parametrize("verb", ["predict", "regions", "train", "evaluate", "compare", "ensemble", "demo"])
def test_nothing_is_written_to_a_folder_named_as_a_url(here, refused, trained, squares, verb):
    before = sorted(os.listdir())
    arguments = {
        "predict": [trained, "a.tif"],
        "regions": ["a.tif"],
        "train": [squares],
        "evaluate": [trained, squares],
        "compare": [squares, "--models", trained, "--accuracy-only"],
        "ensemble": [trained, trained],
    }
    said = refused(verb, *arguments.get(verb, []), "-o", "s3://bucket/out" + ".tif" * (verb == "regions"))
    assert "outputs are files of this machine" in said
    assert sorted(os.listdir()) == before


def test_models_and_data_sets_lie_on_this_machine(refused, trained, squares):
    for place in ("s3://bucket/x", "https://host/x"):
        assert f"must lie on this machine, got {place}" in refused("evaluate", trained, place)
        assert f"must lie on this machine, got {place}" in refused("evaluate", place, squares)
        assert f"{place} is a URL" in refused("train", place, "-o", "run")
    with pytest.raises(InputError, match="predictions must be a path, got"):
        densa.evaluate(densa.load(trained), squares)


def test_names_that_no_file_can_have(here, refused):
    for name in ("x" * 250 + ".tif", "é" * 120 + ".tif"):
        assert "bytes, a name may have" in refused("regions", "a.tif", "-o", name)
    with pytest.raises(InputError, match="null character"):
        check_outputs([("map", here / "a\0b.tif")], ())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused_before_the_work(here):
    (here / "sub").chmod(0o500)
    with pytest.raises(InputError, match="cannot be written to"):
        check_folder(here / "sub" / "new")


@pytest.mark.parametrize("verb", ["regions", "predict", "seams", "evaluate"])
def test_the_last_line_names_every_file_that_was_written(here, trained, verb, monkeypatch, capsys):
    place = raster.Georeference(None, Affine(2, 0, 10, 0, -2, 50))
    raster.write_bands("b.tif", PHOTO[:1], like=place)
    os.mkdir("masks")
    raster.write_label_map("masks/b.png", (PHOTO[0] > 127).astype(np.uint8), Legend(("a", "b")))
    arguments = {
        "regions": "b.tif -o out/r.tif --count 4 --outline out/o.png --polygons out/p.gpkg --statistics out/s.csv",
        "predict": f"{trained} b.tif -o out --probabilities --uncertainty --polygons gpkg --overlay",
        "seams": f"{trained} b.tif -o out/s.png",
        "evaluate": "masks masks -o out",
    }
    monkeypatch.setattr("sys.argv", ["densa", verb, *arguments[verb].split()])
    assert cli.run() == 0
    last = capsys.readouterr().out.splitlines()[-1]
    written = [path.name for path in (here / "out").iterdir()]
    assert written
    assert [name for name in written if name not in last] == []


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="needs a second file system")
def test_products_may_lie_on_another_file_system(here, run_cli):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        products = ["--statistics", f"{other}/s.csv", "--outline", f"{other}/o.tif"]
        code, _, err = run_cli("regions", "a.tif", "-o", "r.tif", "--count", 4, *products)
        assert code == 0, err
        assert sorted(os.listdir(other)) == ["o.tif", "s.csv"]


def test_files_that_may_not_fit_are_told_before_the_work(tmp_path, monkeypatch):
    assert space_notes(tmp_path, 1, 1) == []
    (note,) = space_notes(tmp_path, 10**18, 1)
    assert "before compression" in note
    assert "up to 1000000000 GB" in note
    monkeypatch.setattr(outputs.shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    assert "has 0 bytes left, the files take up to 2.05 kB" in space_notes(tmp_path, 2048, 1)[0]
    monkeypatch.undo()
    mounts = tmp_path / "mounts"
    mounts.write_text(f"x / ext4 rw\ny {tmp_path} vfat rw\nbroken\n")
    monkeypatch.setattr(outputs, "_MOUNTS", mounts)
    (note,) = space_notes(tmp_path, 1, 2**32)
    assert "FAT" in note
    mounts.write_text(f"x / vfat rw\ny {tmp_path} ext4 rw\n")
    assert space_notes(tmp_path, 1, 2**32) == []
