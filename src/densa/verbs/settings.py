"""The options of the verbs beside those of training; this module imports neither numpy nor torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Lt

from densa.engine.prediction.settings import PolygonShape
from densa.engine.regions.settings import RegionSettings
from densa.engine.work.settings import Work
from densa.options import Group, Option
from densa.settings import (
    Alignment,
    Bands,
    ClassSet,
    Computation,
    Folders,
    Images,
    LabelReading,
    LegendFile,
    Page,
    Sources,
    SplitBy,
    Units,
    VectorLabels,
)

__all__ = [
    "CalibrateOptions",
    "Calibration",
    "CompareOptions",
    "Costs",
    "DoctorOptions",
    "EvaluateOptions",
    "Fractions",
    "Intervals",
    "Masks",
    "PredictOptions",
    "Products",
    "RasterizeOptions",
    "Refinement",
    "RegionProducts",
    "Resampling",
    "SampleOptions",
    "SampledMap",
    "Scores",
    "SeamsOptions",
    "SegmentOptions",
    "Shards",
    "SplitOptions",
    "Windows",
]


def _size(value: Any) -> Any:
    """(360, 480) or "360x480"."""
    parts = value.lower().split("x") if isinstance(value, str) else value
    if not isinstance(value, (str, type(None))) or value is None:
        return value
    if len(parts) != 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise ValueError(f"must be height and width in pixels, such as 360x480, got {value!r}")
    return int(parts[0]), int(parts[1])


def _names(value: Any) -> Any:
    """("dice", "hausdorff") or "dice,hausdorff"; "all" is None, "none" is empty."""
    parts = tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value
    return None if parts == ("all",) else () if parts == ("none",) else parts


def _numbers(value: Any) -> Any:
    """(2, 5) or "2,5"."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return (value,)
    if not isinstance(value, str):
        return value
    try:
        return tuple(float(part) for part in value.split(","))
    except ValueError as error:
        raise ValueError(f"must be numbers with commas between them, such as 2,5,10, got {value!r}") from error


def _two_sides(value: Any) -> Any:
    """(256, 384) or "256,384"."""
    if not isinstance(value, str):
        return value
    parts = value.split(",")
    if len(parts) != 2 or not all(part.strip().isdigit() and int(part) for part in parts):
        raise ValueError(f"must be the sides of two tilings in pixels, such as 256,384, got {value!r}")
    return int(parts[0]), int(parts[1])


def _classes(value: Any) -> Any:
    """11, "11", "train" or "all"."""
    if value in (None, "train", "all"):
        return value
    if isinstance(value, bool) or not str(value).isdecimal() or int(value) < 1:
        raise ValueError(f"must be a number of classes of at least 1, or train or all, got {value!r}")
    return int(value)


@dataclass(frozen=True, kw_only=True)
class LabelledData(LabelReading, VectorLabels, LegendFile, Alignment, SplitBy, title="Data"):
    """How labelled images are read that a model was not trained on."""


@dataclass(frozen=True, kw_only=True)
class Masks(LabelledData, title="Data"):
    """The masks that predictions are compared with."""

    split: Annotated[
        str | None, Option("Split to evaluate on: train, val or test.", default="test, or val where there is none")
    ] = None


def _fractions(value: Any) -> Any:
    """(0.7, 0.15, 0.15) or "0.7,0.15,0.15"."""
    if value is None:
        return None
    try:
        shares = tuple(float(part) for part in (value.split(",") if isinstance(value, str) else value))
    except (TypeError, ValueError):
        shares = ()
    if len(shares) not in (2, 3) or not all(0 < share < 1 for share in shares) or abs(sum(shares) - 1) > 1e-6:
        raise ValueError(f"must be the shares of train, val and, if wanted, test, such as 0.7,0.15,0.15, got {value!r}")
    return shares


@dataclass(frozen=True, kw_only=True)
class Folding(Group, title="Split"):
    """What is not divided, and into how many folds."""

    by: Annotated[
        Literal["scene", "block", "file", "attribute"] | None,
        Option(
            "What is not divided: scenes (by folders or names), blocks of large images, files, or an attribute.",
            default="scene",
        ),
    ] = None
    folds: Annotated[int | None, Ge(2), Option("Number of folds of equal size.", metavar="K")] = None


