"""
Shallow methods: building and using
===================================

Before neural networks, label maps were made in two steps. *Building*: describe the pixels (or regions) of labelled images by
hand-crafted features, and train a classifier on them. *Using*: describe a new image in the same way, and classify it. This
still works within seconds, from a dozen strokes.
"""

# %%
# Strokes instead of masks
# ------------------------
# An image of stained tissue from scikit-image, and eleven strokes on it: gland, stroma and lumen. All other pixels have no
# label.
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from densa import datasets, engine, methods, raster, reports
from densa.datasets.samples import coins
from densa.shallow import PixelFeatures, draw_strokes, fit_trees, read_strokes, tissue
from densa.training import TrainConfig, train_from_config

folder = Path(tempfile.mkdtemp())
image_file, strokes_file = tissue(folder / "tissue")
strokes = read_strokes(strokes_file)
with raster.open(image_file) as opened:
    image = opened.read()[0]
labels = draw_strokes(strokes, *image.shape[1:])
colors = strokes.legend.palette()
for k, name in enumerate(strokes.legend.class_names):
    print(f"{name:8}{np.count_nonzero(labels == k):6} pixels drawn on, of {labels.size}")

# %%
# Building: describe, then train
# ------------------------------
# Each pixel is described by its colours and by Gaussians, gradients and eigenvalues at several scales. The trees are
# scikit-learn's; densa stores them as flat arrays and evaluates them itself, so that models load without scikit-learn.
features = PixelFeatures(("colours", "multi-scale"), scales=(1.0, 3.5, 8.0))
described = features.compute(image)
print(f"{len(described)} features of each pixel, decided by the {features.halo} pixels around it")
drawn = labels != 255
trees = fit_trees(described[:, drawn].T, labels[drawn], 3, n_trees=50)
print(f"{trees.n_trees} trees of {len(trees.feature)} nodes")

# %%
# Using
# -----
# The probability of a class is the share of trees that vote for it.
probabilities = trees.probabilities(described)
shown = image.transpose(1, 2, 0).copy()
shown[drawn] = colors[labels[drawn]]
figure, axes = plt.subplots(1, 3, figsize=(12, 4.2), layout="constrained")
axes[0].imshow(shown)
axes[0].set_title("eleven strokes")
axes[1].imshow(colors[probabilities.argmax(axis=0)])
axes[1].set_title("label map")
axes[2].imshow(probabilities.max(axis=0), cmap="gray", vmin=1 / 3, vmax=1)
axes[2].set_title("probability of the label")
for axis in axes:
    axis.set_axis_off()

# %%
# As a method among others
# ------------------------
# ``densa train tissue.tif --strokes strokes.json --model pixel-forest -o RUN`` does the same, and RUN is a model folder like
# that of a network. Trained from masks on the left half of the coins, five methods label the right half. Regions are
# superpixels; a structured forest votes with whole label patches.
splits = datasets.open(coins(folder / "coins"))
test = splits["test"]
rows = []
for name in ("pixel-forest", "pixel-boosting", "region-forest", "region-boosting", "structured-forest"):
    arguments = {"samples": 6000, "trees": 12 if name == "structured-forest" else 40, "scales": "1,2,4,8"}
    arguments |= {"regions": 8} if name.startswith("region") else {}
    config = TrainConfig.of(data=folder / "coins", model=name, model_arguments=arguments)
    result = train_from_config(config, folder / name, progress=False)
    model = methods.load(folder / name)
    with raster.open(test.samples[0].image) as opened:
        predicted, _ = engine.predict_array(model, opened)
        tiled, _ = engine.predict_array(model, opened, tile_size=5 * 24)
    scores = reports.evaluate_pairs([reports.Pair("right half", test.labels(0), predicted)], test.legend, n_worst=0)
    rows.append((name, predicted, scores.summary.iou[1]))
    print(
        f"{name:18} IoU of coins {scores.summary.iou[1]:.3f}, trained in {result.seconds:.1f} s, halo {model.halo} px, "
        f"{np.count_nonzero(tiled != predicted)} pixels differ where it is cut into tiles"
    )

figure, axes = plt.subplots(1, 5, figsize=(12, 4.6), layout="constrained")
for axis, (name, predicted, iou) in zip(axes, rows, strict=True):
    axis.imshow(test.legend.palette()[predicted])
    axis.set_title(f"{name}\nIoU {iou:.3f}", fontsize=10)
    axis.set_axis_off()

# %%
# How frequent is a class?
# ------------------------
# Trees are trained as if all classes were equally frequent. ``prior`` restores the frequencies of the labels: 0 favours the
# average over the classes, 1 the frequent ones; the default is 0.5.
for prior in (0.0, 0.5, 1.0):
    arguments = {"samples": 6000, "trees": 40, "scales": "1,2,4,8", "prior": prior}
    config = TrainConfig.of(data=folder / "coins", model="pixel-forest", model_arguments=arguments)
    train_from_config(config, folder / f"prior-{prior}", progress=False)
    with raster.open(test.samples[0].image) as opened:
        predicted, _ = engine.predict_array(methods.load(folder / f"prior-{prior}"), opened)
    pair = reports.Pair("right half", test.labels(0), predicted)
    scores = reports.evaluate_pairs([pair], test.legend, n_worst=0).summary
    print(f"prior {prior:.1f}: global {scores.global_accuracy:.3f}, class average {scores.class_average:.3f}")
