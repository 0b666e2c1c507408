"""Results of verbs: label maps and regions, as arrays with their classes and georeference."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.legend import IGNORE, Legend
from densa.raster import Georeference, write_bands, write_label_map

if TYPE_CHECKING:
    import xarray

__all__ = ["LabelMap", "Regions"]

_SHOWN_PX = 480


@dataclass(frozen=True, eq=False)
class LabelMap:
    """A label map in memory; NumPy functions accept it as the array of its labels.

    Attributes:
        labels: (h, w) uint8 class of each pixel, 255 where there is none.
        legend: names and colours of the classes.
        confidence: (h, w) float32 probability of the label, 0 where there is none; None where unknown.
        georeference: None for photographs and micrographs.

    Examples:
        >>> import numpy as np
        >>> from densa import LabelMap, Legend
        >>> found = LabelMap(np.array([[0, 1], [1, 255]], np.uint8), Legend(("ground", "roof")))
        >>> found.counts()
        {'ground': 1, 'roof': 2}
        >>> np.asarray(found).shape
        (2, 2)
    """

    labels: NDArray[np.uint8]
    legend: Legend
    confidence: NDArray[np.float32] | None = None
    georeference: Georeference | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.labels.shape
        return height, width

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return _as_array(self.labels, dtype, copy)

    def counts(self) -> dict[str, int]:
        """Pixels of each class, by its name."""
        found = np.bincount(self.labels.ravel(), minlength=256)
        return {name: int(found[k]) for k, name in enumerate(self.legend.class_names)}

    def save(self, path: Path | str, *, overwrite: bool = False) -> None:
        """Write a .png or .tif with colours, class names and georeference.

        Raises:
            InputError: another suffix, or a file that exists.
        """
        write_label_map(path, self.labels, self.legend, like=self.georeference, overwrite=overwrite)

    def to_xarray(self) -> xarray.DataArray:
        """As an `xarray.DataArray` with the attributes that rioxarray reads.

        Raises:
            InputError: xarray is not installed.
        """
        names = {"class_names": list(self.legend.class_names)}
        return _to_xarray(self.labels, self.georeference, {**names, "_FillValue": IGNORE}, "labels")

    def __repr__(self) -> str:
        counts = ", ".join(f"{name} {n}" for name, n in self.counts().items() if n)
        return f"LabelMap of {self.shape[0]} x {self.shape[1]} pixels: {counts or 'none labelled'}"

    def _repr_html_(self) -> str:
        """A thumbnail with the legend, for notebooks."""
        palette = self.legend.palette()
        palette[IGNORE] = 255
        total = max(1, self.labels.size)
        rows = [(_hex(palette[k]), name, n / total) for k, (name, n) in enumerate(self.counts().items()) if n]
        return _picture(self.labels, palette, rows, repr(self).partition(":")[0])


@dataclass(frozen=True, eq=False)
class Regions:
    """Regions of an image in memory; NumPy functions accept them as the array of their numbers.

    Attributes:
        numbers: (h, w) int32 region of each pixel from 1, 0 where there is none.
        method: name of the method.
        georeference: None for photographs and micrographs.

    Examples:
        >>> import numpy as np
        >>> from densa import Regions
        >>> Regions(np.array([[1, 1], [2, 0]], np.int32), "slic").count
        2
    """

    numbers: NDArray[np.int32]
    method: str
    georeference: Georeference | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.numbers.shape
        return height, width

    @property
    def count(self) -> int:
        """Number of regions."""
        return int(self.numbers.max(initial=0))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return _as_array(self.numbers, dtype, copy)

    def save(self, path: Path | str, *, overwrite: bool = False) -> None:
        """Write a .tif of int32 numbers with the georeference.

        Raises:
            InputError: another suffix, or a file that exists.
        """
        names = ["region"]
        write_bands(path, self.numbers[None], like=self.georeference, band_names=names, nodata=0, overwrite=overwrite)

    def to_xarray(self) -> xarray.DataArray:
        """As an `xarray.DataArray` with the attributes that rioxarray reads.

        Raises:
            InputError: xarray is not installed.
        """
        return _to_xarray(self.numbers, self.georeference, {"_FillValue": 0}, "regions")

    def __repr__(self) -> str:
        return f"Regions of {self.shape[0]} x {self.shape[1]} pixels: {self.count} by {self.method}"

    def _repr_html_(self) -> str:
        """A thumbnail in which neighbours differ in colour, for notebooks."""
        palette = np.random.default_rng(0).integers(60, 236, (256, 3)).astype(np.uint8)
        palette[0] = 255
        scattered = np.where(self.numbers == 0, 0, 1 + self.numbers.astype(np.int64) * 97 % 255).astype(np.uint8)
        return _picture(scattered, palette, [], repr(self))


def _as_array(values: NDArray[Any], dtype: Any, copy: bool | None) -> NDArray[Any]:
    if dtype is None or np.dtype(dtype) == values.dtype:
        return values.copy() if copy else values
    if copy is False:
        raise ValueError(f"an array of {dtype} needs a copy of the {values.dtype} values")
    return values.astype(dtype)


def _to_xarray(
    values: NDArray[Any], georeference: Georeference | None, attributes: dict[str, Any], name: str
) -> xarray.DataArray:
    try:
        import xarray
    except ImportError as error:
        raise InputError("xarray is not installed; pip install 'densa[xarray]'") from error
    height, width = values.shape
    if georeference is None:
        return xarray.DataArray(values, dims=("y", "x"), attrs=attributes, name=name)
    t = georeference.transform
    coordinates: dict[str, Any] = {}
    if t.b == t.d == 0:  # rows and columns lie along the axes
        coordinates = {"y": t.f + t.e * (np.arange(height) + 0.5), "x": t.c + t.a * (np.arange(width) + 0.5)}
    place = {"GeoTransform": " ".join(map(repr, (t.c, t.a, t.b, t.f, t.d, t.e)))}
    if georeference.crs is not None:
        place |= {"crs_wkt": georeference.crs.to_wkt(), "spatial_ref": georeference.crs.to_wkt()}
    coordinates["spatial_ref"] = xarray.DataArray(0, attrs=place)
    attributes = {**attributes, "grid_mapping": "spatial_ref"}
    return xarray.DataArray(values, coords=coordinates, dims=("y", "x"), attrs=attributes, name=name)


def _hex(color: NDArray[np.uint8]) -> str:
    return "#" + bytes(color).hex()


def _picture(
    values: NDArray[np.uint8], palette: NDArray[np.uint8], rows: list[tuple[str, str, float]], caption: str
) -> str:
    from densa.reports.pictures import png_uri
    from densa.reports.thumbnails import shrink_labels, thumbnail_size

    small = shrink_labels(values, thumbnail_size(values.shape, _SHOWN_PX))
    entries = "".join(
        f'<div><span style="display:inline-block;width:1em;height:1em;background:{color};border:1px solid #999;'
        f'vertical-align:-0.15em"></span> {html.escape(name)} <span style="opacity:0.7">{share:.1%}</span></div>'
        for color, name, share in rows
    )
    return (
        f'<figure style="margin:0"><div style="display:flex;gap:1em;flex-wrap:wrap">'
        f'<img src="{png_uri(small, palette)}" alt="{html.escape(caption)}" style="max-width:100%">'
        f"<div>{entries}</div></div><figcaption>{html.escape(caption)}</figcaption></figure>"
    )
