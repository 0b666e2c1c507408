"""Examine a data set, report what is wrong with it, and write a mended copy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from densa.options import must_exist
from densa.progress import progress_bar
from densa.verbs.settings import DoctorOptions

if TYPE_CHECKING:
    from densa.doctor import Diagnosis

__all__ = ["doctor"]


def doctor(data: Path | str, *, progress: bool = True, **options: Any) -> Diagnosis:
    """Examine a data set.

    Args:
        data: folder of images and masks.
        progress: show a progress bar on stderr.
        **options: the options of `densa doctor`, by name, see the reference.

    Raises:
        InputError: options that do not fit, or `data` is not a folder.
    """
    settings = DoctorOptions.of(**options)
    must_exist(data=data)
    from densa.doctor import examine

    with progress_bar("doctor", shown=progress) as show:
        return examine(data, legend=settings.legend, progress=show)
