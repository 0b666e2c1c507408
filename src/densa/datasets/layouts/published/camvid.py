"""CamVid as published (Brostow et al. 2009): `701_StillsRaw_full/` beside `LabeledApproved_full/` with `_L`.

Copies of it in other folders are known by the names of its frames: 11 is void in the index masks of SegNet's authors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from densa.datasets.dataset import Sample
from densa.datasets.image_files import image_files
from densa.datasets.layouts.layout import Coding, Layout
from densa.datasets.layouts.pairing import PairingProblem
from densa.legend import Color, Legend

__all__ = ["CAMVID_32", "are_frames", "read_camvid"]

_FRAME = re.compile(r"(0001TP|0006R0|0016E5|Seq05VD)_f?\d+(_L|_P)?", re.IGNORECASE)
_COLORS: dict[str, Color] = {
    "Animal": (64, 128, 64), "Archway": (192, 0, 128), "Bicyclist": (0, 128, 192), "Bridge": (0, 128, 64),
    "Building": (128, 0, 0), "Car": (64, 0, 128), "CartLuggagePram": (64, 0, 192), "Child": (192, 128, 64),
    "Column_Pole": (192, 192, 128), "Fence": (64, 64, 128), "LaneMkgsDriv": (128, 0, 192),
    "LaneMkgsNonDriv": (192, 0, 64), "Misc_Text": (128, 128, 64), "MotorcycleScooter": (192, 0, 192),
    "OtherMoving": (128, 64, 64), "ParkingBlock": (64, 192, 128), "Pedestrian": (64, 64, 0), "Road": (128, 64, 128),
    "RoadShoulder": (128, 128, 192), "Sidewalk": (0, 0, 192), "SignSymbol": (192, 128, 128), "Sky": (128, 128, 128),
    "SUVPickupTruck": (64, 128, 192), "TrafficCone": (0, 0, 64), "TrafficLight": (0, 64, 64), "Train": (192, 64, 128),
    "Tree": (128, 128, 0), "Truck_Bus": (192, 128, 192), "Tunnel": (64, 0, 64), "VegetationMisc": (192, 192, 0),
    "Wall": (64, 192, 0),
}  # fmt: skip
CAMVID_32 = Legend(tuple(_COLORS), tuple(_COLORS.values()), ignored_colors=((0, 0, 0),))
"""CamVid's classes; Void, the 32nd, is black and ignored."""


def are_frames(paths: Iterable[Path]) -> bool:
    """Whether all files, of which there is one, are named like frames of CamVid."""
    stems = [path.stem for path in paths]
    return bool(stems) and all(_FRAME.fullmatch(stem) for stem in stems)


def read_camvid(root: Path) -> Layout | None:
    """The layout of `root`, None where it is another one."""
    folders = {folder.name.lower(): folder for folder in sorted(root.iterdir()) if folder.is_dir()}
    images = next((folders[name] for name in ("701_stillsraw_full", "stillsraw_full") if name in folders), None)
    masks = next((folders[name] for name in ("labeledapproved_full", "labeled_approved_full") if name in folders), None)
    if images is None or masks is None:
        return None
    layout = Layout(root, "camvid", grouped=True)
    mask_of = {path.stem.removesuffix("_L").removesuffix("_l").lower(): path for path in image_files(masks, 1)}
    for path in image_files(images, 1):
        mask = mask_of.pop(path.stem.lower(), None)
        if mask is not None:  # of 30 frames a second, one is labelled
            sequence = path.stem.partition("_")[0]
            layout.splits.setdefault("", []).append(Sample(path.stem, path, mask, sequence))
    if not layout.splits:
        return None
    layout.problems[""] = [PairingProblem.of("mask-extra", path, "mask without an image") for path in mask_of.values()]
    layout.codings = {"": Coding(CAMVID_32, "CamVid's colours")}
    layout.said = (
        f"images in {images.name}/, labels in {masks.name}/*_L: 31 classes by colour, Void is ignored; sequences are "
        "scenes"
    )
    return layout
