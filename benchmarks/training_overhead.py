"""What `densa.training.train` costs beside a bare PyTorch loop over the same network, batch and optimiser.

python benchmarks/training_overhead.py [--steps 12] [--rounds 4]

The bare loop is given finished batches in memory: no reading, no normalisation, no augmentation, no clipping, no log.
Both loops are measured in turn, several times, from one forward pass to the next; the median step is compared.
"Waiting" is the time in which the loop stands still because its next patches are not read yet.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import machine
from PIL import Image
from torch import nn
from torch.nn import functional as F

import densa.datasets
import densa.training.loop.train
from densa.datasets import Batch, Dataset, PatchSampler
from densa.networks import build
from densa.segmenter import Architecture
from densa.segmenter.inference import choose_precision
from densa.training import Augmentation, train
from densa.training.loop.feeding import Feeder, MicroBatch
from densa.training.pieces.optimizers import make_optimizer

N_CLASSES = 11
AUGMENTATIONS = {
    "none": Augmentation.none(),
    "flips (default)": Augmentation.flips(),
    "all": Augmentation.flips(
        quarter_turns=True, rotation=15, scale=0.5, elastic=10, gain=0.2, offset=0.2, gamma=0.2
    ),
}  # fmt: skip


@dataclass
class Clock:
    """Seconds of steps, and of what stands between them."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    waiting: list[float] = field(default_factory=list)
    preparing: list[float] = field(default_factory=list)
    _last: tuple[float, float] | None = None

    def tick(self) -> None:
        """A forward pass begins: the step before it is over."""
        now = time.perf_counter(), time.process_time()
        if self._last is not None:
            self.wall.append(now[0] - self._last[0])
            self.processor.append(now[1] - self._last[1])
        self._last = now

    def stop(self) -> None:
        """What follows is no step; the first step, which sets memory up, is dropped."""
        self._last = None
        for times in (self.wall, self.processor):
            times.pop(0)


CLOCK = Clock()


class TimedSampler(PatchSampler):
    """Notes how long each patch was waited for."""

    def batches(self, *arguments: Any, **options: Any) -> Iterator[Batch]:
        source = super().batches(*arguments, **options)
        try:
            while True:
                started = time.perf_counter()
                batch = next(source)
                CLOCK.waiting.append(time.perf_counter() - started)
                yield batch
        finally:
            source.close()  # type: ignore[attr-defined]


class TimedFeeder(Feeder):
    """Notes how long each step's micro-batches took, waiting included."""

    def steps(self, first: int) -> Generator[list[MicroBatch], None, None]:
        source = super().steps(first)
        try:
            while True:
                started = time.perf_counter()
                batches = next(source)
                CLOCK.preparing.append(time.perf_counter() - started)
                yield batches
        finally:
            source.close()


def make_images(folder: Path, n: int, height: int, width: int) -> Dataset:
    """JPEG photographs and index masks of smooth noise: as much to decode as real ones, and nothing to download."""
    rng = np.random.default_rng(0)
    for name in ("train", "trainannot"):
        (folder / name).mkdir(parents=True)
    for i in range(n):
        coarse = rng.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
        image = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)).astype(int)
        noisy = np.clip(image + rng.integers(-20, 21, image.shape), 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(folder / "train" / f"{i:03}.jpg", quality=95)
        mask = Image.fromarray(rng.integers(0, N_CLASSES + 1, (height // 32, width // 32), dtype=np.uint8))
        mask.resize((width, height), Image.Resampling.NEAREST).save(folder / "trainannot" / f"{i:03}.png")
    return densa.datasets.open(folder)["train"]


def make_network(width: int) -> nn.Module:
    torch.manual_seed(0)
    network = build("unet", 3, N_CLASSES, width=width).to(memory_format=torch.channels_last)
    network.register_forward_pre_hook(lambda module, _: CLOCK.tick() if module.training else None)
    return network


def run_bare(arguments: argparse.Namespace, bfloat16: bool) -> None:
    """The loop that anyone would write first."""
    network = make_network(arguments.width).train()
    optimizer = make_optimizer(network, learning_rate=1e-3, weight_decay=1e-2)
    generator = torch.Generator().manual_seed(0)
    n, side = arguments.batch, arguments.patch
    images = torch.randn(n, 3, side, side, generator=generator).contiguous(memory_format=torch.channels_last)
    target = torch.randint(0, N_CLASSES, (n, side, side), generator=generator)
    for _ in range(arguments.steps):
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            logits = network(images)
        loss = F.cross_entropy(logits.float(), target, ignore_index=255)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    CLOCK.tick()
    CLOCK.stop()


def run_densa(arguments: argparse.Namespace, dataset: Dataset, folder: Path, augmentation: Augmentation) -> None:
    train(
        make_network(arguments.width),
        dataset,
        None,
        folder,
        architecture=Architecture("unet", {"width": arguments.width}),
        steps=arguments.steps + 1,
        validate_every=arguments.steps + 1,
        patch_size=arguments.patch,
        batch_size=arguments.batch,
        augmentation=augmentation,
        device="cpu",
        overwrite=True,
        progress=False,
    )
    CLOCK.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in {"steps": 12, "rounds": 4, "width": 16, "batch": 4, "patch": 256}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    arguments = parser.parse_args()
    precision = choose_precision("auto", torch.device("cpu"))
    print(machine())
    print(
        f"U-Net of width {arguments.width}, {arguments.batch} patches of {arguments.patch} px, 3 bands,"
        f" {N_CLASSES} classes, AdamW, {str(precision).removeprefix('torch.')}\n"
    )
    clocks = measure(arguments, bfloat16=precision == torch.bfloat16)
    print_table(clocks, arguments.batch)


def measure(arguments: argparse.Namespace, *, bfloat16: bool) -> dict[str, Clock]:
    """Clocks of all loops, run in turn so that what else the machine does meets all of them."""
    global CLOCK
    clocks = {name: Clock() for name in ("bare loop", *AUGMENTATIONS)}
    densa.training.loop.train.PatchSampler = TimedSampler  # type: ignore[attr-defined]
    densa.training.loop.train.Feeder = TimedFeeder  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as temporary:
        dataset = make_images(Path(temporary) / "data", 24, 360, 480)
        for _ in range(arguments.rounds):
            for name, clock in clocks.items():
                CLOCK = Clock()
                if name == "bare loop":
                    run_bare(arguments, bfloat16)
                else:
                    run_densa(arguments, dataset, Path(temporary) / "run", AUGMENTATIONS[name])
                for times in ("wall", "processor", "waiting", "preparing"):
                    getattr(clock, times).extend(getattr(CLOCK, times))
    return clocks


def print_table(clocks: dict[str, Clock], batch: int) -> None:
    print("| loop | s per step | images/s | overhead | processor s per step | waiting for patches | augmenting |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    bare = statistics.median(clocks["bare loop"].wall)
    for name, clock in clocks.items():
        step, processor = statistics.median(clock.wall), statistics.median(clock.processor)
        line = f"| {name if clock.waiting == [] else f'densa, augmentation: {name}'} | {step:.3f} | {batch / step:.2f}"
        if clock.waiting:
            waiting = batch * sum(clock.waiting) / len(clock.waiting)
            preparing = sum(clock.preparing) / len(clock.preparing) - waiting
            overhead = f"{100 * (step / bare - 1):+.1f} %"
            print(f"{line} | {overhead} | {processor:.3f} | {1e3 * waiting:.1f} ms | {1e3 * preparing:.1f} ms |")
        else:
            print(f"{line} | | {processor:.3f} | | |")


if __name__ == "__main__":
    main()
