"""
From sparse to dense labels
===========================

An image classifier gives one label per image, a detector one per box, semantic segmentation one per *pixel*: the lecture
calls it dense labelling (*rotulação densa*). This page goes from one label to one per pixel on a photograph, and measures at
every step how well the coarser map agrees with the dense one.
"""

# %%
# The image and its map
# ---------------------
# scikit-image includes a photograph of Greek coins. densa includes hand-drawn outlines of the 24 coins, so the exact map is
# known: class 0 is the ground, class 1 a coin. Pixels without a label would be 255, and would not count in any score.
import matplotlib.pyplot as plt
import numpy as np
from skimage import data

from densa.datasets.samples import COINS, coin_labels
from densa.metrics import ConfusionMatrix

image, target, legend = data.coins(), coin_labels(), COINS
colors = legend.palette()

figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
axes[0].imshow(image, cmap="gray")
axes[0].set_title("image")
axes[1].imshow(colors[target])
axes[1].set_title("label map: one class per pixel")
for axis in axes:
    axis.set_axis_off()

# %%
# One label per patch
# -------------------
# Divide the image into squares and give each the class of most of its pixels. With one patch as large as the image this is
# image classification; with patches of one pixel it is dense labelling. In between, a label is right for some pixels of its
# patch and wrong for others, even if the classifier makes no error.


def majority_map(labels, side):
    """The label map in which every pixel has the commonest class of its `side` x `side` patch."""
    height, width = labels.shape
    coarse = np.empty_like(labels)
    for row in range(0, height, side):
        for column in range(0, width, side):
            patch = labels[row : row + side, column : column + side]
            coarse[row : row + side, column : column + side] = np.bincount(patch.ravel()).argmax()
    return coarse


def iou_of_coins(predicted):
    matrix = ConfusionMatrix(legend.n_classes)
    matrix.update(target, predicted)
    return matrix.summary().iou[1]


sides = [384, 64, 32, 16, 8, 1]
maps = [majority_map(target, side) for side in sides]
figure, axes = plt.subplots(2, 3, figsize=(10, 5.6), layout="constrained")
for axis, side, coarse in zip(axes.flat, sides, maps, strict=True):
    axis.imshow(colors[coarse])
    axis.set_title(f"{side} px a label: IoU of coins {iou_of_coins(coarse):.2f}")
    axis.set_axis_off()

# %%
# How dense is dense enough?
# --------------------------
# The intersection over union of an *error-free* patch classifier, against the side of its patch: the loss of a coarser map
# without any recognition error. This is why the deep methods of the lecture restore the resolution, by skip connections
# (FCN, U-Net) or pooling indices (SegNet), or keep it (dilated convolution).
every = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96]
figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
axis.plot(every, [iou_of_coins(majority_map(target, side)) for side in every], marker="o")
axis.set(xscale="log", xlabel="side of the patch in pixels", ylabel="IoU of coins", ylim=(0, 1.02))
axis.set_xticks(sides[1:], [str(side) for side in sides[1:]])
axis.grid(alpha=0.3)

# %%
# Sparse labels in training
# -------------------------
# Conversely, the labels for training may be sparse although the *prediction* is dense: a few strokes, the rest 255. Loss,
# metrics and class statistics ignore those pixels; the confusion matrix below is summed over the labelled pixels only.
rng = np.random.default_rng(0)
sparse = np.full_like(target, 255)
drawn = rng.random(target.shape) < 0.02
sparse[drawn] = target[drawn]
matrix = ConfusionMatrix(legend.n_classes)
matrix.update(sparse, majority_map(target, 16))
print(f"{drawn.sum()} labelled pixels of {target.size}; counted: {matrix.matrix.sum()}")
