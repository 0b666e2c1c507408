"""How a long job is run: tiles, memory, workers, and what happens to work that is there already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt

from densa.engine.resources.memory import parse_bytes
from densa.engine.work.crew import Crew
from densa.errors import InputError
from densa.options import Option
from densa.settings import Resumable

__all__ = ["Work"]


def _bytes(value: Any) -> Any:
    """2000000000, or "2GB"."""
    if not isinstance(value, str):
        return value
    try:
        return parse_bytes(value)
    except InputError as error:
        raise ValueError(f"cannot be used: {error}") from error


@dataclass(frozen=True, kw_only=True)
class Work(Resumable, title="Tiles, memory and workers"):
    """Settings of every job that runs over a raster of any size; its result depends on none of them."""

    memory: Annotated[
        int | None,
        Gt(0),
        Option(
            "Memory that all processes of this machine may use together, such as 2GB.",
            "bytes",
            "SIZE",
            read=_bytes,
        ),
    ] = None
    tile_size: Annotated[
        int | None, Ge(1), Option("Side of a tile; the result does not depend on it.", "px", default="by the memory")
    ] = None
    workers: Annotated[int, Ge(1), Option("Tiles computed at once.")] = 1
    executor: Annotated[Literal["threads", "processes"], Option("What the workers are.")] = "threads"
    dask: Annotated[
        str | None, Option("Dask scheduler tcp://host:8786, or local:4 for processes here.", metavar="ADDRESS")
    ] = None

    @property
    def crew(self) -> Crew:
        """The workers together."""
        return Crew(self.workers, self.executor, self.dask)
