"""What a score is measured on, for the command line, the JSON and the page."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["MeasuredOn"]


@dataclass(frozen=True)
class MeasuredOn:
    """The images that a score is of.

    Attributes:
        split: "test", "val", "train", "all", or "held out": validation images of the run and images new to it.
        images: number of images, or of windows of images.
        of: number of images in the data set.
        trained_on: whether the model was trained on any of them; None where that is not known.
        note: what else is known, in words.
        windows: whether windows of images are measured.
        taken: what was taken for what in the data set, see `densa.datasets.Dataset`.

    Examples:
        >>> from densa import reports
        >>> print(reports.MeasuredOn("val", 12, 60, False, "not trained on"))
        val: 12 of 60 images; not trained on
        >>> print(reports.MeasuredOn("train", 48, 48, True))
        TRAINING IMAGES: train: 48 images
    """

    split: str
    images: int
    of: int
    trained_on: bool | None = None
    note: str = ""
    windows: bool = False
    taken: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @property
    def label(self) -> str:
        """Words to put before the scores, where they are of training images; otherwise empty."""
        return "TRAINING IMAGES: " if self.trained_on else ""

    def __str__(self) -> str:
        whole = "image" if self.of == 1 else "images"
        if self.windows:
            count = f"{self.images} windows of {self.of} {whole}"
        else:
            count = f"{self.images} {whole}" if self.images == self.of else f"{self.images} of {self.of} {whole}"
        return f"{self.label}{self.split}: {count}" + (f"; {self.note}" if self.note else "")

    def to_json(self) -> dict[str, Any]:
        """The attributes, and the text of them; `taken` where there is something."""
        content = {**asdict(self), "text": str(self), "taken": list(self.taken)}
        return content if self.taken else {name: value for name, value in content.items() if name != "taken"}
