"""A map has the same bytes whatever the tiles, the memory, the workers and the executor, and in memory as in a file."""

import random

import numpy as np
import pytest
import torch
from scipy import ndimage

from densa import crf, networks, raster, segmenter
from densa.engine import PredictionFiles, Work, parse_bytes, predict_array, predict_to_file
from densa.engine.prediction import budget, frozen_context
from densa.engine.resources.memory import resident_bytes
from densa.legend import Legend

LEGEND = Legend(("ground", "roof", "tree"))
BANDS = segmenter.BandContract(2, ("red", "infrared"), (0.0, 0.0), (1.0, 1.0), "float32")
SMALL = {
    "patch-cnn": {"width": 4},
    "deconvnet": {"width": 2, "dense_width": 8},
    "deeplabv2-aspp": {"width": 4, "backbone": "resnet50"},
    "deeplabv3": {"width": 4, "backbone": "resnet50"},
}
FAMILIES = ["unet", "unet-valid", "segnet", "fcn8s", "deeplabv3", "deeplab-largefov", "patch-cnn", "dilated-context"]


@pytest.fixture(autouse=True)
def small_windows(monkeypatch):
    """Windows of 96 px in place of 2048, so that small images have several."""
    for module in (budget, frozen_context):
        monkeypatch.setattr(module, "WHOLE_SIDE_PX", 96)


def of_network(name, width=3):
    torch.manual_seed(1)
    made = networks.build(name, 2, 3, **SMALL.get(name, {"width": width})).eval()
    with torch.no_grad():
        for module in made.modules():  # weights that were never trained give scores that are all but equal
            if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
                module.weight.normal_(std=(2 / module.weight[0].numel()) ** 0.5)
    return segmenter.NetworkSegmenter(made, LEGEND, BANDS, device="cpu", precision="float32")


def image_of(rng, path):
    height, width = rng.randrange(97, 260), rng.randrange(97, 260)
    noise = np.random.default_rng(rng.randrange(1000)).standard_normal((2, height, width))
    pixels = (3 * ndimage.gaussian_filter(noise, (0, 2, 2)) + 0.3 * noise).astype(np.float32)
    pixels[:, height // 2 :, : width // 4] = -9
    raster.write_bands(path, pixels, nodata=-9)
    return raster.open(path)


def files_of(folder, name):
    return PredictionFiles(folder / f"{name}.tif", folder / f"{name}.p.tif", folder / f"{name}.u.tif")


def written(made, image, folder, name, work, **options):
    files = files_of(folder, name)
    assert predict_to_file(made, image, files, work, **options)
    return [path.read_bytes() for path in files.each().values()]


def check(made, folder, seed, n=3, **options):
    """Random tilings, workers and budgets of a random image."""
    rng = random.Random(seed)
    with image_of(rng, folder / "image.tif") as image:
        expected = written(made, image, folder, "expected", Work(), **options)
        for i in range(n):
            work = Work(
                tile_size=rng.choice([None, made.stride * rng.randrange(1, 9)]),
                workers=rng.choice([1, 2]),
                memory=rng.choice([None, resident_bytes() + 2 * 10**9]),
            )
            assert written(made, image, folder, str(i), work, **options) == expected, work
        if not options:
            labels, sure = predict_array(made, image, tile_size=made.stride, memory="20GB")
            with raster.open(folder / "expected.p.tif") as probabilities:
                values, valid = probabilities.read()
            np.testing.assert_array_equal(labels, raster.read_label_map(folder / "expected.tif")[0])
            np.testing.assert_array_equal(values.max(axis=0)[valid], np.rint(sure * np.float32(255))[valid])
    return expected


@pytest.mark.parametrize("name", FAMILIES)
def test_networks(name, tmp_path):
    check(of_network(name), tmp_path, seed=sum(map(ord, name)))


def test_wrappers_of_networks(tmp_path):
    unet, segnet = of_network("unet"), of_network("segnet")
    close = crf.DenseCrf(smooth_px=2, appearance_px=4, n_iterations=2)
    for number, made in enumerate(
        [
            segmenter.Ensemble([unet, segnet], weights=[2, 1], combine="product"),
            segmenter.Augmented(unet, flips=("rows",), quarter_turns=False),
            segmenter.Refined(unet, close),
            segmenter.MonteCarlo(of_network("bayesian-segnet"), 2),
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        check(made, folder, number, n=2)


def test_blended_windows(tmp_path):
    made = of_network("unet")
    with image_of(random.Random(5), tmp_path / "image.tif") as image:
        found = [
            written(made, image, tmp_path, name, work, blend="hann")
            for name, work in {
                "one": Work(tile_size=64),
                "threads": Work(tile_size=64, workers=2),
                "memory": Work(tile_size=64, memory=resident_bytes() + 10**9),
            }.items()
        ]
    assert found[0] == found[1] == found[2]


def test_processes(tmp_path):
    made = of_network("unet", width=1)
    with image_of(random.Random(7), tmp_path / "image.tif") as image:
        here = written(made, image, tmp_path, "here", Work(tile_size=48))
        there = written(made, image, tmp_path, "there", Work(workers=2, executor="processes"))
    assert here == there


def test_tiles_group_windows_and_say_so(tmp_path):
    made, lines = of_network("unet", width=1), []
    with image_of(random.Random(7), tmp_path / "image.tif") as image:
        written(made, image, tmp_path, "map", Work(tile_size=208), tell=lines.append)
    assert lines == [
        "image.tif: tiles of 192 px instead of 208: the model is applied to windows of 96 px whatever the tiles, so "
        "that these have no effect on the map"
    ]


def test_a_budget_below_a_window_says_what_it_costs(tmp_path, monkeypatch):
    made, lines = of_network("unet", width=1), []
    with image_of(random.Random(7), tmp_path / "image.tif") as image:
        expected = predict_array(made, image)
        monkeypatch.setattr("densa.engine.prediction.windows.choose_tile_size", lambda *given, **named: 32)
        found = predict_array(made, image, memory=10**10, tell=lines.append)
    assert lines == [
        "image.tif: memory does not suffice for windows of 96 px; in tiles of 32 px the same labels come out, except "
        "where the two best probabilities differ by less than 1e-5"
    ]
    np.testing.assert_allclose(found[1], expected[1], atol=1e-5)
    assert (found[0] != expected[0]).mean() < 1e-3


def test_memory_is_given_as_text_or_bytes(tmp_path):
    with image_of(random.Random(7), tmp_path / "image.tif") as image:
        made = of_network("unet", width=1)
        one, two = (predict_array(made, image, memory=memory)[1] for memory in ("9GB", parse_bytes("9GB")))
    np.testing.assert_array_equal(one, two)
