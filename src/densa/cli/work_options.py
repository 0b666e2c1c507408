"""Options of what runs long, which `predict` and `regions` share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

__all__ = ["TILES", "WORK", "Dask", "Executor", "ExecutorKind", "Memory", "Resume", "TileSize", "Workers"]

TILES, WORK = "Tiles and memory", "Long runs"


class ExecutorKind(StrEnum):
    """What workers are."""

    THREADS = "threads"
    PROCESSES = "processes"


Memory = Annotated[
    str | None,
    typer.Option("--memory", metavar="SIZE", rich_help_panel=TILES, help="Stay within so much memory in all, as 2GB."),
]
TileSize = Annotated[
    int | None,
    typer.Option(
        "--tile-size", min=1, rich_help_panel=TILES, help="Side of a tile in pixels; the result does not depend on it."
    ),
]
Workers = Annotated[int, typer.Option("--workers", min=1, rich_help_panel=WORK, help="How many compute at once.")]
Executor = Annotated[ExecutorKind, typer.Option("--executor", rich_help_panel=WORK, help="What the workers are.")]
Dask = Annotated[
    str | None,
    typer.Option("--dask", metavar="ADDRESS", rich_help_panel=WORK, help="Dask scheduler tcp://host:8786, or local:4."),
]
Resume = Annotated[
    bool, typer.Option("--resume", rich_help_panel=WORK, help="Go on where a run was stopped; keep finished files.")
]
