"""The codes of what the doctor finds; docs/doctor.md lists the same table."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["CODES", "FIX", "Code"]

_SPLIT = "densa split DATA --by scene --folds 5 -o splits.json, then train with --split-file splits.json --fold 0"
FIX = "densa doctor DATA --fix OUT"
"""The command that writes a mended copy; DATA stands for the folder that was examined."""


class Code(NamedTuple):
    """What findings of one code have in common.

    Attributes:
        severity: unless a finding says otherwise.
        why: why it matters, in one sentence.
        mend: the command or option that mends it, unless a finding says otherwise.
        fixable: `densa doctor --fix OUT` mends it in a copy.
    """

    severity: Literal["error", "warning", "note"]
    why: str
    mend: str = FIX
    fixable: bool = True


CODES: dict[str, Code] = {
    # The folder
    "layout-unknown": Code(
        "error",
        "Without pairs of images and masks there is nothing to train on.",
        "name the folders: --images FOLDER --masks FOLDER, or the layout: --layout NAME",
        False,
    ),
    "split-empty": Code(
        "warning",
        "Training needs images that are not kept for testing.",
        "put images under train/, or make splits: densa split DATA -o splits.json",
        False,
    ),
    "split-invalid": Code(
        "error",
        "A list that names images which are not there leaves out others.",
        "correct the list of the split",
        False,
    ),
    # Pairs of files
    "mask-missing": Code("error", "An image without a mask cannot be trained on or scored.", f"{FIX} leaves it out"),
    "mask-extra": Code(
        "error",
        "A mask without an image is often one whose image has another name, and is lost for training.",
        f"name it like its image; {FIX} leaves it out",
    ),
    "name-ambiguous": Code(
        "error", "With several files for one image, chance decides which is used.", "keep one file of each name", False
    ),
    "pairs-odd": Code(
        "error",
        "Files that make no pair are lost for training, and may be those of another image.",
        "remove what is too much, or get what is missing",
        False,
    ),
    "name-case": Code(
        "warning",
        "Names that differ in case alone are one file on Windows and macOS, and other tools do not pair them.",
        f"{FIX} names masks like their images",
    ),
    # Files
    "file-empty": Code(
        "error", "A file of no bytes stops training where it is read.", f"get it anew; {FIX} leaves the pair out"
    ),
    "file-truncated": Code(
        "error",
        "The file is cut short: pixels are missing, and training stops where it is read.",
        f"copy or download it anew; {FIX} leaves the pair out",
    ),
    "file-corrupt": Code(
        "error",
        "A file that cannot be read stops training, and others may be damaged with it.",
        f"get it anew; {FIX} leaves the pair out",
    ),
    "extension-wrong": Code(
        "warning",
        "Programs that go by the name of a file refuse it or read it wrongly.",
        f"{FIX} names files by their format",
    ),
    # Images
    "bands-differ": Code("error", "A model takes the same bands of every image."),
    "type-differs": Code("error", "Values of another type have another range, and the model takes them for others."),
    "scale-differs": Code(
        "error",
        "The files declare their values in different units.",
        "write all images in one unit",
        False,
    ),
    "unit-differs": Code(
        "note",
        "Images in other units look empty or blinding to a model.",
        "write all images in one unit",
        False,
    ),
    "image-constant": Code(
        "warning", "An image of one value teaches nothing, whatever its mask says.", f"{FIX} leaves it out"
    ),
    "image-empty": Code("error", "An image without a valid pixel has nothing to learn from.", f"{FIX} leaves it out"),
    # Image and mask
    "size-differs": Code("error", "A mask must have a pixel for every pixel of its image."),
    "mask-transposed": Code("error", "Labels lie at the wrong pixels: rows and columns are exchanged."),
    "mask-turned": Code("error", "Labels lie at the wrong pixels: the mask is mirrored or turned against its image."),
    "mask-shifted": Code(
        "warning", "Labels lie beside what they name, which blurs borders and costs accuracy everywhere."
    ),
    "mask-is-image": Code(
        "error",
        "The file that should hold classes holds the picture itself.",
        f"put the mask in its place; {FIX} leaves the pair out",
    ),
    "georeference-differs": Code(
        "error",
        "By their coordinates, image and mask show different ground.",
        "--align resamples masks to the grid of their image; so does " + FIX,
    ),
    "crs-differs": Code(
        "warning",
        "Distances and areas of images in different reference systems are not comparable.",
        "warp them to one system: gdalwarp -t_srs EPSG:CODE IN.tif OUT.tif",
        False,
    ),
    # Codes of the masks
    "mask-type": Code(
        "error",
        "A mask holds one whole number, or one colour, for each pixel.",
        f"save it as a label image of one band; {FIX} leaves the pair out",
    ),
    "value-outside-legend": Code("error", "Training stops at a value or colour that no class has."),
    "off-by-one": Code(
        "error",
        "Counted from the other end, every pixel gets the class of its neighbour in the legend.",
        f"--mask-offset -1; or {FIX}",
    ),
    "zero-255": Code("error", "255 is read as not labelled, which leaves one class and nothing to tell it from."),
    "value-multiples": Code(
        "error", "Classes were spread over the range of grey values to be seen, and must be read back."
    ),
    "value-stretched": Code(
        "error", "Classes were stretched over the range of 16 bits when the masks were saved, and must be read back."
    ),
    "instance-ids": Code(
        "error",
        "Numbers of objects are not classes: the same number means another thing in every image.",
        "--instances trains background and object from them",
    ),
    "colours-mixed": Code(
        "error",
        "Lossy compression and anti-aliasing mix colours at borders; every mixture would be a class of its own.",
        f"{FIX} gives every pixel the nearest class",
    ),
    "mask-lossy": Code(
        "error",
        "Lossy compression alters the values at the borders of classes.",
        f"save the masks anew as PNG or TIFF; {FIX} gives every pixel the nearest class",
    ),
    "colours-swapped": Code(
        "error", "Red and blue are exchanged (OpenCV writes BGR), so that no colour is the one of its class."
    ),
    "colours-greyed": Code(
        "error", "Colours that were converted to grey are neither the colours nor the indices of the legend."
    ),
    "palettes-differ": Code("error", "The same number means another class in another file."),
    "coding-mixed": Code("error", "Some masks code the classes otherwise than others, which gives wrong labels."),
    "nodata-in-mask": Code("warning", "Pixels that a mask declares as nodata are not trained on."),
    "masks-equal": Code(
        "error",
        "The same mask for different images cannot be right for more than one.",
        "put the masks of the images in their place",
        False,
    ),
    "mask-copied": Code(
        "warning",
        "A mask that was copied to another image labels it wrongly.",
        f"put the mask of the image in its place; {FIX} leaves the copies out",
    ),
    # Classes
    "one-class": Code(
        "error",
        "A model trained on one class learns to answer it always.",
        "label at least two classes, and name every value in a legend",
        False,
    ),
    "class-absent": Code(
        "warning",
        "A class that a split lacks is not learnt, or not scored.",
        "densa split DATA --stratify classes -o splits.json",
        False,
    ),
    "class-rare": Code(
        "warning",
        "A class with so few pixels is drowned by the others.",
        "--class-weights median-frequency, or --sampling balanced",
        False,
    ),
    "nothing-labelled": Code(
        "warning", "A mask without a label adds time to training and nothing else.", f"{FIX} leaves the pair out"
    ),
    "ignored-share": Code(
        "warning",
        "Most pixels have no label: scores rest on the few that have one.",
        "label more of them, or check what --ignore and the legend leave out",
        False,
    ),
    # Leaks between splits
    "leak-copy": Code(
        "error",
        "An image that was trained on is learnt by heart: scores on its copy mislead.",
        _SPLIT,
        False,
    ),
    "leak-near-copy": Code(
        "error",
        "A scaled, compressed, mirrored or turned copy of a training image tells nothing of new images.",
        _SPLIT,
        False,
    ),
    "leak-overlap": Code(
        "error",
        "Pixels that were trained on are scored again where tiles of two splits overlap.",
        _SPLIT,
        False,
    ),
    "leak-adjacent": Code(
        "warning",
        "Tiles of one scene resemble each other more than new scenes will: scores are too good.",
        _SPLIT,
        False,
    ),
    "leak-scene": Code(
        "warning",
        "Images of one scene resemble each other more than new scenes will: scores are too good.",
        _SPLIT,
        False,
    ),
    # Legends
    "legend-invalid": Code("error", "Without its legend, the classes of the masks have no names, or wrong ones."),
    "legend-ignores-class": Code(
        "warning",
        "The legend names a class and ignores its index or colour: the class is not trained.",
        'take the index out of "ignore", or the class out of the legend',
        False,
    ),
    "void-class": Code(
        "warning",
        "Pixels that nobody labelled would be learnt as a class.",
        "--ignore VALUE",
    ),
    # Labels that are geometries
    "geometry-invalid": Code(
        "warning",
        "Polygons that cross themselves or are empty may cover other pixels than was meant.",
        "ogr2ogr -makevalid OUT IN",
        False,
    ),
    # With a model
    "label-doubtful": Code(
        "note",
        "Where a model that has not seen an image is sure of another class, the label is often wrong.",
        "look at the first of label_images.csv and label_regions.csv, and correct what is wrong",
        False,
    ),
    "label-confused": Code(
        "note",
        "Classes that annotators confuse cannot be told apart by a model either.",
        "agree on a rule for these classes, and label them anew; or make them one class",
        False,
    ),
    "label-seen": Code(
        "note",
        "A model repeats the labels that it was trained on, also the wrong ones.",
        "densa doctor DATA --model RUN --folds 5 trains models that have not seen the images they judge",
        False,
    ),
    "model-bands": Code(
        "error", "The model takes other bands than the images have.", "--bands chooses the bands to be read", False
    ),
    "model-classes": Code(
        "error",
        "The classes of the model are not those of the data, so that no score means anything.",
        "give the legend of the run, or train anew",
        False,
    ),
    "objects-large": Code(
        "warning",
        "The model sees only a part of an object at once.",
        "a larger --patch-size, or a model of larger context, see densa info MODEL",
        False,
    ),
    "objects-small": Code(
        "warning",
        "Objects smaller than the stride of the model disappear in it.",
        "a model with finer output (unet), or images of higher resolution",
        False,
    ),
}
"""Severity, reason and mend of each code; codes are stable, so that programs can rely on them."""
