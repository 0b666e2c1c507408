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


def unet_of_brightness():
    """A U-Net by hand: a pixel is square where it, its neighbours and its surroundings are bright.

    Scores are multiples of 1/512, which float32 adds up exactly in any order, and never a tie: every processor gives
    the same labels, from tiles as from the whole.
    """
    import torch

    from densa import networks

    network = networks.build("unet", 1, 2, width=2).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.zero_()
                module.running_var.fill_(1 - module.eps)
        for block in (*network.down, *network.merge):
            for convolution in (block[0], block[3]):
                convolution.weight[0, 0, 1, 1] = 1
        network.down[0][1].bias[0] = 2  # brightness from 0 to 4
        network.down[2][0].weight[0, 0] = 1  # sum of 3 x 3 values
        for level, merge in enumerate(network.merge):
            network.up[level].weight[0, 0] = 1
            merge[0].weight[0 if level else 1, 2 * 2**level, 1, 1] = 1  # what comes from below; at the top by itself
        network.merge[0][0].weight[0, 0] = torch.tensor([[2, 1, 0], [2, 16, 0], [2, 1, 0]])  # a mirrored image differs
        network.merge[0][3].weight[1, 1, 1, 1] = 1
        network.head.weight[1, :, 0, 0] = torch.tensor([1 / 16, 1 / 128])
        network.head.bias[1] = -(55 + 1 / 1024) / 16
    return network


@pytest.fixture(scope="session")
def trained(squares, tmp_path_factory):
    """A run folder of a tiny U-Net on the squares; weights by hand stand in place of the trained ones."""
    from densa.segmenter import BandContract, read_model, save_model
    from densa.training import TrainConfig, train_from_config

    folder = tmp_path_factory.mktemp("runs") / "unet"
    config = TrainConfig.of(data=squares, width=2, steps=2, patch_size=32, batch_size=4)
    train_from_config(config, folder, progress=False)
    found = read_model(folder)
    bands = BandContract(1, found.bands.names, (128.0,), (64.0,))
    save_model(folder, unet_of_brightness(), found.architecture, found.legend, bands, training=found.training)
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
