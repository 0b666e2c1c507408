"""The work folder beside an unfinished output: a journal of what is being made, and a file for every finished tile.

The journal holds fingerprints, which decide whether a run may continue another.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

import densa
from densa.engine.work.packing import has_whole_tile
from densa.errors import InputError
from densa.locations import ITEM_SUFFIXES, Assets, BandFiles, Elsewhere, chosen_assets
from densa.raster import Raster, Window
from densa.raster.choice.chosen import choice_of, whole_of

__all__ = ["WorkFolder", "content_hash", "image_identity", "origin_tags", "work_folder"]

_JOURNAL, _LOCK, _PUBLISHING, _ASSEMBLY = "journal.json", "lock", "publishing", "assembly"
_LARGEST_JOURNAL = 2**20  # bytes
_PROBE_BYTES = 2**16
_N_PROBES = 16
_N_PROBED_WINDOWS, _PROBED_PX = 4, 32  # of an image on the network
_OURS = re.compile(r"(([a-z0-9]+\.)?\d{9}\.tile|[a-z0-9]+\.table|journal\.json|lock|publishing)(\.[0-9a-f]{8}\.tmp)?$")


def work_folder(output: Path) -> Path:
    """The folder of the finished tiles of an output."""
    return output.with_name(output.name + ".partial")


class WorkFolder:
    """The work folder of one output.

    A tile is finished when its file is there and whole: files are written under another name, flushed to the disk and
    renamed, so that finished tiles survive any interruption.

    Args:
        output: the final file; the folder lies beside it.
        kind: what is being made: "prediction" or "segmentation".
        durable: wait until every file is on the disk; not needed where the run is never continued.
    """

    def __init__(self, output: Path, kind: str = "prediction", *, durable: bool = True) -> None:
        self.output = output
        self.durable = durable
        self.kind = kind
        self.path = work_folder(output)

    def stored(self) -> dict[str, Any] | None:
        """Content of the journal, None where there is none.

        Raises:
            InputError: the file is not a journal of densa.
        """
        path = self.path / _JOURNAL
        try:
            if path.stat().st_size > _LARGEST_JOURNAL:
                raise InputError(f"{path} is no journal of densa: it is too large; remove {self.path}")
            content = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{path} is damaged: it is no JSON; remove {self.path} and begin anew") from error
        if not isinstance(content, dict) or content.get("format") != f"densa-{self.kind}":
            raise InputError(
                f"{path} is no journal of densa for a {self.kind}; remove {self.path} or choose another output"
            )
        return content

    def begin(self, description: Mapping[str, Any]) -> None:
        """Write the journal; of several processes that begin at once, one writes it."""
        self.make()
        content = json.dumps({"format": f"densa-{self.kind}", **description}, indent=1)
        temporary = self._write_temporary(_JOURNAL, content.encode())
        try:
            os.link(temporary, self.path / _JOURNAL)
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            if not (self.path / _JOURNAL).exists():
                os.replace(temporary, self.path / _JOURNAL)
        temporary.unlink(missing_ok=True)

    def make(self) -> None:
        """Make the folder if it is missing.

        Raises:
            InputError: there is a file of that name.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise InputError(f"{self.path} is in the way: it is no folder; remove it") from error

    def check(self, description: Mapping[str, Any]) -> None:
        """Refuse a journal of another job.

        Raises:
            InputError: names the first difference.
        """
        found = self.stored() or {}
        for what in description:
            here, there = description[what], found.get(what)
            if isinstance(here, Mapping) and isinstance(there, Mapping) and here.keys() - there.keys():
                raise InputError(
                    f"{self.path} was begun by another version of densa, which computes otherwise; finish it with that "
                    "version, or give overwrite=True without resume=True to begin anew"
                )
            if here != there:
                raise InputError(
                    f"{self.path} belongs to another {what}: {_difference(here, there)}; "
                    "give the arguments that it was begun with, or overwrite=True without resume=True to begin anew"
                )

    def finished(self, shapes: Mapping[int, tuple[int, int, int]]) -> set[int]:
        """Numbers of the tiles whose files are whole; files that are not are removed.

        Args:
            shapes: planes, height and width of every tile.
        """
        done = set()
        for number, shape in shapes.items():
            path = self._tile(number)
            try:
                # Incompressible bytes grow by less than a hundredth; larger files are not read.
                sound = path.stat().st_size <= 1.01 * shape[0] * shape[1] * shape[2] + 4096
                if sound and has_whole_tile(path.read_bytes(), shape):
                    done.add(number)
                else:
                    path.unlink(missing_ok=True)
            except FileNotFoundError:
                continue
        return done

    def has(self, number: int) -> bool:
        """Whether the file of a tile is there; `finished` says whether it is whole."""
        return self._tile(number).exists()

    def store(self, number: int, data: bytes) -> None:
        """Keep a finished tile."""
        self.write(self._tile(number).name, data)

    def load(self, number: int) -> bytes:
        """The bytes of a finished tile."""
        return self._tile(number).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        """Write a file completely or not at all."""
        os.replace(self._write_temporary(name, data), self.path / name)

    def mark_publishing(self) -> None:
        """Record that the final files are being put in place, so that a later run may replace them."""
        (self.path / _PUBLISHING).touch()

    @property
    def publishing(self) -> bool:
        """Whether final files may already be in place."""
        return (self.path / _PUBLISHING).exists()

    @contextmanager
    def lock(self) -> Iterator[bool]:
        """Lock the folder; yields False where another process has locked or removed it."""
        try:
            file = (self.path / _LOCK).open("a+b")
        except FileNotFoundError:
            yield False
            return
        with file:
            yield _lock(file.fileno())

    def clear(self) -> None:
        """Remove all files of densa, except for the lock.

        Raises:
            InputError: there are files that densa did not write.
        """
        for path in self.path.iterdir():
            if path.name != _ASSEMBLY and not _OURS.match(path.name):
                raise InputError(
                    f"{self.path} holds {path.name}, which is not of densa; move it or choose another output"
                )
        # The journal first: without it, the other files belong to no job.
        (self.path / _JOURNAL).unlink(missing_ok=True)
        for path in self.path.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != _LOCK:
                path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder.

        Raises:
            InputError: as `clear`.
        """
        if self.path.is_dir():
            self.clear()
            shutil.rmtree(self.path, ignore_errors=True)

    def remove_if_nothing_is_finished(self) -> None:
        """Remove the folder of a run that failed before its first tile: there is nothing to continue."""
        with suppress(OSError, InputError):
            if not any(path.name.endswith((".tile", ".table")) for path in self.path.iterdir()):
                self.remove()

    def assembly(self) -> Path:
        """An empty folder for files that are being assembled."""
        path = self.path / _ASSEMBLY
        with suppress(FileNotFoundError):
            shutil.rmtree(path)
        path.mkdir()
        return path

    def _tile(self, number: int) -> Path:
        return self.path / f"{number:09d}.tile"

    def _write_temporary(self, name: str, data: bytes) -> Path:
        temporary = self.path / f"{name}.{secrets.token_hex(4)}.tmp"
        with temporary.open("wb") as file:
            file.write(data)
            if self.durable:
                file.flush()
                os.fsync(file.fileno())
        return temporary


def _lock(descriptor: int) -> bool:
    """Lock an open file; the system unlocks it when the process ends, in any way."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _difference(here: Any, there: Any) -> str:
    """The first value that differs, as text."""
    if isinstance(here, Mapping) and isinstance(there, Mapping):
        for key in here:
            if here[key] != there.get(key):
                return f"{key} is now {_short(here[key])}, it was {_short(there.get(key))}"
    return f"it is now {_short(here)}, it was {_short(there)}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


