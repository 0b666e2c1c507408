"""
Classifying pixels by patches
=============================

The first deep methods for labelling (Ciresan, Giusti, Gambardella and Schmidhuber 2012) classified the patch around a pixel to
label its centre, pixel by pixel. This works, but nearly all computations are repeated: the patches of two neighbours differ
in one column only. This page shows the repetition, three exact ways to avoid it, and a patch network that is trained on
patches and applied to whole images.
"""

# %%
# The same numbers, computed once
# -------------------------------
# A one-dimensional example: convolution with (1, -1), max pooling by 2, convolution with (1, 2). A patch has 5 samples, and
# the signal 1 3 2 5 4 0 6 2 has four patches.
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from densa import datasets, engine, methods, raster, reports
from densa.datasets.samples import coins
from densa.networks import build
from densa.operators import dilated_form, fragments, scan_patches, shift_and_stitch
from densa.segmenter import Architecture
from densa.training import Augmentation, train

first, second = nn.Conv2d(1, 1, (1, 2), bias=False), nn.Conv2d(1, 1, (1, 2), bias=False)
first.weight.data = torch.tensor([[[[1.0, -1.0]]]])
second.weight.data = torch.tensor([[[[1.0, 2.0]]]])
signal = torch.tensor([1.0, 3, 2, 5, 4, 0, 6, 2]).view(1, 1, 1, 8)
with torch.no_grad():
    differences = first(signal)
    print("convolution           ", differences.flatten().tolist())
    print("pooled with stride 2  ", nn.functional.max_pool2d(differences, (1, 2)).flatten().tolist())
    print("... only two scores   ", second(nn.functional.max_pool2d(differences, (1, 2))).flatten().tolist())
    dense = nn.functional.max_pool2d(differences, (1, 2), stride=1)
    print("pooled with stride 1  ", dense.flatten().tolist())
    spread = nn.functional.conv2d(dense, second.weight, dilation=(1, 2))
    print("then dilated by 2     ", spread.flatten().tolist())
    print(
        "patch by patch        ",
        [second(nn.functional.max_pool2d(first(signal[..., i : i + 5]), (1, 2))).item() for i in range(4)],
    )

# %%
# Three exact ways
# ----------------
# *Shift and stitch* runs the strided network once per phase of its stride and interleaves the results; *fragments* (Giusti
# et al. 2013) split at every pooling instead; the *dilated form* (Li, Zhao and Wang 2014) turns every stride into a
# dilation of the following layers and needs no interleaving. All give the scores of the scan, up to the order of summation.
generator = torch.Generator().manual_seed(0)
layers = nn.Sequential(
    nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 3, 4)
)
for parameter in layers.parameters():
    parameter.data = torch.randn(parameter.shape, generator=generator) / parameter[0].numel() ** 0.5
picture = torch.randn(1, 1, 90, 90, generator=generator)
ways = {
    "scan, patch by patch": lambda: scan_patches(layers, picture, 22),
    "shift and stitch": lambda: shift_and_stitch(layers, picture, 4, 22),
    "fragments": lambda: fragments(layers, picture),
    "dilated form": lambda: dilated_form(layers)(picture),
}
times, scores = {}, {}
with torch.inference_mode():
    for name, way in ways.items():
        way()
        started = time.perf_counter()
        scores[name] = way()
        times[name] = time.perf_counter() - started
scan = scores["scan, patch by patch"]
for name, result in scores.items():
    print(f"{name:22}{1000 * times[name]:8.1f} ms, largest difference {float((result - scan).abs().max()):.1e}")
figure, axis = plt.subplots(figsize=(6, 2.2), layout="constrained")
axis.barh(list(times), [1000 * t for t in times.values()], color="tab:blue")
axis.set(xlabel="milliseconds", xscale="log", title="patches of 22 pixels, a picture of 90 x 90")
axis.invert_yaxis()

# %%
# A patch network, trained on patches
# -----------------------------------
# `patch-cnn` is the network of the paper: four convolutions with pooling on patches of 65 x 65 pixels. Each training sample
# is one patch and the class of its centre. Here it is trained on the left half of a photograph of coins for a minute.
folder = coins(Path(tempfile.mkdtemp()) / "coins")
splits = datasets.open(folder)
torch.manual_seed(0)
run = folder.parent / "run"
result = train(
    build("patch-cnn", 1, 2, width=16),
    splits["train"],
    None,
    run,
    architecture=Architecture("patch-cnn", {"width": 16}),
    minutes=1,
    patch_size=1,
    batch_size=64,
    learning_rate=2e-3,
    augmentation=Augmentation.flips(quarter_turns=True, gain=0.2, offset=0.3),
    progress=False,
)
print(f"{result.steps} steps of 64 patches in {result.seconds:.0f} s")

# %%
# The whole image in one pass
# ---------------------------
# Prediction runs the dilated form of the trained network. The scan is timed on three rows of the image.
model = methods.load(run, precision="float32")
test = splits["test"]
with raster.open(test.samples[0].image) as opened:
    started = time.perf_counter()
    predicted, _ = engine.predict_array(model, opened)
    dense_seconds = time.perf_counter() - started
    photo, _ = opened.read()
trained = build("patch-cnn", 1, 2, width=16).eval()
normal = torch.from_numpy(model.bands.normalise(photo))[None]
started = time.perf_counter()
with torch.inference_mode():
    scan_patches(trained, normal, 65, rows=slice(0, 3))
scan_seconds = (time.perf_counter() - started) / 3 * photo.shape[1]
print(
    f"whole image {dense_seconds:.2f} s, patch by patch about {scan_seconds:.0f} s: {scan_seconds / dense_seconds:.0f} times"
)

evaluation = reports.evaluate_pairs([reports.Pair("right half", test.labels(0), predicted)], test.legend, n_worst=0)
figure, axes = plt.subplots(1, 3, figsize=(10, 5), layout="constrained")
colors = test.legend.palette()
pictures = [
    (photo[0], "input", "gray"),
    (colors[predicted], f"result: IoU of coins {evaluation.summary.iou[1]:.3f}", None),
    (colors[test.labels(0)], "reference", None),
]
for axis, (picture, title, cmap) in zip(axes, pictures, strict=True):
    axis.imshow(picture, cmap=cmap)
    axis.set_title(title, fontsize=10)
    axis.set_axis_off()
print(f"wrong pixels: {100 * np.mean(predicted != test.labels(0)):.1f} %")
