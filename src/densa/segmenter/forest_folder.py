"""Model folder of a shallow method: trees as arrays in `model.safetensors`, the rest in `model.json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, JsonValue
from safetensors.numpy import save_file

from densa.errors import InputError
from densa.legend import Legend
from densa.segmenter.contract import BandContract
from densa.segmenter.folder_files import (
    CHECK_BLOCK,
    CHECK_EXPECTED,
    CHECK_SIZE,
    DESCRIPTION,
    WEIGHTS,
    BandsFile,
    Strict,
    check_values,
    naming_file,
    opened_weights,
    plain_json,
    read_description,
    write_files,
)
from densa.segmenter.forest import ForestSegmenter
from densa.shallow import PixelFeatures, RegionFeatures, ShallowModel, Trees

__all__ = ["ForestDescription", "load_forest", "read_forest", "save_forest"]

FORMAT = "densa-forest"
LARGEST_TREES = 8 * 2**30  # bytes
_TOLERANCE = 1e-3  # of a probability: a feature on a threshold may fall to the other side on another processor, ...
_FEW = 0.02  # ... for this share of the pixels


@dataclass(frozen=True)
class ForestDescription:
    """Contents of `model.json` for a shallow model.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, segmenter, shallow
        >>> values = np.arange(256, dtype=np.float32)[:, None]
        >>> trees = shallow.fit_trees(values, values[:, 0] >= 100, 2, n_trees=3)
        >>> model = shallow.ShallowModel(shallow.PixelFeatures(("bands",)), trees, np.ones(2), n_bands=1)
        >>> legend, bands = Legend(("dark", "bright")), segmenter.BandContract(1)
        >>> segmenter.save_forest("forest", model, "pixel-forest", legend, bands)
        >>> found = segmenter.read_forest("forest")
        >>> found.method, found.n_trees, found.legend.class_names
        ('pixel-forest', 3, ('dark', 'bright'))
    """

    method: str
    legend: Legend
    bands: BandContract
    features: PixelFeatures | RegionFeatures
    combine: str
    factors: tuple[float, ...]
    halo: int
    stride: int
    n_trees: int
    n_nodes: int
    training: dict[str, Any]


class _ForestFile(Strict):
    format: Literal["densa-forest"]
    version: Literal[1]
    method: str = Field(max_length=200)
    legend: dict[str, JsonValue]
    bands: BandsFile
    features: dict[str, JsonValue]
    regions: dict[str, JsonValue] | None
    combine: Literal["mean", "softmax", "patches"]
    factors: tuple[float, ...] = Field(min_length=2, max_length=254)
    n_trees: int = Field(ge=1)
    n_nodes: int = Field(ge=1)
    training: dict[str, JsonValue]
    crf: dict[str, JsonValue] | None = None  # see `densa.segmenter.store_crf`
    calibration: dict[str, JsonValue] | None = None  # see `densa.segmenter.store_calibration`


def save_forest(
    folder: Path | str,
    model: ShallowModel,
    method: str,
    legend: Legend,
    bands: BandContract,
    *,
    training: dict[str, Any] | None = None,
) -> None:
    """Write the model folder of a shallow model, over an existing model; each file appears whole or not at all.

    Args:
        folder: made where it is missing; other files in it stay.
        model: features and trees.
        method: its name.
        legend: its classes.
        bands: its input contract.
        training: the training record, values that JSON can hold.

    Raises:
        InputError: the folder cannot be written, or `training` cannot be stored as JSON.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, segmenter, shallow
        >>> values = np.arange(256, dtype=np.float32)[:, None]
        >>> trees = shallow.fit_trees(values, values[:, 0] >= 100, 2, n_trees=3)
        >>> model = shallow.ShallowModel(shallow.PixelFeatures(("bands",)), trees, np.ones(2), n_bands=1)
        >>> legend, bands = Legend(("dark", "bright")), segmenter.BandContract(1)
        >>> segmenter.save_forest("forest", model, "pixel-forest", legend, bands)
        >>> segmenter.model_format("forest")
        'densa-forest'
    """
    folder = Path(folder)
    segmenter = ForestSegmenter(model, legend, bands)
    regions = model.features.to_config() if isinstance(model.features, RegionFeatures) else None
    pixels = model.features.pixels if isinstance(model.features, RegionFeatures) else model.features
    content = {
        "format": FORMAT,
        "version": 1,
        "method": method,
        "legend": legend.to_dict(),
        "bands": asdict(bands),
        "features": pixels.to_config(),
        "regions": regions,
        "combine": model.trees.combine,
        "factors": model.factors.tolist(),
        "n_trees": model.trees.n_trees,
        "n_nodes": len(model.trees.feature),
        "training": training or {},
    }
    text = plain_json(content, _ForestFile)
    block = _check_block(bands)
    arrays = {**model.trees.arrays(), CHECK_BLOCK: block, CHECK_EXPECTED: segmenter.probabilities(block)}
    write_files(folder, text, lambda path: save_file(arrays, path))


def read_forest(folder: Path | str) -> ForestDescription:
    """The description in the model folder of a shallow model; the trees are not read.

    Raises:
        InputError: there is no such folder, or its description is damaged.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, segmenter, shallow
        >>> values = np.arange(256, dtype=np.float32)[:, None]
        >>> trees = shallow.fit_trees(values, values[:, 0] >= 100, 2, n_trees=3)
        >>> model = shallow.ShallowModel(shallow.PixelFeatures(("bands",)), trees, np.ones(2), n_bands=1)
        >>> legend, bands = Legend(("dark", "bright")), segmenter.BandContract(1)
        >>> segmenter.save_forest("forest", model, "pixel-forest", legend, bands)
        >>> segmenter.read_forest("forest").features.sets
        ('bands',)
    """
    folder = Path(folder)
    path, content = folder / DESCRIPTION, read_description(folder, _ForestFile, "a forest")
    with naming_file(path):
        legend = Legend.from_dict(content.legend)
        bands = BandContract(**content.bands.model_dump())
        pixels = PixelFeatures.from_config(content.features)
        features: PixelFeatures | RegionFeatures = pixels
        if content.regions is not None:
            features = RegionFeatures.from_config(pixels, _tuples(content.regions))
        features.names(bands.n_bands)
    stride = features.step if isinstance(features, RegionFeatures) else 1
    return ForestDescription(
        content.method,
        legend,
        bands,
        features,
        content.combine,
        content.factors,
        -(-features.halo // stride) * stride,
        stride,
        content.n_trees,
        content.n_nodes,
        dict(content.training),
    )


def load_forest(folder: Path | str) -> ForestSegmenter:
    """The segmenter of a shallow model's folder, tested on the block that was stored with it; without scikit-learn.

    Raises:
        InputError: no such folder, a description or trees that are damaged, or another result on the test block.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, segmenter, shallow
        >>> values = np.arange(256, dtype=np.float32)[:, None]
        >>> trees = shallow.fit_trees(values, values[:, 0] >= 100, 2, n_trees=3)
        >>> model = shallow.ShallowModel(shallow.PixelFeatures(("bands",)), trees, np.ones(2), n_bands=1)
        >>> legend, bands = Legend(("dark", "bright")), segmenter.BandContract(1)
        >>> segmenter.save_forest("forest", model, "pixel-forest", legend, bands)
        >>> segmenter.load_forest("forest").legend.class_names
        ('dark', 'bright')
    """
    folder = Path(folder)
    description = read_forest(folder)
    arrays = _arrays(folder / WEIGHTS, description)
    n_features = len(description.features.names(description.bands.n_bands))
    try:
        trees = Trees.from_arrays(arrays, n_features, description.legend.n_classes, description.combine)
        model = ShallowModel(description.features, trees, np.array(description.factors), description.bands.n_bands)
        segmenter = ForestSegmenter(model, description.legend, description.bands)
    except InputError as error:
        raise InputError(f"{folder}: {error}") from error
    with np.errstate(all="ignore"):  # a damaged block may hold anything
        found = segmenter.probabilities(arrays[CHECK_BLOCK])
        difference = np.abs(found - arrays[CHECK_EXPECTED]).max(axis=0)
    if not (difference <= _TOLERANCE).mean() >= 1 - _FEW:
        raise InputError(
            f"{folder}: the model's test block gives probabilities that differ by {difference.max():.3g} from those "
            "stored with it; the files were changed or belong to another version of densa"
        )
    return segmenter


def _check_block(bands: BandContract) -> NDArray[Any]:
    """A block about as bright as the training images, of their data type."""
    values, dtype = check_values(bands), np.dtype(bands.dtype)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        # The limits of 64-bit integers have no exact float; no image needs the last few values.
        values = np.clip(np.rint(values), float(limits.min), np.nextafter(float(limits.max), 0))
    return np.ascontiguousarray(values.astype(dtype if dtype.kind in "iu" else np.float32))


def _tuples(config: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in config.items()}


def _arrays(path: Path, description: ForestDescription) -> dict[str, NDArray[Any]]:
    """The arrays of a file, whose sizes are checked against the description before any is read."""
    size = (description.legend.n_classes, *CHECK_SIZE)
    shapes: dict[str, tuple[int, ...]] = {
        **dict.fromkeys(("feature", "threshold", "child"), (description.n_nodes,)),
        "starts": (description.n_trees + 1,),
        "classes": (description.n_trees if description.combine == "softmax" else 0,),
        "baseline": (description.legend.n_classes if description.combine == "softmax" else 0,),
        CHECK_BLOCK: (description.bands.n_bands, *CHECK_SIZE),
        CHECK_EXPECTED: size,
    }
    with opened_weights(path, "numpy") as file:
        if path.stat().st_size > LARGEST_TREES:
            raise InputError(f"{path} has {path.stat().st_size} bytes, at most {LARGEST_TREES} are read")
        _check_header(path, file, shapes)
        return {name: file.get_tensor(name) for name in (*shapes, "values")}


def _check_header(path: Path, file: Any, shapes: dict[str, tuple[int, ...]]) -> None:
    stored = set(file.keys())
    if wrong := sorted(stored ^ {*shapes, "values"}):
        what = "has also" if wrong[0] in stored else "lacks"
        raise InputError(f"{path} does not hold trees of densa: it {what} {wrong[0]}")
    for name, shape in shapes.items():
        found = tuple(file.get_slice(name).get_shape())
        if found != shape:
            raise InputError(f"{path}: {name} has the shape {found}, it must be {shape}")
    if len(file.get_slice("values").get_shape()) != 2:
        raise InputError(f"{path}: values must be a table, a row per leaf")
