"""Images as verbs take them: paths, open rasters, arrays."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from densa.errors import InputError
from densa.locations import location, with_assets
from densa.options import Group, options_of
from densa.settings import Bands, ClassSet, LabelReading, Sources, Units, VectorLabels
from densa.verbs.tell import tell, tell_place

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from densa.raster import Georeference, Raster
    from densa.segmenter import BandContract, Fitted

__all__ = ["allowed", "fitted", "open_page", "opened", "path_of", "reading_of", "taken"]


def allowed(options: Sources) -> AbstractContextManager[None]:
    """Allow files to refer to what the options say."""
    from densa.raster import allow_sources

    return allow_sources(options.allow_remote, options.allow_folder)


def reading_of(options: Group) -> dict[str, Any]:
    """What is given of the options on how labels are read, as `densa.datasets.open` takes them."""
    names = {**options_of(LabelReading), **options_of(ClassSet)}
    given = {name: value for name, value in options.flat().items() if name in names and value not in (None, (), False)}
    vectors = options.part(VectorLabels)
    return given if vectors == VectorLabels() else {**given, "labels": vectors}


def taken(given: dict[str, Any]) -> Sources:
    """Take from the options of a command those on what files may refer to."""
    return Sources.of(**{name: given.pop(name) for name in options_of(Sources) if name in given})


def open_page(path: Path, page: int | None, *, bands: Sequence[int | str] | None = None) -> Raster:
    """Open a page of an image, from 1; says which one where none is chosen.

    Args:
        path: the file.
        page: None: the first.
        bands: to read, in this order; None: all.
    """
    from densa import raster
    from densa.raster.choice.chosen import choose_bands

    if page is not None:
        with raster.open(path) as first:
            if page > first.n_pages:
                raise InputError(f"page must be at most {first.n_pages}, the pages of {path}, got {page}")
    image = raster.open(path, page=(page or 1) - 1)
    if page is None and image.n_pages > 1:
        tell(f"{path.name}: page 1 of {image.n_pages}; choose with --page")
    return image if bands is None else choose_bands(image, bands)


def fitted(contract: BandContract, image: Raster, options: Group, said: set[str] | None = None) -> Fitted:
    """An image as a model takes it; says what was decided and what looks unlike training.

    Args:
        contract: the bands of the model.
        image: an open image.
        options: `Bands` and `Units`.
        said: sentences that need not be repeated, to which those of this image are added; None: all are said, with
            what looks unlike training.

    Raises:
        InputError: bands, type or range of values that are not those of training.
    """
    from densa.segmenter import fit_raster

    found = fit_raster(contract, image, **options.part(Bands).flat(), **options.part(Units).flat())
    for line in found.notes if said is not None else (*found.notes, *found.warnings):
        if said is None or line not in said:
            tell(f"{image.path.name}: {line}")
    if said is not None:
        said.update(found.notes)
    return found


@contextmanager
def opened(image: Any, assets: str | None = None, page: int | None = None) -> Iterator[Raster]:
    """An image as an open raster; a raster that is given open stays open.

    Args:
        image: path, open raster, (h, w) or (h, w, bands) array, or `xarray.DataArray` with the dimensions (y, x),
            (band, y, x) or (y, x, band) and the attributes of rioxarray.
        assets: of a STAC item, with commas between them.
        page: of a file, from 1; None: the first.

    Raises:
        InputError: none of these.
    """
    from densa import raster

    if isinstance(image, (str, Path)):
        with open_page(with_assets(location(image), assets), page) as found:
            tell_place(found, [])
            yield found
    elif isinstance(image, raster.Raster):
        yield image
    else:
        array, georeference = _array_of(image)
        yield raster.from_array(array, georeference=georeference, band_names=_names_of(image), nodata=_nodata_of(image))


def path_of(image: Any, stack: ExitStack) -> Path:
    """The path of an image; an array is written to a temporary file that lives as long as `stack`."""
    if isinstance(image, (str, Path)):
        return location(image)
    from densa import raster
    from densa.raster.in_memory import ArrayRaster

    if isinstance(image, raster.Raster) and not isinstance(image, ArrayRaster):
        return image.path
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="densa-")))
    with opened(image) as found:
        values, valid = found.read()
        nodata = None if valid.all() else _marked(values, valid)
        place, names = found.georeference, [band.name for band in found.bands]
        raster.write_bands(folder / "array.tif", values, like=place, band_names=names, nodata=nodata)
    return folder / "array.tif"


def _names_of(image: Any) -> tuple[str, ...]:
    """Names of the bands of a `DataArray`, as rioxarray keeps them."""
    names = getattr(image, "attrs", {}).get("long_name", ()) if hasattr(image, "dims") else ()
    return tuple(map(str, names)) if isinstance(names, (list, tuple)) and len(names) > 1 else ()


def _marked(values: NDArray[Any], valid: NDArray[np.bool_]) -> float:
    """Write a nodata value, which is returned, into the invalid pixels of (bands, h, w) values.

    Raises:
        InputError: integers of which every value occurs in valid pixels.
    """
    import numpy as np

    if values.dtype.kind == "f":
        nodata = float("nan")
    else:
        info, taken = np.iinfo(values.dtype), values[:, valid]
        ends = [int(end) for end in (info.min, info.max) if not (taken == end).any()]
        free = ends or np.setdiff1d(np.arange(256), taken)[:1].tolist()
        if not free or free[0] > info.max:
            raise InputError(
                "an array with invalid pixels uses all values of its type, none can mark them; give a file"
            )
        nodata = free[0]
    values[:, ~valid] = nodata
    return nodata


def _nodata_of(image: Any) -> float | list[float] | None:
    """The nodata that rioxarray, or xarray before it, keeps in the attributes of an array."""
    if getattr(image, "dims", None) is None:
        return None
    for known in (image.attrs, getattr(image, "encoding", {})):
        for name in ("_FillValue", "missing_value", "nodata"):
            if known.get(name) is not None:
                return float(known[name])
        if known.get("nodatavals") is not None:
            found = [float("nan") if value is None else float(value) for value in known["nodatavals"]]
            return found if len(found) > 1 else found[0]
    return None


def _array_of(image: Any) -> tuple[Any, Georeference | None]:
    dims = getattr(image, "dims", None)
    if dims is None:
        return image, None
    if len(dims) == 3 and dims[0] not in ("y", "latitude", "row"):
        image = image.transpose(*dims[1:], dims[0])
    return image.to_numpy(), _georeference_of(image)


def _georeference_of(array: Any) -> Georeference | None:
    """Of the coordinate that rioxarray calls spatial_ref; None where it has no transform."""
    place = array.coords.get("spatial_ref")
    text = None if place is None else place.attrs.get("GeoTransform")
    if text is None:
        return None
    from densa.raster.in_memory import georeference_of

    return georeference_of(place.attrs.get("crs_wkt"), [float(v) for v in str(text).split()])
