"""Bands have identities: name, colour, wavelength, type and scale; channels are bands, depth and time are pages."""

import json
import shutil

import numpy as np
import pytest
import rasterio
import tifffile
import yaml
from numpy.testing import assert_array_equal
from rasterio.enums import ColorInterp

import densa
from densa import raster
from densa.errors import InputError
from densa.segmenter import read_forest
from densa.verbs.train import train

RGB = ("red", "green", "blue")
TRAINING = {"model": "pixel-forest", "trees": 4, "samples": 600, "progress": False}


def scene(seed, n=48):
    """(3, n, n) uint8 and its (n, n) classes: three colours, of which no two bands alone tell all apart."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:n, :n]
    labels = np.where(x > 3 * n // 4, 2, ((y - n / 2) ** 2 + (x - n / 3) ** 2 < (n / 4) ** 2).astype(int))
    colors = np.array([[60, 90, 60], [180, 150, 120], [40, 60, 160]])
    image = np.clip(colors[labels] + rng.normal(0, 8, (n, n, 3)), 0, 255).astype(np.uint8)
    return image.transpose(2, 0, 1), labels.astype(np.uint8)


def write(path, values, names=(), colors=(), scale=None, offset=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"count": len(values), "height": values.shape[1], "width": values.shape[2], "dtype": values.dtype}
    photometric = {} if colors or names else {"photometric": "minisblack"}
    with rasterio.open(path, "w", driver="GTiff", **options, **photometric) as file:
        if colors:
            file.colorinterp = colors
        file.write(values)
        if names:
            file.descriptions = names
        if scale is not None:
            file.scales, file.offsets = (scale,) * len(values), (offset or 0.0,) * len(values)
    return path


def dataset(folder, change=lambda values: values, **options):
    for i in range(3):
        values, labels = scene(i)
        split = "val" if i == 2 else "train"
        write(folder / split / "images" / f"{i}.tif", change(values), **options)
        write(folder / split / "masks" / f"{i}.tif", labels[None])
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Models by what their images are; trained once each."""
    folder, made = tmp_path_factory.mktemp("runs"), {}

    def of(kind):
        if kind not in made:
            data = {
                "names": lambda path: dataset(path, names=RGB),
                "vague": lambda path: dataset(path),
                "uint16": lambda path: dataset(path, lambda v: v.astype(np.uint16) * 16, names=RGB),
                "float": lambda path: dataset(path, lambda v: v.astype(np.float32) / 255, names=RGB),
                "reflectance": lambda path: dataset(path, lambda v: v.astype(np.uint16) * 20, names=RGB, scale=1e-4),
            }[kind](folder / f"data-{kind}")
            train(data, output=folder / kind, **TRAINING)
            made[kind] = folder / kind
        return made[kind]

    return of


@pytest.fixture
def predicted(run_cli, tmp_path):
    """Predict; gives the labels and what was said on stderr."""

    def predict(run, image, *options):
        output = tmp_path / f"{image.stem}-map.tif"
        code, _, err = run_cli("predict", run, image, "-o", output, "--overwrite", *options)
        return code, raster.read_mask(output) if code == 0 else None, err

    return predict


@pytest.fixture
def usual(runs, predicted, tmp_path):
    """Labels of an image like those of training."""
    return predicted(runs("names"), write(tmp_path / "usual.tif", scene(9)[0], names=RGB))[1]


