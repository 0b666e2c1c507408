"""Progress of long work."""

from collections.abc import Callable

__all__ = ["Progress"]

Progress = Callable[[int, int], None]
"""Called with (done, total), in the units that the function states."""