@dataclass(frozen=True, kw_only=True)
class Dividing(Folding, title="Split"):
    """What a split keeps together, and how large its parts are."""

    fractions: Annotated[
        tuple[float, ...] | None,
        Option(
            "Shares of train, val and, if wanted, test, in place of folds.",
            metavar="TRAIN,VAL[,TEST]",
            default="0.8,0.2 without folds",
            read=_fractions,
        ),
    ] = None
    stratify: Annotated[
        Literal["classes", "none"], Option("Balance the pixels of the classes over the parts, or images alone.")
    ] = "classes"
    block: Annotated[
        int | None, Ge(8), Option("With by=block: side of a block.", "px", default="at least four blocks to a part")
    ] = None
    buffer: Annotated[
        int | None, Ge(0), Option("With by=block: pixels between blocks of two parts.", "px", default="an eighth of it")
    ] = None
    attribute: Annotated[str | None, Option("With by=attribute: column of the table.", metavar="COLUMN")] = None
    table: Annotated[
        Path | None, Option("With by=attribute: CSV file with a row for each image.", metavar="FILE", exists=True)
    ] = None
    group_by: Annotated[
        str | None,
        Option(
            "With by=scene: regular expression whose first group, in the name of an image, is its scene.",
            metavar="REGEX",
        ),
    ] = None
    keep_test: Annotated[bool, Option("Keep the test split of the data as it is; otherwise all images are pooled.")] = (
        False
    )
    seed: Annotated[int, Ge(0), Option("Another seed, another split.")] = 0


@dataclass(frozen=True, kw_only=True)
class SplitOptions(Dividing, Folders, LabelReading, ClassSet, VectorLabels, LegendFile, Alignment, Sources):
    """All options of `densa split`."""


@dataclass(frozen=True, kw_only=True)
class RasterizeOptions(LabelReading, VectorLabels, LegendFile, Sources):
    """All options of `densa rasterize`."""


@dataclass(frozen=True, kw_only=True)
class Scores(Group, title="Scores"):
    """Rules of the scores."""

    void: Annotated[Literal["ignore", "false-positive"], Option("How pixels without a class in the target count.")] = (
        "ignore"
    )
    absent: Annotated[
        Literal["skip", "zero"],
        Option("How classes that do not occur count in means: skip them, or divide by all classes."),
    ] = "skip"
    tolerance: Annotated[float, Ge(0), Option("Tolerance of the boundary F1, as a share of the image's diagonal.")] = (
        0.0075
    )
    worst: Annotated[int, Ge(0), Option("Images shown on the page, the worst first.")] = 12


def _expected(value: Any) -> Any:
    """0.8, "0.8", or "forest=0.9,road=0.7"."""
    if not isinstance(value, str):
        return value
    if "=" not in value:
        try:
            return float(value)
        except ValueError:
            raise ValueError(f"must be an accuracy such as 0.8, or forest=0.9,road=0.7, got {value!r}") from None
    found: dict[str, float] = {}
    for part in value.split(","):
        name, _, number = part.rpartition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            raise ValueError(f"must be like forest=0.9,road=0.7, got {part!r} in {value!r}") from None
    return found


@dataclass(frozen=True, kw_only=True)
class Intervals(Group, title="Intervals"):
    """How sure the scores are."""

    intervals: Annotated[bool, Option("Give every score a 95 % interval: a bootstrap over independent units.")] = True
    units: Annotated[
        Literal["auto", "scene", "image", "block"],
        Option("Independent units; auto: scenes, else images, else blocks of the one image."),
    ] = "auto"
    unit_block: Annotated[
        int | None,
        Ge(1),
        Option("Side of the blocks.", "px", default="some times the distance over which errors correlate"),
    ] = None
    resamples: Annotated[int, Ge(100), Option("Bootstrap resamples, and permutations of differences.")] = 10_000


@dataclass(frozen=True, kw_only=True)
class Resampling(Group, title="Intervals"):
    """The seed of resampling, where no training has one."""

    seed: Annotated[int, Ge(0), Option("Seed of the resamples.")] = 0