@pytest.mark.parametrize("kind", ["names", "upper case", "four names", "colours", "four colours", "synonyms"])
def test_bands_are_found_by_name_in_any_order(runs, predicted, usual, tmp_path, kind):
    values, more = scene(9)[0], np.full((1, 48, 48), 77, np.uint8)
    c = ColorInterp
    path = tmp_path / "other.tif"
    if kind == "names":
        write(path, values[::-1], names=RGB[::-1])
    elif kind == "upper case":
        write(path, values[[1, 0, 2]], names=("Green", "RED", "Blue"))
    elif kind == "four names":
        write(path, np.concatenate([more, values[::-1]]), names=("nir", *RGB[::-1]))
    elif kind == "colours":
        write(path, values[::-1], colors=(c.blue, c.green, c.red))
    elif kind == "four colours":
        write(path, np.concatenate([values[::-1], more]), colors=(c.blue, c.green, c.red, c.nir))
    else:
        write(path, values[[2, 0, 1]], names=("B", "R", "G"))
    code, labels, err = predicted(runs("names"), path)
    assert code == 0, err
    assert_array_equal(labels, usual)
    assert "are read, by name" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("names", [("nir", "red", "green"), ("B8", "B4", "B3"), ("red", "green", "nir", "swir")])
def test_names_that_conflict_are_refused_and_bands_decides(runs, predicted, tmp_path, names):
    values = scene(9)[0]
    stack = np.concatenate([values, values[:1]])[: len(names)]
    path = write(tmp_path / "other.tif", stack, names=names)
    code, _, err = predicted(runs("names"), path)
    assert code == 2
    assert all(name in err for name in (*names, *RGB))
    assert "--bands 3,2,1" in err
    code, labels, err = predicted(runs("names"), path, "--bands", "1,2,3")
    assert code == 0, err
    assert_array_equal(labels, predicted(runs("names"), write(tmp_path / "usual.tif", values, names=RGB))[1])


def test_vague_names_are_no_identities(runs, predicted, usual, tmp_path):
    path = write(tmp_path / "vague.tif", scene(9)[0], names=("band 1", "Band_2", "layer 3"))
    code, labels, err = predicted(runs("names"), path)
    assert code == 0, err
    assert_array_equal(labels, usual)
    code, _, err = predicted(runs("names"), write(tmp_path / "four.tif", np.zeros((4, 9, 9), np.uint8)))
    assert code == 2
    assert "has 4 bands, the model expects 3" in err
    assert "--bands" in err


@pytest.mark.parametrize("chosen", ["3,2,1", "red,green,blue", "red, 2 ,blue"])
def test_bands_by_number_or_name(runs, predicted, usual, tmp_path, chosen):
    path = write(tmp_path / "other.tif", scene(9)[0][::-1], names=RGB[::-1])
    code, labels, err = predicted(runs("names"), path, "--bands", chosen)
    assert code == 0, err
    assert_array_equal(labels, usual)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ("4,1,2", "none of number 4"),
        ("nir,red,green", "no band 'nir'"),
        ("1,2", "must be 3"),
        ("0,1,2", "from 1"),
        ("", ""),
    ],
)
def test_bands_that_are_not_there(runs, predicted, tmp_path, chosen, said):
    code, _, err = predicted(runs("names"), write(tmp_path / "a.tif", scene(9)[0], names=RGB), "--bands", chosen)
    assert code == 2
    assert said in err
    assert err.count("\n") == 1


def test_the_choice_of_training_is_kept(predicted, tmp_path):
    """A model of three of four unnamed bands finds them in files of the same layout, and takes three as they are."""
    data = dataset(tmp_path / "data", lambda v: np.concatenate([255 - v[:1], v]))
    run = tmp_path / "run"
    train(data, output=run, bands="4,3,2", **TRAINING)
    contract = read_forest(run).bands
    assert (contract.chosen, contract.n_in_file) == ((4, 3, 2), 4)
    assert yaml.safe_load((run / "config.yaml").read_text())["bands"] == [4, 3, 2]
    values = scene(9)[0]
    four = write(tmp_path / "four.tif", np.concatenate([255 - values[:1], values]))
    code, labels, err = predicted(run, four)
    assert code == 0, err
    assert "bands 4, 3, 2 of 4 are read, as in training" in err
    assert_array_equal(labels, predicted(run, write(tmp_path / "three.tif", values[::-1].copy()))[1])
    assert_array_equal(labels, predicted(run, four, "--bands", "4,3,2")[1])


