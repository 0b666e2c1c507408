"""How cost grows with the size of the image: processor time and memory per pixel of densa's methods, as a figure.

    python benchmarks/growth.py [--rows slic watershed ...] [--sizes 0.1 0.3 1 3 10 30] [--figure growth.svg]
        [--output growth.md]

Images lie in memory, a photograph repeated. Every measurement is a process of its own (see `peers.py`); a method ends
at the first size that takes longer than `--timeout`. A method whose cost is linear has a horizontal line. Larger
rasters go through the engine by tiles, at the memory that is given: `large_rasters.py` and `regions_any_size.py`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from machine import machine
from peer_tasks import TASKS
from peers import child

ROWS = ("slic", "watershed", "mean-shift", "region-graph", "merge-tree", "components", "sobel", "forest-predict")
SIZES = (0.1, 0.3, 1, 3, 10, 30)
Points = list[tuple[float, float, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", choices=list(TASKS), default=list(ROWS))
    parser.add_argument("--sizes", nargs="+", type=float, default=list(SIZES), help="megapixels")
    parser.add_argument("--calls", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=300, help="seconds of one process")
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    lines = ["# How cost grows", "", f"Machine: {machine()}.", ""]
    lines += ["| method | Mpx | processor ns per pixel | added bytes per pixel |", "| --- | ---: | ---: | ---: |"]
    print("\n".join(lines), flush=True)
    found: dict[str, Points] = {}
    for name in arguments.rows:
        found[name] = []
        for size in arguments.sizes:
            result = child(TASKS[name], next(iter(TASKS[name].contenders)), size, arguments.calls, arguments.timeout)
            if "error" in result:
                lines.append(f"| {name} | {size:g} | {result['error']} | |")
                print(lines[-1], flush=True)
                break
            found[name].append((size, 1000 * result["cpu"] / size, result["added"] / size))
            lines.append(f"| {name} | {size:g} | {found[name][-1][1]:.1f} | {found[name][-1][2]:.1f} |")
            print(lines[-1], flush=True)
            if arguments.output:
                arguments.output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if arguments.figure:
        draw(found, arguments.figure)


def draw(found: dict[str, Points], path: Path) -> None:
    """Time and memory per pixel over the size, both axes logarithmic."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    for place, (title, column) in enumerate((("processor ns per pixel", 1), ("added bytes per pixel", 2)), 1):
        axes = figure.add_subplot(1, 2, place)
        for name, points in found.items():
            if points:
                axes.plot([p[0] for p in points], [max(p[column], 0.01) for p in points], "o-", ms=3, label=name)
        axes.set(xscale="log", yscale="log", xlabel="megapixels", title=title)
        axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
    figure.savefig(path)


if __name__ == "__main__":
    main()
