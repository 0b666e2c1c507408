"""
Regions of any size
===================

Networks have a bounded receptive field, so their tiles can be exact. Region methods are harder: a superpixel may extend beyond
a tile, a flood may cross the whole image, and the number of a region depends on all regions before it. This page shows the
effect of tiles on region methods, how densa avoids it, and the outputs for a raster that does not fit in memory.
"""

# %%
# Effect of independent tiles
# ---------------------------
# A generated aerial scene, segmented as a whole and in tiles of 256 pixels by a library that works on arrays only. The usual
# measure: the share of the boundary pixels of one result that are not within two pixels of a boundary of the other.
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pyogrio
from scipy import ndimage
from skimage.segmentation import find_boundaries
from skimage.segmentation import slic as library_slic

from densa import raster
from densa.datasets.synthetic import write_scene
from densa.engine import Work
from densa.engine.regions import MeanShift, MergeSmall, NormalizedCuts, Slic, Watershed, check_regions, segment_array
from densa.regions import boundaries, range_at_most

folder = Path(tempfile.mkdtemp())
scene = raster.open(write_scene(folder / "scene", 768, 1024, seed=2) / "image.tif")
photo = np.moveaxis(scene.read()[0][:3], 0, -1)
height, width = photo.shape[:2]


def moved(one, other):
    """Share of the boundary pixels of `one` farther than two pixels from any of `other`."""
    lines = find_boundaries(one)
    return (ndimage.distance_transform_edt(~find_boundaries(other))[lines] > 2).mean()


def in_tiles(segment, size):
    """Segment every tile by itself, numbers going on from tile to tile."""
    out, last = np.zeros((height, width), int), 0
    for row in range(0, height, size):
        for column in range(0, width, size):
            window = np.s_[row : row + size, column : column + size]
            out[window] = segment(photo[window]) + last
            last = out[window].max()
    return out


def superpixels(part):
    """Of 400 pixels each."""
    return library_slic(part, n_segments=part.shape[0] * part.shape[1] // 400, start_label=1)


whole, cut = superpixels(photo), in_tiles(superpixels, 256)
print(f"{moved(cut, whole):.0%} of the boundaries have moved, {len(np.unique(cut)) - len(np.unique(whole)):+} regions")

# %%
# The same in densa
# -----------------
# `densa.engine.regions` has the methods of :mod:`densa.regions` as stages: a local step per tile, which reads all pixels around
# the tile on which its result depends, and a global step over the connections between tiles, such as the pieces that touch
# their faces. Sums are of integers, ties are resolved by position, regions are numbered by their first pixel. So the regions
# are identical, including their numbers.
methods = {
    "SLIC": Slic(),
    "watershed": Watershed(1500, sigma=2),
    "mean shift": MeanShift(5, 8, min_size=40),
    "normalized cuts": NormalizedCuts(Slic(), 12),
}
found = {name: segment_array(method, scene) for name, method in methods.items()}
for name, method in methods.items():
    differ = [int((segment_array(method, scene, Work(tile_size=size)) != found[name]).sum()) for size in (100, 256)]
    print(f"{name}: {found[name].max()} regions; pixels that differ in tiles of 100 and 256: {differ}")

# %%
# Around the corner of four tiles: the library's superpixels end at the borders of tiles, densa's do not.
near = np.s_[196:316, 176:336]
figure, axes = plt.subplots(1, 3, figsize=(12, 3.4), layout="constrained")
shown = {
    "cut into tiles": cut,
    "densa, in tiles of 256": segment_array(methods["SLIC"], scene, Work(tile_size=256)),
    "densa, watershed in tiles of 256": segment_array(methods["watershed"], scene, Work(tile_size=256)),
}
for axis, (name, regions) in zip(axes, shown.items(), strict=True):
    picture = photo.copy()
    picture[boundaries(regions, "thin")] = (255, 221, 51)
    axis.imshow(picture[near])
    axis.axhline(256 - near[0].start - 0.5, color="white", linewidth=0.8, linestyle="--")
    axis.axvline(256 - near[1].start - 0.5, color="white", linewidth=0.8, linestyle="--")
    axis.set(title=name, xticks=[], yticks=[])

# %%
# The four methods on a part of the scene
figure, axes = plt.subplots(1, 4, figsize=(13, 3.6), layout="constrained")
for axis, (name, regions) in zip(axes, found.items(), strict=True):
    picture = photo.copy()
    picture[boundaries(regions, "thin")] = (255, 221, 51)
    axis.imshow(picture[:360, :360])
    axis.set(title=f"{name}, {regions.max()} regions", xticks=[], yticks=[])

# %%
# A watershed that does not depend on tiles
# -----------------------------------------
# Meyer's flooding processes equal pixels first in, first out, and which came first may be decided at the other end of the
# raster. Here all pixels have a total order (the level at which a flood from the markers reaches them, then the distance
# inside a plateau, then position), and the regions are the trees of the minimum spanning forest that grow from the markers
# (Cousty et al. 2009). A tile contracts the edges that it can decide alone; the others are as few as its border pixels, and are
# decided together.
#
# On the command line
# -------------------
# Inputs and outputs are files, processed in tiles as large as the memory allows. Finished stages are kept in a work folder:
# ``--resume`` continues after a kill. Workers and Dask are those of ``densa predict``.


def densa(*arguments):
    """Run the command and show what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "densa", *map(str, arguments)], capture_output=True, text=True, check=False, cwd=folder
    )
    print((done.stdout + done.stderr).strip())


densa(
    "regions", scene.path, "-o", "regions.tif", "--method", "slic", "--min-size", "200", "--memory", "1GB",
    "--statistics", "regions.csv", "--polygons", "regions.gpkg", "--outline", "outline.png",
)  # fmt: skip
print((folder / "regions.csv").read_text().splitlines()[0])
print((folder / "regions.csv").read_text().splitlines()[1])
polygons = pyogrio.read_info(folder / "regions.gpkg", layer="regions")
print(f"{polygons['features']} polygons with {', '.join(polygons['fields'])}")

# %%
# Is it a partition?
# ------------------
# ``--check`` verifies the axioms on a written raster of any size: every pixel with data is in a region (a), regions are
# connected (b) and disjoint (c); with a predicate, it holds in every region (d) and in no two neighbours together (e).
densa("regions", scene.path, "--check", "regions.tif")
with raster.open(folder / "regions.tif") as made:
    failing = check_regions(made, scene, range_at_most(120), most=1)
print(f"with values at most 120 apart: {dict(failing.counts)}; the first: {failing[0].message}")

# %%
# All results can be merged further: small regions into the neighbour of nearest mean colour, as with ``--min-size`` above, or
# by any rule on the region graph, which is computed tile by tile as well.
merged = segment_array(MergeSmall(methods["watershed"], 300), scene, Work(tile_size=300))
print(f"watershed: {found['watershed'].max()} regions, {merged.max()} of 300 pixels or more")
