"""
Large images
============

An orthophoto is too large for a network and, with a probability per class and pixel, for the memory of a computer. So it is
divided into tiles. This page shows the errors at their borders, why densa's tiles have none, and what else a prediction of
hours needs: a memory budget, a run that can be resumed after a kill, and a map with its legend.
"""

# %%
# A scene and a network
# ---------------------
# `densa.datasets.synthetic` generates aerial scenes of any size, window by window. A small U-Net is trained on one for half a
# minute, and labels another.
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pyogrio
import rasterio
import shapely
import torch

from densa import datasets, engine, methods, raster
from densa.datasets.synthetic import SCENE, write_scene
from densa.networks import build
from densa.segmenter import Architecture
from densa.training import Augmentation, train

folder = Path(tempfile.mkdtemp())
lesson = write_scene(folder / "lesson", 768, 768, seed=1)
torch.manual_seed(0)
result = train(
    build("unet", 3, SCENE.n_classes, width=8),
    datasets.Dataset((datasets.Sample("lesson", lesson / "image.tif", lesson / "labels.tif", "lesson"),), SCENE),
    None,
    folder / "run",
    architecture=Architecture("unet", {"width": 8}),
    minutes=0.5,
    patch_size=128,
    batch_size=2,
    learning_rate=5e-3,
    ema_decay=0.9,
    class_weights="tempered",
    augmentation=Augmentation.flips(quarter_turns=True),
    progress=False,
)
scene = write_scene(folder / "scene", 1024, 1536, seed=2)
model = methods.load(folder / "run", device="cpu", precision="float32")
image = raster.open(scene / "image.tif")
values = image.read()[0]
whole, _ = engine.predict_array(model, image, tile_size=1536)
truth = raster.read_mask(scene / "labels.tif")
print(f"{result.steps} steps; {(whole == truth).mean():.0%} of the pixels of the other scene are right")

colors = SCENE.palette()
figure, axes = plt.subplots(1, 3, figsize=(13, 3.3), layout="constrained")
shown = (np.moveaxis(values, 0, 2), "image"), (colors[whole], "map, in one piece"), (colors[truth], "truth")
for axis, (picture, title) in zip(axes, shown, strict=True):
    axis.imshow(picture)
    axis.set_title(title, fontsize=10)
    axis.set_axis_off()

# %%
# Seams of naive tiles
# --------------------
# A pixel's class depends on the pixels around it, within the network's receptive field. Tiles that are labelled independently
# lack some of them at their borders. densa reads every tile (the *core*) with a *halo* as wide as the receptive field,
# computed from the network's operations, aligns tiles with the grid of its pooling (the *stride*), and keeps only the core.
# The share of pixels that differ from the map of the whole image:
side = 256
print(f"halo {model.halo} px, stride {model.stride} px")
naive = np.empty_like(whole)
for row in range(0, image.height, side):
    for column in range(0, image.width, side):
        tile = np.s_[row : row + side, column : column + side]
        naive[tile] = model.probabilities(values[:, *tile]).argmax(axis=0)
