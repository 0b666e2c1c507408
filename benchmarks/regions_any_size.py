"""Region methods on rasters of any size: the same bytes for any tiles; time and memory beside scikit-image and OpenCV.

python benchmarks/regions_any_size.py PART [--image FILE] [--methods slic,watershed] [--side 10000] [--memory 2GB]

PART is one of

* tilings: every method with tiles of 256, 512 and 1024 pixels and in one piece; the files must be equal;
* rows: peak memory for more and more rows;
* large: one large raster (36 000 columns, 18 000 rows by default) within the budget;
* file: the image as it is, within the budget, with the statistics of its regions, and their check;
* peers: an image that scikit-image and OpenCV can still hold.

The image is repeated, every second time mirrored, to the size that is asked for; by default it is a photograph
that scikit-image ships. Every run is a process of its own, and its peak is what the system says of it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import machine

from densa import raster
from densa.raster import Window

STRIP = 512
OPTIONS = {
    "slic": ["--method", "slic", "--size", "400"],
    "watershed": ["--method", "watershed", "--sigma", "1.5"],
    "watershed-grid": ["--method", "watershed", "--count", "{superpixels}"],
    "mean-shift": ["--method", "mean-shift", "--spatial-radius", "5", "--range-radius", "6.5"],
    "normalized-cuts": ["--method", "normalized-cuts", "--base", "slic", "--count", "20"],
    "normalized-cuts-8": ["--method", "normalized-cuts", "--base", "slic", "--count", "8"],
    "slic-merged": ["--method", "slic", "--min-size", "300"],
    "components": ["--method", "components"],
}
RUN = """
import json, sys, time
begin = time.perf_counter()
from densa import cli
sys.argv = ["densa", *sys.argv[1:]]
try:
    cli.main()
except SystemExit as stop:
    assert not stop.code, stop.code
