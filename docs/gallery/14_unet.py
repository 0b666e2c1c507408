"""
U-Net
=====

Ronneberger, Fischer and Brox (2015) add a decoder as deep as the encoder to the fully convolutional network, and concatenate
the encoder's features at every level: they restore the positions that pooling discards. This page trains a U-Net on the left
half of a photograph and labels the right half.
"""

# %%
# Receptive field
# ---------------
# Five levels, each with half the resolution and twice the channels. The paper's network has valid convolutions: its logits
# lack 92 pixels on every side, and its inputs are 188, 204, 220, ... pixels wide. The receptive field is computed from the
# operations, not taken from a table; it depends on the position of a pixel on the 16-pixel grid, and the largest counts.
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

from densa import datasets, engine, methods, raster, reports
from densa.datasets.samples import coins
from densa.networks import UNet, UNetValid, build
from densa.operators import receptive_field
from densa.segmenter import Architecture
from densa.training import Augmentation, border_weights, train
from densa.training.pieces.augmentation import augment, draw

for network in (UNetValid(1, 2), UNet(1, 2)):
    field = receptive_field(network, 1)
    n_parameters = sum(p.numel() for p in network.parameters())
    print(f"{type(network).__name__:10}{n_parameters:>12,} parameters, field {field.size} px, halo {field.halo} px")

valid = UNetValid(1, 2).to("meta").eval()
for side in (188, 572, 700):
    print(side, "->", valid(torch.empty(1, 1, side, side, device="meta")).shape[-1])

# %%
# Little data, much deformation
# -----------------------------
# The paper had 30 images and deformed them: random displacements on a 3 x 3 grid (sigma 10 px), interpolated smoothly, the
# same for an image and its labels. Below, one patch and four deformed versions, with the outline of the labels.
folder = coins(Path(tempfile.mkdtemp()) / "coins")
splits = datasets.open(folder)
image, _ = splits["train"].image(0)
labels = splits["train"].labels(0)

patch = torch.from_numpy(image[:, 40:168, 20:148].astype(np.float32))[None].repeat(4, 1, 1, 1)
patch = (patch - patch.mean()) / patch.std()
target = torch.from_numpy(labels[None, None, 40:168, 20:148].astype(np.float32)).repeat(4, 1, 1, 1)
settings = Augmentation.flips(rotation=15, scale=0.25, elastic=10, gain=0.2)
bent, bent_target, _ = augment(patch, target, draw(settings, 4, 1, seed=1, step=0), settings)
figure, axes = plt.subplots(1, 5, figsize=(12, 2.8), layout="constrained")
shown = [(patch[0, 0], target[0, 0]), *zip(bent[:, 0], bent_target[:, 0], strict=True)]
for axis, (grey, outline) in zip(axes, shown, strict=True):
    axis.imshow(grey, cmap="gray")
    axis.contour(outline, [0.5], colors="tab:orange", linewidths=1.2)
    axis.set_axis_off()
axes[0].set_title("the patch")
axes[2].set_title("bent, turned, scaled")

# %%
# Weights of borders
# ------------------
# Touching cells must not be merged, so the loss has larger weights between them: ``w0 exp(-(d1 + d2)^2 / (2 sigma^2))``
# with the distances to the nearest and the second-nearest object.
weights = border_weights(splits["train"].instances(0), w0=10, sigma=5)
figure, axes = plt.subplots(1, 2, figsize=(8, 5), layout="constrained")
axes[0].imshow(image[0], cmap="gray")
drawn = axes[1].imshow(weights, cmap="magma")
figure.colorbar(drawn, ax=axes[1], label="weight added to that of the class")
for axis in axes:
    axis.set_axis_off()

# %%
# Train on the left, label the right
# ----------------------------------
# A quarter of the paper's width, one minute on two CPU cores.
torch.manual_seed(0)
run = folder.parent / "run"
result = train(
    build("unet", 1, 2, width=16),
    splits["train"],
    None,
    run,
    architecture=Architecture("unet", {"width": 16}),
    minutes=1,
    patch_size=128,
    batch_size=8,
    learning_rate=3e-3,
    augmentation=Augmentation.flips(quarter_turns=True, rotation=15, scale=0.25, elastic=8, gain=0.2, offset=0.3),
    progress=False,
)
model = methods.load(run)
test = splits["test"]
with raster.open(test.samples[0].image) as opened:
    predicted, confidence = engine.predict_array(model, opened)
    photo = opened.read()[0][0]
evaluation = reports.evaluate_pairs([reports.Pair("right half", test.labels(0), predicted)], test.legend, n_worst=0)
iou = evaluation.summary.iou[1]

figure, axes = plt.subplots(1, 4, figsize=(12, 5), layout="constrained")
colors = test.legend.palette()
wrong = np.where(predicted == test.labels(0), 255, 0)
pictures = [
    (photo, "input", "gray"),
    (colors[predicted], f"result: IoU of coins {iou:.3f}", None),
    (colors[test.labels(0)], "reference", None),
    (wrong, f"wrong pixels: {100 * (wrong == 0).mean():.1f} %", "gray"),
]
for axis, (picture, title, cmap) in zip(axes, pictures, strict=True):
    axis.imshow(picture, cmap=cmap)
    axis.set_title(title, fontsize=10)
    axis.set_axis_off()
print(f"{result.steps} steps in {result.seconds:.0f} s")

# %%
# Tiles without seams
# -------------------
# The engine divides an image into cores, reads each with the network's halo around it, and keeps the result of the core. The
# map is the same as that of the image as a whole, for any size of the tiles.
exact = methods.load(run, precision="float32")
with raster.open(test.samples[0].image) as opened:
    whole, _ = engine.predict_array(exact, opened)
    for tile_size in (32, 64, 128):
        tiled, _ = engine.predict_array(exact, opened, tile_size=tile_size)
        print(f"tiles of {tile_size} px: {np.count_nonzero(tiled != whole)} of {whole.size} pixels differ")
