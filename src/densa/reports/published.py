"""Published figures, for comparison with measured ones: Badrinarayanan, Kendall, Cipolla, "SegNet", PAMI 39(12), 2017,
arXiv:1511.00561. Scores in per cent, memory and size in MB, times in milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

__all__ = [
    "CAMVID_CLASSES",
    "CAMVID_NOTE",
    "COST_NOTE",
    "PUBLISHED_ACCURACY",
    "PUBLISHED_COST",
    "PublishedAccuracy",
    "PublishedCost",
    "camvid_order",
]

COST_NOTE = (
    "Printed rows: SegNet paper (arXiv:1511.00561), its table of computational time and hardware resources: Caffe on a "
    "GPU, 360x480 pixels, training memory at batch 4, including all memory that Caffe holds. Hardware and software "
    "differ: compare the order of the rows, not the figures."
)
CAMVID_NOTE = (
    "Printed rows: SegNet paper (arXiv:1511.00561), CamVid's 233 test images of 360x480; its networks were "
    "pre-trained on ImageNet and trained on 3433 images. Training data, time and split differ: for orientation only."
)


class PublishedCost(NamedTuple):
    """A row of the paper's table of costs."""

    name: str
    forward_ms: float
    backward_ms: float
    training_mb: float
    inference_mb: float
    model_mb: float


PUBLISHED_COST = {
    "segnet": PublishedCost("SegNet", 422.50, 488.71, 6803, 1052, 117),
    "deeplab-largefov": PublishedCost("DeepLab-LargeFOV", 110.06, 160.73, 5618, 1993, 83),
    "fcn8s": PublishedCost("FCN (learnt deconv)", 317.09, 484.11, 9735, 1806, 539),
    "deconvnet": PublishedCost("DeconvNet", 474.65, 602.15, 9731, 1872, 877),
}
"""By densa's name of the network."""


class PublishedAccuracy(NamedTuple):
    """Scores on CamVid in per cent, None if not printed; `per_class` in the order of `CAMVID_CLASSES`."""

    name: str
    global_accuracy: float
    class_average: float
    mean_iou: float | None = None
    boundary_f1: float | None = None
    per_class: tuple[float | None, ...] | None = None


CAMVID_CLASSES = (
    "building", "tree", "sky", "car", "sign", "road", "pedestrian", "fence", "pole", "pavement", "bicyclist",
)  # fmt: skip
"""In the order of the paper's table."""

_ALIASES = {
    "signsymbol": "sign", "trafficsign": "sign", "sidewalk": "pavement", "columnpole": "pole",
    "bicycle": "bicyclist", "bike": "bicyclist", "cyclist": "bicyclist",
}  # fmt: skip

PUBLISHED_ACCURACY = (
    PublishedAccuracy("SfM + Appearance", 69.1, 53.0, None, None,
                      (46.2, 61.9, 89.7, 68.6, 42.9, 89.5, 53.6, 46.6, 0.7, 60.5, 22.5)),
    PublishedAccuracy("Boosting", 76.4, 59.8, None, None,
                      (61.9, 67.3, 91.1, 71.1, 58.5, 92.9, 49.5, 37.6, 25.8, 77.8, 24.7)),
    PublishedAccuracy("Dense Depth Maps", 82.1, 55.4, None, None,
                      (85.3, 57.3, 95.4, 69.2, 46.5, 98.5, 23.8, 44.3, 22.0, 38.1, 28.7)),
    PublishedAccuracy("Structured Random Forests", 72.5, 51.4),
    PublishedAccuracy("Neural Decision Forests", 82.1, 56.1),
    PublishedAccuracy("Local Label Descriptors", 73.6, 36.3, None, None,
                      (80.7, 61.5, 88.8, 16.4, None, 98.0, 1.09, 0.05, 4.13, 12.4, 0.07)),
    PublishedAccuracy("Super Parsing", 83.3, 51.2, None, None,
                      (87.0, 67.1, 96.9, 62.7, 30.1, 95.9, 14.7, 17.9, 1.7, 70.0, 19.4)),
    PublishedAccuracy("Boosting + pairwise CRF", 79.8, 59.9, None, None,
                      (70.7, 70.8, 94.7, 74.4, 55.9, 94.1, 45.7, 37.2, 13.0, 79.3, 23.1)),
    PublishedAccuracy("Boosting + higher order", 83.8, 59.2, None, None,
                      (84.5, 72.6, 97.5, 72.7, 34.1, 95.3, 34.2, 45.7, 8.1, 77.6, 28.5)),
    PublishedAccuracy("Boosting + detectors + CRF", 83.8, 62.5, None, None,
                      (81.5, 76.6, 96.2, 78.7, 40.2, 93.9, 43.0, 47.6, 14.3, 81.5, 33.9)),
    PublishedAccuracy("FCN (fixed deconv)", 83.27, 59.56, 49.83, 27.99),
    PublishedAccuracy("FCN (learnt deconv)", 83.14, 64.21, 51.96, 33.18),
    PublishedAccuracy("DeepLab-LargeFOV", 88.20, 62.53, 53.88, 32.77),
    PublishedAccuracy("DeepLab-LargeFOV + dense CRF", 89.71, 60.67, 54.74, 40.79),
    PublishedAccuracy("DeconvNet", 89.58, 70.24, 59.77, 52.23),
    PublishedAccuracy("SegNet", 90.40, 71.20, 60.10, 46.84,
                      (89.6, 83.4, 96.1, 87.7, 52.7, 96.4, 62.2, 53.45, 32.1, 93.3, 36.5)),
)  # fmt: skip
"""The paper's comparison with earlier methods, and its benchmark of networks; per class, the accuracy in per cent."""


def camvid_order(class_names: Sequence[str]) -> tuple[int, ...] | None:
    """Index of each of `CAMVID_CLASSES` among the classes of a legend; None unless it has exactly these eleven."""
    plain = [re.sub("[^a-z]", "", name.lower()) for name in class_names]
    known = [_ALIASES.get(name, name) for name in plain]
    return tuple(known.index(name) for name in CAMVID_CLASSES) if sorted(known) == sorted(CAMVID_CLASSES) else None