def test_wavelengths_identify_bands(predicted, tmp_path):
    def envi(path, values, lengths):
        path.parent.mkdir(parents=True, exist_ok=True)
        size = {"count": 3, "height": 48, "width": 48, "dtype": "uint8"}
        with rasterio.open(path, "w", driver="ENVI", **size) as file:
            file.write(values)
        with path.with_suffix(".hdr").open("a") as header:
            header.write(f"wavelength units = Nanometers\nwavelength = {{{', '.join(map(str, lengths))}}}\n")
        return path

    values = scene(9)[0]
    with raster.open(envi(tmp_path / "a.img", values, (650.0, 550.0, 450.0))) as image:
        bands = image.bands
    contract = densa.segmenter.BandContract(
        3, mean=(90, 90, 90), std=(50, 50, 50), wavelengths=tuple(band.wavelength_nm for band in bands)
    )
    with raster.open(envi(tmp_path / "b.img", values[::-1], (451.0, 549.0, 650.0))) as image:
        fitted = densa.segmenter.fit_raster(contract, image)
        assert_array_equal(fitted.raster.read()[0], values)
        assert "by wavelength" in fitted.notes[0]
    other = envi(tmp_path / "c.img", values, (650.0, 550.0, 865.0))
    with raster.open(other) as image, pytest.raises(InputError, match="865 nm, where 650 nm"):
        densa.segmenter.fit_raster(contract, image)


# ------------------------------------------------------------------------------------------ types, ranges, scales


def test_another_type_is_refused_until_a_scale_is_assumed(runs, predicted, usual, tmp_path):
    values = scene(9)[0]
    path = write(tmp_path / "u16.tif", values.astype(np.uint16) * 20, names=RGB)
    code, _, err = predicted(runs("names"), path)
    assert code == 2
    assert "uint16" in err
    assert "uint8" in err
    assert "--assume-scale" in err
    for option, stored in (
        ("20", values.astype(np.uint16) * 20),
        ("full", values.astype(np.uint16) * 257),
        ("full", values / np.float32(255)),
        ("1", values.astype(np.int32)),
    ):
        path = write(tmp_path / "scaled.tif", stored.astype(stored.dtype), names=RGB)
        assert predicted(runs("names"), path)[0] == 2
        code, labels, err = predicted(runs("names"), path, "--assume-scale", option)
        assert code == 0, err
        assert_array_equal(labels, usual)


def test_one_of_several_images_that_is_refused_names_the_option(runs, run_cli, tmp_path):
    values = scene(9)[0]
    paths = [write(tmp_path / f"{v.dtype}.tif", v, names=RGB) for v in (values, values.astype(np.uint16))]
    code, _, err = run_cli("predict", runs("names"), *paths, "-o", tmp_path / "maps")
    assert code == 2
    assert "--assume-scale full" in err
    assert "assume_scale" not in err


@pytest.mark.parametrize(
    ("kind", "factor", "dtype", "is_refused"),
    [
        ("float", 255, np.float32, True), ("float", 1, np.float64, False), ("float", 0.01, np.float32, True),
        ("float", 0.5, np.float32, False), ("uint16", 257, np.uint16, True), ("uint16", 10, np.uint16, False),
        ("uint16", 1, np.uint16, True),
        ("uint16", 1, np.uint8, True), ("uint16", 16, np.int16, True),
    ],
)  # fmt: skip
def test_another_range_is_refused(runs, predicted, tmp_path, kind, factor, dtype, is_refused):
    unit = 1 / 255 if kind == "float" else 1
    path = write(tmp_path / "a.tif", (scene(9)[0].astype(float) * (factor * unit)).astype(dtype), names=RGB)
    code, _, err = predicted(runs(kind), path)
    assert code == (2 if is_refused else 0), err
    if is_refused:
        assert "--assume-scale" in err
        assert predicted(runs(kind), path, "--assume-scale", "1")[0] == 0


