"""
Fully convolutional networks
============================

Long, Shelhamer and Darrell (2015) turned a network that classifies images into one that labels pixels: its dense layers
become convolutions, so that an image of any size gives a map of scores, one per 32 pixels; a transposed convolution
upsamples them, and scores of shallower layers (pool4, pool3) add detail. This page computes the sizes, and trains FCN-32s,
then FCN-16s from it, then FCN-8s.
"""

# %%
# From an image to a map of scores
# --------------------------------
# A dense layer on a 7 x 7 map is a 7 x 7 convolution with one output position; a larger map gives more positions. The first
# layer pads by 100 pixels, so that even a tiny image is large enough for that layer.
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch

from densa import datasets, engine, methods, raster, reports
from densa.datasets.samples import coins
from densa.networks import build
from densa.operators import receptive_field
from densa.segmenter import Architecture
from densa.training import Augmentation, train

network = build("fcn8s", 3, 21, normalisation="none").to("meta").eval()
sizes = {}


def note(name):
    def hook(module, inputs, output):
        sizes[name] = tuple(output.shape[1:])

    return hook


for name, module in network.named_modules():
    module.register_forward_hook(note(name))
network(torch.empty(1, 3, 500, 500, device="meta"))
poolings = [name for name, m in network.named_modules() if type(m).__name__ == "MaxPool2d"]
for number, name in enumerate(poolings, 1):
    print(f"{f'pool{number}':16}{sizes[name]}")
for name in ("classifier.0", "score_fr", "upscore2", "score_pool4", "upscore_pool4", "score_pool3", "upscore8"):
    print(f"{name:16}{sizes[name]}")

# %%
# Position of the coarse map on the fine one
# ------------------------------------------
# Every layer maps positions affinely, so the offset at which each upsampled map is cropped follows from the layers: 19 for
# FCN-32s, 5 and 27 for FCN-16s, 5, 9 and 31 for FCN-8s. The receptive field of a score of the last layer is 404 pixels; that
# of an output pixel, which is interpolated between several scores, is a little larger.
for name in ("fcn32s", "fcn16s", "fcn8s"):
    one = build(name, 3, 21, normalisation="none").to("meta")
    parameters = sum(p.numel() for p in one.parameters())
    print(f"{name}: {parameters:,} parameters, receptive field {receptive_field(one, 3).size} px")

# %%
# 32s, 16s, 8s: each from the one before
# --------------------------------------
# New score layers are initialised with zeros, so training continues exactly where the coarser network stopped. An eighth of
# the paper's width, one minute and twice half a minute, on the left half of a photograph; the right half is labelled.
folder = coins(Path(tempfile.mkdtemp()) / "coins")
splits = datasets.open(folder)
test = splits["test"]
colors = test.legend.palette()
torch.manual_seed(0)
coarser = None
maps = {}
for name in ("fcn32s", "fcn16s", "fcn8s"):
    network = build(name, 1, 2, width=8)
    if coarser is not None:
        network.initialise_from(coarser)
    run = folder.parent / name
    train(
        network,
        splits["train"],
        None,
        run,
        architecture=Architecture(name, {"width": 8}),
        minutes=1.0 if coarser is None else 0.5,
        patch_size=160,
        batch_size=4,
        learning_rate=4e-3,
        augmentation=Augmentation.flips(quarter_turns=True, rotation=15, scale=0.25, gain=0.2, offset=0.3),
        progress=False,
    )
    coarser = network
    with raster.open(test.samples[0].image) as opened:
        maps[name], _ = engine.predict_array(methods.load(run), opened)
        photo = opened.read()[0][0]

# %%
# The outlines become sharper with every map that is added: intersection over union, and the F1 score of the boundaries.
figure, axes = plt.subplots(1, 5, figsize=(13, 4.6), layout="constrained")
axes[0].imshow(photo, cmap="gray")
axes[0].set_title("input", fontsize=10)
for axis, (name, predicted) in zip(axes[1:], maps.items(), strict=False):
    scores = reports.evaluate_pairs([reports.Pair(name, test.labels(0), predicted)], test.legend, n_worst=0)
    axis.imshow(colors[predicted])
    axis.set_title(f"{name}: IoU {scores.summary.iou[1]:.3f}, boundary F1 {scores.boundary.value:.2f}", fontsize=9)
axes[4].imshow(colors[test.labels(0)])
axes[4].set_title("reference", fontsize=10)
for axis in axes:
    axis.set_axis_off()
