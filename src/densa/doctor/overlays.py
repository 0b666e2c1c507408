"""Masks on their images: sizes, places on the ground, turned, shifted, copies of the image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densa.datasets.wording import counted
from densa.doctor.alignment import TURNS, Alignment, peak_of
from densa.doctor.codes import FIX
from densa.doctor.finding import Finding, finding
from densa.doctor.subject import ImageFacts, Overlay, Record, Subject

__all__ = ["check_overlays", "is_scaled", "shift_of", "shifted_masks", "turn_of", "turned_masks"]

_LIKE = 1.5  # pixels between the shifts of two images that are the same
_CONSISTENT = 0.6  # share of the images that must show the shift of all
_CLEAR = 0.15, 0.05  # correlation of the best way of turning, and how far above twice that of the mask as it is
_VERY_CLEAR = 0.3
_EXCHANGED = (1, 3, 6, 7)  # ways of turning that exchange rows and columns


def check_overlays(subject: Subject) -> Iterator[Finding]:
    """What is wrong with how masks lie on their images."""
    pairs = [(record, record.overlay) for record in subject.records if record.overlay is not None]
    copies = [record for record, overlay in pairs if overlay.is_copy]
    if copies:
        yield finding(
            "mask-is-image",
            f"{counted(len(copies), 'mask')} with the picture of the image in place of classes",
            _files(copies),
        )
    misplaced = [(record, overlay) for record, overlay in pairs if overlay.misplaced and not subject.align]
    if misplaced:
        first = misplaced[0][1].misplaced
        sentence = f"{counted(len(misplaced), 'mask')} elsewhere on the ground than the image; first: {first}"
        yield finding("georeference-differs", sentence, _files([record for record, _ in misplaced]))
    yield from _sizes(subject, pairs)
    yield from _turns(subject, pairs)
    yield from _shifts(subject, pairs)


def _sizes(subject: Subject, pairs: list[tuple[Record, Overlay]]) -> Iterator[Finding]:
    unlike = [record for record, overlay in pairs if overlay.sizes_differ and not overlay.misplaced]
    exchanged = [record for record in unlike if _image_size(record) == record.mask_size[::-1]]
    if exchanged:
        first = exchanged[0]
        sizes = f"{_shown(first.mask_size)}, the image {_shown(_image_size(first))} (height x width)"
        sentence = f"{counted(len(exchanged), 'mask')} with rows and columns exchanged (transposed): {sizes}"
        yield finding("mask-transposed", sentence, _files(exchanged), mend=f"{FIX} turns them")
    others = [record for record in unlike if record not in exchanged]
    if others:
        first = others[0]
        same = all(is_scaled(record.mask_size, _image_size(record)) for record in others)
        sentence = (
            f"{counted(len(others), 'mask')} of another size than the image; first: {first.sample.mask.name} is "  # type: ignore[union-attr]
            f"{_shown(first.mask_size)}, the image {_shown(_image_size(first))}"
        )
        mend = f"{FIX} resamples them by the nearest pixel" if same else f"make them anew; {FIX} leaves the pairs out"
        yield finding("size-differs", sentence, _files(others), mend=mend)


def is_scaled(mask: tuple[int, int], image: tuple[int, int]) -> bool:
    """Whether a mask has the proportions of its image, to a pixel."""
    scale = image[0] / mask[0]
    return abs(mask[1] * scale - image[1]) <= max(1.0, scale)


def turn_of(overlay: Overlay) -> int:
    """The way of turning that lays a mask on its image, index into `TURNS`; 0 where it lies there, or nothing shows."""
    if overlay.turns is None:
        return 6 if overlay.sizes_differ else 0
    best = int(overlay.turns.argmax())
    if overlay.sizes_differ:
        return best if best in _EXCHANGED else 6
    clear = overlay.turns[best] >= _CLEAR[0] and overlay.turns[best] > 2 * overlay.turns[0] + _CLEAR[1]
    return best if clear else 0


def turned_masks(subject: Subject) -> dict[Path, int]:
    """Masks of the image's size that lie turned on it, with the way: most alike, or single ones very clearly."""
    seen = [
        (record.sample.mask, record.overlay, turn_of(record.overlay))
        for record in subject.records
        if record.overlay is not None
        and record.overlay.turns is not None
        and not record.overlay.sizes_differ
        and not (record.overlay.alignment and record.overlay.alignment.is_clear_shift)
    ]
    if shift_of(subject) is not None:  # what is shifted may look turned
        return {}
    found = [(path, how) for path, _, how in seen if how and path is not None]
    ways = Counter(how for _, how in found)
    if ways and ways.most_common(1)[0][1] >= max(2, _CONSISTENT * len(seen)):
        most = ways.most_common(1)[0][0]
        return {path: how for path, how in found if how == most}
    return {path: how for path, overlay, how in seen if how and path is not None and _is_very_clear(overlay, how)}


