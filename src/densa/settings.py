"""Options that several verbs share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge

from densa.options import Group, Option

__all__ = [
    "Alignment",
    "Bands",
    "ClassSet",
    "Computation",
    "Existing",
    "Folders",
    "Images",
    "LabelReading",
    "LegendFile",
    "Page",
    "Resumable",
    "Sources",
    "SplitBy",
    "Units",
    "VectorLabels",
]


def _bands(value: Any) -> Any:
    """(3, 2, 1), "3,2,1" or "red,green,blue"."""
    parts = value.split(",") if isinstance(value, str) else [value] if isinstance(value, int) else value
    if not isinstance(parts, (list, tuple)):
        return value
    plain = [part.strip() if isinstance(part, str) else part for part in parts]
    found = tuple(int(part) if isinstance(part, str) and part.isdecimal() else part for part in plain)
    if not found or any(part == "" or part == 0 for part in found):
        raise ValueError(f"must be numbers from 1 or names, such as 3,2,1 or red,green,blue, got {value!r}")
    return found


def _scale(value: Any) -> Any:
    """20, "20" or "full"."""
    if value is None or value == "full":
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    if not 0 < number < float("inf"):
        raise ValueError(f"must be a number above 0 by which values are divided, or full, got {value!r}")
    return number


@dataclass(frozen=True, kw_only=True)
class Bands(Group, title="Data"):
    """The bands that are read of an image."""

    bands: Annotated[
        tuple[int | str, ...] | None,
        Option(
            "Bands to read, in this order: numbers from 1, or names.",
            metavar="3,2,1",
            default="all, or those of the model",
            read=_bands,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Page(Group, title="Data"):
    """The page that is read of a stack."""

    page: Annotated[
        int | None,
        Ge(1),
        Option("Page of a stack or animation, from 1.", default="the first; predict: every page"),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Units(Group, title="Data"):
    """What is assumed of values that are not like those of training."""

    assume_scale: Annotated[
        float | Literal["full"] | None,
        Option(
            "Divide values by N to get the unit of training (1: as they are); full: map the whole range of the type.",
            metavar="N|full",
            default="type and range must be those of training",
            read=_scale,
        ),
    ] = None
    allow_constant: Annotated[bool, Option("Accept a band of one value beside others, which varied in training.")] = (
        False
    )


@dataclass(frozen=True, kw_only=True)
class Computation(Group, title="Computation"):
    """Device and precision of a network's computations."""

    device: Annotated[str, Option("Device: auto, cpu, cuda or cuda:N; auto is a GPU if there is one.")] = "auto"
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"], Option("auto: bfloat16 where it is faster on the device.")
    ] = "auto"


@dataclass(frozen=True, kw_only=True)
class LegendFile(Group, title="Data"):
    """The classes, if the data does not define them."""

    legend: Annotated[
        Path | None,
        Option("Legend file.", exists=True, default="that of the data or the run, or inferred from the masks"),
    ] = None


def _ignored(value: Any) -> Any:
    """(11, "#000000", "void"), of a list or one of them; "0,0,0" is a colour."""
    found: list[int | str] = []
    for one in value if isinstance(value, (list, tuple)) else [value]:
        text = str(one).strip()
        parts = [part.strip() for part in text.split(",")]
        if isinstance(one, bool) or not text:
            raise ValueError(f"must be a value, a colour such as #RRGGBB, or the name of a class, got {one!r}")
        if re.fullmatch(r"-?\d+", text):
            found.append(int(text))
        elif re.fullmatch(r"#[0-9a-fA-F]{6}", text):
            found.append(text.upper())
        elif len(parts) == 3 and all(part.isdecimal() and int(part) < 256 for part in parts):
            found.append("#" + "".join(f"{int(part):02X}" for part in parts))
        elif text.startswith("#") or re.fullmatch(r"[\d\s,.-]+", text):
            raise ValueError(f"must be a value, a colour such as #RRGGBB or R,G,B, or the name of a class, got {one!r}")
        else:
            found.append(text)
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, kw_only=True)
class LabelReading(Group, title="Data"):
    """How the labels of a data set are read."""

    layout: Annotated[
        str | None,
        Option("Layout of the folder, see the page on layouts.", metavar="NAME", default="told by what it holds"),
    ] = None
    ignore: Annotated[
        tuple[int | str, ...],
        Option(
            "Value, colour (#RRGGBB) or class of the masks that is not labelled; may be repeated.",
            metavar="VALUE|COLOUR",
            read=_ignored,
            repeatable=True,
        ),
    ] = ()
    mask_offset: Annotated[
        int,
        Option("Add this to the values of the masks: -1 where they count the classes from 1.", metavar="N"),
    ] = 0
    instances: Annotated[
        bool, Option("The masks number objects, 0 is none: the classes are background and object.")
    ] = False


