"""Random raster files, and what is in them by the arrays from which they were written: no reader takes part."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from hypothesis import strategies as st
from rasterio.enums import ColorInterp

PLACES = {
    "north-up": Affine(10, 0, 5e5, 0, -10, 5e6),
    "south-up": Affine(10, 0, 5e5, 0, 10, 5e6),
    "rotated": Affine(8, 6, 5e5, 6, -8, 5e6),
    "oblong": Affine(0.25, 0, 5e5, 0, -0.5, 5e6),
}
CRS = "EPSG:32633"


@dataclass(frozen=True)
class Scene:
    """A raster file as it is written.

    `alpha` is the place of an alpha band among the bands, `mask` where a mask lies, `place` a key of `PLACES`, `told`
    how the georeference is stored.
    """

    seed: int
    dtype: str
    n_bands: int
    height: int
    width: int
    nodata: float | None
    alpha: int | None
    mask: str | None
    with_nan: bool
    place: str | None
    told: str
    profile: tuple[tuple[str, Any], ...]
    n_values: int | None = None  # of a label file

    def arrays(self):
        """(bands, h, w) values, (h, w) alpha or None, (h, w) mask or None; as written."""
        rng = np.random.default_rng(self.seed)
        shape = (self.n_bands, self.height, self.width)
        if np.dtype(self.dtype).kind == "f":
            values = rng.normal(100, 500, shape).astype(self.dtype)
        else:
            kind = np.iinfo(self.dtype)
            values = rng.integers(kind.min, kind.max, shape, self.dtype, endpoint=True)
        if self.n_values is not None:
            values %= self.n_values
        if self.nodata is not None:
            values[rng.random(shape) < 0.1] = self.nodata
        if self.with_nan:
            values[rng.random(shape) < 0.05] = np.nan
            values[rng.random(shape) < 0.02] = np.inf
        alpha = mask = None
        if self.alpha is not None:
            full = np.iinfo(self.dtype).max if np.dtype(self.dtype).kind in "ui" else 1
            alpha = np.where(rng.random(shape[1:]) < 0.2, 0, full).astype(self.dtype)
        if self.mask is not None:
            mask = rng.random(shape[1:]) > 0.2
        return values, alpha, mask

    def expected(self, bands=None):
        """(bands, h, w) values and (h, w) validity: what every band read, alpha and mask say together."""
        values, alpha, mask = self.arrays()
        values = values if bands is None else values[list(bands)]
        valid = np.ones(values.shape[1:], bool)
        if values.dtype.kind == "f":
            valid &= np.isfinite(values).all(axis=0)
        if self.nodata is not None:
            valid &= (values != np.array(self.nodata, values.dtype)).all(axis=0)
        for source in (alpha, mask):
            valid &= True if source is None else source > 0
        return values, valid

    def write(self, folder: Path) -> Path:
        """Write the file and those beside it."""
        values, alpha, mask = self.arrays()
        stored = list(values)
        kinds = [ColorInterp.gray] + [ColorInterp.undefined] * (self.n_bands - 1)
        if alpha is not None:
            stored.insert(self.alpha, alpha)
            kinds.insert(self.alpha, ColorInterp.alpha)
        path = folder / "scene.tif"
        profile = {"count": len(stored), "height": self.height, "width": self.width, "dtype": self.dtype}
        profile |= {"photometric": "MINISBLACK", "nodata": self.nodata, **dict(self.profile)}
        if self.place is not None:
            profile |= {"crs": CRS}
            if self.told == "tags":
                profile |= {"transform": PLACES[self.place]}
        internal = rasterio.Env(GDAL_TIFF_INTERNAL_MASK=self.mask == "internal")
        with internal, rasterio.open(path, "w", driver="GTiff", **profile) as file:
            file.colorinterp = kinds  # before the first block, so that the file itself holds it
            file.write(np.stack(stored))
            if mask is not None:
                file.write_mask(mask)
        if self.place is not None and self.told == "world file":
            a, b, c, d, e, f = PLACES[self.place][:6]
            centre = (c + (a + b) / 2, f + (d + e) / 2)  # of the first pixel
            path.with_suffix(".tfw").write_text("\n".join(map(str, (a, d, b, e, *centre))))
        return path


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Files of any type, number of bands, validity, layout and georeference."""
    dtype = draw(st.sampled_from(["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]))
    integral = np.dtype(dtype).kind in "ui"
    limits = np.iinfo(dtype) if integral else np.finfo(dtype)
    nodata = draw(st.sampled_from([None, 0, 7, float(limits.max), float(limits.min)] + ([] if integral else [-9999.0])))
    n_bands = draw(st.integers(1, 6))
    profile: dict[str, Any] = {"interleave": draw(st.sampled_from(["band", "pixel"]))}
    profile["compress"] = draw(st.sampled_from([None, "deflate", "lzw"]))
    if draw(st.booleans()):
        profile |= {"tiled": True, "blockxsize": 16, "blockysize": draw(st.sampled_from([16, 32]))}
    return Scene(
        seed=draw(st.integers(0, 2**20)),
        dtype=dtype,
        n_bands=n_bands,
        height=draw(st.integers(1, 40)),
        width=draw(st.integers(1, 40)),
        nodata=nodata,
        alpha=draw(st.sampled_from([None, n_bands, draw(st.integers(0, n_bands))])),
        mask=draw(st.sampled_from([None, "internal", "beside"])),
        with_nan=not integral and draw(st.booleans()),
        place=draw(st.sampled_from([None, *PLACES])),
        told=draw(st.sampled_from(["tags", "world file"])),
        profile=tuple((name, value) for name, value in profile.items() if value is not None),
    )