def test_declared_scales_give_the_same_physical_values(runs, predicted, tmp_path):
    run, values = runs("reflectance"), scene(9)[0].astype(np.uint16) * 20
    same = predicted(run, write(tmp_path / "a.tif", values, names=RGB, scale=1e-4))[1]
    for stored, scale, offset in (
        (values * 2, 5e-5, 0.0), (values + 1000, 1e-4, -0.1), ((values * 1e-4).astype(np.float32), 0.9999999, 1e-9),
        ((values + 1000).astype(np.int16), 1e-4, -0.1),
    ):  # fmt: skip
        path = write(tmp_path / "b.tif", stored, names=RGB, scale=scale, offset=offset)
        code, labels, err = predicted(run, path)
        assert code == 0, err
        assert (labels == same).mean() > 0.99
        assert "unit of training" in err
    code, _, err = predicted(run, write(tmp_path / "c.tif", values, names=RGB))
    assert code == 2
    assert "declares no scale, the training images scale 0.0001" in err
    assert_array_equal(predicted(run, tmp_path / "c.tif", "--assume-scale", "1")[1], same)


def test_images_of_a_data_set_declare_one_scale(tmp_path, run_cli):
    data = dataset(tmp_path / "data", lambda v: v.astype(np.uint16), scale=1e-4)
    write(data / "train" / "images" / "1.tif", scene(1)[0].astype(np.uint16), scale=1e-3)
    code, _, err = run_cli("train", data, "-o", tmp_path / "run", "--model", "pixel-forest")
    assert code == 2
    assert "1.tif: scale 0.001 offset 0 declared" in err


def test_a_constant_band_is_refused(runs, predicted, tmp_path):
    values = scene(9)[0]
    values[2] = 0
    path = write(tmp_path / "a.tif", values, names=RGB)
    code, _, err = predicted(runs("names"), path)
    assert code == 2
    assert "band blue (0) is constant" in err
    assert "--allow-constant" in err
    assert predicted(runs("names"), path, "--allow-constant")[0] == 0
    code, _, err = predicted(runs("names"), path, "--dry-run")
    assert code == 2


def test_a_band_that_varies_outside_the_sample_is_not_constant(tmp_path):
    values = np.zeros((1, 1200, 1300), np.uint8)
    values[0, 0, :20] = 200
    contract = densa.segmenter.BandContract(1, mean=(20,), std=(30,))
    with raster.open(write(tmp_path / "a.tif", values)) as image:
        assert densa.segmenter.fit_raster(contract, image).warnings == ()
    with raster.open(write(tmp_path / "b.tif", values * 0)) as image:
        assert "every band has one value (0)" in densa.segmenter.fit_raster(contract, image).warnings[0]
    two = densa.segmenter.BandContract(2, mean=(20, 20), std=(30, 30))
    path = write(tmp_path / "c.tif", np.concatenate([values, values * 0]))
    with raster.open(path) as image, pytest.raises(InputError, match=r"band 2 \(0\) is constant"):
        densa.segmenter.fit_raster(two, image)


@pytest.mark.parametrize("value", [0, 255])
def test_a_blank_tile_is_predicted_and_told(runs, predicted, tmp_path, value):
    code, labels, err = predicted(
        runs("names"), write(tmp_path / "a.tif", np.full((3, 48, 48), value, np.uint8), names=RGB)
    )
    assert code == 0, err
    assert labels.shape == (48, 48)
    assert f"every band has one value ({value})" in err
    assert err.count("\n") == 1


def test_statistics_far_from_training_are_a_warning(runs, run_cli, tmp_path):
    values = scene(9)[0]
    values[1] = 255 - values[1] // 60
    path = write(tmp_path / "a.tif", values, names=RGB)
    code, out, err = run_cli("predict", runs("names"), path, "-o", tmp_path / "maps", "--json")
    assert code == 0, err
    assert "band statistics far from training" in err
    assert "green has mean 25" in err
    assert "red has" not in err
    assert json.loads(out)[0]["warnings"][0] in err
    path = write(tmp_path / "b.tif", scene(9)[0], names=RGB)
    code, out, err = run_cli("predict", runs("names"), path, "-o", tmp_path / "maps", "--json")
    assert "warnings" not in json.loads(out)[0]
    assert err == ""


