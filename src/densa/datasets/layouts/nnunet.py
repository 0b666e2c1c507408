"""nnU-Net's raw data (version 2): `dataset.json`, a file per channel `imagesTr/case_0000.tif`, `labelsTr/case.tif`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from densa.datasets.annotations.json_files import load_json, path_inside
from densa.datasets.dataset import Sample
from densa.datasets.image_files import IMAGE_SUFFIXES
from densa.datasets.layouts.layout import Coding, Layout
from densa.datasets.layouts.pairing import PairingProblem
from densa.datasets.wording import listed
from densa.errors import InputError
from densa.legend import IGNORE, Legend

__all__ = ["read_nnunet"]

_FILE = "dataset.json"
_MOST_BYTES = 16 << 20


def read_nnunet(root: Path) -> Layout | None:
    """The layout of `root`, None where it is another one.

    Raises:
        InputError: `dataset.json` cannot be read, is of version 1, has regions, or a format that densa does not read; a
            case lacks a channel, or lies outside of the folder.
    """
    file = root / _FILE
    if not file.is_file() or not (root / "imagesTr").is_dir():
        return None
    content = load_json(file, _MOST_BYTES)
    if not isinstance(content, dict):
        raise InputError(f"{file} must be a dictionary of nnU-Net, got {type(content).__name__}")
    channels, ending = _channels(file, content), _ending(file, content)
    layout = Layout(root, "nnunet", codings={"": Coding(_legend(file, content), str(file), "values")})
    if isinstance(content.get("dataset"), dict):
        layout.splits[""] = [_listed(root, file, name, entry, channels) for name, entry in content["dataset"].items()]
    else:
        layout.splits[""] = _cases(layout, "imagesTr", "labelsTr", channels, ending, "")
    if test := _cases(layout, "imagesTs", "labelsTs", channels, ending, "test"):
        layout.splits["test"] = test
    if not any(sample.mask for sample in layout.samples):
        return None
    layout.ungroup()
    layout.said = (
        f"images in imagesTr/ of the channels {listed(list(channels.values()))}, labels in labelsTr/ as {_FILE} names "
        "them" + ("; ignore is not labelled" if "ignore" in content["labels"] else "")
    )
    return layout


def _channels(file: Path, content: Mapping[str, Any]) -> dict[str, str]:
    """Name of each channel by its number in file names, "0000"."""
    names = content.get("channel_names")
    if names is None and "modality" in content:
        raise InputError(
            f"{file} is of nnU-Net's first version (modality); convert it with nnUNetv2_convert_old_nnUNet_dataset"
        )
    whole = isinstance(names, dict) and all(isinstance(name, str) for name in names.values())
    if not isinstance(names, dict) or not whole or sorted(names) != sorted(map(str, range(len(names)))) or not names:
        raise InputError(f'{file} must have channel_names such as {{"0": "red", "1": "nir"}}, got {names!r:.200}')
    return {f"{i:04}": names[str(i)] for i in range(len(names))}


def _ending(file: Path, content: Mapping[str, Any]) -> str:
    ending = content.get("file_ending")
    if not isinstance(ending, str) or ending.lower() not in IMAGE_SUFFIXES:
        raise InputError(
            f"{file} has the file_ending {ending!r}, which densa does not read; it reads "
            f"{', '.join(sorted(IMAGE_SUFFIXES))}"
        )
    return ending


def _legend(file: Path, content: Mapping[str, Any]) -> Legend:
    """The classes by their values; `ignore` is not labelled.

    Raises:
        InputError: labels that are no whole numbers, or regions of several.
    """
    labels = content.get("labels")
    if not isinstance(labels, dict) or not labels:
        raise InputError(f'{file} must have labels such as {{"background": 0, "road": 1}}, got {labels!r:.200}')
    regions = [name for name, value in labels.items() if isinstance(value, list)]
    if regions or "regions_class_order" in content:
        raise InputError(
            f"{file} has regions that overlap ({listed(regions)}); densa gives every pixel one class: list the labels "
            "that the files hold, each with its value"
        )
    if wrong := [name for name, value in labels.items() if isinstance(value, bool) or not isinstance(value, int)]:
        raise InputError(f"{file} must give each label a whole number, got {labels[wrong[0]]!r:.200} for {wrong[0]!r}")
    ignored = tuple(value for name, value in labels.items() if name == "ignore")
    classes = sorted((value, name) for name, value in labels.items() if name != "ignore")
    codes = tuple(value for value, _ in classes)
    spare = () if IGNORE in codes else (IGNORE,)
    return Legend(
        tuple(name for _, name in classes), codes=codes, ignored_codes=tuple(dict.fromkeys((*ignored, *spare)))
    )


def _cases(
    layout: Layout, images: str, labels: str, channels: Mapping[str, str], ending: str, split: str
) -> list[Sample]:
    """The cases of a folder of images."""
    folder = layout.root / images
    if not folder.is_dir():
        return []
    names = sorted({path.name[: -len(ending) - 5] for path in folder.glob(f"*_[0-9][0-9][0-9][0-9]{ending}")})
    found = []
    for name in names:
        files = [folder / f"{name}_{number}{ending}" for number in channels]
        mask = layout.root / labels / f"{name}{ending}"
        found.append(_sample(name, files, mask if mask.is_file() else None, channels))
    known = {f"{name}{ending}" for name in names}
    spare = sorted(path for path in (layout.root / labels).glob(f"*{ending}") if path.name not in known)
    layout.problems.setdefault(split, []).extend(
        PairingProblem.of("mask-extra", path, "mask without an image") for path in spare
    )
    return found


def _listed(root: Path, file: Path, name: str, entry: Any, channels: Mapping[str, str]) -> Sample:
    """A case that dataset.json lists with its files."""
    if not isinstance(entry, dict) or not isinstance(entry.get("images"), list) or "label" not in entry:
        raise InputError(f'{file} must list a case as {{"images": [...], "label": ...}}, got {entry!r:.200} for {name}')
    files = [path_inside(root, root, image, file, links=False) for image in entry["images"]]
    return _sample(name, files, path_inside(root, root, entry["label"], file, links=False), channels)


def _sample(name: str, files: list[Path], mask: Path | None, channels: Mapping[str, str]) -> Sample:
    """A case; a picture has its channels in one file.

    Raises:
        InputError: a channel is missing.
    """
    there = [file for file in files if file.is_file()]
    if there == files[:1] and len(channels) == 3 and files[0].suffix.lower() not in {".tif", ".tiff"}:
        return Sample(name, files[0], mask, name)  # red, green and blue, as NaturalImage2DIO writes them
    if len(there) != len(channels):
        lost = next((file for file in files if file not in there), files[-1])
        raise InputError(f"case {name} must have {len(channels)} channels, it has {len(there)}: {lost} is not there")
    if len(files) == 1:
        return Sample(name, files[0], mask, name)
    bands = tuple(zip(channels.values(), files, strict=True))
    return Sample(name, files[0], mask, name, bands=bands)
