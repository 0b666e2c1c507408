"""Parts of a stack of descriptors."""

from collections.abc import Iterable
from typing import TypeVar

from densa.errors import InputError

__all__ = ["as_parts"]

T = TypeVar("T")


def as_parts(parts: Iterable[T], kind: type[T], name: str) -> tuple[T, ...]:
    """The parts of a stack.

    Args:
        parts: at least one, all of the kind.
        kind: class of the parts.
        name: of the kind, for the message.

    Raises:
        InputError: no parts, or parts of another kind.
    """
    found = tuple(parts)
    if not found or not all(isinstance(part, kind) for part in found):
        raise InputError(f"a stack needs at least one {name} and nothing else, got {found!r}")
    return found
