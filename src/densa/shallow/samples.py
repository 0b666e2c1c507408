"""Image and strokes of the demo: gland, stroma and lumen of a stained tissue that scikit-image ships."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.datasets.strokes import Strokes, read_strokes
from densa.errors import InputError
from densa.raster import atomic_output, write_bands

__all__ = ["tissue", "tissue_strokes"]

_FILE = "tissue.json"


def tissue_strokes() -> Strokes:
    """Strokes on 5 % of `skimage.data.immunohistochemistry()`, 512 x 512 pixels; drawn for densa.

    Examples:
        >>> from densa.shallow import draw_strokes, tissue_strokes
        >>> labels = draw_strokes(tissue_strokes(), 512, 512)
        >>> round(float((labels != 255).mean()), 2)
        0.05
    """
    with as_file(files("densa.shallow").joinpath(_FILE)) as path:
        return read_strokes(path)


def tissue(folder: Path | str, *, overwrite: bool = False) -> tuple[Path, Path]:
    """Write the stained tissue and its strokes, on which a shallow method can be trained.

    Args:
        folder: folder of `tissue.tif` and `strokes.json`, created where it does not exist.
        overwrite: replace files that exist.

    Returns:
        The image and the file of strokes.

    Raises:
        InputError: the files exist, or cannot be written.

    Examples:
        >>> from densa.shallow import tissue
        >>> image, strokes = tissue("tissue")
        >>> image.name, strokes.name
        ('tissue.tif', 'strokes.json')
    """
    from skimage import data

    folder = Path(folder)
    image: NDArray[Any] = np.ascontiguousarray(data.immunohistochemistry().transpose(2, 0, 1))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"folder {folder} cannot be created: {error.strerror or error}") from error
    write_bands(folder / "tissue.tif", image, overwrite=overwrite)
    with atomic_output(folder / "strokes.json", overwrite=overwrite) as temporary:
        content = files("densa.shallow").joinpath(_FILE).read_text(encoding="utf-8")
        Path(temporary).write_text(content, encoding="utf-8")
    return folder / "tissue.tif", folder / "strokes.json"
