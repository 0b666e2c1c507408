"""Compares two watersheds: Meyer's flooding, and the spanning forest that gives the same regions for any tiling.

    python benchmarks/watershed_definitions.py [-o results/watershed_definitions.md]

Share of pixels, in percent, that get another region, on the photographs of scikit-image. "Forest" is
`watershed_forest` beside `watershed`. "Heap" is `watershed` with ties="scikit-image" beside the default. "Turned" is
`watershed` of the photograph turned by half a turn, and turned back: what depends on the order of equals alone.
"Boundary" is the share of the forest's boundary pixels within a pixel of a boundary of the flooding. The relief is the
gradient, or the grey values themselves; markers are the regional minima, or placed on a grid.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from machine import machine
from scipy import ndimage
from skimage import color, data

from densa.regions import boundaries, gradient_magnitude, label_minima, watershed, watershed_forest
from densa.regions.watershed.markers import grid_markers

PHOTOGRAPHS = ("camera", "coins", "moon", "brick", "page", "astronaut")


def reliefs() -> Iterator[tuple[str, str, np.ndarray]]:
    """Name of the relief, name of the photograph, (H, W) values."""
    for name in PHOTOGRAPHS:
        photograph = getattr(data, name)()
        grey = photograph if photograph.ndim == 2 else np.uint8(np.round(255 * color.rgb2gray(photograph)))
        yield "gradient, sigma 1", name, gradient_magnitude(photograph, 1)
        yield "gradient, sigma 0", name, gradient_magnitude(photograph, 0)
        yield "gradient, sigma 0, 256 levels", name, np.uint8(np.clip(np.round(gradient_magnitude(grey, 0)), 0, 255))
        yield "grey values, 256 levels", name, grey


def markers_of(relief: np.ndarray, count: int | None) -> np.ndarray:
    if count is None:
        return label_minima(relief)
    return grid_markers(relief.shape, count, relief.size, (0, 0, *relief.shape))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path)
    output = parser.parse_args().output
    found: dict[tuple[str, int | None], list[tuple[float, ...]]] = {}
    for kind, _, relief in reliefs():
        for count in (None, 1000, 100):
            markers = markers_of(relief, count)
            flood, forest = watershed(relief, markers), watershed_forest(relief, markers)
            turned = watershed(relief[::-1, ::-1].copy(), markers[::-1, ::-1].copy())[::-1, ::-1]
            heap = watershed(relief, markers, ties="scikit-image")
            near = ndimage.binary_dilation(boundaries(flood), np.ones((3, 3)))
            others = [np.mean(other != flood) for other in (forest, heap, turned)]
            row = (*others, np.mean(near[boundaries(forest)]))
            found.setdefault((kind, count), []).append(tuple(100 * float(value) for value in row))
    lines = [
        "# The two watersheds compared",
        "",
        f"`python benchmarks/watershed_definitions.py`. {machine()}",
        f"Mean (most) over {', '.join(PHOTOGRAPHS)}.",
        "",
        "| relief | markers | forest differs, % | heap differs, % | turned differs, % | boundary, % |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for (kind, count), rows in found.items():
        *differing, near = np.array(rows).T
        shares = " | ".join(f"{share.mean():.3f} ({share.max():.3f})" for share in differing)
        lines.append(f"| {kind} | {count or 'minima'} | {shares} | {near.mean():.2f} ({near.min():.2f} least) |")
    print("\n".join(lines))
    if output:
        output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
