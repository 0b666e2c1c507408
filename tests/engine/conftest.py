"""A segmenter by hand, a small model folder, and images to predict."""

import os
import subprocess
import sys
from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy import ndimage

from densa import raster
from densa.legend import Legend
from densa.segmenter import Architecture, BandContract, ModelSource, Segmenter, save_model
from tests.fixed_weights import unet_of_brightness

LEGEND = Legend(("low", "high"))
GREY = BandContract(1, ("grey",), (0.0,), (1.0,), "uint8")


@dataclass
class Widest(Segmenter):
    """A Segmenter by hand: the probability of class 1 is the maximum of 5 x 5 pixels; reads 2 pixels away."""

    legend: Legend = LEGEND
    bands: BandContract = GREY
    halo: int = 4
    stride: int = 4
    calls: list[tuple[int, ...]] = field(default_factory=list)

    def probabilities(self, block, valid=None):
        self.calls.append(block.shape)
        values = np.where(True if valid is None else valid, block[0], 0)
        high = ndimage.maximum_filter(values, 5, mode="nearest").astype(np.float32) / 255
        return np.stack([1 - high, high])


@pytest.fixture(scope="session")
def widest():
    """The class, to be made with other attributes."""
    return Widest


@pytest.fixture
def opened(tmp_path):
    """Write an (h, w) or (bands, h, w) image and open it."""
    left = []

    def save(image, name="image.tif", **options):
        raster.write_bands(tmp_path / name, image if image.ndim == 3 else image[None], overwrite=True, **options)
        left.append(raster.open(tmp_path / name))
        return left[-1]

    yield save
    for image in left:
        image.close()


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """Where to find a tiny U-Net for three bands, which gives the same labels on every processor."""
    folder = tmp_path_factory.mktemp("models") / "unet"
    legend = Legend(("ground", "roof", "tree"))
    bands = BandContract(3, ("red", "green", "blue"), (128.0,) * 3, (64.0,) * 3)
    save_model(folder, unet_of_brightness(3, 3), Architecture("unet", {"width": 2}), legend, bands)
    return ModelSource(folder, device="cpu", precision="float32")


@pytest.fixture
def scene(opened):
    """An open image of 3 bands and 200 x 330 pixels: blobs and noise."""
    rng = np.random.default_rng(5)
    smooth = ndimage.gaussian_filter(rng.standard_normal((3, 200, 330)), (0, 6, 6))
    image = (128 + 400 * smooth + 10 * rng.standard_normal((3, 200, 330))).clip(0, 255).astype(np.uint8)
    return opened(image, "scene.tif")


# A process that has everything loaded and forks the ones that are killed: real processes, without their slow start.
KILLED = """
import os, pathlib, random, signal, sys, time

folder, n_kills = pathlib.Path(sys.argv[1]), 3
{make}

def forked(run):
    child = os.fork()
    if child:
        return child
    try:
        run()
    except BaseException:
        os._exit(1)
    os._exit(0)

begin = time.perf_counter()
assert os.waitpid(forked(lambda: make("expected")), 0)[1] == 0
lasts = time.perf_counter() - begin
moments = random.Random(0)
for _ in range(n_kills):
    child = forked(lambda: make("map", resume=True))
    time.sleep(moments.uniform(0, lasts / 2))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print(len(list((folder / "map.tif.partial").glob("*.tile"))), (folder / "map.tif").exists())
assert os.waitpid(forked(lambda: make("map", resume=True)), 0)[1] == 0
"""


@pytest.fixture
def killed(tmp_path):
    """Have `expected` made in the folder, and `map` killed three times and continued, by code that defines `make`."""
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")

    def run(make, *arguments):
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", KILLED.replace("{make}", make), str(tmp_path), *map(str, arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 3
        assert not list(tmp_path.glob("*.partial"))
        assert not list(tmp_path.glob(".map*"))

    return run
