"""Time and peak memory of writing a map and of drawing the synthetic scene, each in a process of its own.

python benchmarks/cog_write.py [--height 30000] [--width 20000] [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

KINDS = ("label map", "label map, windows of 1000", "probabilities, 6 bands", "scene, in memory only")


def peak_mb() -> float:
    """Highest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(kind: str, height: int, width: int, folder: Path) -> dict[str, Any]:
    """Write one file from strips of the synthetic scene; drawing them is timed apart."""
    import numpy as np

    from densa import raster
    from densa.datasets.synthetic import scene

    made = scene(height, width, seed=1)
    made.read(raster.Window(0, 0, 8, 8))  # compiled outside the clock
    # One strip, written again and again: what is measured is the writing.
    strip_image, strip = made.read(raster.Window(0, 0, min(1024, height), width))
    before, drawing = peak_mb(), 0.0
    began = time.perf_counter()
    path = folder / "map.tif"
    if kind.startswith("scene"):
        for window, _ in raster.tiles(height, width, 512):
            made.read(window)
        drawing = time.perf_counter() - began
    elif kind.startswith("label"):
        with raster.LabelMapWriter(path, height, width, made.legend, like=made.georeference) as writer:
            for window, _ in raster.tiles(height, width, 1000 if "1000" in kind else 1024):
                writer.write(window, strip[: window.height, window.column : window.column + window.width])
            written = time.perf_counter() - began
    else:
        shares = np.concatenate([strip_image, strip_image[::-1]])
        options = {"like": made.georeference, "scale": 1 / 255}
        with raster.BandsWriter(path, 6, height, width, np.uint8, **options) as writer:
            for window, _ in raster.tiles(height, width, 1024):
                writer.write(window, shares[:, : window.height, window.column : window.column + window.width])
            written = time.perf_counter() - began
    spent = time.perf_counter() - began
    return {
        "kind": kind,
        "windows s": round(drawing or written, 1),
        "copy and check s": round(0 if drawing else spent - written, 1),
        "Mpx/s": round(height * width / spent / 1e6, 1),
        "file MB": round(path.stat().st_size / 1e6, 1) if path.exists() else 0,
        "peak MB": round(peak_mb()),
        "before MB": round(before),
    }


def main() -> None:
    """Print a table, a row per kind of file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--height", type=int, default=30_000)
    parser.add_argument("--width", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, default=None, help="where the files go for the time being")
    parser.add_argument("--only", choices=KINDS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(run(arguments.only, arguments.height, arguments.width, arguments.folder)))
        return
    rows = []
    for kind in KINDS:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            size = ["--height", str(arguments.height), "--width", str(arguments.width)]
            command = [sys.executable, __file__, *size, "--folder", folder, "--only", kind]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            rows.append(json.loads(done.stdout))
    print("| " + " | ".join(rows[0]) + " |\n|" + " --- |" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(map(str, row.values())) + " |")


if __name__ == "__main__":
    main()
