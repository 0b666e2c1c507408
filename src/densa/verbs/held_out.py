"""A trained model and the labelled images that it is measured on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from densa.errors import InputError
from densa.settings import Alignment, Bands, Computation, LegendFile, SplitBy
from densa.verbs.inputs import fitted, reading_of
from densa.verbs.tell import tell

if TYPE_CHECKING:
    from densa.datasets import Dataset
    from densa.options import Group
    from densa.raster import Raster
    from densa.reports import MeasuredOn
    from densa.segmenter import BandContract, Segmenter

__all__ = ["Fit", "HeldOut", "held_out_of"]


class Fit:
    """Fits images to a model; says what was decided once, not for every image."""

    def __init__(self, contract: BandContract, settings: Group) -> None:
        self.contract, self.settings, self.said = contract, settings, set[str]()

    def __call__(self, image: Raster) -> Raster:
        """The bands of an image as the model takes them."""
        return fitted(self.contract, image, self.settings, said=self.said).raster


@dataclass(frozen=True)
class HeldOut:
    """A model, the images, what is known of them, and the function that gives the model's bands of an image."""

    segmenter: Segmenter
    images: Dataset
    measured_on: MeasuredOn
    fit: Fit


def held_out_of(folder: Path, data: Path, settings: Group, *splits: str | None) -> HeldOut:
    """The model of a folder and the images of a data set that it was not trained on.

    Args:
        folder: a run or model folder.
        data: a data set.
        settings: `LegendFile`, `Alignment`, `SplitBy`, `Bands`, `Computation`, and what `fitted` and `reading_of` take.
        splits: the first of these that there is, see `densa.reports.held_out.held_out`.

    Raises:
        InputError: no model, no such images, or images that cannot be read.
    """
    from densa import datasets, methods
    from densa.datasets.opening import open_whole
    from densa.reports.held_out import held_out, own_folders, own_reading, record_of_model

    segmenter = methods.load(folder, **settings.part(Computation).flat())
    opened = open_whole(
        data,
        settings.part(LegendFile).legend or segmenter.legend,
        align=settings.part(Alignment).align,
        reading=own_reading(folder) | reading_of(settings),
        split_file=settings.part(SplitBy).split_file,
        fold=settings.part(SplitBy).fold,
        **own_folders(folder, data),
    )
    record = record_of_model(folder)
    for number, split in enumerate(splits, 1):
        try:
            chosen, measured_on = held_out(opened, record, split, data)
            break
        except InputError:
            if number == len(splits):
                raise
    if settings.part(Bands).bands is None:
        chosen = replace(chosen, like=segmenter.bands.bands)
    for line in chosen.remarks:
        tell(line)
    datasets.check(chosen, tell=tell)
    return HeldOut(segmenter, chosen, measured_on, Fit(segmenter.bands, settings))