# ------------------------------------------------------------------------------------------------ other verbs


def test_a_data_set_in_another_order_is_matched(tmp_path, capsys):
    straight = dataset(tmp_path / "straight", names=RGB)
    mixed = dataset(tmp_path / "mixed", names=RGB)
    write(mixed / "train" / "images" / "1.tif", scene(1)[0][::-1], names=RGB[::-1])
    for data in (straight, mixed):
        train(data, output=data.with_name(f"{data.name}-run"), **TRAINING | {"progress": True})
    assert "of 1 of 3 images are read in another order" in capsys.readouterr().err
    models = [(tmp_path / f"{name}-run" / "model.safetensors").read_bytes() for name in ("straight", "mixed")]
    assert models[0] == models[1]
    write(mixed / "train" / "images" / "1.tif", scene(1)[0], names=("nir", "red", "green"))
    with pytest.raises(InputError, match=r"1\.tif are nir, red, green, where red, green, blue"):
        train(mixed, output=tmp_path / "refused", **TRAINING)


def test_evaluate_and_compare_match_by_name(runs, tmp_path):
    straight = dataset(tmp_path / "straight", names=RGB)
    other = dataset(tmp_path / "other", lambda v: v[::-1], names=RGB[::-1])
    run = tmp_path / "run"
    shutil.copytree(runs("names"), run)
    scores = [densa.evaluate(run, data, split="val", progress=False).summary.mean_iou for data in (straight, other)]
    assert scores[0] == scores[1] > 0.9
    options = {"split": "val", "accuracy_only": True, "pictures": 0}
    found = densa.compare(other, [run], output=tmp_path / "report", **options)
    assert found.rows[0].accuracy is not None
    wide = dataset(tmp_path / "wide", lambda v: v.astype(np.uint16) * 20, names=RGB)
    with pytest.raises(InputError, match="uint16 values, the model was trained on uint8"):
        densa.evaluate(run, wide, split="val", progress=False)
    again = densa.evaluate(run, wide, split="val", assume_scale=20, progress=False)
    assert again.summary.mean_iou == pytest.approx(scores[0])


def test_a_fourth_band_with_a_name_is_no_alpha(runs, predicted, usual, tmp_path):
    """Writers mark the fourth band of bytes as alpha; one that is called red is the red band."""
    values = scene(9)[0]
    path = tmp_path / "four.tif"
    with rasterio.open(path, "w", driver="GTiff", count=4, height=48, width=48, dtype="uint8") as file:
        assert file.colorinterp[3] == ColorInterp.alpha
        file.write(np.concatenate([values[:1] * 0, values[::-1]]))
        file.descriptions = ("nir", *RGB[::-1])
    code, labels, err = predicted(runs("names"), path)
    assert code == 0, err
    assert_array_equal(labels, usual)


def test_arrays_have_no_names_but_a_type(runs, usual, tmp_path):
    values = scene(9)[0]
    image = values.transpose(1, 2, 0)
    assert_array_equal(densa.predict(runs("names"), image).labels, usual)
    with pytest.raises(InputError, match="float64 values, the model was trained on uint8"):
        densa.predict(runs("names"), image / 255)
    assert_array_equal(densa.predict(runs("names"), image / 255, assume_scale="full").labels, usual)
    assert_array_equal(densa.predict(runs("names"), image[..., ::-1], bands=[3, 2, 1]).labels, usual)
    named = raster.from_array(image[..., ::-1], band_names=RGB[::-1])
    assert_array_equal(densa.predict(runs("names"), named).labels, usual)


