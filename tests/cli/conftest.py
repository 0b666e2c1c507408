"""A small data set on disk, and the command line called as a process would."""

import sys

import numpy as np
import pytest

from densa import cli, raster
from densa.legend import Legend


@pytest.fixture
def run_cli(monkeypatch, capsys):
    """Call `densa ARGUMENTS`; gives (exit code, stdout, stderr)."""

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


@pytest.fixture
def refused(run_cli, squares, tmp_path):
    """Train with some options; the one line that it says instead."""

    def refuse(*options, data=squares):
        code, _, err = run_cli("train", data, "-o", tmp_path / "refused", *options)
        assert code == 2, err
        assert err.startswith("densa: ")
        assert err.count("\n") == 1, err
        assert not (tmp_path / "refused").exists()
        return err

    return refuse
