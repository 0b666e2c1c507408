"""Label maps with their legend: palette PNG for photographs, GeoTIFF for rasters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from densa.errors import InputError
from densa.legend import IGNORE, Legend
from densa.raster.atomic import atomic_output, check_suffix, close_all, sidecar
from densa.raster.decoded import check_size
from densa.raster.masks.values import read_mask
from densa.raster.opening import open as open_raster
from densa.raster.raster import Georeference, Raster, Window
from densa.raster.writing.attribute_table import attribute_table_xml
from densa.raster.writing.geotiff import TIFF_SUFFIXES, GeoTiffFile, check_window, software
from densa.raster.writing.picture import save_png

__all__ = ["LabelMapWriter", "carried_legend", "read_label_map", "write_label_map"]

_LEGEND_FIELD = "DENSA_LEGEND"


def write_label_map(
    path: Path | str,
    labels: NDArray[np.uint8],
    legend: Legend,
    *,
    like: Raster | Georeference | None = None,
    tags: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write a label map that carries its legend.

    Args:
        path: .png for a palette image, .tif or .tiff for a GeoTIFF with colour table and class names.
        labels: (H, W) uint8 class indices, 255 for no class.
        legend: names and colours of the classes.
        like: raster whose georeference the GeoTIFF gets, or a georeference.
        tags: text fields of the file, for example how the map was made.
        overwrite: replace an existing file.

    Raises:
        InputError: as `LabelMapWriter`.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, raster
        >>> labels = np.array([[0, 1, 255]], np.uint8)
        >>> raster.write_label_map("map.png", labels, Legend(("field", "road")))
        >>> raster.read_mask("map.png").tolist()
        [[0, 1, 255]]
    """
    if labels.ndim != 2:
        raise InputError(f"labels must be (H, W), got the shape {labels.shape}")
    height, width = labels.shape
    with LabelMapWriter(path, height, width, legend, like=like, tags=tags, overwrite=overwrite) as writer:
        writer.write(Window(0, 0, height, width), labels)


def read_label_map(path: Path | str) -> tuple[NDArray[np.integer], Legend | None]:
    """Read a label map.

    Returns:
        (H, W) values, and the legend if densa wrote the file, else None. With a legend the values are class indices and
        255, otherwise those of `read_mask`.

    Raises:
        InputError: as `read_mask`.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, raster
        >>> raster.write_label_map("map.png", np.array([[0, 1, 255]], np.uint8), Legend(("field", "road")))
        >>> labels, legend = raster.read_label_map("map.png")
        >>> labels.tolist(), legend.class_names
        ([[0, 1, 255]], ('field', 'road'))
    """
    legend = carried_legend(path)
    return read_mask(path), legend


def carried_legend(path: Path | str) -> Legend | None:
    """The legend that densa wrote into a label map; None if the file has none.

    Raises:
        InputError: as `read_mask`, or the legend is damaged.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, raster
        >>> raster.write_label_map("map.png", np.array([[0, 1]], np.uint8), Legend(("field", "road")))
        >>> raster.carried_legend("map.png").class_names
        ('field', 'road')
    """
    with open_raster(path) as raster:
        text = raster.metadata.get(_LEGEND_FIELD)
    if text is None:
        return None
    try:
        return Legend.from_dict(json.loads(text))
    except ValueError as error:
        raise InputError(f"the legend in {path} cannot be read: {error}") from error


