"""A synthetic aerial scene of any size with exact labels, for tests and measurements that real data do not allow.

Every pixel is a function of the seed and of its place, so any window of a scene of any size can be drawn by itself, on
any worker, and equals the same window of the whole. Fields, meadows, forests, lakes and rivers, a bent net of roads,
houses with gardens and shadows, halls, trees and cars, at 0.3 m per pixel. Colours alone do not separate the classes:
grey roofs resemble asphalt, brown ones soil, green ones grass, trees differ from meadows by texture.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from densa import raster
from densa.datasets.scene.layers import render
from densa.datasets.scene.materials import material_tables, sensor_noise, textures
from densa.errors import InputError
from densa.legend import IGNORE, Legend
from densa.progress import Progress
from densa.raster import Georeference, Window

__all__ = ["SCENE", "Scene", "scene", "write_scene"]

SCENE = Legend(
    ("water", "soil", "low vegetation", "tree", "road", "building", "car"),
    ((60, 120, 216), (170, 120, 70), (150, 220, 110), (30, 130, 50), (130, 130, 130), (220, 60, 50), (250, 220, 60)),
)
"""Legend of the synthetic scene."""

BAND_NAMES = ("red", "green", "blue", "near infrared")
_PIECE_PX = 512  # side of a piece that is drawn at once: it stays in the processor's cache
_GSD_M = 0.3


@dataclass(frozen=True)
class Scene:
    """A synthetic aerial scene; any number of threads and processes may read it at once.

    Attributes:
        height, width: size in pixels.
        n_bands: 3 (red, green, blue) or 4 (and near infrared).
        seed: another seed gives another landscape.
        nodata: the scene is a tilted strip, like a flight strip, with nodata outside of it.
        legend: names and colours of the classes.
        georeference: an invented place (UTM zone 23 south), 0.3 m per pixel.
    """

    height: int
    width: int
    n_bands: int = 3
    seed: int = 0
    nodata: bool = False
    legend: Legend = field(default=SCENE, init=False)

    def __post_init__(self) -> None:
        if min(self.height, self.width) < 1:
            raise InputError(f"a scene has at least 1 x 1 pixel, got {self.height} x {self.width}")
        if self.n_bands not in {3, 4}:
            raise InputError(f"a scene has 3 or 4 bands, got {self.n_bands}")
        if not 0 <= self.seed < 2**31:
            raise InputError(f"seed must be of 0..{2**31 - 1}, got {self.seed}")

    @property
    def band_names(self) -> tuple[str, ...]:
        """Name of each band."""
        return BAND_NAMES[: self.n_bands]

    @property
    def georeference(self) -> Georeference:
        """Coordinate reference system and transform."""
        return Georeference("EPSG:32723", Affine(_GSD_M, 0, 300000, 0, -_GSD_M, 7500000))

    def read(self, window: Window | None = None) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Pixels of a window.

        Args:
            window: a window inside the scene; None for all of it.

        Returns:
            (bands, h, w) uint8 image, 0 in all bands where there is no data and only there, and (h, w) uint8 labels,
            255 where there is no data.

        Raises:
            InputError: the window is not inside the scene.
        """
        top, left, height, width = Window(0, 0, self.height, self.width) if window is None else Window(*window)
        if min(top, left) < 0 or min(height, width) < 1 or top + height > self.height or left + width > self.width:
            raise InputError(f"{window} must lie inside the {self.height} x {self.width} pixels of the scene")
        image = np.empty((self.n_bands, height, width), np.uint8)
        labels = np.empty((height, width), np.uint8)
        tables = _tables(self.seed, self.n_bands)
        for row in range(0, height, _PIECE_PX):
            rows = slice(row, min(row + _PIECE_PX, height))
            for column in range(0, width, _PIECE_PX):
                columns = slice(column, min(column + _PIECE_PX, width))
                part = image[:, rows, columns], labels[rows, columns]
                render(top + row, left + column, self.seed, *tables, *part)
        if self.nodata:
            outside = self._outside(top, left, height, width)
            image[:, outside] = 0
            labels[outside] = IGNORE
        return image, labels

    def _outside(self, top: int, left: int, height: int, width: int) -> NDArray[np.bool_]:
        """(h, w) true where the strip does not cover the scene: a tenth of the width, moving from left to right."""
        shift = (np.arange(top, top + height) * self.width) // (10 * self.height)
        first = (self.width // 10 - shift)[:, None]
        columns = np.arange(left, left + width)
        return (columns < first) | (columns >= first + self.width - self.width // 10)


def scene(height: int, width: int, *, n_bands: int = 3, seed: int = 0, nodata: bool = False) -> Scene:
    """A synthetic aerial scene; nothing is drawn before it is read.

    Args:
        height, width: size in pixels, without an upper limit.
        n_bands: 3 (red, green, blue) or 4 (and near infrared).
        seed: 0 to 2147483647; another seed gives another landscape.
        nodata: leave a tilted margin of a tenth of the width without data.

    Raises:
        InputError: size, number of bands or seed out of range.
    """
    return Scene(height, width, n_bands, seed, nodata)


def write_scene(
    folder: Path | str,
    height: int,
    width: int,
    *,
    n_bands: int = 3,
    seed: int = 0,
    nodata: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write a scene as image.tif, labels.tif and legend.json, within a memory that does not grow with its height.

    Args:
        folder: folder of the files, created where it does not exist.
        height, width, n_bands, seed, nodata: as `scene`.
        overwrite: replace files that exist.
        progress: called with (pixels written, pixels in total) after every tile; the files are compressed once more
            after the last.

    Returns:
        The folder.

    Raises:
        InputError: as `scene`; a file exists or cannot be written.
    """
    made = scene(height, width, n_bands=n_bands, seed=seed, nodata=nodata)
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"folder {folder} cannot be created: {error.strerror or error}") from error
    tags = {"DENSA_SCENE": json.dumps({"seed": seed, "height": height, "width": width, "nodata": nodata})}
    place: dict[str, Any] = {"like": made.georeference, "tags": tags, "overwrite": overwrite}
    with (
        raster.BandsWriter(
            folder / "image.tif",
            n_bands,
            height,
            width,
            np.uint8,
            band_names=made.band_names,
            nodata=0 if nodata else None,
            **place,
        ) as image_file,
        raster.LabelMapWriter(folder / "labels.tif", height, width, made.legend, **place) as label_file,
    ):
        for window, _ in raster.tiles(height, width, _PIECE_PX):
            image, labels = made.read(window)
            image_file.write(window, image)
            label_file.write(window, labels)
            if progress:
                progress(window.row * width + window.height * (window.column + window.width), height * width)
    with raster.atomic_output(folder / "legend.json", overwrite) as temporary:
        temporary.write_text(json.dumps(made.legend.to_dict(), indent=1) + "\n", encoding="utf-8")
    return folder


@lru_cache(maxsize=4)
def _tables(seed: int, n_bands: int) -> tuple[Any, NDArray[np.int8], NDArray[np.int8]]:
    """Materials, textures and noise of a scene; the textures and the noise depend on the seed."""
    rng = np.random.default_rng(seed)
    return material_tables(n_bands), textures(rng), sensor_noise(rng)
