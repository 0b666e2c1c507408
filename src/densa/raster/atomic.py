"""Output files that appear complete or not at all."""

from __future__ import annotations

import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from densa.errors import InputError

__all__ = ["atomic_output", "check_suffix", "close_all", "room_left", "sidecar"]


def sidecar(path: Path) -> Path:
    """GDAL's auxiliary file beside a raster: class names, statistics."""
    return path.with_name(path.name + ".aux.xml")


@contextmanager
def atomic_output(path: Path | str, overwrite: bool = False) -> Iterator[Path]:
    """Path of a temporary file beside `path`, renamed to it on a successful exit, removed after an exception.

    A `.aux.xml` beside the temporary file is renamed with it; other files whose names start with the temporary's stem
    are removed. Auxiliary files of a replaced raster (statistics, overviews, masks) are removed.

    Args:
        path: final name of the file.
        overwrite: replace an existing file.

    Raises:
        InputError: the file exists and `overwrite` is false, its folder is missing, or writing failed (disk full).

    Examples:
        >>> from pathlib import Path
        >>> from densa import raster
        >>> with raster.atomic_output("notes.txt") as temporary:
        ...     _ = temporary.write_text("finished")
        >>> Path("notes.txt").read_text()
        'finished'
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the name of a file")
    if not path.parent.is_dir():
        raise InputError(f"{path} cannot be written: there is no folder {path.parent}")
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists; choose another name or pass overwrite=True")
    # The suffix stays last: some writers choose the format by it.
    stem = os.fsencode(path.stem)[:100].decode("utf-8", "ignore")  # names are limited in bytes
    temporary = path.with_name(f".{stem}-{os.getpid()}-{secrets.token_hex(4)}{path.suffix}")
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


def room_left(folder: Path) -> str:
    """Words on the space for files in a folder, which libraries leave out of their errors of writing."""
    words = []
    with suppress(OSError):
        words.append(f"{shutil.disk_usage(folder).free / 2**20:.0f} MiB are free in {folder}")
    with suppress(ImportError, OSError):
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
        if limit != resource.RLIM_INFINITY:
            words.append(f"a file may have {limit / 2**20:.2f} MiB by ulimit -f")
    return f" ({', '.join(words)})" if words else ""


def check_suffix(path: Path, suffixes: set[str]) -> None:
    """Refuse a file name whose format densa does not write."""
    if path.suffix.lower() not in suffixes:
        raise InputError(f"{path} must end in {' or '.join(sorted(suffixes))}")


def close_all(stack: ExitStack, error: BaseException | None) -> None:
    """Leave the contexts of `stack`, passing `error` to them."""
    stack.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)
