"""
Context chosen by the data
==========================

How much context does a pixel need to be labelled? In large aerial images it is determined by the patch size, and choosing it
by hand needs one training per size. Nogueira and others (TGRS 2019) draw the size at random for every batch, score each size
during training, and predict with the best. The network must accept any size, so it does not reduce the resolution. This page
draws the lecture's two diagrams, trains a small network on half of a scene with random sizes, and labels the other half with
patches and with tiles.
"""

# %%
# Training
# --------
# In each step a size is drawn, a batch of patches of that size is read at anchors of all classes in equal numbers, the network
# is trained on it, and the score and the count of the size are updated.
import json
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.patches import Rectangle

from densa import datasets, engine, methods, raster, reports
from densa.datasets import AnchorSampler, majority_grid
from densa.datasets.samples import COINS, coins
from densa.networks import build
from densa.operators import receptive_field
from densa.reports.context import sizes_of_run
from densa.segmenter import Architecture
from densa.training import Augmentation, PatchSizePolicy, recorded_sizes, train

BLUE, ORANGE, GREY = "#dbe9f7", "#fbe3cd", "#eceff1"


def diagram(title, boxes, arrows, height):
    """Boxes (left, bottom, width, text, colour) joined by arrows between their numbers."""
    _, axis = plt.subplots(figsize=(11, height), layout="constrained")
    axis.set(xlim=(0, 22), ylim=(0, 2 * height), title=title)
    axis.set_axis_off()
    for left, bottom, width, text, color in boxes:
        axis.add_patch(Rectangle((left, bottom), width, 1.6, facecolor=color, edgecolor="#455a64"))
        axis.text(left + width / 2, bottom + 0.8, text, ha="center", va="center", fontsize=9)
    for a, b in arrows:
        (x0, y0, w0, *_), (x1, y1, w1, *_) = boxes[a], boxes[b]
        if y0 == y1:
            start, end = ((x0 + w0, y0 + 0.8), (x1, y1 + 0.8)) if x1 > x0 else ((x0, y0 + 0.8), (x1 + w1, y1 + 0.8))
        else:
            middle = (max(x0, x1) + min(x0 + w0, x1 + w1)) / 2
            start, end = (middle, y0 + 1.6 * (y1 > y0)), (middle, y1 + 1.6 * (y0 > y1))
        axis.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "#455a64"})


diagram(
    "training: one step",
    [
        (0, 3.9, 4.2, "draw a patch size s\nfrom the distribution", ORANGE),
        (5.4, 3.9, 4.6, "cut a batch of s x s patches\nat anchors of every class", BLUE),
        (11.2, 3.9, 4.4, "dilated network:\nscores of s x s pixels", BLUE),
        (16.8, 3.9, 4.8, "loss; update the weights", BLUE),
        (16.8, 0.8, 4.8, "score[s] += accuracy\noccurrences[s] += 1", ORANGE),
        (10.6, 0.8, 5, "best size: the highest\nscore / occurrences", ORANGE),
        (0, 0.8, 4.2, "next step", GREY),
    ],
    [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 0)],
    height=3.1,
)

# %%
# Testing
# -------
# The scene is covered by patches of the best size that overlap by half, the last of each row and column shifted inside.
# Their scores are summed and divided by the number of patches at a pixel; the class is that of the largest score.
diagram(
    "testing",
    [
        (0, 0.8, 4.2, "best size s of training", ORANGE),
        (5.4, 0.8, 4.6, "patches of s x s pixels,\nevery s / 2 pixels", BLUE),
        (11.2, 0.8, 4.4, "trained network:\nscores of each patch", BLUE),
        (16.8, 0.8, 4.8, "sum over the overlaps,\ndivide, argmax", BLUE),
    ],
    [(0, 1), (1, 2), (2, 3)],
    height=1.6,
)
print("patches of 25 pixels along 100 begin at", engine.patch_starts(100, 25))

# %%
# Networks without a stride
# -------------------------
# Increasing rates replace pooling. With rates 1 to 6 every pixel of the field is read; with 1, 1, 2, 2, 4, 4 the kernels
# still overlap. The two variants with max pooling use a stride of 1.
for name in ("dilated6", "dilated6-rate6", "dense-dilated6", "dilated6-pooling", "dilated8-pooling"):
    with torch.device("meta"):
        network = build(name, 3, 6)
        field = receptive_field(network, 3)
    print(f"{name:17}{sum(p.numel() for p in network.parameters()):>10,} parameters, sees {field.size:>3} pixels")

# %%
# Distributions
# -------------
# "uniform" draws all integers with equal probability, "multinomial" the listed ones more often, "multi-fixed" only those.
texts = ("uniform:25-65", "multinomial:25,45,65", "multi-fixed:25,45,65")
figure, axes = plt.subplots(1, 3, figsize=(11, 2.3), layout="constrained", sharey=True)
for axis, text in zip(axes, texts, strict=True):
    shares = PatchSizePolicy.parse(text).probabilities
    axis.bar(list(shares), list(shares.values()), color="#2a7de1")
    axis.set(title=text, xlabel="patch size (pixels)", xlim=(20, 70), yscale="log")
