"""Data, a model and random numbers shared by all tests."""

import os
import sys

# Small tests on several workers: more threads than cores make torch and numba wait for each other. Read at import.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# No example is timed: machines are busy. Where CI is set the examples are the same in every run, elsewhere new ones.
settings.register_profile("densa", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("densa")

REALDATA = Path(os.environ.get("DENSA_REALDATA", Path(__file__).parents[2] / "shared" / "data"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what reads the development images where they are not."""
    if not REALDATA.is_dir():
        for item in items:
            if item.get_closest_marker("realdata"):
                item.add_marker(pytest.mark.skip(reason=f"no development images in {REALDATA}"))


@pytest.fixture
def realdata() -> Path:
    """Folder of the development images; only for tests marked `realdata`."""
    return REALDATA


@pytest.fixture
def rng() -> np.random.Generator:
    """The same random numbers in every run."""
    return np.random.default_rng(0)


@pytest.fixture
def run_cli(monkeypatch, capsys):
    """Call `densa ARGUMENTS`; gives (exit code, stdout, stderr)."""

    from densa import cli

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["densa", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        captured = capsys.readouterr()
        return stop.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture(scope="session")
def squares(tmp_path_factory):
    """A data set of bright squares on a dark ground: 3 training and 2 validation images of 48 x 64 pixels."""
    from densa import raster
    from densa.legend import Legend

    folder = tmp_path_factory.mktemp("squares")
    rng = np.random.default_rng(0)
    legend = Legend(("ground", "square"))
    for split, count in (("train", 3), ("val", 2)):
        for kind in ("images", "masks"):
            (folder / split / kind).mkdir(parents=True)
        for i in range(count):
            labels = np.zeros((48, 64), np.uint8)
            for _ in range(3):
                row, column = rng.integers(0, 36), rng.integers(0, 52)
                labels[row : row + 12, column : column + 12] = 1
            image = rng.normal(60 + 120 * labels, 10).clip(0, 255).astype(np.uint8)
            raster.write_bands(folder / split / "images" / f"{split}{i}.tif", image[None])
            raster.write_label_map(folder / split / "masks" / f"{split}{i}.png", labels, legend)
    return folder


@pytest.fixture(scope="session")
def trained(squares, tmp_path_factory):
    """A run folder of a tiny U-Net on the squares; weights by hand stand in place of the trained ones."""
    from densa.segmenter import BandContract, read_model, save_model
    from densa.training import TrainConfig, train_from_config
    from tests.fixed_weights import unet_of_brightness

    folder = tmp_path_factory.mktemp("runs") / "unet"
    config = TrainConfig.of(data=squares, width=2, steps=2, patch_size=32, batch_size=4)
    train_from_config(config, folder, progress=False)
    found = read_model(folder)
    bands = BandContract(1, found.bands.names, (128.0,), (64.0,))
    save_model(folder, unet_of_brightness(1, 2), found.architecture, found.legend, bands, training=found.training)
    return folder