def test_workers_read_the_same_bands(runs, predicted, usual, tmp_path):
    values = scene(9)[0].astype(np.uint16)[::-1] * 20
    path = write(tmp_path / "other.tif", values, names=RGB[::-1])
    options = ("--assume-scale", "20", "--tile-size", "32", "--workers", "2", "--executor", "processes")
    code, labels, err = predicted(runs("names"), path, *options)
    assert code == 0, err
    assert_array_equal(labels, usual)


def test_seams_and_ensemble(runs, run_cli, tmp_path):
    other = dataset(tmp_path / "other", lambda v: v[::-1], names=RGB[::-1])
    train(other, output=tmp_path / "bgr", **TRAINING)
    path = write(tmp_path / "a.tif", scene(9)[0], names=RGB)
    code, out, err = run_cli("seams", tmp_path / "bgr", path, "--json")
    assert code == 0, err
    assert json.loads(out)["differing"] == 0
    code, _, err = run_cli("ensemble", runs("names"), tmp_path / "bgr", "-o", tmp_path / "both")
    assert code == 0, err
    both = densa.predict(tmp_path / "both", path).labels
    assert (both == scene(9)[1]).mean() > 0.95


def test_old_models_load(runs, tmp_path):
    """Models of earlier versions do not say what their bands are beside the names."""
    run = tmp_path / "old"
    shutil.copytree(runs("names"), run)
    content = json.loads((run / "model.json").read_text())
    for name in ("colors", "wavelengths", "scales", "offsets", "chosen", "n_in_file"):
        del content["bands"][name]
    (run / "model.json").write_text(json.dumps(content))
    path = write(tmp_path / "a.tif", scene(9)[0][::-1], names=RGB[::-1])
    assert (densa.predict(run, path).labels == scene(9)[1]).mean() > 0.95


# ----------------------------------------------------------------------------------------- channels and pages


def test_channels_are_bands_and_slices_are_pages(runs, predicted, usual, run_cli, tmp_path):
    values = scene(9)[0]
    stack = np.stack([255 - values, values])
    tifffile.imwrite(tmp_path / "a.ome.tif", stack, metadata={"axes": "ZCYX"}, photometric="minisblack")
    code, labels, err = predicted(runs("vague"), tmp_path / "a.ome.tif", "--page", "2")
    assert code == 0, err
    assert (labels == scene(9)[1]).mean() > 0.95
    assert "3 channels are read as bands" in err
    code, _, err = run_cli("predict", runs("vague"), tmp_path / "a.ome.tif", "-o", tmp_path / "maps")
    assert code == 0, err
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == ["a.ome_0000.png", "a.ome_0001.png"]
    code, _, err = predicted(runs("vague"), tmp_path / "a.ome.tif", "--page", "3")
    assert code == 2
    assert "--page must be at most 2" in err
    code, _, err = predicted(runs("vague"), tmp_path / "a.ome.tif")
    assert code == 2
    assert "`--page`" in err or "--page" in err


def test_regions_say_which_page_and_choose_bands(run_cli, tmp_path):
    values = np.zeros((4, 2, 20, 24), np.uint8)
    values[2, 1, :, 12:] = 200
    tifffile.imwrite(tmp_path / "a.tif", values, imagej=True, metadata={"axes": "ZCYX"})
    count = {}
    for options in ((), ("--page", "3"), ("--page", "3", "--bands", "1"), ("--page", "3", "--bands", "2")):
        code, out, err = run_cli(
            "regions",
            tmp_path / "a.tif",
            "-o",
            tmp_path / "r.tif",
            "--overwrite",
            "--method",
            "components",
            "--json",
            *options,
        )
        assert code == 0, err
        assert ("page 1 of 4" in err) == (options == ())
        assert ("--page" in err) == (options == ())
        count[options[1::2]] = json.loads(out)["regions"]
    assert list(count.values()) == [1, 2, 1, 2]
    code, _, err = run_cli("regions", tmp_path / "a.tif", "--page", "5", "-o", tmp_path / "s.tif")
    assert code == 2
    assert "--page must be at most 4" in err
    code, out, err = run_cli("regions", tmp_path / "a.tif", "--page", "3", "--check", tmp_path / "r.tif")
    assert code == 0, err
    found = densa.segment(tmp_path / "a.tif", "components", page=3, bands=[2])
    assert found.count == 2