peak = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({"s": time.perf_counter() - begin, "cpu": time.process_time(), "peak": peak}))
"""
PEERS = {
    "skimage slic": (
        "from skimage.segmentation import slic\n"
        "slic(image, n_segments=image.shape[0] * image.shape[1] // 400, compactness=10, start_label=1)"
    ),
    "skimage watershed": (
        "from skimage.segmentation import watershed\nfrom skimage.filters import sobel\n"
        "watershed(sobel(image.mean(axis=2)))"
    ),
    "skimage label": "from skimage.measure import label\nlabel(image[:, :, 0], connectivity=1)",
    "OpenCV watershed": (
        "import cv2, numpy as np\nmarkers = np.zeros(image.shape[:2], np.int32)\n"
        "places = markers[10::20, 10::20]\nplaces[...] = np.arange(1, places.size + 1).reshape(places.shape)\n"
        "cv2.watershed(image, markers)"
    ),
    "OpenCV mean-shift filter": "import cv2\ncv2.pyrMeanShiftFiltering(image, 5, 6.5, maxLevel=0)",
}
PEER = """
import json, sys, time
import numpy as np
from densa import raster
image = np.ascontiguousarray(raster.open(sys.argv[1]).read()[0][:3].transpose(1, 2, 0))
def peak():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
begin, cpu = time.perf_counter(), time.process_time()
exec(sys.argv[2])
print(json.dumps({"s": time.perf_counter() - begin, "cpu": time.process_time() - cpu, "peak": peak()}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("tilings", "rows", "large", "file", "peers"))
    parser.add_argument("--image", type=Path, help="raster that is repeated")
    parser.add_argument("--methods", default="slic,watershed,watershed-grid,mean-shift,normalized-cuts,components")
    parser.add_argument("--side", type=int, help="pixels: of the square (tilings, peers), or columns (rows, large)")
    parser.add_argument("--rows", help="of the rasters, with commas (rows), or one number (large)")
    parser.add_argument("--tiles", default="256,512,1024,0", help="sides of the tiles; 0: one piece")
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--folder", type=Path, help="for the rasters; a temporary one by default")
    arguments = parser.parse_args()
    print(machine(), "\n", flush=True)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as temporary:
        globals()[f"{arguments.part}_table"](arguments, Path(temporary))


def tilings_table(arguments: argparse.Namespace, folder: Path) -> None:
    side = arguments.side or 10_000
    image = mosaic(folder / "image.tif", arguments.image, side, side)
    print(f"| {side} x {side} | tiles | s | processor s | peak MB | regions | file |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for method in arguments.methods.split(","):
        expected = None
        for tile in map(int, arguments.tiles.split(",")):
            out = folder / "regions.tif"
            found = densa(image, out, method, side * side, ["--tile-size", str(tile or side)])
            content = hashlib.blake2b(out.read_bytes(), digest_size=6).hexdigest()
            same = "first" if expected is None else "equal" if content == expected else "DIFFERENT"
            expected = expected or content
            print(
                f"| {method} | {tile or 'whole'} | {found['s']:.0f} | {found['cpu']:.0f} | {found['peak'] / 1e6:.0f}"
                f" | {found['regions']} | {same} |",
                flush=True,
            )


def rows_table(arguments: argparse.Namespace, folder: Path) -> None:
    width = arguments.side or 4096
    print(f"| method | rows x {width} | s | processor s per Mpx | peak MB | regions |")
    print("| --- | --- | --- | --- | --- | --- |")
    for rows in map(int, (arguments.rows or "8192,32768,131072").split(",")):
        image = mosaic(folder / "image.tif", arguments.image, rows, width)
        for method in arguments.methods.split(","):
            report(method, f"{rows}", image, folder, rows * width, arguments.memory)


def large_table(arguments: argparse.Namespace, folder: Path) -> None:
    width, rows = arguments.side or 36_000, int(arguments.rows or 18_000)
    image = mosaic(folder / "image.tif", arguments.image, rows, width)
    print(f"| method | {rows} x {width} | s | processor s per Mpx | peak MB | regions |")
    print("| --- | --- | --- | --- | --- | --- |")
    for method in arguments.methods.split(","):
        report(method, "", image, folder, rows * width, arguments.memory)


def file_table(arguments: argparse.Namespace, folder: Path) -> None:
    out = folder / "regions.tif"
    with raster.open(arguments.image) as opened:
        pixels = opened.height * opened.width
        print(f"| {opened.path.name}, {opened.height} x {opened.width} | s | processor s | peak MB | regions |")
    print("| --- | --- | --- | --- | --- |")
    for method in arguments.methods.split(","):
        more = ["--memory", arguments.memory]
        for name, options in {"": [], ", statistics": ["--statistics", str(folder / "regions.csv")]}.items():
            found = densa(arguments.image, out, method, pixels, more + options)
            numbers = f"{found['s']:.0f} | {found['cpu']:.0f} | {found['peak'] / 1e6:.0f} | {found['regions']}"
            print(f"| {method}{name} | {numbers} |", flush=True)
            (folder / "regions.csv").unlink(missing_ok=True)
        check = ["regions", str(arguments.image), "--check", str(out), "--json", *more]
        found = run([sys.executable, "-c", RUN, *check])
        failing = sum(found["counts"].values())
        numbers = f"{found['s']:.0f} | {found['cpu']:.0f} | {found['peak'] / 1e6:.0f} | {failing} fail"
        print(f"| check of {method} | {numbers} |", flush=True)


def peers_table(arguments: argparse.Namespace, folder: Path) -> None:
    side = arguments.side or 4096
    image = mosaic(folder / "image.tif", arguments.image, side, side)
    print(f"| {side} x {side} | s | processor s | peak MB | bytes per pixel |")
    print("| --- | --- | --- | --- | --- |")

    def row(name: str, found: dict[str, float]) -> None:
        numbers = f"{found['s']:.1f} | {found['cpu']:.1f} | {found['peak'] / 1e6:.0f} | {found['peak'] / side**2:.0f}"
        print(f"| {name} | {numbers} |", flush=True)

    for method in arguments.methods.split(","):
        row(f"densa {method}", densa(image, folder / "regions.tif", method, side * side, []))
    for name, code in PEERS.items():
        row(name, run([sys.executable, "-c", PEER, str(image), code]))


def report(method: str, rows: str, image: Path, folder: Path, pixels: int, memory: str) -> None:
    found = densa(image, folder / "regions.tif", method, pixels, ["--memory", memory])
    print(
        f"| {method} | {rows} | {found['s']:.0f} | {found['cpu'] / pixels * 1e6:.2f} | {found['peak'] / 1e6:.0f}"
        f" | {found['regions']} |",
        flush=True,
    )


def densa(image: Path, out: Path, method: str, pixels: int, options: list[str]) -> dict[str, float]:
    """Run `densa regions` in a process of its own; reading and writing count."""
    chosen = [option.format(superpixels=max(1, pixels // 400)) for option in OPTIONS[method]]
    command = ["regions", str(image), "-o", str(out), *chosen, *options, "--overwrite", "--json"]
    return run([sys.executable, "-c", RUN, *command])


def run(command: list[str]) -> dict[str, float]:
    """What a process said at its end."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    said, _, last = done.stdout.rstrip().rpartition("\n")
    return json.loads(last) | (json.loads(said) if said else {})


def mosaic(path: Path, source: Path | None, rows: int, columns: int) -> Path:
    """Write three bands of the image, repeated and mirrored, by strips."""
    if source is None:
        from skimage import data

        values = data.astronaut().transpose(2, 0, 1)
    else:
        with raster.open(source) as opened:
            values = opened.read(bands=range(1, min(3, opened.n_bands) + 1))[0]
    begin = time.perf_counter()
    height, width = values.shape[1:]

    def places(start: int, n: int, side: int) -> np.ndarray:
        turn, place = np.divmod(np.arange(start, start + n), side)
        return np.where(turn % 2, side - 1 - place, place)

    across = places(0, columns, width)
    with raster.BandsWriter(path, len(values), rows, columns, values.dtype, overwrite=True) as writer:
        for row in range(0, rows, STRIP):
            n = min(STRIP, rows - row)
            writer.write(Window(row, 0, n, columns), values[:, places(row, n, height)][:, :, across])
    print(f"{path.stat().st_size / 1e6:.0f} MB, written in {time.perf_counter() - begin:.0f} s\n", flush=True)
    return path


if __name__ == "__main__":
    main()
