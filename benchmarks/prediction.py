"""Prediction of one 2048x2048 image: `densa.engine.predict_array` beside the same network in plain PyTorch.

python benchmarks/prediction.py [--repeats 2] [--networks unet-32,unet-64,segnet-32]

Plain PyTorch is what one writes first: float32, eager, (N, C, H, W) contiguous, the whole image in one forward pass
under `torch.inference_mode`, then argmax. Both start from the pixels in memory or in the file, and end with the label
map. Each network is first trained for a little on the coins of scikit-image, so that its labels mean something; the
image is those coins, mirrored to 2048x2048.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import machine
from numpy.typing import NDArray
from PIL import Image
from torch import nn

import densa.datasets
import densa.raster
from densa.engine import predict_array
from densa.networks import build
from densa.segmenter import Architecture, BandContract, load_network_segmenter
from densa.training import Augmentation, train

SIDE_PX = 2048
TRAINING_STEPS = {"unet-32": 60, "unet-64": 40, "segnet-32": 80}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--networks", default=",".join(TRAINING_STEPS))
    parser.add_argument("--tiles", default="512,1024", help="tile sizes to compare with the default")
    parser.add_argument("--models", type=Path, help="folder where trained networks are kept, and found again")
    arguments = parser.parse_args()
    print(machine(), "\n")
    print("| network | how | s | faster | processor s | equal labels | share of coin |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as temporary:
        data = densa.datasets.coins(Path(temporary) / "coins")
        image = make_image(Path(temporary) / "coins-2048.png")
        for name in arguments.networks.split(","):
            folder = (arguments.models or Path(temporary)) / name
            if not (folder / "model.json").exists():
                train_briefly(name, data, folder)
            tiles = [int(size) for size in arguments.tiles.split(",") if size]
            measure(name, folder, image, arguments.repeats, tiles)


def make_image(path: Path) -> Path:
    """The coins beside their mirror images, 2048x2048."""
    import skimage.data

    coins = skimage.data.coins()
    rows, columns = ((0, SIDE_PX - side) for side in coins.shape)
    Image.fromarray(np.pad(coins, (rows, columns), "symmetric")).save(path)
    return path


def train_briefly(name: str, data: Path, folder: Path) -> None:
    kind, width = name.rsplit("-", 1)
    torch.manual_seed(0)
    train(
        build(kind, 1, 2, width=int(width)),
        densa.datasets.open(data)["train"],
        None,
        folder,
        architecture=Architecture(kind, {"width": int(width)}),
        steps=TRAINING_STEPS[name],
        patch_size=128,
        batch_size=4,
        augmentation=Augmentation.flips(quarter_turns=True, gain=0.2, offset=0.2),
        device="cpu",
        progress=False,
    )


def measure(name: str, folder: Path, image: Path, repeats: int, tiles: list[int]) -> None:
    """Time everything in turn, the least of some repetitions counts, and compare the labels with plain PyTorch's."""
    segmenter = load_network_segmenter(folder, build, device="cpu")
    plain, bands = plain_network(name, folder), segmenter.bands
    ways: dict[str, Callable[[], NDArray[Any]]] = {"PyTorch float32 eager": lambda: plain_labels(plain, bands, image)}

    def engine(tile_size: int | None) -> Callable[[], NDArray[Any]]:
        def predict() -> NDArray[Any]:
            with densa.raster.open(image) as raster:
                return predict_array(segmenter, raster, tile_size=tile_size)[0]

        return predict

    precision = str(segmenter.dtype).removeprefix("torch.")
    ways[f"densa {precision}, default"] = engine(None)
    for size in tiles:
        ways[f"densa {precision}, tiles of {size} and halo {segmenter.halo}"] = engine(size)
    wall: dict[str, list[float]] = {way: [] for way in ways}
    processor: dict[str, list[float]] = {way: [] for way in ways}
    labels = {}
    for _ in range(repeats):
        for way, predict in ways.items():
            started = time.perf_counter(), time.process_time()
            labels[way] = predict()
            wall[way].append(time.perf_counter() - started[0])
            processor[way].append(time.process_time() - started[1])
    first = next(iter(ways))
    for way, times in wall.items():
        equal = float((labels[way] == labels[first]).mean())
        faster = f"{min(wall[first]) / min(times):.2f}x"
        print(
            f"| {name} | {way} | {min(times):.2f} | {faster} | {min(processor[way]):.2f} | {100 * equal:.3f} % |"
            f" {100 * float((labels[way] == 1).mean()):.1f} % |",
            flush=True,
        )


def plain_network(name: str, folder: Path) -> nn.Module:
    """The network with its weights, as PyTorch holds it by default."""
    from safetensors.torch import load_file

    kind, width = name.rsplit("-", 1)
    network = build(kind, 1, 2, width=int(width))
    tensors = load_file(folder / "model.safetensors")
    network.load_state_dict({name: tensors[name].contiguous() for name in network.state_dict()})
    return network.eval()


def plain_labels(network: nn.Module, bands: BandContract, image: Path) -> NDArray[Any]:
    pixels = np.asarray(Image.open(image), np.float32)
    normalised = torch.from_numpy((pixels - bands.mean[0]) / bands.std[0]).float()
    with torch.inference_mode():
        return network(normalised[None, None]).argmax(dim=1)[0].numpy()


if __name__ == "__main__":
    main()
