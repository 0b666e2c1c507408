"""Options that several verbs share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from densa.options import Group, Option

__all__ = ["Alignment", "Computation", "Existing", "Images", "LegendFile", "Resumable", "Sources"]


@dataclass(frozen=True, kw_only=True)
class Computation(Group, title="Computation"):
    """Device and precision of a network's computations."""

    device: Annotated[str, Option("Device: auto, cpu, cuda or cuda:N; auto is a GPU if there is one.")] = "auto"
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"], Option("auto: bfloat16 where it is faster on the device.")
    ] = "auto"


@dataclass(frozen=True, kw_only=True)
class LegendFile(Group, title="Data"):
    """The classes, if the data does not define them."""

    legend: Annotated[
        Path | None,
        Option("Legend file.", exists=True, default="that of the data or the run, or inferred from the masks"),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Alignment(Group, title="Data"):
    """Rasters that are laid over each other."""

    align: Annotated[
        bool, Option("Resample georeferenced labels to the grid of their image, by the nearest pixel.")
    ] = False


@dataclass(frozen=True, kw_only=True)
class Existing(Group, title="This call"):
    """Treatment of existing outputs."""

    overwrite: Annotated[bool, Option("Replace outputs that exist.")] = False


@dataclass(frozen=True, kw_only=True)
class Resumable(Existing, title="This call"):
    """Treatment of existing outputs and unfinished work."""

    resume: Annotated[bool, Option("Continue a stopped run; finished work is kept.")] = False


@dataclass(frozen=True, kw_only=True)
class Sources(Group, title="Data"):
    """What VRTs, STAC items and the files beside images may refer to, beyond their own folder."""

    allow_remote: Annotated[
        bool, Option("Follow VRTs and STAC items to the network; a URL that is given itself is always read.")
    ] = False
    allow_folder: Annotated[
        Path | None, Option("Follow VRTs and STAC items to files in this folder and below, too.", exists=True)
    ] = None


@dataclass(frozen=True, kw_only=True)
class Images(Sources, title="Data"):
    """How images are read."""

    assets: Annotated[
        str | None,
        Option(
            "Assets of a STAC item that are its bands, such as red,nir.",
            metavar="NAME,...",
            default="the only raster, or red, green and blue",
        ),
    ] = None
