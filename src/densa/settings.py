"""Options that several verbs share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from densa.options import Group, Option

__all__ = ["Computation", "Existing", "LegendFile", "Resumable"]


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
class Existing(Group, title="This call"):
    """Treatment of existing outputs."""

    overwrite: Annotated[bool, Option("Replace outputs that exist.")] = False


@dataclass(frozen=True, kw_only=True)
class Resumable(Existing, title="This call"):
    """Treatment of existing outputs and unfinished work."""

    resume: Annotated[bool, Option("Continue a stopped run; finished work is kept.")] = False
