"""
SegNet
======

SegNet (Badrinarayanan, Kendall and Cipolla 2017) keeps DeconvNet's unpooling at the positions recorded by the encoder's
pooling, but has no dense layers, which made DeconvNet large: the decoder mirrors VGG-16's convolutions only. This page
computes the memory of these positions, trains SegNet on a photograph, and shows the uncertainty of Bayesian SegNet.
"""

# %%
# Two bits instead of a map
# -------------------------
# U-Net passes its features to the decoder at every level; SegNet only the position of each maximum in its window of 2 x 2
# pixels, which takes two bits. For the first level of an image of 360 x 480 pixels:
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

from densa import datasets, engine, methods, raster, reports
from densa.datasets.samples import coins
from densa.networks import build
from densa.operators import max_pool_2x2, max_unpool_2x2
from densa.segmenter import Architecture, MonteCarlo
from densa.training import Augmentation, train

features = torch.randn(1, 64, 180, 240, generator=torch.Generator().manual_seed(0))
pooled, switches = max_pool_2x2(features)
kept = {"features": features.nbytes, "int64 indices": 8 * pooled.numel(), "2-bit switches": switches.packed.nbytes}
for name, size in kept.items():
    print(f"{name:16}{size:>12,} bytes")

# %%
# What the switches restore
# -------------------------
# Pooling a photograph three times and unpooling it again: copies lose every edge; the switches put each maximum back on
# its pixel. The decoder's convolutions fill the gaps.
folder = coins(Path(tempfile.mkdtemp()) / "coins")
splits = datasets.open(folder)
photo = torch.from_numpy(splits["train"].image(0)[0].astype(np.float32))[None, :, :288, :192]
maps, places = [photo], []
for _ in range(3):
    x, where = max_pool_2x2(maps[-1])
    maps.append(x)
    places.append(where)
x = maps[-1]
for where in reversed(places):
    x = max_unpool_2x2(x, where)
copied = torch.nn.functional.interpolate(maps[-1], scale_factor=8)
figure, axes = plt.subplots(1, 4, figsize=(11, 4.2), layout="constrained")
shown = [(photo, "photograph"), (maps[-1], "pooled 3 times"), (copied, "copied back"), (x, "unpooled at the switches")]
for axis, (picture, title) in zip(axes, shown, strict=True):
    axis.imshow(picture[0, 0], cmap="gray", interpolation="nearest")
    axis.set_title(title, fontsize=10)
    axis.set_axis_off()

# %%
# Odd sizes
# ---------
# 45 rows are pooled to 23, and 23 to 12, as are 46 and 24 rows; unpooling must know the size before pooling. The switches
# store it, so images may have any size.
for name in ("segnet", "segnet-basic", "bayesian-segnet"):
    about = methods.describe(name, 3, 11)
    print(f"{name:16}{about['parameters']:>12,} parameters, {about['model_megabytes']:.0f} MB")

# %%
# Train, label, and estimate uncertainty
# --------------------------------------
# Bayesian SegNet drops half of the deep features at random in training, and also when it labels: the mean of many passes is
# the prediction, their variance the uncertainty. A quarter of the width, two minutes, on the left half of the photograph.
torch.manual_seed(0)
run = folder.parent / "run"
train(
    build("bayesian-segnet", 1, 2, width=16),
    splits["train"],
    None,
    run,
    architecture=Architecture("bayesian-segnet", {"width": 16}),
    minutes=2,
    patch_size=128,
    batch_size=4,
    learning_rate=3e-3,
    augmentation=Augmentation.flips(quarter_turns=True, rotation=15, scale=0.25, gain=0.2, offset=0.3),
    progress=False,
)
model = methods.load(run)
test = splits["test"]
with raster.open(test.samples[0].image) as opened:
    predicted, _ = engine.predict_array(model, opened)
    block, _ = opened.read()
sampled = MonteCarlo(model, n_samples=20).sample(block)
evaluation = reports.evaluate_pairs([reports.Pair("right half", test.labels(0), predicted)], test.legend, n_worst=0)
colors = test.legend.palette()
wrong = predicted != test.labels(0)
figure, axes = plt.subplots(1, 4, figsize=(12, 5), layout="constrained")
pictures = [
    (block[0], "input", "gray"),
    (colors[predicted], f"result: IoU of coins {evaluation.summary.iou[1]:.3f}", None),
    (np.where(wrong, 0, 255), f"wrong pixels: {100 * wrong.mean():.1f} %", "gray"),
    (sampled.uncertainty, "uncertainty of 20 passes", "magma"),
]
for axis, (picture, title, cmap) in zip(axes, pictures, strict=True):
    axis.imshow(picture, cmap=cmap)
    axis.set_title(title, fontsize=10)
    axis.set_axis_off()

# %%
# Uncertainty is useful if it indicates errors: among the most uncertain tenth of the pixels, far more are wrong than among
# the others.
doubted = sampled.uncertainty >= np.quantile(sampled.uncertainty, 0.9)
print(
    f"wrong among the most doubtful tenth {100 * wrong[doubted].mean():.1f} %, elsewhere {100 * wrong[~doubted].mean():.2f} %"
)