exact, _ = engine.predict_array(model, image, tile_size=side)
figure, axes = plt.subplots(1, 2, figsize=(12, 4.3), layout="constrained")
for axis, (title, labels) in zip(axes, {"naive tiles": naive, "core and halo": exact}.items(), strict=True):
    differs = labels != whole
    print(f"{title:14}{differs.sum():>8} of {differs.size} pixels differ")
    axis.imshow(np.moveaxis(values, 0, 2) // 3 + 170)
    rows, columns = np.nonzero(differs)
    axis.scatter(columns, rows, s=1, c="crimson", linewidths=0)
    axis.set_title(f"{title} of {side} px: {differs.mean():.3%} differ", fontsize=10)
    axis.set_axis_off()

# %%
# The same holds for other sizes: `densa seams MODEL IMAGE` makes this test with any model and image. Networks that depend on
# the whole image (DeepLabv3's image pooling) take its features from an overview, once for all tiles.
for side in (64, 128, 512):
    labels, _ = engine.predict_array(model, image, tile_size=side)
    print(f"tiles of {side:3} px: {np.count_nonzero(labels != whole)} pixels differ")

# %%
# Blending hides seams, at a cost
# -------------------------------
# The usual remedy averages windows that overlap by half. Its seams are soft, but the map still depends on the size of the
# windows, and every pixel is computed four times for any size; the cost of a halo decreases with the size of the tiles.
# Blending remains an option (`--blend hann`) for models that label a window as a whole.
figure, axis = plt.subplots(figsize=(6, 4.3), layout="constrained")
started = time.perf_counter()
engine.predict_array(model, image, tile_size=256)
print(f"tiles of 256 px with halo:  {time.perf_counter() - started:.1f} s")
maps = []
for side in (256, 384):  # of the windows
    started = time.perf_counter()
    maps.append(engine.predict_array(engine.Blended(model, window_size=side, weights="hann"), image)[0])
    seconds = time.perf_counter() - started
    print(
        f"windows of {side} px blended: {seconds:.1f} s, {(maps[-1] != whole).mean():.3%} differ from the map in one piece"
    )
rows, columns = np.nonzero(maps[0] != maps[1])
axis.imshow(np.moveaxis(values, 0, 2) // 3 + 170)
axis.scatter(columns, rows, s=1, c="crimson", linewidths=0)
axis.set_title(f"blended, windows of 256 and of 384 px: {(maps[0] != maps[1]).mean():.3%} differ", fontsize=10)
axis.set_axis_off()

# %%
# Killed, and resumed
# -------------------
# Finished tiles are kept in a folder beside the output, which appears under its name when it is complete. `kill -9` during a
# run loses only the current tile; `--resume` computes the missing ones, and the file equals that of an uninterrupted run, byte
# by byte. A work folder of another image, model or setting is refused.
small = ["--tile-size", "128"]
quiet = {
    "stdout": subprocess.PIPE,
    "stderr": subprocess.PIPE,
    "text": True,
    "env": os.environ | {"OMP_NUM_THREADS": "1"},
}


def command(output, *more):
    arguments = ["predict", folder / "run", scene / "image.tif", "-o", folder / output, *more]
    return [sys.executable, "-m", "densa", *map(str, arguments), "--device", "cpu", "--precision", "float32"]


work = folder / "map.tif.partial"
with subprocess.Popen(command("map.tif", *small), **quiet) as run:
    while len(list(work.glob("*.tile"))) < 10 and run.poll() is None:
        time.sleep(0.01)
    run.kill()
print(f"killed: {len(list(work.glob('*.tile')))} tiles of 96 are kept; the map exists: {(folder / 'map.tif').exists()}")
resumed = subprocess.run(command("map.tif", *small, "--resume"), check=True, **quiet)
print(next(line for line in resumed.stderr.splitlines() if "finished already" in line))
subprocess.run(command("again.tif", *small), check=True, **quiet)
print("same bytes:", (folder / "map.tif").read_bytes() == (folder / "again.tif").read_bytes())

# %%
# A budget of memory
# ------------------
# `--memory` limits the total memory of the process: densa measures the memory that the network needs and chooses the largest
# tile that fits. With a smaller budget, more pixels are computed twice. `--dry-run` reports this beforehand.
for budget in ("700MB", "2GB"):
    tried = subprocess.run(command("dry.tif", "--memory", budget, "--dry-run"), check=True, **quiet)
    print(f"{budget}:", tried.stdout.strip().partition(": ")[2])

# %%
# A map that is ready to use
# --------------------------
# A GeoTIFF gives a Cloud-Optimized GeoTIFF with the image's georeference, overviews, colours and class names, and on
# request one band of probability per class. Polygons are made while the tiles are written and are not cut at their borders;
# `min_area` merges small ones, `simplify` simplifies shared borders once for both polygons, so that there are no gaps.
shape = engine.PolygonShape(min_area=20, simplify=0.6)
files = engine.PredictionFiles(folder / "usable.tif", polygons=folder / "usable.gpkg", shape=shape)
engine.predict_to_file(model, image, files, engine.Work(tile_size=256))
with rasterio.open(folder / "usable.tif") as made:
    print(made.tags(ns="IMAGE_STRUCTURE")["LAYOUT"], made.shape, made.crs, "overviews", made.overviews(1))
    print("nodata", int(made.nodata), "| colour of class 0", made.colormap(1)[0])
print((folder / "usable.tif.aux.xml").exists(), raster.read_label_map(folder / "usable.tif")[1].class_names)

# %%
# The polygons of a corner, drawn over the image; the file contains class, name, area, mean probability and a QGIS style.
information, _, outlines, columns = pyogrio.raw.read(folder / "usable.gpkg", layer="usable")
print(len(outlines), "polygons with", ", ".join(information["fields"]))
place = image.georeference.transform
figure, axis = plt.subplots(figsize=(8, 5.4), layout="constrained")
axis.imshow(np.moveaxis(values[:, :400, :600], 0, 2), extent=(0, 600, 400, 0))
classes = columns[list(information["fields"]).index("class")]
for polygon, index in zip(shapely.from_wkb(outlines), classes, strict=True):
    for piece in shapely.get_parts(polygon):
        for ring in (piece.exterior, *piece.interiors):
            across, down = ~place * np.array(ring.coords).T[:2]
            axis.plot(across, down, color=colors[index] / 255, linewidth=1.2)
axis.set(xlim=(0, 600), ylim=(400, 0))
axis.set_axis_off()
image.close()
