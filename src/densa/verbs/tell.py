"""Messages on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from densa.raster import Raster

__all__ = ["kept_run", "kept_work", "tell", "tell_calibration", "tell_place"]


def tell(line: str) -> None:
    """Print one line on stderr."""
    print(f"densa: {line}", file=sys.stderr)


def tell_place(image: Raster, files: Iterable[Path | None]) -> None:
    """Say what was decided in reading an image, and where its place on the ground is not kept."""
    from densa.raster.vector.placing import points_remark

    for line in (*image.remarks, points_remark(image)):
        if line is not None:
            tell(line)
    outputs = [path for path in files if path is not None]
    pictures = [path.name for path in outputs if path.suffix.lower() == ".png"]
    if pictures and image.is_placed:
        tell(f"the place of {image.path.name} on the ground is not kept in {' and '.join(pictures)}; a .tif keeps it")
    place = image.georeference
    if place is not None and place.crs is None:
        for path in outputs:
            if path.suffix.lower() == ".geojson":
                tell(
                    f"{image.path.name} names no reference system: {path.name} holds its coordinates as they are, "
                    "which readers of GeoJSON take for longitudes and latitudes"
                )


def tell_calibration(folder: Path) -> None:
    """Say how the probabilities of a model folder are scaled, where they are."""
    from densa.segmenter import read_calibration

    stored = read_calibration(folder)
    if stored is not None:
        labels = "" if stored.scaling.keeps_labels else "; labels may differ from those of the model alone"
        tell(f"the probabilities of {folder} are calibrated: {stored}{labels}")


@contextmanager
def kept_work(output: Path) -> Iterator[None]:
    """Add to a KeyboardInterrupt a note on what is kept and how to continue; the command line prints it."""
    try:
        yield
    except KeyboardInterrupt as stop:
        if output.with_name(output.name + ".partial").exists():
            stop.add_note(f"the finished tiles of {output.name} are kept; resume=True continues")
        else:
            stop.add_note(f"no tile of {output.name} was finished; resume=True begins with it")
        raise


@contextmanager
def kept_run(folder: Path, *, resumable: bool) -> Iterator[None]:
    """Add to a KeyboardInterrupt in training, outside its steps, a note on how to go on; as `kept_work` does."""
    try:
        yield
    except KeyboardInterrupt as stop:
        begun = resumable and (folder / "config.yaml").exists()
        stop.add_note(f"resume=True continues {folder}" if begun else "nothing was kept; train again")
        raise