def _is_very_clear(overlay: Overlay, how: int) -> bool:
    turns = overlay.turns
    return turns is not None and turns[how] >= _VERY_CLEAR and turns[0] < turns[how] / 3


def _turns(subject: Subject, pairs: list[tuple[Record, Overlay]]) -> Iterator[Finding]:
    turned = turned_masks(subject)
    n = sum(overlay.turns is not None for _, overlay in pairs)
    for how in sorted(set(turned.values())):
        files = [path for path, own in turned.items() if own == how]
        code = "mask-transposed" if how == 6 else "mask-turned"
        sentence = f"{counted(len(files), 'mask')} of {n} compared {TURNS[how]} against the image, by the edges of both"
        yield finding(code, sentence, files, mend=f"{FIX} turns them", turn=TURNS[how])


def shift_of(subject: Subject) -> Alignment | None:
    """The shift that all masks have in common, where most of them show it."""
    surfaces: dict[tuple[int, ...], list[NDArray[np.float32]]] = {}
    alignments = []
    for record in subject.records:
        overlay = record.overlay
        if overlay is not None and overlay.surface is not None and overlay.alignment is not None:
            surfaces.setdefault(overlay.surface.shape, []).append(overlay.surface)
            alignments.append(overlay.alignment)
    if not surfaces:
        return None
    most = max(surfaces.values(), key=len)
    mean = np.mean(most, axis=0)
    middle = float(np.median(mean))
    spread = 1.4826 * float(np.median(np.abs(mean - middle)))
    if not spread > 0:
        return None
    common = peak_of(((mean - middle) / spread).astype(np.float32))
    if not common.is_shift or len(alignments) < 2:
        return None
    near = [own for own in alignments if _are_like(own, common)]
    return common if len(near) >= _CONSISTENT * len(alignments) else None


def shifted_masks(subject: Subject) -> dict[Path, Alignment]:
    """Masks that lie beside where they belong, with the shift: that of all, or of single ones beyond doubt."""
    turned = turned_masks(subject)
    seen = [
        (record.sample.mask, record.overlay.alignment)
        for record in subject.records
        if record.overlay is not None and record.overlay.alignment is not None and record.sample.mask is not None
    ]
    common = shift_of(subject)
    if common is not None:
        return {path: common for path, own in seen if _are_like(own, common)}
    return {path: own for path, own in seen if own.is_clear_shift and path not in turned}


def _shifts(subject: Subject, pairs: list[tuple[Record, Overlay]]) -> Iterator[Finding]:
    left = shifted_masks(subject)
    n = sum(overlay.alignment is not None for _, overlay in pairs)
    while left:
        first = next(iter(left.values()))
        alike = [path for path, own in left.items() if _are_like(own, first)]
        yield _shifted(alike, n, first)
        left = {path: own for path, own in left.items() if path not in alike}


def _shifted(files: list[Path], n: int, shift: Alignment) -> Finding:
    down = f"{abs(shift.rows)} pixels {'down' if shift.rows > 0 else 'up'}" if shift.rows else ""
    right = f"{abs(shift.columns)} pixels to the {'right' if shift.columns > 0 else 'left'}" if shift.columns else ""
    sentence = (
        f"{counted(len(files), 'mask')} of {n} compared shifted {' and '.join(filter(None, (down, right)))}, by the "
        f"edges of both ({shift.strength:.0f} standard deviations)"
    )
    mend = f"{FIX} moves them back by {-shift.rows} rows and {-shift.columns} columns"
    return finding("mask-shifted", sentence, files, mend=mend, rows=shift.rows, columns=shift.columns)


def _are_like(one: Alignment, other: Alignment) -> bool:
    return float(np.hypot(one.rows - other.rows, one.columns - other.columns)) <= _LIKE


def _image_size(record: Record) -> tuple[int, int]:
    assert isinstance(record.image, ImageFacts)
    return record.image.height, record.image.width


def _shown(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _files(records: list[Record]) -> list:  # type: ignore[type-arg]
    return [record.sample.mask for record in records if record.sample.mask is not None]