def test_regions_resumed_are_of_the_same_page(run_cli, tmp_path):
    values = np.zeros((2, 20, 24), np.uint8)
    values[1, :, 12:] = 200
    tifffile.imwrite(tmp_path / "a.tif", values, imagej=True, metadata={"axes": "ZYX"})
    options = ("regions", tmp_path / "a.tif", "-o", tmp_path / "r.tif", "--method", "components")
    assert run_cli(*options, "--page", "1")[0] == 0
    assert run_cli(*options, "--page", "1", "--resume")[0] == 0
    code, _, err = run_cli(*options, "--page", "2", "--resume")
    assert code == 2, err


def test_resume_keeps_the_bands(tmp_path, run_cli):
    data = dataset(tmp_path / "data")
    options = ("--steps", "1", "--width", "1", "--patch-size", "32", "--batch-size", "1")
    code, _, err = run_cli("train", data, "-o", tmp_path / "run", "--bands", "3,1", *options)
    assert code == 0, err
    code, _, err = run_cli("train", data, "-o", tmp_path / "run", "--resume", "--bands", "1,2")
    assert code == 2
    assert "--bands" in err
    code, _, err = run_cli("train", data, "-o", tmp_path / "run", "--resume")
    assert code == 0, err


def test_float32_and_float64_are_one_type_in_a_data_set(tmp_path, capsys):
    data = dataset(tmp_path / "data", lambda v: v.astype(np.float32), names=RGB)
    write(data / "train" / "images" / "1.tif", scene(1)[0].astype(np.float64), names=RGB)
    train(data, output=tmp_path / "run", **TRAINING)
    write(data / "train" / "images" / "1.tif", scene(1)[0], names=RGB)
    with pytest.raises(InputError, match="uint8 values, 2 other images have floating-point"):
        train(data, output=tmp_path / "run2", **TRAINING)


def test_names_that_the_model_does_not_know_are_told(runs, predicted, tmp_path):
    code, _, err = predicted(runs("vague"), write(tmp_path / "a.tif", scene(9)[0], names=RGB[::-1]))
    assert code == 0, err
    assert "the model does not know its bands: blue, green, red are taken in this order" in err


def test_undeclared_nodata_is_named(runs, predicted, tmp_path):
    values = scene(9)[0].astype(np.float32) / 255
    values[:, :5] = -9999
    code, _, err = predicted(runs("float"), write(tmp_path / "a.tif", values, names=RGB))
    assert code == 2
    assert "holds -9999, which usually means no data, as values: declare it (gdal_edit.py -a_nodata -9999" in err


def test_a_mask_of_fewer_pages_than_its_stack_is_named(tmp_path):
    for split in ("train", "val"):
        for kind, pages in (("images", 3), ("masks", 2)):
            (tmp_path / split / kind).mkdir(parents=True)
            planes = np.stack([scene(i)[kind == "masks"].reshape(-1, 48, 48)[0] for i in range(pages)])
            tifffile.imwrite(tmp_path / split / kind / "a.tif", planes, photometric="minisblack", metadata=None)
    with pytest.raises(InputError, match=r"masks.a.tif: it has 2 pages, none for page 3 of .*images.a.tif"):
        train(tmp_path, output=tmp_path / "run", **TRAINING)


@pytest.mark.parametrize(("factor", "told"), [(3, False), (257, True)])
def test_scenes_in_two_units_are_told_in_training(tmp_path, capsys, factor, told):
    data = dataset(tmp_path / "data", lambda v: v.astype(np.uint16), names=RGB)
    write(data / "train" / "images" / "1.tif", scene(1)[0].astype(np.uint16) * factor, names=RGB)
    train(data, output=tmp_path / "run", **TRAINING | {"progress": True})
    assert ("are all in one unit?" in capsys.readouterr().err) == told
