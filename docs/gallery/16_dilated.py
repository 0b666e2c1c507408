"""
Dilated convolution, context and ASPP
=====================================

Pooling enlarges the receptive field at the cost of resolution. A *dilated* (atrous) convolution enlarges it by gaps between its
taps: the same number of weights, the same resolution, a larger field. DeepLab (Chen et al. 2015 to 2017) replaces the last
strides of VGG and ResNet by dilation and applies several rates in parallel (ASPP); Yu and Koltun (2016) stack rates in a context
module. This page computes the receptive field of each, and the pixels that unsuitable rates miss.
"""

# %%
# Three weights, any width
# ------------------------
# In one dimension: :math:`y_i = \sum_k x_{i + r k} w_k`. On 1 ... 8 with three ones and rate 2. A stride can be replaced by
# a rate without changing the results, as the page on patch classification shows.
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from densa import datasets, engine, methods, raster, reports
from densa.datasets.samples import coins
from densa.networks import build
from densa.networks.dilated_context import RATES, context_module
from densa.operators import convolution, convolution_matrix, receptive_field
from densa.segmenter import Architecture
from densa.training import Augmentation, train

signal = torch.arange(1.0, 9.0)
print("rate 2:", convolution(signal, torch.ones(3), dilation=2).tolist())
figure, axes = plt.subplots(1, 3, figsize=(10, 2.4), layout="constrained")
for axis, rate in zip(axes, (1, 2, 3), strict=True):
    axis.imshow(convolution_matrix(torch.ones(3), 8, dilation=rate), cmap="Blues", vmax=1.4)
    axis.set_title(f"as a matrix, rate {rate}", fontsize=9)
    axis.set(xticks=[], yticks=[])


# %%
# Gridding
# --------
# Stacked rates with a common factor read a grid of pixels: neighbouring outputs share no input, and half of the pixels in
# their field have no effect. Rates 1, 2, 5 leave no holes; the context module ends with rate 1 for that reason.
def taps(rates):
    """How often each input of one output is read by a stack of 3-tap convolutions."""
    counts = np.ones(1)
    for rate in rates:
        kernel = np.zeros(2 * rate + 1)
        kernel[[0, rate, 2 * rate]] = 1
        counts = np.convolve(counts, kernel)
    return counts


stacks = [(2, 2, 2), (2, 4, 8), (1, 2, 5), (1, 2, 9), RATES]
figure, axes = plt.subplots(1, len(stacks), figsize=(13, 2.9), layout="constrained")
for axis, rates in zip(axes, stacks, strict=True):
    seen = taps(rates)
    axis.imshow(np.log1p(np.outer(seen, seen)), cmap="magma", vmin=0)
    axis.set_title(f"{', '.join(map(str, rates))}: {np.count_nonzero(seen)} of {len(seen)} taps", fontsize=9)
    axis.set(xticks=[], yticks=[])

# %%
# The context module is initialised as the identity
# -------------------------------------------------
# Seven dilated layers and a 1 x 1 layer on maps of class scores. Random weights failed; initialised as the identity, the
# module returns its input until training improves it. Its receptive field is 67 cells, with 28 thousand weights.
module = context_module(21)
print(f"context module: {sum(p.numel() for p in module.parameters()):,} parameters")
view = 1
for number, rate in enumerate(RATES, 1):
    view += 2 * rate
    print(f"  layer {number}, rate {rate:2}: {view} x {view} cells")
scores = torch.rand(1, 21, 20, 20)
with torch.inference_mode():
    handed_on = module(scores)
print("largest difference of what it hands on:", float((handed_on - scores).abs().max()))

# %%
# Receptive fields of the networks
# --------------------------------
# DeepLab-LargeFOV enlarges VGG's field by rate 12 in its first dense layer, with a sixth of the parameters of a 7 x 7 layer;
# ASPP applies several rates in parallel. DeepLabv3 adds the mean of the whole image to every pixel: then no tile can be
# labelled independently, which densa reports (`whole image`).
print(f"{'network':20}{'parameters':>14}{'field':>8}  stride")
for name in ("deeplab-largefov", "deeplabv2-aspp", "deeplabv3", "dilated-context"):
    about = methods.describe(name, 3, 21)
    field = "whole" if about["whole_image"] else f"{about['receptive_field']} px"
    print(f"{name:20}{about['parameters']:>14,}{field:>10}{about['output_stride']:>6}")

# %%
# The same weights, three rates
# -----------------------------
# The gradient of one output pixel with respect to the image shows which pixels affect it in a small, untrained
# DeepLab-LargeFOV, for three rates of its dense layer.
figure, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
for axis, rate in zip(axes, (1, 4, 12), strict=True):
    torch.manual_seed(0)
    network = build("deeplab-largefov", 1, 2, width=4).eval()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.dilation == (12, 12):
            layer.dilation, layer.padding = (rate, rate), (rate, rate)
    image = torch.randn(1, 1, 449, 449, requires_grad=True)
    network(image)[0, 0, 224, 224].backward()
    axis.imshow(image.grad[0, 0].abs().clamp(min=1e-9).log10(), cmap="magma", vmin=-7)
    axis.set_title(f"rate {rate}: field {receptive_field(network, 1).size} px", fontsize=9)
    axis.set(xticks=[], yticks=[])

# %%
# DeepLab-LargeFOV on coins
# -------------------------
# A quarter of the width, one minute on the left half of a photograph.
folder = coins(Path(tempfile.mkdtemp()) / "coins")
splits = datasets.open(folder)
torch.manual_seed(0)
run = folder.parent / "run"
train(
    build("deeplab-largefov", 1, 2, width=16),
    splits["train"],
    None,
    run,
    architecture=Architecture("deeplab-largefov", {"width": 16}),
    minutes=1,
    patch_size=160,
    batch_size=4,
    learning_rate=3e-3,
    augmentation=Augmentation.flips(quarter_turns=True, rotation=15, scale=0.25, gain=0.2, offset=0.3),
    progress=False,
)
test = splits["test"]
with raster.open(test.samples[0].image) as opened:
    predicted, _ = engine.predict_array(methods.load(run), opened)
    photo = opened.read()[0][0]
evaluation = reports.evaluate_pairs([reports.Pair("right half", test.labels(0), predicted)], test.legend, n_worst=0)
colors = test.legend.palette()
figure, axes = plt.subplots(1, 3, figsize=(10, 5), layout="constrained")
pictures = [
    (photo, "input", "gray"),
    (colors[predicted], f"result: IoU of coins {evaluation.summary.iou[1]:.3f}", None),
    (colors[test.labels(0)], "reference", None),
]
for axis, (picture, title, cmap) in zip(axes, pictures, strict=True):
    axis.imshow(picture, cmap=cmap)
    axis.set_title(title, fontsize=10)
    axis.set_axis_off()