axes[0].set_ylabel("probability")

# %%
# Anchors
# -------
# Each cell of a grid is an anchor, with the most frequent class of its patch; a super-batch has equally many of each class.
# Coins cover a third of the photograph, but half of the anchors drawn are on them.
folder = coins(Path(tempfile.mkdtemp()) / "coins")
splits = datasets.open(folder)
scene, labels = splits["train"].image(0)[0][0], splits["train"].labels(0)
grid = majority_grid(labels, crop=16, stride=8, n_classes=2)
sampler = AnchorSampler(splits["train"], 25, seed=0, crop=16, stride=8, batch=1)
drawn = [sampler.anchor(number) for number in range(sampler.super_batch)]
print("anchors of each class", sampler.anchors_per_class, "drawn", np.bincount([anchor.label for anchor in drawn]))
figure, axes = plt.subplots(1, 3, figsize=(9, 4.6), layout="constrained")
axes[0].imshow(scene, cmap="gray")
for anchor in drawn[:16]:
    axes[0].add_patch(
        Rectangle((anchor.column, anchor.row), 25, 25, fill=False, edgecolor=("tab:cyan", "tab:orange")[anchor.label])
    )
axes[1].imshow(COINS.palette()[labels])
axes[2].imshow(COINS.palette()[grid])
for axis, title in zip(axes, ("patches at 16 anchors", "labels", "class of each anchor"), strict=True):
    axis.set_title(title, fontsize=10)
    axis.set_axis_off()

# %%
# Train with random sizes
# -----------------------
# An eighth of the paper's width, 300 batches. ``densa train DATA --model dilated6-rate6 --context
# uniform:25-65 --sampling anchors`` does the same.
torch.manual_seed(0)
run = folder.parent / "run"
result = train(
    build("dilated6-rate6", 1, 2, width=8),
    splits["train"],
    None,
    run,
    architecture=Architecture("dilated6-rate6", {"width": 8}),
    steps=300,
    context="uniform:25-65",
    sampling="anchors",
    anchor_crop=16,
    anchor_stride=8,
    batch_size=8,
    learning_rate=5e-3,
    augmentation=Augmentation.flips(quarter_turns=True, gain=0.2, offset=0.3),
    recalibrate=True,
    validate_every=10**6,
    precision="float32",
    progress=False,
)
sizes = sizes_of_run(run / "context.csv")
best = recorded_sizes(json.loads((run / "model.json").read_text())["training"], 3)
print(f"{result.steps} steps in {result.seconds:.0f} s; best sizes {best}")
figure, axes = plt.subplots(1, 2, figsize=(10, 2.6), layout="constrained")
axes[0].plot(list(sizes), [score for _, score in sizes.values()], ".-", color="#e07b39")
axes[0].set(title="mean score", xlabel="patch size (pixels)", ylabel="class accuracy")
axes[1].bar(list(sizes), [n for n, _ in sizes.values()], color="#2a7de1")
axes[1].set(title="occurrences", xlabel="patch size (pixels)")

# %%
# Predict: the paper's patches and exact tiles
# --------------------------------------------
# At the border of a patch, the network reads padding instead of the scene; overlapping averages this error but does not
# remove it. The engine's tiles are read with their surroundings: the receptive field on every side. The first map depends on
# the patch size, the last on no size. Which scores higher depends on the training: a network trained on small patches only
# has also learned from their padding.
model = methods.load(run, device="cpu", precision="float32")
test = splits["test"]
maps = {}
with raster.open(test.samples[0].image) as opened:
    photo = opened.read()[0][0]
    maps[f"patches of {best[0]}"] = engine.predict_patches_array(model, opened, best[:1])[0]
    maps[f"patches of {', '.join(map(str, best))}"] = engine.predict_patches_array(model, opened, best)[0]
    maps["exact"] = engine.predict_array(model, opened)[0]
figure, axes = plt.subplots(1, 5, figsize=(13, 4.6), layout="constrained")
axes[0].imshow(photo, cmap="gray")
axes[0].set_title("input", fontsize=10)
for axis, (name, found) in zip(axes[1:], [*maps.items(), ("reference", test.labels(0))], strict=True):
    evaluation = reports.evaluate_pairs([reports.Pair("right half", test.labels(0), found)], test.legend, n_worst=0)
    axis.imshow(COINS.palette()[found])
    axis.set_title(name if name == "reference" else f"{name}: IoU {evaluation.summary.iou[1]:.3f}", fontsize=10)
for axis in axes:
    axis.set_axis_off()
plt.show()
