"""Whether a data set suits a model: its bands, its classes, the sizes of its objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label, regionprops

from densa.datasets.masks import MaskScan
from densa.datasets.wording import listed
from densa.doctor.codings.recoding import labels_of
from densa.doctor.diagnosis import Diagnosis
from densa.doctor.finding import Finding, finding, in_order
from densa.doctor.labels import class_pixels
from densa.doctor.subject import ImageFacts, Subject
from densa.errors import InputError
from densa.legend import IGNORE
from densa.raster.masks.values import read_mask_file
from densa.segmenter import Segmenter

__all__ = ["suiting"]

_MASKS = 50  # whose objects are measured, spread over the data set
_MANY = 0.25  # share of the objects from which it is told
_LEAST_PIXELS = 4  # of an object
_FEWEST = 10  # objects from which their sizes say anything
_SMALL = 3, 4  # pixels, and parts of the stride, below which an object is small


def suiting(diagnosis: Diagnosis, model: Segmenter, *, patch_size: int | None = None) -> Diagnosis:
    """Add to a diagnosis what does not suit a model.

    Args:
        diagnosis: from `examine`.
        model: trained.
        patch_size: of its training, in pixels.

    Returns:
        The diagnosis with the findings "model-bands", "model-classes", "objects-large" and "objects-small".

    Examples:
        >>> import densa
        >>> from densa import datasets, doctor
        >>> data = datasets.coins("coins")
        >>> run = densa.train(data, model="unet", width=2, steps=2, patch_size=64, output="run", progress=False)
        >>> doctor.suiting(doctor.examine(data), densa.load(run.folder)).findings
        ()
    """
    if diagnosis.subject is None:
        return diagnosis
    found = [*_bands(diagnosis.subject, model), *_classes(diagnosis, model)]
    found += _objects(diagnosis.subject, model, patch_size)
    placed = (replace(one, mend=one.mend.replace("DATA", str(diagnosis.data))) for one in found)
    return replace(diagnosis, findings=in_order([*diagnosis.findings, *placed]))


def _bands(subject: Subject, model: Segmenter) -> Iterator[Finding]:
    unlike = [
        (record.sample.image, record.image.n_bands)
        for record in subject.records
        if isinstance(record.image, ImageFacts) and record.image.n_bands != model.bands.n_bands
    ]
    if unlike:
        sentence = (
            f"the model takes {model.bands.n_bands} bands ({', '.join(model.bands.names)}), {len(unlike)} of "
            f"{len(subject.records)} images have {listed(sorted({n for _, n in unlike}))}"
        )
        yield finding("model-bands", sentence, [path for path, _ in unlike])


def _classes(diagnosis: Diagnosis, model: Segmenter) -> Iterator[Finding]:
    if diagnosis.legend is None or diagnosis.legend.n_classes == 0:
        return
    own, there = model.legend.class_names, diagnosis.legend.class_names
    inferred = diagnosis.source.startswith("inferred")
    if (len(own) != len(there)) if inferred else (own != there):
        sentence = f"the model has the classes {listed(own)}, the data {listed(there)}"
        yield finding("model-classes", sentence)


def _objects(subject: Subject, model: Segmenter, patch_size: int | None) -> Iterator[Finding]:
    """Objects larger than what the model sees, or smaller than what it can show."""
    extents = _extents(subject)
    if len(extents) < _FEWEST:
        return
    field = None if getattr(model, "whole_image", False) else 2 * model.halo + 1
    sizes = {"its receptive field": field, "its patches in training": patch_size}
    known = {what: size for what, size in sizes.items() if size is not None and size > 1}
    if known:
        what, size = min(known.items(), key=lambda pair: pair[1])
        share = float((extents > size).mean())
        if share > _MANY:
            sentence = (
                f"{share:.0%} of the objects are longer than {what} of {size} pixels (median {np.median(extents):.0f})"
            )
            yield finding("objects-large", sentence, share=share, pixels=size)
    least = max(_SMALL[0], model.stride // _SMALL[1])
    share = float((extents < least).mean())
    if share > 2 * _MANY:
        sentence = f"{share:.0%} of the objects are shorter than {least} pixels (median {np.median(extents):.0f})"
        yield finding("objects-small", sentence, share=share, pixels=least)


def _extents(subject: Subject) -> NDArray[np.int64]:
    """Longer side of the box around each connected piece of a class, but the most frequent class."""
    if subject.recoding is None or subject.encoding == "instances":
        return np.empty(0, np.int64)
    total = np.zeros(subject.recoding.legend.n_classes + 1, np.int64)
    for record in subject.records:
        n = class_pixels(record, subject)
        total += 0 if n is None else n
    most = int(total[:-1].argmax())
    readable = [record for record in subject.records if record.is_readable and record.sample.drawn is None]
    extents = []
    for record in readable[:: max(1, len(readable) // _MASKS)]:
        assert isinstance(record.mask, MaskScan)
        path: Path = record.mask.path
        try:
            file = read_mask_file(path, page=record.sample.page)
        except InputError:
            continue
        labels = labels_of(file, record.mask, subject.recoding).astype(np.int16) + 1
        labels[(labels == most + 1) | (labels == IGNORE + 1)] = 0
        for region in regionprops(label(labels, background=0, connectivity=2)):
            if region.area >= _LEAST_PIXELS:
                top, left, bottom, right = region.bbox
                extents.append(max(bottom - top, right - left))
    return np.array(extents, np.int64)
