"""
DeconvNet, and an ensemble with FCN
===================================

Noh, Hong and Han (2015) mirror VGG-16: its dense layers, whose output is a single cell, are followed by a 7 x 7 transposed
convolution, unpooling at the positions of the encoder's maxima, and deconvolutions that fill the gaps. Its outlines are
fine, but it has 252 million parameters and is hard to train; the paper trains it on single objects first, and combines it
with FCN, which makes different errors.
"""

# %%
# Down to one cell, and back
# --------------------------
# The sizes of an image of 224 x 224 pixels through the network.
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

from densa import datasets, engine, methods, raster, reports
from densa.datasets import ObjectSampler
from densa.datasets.samples import coins
from densa.networks import build
from densa.segmenter import Architecture, Ensemble
from densa.training import Augmentation, train

network = build("deconvnet", 3, 21).to("meta").eval()
print(f"{sum(p.numel() for p in network.parameters()):,} parameters")


def show(name):
    def hook(module, inputs, output):
        print(f"{name:12}{tuple(inputs[0].shape[1:])!s:18} -> {tuple(output.shape[1:])}")

    return hook


for name, module in network.named_children():
    if name != "features":
        for stage, part in module.named_children() if name == "decoder" else [("", module)]:
            part.register_forward_hook(show(name + (f" {stage}" if stage else "")))
network(torch.empty(1, 3, 224, 224, device="meta"))

# %%
# Single objects first
# --------------------
# The first stage uses crops of one centred object each, with all other objects labelled as background, so that no shape has
# to be separated from its neighbours. The second stage uses boxes that overlap an object, with all labels.
folder = coins(Path(tempfile.mkdtemp()) / "coins")
splits = datasets.open(folder)
colors = splits["train"].legend.palette()
figure, axes = plt.subplots(2, 8, figsize=(13, 3.6), layout="constrained")
for row, (single, title) in zip(axes, ((True, "single objects"), (False, "overlapping boxes")), strict=True):
    batch = ObjectSampler(splits["train"], 200, seed=1, single=single, background=0).batch(0, 4)
    for axis, picture, labels in zip(row.reshape(4, 2), batch.images, batch.labels, strict=True):
        axis[0].imshow(picture[0], cmap="gray")
        axis[1].imshow(colors[labels])
    row[0].set_ylabel(title, fontsize=9)
for axis in axes.ravel():
    axis.set(xticks=[], yticks=[])

# %%
# Train in two stages
# -------------------
# An eighth of the width. The paper's second stage needs object proposals at test time, too, each enlarged to the size of the
# crops; here the second stage uses patches at their own scale, so that an image can be labelled as a whole.
settings = {
    "patch_size": 200,
    "batch_size": 4,
    "learning_rate": 3e-3,
    "augmentation": Augmentation.flips(quarter_turns=True, rotation=15, scale=0.25, gain=0.2, offset=0.3),
    "progress": False,
}
torch.manual_seed(0)
deconvnet = build("deconvnet", 1, 2, width=8, dense_width=128)
form = Architecture("deconvnet", {"width": 8, "dense_width": 128})
for sampling, minutes in (("single-objects", 0.5), ("random", 2)):
    run = folder.parent / sampling
    train(deconvnet, splits["train"], None, run, architecture=form, minutes=minutes, sampling=sampling, **settings)
torch.manual_seed(0)
fcn_run = folder.parent / "fcn8s"
form = Architecture("fcn8s", {"width": 8})
train(build("fcn8s", 1, 2, width=8), splits["train"], None, fcn_run, architecture=form, minutes=1, **settings)

# %%
# Two networks, one answer
# ------------------------
# EDeconvNet is the mean of the class probabilities of both networks. In densa, any models with the same legend can form an
# ensemble (`densa ensemble RUN RUN -o FOLDER`), which is used like a model.
members = {"deconvnet": methods.load(run), "fcn8s": methods.load(fcn_run)}
models = {**members, "mean of both": Ensemble(list(members.values()))}
test = splits["test"]
figure, axes = plt.subplots(1, 4, figsize=(12, 5), layout="constrained")
with raster.open(test.samples[0].image) as opened:
    axes[0].imshow(opened.read()[0][0], cmap="gray")
    axes[0].set_title("input", fontsize=10)
    for axis, (name, model) in zip(axes[1:], models.items(), strict=True):
        predicted, _ = engine.predict_array(model, opened)
        scores = reports.evaluate_pairs([reports.Pair(name, test.labels(0), predicted)], test.legend, n_worst=0)
        axis.imshow(colors[predicted])
        axis.set_title(f"{name}: IoU of coins {scores.summary.iou[1]:.3f}", fontsize=9)
        print(f"{name}: {100 * np.mean(predicted != test.labels(0)):.2f} % of the pixels are wrong")
for axis in axes:
    axis.set_axis_off()
