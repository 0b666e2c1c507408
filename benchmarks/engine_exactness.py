"""Labels of tiled prediction beside those of the whole image in one forward pass, for every network.

python benchmarks/engine_exactness.py [--networks unet,segnet,...] [--image FILE] [--width 8] [--tiles 256,512,1024]

Each network is trained for some steps on the image's own brightness quantiles, so that its labels mean something; then
the whole image is labelled in one pass and by tiles, in float32 on the CPU. For comparison, windows of 512 that overlap
by half, blended with Hann weights.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from machine import machine
from numpy.typing import NDArray
from scipy import ndimage
from torch.nn import functional as F

from densa import raster
from densa.engine import Blended, predict
from densa.legend import Legend
from densa.networks import NETWORKS, build
from densa.segmenter import BandContract, NetworkSegmenter, Segmenter

ARGUMENTS = {"deeplabv3": {"image_pooling": "none"}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--image", type=Path, help="any image; a synthetic one of 1500 x 2000 pixels without it")
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--tiles", default="256,512,1024")
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.tiles.split(",")]
    print(machine(), "\n")
    print("| network | halo | " + " | ".join(f"{s}: labels, probability" for s in sizes) + " | Hann 512 |")
    print("| --- " * (len(sizes) + 3) + "|")
    with tempfile.TemporaryDirectory() as temporary:
        path = arguments.image or synthetic(Path(temporary) / "image.tif")
        with raster.open(path) as image:
            for name in arguments.networks.split(","):
                segmenter = trained(name, image, arguments.width, arguments.steps)
                whole, shown = all_of(segmenter, image, max(image.height, image.width)), []
                for size in sizes:
                    step = segmenter.stride
                    tiled = all_of(segmenter, image, -(-size // step) * step)
                    differing = int((whole.argmax(axis=0) != tiled.argmax(axis=0)).sum())
                    shown.append(f"{differing} differ, {np.abs(whole - tiled).max():.1e}")
                window = -(-512 // (2 * segmenter.stride)) * 2 * segmenter.stride
                blended = all_of(Blended(segmenter, window_size=window, weights="hann"), image, None)
                share = (whole.argmax(axis=0) != blended.argmax(axis=0)).mean()
                print(f"| {name} | {segmenter.halo} | {' | '.join(shown)} | {share:.3%} differ |", flush=True)


def all_of(segmenter: Segmenter, image: raster.Raster, size: int | None) -> NDArray[np.float32]:
    """(classes, h, w) of the whole image."""
    found = np.empty((segmenter.legend.n_classes, image.height, image.width), np.float32)
    if size is not None:
        size = -(-size // segmenter.stride) * segmenter.stride
    for tile in predict(segmenter, image, tile_size=size):
        row, column, height, width = tile.window
        found[:, row : row + height, column : column + width] = tile.probabilities
    return found


def trained(name: str, image: raster.Raster, width: int, steps: int) -> NetworkSegmenter:
    """A network that tells four quantiles of smoothed brightness apart, more or less."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    network = build(name, image.n_bands, 4, width=width, **ARGUMENTS.get(name, {}))
    pixels = image.read()[0].astype(np.float32)
    mean, std = pixels.mean(axis=(1, 2)), pixels.std(axis=(1, 2))
    smooth = ndimage.uniform_filter(pixels.mean(axis=0), 5)
    target = np.digitize(smooth, np.quantile(smooth[::7, ::7], [0.25, 0.5, 0.75]))
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    side, margin = network.input_side(128), network.margin
    network.train()
    for _ in range(steps):
        row, column = rng.integers(0, image.height - side), rng.integers(0, image.width - side)
        part = (pixels[:, row : row + side, column : column + side] - mean[:, None, None]) / std[:, None, None]
        scores = network(torch.from_numpy(part[None]).repeat(2, 1, 1, 1))
        inside = slice(margin, margin + scores.shape[-1])
        wanted = torch.from_numpy(target[row : row + side, column : column + side][inside, inside])
        loss = F.cross_entropy(scores[:, :, : wanted.shape[0], : wanted.shape[1]], wanted[None].repeat(2, 1, 1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    bands = BandContract(image.n_bands, (), tuple(map(float, mean)), tuple(map(float, std)), str(image.dtype))
    return NetworkSegmenter(network.eval(), Legend(("a", "b", "c", "d")), bands, device="cpu", precision="float32")


def synthetic(path: Path) -> Path:
    noise = np.random.default_rng(0).standard_normal((3, 1500, 2000))
    fields = sum(s * ndimage.gaussian_filter(noise, (0, s, s)) for s in (1, 4, 16))
    raster.write_bands(path, (128 + 60 * fields).clip(0, 255).astype(np.uint8))
    return path


if __name__ == "__main__":
    main()