# ------------------------------------------------------------------------------------------------ fingerprints


def image_identity(raster: Raster, page: int) -> dict[str, Any]:
    """Name, size, time and some of the content of an image file.

    The folder is left out: machines that share the file may see it under another path.
    """
    choice, raster = choice_of(raster), whole_of(raster)
    if isinstance(raster.path, (Elsewhere, Assets, BandFiles)) or raster.path.suffix.lower() in ITEM_SUFFIXES:
        address = str(raster.path) if isinstance(raster.path, Elsewhere) else raster.path.name
        assets = {"assets": list(chosen_assets(raster.path))} if chosen_assets(raster.path) else {}
        files = {"files": [file.name for _, file in raster.path.bands]} if isinstance(raster.path, BandFiles) else {}
        file: dict[str, Any] = {"address": address, **assets, **files, "content": _probe_pixels(raster)}
    else:
        status = raster.absolute_path.stat()
        content = _probe(raster.absolute_path, status.st_size)
        file = {"bytes": status.st_size, "modified_ns": status.st_mtime_ns, "content": content}
    return {
        "name": raster.path.name,
        "page": page,
        **file,
        "height": raster.height,
        "width": raster.width,
        "bands": raster.n_bands,
        **({} if choice is None else {"chosen": choice.identity()}),
    }


def origin_tags(image: Mapping[str, Any]) -> dict[str, str]:
    """Tags that say which version made a file of which image; the same for any tiles and on any day.

    Args:
        image: from `image_identity`.
    """
    name = image["name"].encode("utf-8", "backslashreplace").decode("utf-8")  # a name may have bytes that are no text
    part = {name: image[name] for name in ("page", "chosen") if image.get(name)}
    which = f" {json.dumps(part, sort_keys=True)}" if part else ""
    return {"DENSA_VERSION": densa.__version__, "DENSA_IMAGE": f"{name} {image['content']}{which}"}


def content_hash(content: Mapping[str, Any]) -> str:
    """Hash of values that JSON can represent."""
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=12).hexdigest()


def _probe_pixels(raster: Raster) -> str:
    """Hash of small windows of an image that is no file of this machine, the first and the last among them."""
    found = hashlib.blake2b(digest_size=16)
    height, width = min(_PROBED_PX, raster.height), min(_PROBED_PX, raster.width)
    for share in np.linspace(0, 1, _N_PROBED_WINDOWS):
        row, column = int(share * (raster.height - height)), int(share * (raster.width - width))
        values, valid = raster.read(Window(row, column, height, width))
        found.update(values.tobytes() + np.packbits(valid).tobytes())
    return found.hexdigest()


def _probe(path: Path, n_bytes: int) -> str:
    """Hash of evenly spread pieces of a file, the first and the last among them."""
    found = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        for start in sorted({int(s) for s in np.linspace(0, max(n_bytes - _PROBE_BYTES, 0), _N_PROBES)}):
            file.seek(start)
            found.update(file.read(_PROBE_BYTES))
    return found.hexdigest()
