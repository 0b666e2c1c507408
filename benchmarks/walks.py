"""The source files of densa that a job passes through: how many one must open to follow it from end to end.

Prediction: from the reading of a tile to the finished file, with a segmenter that computes nothing of its own. SLIC of
any size: the whole job, planning included. A file counts where one of its functions runs in any thread; the bodies of
modules and classes, and compiled kernels, do not.

python benchmarks/walks.py
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

import densa
from densa import raster
from densa.engine import PredictionFiles, Work, predict_to_file
from densa.engine.regions import RegionFiles, Slic, segment_to_file
from densa.legend import Legend
from densa.segmenter import BandContract, Segmenter

SOURCE = Path(densa.__file__).parent
ROOMS = ("engine", "raster", "regions")


class Brightness(Segmenter):
    """The probability of class "bright" is the value of the one band."""

    legend = Legend(("dark", "bright"))
    bands = BandContract(1, ("grey",), (0.0,), (1.0,), "uint8")
    halo = 16
    stride = 16

    def probabilities(self, block: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """See `Segmenter.probabilities`."""
        bright = block[0].astype(np.float32) / 255
        return np.stack([1 - bright, bright])


@contextmanager
def walked(first: str = "") -> Iterator[Counter[tuple[str, str]]]:
    """Calls of each function of densa, by file and name, from the first call of `first` on; "": from the beginning."""
    calls: Counter[tuple[str, str]] = Counter()
    begun = threading.Event()
    if not first:
        begun.set()

    def count(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event != "call" or code.co_name.startswith("<module") or code.co_name == "__init__":
            return
        path = Path(code.co_filename)
        if SOURCE not in path.parents or path.name == "__init__.py":
            return
        if code.co_name == first:
            begun.set()
        if begun.is_set():
            calls[path.relative_to(SOURCE).as_posix(), code.co_name] += 1

    threading.setprofile(count)
    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]


def prediction(folder: Path) -> Counter[tuple[str, str]]:
    """A GeoTIFF of several tiles, resumable, to a Cloud-Optimized GeoTIFF."""
    image, segmenter = _image(folder, 1), Brightness()
    with raster.open(image) as opened, walked("read_block") as calls:
        predict_to_file(segmenter, opened, PredictionFiles(folder / "map.tif"), Work(tile_size=128))
    return calls


def slic(folder: Path) -> Counter[tuple[str, str]]:
    """A GeoTIFF of several tiles to a Cloud-Optimized GeoTIFF of superpixels."""
    image = _image(folder, 3)
    with raster.open(image) as opened:
        segment_to_file(Slic(), opened, RegionFiles(folder / "first.tif"), Work(tile_size=128))  # compiles
        with walked() as calls:
            segment_to_file(Slic(), opened, RegionFiles(folder / "regions.tif"), Work(tile_size=128))
    return calls


def _image(folder: Path, n_bands: int) -> Path:
    values = np.random.default_rng(0).integers(0, 255, (n_bands, 600, 700), dtype=np.uint8)
    raster.write_bands(folder / f"image{n_bands}.tif", values)
    return folder / f"image{n_bands}.tif"


def show(title: str, walk: Callable[[Path], Counter[tuple[str, str]]]) -> None:
    """Print the files of a walk, room by room, and the functions that ran in each."""
    with tempfile.TemporaryDirectory() as folder:
        calls = walk(Path(folder))
    files: dict[str, list[str]] = {}
    for (file, function), _ in sorted(calls.items()):
        if file.startswith(tuple(f"{room}/" for room in ROOMS)):
            files.setdefault(file, []).append(function)
    print(f"{title}: {len(files)} files")
    for file, functions in files.items():
        print(f"  {file}: {', '.join(functions)}")


if __name__ == "__main__":
    show("Prediction, from the reading of a tile", prediction)
    show("SLIC, planning included", slic)
