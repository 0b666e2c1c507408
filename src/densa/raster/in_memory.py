"""Arrays as images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densa.errors import InputError
from densa.raster.bands import Band, bands_named
from densa.raster.raster import Georeference, Raster, ValuesAndValidity, Window
from densa.raster.validity import Missing, missing_values

__all__ = ["ArrayRaster", "from_array", "georeference_of"]


class ArrayRaster(Raster):
    """An image in memory; it has no file, and what opens images by their path cannot open it.

    `named` is False where the names of the bands are only those that such an image usually has.
    """

    def __init__(
        self,
        values: NDArray[Any],
        valid: NDArray[np.bool_],
        band_names: tuple[str, ...],
        georeference: Georeference | None,
        missing: Sequence[Missing] | None = None,
        *,
        named: bool = True,
    ) -> None:
        _, height, width = values.shape
        bands = bands_named(band_names) if named else (Band("", scale=None, offset=None),) * len(values)
        super().__init__(
            Path("array"),
            height,
            width,
            values.dtype,
            band_names,
            bands=bands,
            georeference=georeference,
            missing=missing,
        )
        self._values, self._valid = values, valid

    def _load(self, window: Window, bands: Sequence[int]) -> ValuesAndValidity:
        rows = slice(window.row, window.row + window.height)
        columns = slice(window.column, window.column + window.width)
        valid = self._valid[rows, columns]
        own: NDArray[np.bool_] = valid.copy() if valid.ndim == 2 else np.all(valid[:, :, list(bands)], axis=2)
        return np.stack([self._values[b, rows, columns] for b in bands]), own

    def close(self) -> None:
        """Nothing is held open."""


def from_array(
    image: ArrayLike,
    *,
    valid: NDArray[np.bool_] | None = None,
    nodata: float | Sequence[float] | None = None,
    band_names: Sequence[str] = (),
    georeference: Georeference | None = None,
) -> ArrayRaster:
    """An image in memory as a raster.

    Args:
        image: (h, w) or (h, w, bands) integers or real numbers; not copied. Masked pixels of a `numpy.ma` array are
            invalid where their band is read.
        valid: (h, w), False where there is no data; None: everywhere valid. NaN is never valid.
        nodata: value that means "no data", of all bands or of each; None: there is none.
        band_names: a name per band, by which a model's bands are found; by default, only shown, red, green, blue (3
            bands of uint8), grey (1 band) or "band 1", ...
        georeference: of the image.

    Raises:
        InputError: another shape or type, more than 256 bands, or names that do not fit.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> image = raster.from_array(np.zeros((4, 6, 3), np.uint8))
        >>> image.height, image.width, image.band_names
        (4, 6, ('red', 'green', 'blue'))
    """
    masked = np.ma.getmaskarray(image) if np.ma.isMaskedArray(image) else None
    array = np.asarray(image)
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise InputError(f"image must be (height, width) or (height, width, bands), got shape {array.shape}")
    if array.dtype.kind not in "buif":
        raise InputError(f"image must hold integers or real numbers, got {array.dtype}")
    values = array[None] if array.ndim == 2 else np.moveaxis(array, -1, 0)
    if len(values) > 256:
        raise InputError(f"image must have at most 256 bands, got shape {array.shape}; is it (bands, height, width)?")
    values = values.view(np.uint8) if values.dtype == np.bool_ else values
    inside = np.ones(array.shape[:2], bool) if valid is None else np.asarray(valid)
    if inside.shape != array.shape[:2] or inside.dtype != np.bool_:
        raise InputError(f"valid must be booleans of shape {array.shape[:2]}, got {inside.dtype} of {inside.shape}")
    if masked is not None:
        inside = inside[:, :, None] & ~masked.reshape(*array.shape[:2], -1)
    names = tuple(band_names) or _names(values)
    if len(names) != len(values):
        raise InputError(f"band_names must be {len(values)} names, one per band, got {len(names)}")
    declared = list(nodata) if isinstance(nodata, Sequence) else [nodata] * len(values)
    if len(declared) != len(values):
        raise InputError(f"nodata must be one value, or one for each of {len(values)} bands, got {len(declared)}")
    missing = [missing_values(value, values.dtype) for value in declared]
    return ArrayRaster(values, inside, names, georeference, missing, named=bool(band_names))


def _names(values: NDArray[Any]) -> tuple[str, ...]:
    if len(values) == 1:
        return ("grey",)
    if len(values) == 3 and values.dtype == np.uint8:
        return ("red", "green", "blue")
    return tuple(f"band {i + 1}" for i in range(len(values)))


def georeference_of(crs: str | None, geotransform: Sequence[float]) -> Georeference:
    """A georeference of a coordinate system as WKT or "EPSG:4326", and GDAL's six numbers of a geotransform.

    Raises:
        InputError: not six numbers, or an unknown coordinate system.
    """
    from affine import Affine
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    if len(geotransform) != 6:
        raise InputError(f"a geotransform must be six numbers, got {len(geotransform)}")
    try:
        system = None if crs is None else CRS.from_user_input(crs)
    except CRSError as error:
        raise InputError(f"the coordinate reference system cannot be read: {error}") from error
    return Georeference(system, Affine.from_gdal(*geotransform))