@dataclass(frozen=True, kw_only=True)
class SampledMap(Group, title="Map and points"):
    """The assessment of a map by points, where DATA is a file of points."""

    reference: Annotated[
        Path | None, Option("Raster that holds the reference classes in place of the field.", exists=True)
    ] = None
    strata: Annotated[
        Path | None, Option("Raster of strata, for points that do not say how they were drawn.", exists=True)
    ] = None


@dataclass(frozen=True, kw_only=True)
class Breakdown(Group, title="Scores"):
    """Scores of parts of the data."""

    by: Annotated[
        str | None,
        Option(
            "Column of a .csv beside the data, or field of the points: scores for each of its values.",
            metavar="COLUMN",
        ),
    ] = None
    error_blocks: Annotated[
        int | None,
        Ge(1),
        Option(
            "Side of blocks whose share of wrong pixels is reported: errors.csv and, for georeferenced images,"
            " errors/NAME.tif.",
            "px",
        ),
    ] = None
    attributes: Annotated[
        Path | None,
        Option("The .csv with the column of by; it names the images.", exists=True, default="the one beside the data"),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Drawing(Group, title="Sample"):
    """What is drawn from a map."""

    per_class: Annotated[int | None, Ge(2), Option("Points of each class, or stratum.")] = None
    total: Annotated[int | None, Ge(2), Option("Points in all.")] = None
    half_width: Annotated[
        float | None,
        Gt(0),
        Lt(1),
        Option("As many points as give the overall accuracy a 95 % interval of this half-width, such as 0.02."),
    ] = None
    design: Annotated[
        Literal["stratified", "random", "systematic"],
        Option("stratified by class, simple random, or systematic: a square grid with a random start."),
    ] = "stratified"
    allocation: Annotated[
        Literal["equal", "proportional", "neyman"] | None,
        Option(
            "Division of the points among the strata; at least 2 in each.",
            default="proportional; with half_width neyman",
        ),
    ] = None
    expected: Annotated[
        float | dict[str, float],
        Option(
            "Expected user's accuracy: one, or of each class; for half_width and neyman.",
            metavar="ACCURACY|NAME=ACCURACY,...",
            default="0.5, the worst case",
            read=_expected,
        ),
    ] = 0.5
    strata: Annotated[Path | None, Option("Raster of strata.", exists=True, default="the classes of the map")] = None
    unit: Annotated[
        Literal["pixel", "block"] | None, Option("What is sampled.", default="pixel, or block where block is given")
    ] = None
    block: Annotated[int | None, Ge(2), Option("Side of a block.", "px", default="3 with unit=block")] = None
    seed: Annotated[int, Ge(0), Option("Seed of the random numbers.")] = 0


@dataclass(frozen=True, kw_only=True)
class SampleOptions(LegendFile, Drawing, Sources):
    """All options of `densa sample`."""


@dataclass(frozen=True, kw_only=True)
class Measures(Group, title="Further measures"):
    """Measures beside the scores of the confusion matrix."""

    measures: Annotated[
        tuple[str, ...] | None,
        Option(
            "Which: dice, boundary-iou, trimap-iou, hausdorff, size-recall, with commas between them; all or none.",
            metavar="NAME,...",
            default="all",
            read=_names,
        ),
    ] = None
    trimap_widths: Annotated[
        tuple[float, ...],
        Option("Widths of the bands along the boundaries of the target.", "px", "N,...", read=_numbers),
    ] = (2, 5, 10)
    object_sizes: Annotated[
        tuple[int, ...],
        Option("Sizes that divide small, medium and large objects.", "px", "N,...", read=_numbers),
    ] = (1024, 9216)
    weighted_kappa: Annotated[
        Literal["linear", "quadratic"] | None,
        Option("Also a weighted kappa, of classes whose order in the legend means something."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(
    Masks,
    ClassSet,
    Scores,
    Measures,
    Breakdown,
    SampledMap,
    Intervals,
    Resampling,
    Bands,
    Units,
    Sources,
    Computation,
):
    """All options of `densa evaluate`."""


@dataclass(frozen=True, kw_only=True)
class ValidationData(LabelledData, title="Data"):
    """The labelled images that a model is calibrated on."""

    split: Annotated[
        str | None,
        Option("Split to calibrate on: train, val or test.", default="val, or what the model was not trained on"),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Calibration(Group, title="Calibration"):
    """How a model's probabilities are scaled."""

    method: Annotated[
        Literal["temperature", "vector", "class-wise"],
        Option("One temperature for all classes; one of each (class-wise); and a bias of each as well (vector)."),
    ] = "temperature"
    block: Annotated[
        int | None,
        Ge(1),
        Option("Side of a block, of which one pixel is taken.", "px", default="4 to 64, for about 2000 blocks"),
    ] = None
    seed: Annotated[int, Ge(0), Option("Seed of the choice of images and pixels.")] = 0


@dataclass(frozen=True, kw_only=True)
class CalibrateOptions(ValidationData, ClassSet, Calibration, Bands, Units, Sources, Computation):
    """All options of `densa calibrate`."""


@dataclass(frozen=True, kw_only=True)
class Costs(Group, title="Comparison"):
    """Contents of the comparison, and the measurement of cost."""

    pictures: Annotated[int, Ge(0), Option("Images shown on the page.")] = 4
    cost_only: Annotated[bool, Option("Measure cost alone; needs no data.")] = False
    accuracy_only: Annotated[bool, Option("Measure accuracy alone.")] = False
    size: Annotated[
        tuple[int, int] | None,
        Option("Image whose cost is measured.", "px", "HxW", default="the first of the data, or 360x480", read=_size),
    ] = None
    bands: Annotated[int | None, Ge(1), Option("With cost_only: bands of the image.", default="3")] = None
    classes: Annotated[
        int | Literal["train", "all"] | None,
        Option(
            "With cost_only: number of classes; else those of a layout that has two sets, as Cityscapes.",
            metavar="N|train|all",
            default="11; train",
            read=_classes,
        ),
    ] = None
    batch: Annotated[int, Ge(1), Option("Images of the step whose training memory is measured.")] = 4
    repeats: Annotated[int, Ge(1), Option("Times are the least of this many runs.")] = 3


def _shares(value: Any) -> Any:
    """(0.1, 0.5, 1) or "0.1,0.5,1"."""
    parts = value.split(",") if isinstance(value, str) else [value] if isinstance(value, (int, float)) else value
    if parts is None or isinstance(parts, bool):
        return parts
    try:
        found = sorted(float(part) for part in parts)
    except (TypeError, ValueError):
        found = []
    if not found or not all(0 < part <= 1 for part in found) or len(set(found)) < len(found):
        raise ValueError(f"must be different shares of the training images, such as 0.1,0.25,0.5,1, got {value!r}")
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class Fractions(Group, title="Comparison"):
    """Learning curves."""

    fractions: Annotated[
        tuple[float, ...] | None,
        Option(
            "Train every method on these shares of the training images, and draw its learning curve.",
            metavar="0.1,0.25,0.5,1",
            default="all images, once",
            read=_shares,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class CompareOptions(Masks, Folding, Costs, Fractions, Intervals, Computation):
    """The options of `densa compare` beside those of training."""


@dataclass(frozen=True, kw_only=True)
class Products(Group, title="Outputs"):
    """Files beside the label map."""

    probabilities: Annotated[bool, Option("Also write a uint8 band per class: NAME.probabilities.tif.")] = False
    uncertainty: Annotated[
        bool,
        Option("Also write the entropy of the classes, 255 where all are equally probable: NAME.uncertainty.tif."),
    ] = False
    polygons: Annotated[
        str | None,
        Option(
            "Also write polygons: gpkg, geojson or fgb for NAME.gpkg beside every map, or a file for one image.",
            metavar="KIND|FILE",
        ),
    ] = None
    overlay: Annotated[bool, Option("Also lay the classes over the image: NAME.overlay.png.")] = False


@dataclass(frozen=True, kw_only=True)
class Refinement(Group, title="Model"):
    """Refinement of the model's probabilities."""

    crf: Annotated[bool, Option("Refine by the CRF that training with tune_crf chose.")] = False
    crf_parameters: Annotated[
        str | None,
        Option(
            "Refine by a published CRF: krahenbuhl-koltun, pydensecrf, deeplab-pytorch or deconvnet.", metavar="NAME"
        ),
    ] = None
    tta: Annotated[
        Literal["none", "flips", "all"],
        Option("Mean over the image and its flips, or flips and quarter turns (all)."),
    ] = "none"
    samples: Annotated[int, Ge(0), Option("Monte-Carlo passes with dropout; 0: none.")] = 0
    seed: Annotated[int, Ge(0), Option("Seed of the Monte-Carlo passes.")] = 0


@dataclass(frozen=True, kw_only=True)
class Blending(Group, title="Windows"):
    """Blended windows in place of exact tiles."""

    blend: Annotated[
        Literal["linear", "hann"] | None,
        Option("Blend windows of side tile_size that overlap by half, instead of computing exact tiles."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Windows(Blending, title="Windows"):
    """The part of the image that a pixel is computed from."""

    context: Annotated[
        Literal["exact", "paper"],
        Option("exact: tiles with their full context; paper: overlapping patches of the best size in training."),
    ] = "exact"
    patch_sizes: Annotated[int, Ge(1), Option("With context=paper: average over this many best sizes.")] = 1


@dataclass(frozen=True, kw_only=True)
class Tilings(Group, title="Windows"):
    """The two tilings that are compared."""

    tiles: Annotated[
        tuple[int, int] | None,
        Option("Sides of the two tilings.", "px", "A,B", default="256,384, to the stride", read=_two_sides),
    ] = None


@dataclass(frozen=True, kw_only=True)
class SeamsOptions(Images, Bands, Page, Units, Tilings, Blending, Computation):
    """All options of `densa seams`."""


@dataclass(frozen=True, kw_only=True)
class Shards(Group, title="Tiles, memory and workers"):
    """One prediction computed by several independent jobs."""

    shard: Annotated[
        str | None,
        Option(
            "Compute every N-th tile only (I from 0): one job of an array. The last to finish writes the map.",
            metavar="I/N",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class PredictOptions(
    Images, Bands, Page, Units, Products, PolygonShape, Refinement, Windows, Work, Shards, Computation
):
    """All options of `densa predict`."""


@dataclass(frozen=True, kw_only=True)
class RegionProducts(Group, title="Outputs"):
    """Files beside the regions."""

    outline: Annotated[Path | None, Option("Also write the image with outlines: a .png or .tif.")] = None
    boundaries: Annotated[Path | None, Option("Also write a .tif: 1 on both sides of every boundary.")] = None
    polygons: Annotated[Path | None, Option("Also write the regions as polygons: a .gpkg, .geojson or .fgb.")] = None
    statistics: Annotated[Path | None, Option("Also write a .csv: size, position and values of each region.")] = None


@dataclass(frozen=True, kw_only=True)
class SegmentOptions(RegionSettings, Images, Bands, Page, RegionProducts, Work):
    """All options of `densa regions`."""


@dataclass(frozen=True, kw_only=True)
class Examination(Group, title="Doctor"):
    """What is examined, and what comes of it."""

    model: Annotated[
        Path | None,
        Option(
            "Run or model folder that the data is for: its bands, classes and context; and labels that it doubts.",
            metavar="RUN",
            exists=True,
        ),
    ] = None
    folds: Annotated[
        int | None,
        Ge(2),
        Option("With a model: doubt labels by models like it, each trained on the other folds.", metavar="K"),
    ] = None
    fix: Annotated[
        Path | None, Option("Write a mended copy of the data into this folder, never in place.", metavar="OUT")
    ] = None
    strict: Annotated[bool, Option("Warnings count as errors.")] = False
    env: Annotated[bool, Option("Print versions, threads, libraries and free disk of this machine; needs no data.")] = (
        False
    )


@dataclass(frozen=True, kw_only=True)
class DoctorOptions(Examination, Folders, LabelReading, ClassSet, VectorLabels, LegendFile, Alignment, Bands, Sources):
    """All options of `densa doctor`."""
