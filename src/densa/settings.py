"""Options that several verbs share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from densa.options import Group, Option

__all__ = ["Computation", "Existing", "LegendFile", "Resumable"]


@dataclass(frozen=True, kw_only=True)
class Computation(Group, title="Computation"):
    """Where and in which precision a network is computed."""

    device: Annotated[str, Option("Device: auto, cpu, cuda or cuda:N; auto is a GPU where there is one.")] = "auto"
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"], Option("auto: bfloat16 where the device gains by it.")
    ] = "auto"


@dataclass(frozen=True, kw_only=True)
class LegendFile(Group, title="Data"):
    """The classes, where the data does not bring them."""

    legend: Annotated[
        Path | None,
        Option("Legend file.", exists=True, default="that of the data or the run, or inferred from the masks"),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Existing(Group, title="This call"):
    """What happens to outputs that exist."""

    overwrite: Annotated[bool, Option("Replace outputs that exist.")] = False


@dataclass(frozen=True, kw_only=True)
class Resumable(Existing, title="This call"):
    """What happens to outputs and unfinished work that exist."""

    resume: Annotated[bool, Option("Continue where a run was stopped; keep what is finished.")] = False
