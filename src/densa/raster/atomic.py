"""Output files that appear complete or not at all."""

from __future__ import annotations

import glob
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from densa.errors import InputError

__all__ = ["atomic_output", "check_suffix", "close_all", "sidecar"]


def sidecar(path: Path) -> Path:
    """GDAL's companion file of a raster: class names, statistics."""
    return path.with_name(path.name + ".aux.xml")


@contextmanager
def atomic_output(path: Path | str, overwrite: bool = False) -> Iterator[Path]:
    """Path of a temporary file beside `path`, renamed to it when the block ends well, removed when it does not.

    A `.aux.xml` beside the temporary file moves along; other files whose names start with the temporary's stem are
    removed. Companions of an earlier file of that name (statistics, overviews, masks) are removed.

    Args:
        path: the final name.
        overwrite: replace a file that exists.

    Raises:
        InputError: the file exists and must not be replaced, its folder is missing, or writing failed (disk full).
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the name of a file")
    if not path.parent.is_dir():
        raise InputError(f"{path} cannot be written: there is no folder {path.parent}")
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists; give another name or allow overwriting")
    # The suffix stays last, for writers that choose the format by it.
    temporary = path.with_name(f".{path.stem[:100]}-{os.getpid()}-{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
        for suffix in (".ovr", ".msk", ".aux.xml"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        if sidecar(temporary).exists():
            os.replace(sidecar(temporary), sidecar(path))
    except OSError as error:
        other = error.filename and Path(os.fsdecode(error.filename)) != temporary
        reason = f"{error.strerror}: {error.filename}" if other else error.strerror or error
        raise InputError(f"{path} cannot be written: {reason}") from error
    finally:
        for left in path.parent.glob(f"{glob.escape(temporary.stem)}*"):
            with suppress(OSError):
                left.unlink(missing_ok=True)


def check_suffix(path: Path, suffixes: set[str]) -> None:
    """Refuse a file name whose format densa does not write."""
    if path.suffix.lower() not in suffixes:
        raise InputError(f"{path} must end in {' or '.join(sorted(suffixes))}")


def close_all(stack: ExitStack, error: BaseException | None) -> None:
    """Leave the contexts of `stack`, passing `error` to them."""
    stack.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)