class LabelMapWriter:
    """Writes a label map by windows, in any order; the file appears under its name on a successful exit.

    Pixels that are never written are 255. A PNG is kept in memory until the end, one byte per pixel. A TIFF becomes a
    Cloud-Optimized GeoTIFF, georeferenced or not, within bounded memory, with overviews by the most frequent class, a
    colour table, and the class names in a file beside it, which QGIS reads. The bytes depend on the labels alone, not
    on the order of the windows.

    Args:
        path: .png, .tif or .tiff.
        height, width: size of the map in pixels.
        legend: names and colours of the classes.
        like: raster whose georeference a GeoTIFF gets, or a georeference.
        tags: text fields of the file, for example how the map was made.
        overwrite: replace an existing file.

    Raises:
        InputError: another suffix, the file exists, a label that is not a class, a window outside the map, a full disk.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, raster
        >>> with raster.LabelMapWriter("map.tif", 4, 6, Legend(("field", "road"))) as writer:
        ...     writer.write(raster.Window(0, 0, 4, 3), np.zeros((4, 3), np.uint8))
        >>> raster.read_label_map("map.tif")[0][0].tolist()  # what is never written has no class
        [0, 0, 0, 255, 255, 255]
    """

    def __init__(
        self,
        path: Path | str,
        height: int,
        width: int,
        legend: Legend,
        *,
        like: Raster | Georeference | None = None,
        tags: Mapping[str, str] | None = None,
        overwrite: bool = False,
    ) -> None:
        self.path = Path(path)
        check_suffix(self.path, {".png", *TIFF_SUFFIXES})
        if min(height, width) < 1:
            raise InputError(f"height and width must be at least 1, got {height} and {width}")
        self._size = height, width
        # The file numbers the classes from 0, so the codes that they have in masks do not apply.
        self._legend = Legend(legend.class_names, legend.colors)
        self._like = like
        self._fields = {**(tags or {}), _LEGEND_FIELD: json.dumps(self._legend.to_dict(), ensure_ascii=False)}
        self._overwrite = overwrite
        self._stack = ExitStack()
        self._file: _PngFile | _TiffFile | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_output(self.path, self._overwrite))
            if self.path.suffix.lower() == ".png":
                self._file = stack.enter_context(
                    _PngFile(temporary, self.path, *self._size, self._legend, self._fields)
                )
            else:
                file = GeoTiffFile(
                    temporary,
                    self.path,
                    1,
                    *self._size,
                    np.dtype(np.uint8),
                    overviews="mode",
                    like=self._like,
                    nodata=IGNORE,
                )
                self._file = stack.enter_context(_TiffFile(file, temporary, self._legend, self._fields))
            self._stack = stack.pop_all()
        return self

    def write(self, window: Window, labels: NDArray[np.uint8]) -> None:
        """Write (h, w) uint8 class indices, 255 for no class, to a window."""
        if self._file is None:
            raise RuntimeError("LabelMapWriter must be used inside a with block")
        window = check_window(window, *self._size, labels.shape)
        if labels.dtype != np.uint8:
            raise InputError(f"labels must be uint8, got {labels.dtype}")
        known = np.zeros(256, bool)
        known[: self._legend.n_classes] = known[IGNORE] = True
        if not known[labels].all():
            wrong = int(labels[~known[labels]][0])
            raise InputError(f"labels must be in 0..{self._legend.n_classes - 1} or {IGNORE}, got {wrong}")
        self._file.write(window, labels)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file = None
        close_all(self._stack, error)


class _PngFile:
    """Palette PNG, written as a whole on exit."""

    def __init__(
        self, path: Path, shown: Path, height: int, width: int, legend: Legend, fields: Mapping[str, str]
    ) -> None:
        check_size(shown, height, width)
        self._path, self._legend, self._fields = path, legend, fields
        self._labels = np.full((height, width), IGNORE, np.uint8)

    def write(self, window: Window, labels: NDArray[np.uint8]) -> None:
        row, column, height, width = window
        self._labels[row : row + height, column : column + width] = labels

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is not None:
            return
        image = Image.fromarray(self._labels)
        image.putpalette(self._legend.palette().tobytes())
        text = PngImagePlugin.PngInfo()
        for name, value in sorted({"Software": software(), **self._fields}.items()):
            text.add_itxt(name, value)
        save_png(image, self._path, text)


class _TiffFile:
    """GeoTIFF with colour table, and class names in the `.aux.xml` that GDAL and QGIS read."""

    def __init__(self, file: GeoTiffFile, path: Path, legend: Legend, fields: Mapping[str, str]) -> None:
        self._file, self._path, self._legend, self._fields = file, path, legend, fields

    def write(self, window: Window, labels: NDArray[np.uint8]) -> None:
        self._file.write(window, labels[None])

    def __enter__(self) -> Self:
        self._file.__enter__()
        palette = self._legend.palette()
        self._file.dataset.write_colormap(1, {i: (*map(int, palette[i]), 255) for i in range(256)})
        self._file.describe(["class"], tags=self._fields)
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self._file.__exit__(kind, error, trace)
        if error is None:
            beside = sidecar(self._path)
            written = beside.read_bytes() if beside.exists() else None
            beside.write_bytes(attribute_table_xml(self._legend, written))
