"""Draws the README's figure: python docs/images/make.py DEMO_FOLDER (as `densa demo` leaves it)."""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from densa import datasets, raster

demo = Path(sys.argv[1] if len(sys.argv) > 1 else "demo")
test = datasets.open(demo / "coins")["test"]
image, _ = test.image(0)
target = test.labels(0)
predicted, legend = raster.read_label_map(demo / "maps" / "right.png")
colors = legend.palette()
union = ((predicted == 1) | (target == 1)).sum()
iou = ((predicted == 1) & (target == 1)).sum() / union
errors = np.full((*target.shape, 3), (223, 231, 228), np.uint8)
errors[predicted != target] = (209, 73, 91)
panels = [
    (image[0], "photograph"),
    (colors[predicted], f"label map, IoU of coins {iou:.2f}"),
    (colors[target], "reference"),
    (errors, "where they differ"),
]
figure, axes = plt.subplots(1, 4, figsize=(10, 4.4), layout="constrained")
for axis, (picture, title) in zip(axes, panels, strict=True):
    axis.imshow(picture, cmap="gray")
    axis.set_title(title, fontsize=10)
    axis.set_axis_off()
figure.savefig(Path(__file__).parent / "coins.png", dpi=110)
