"""What the user allows: names in files that lead to the network, or to another folder."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from densa.errors import InputError

__all__ = ["allow_sources", "check_reference", "is_remote", "is_remote_allowed", "is_within"]

_REMOTE, _FOLDER = "DENSA_ALLOW_REMOTE", "DENSA_ALLOW_FOLDER"
# GDAL's file systems on the network; the others (archives, memory, standard input) are never followed.
_SYSTEMS = re.compile(r"/vsi(curl|s3|gs|az|adls|oss|swift|hdfs|webhdfs)(_streaming)?[/?]")


@contextmanager
def allow_sources(remote: bool = False, folder: Path | str | None = None) -> Iterator[None]:
    """Allow files to refer to more than their own folder, in this process and in those that it starts.

    Outside of such a block the environment variables DENSA_ALLOW_REMOTE=1 and DENSA_ALLOW_FOLDER=FOLDER do the same.

    Args:
        remote: files may refer to the network.
        folder: files may refer to what is in this folder and below it.

    Examples:
        >>> from densa import raster
        >>> with raster.allow_sources(folder="tiles"):
        ...     pass  # raster.open("mosaic.vrt") may read the files in tiles
    """
    given = {_REMOTE: "1" if remote else None, _FOLDER: None if folder is None else str(Path(folder).resolve())}
    before = {name: os.environ.get(name) for name in given}
    os.environ.update({name: value for name, value in given.items() if value is not None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def is_remote_allowed() -> bool:
    """Whether files may refer to the network."""
    return os.environ.get(_REMOTE, "").lower() in {"1", "true", "yes", "on"}


def is_remote(reference: str) -> bool:
    """Whether a name in a file leads to the network."""
    return bool(_SYSTEMS.match(reference) or re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", reference))


def check_reference(reference: str, base: Path, owner: Path, homes: Collection[Path]) -> Path | None:
    """The file of this machine that a name in a file leads to; None for one on the network, which is allowed.

    Args:
        reference: the name as it stands in the file.
        base: folder that relative names start from.
        owner: the file that holds the name.
        homes: the folder of the file that the user named, and that of the file that it is a link to.

    Raises:
        InputError: the name leads to the network or another folder, which the user has not allowed; or it is no plain
            name of a file.
    """
    said = f"{owner} refers to {_short(reference)!r}"
    if is_remote(reference):
        if not is_remote_allowed():
            raise InputError(f"{said}, which is on the network; allow_remote=True allows that")
        return None
    driver = re.match(r"[A-Za-z_][A-Za-z0-9_+.-]+:", reference)  # a drive letter of Windows is one letter
    if not reference.strip() or reference != reference.strip() or reference[:1] == "<" or driver or "\0" in reference:
        raise InputError(f"{said}; only plain names of image files are followed")
    if reference.startswith("/vsi"):
        raise InputError(f"{said}; archives are not followed: unpack it, and refer to the files")
    file = Path(os.path.join(base, reference)).resolve()
    if not is_within(file, homes):
        raise InputError(
            f"{said}, which is outside of its folder; move it there, or allow_folder={file.parent} allows it"
        )
    return file


def is_within(file: Path, homes: Collection[Path]) -> bool:
    """Whether a file, its links resolved, is in or below one of the folders, or the one that the user allows."""
    given = os.environ.get(_FOLDER)
    return any(file.is_relative_to(folder) for folder in (*homes, *([Path(given).resolve()] if given else [])))


def _short(text: str) -> str:
    """Without a password or a query, in one line."""
    text = " ".join(re.sub(r"://[^/@\s]*@", "://", text).partition("?")[0].split())
    return text if len(text) <= 100 else f"{text[:97]}..."
