"""How a long job is run: tiles, memory, workers, resuming and overwriting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge, Gt

from densa.errors import InputError
from densa.options import Option
from densa.settings import Resumable

if TYPE_CHECKING:
    from densa.engine.work.crew import Crew

__all__ = ["Work"]


def _bytes(value: Any) -> Any:
    """2000000000, or "2GB"."""
    from densa.engine.resources.memory import parse_bytes

    if not isinstance(value, str):
        return value
    try:
        return parse_bytes(value)
    except InputError as error:
        raise ValueError(f"cannot be used: {error}") from error


@dataclass(frozen=True, kw_only=True)
class Work(Resumable, title="Tiles, memory and workers"):
    """Settings of every job that runs over a raster of any size; its result depends on none of them.

    Examples:
        >>> from densa import engine
        >>> work = engine.Work(memory="2GB", workers=4)
        >>> work.memory, work.crew.workers
        (2000000000, 4)
    """

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

    def __post_init__(self) -> None:
        super().__post_init__()
        self.crew  # refuses workers that do not fit each other, before any work is begun  # noqa: B018

    @property
    def crew(self) -> Crew:
        """The workers together."""
        from densa.engine.work.crew import Crew

        return Crew(self.workers, self.executor, self.dask)
