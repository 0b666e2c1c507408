"""Faults of writing: the n-th step that writes below a folder fails, or kills the process.

Steps are files that Python opens for writing (the fault comes after half of what is written), renames, new folders and
links, and the calls by which GDAL, GEOS' formats and safetensors write. `python -m tests.field.faults` is the parent
of the commands that are killed.
"""

import builtins
import errno
import io
import json
import os
import signal
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

CODES = (errno.ENOSPC, errno.EFBIG, errno.EIO, errno.EACCES)


class Steps:
    """Counts the steps below a folder; at number `fail_at` (from 1) `fault` is called, which raises or kills."""

    def __init__(self, folder, fail_at=0, fault=None):
        self.folder, self.fail_at, self.fault, self.n = str(folder), fail_at, fault, 0

    def is_due(self, path):
        """Count a step; whether it is the one that fails."""
        try:
            text = os.path.abspath(os.fsdecode(path))
        except TypeError:  # a descriptor
            return False
        if not text.startswith(self.folder):
            return False
        self.n += 1
        return self.n == self.fail_at

    def step(self, path):
        """Count a step, and fail if it is due."""
        if self.is_due(path):
            self.fault()


class _HalfWritten:
    """A file that takes half of the first data, then fails."""

    def __init__(self, file, fault):
        self._file, self._fault = file, fault

    def write(self, data):
        self._file.write(data[: len(data) // 2])
        self._file.flush()
        self._fault()

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        self._file.__enter__()
        return self

    def __exit__(self, *error):
        return self._file.__exit__(*error)


@contextmanager
def faults(steps):
    """The functions that write, patched."""
    opened = io.open
    half = []

    def open_(file, mode="r", *arguments, **named):
        found = opened(file, mode, *arguments, **named)
        if not set(mode) & set("wax+") or not steps.is_due(file):
            return found
        half.append(file)
        return _HalfWritten(found, steps.fault)

    def before(function, *places):
        def call(*arguments, **named):
            for place in places:
                steps.step(named.get(place, arguments[place]) if isinstance(place, int) else place(*arguments, **named))
            return function(*arguments, **named)

        return call

    import pyogrio.raw
    import rasterio.shutil

    from densa.raster.writing.geotiff import GeoTiffFile
    from densa.segmenter import forest_folder, model_folder
    from densa.training.loop import checkpoints

    with ExitStack() as stack:
        for module in (builtins, io):
            stack.enter_context(mock.patch.object(module, "open", open_))
        for name, place in (("replace", 1), ("rename", 1), ("mkdir", 0), ("link", 1)):
            stack.enter_context(mock.patch.object(os, name, before(getattr(os, name), place)))
        for module in (forest_folder, model_folder, checkpoints):
            stack.enter_context(mock.patch.object(module, "save_file", before(module.save_file, 1)))
        stack.enter_context(mock.patch.object(rasterio.shutil, "copy", before(rasterio.shutil.copy, 1)))
        stack.enter_context(mock.patch.object(pyogrio.raw, "write", before(pyogrio.raw.write, 0)))
        stack.enter_context(
            mock.patch.object(GeoTiffFile, "write", before(GeoTiffFile.write, lambda file, *_, **__: file._path))
        )
        yield


def raising(code):
    """A fault that is an error of the system."""

    def fault():
        raise OSError(code, os.strerror(code))

    return fault


def main():
    """Run commands, each killed at a step; FOLDER, STEP and ARGUMENTS of each are read as JSON.

    Prints the exit codes. What takes seconds to import is imported once.
    """
    from densa import cli
    from densa.verbs import predict, segment, train  # noqa: F401

    for folder, step, arguments in json.load(sys.stdin):
        child = os.fork()
        if not child:
            os.chdir(folder)
            sys.argv = ["densa", *arguments]
            with faults(Steps(Path(folder).resolve(), step, lambda: os.kill(os.getpid(), signal.SIGKILL))):
                os._exit(cli.run())
        print("ended", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
