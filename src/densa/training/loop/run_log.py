"""Log of a run: metrics.csv, a progress bar on stderr and, on request, TensorBoard."""

from __future__ import annotations

import csv
import math
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from densa.errors import InputError
from densa.progress import NotebookLine, ProgressLines, in_notebook

__all__ = ["COLUMNS", "RunLog"]

COLUMNS = (
    "step", "seconds", "learning_rate", "loss", "images_per_second",
    "global_accuracy", "class_average", "mean_iou", "best_patch_size",
)  # fmt: skip
"""The columns of metrics.csv; accuracies and IoU are of the validation images, empty in rows without a validation.

The best patch size is given with each validation, where sizes are drawn."""


class RunLog:
    """Context manager; `row` adds a line to metrics.csv, `show` moves the progress bar.

    Args:
        folder: run folder.
        step: rows of later steps, which a killed run may have left, are removed.
        progress: draw a progress bar on stderr, in a notebook a line below the cell.
        tensorboard: write event files to `folder`/tensorboard as well.

    Raises:
        InputError: TensorBoard is requested and not installed, or the file cannot be written.
    """

    def __init__(self, folder: Path, *, step: int = 0, progress: bool = True, tensorboard: bool = False) -> None:
        self._path = folder / "metrics.csv"
        self._keep_rows(step)
        self._line = NotebookLine() if progress and in_notebook() else None
        console = Console(stderr=True)
        plain = progress and self._line is None and not console.is_terminal
        self._lines = ProgressLines("training") if plain else None
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[numbers]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not progress or self._line is not None or plain,
        )
        self._task = self._bar.add_task("training", total=1.0, numbers="")
        self._writer = _tensorboard(folder / "tensorboard", step) if tensorboard else None

    def __enter__(self) -> RunLog:
        self._bar.start()
        if self._lines is not None:
            self._lines.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()
        if self._lines is not None:
            self._lines.__exit__()
            print(self._lines.line(), file=sys.stderr)
        if self._writer is not None:
            self._writer.close()

    def row(self, **values: float) -> None:
        """Append a row; `values` are some of `COLUMNS`, "step" among them."""
        texts = {name: _text(value) for name, value in values.items()}
        self._write([[texts.get(name, "") for name in COLUMNS]], "a")
        if self._writer is not None:
            for name, value in values.items():
                if name != "step" and math.isfinite(value):
                    self._writer.add_scalar(name, value, int(values["step"]))

    def show(self, share: float, *, step: int, loss: float, images_per_second: float) -> None:
        """Move the bar to a share of the run."""
        numbers = f"step {step}, loss {loss:.4f}, {images_per_second:.1f} images/s"
        self._bar.update(self._task, completed=share, numbers=numbers)
        if self._lines is not None:
            self._lines.show(share, numbers)
        if self._line is not None:
            self._line.show(f"training: {share:.0%}, {numbers}", last=share >= 1)

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        if self._line is not None or self._lines is not None:
            print(line, file=sys.stderr)
        elif not self._bar.disable:
            self._bar.console.print(line, highlight=False, markup=False)

    def _keep_rows(self, step: int) -> None:
        rows: list[list[str]] = []
        if step and self._path.is_file():
            with self._path.open(newline="", encoding="utf-8") as file:
                rows = [row for row in list(csv.reader(file))[1:] if len(row) == len(COLUMNS) and int(row[0]) <= step]
        self._write([list(COLUMNS), *rows], "w")

    def _write(self, rows: list[list[str]], mode: str) -> None:
        try:
            with self._path.open(mode, newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(rows)
        except OSError as error:
            raise InputError(f"{self._path} cannot be written: {error}") from error


def _text(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return f"{value:.6g}" if math.isfinite(value) else ""


def _tensorboard(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InputError("TensorBoard is not installed; pip install densa[tensorboard], or train without it") from error
    return SummaryWriter(str(folder), purge_step=step + 1)
