"""Outputs are checked before the work: against the inputs, against each other, and for a place to be written to."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from densa.errors import InputError
from densa.locations import Elsewhere, location

__all__ = ["check_folder", "check_outputs", "files_inside", "is_same", "space_notes"]

# Names of temporary and auxiliary files add to that of the output: ".partial", ".aux.xml".
_MOUNTS = Path("/proc/mounts")
_LARGEST_ON_FAT = 2**32 - 1  # bytes of a file
_LONGEST_NAME = 255 - len(".aux.xml.12345678.tmp")  # bytes


def check_outputs(outputs: Iterable[tuple[str, Path]], inputs: Iterable[Path], *, where: bool = True) -> None:
    """Refuse outputs that would replace what is read, or each other, or that no file can be made for.

    Two paths are one file where they have one inode (links, symbolic links) or lead to one place.

    Args:
        outputs: product and file of each.
        inputs: files that are read; those that do not exist are left out.
        where: check the folders of the outputs, too.

    Raises:
        InputError: names the output, and the input or the other product.
    """
    known = dict(_named(inputs))
    taken: dict[object, str] = {}
    for product, path in outputs:
        _check_here(path)
        _check_name(path)
        if path.is_dir():
            raise InputError(f"{path} is a folder; give the name of a file")
        for key in _keys(path):
            if key in known:
                also = "" if str(known[key]) == str(path) else f" ({known[key]})"
                raise InputError(f"{path} is an input of this command{also} and is not replaced; choose another output")
            if key in taken:
                raise InputError(f"{path} is named for two products, {taken[key]} and {product}; give each its own")
        taken |= dict.fromkeys(_keys(path), product)
        if where:
            check_folder(path.parent)


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be made, or not be written to; nothing is made.

    Raises:
        InputError: names what is in the way.
    """
    _check_here(folder)
    place = folder if folder.parts else Path(".")
    try:
        while not os.path.lexists(place):
            place = place.parent
        is_folder = place.is_dir()
    except OSError as error:  # a part of the path is a file, or its name is too long
        raise InputError(f"folder {folder} cannot be made: {error.strerror}") from error
    if not is_folder:
        raise InputError(f"folder {folder} cannot be made: {place} is no folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise InputError(f"folder {place} cannot be written to; choose another output, or change its permissions")


def space_notes(folder: Path, n_bytes: int, largest: int) -> list[str]:
    """Lines for the user where files may not fit in a folder; nothing is known of their compression yet.

    Args:
        folder: where the files go; it exists.
        n_bytes: of all of them together, uncompressed.
        largest: of the largest one.
    """
    notes = []
    with suppress(OSError):
        free = shutil.disk_usage(folder).free
        if n_bytes > free:
            notes.append(f"{folder} has {_size(free)} left, the files take up to {_size(n_bytes)} before compression")
    if largest > _LARGEST_ON_FAT and _file_system(folder) in ("vfat", "msdos"):
        notes.append(f"{folder} is on a FAT file system, where a file has at most 4 GB; this one may become larger")
    with suppress(ImportError, OSError):
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
        if limit != resource.RLIM_INFINITY and largest > limit:
            notes.append(f"a file may have {_size(limit)} here (ulimit -f), {_size(largest)} may be needed")
    return notes


def _size(n_bytes: int) -> str:
    """Bytes for people, so that a little is not nothing."""
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n_bytes >= factor:
            return f"{n_bytes / factor:.3g} {unit}" if n_bytes < 1000 * factor else f"{n_bytes / factor:.0f} {unit}"
    return f"{n_bytes} bytes"


def _file_system(folder: Path) -> str:
    """Type of the file system of a folder, where the system says it (Linux)."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    place, best, kind = os.path.join(os.path.realpath(folder), ""), "", ""
    for words in (line.split() for line in lines):
        if len(words) >= 3:
            mount = os.path.join(words[1].replace("\\040", " "), "")
            if place.startswith(mount) and len(mount) >= len(best):
                best, kind = mount, words[2]
    return kind


def is_same(first: Path, second: Path) -> bool:
    """Whether two paths are one file or folder, or lead to one place."""
    return bool(set(_keys(first)) & set(_keys(second)))


def files_inside(place: Path, patterns: Iterable[str] = ("**/*",)) -> list[Path]:
    """A file itself, or the files in a folder that match a pattern."""
    if not place.is_dir():
        return [place]
    return [path for pattern in patterns for path in place.glob(pattern) if path.is_file()]


def _named(paths: Iterable[Path]) -> Iterator[tuple[object, Path]]:
    for path in paths:
        for key in _keys(path):
            yield key, path


def _keys(path: Path) -> list[object]:
    """What identifies a file: its place, and where it exists its device and inode."""
    keys: list[object] = []
    try:
        # The last part is not followed: an output replaces a link, not what it leads to.
        keys.append(os.path.normcase(os.path.join(os.path.realpath(path.parent), path.name)))
        found = path.stat()
    except (OSError, ValueError):
        return keys
    return [*keys, (found.st_dev, found.st_ino)] if found.st_ino else keys


def _check_here(path: Path) -> None:
    if isinstance(location(path), Elsewhere):
        raise InputError(f"{location(path)} cannot be written: outputs are files of this machine; give one")


def _check_name(path: Path) -> None:
    if "\0" in str(path):
        raise InputError(f"{str(path)!r} is no name of a file: it has a null character")
    if not path.name:
        raise InputError(f"{path} is no name of a file; give one")
    n_bytes = len(os.fsencode(path.name))
    if n_bytes > _LONGEST_NAME:
        raise InputError(
            f"{path.name[:40]}... has {n_bytes} bytes, a name may have {_LONGEST_NAME}; choose a shorter one"
        )
