"""The interface of image files of all formats."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.machine import memory_bytes
from densa.raster.bands import Band, bands_named
from densa.raster.mirroring import mirrored
from densa.raster.validity import Missing, differs_from_key, holds_data

__all__ = ["Georeference", "Placement", "Raster", "ValuesAndValidity", "Window"]

ValuesAndValidity = tuple[NDArray[Any], NDArray[np.bool_]]
"""(bands, h, w) values, and (h, w) bool: True where they are valid."""


class Window(NamedTuple):
    """A rectangle of pixels; it may reach outside the image where a border is requested.

    Examples:
        >>> from densa import raster
        >>> window = raster.Window(row=2, column=1, height=2, width=3)
        >>> list(range(window.column, window.column + window.width))
        [1, 2, 3]
    """

    row: int
    column: int
    height: int
    width: int


@dataclass(frozen=True)
class Georeference:
    """Position of a raster on the Earth: coordinate reference system and affine pixel-to-map transform.

    Examples:
        >>> import numpy as np
        >>> from affine import Affine
        >>> from rasterio.crs import CRS
        >>> from densa import raster
        >>> transform = Affine(0.5, 0, 500_000, 0, -0.5, 5_200_000)  # pixels of half a metre
        >>> place = raster.Georeference(CRS.from_epsg(32632), transform)
        >>> raster.write_bands("scene.tif", np.zeros((3, 4, 6), np.uint8), like=place)
        >>> with raster.open("scene.tif") as scene:
        ...     scene.georeference == place
        True
    """

    crs: Any  # rasterio's CRS, None if the file gives the transform only
    transform: Any  # an Affine


class Placement(NamedTuple):
    """All that a file says about its position on the Earth."""

    georeference: Georeference | None = None
    ground_control: tuple[Sequence[Any], Any] = ((), None)
    rpcs: Any = None

    @property
    def is_placed(self) -> bool:
        """Whether it says anything."""
        return self.georeference is not None or bool(self.ground_control[0]) or self.rpcs is not None


class Raster(ABC):
    """An image, or one page of a stack, that is read by windows; a context manager, returned by `open`.

    `read` is thread-safe.

    Attributes:
        path: the file, as it was named; `absolute_path`: the same, in whatever folder the program is later.
        height, width: size in pixels, EXIF orientation applied.
        dtype: type of the values, as stored.
        band_names: one name per band; alpha does not count as a band.
        bands: what is known of each band: name, colour, wavelength, scale.
        georeference: None for photographs and micrographs.
        n_pages: number of images in the file, from which `open(path, page=...)` chooses.
        metadata: text fields of the file.
        ground_control: ground control points (often none) and their coordinate reference system.
        rpcs: rational polynomial coefficients, None if the file has none.
        remarks: what was decided in reading the file, a line each, for the user.
        missing: of each band, the values that mean "no data".
        key: values of all bands that together mean "no data"; None where there are none.
        loss: name of the compression, where it altered the values; None where it kept them.
        white_is_zero: 0 is shown white.
        has_alpha: a band of the file is alpha.

    Examples:
        >>> import numpy as np
        >>> from densa import raster
        >>> raster.write_bands("image.tif", np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
        >>> with raster.open("image.tif") as image:
        ...     values, valid = image.read(raster.Window(row=0, column=1, height=2, width=2), bands=[1])
        >>> values
        array([[[1, 2],
                [5, 6]]], dtype=uint8)
    """

    def __init__(
        self,
        path: Path,
        height: int,
        width: int,
        dtype: np.dtype[Any],
        band_names: tuple[str, ...],
        *,
        bands: Sequence[Band] = (),
        georeference: Georeference | None = None,
        n_pages: int = 1,
        metadata: Mapping[str, str] | None = None,
        missing: Sequence[Missing] | None = None,
        key: Sequence[int | float] | None = None,
    ) -> None:
        self.path = path
        place = Path(path) if isinstance(path, str) else path  # URLs, assets and files of bands stay what they are
        self.absolute_path = place.absolute()
        self.height = height
        self.width = width
        self.dtype = dtype
        self.band_names = band_names
        self.bands = tuple(bands) or bands_named(band_names, described=False)
        self.georeference = georeference
        self.n_pages = n_pages
        self.metadata = dict(metadata or {})
        self.missing: tuple[Missing, ...] = ((),) * len(band_names) if missing is None else tuple(missing)
        self.key = None if key is None else tuple(key)
        self.loss: str | None = None
        self.white_is_zero = False
        self.has_alpha = False
        self.ground_control: tuple[Sequence[Any], Any] = ((), None)
        self.rpcs: Any = None
        self.remarks: tuple[str, ...] = ()

    @property
    def is_placed(self) -> bool:
        """Whether the file says where the image is on the Earth: by a georeference, control points or coefficients."""
        return Placement(self.georeference, self.ground_control, self.rpcs).is_placed

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that the raster is read from: masks, world files and sources of a VRT are among them."""
        return (self.path,)

    @property
    def n_bands(self) -> int:
        """Number of bands, without alpha."""
        return len(self.band_names)

    def read(
        self, window: Window | None = None, *, bands: Sequence[int] | None = None, border: str = "none"
    ) -> ValuesAndValidity:
        """Read the values of a window, and which of its pixels are valid.

        Args:
            window: the part to read; None for the whole image.
            bands: numbers of the bands to read, from 1 as in GDAL and QGIS; None for all.
            border: values outside the image: "none" (the window must lie inside), "mirror" (reflected without
                repeating the edge pixel, repeatedly if necessary) or "zero" (0, invalid).

        Returns:
            (bands, h, w) array of `dtype`, which the caller may change, and (h, w) bool: False where a band that was
            read is nodata, NaN or infinite, or a mask or alpha marks missing data.

        Raises:
            InputError: the window or a band does not exist, or the file is damaged.
        """
        window = Window(0, 0, self.height, self.width) if window is None else Window(*window)
        chosen = range(self.n_bands) if bands is None else [b - 1 for b in bands]
        if not chosen or any(not 0 <= b < self.n_bands for b in chosen):
            raise InputError(f"bands of {self.path} must be in 1..{self.n_bands}, got {list(bands or [])}")
        if window.height < 1 or window.width < 1:
            raise InputError(f"window must have at least 1 x 1 pixel, got {window.height} x {window.width}")
        self._check_memory(window, len(chosen))
        if border == "none":
            inside = window.row >= 0 and window.column >= 0
            inside &= window.row + window.height <= self.height and window.column + window.width <= self.width
            if not inside:
                raise InputError(
                    f"{window} must lie inside {self.path} ({self.height} x {self.width} pixels);"
                    ' border="mirror" or "zero" reads beyond'
                )
            return self._checked(*self._data(window, chosen), chosen)
        if border == "mirror":
            return self._checked(*self._read_mirrored(window, chosen), chosen)
        if border == "zero":
            return self._checked(*self._read_padded(window, chosen), chosen)
        raise InputError(f'border must be "none", "mirror" or "zero", got {border!r}')

    @abstractmethod
    def _load(self, window: Window, bands: Sequence[int]) -> ValuesAndValidity:
        """Values of a window inside the image, and where no mask or alpha hides them, in new arrays.

        `bands` count from 0. What values mean "no data" is left to `read`, which knows `missing` and `key`.
        """

    @abstractmethod
    def close(self) -> None:
        """Release the file; a later read opens it again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_memory(self, window: Window, n_bands: int) -> None:
        """Refuse a window that the memory cannot hold, before a damaged or hostile header leads to its allocation."""
        n_bytes = window.height * window.width * (n_bands * self.dtype.itemsize + 1)
        memory = memory_bytes()
        if n_bytes > memory:
            raise InputError(
                f"{self.path}: {n_bands} bands of {window.height} x {window.width} pixels need"
                f" {n_bytes / 2**30:.0f} GiB, this process may use {memory / 2**30:.1f}; read it in tiles"
            )

    def leave_missing(self) -> tuple[tuple[Missing, ...], tuple[int | float, ...] | None]:
        """`missing` and `key`, which from now on are the caller's task: `read` takes all values for data."""
        found = self.missing, self.key
        self.missing, self.key = ((),) * self.n_bands, None
        return found

    def _data(self, window: Window, bands: Sequence[int]) -> ValuesAndValidity:
        """As `_load`, without the pixels of the key colour, which is a colour of all bands."""
        if self.key is None:
            return self._load(window, bands)
        values, valid = self._load(window, range(self.n_bands))
        valid &= differs_from_key(values, self.key)
        return values[list(bands)], valid

    def _checked(self, values: NDArray[Any], valid: NDArray[np.bool_], bands: Sequence[int]) -> ValuesAndValidity:
        holds_data(values, [self.missing[b] for b in bands], valid)
        return values, valid

    def _read_mirrored(self, window: Window, bands: Sequence[int]) -> ValuesAndValidity:
        rows = mirrored(np.arange(window.row, window.row + window.height), self.height)
        columns = mirrored(np.arange(window.column, window.column + window.width), self.width)
        top, left = int(rows.min()), int(columns.min())
        source = Window(top, left, int(rows.max()) - top + 1, int(columns.max()) - left + 1)
        values, valid = self._data(source, bands)
        if source == window:
            return values, valid
        rows, columns = rows[:, None] - top, columns - left
        return values[:, rows, columns], valid[rows, columns]

    def _read_padded(self, window: Window, bands: Sequence[int]) -> ValuesAndValidity:
        values = np.zeros((len(bands), window.height, window.width), self.dtype)
        valid = np.zeros((window.height, window.width), bool)
        top, left = max(window.row, 0), max(window.column, 0)
        height = min(window.row + window.height, self.height) - top
        width = min(window.column + window.width, self.width) - left
        if height > 0 and width > 0:
            row, column = top - window.row, left - window.column
            inside, its_valid = self._data(Window(top, left, height, width), bands)
            values[:, row : row + height, column : column + width] = inside
            valid[row : row + height, column : column + width] = its_valid
        return values, valid