@dataclass(frozen=True, kw_only=True)
class ClassSet(Group, title="Data"):
    """The classes of a layout that has several sets of them."""

    classes: Annotated[
        Literal["train", "all"] | None,
        Option("Classes of a layout that has two sets, as Cityscapes: the usual ones, or all.", default="train"),
    ] = None


def _line_width(value: Any) -> Any:
    """5, "5", "5px" or "6m"."""
    if value is None:
        return value
    found = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*(px|m|)", str(value).strip().lower())
    if found is None or isinstance(value, bool) or not 0 < float(found[1]) <= 1000:
        raise ValueError(f"must be pixels above 0 and at most 1000, or metres such as 6m, got {value!r}")
    return f"{float(found[1]):g}{found[2].removesuffix('px')}"


@dataclass(frozen=True, kw_only=True)
class VectorLabels(Group, title="Data"):
    """Labels of vector files: polygons, lines and points with a class."""

    labels: Annotated[
        Path | None,
        Option(
            "Vector file of polygons, lines and points in place of masks (.gpkg, .geojson, .shp, .fgb), or a folder "
            "with one for each image.",
            metavar="FILE",
        ),
    ] = None
    class_field: Annotated[
        str | None,
        Option(
            "Field of the vector file that names the class.",
            metavar="FIELD",
            default="class, label, name, ...; of points to evaluate with, ref",
        ),
    ] = None
    aoi: Annotated[
        Path | None,
        Option("Vector file of areas of interest; outside of them nothing is labelled.", metavar="FILE"),
    ] = None
    background: Annotated[
        str | None,
        Option(
            "Class of pixels that no shape covers, or none: they are not labelled.",
            metavar="NAME|none",
            default="with aoi, and for COCO and its like, background; otherwise none",
        ),
    ] = None
    order_field: Annotated[
        str | None,
        Option("Field by which shapes overlap, the greatest on top.", metavar="FIELD", default="order of the file"),
    ] = None
    line_width: Annotated[
        str | None,
        Option(
            "Width of lines and points without a field width: pixels, or metres such as 6m.",
            metavar="WIDTH",
            default="5 pixels",
            read=_line_width,
        ),
    ] = None
    all_touched: Annotated[
        bool, Option("Label all pixels that a shape touches, not only those whose centre it covers.")
    ] = False

    @property
    def is_given(self) -> bool:
        """Whether anything is said beside what applies to other labels, too."""
        return any(value not in (None, False) for name, value in self.flat().items() if name != "background")


@dataclass(frozen=True, kw_only=True)
class Folders(Group, title="Data"):
    """The folders of a data set that have names of their own."""

    images: Annotated[Path | None, Option("Folder of the images, if its name is not recognised.")] = None
    masks: Annotated[Path | None, Option("Folder of the masks, if its name is not recognised.")] = None


@dataclass(frozen=True, kw_only=True)
class SplitBy(Group, title="Data"):
    """A split that a file decides."""

    split_file: Annotated[
        Path | None, Option("Split file of `densa split`, in place of other splits.", metavar="FILE", exists=True)
    ] = None
    fold: Annotated[
        int | None, Ge(0), Option("Fold of the split file that validates, from 0; the others train.", metavar="K")
    ] = None


@dataclass(frozen=True, kw_only=True)
class Alignment(Group, title="Data"):
    """Rasters that are laid over each other."""

    align: Annotated[
        bool, Option("Resample georeferenced labels to the grid of their image, by the nearest pixel.")
    ] = False


@dataclass(frozen=True, kw_only=True)
class Existing(Group, title="This call"):
    """Treatment of existing outputs."""

    overwrite: Annotated[bool, Option("Replace outputs that exist.")] = False


@dataclass(frozen=True, kw_only=True)
class Resumable(Existing, title="This call"):
    """Treatment of existing outputs and unfinished work."""

    resume: Annotated[bool, Option("Continue a stopped run; finished work is kept.")] = False


@dataclass(frozen=True, kw_only=True)
class Sources(Group, title="Data"):
    """What VRTs, STAC items and the files beside images may refer to, beyond their own folder."""

    allow_remote: Annotated[
        bool, Option("Follow VRTs and STAC items to the network; a URL that is given itself is always read.")
    ] = False
    allow_folder: Annotated[
        Path | None, Option("Follow VRTs and STAC items to files in this folder and below, too.", exists=True)
    ] = None


@dataclass(frozen=True, kw_only=True)
class Images(Sources, title="Data"):
    """How images are read."""

    assets: Annotated[
        str | None,
        Option(
            "Assets of a STAC item that are its bands, such as red,nir.",
            metavar="NAME,...",
            default="the only raster, or red, green and blue",
        ),
    ] = None
