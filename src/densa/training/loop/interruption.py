"""Ctrl-C and SIGTERM in training: finish the step, save a checkpoint."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

__all__ = ["Interrupted", "Interruption"]


class Interrupted(Exception):
    """Training was stopped by a signal and its checkpoint is written; the message says how to resume.

    Attributes:
        folder: the run folder.
        step: optimiser steps done.
        number: of the signal.

    Examples:
        >>> from pathlib import Path
        >>> from densa.training import Interrupted
        >>> print(Interrupted(Path("runs"), 120))
        training stopped after step 120; the checkpoint is in runs; resume=True continues
    """

    def __init__(self, folder: Path, step: int, number: int = signal.SIGINT) -> None:
        super().__init__(f"training stopped after step {step}; the checkpoint is in {folder}; resume=True continues")
        self.folder, self.step, self.number = folder, step, int(number)


class Interruption:
    """Context in which the first SIGINT or SIGTERM only sets `requested`; a second one interrupts at once.

    Only the main thread receives signals; in another thread this has no effect. Where the step takes longer than
    `PATIENCE`, a line says what is waited for.
    """

    PATIENCE = 3.0  # seconds

    def __init__(self) -> None:
        self.requested = False
        self.number: int = signal.SIGINT
        self._before: dict[signal.Signals, Any] = {}
        self._timer = threading.Timer(self.PATIENCE, _say_what_is_waited_for)
        self._timer.daemon = True

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._timer.cancel()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested, self.number = True, number
        self._timer.start()


def _say_what_is_waited_for() -> None:
    with suppress(OSError, ValueError):  # stderr may be closed
        print("densa: stopping after this step; Ctrl-C again stops at once, without it", file=sys.stderr, flush=True)
