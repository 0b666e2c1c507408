"""Images: bands, types and units that differ, images that are constant or empty, reference systems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from densa.datasets.check import OTHER_UNIT, unusual
from densa.datasets.wording import counted
from densa.doctor.codes import FIX
from densa.doctor.finding import Finding, finding
from densa.doctor.subject import ImageFacts, Record, Subject

__all__ = ["check_images"]

_SURELY_OTHER_UNIT = 100.0  # ratio between the means of two images


def check_images(subject: Subject) -> Iterator[Finding]:
    """What is wrong with the images by themselves."""
    read = [(record, record.image) for record in subject.records if isinstance(record.image, ImageFacts)]
    records, facts = [record for record, _ in read], [image for _, image in read]
    yield from _bands(records, facts)
    yield from _types(records, facts)
    if found := unusual([image.scale for image in facts]):
        usual, n, others = found
        sentence = f"{counted(len(others), 'image')} with values declared in another unit than {n} others ({usual})"
        yield finding("scale-differs", sentence, [records[k].sample.image for k in others])
    yield from _units(records, facts)
    empty = [record.sample.image for record, image in read if not image.any_valid]
    if empty:
        yield finding("image-empty", f"{counted(len(empty), 'image')} without a valid pixel: all are nodata", empty)
    constant = [record.sample.image for record, image in read if image.any_valid and image.low == image.high]
    if constant:
        yield finding("image-constant", f"{counted(len(constant), 'image')} of one value everywhere", constant)
    yield from _systems(records, facts)


def _bands(records: list[Record], facts: list[ImageFacts]) -> Iterator[Finding]:
    found = unusual([image.n_bands for image in facts])
    if found is None:
        yield from _alpha(records, facts)
        return
    usual, n, others = found
    counts = sorted({facts[k].n_bands for k in others})
    sentence = f"{counted(len(others), 'image')} of {' or '.join(map(str, counts))} bands, {n} others of {usual}"
    mend = f"--bands {','.join(str(b) for b in range(1, usual + 1))}; or {FIX}" if min(counts) > usual else FIX
    yield finding("bands-differ", sentence, [records[k].sample.image for k in others], mend=mend, usual=usual)


def _alpha(records: list[Record], facts: list[ImageFacts]) -> Iterator[Finding]:
    """TIFF files of which some have a band more, which writers mark as alpha whatever it holds."""
    tiffs = [record.sample.image.suffix.lower() in (".tif", ".tiff") for record in records]
    found = unusual([image.has_alpha if tiff else None for image, tiff in zip(facts, tiffs, strict=True)])
    if found is None:
        return
    usual, n, others = found
    more = f"of {facts[0].n_bands} bands and one more, which is taken for alpha"
    less = f"of {facts[0].n_bands} bands alone"
    kinds = (less, more) if usual else (more, less)
    sentence = f"{counted(len(others), 'image')} {kinds[0]}, {n} others {kinds[1]}"
    yield finding("bands-differ", sentence, [records[k].sample.image for k in others], severity="warning")


def _types(records: list[Record], facts: list[ImageFacts]) -> Iterator[Finding]:
    found = unusual([image.dtype for image in facts])
    if found is None:
        return
    usual, n, others = found
    kinds = sorted({facts[k].dtype for k in others})
    sentence = f"{counted(len(others), 'image')} with values of the type {' or '.join(kinds)}, {n} others with {usual}"
    yield finding("type-differs", sentence, [records[k].sample.image for k in others], usual=usual)


def _units(records: list[Record], facts: list[ImageFacts]) -> Iterator[Finding]:
    levels = {k: image.level for k, image in enumerate(facts) if image.level > 0}
    if not levels:
        return
    low, high = min(levels, key=levels.__getitem__), max(levels, key=levels.__getitem__)
    ratio = levels[high] / levels[low]
    if ratio < OTHER_UNIT:
        return
    names = [records[k].sample.image for k in (low, high)]
    sentence = (
        f"the values of images differ by {ratio:.2g} times (mean {levels[low]:.3g} in {names[0].name}, "
        f"{levels[high]:.3g} in {names[1].name}): are all in one unit?"
    )
    severity = "warning" if ratio >= _SURELY_OTHER_UNIT else "note"
    yield finding("unit-differs", sentence, names, severity=severity, ratio=ratio)  # type: ignore[arg-type]


def _systems(records: list[Record], facts: list[ImageFacts]) -> Iterator[Finding]:
    """Images in degrees beside others in metres, or without a reference system beside others with one."""
    placed = [(record.sample.image, image.crs) for record, image in zip(records, facts, strict=True) if image.is_placed]
    kinds = [(path, "none" if crs is None else "degrees" if crs.is_geographic else "metres") for path, crs in placed]
    counts = Counter(kind for _, kind in kinds)
    if len(counts) > 1:
        usual = counts.most_common(1)[0][0]
        others = [path for path, kind in kinds if kind != usual]
        named = {
            "none": "name no reference system",
            "degrees": "lie in one of degrees",
            "metres": "lie in one of metres",
        }
        there = sorted({kind for _, kind in kinds} - {usual})
        kinds_there = " or ".join(named[kind] for kind in there)
        sentence = f"{counted(len(others), 'image')} {kinds_there}, {counts[usual]} {named[usual]}"
        yield finding("crs-differs", sentence, others)
        return
    systems = Counter(str(crs) for _, crs in placed if crs is not None)
    if len(systems) > 1:
        usual = systems.most_common(1)[0][0]
        others = [path for path, crs in placed if str(crs) != usual]
        sentence = f"the images lie in {len(systems)} reference systems: {', '.join(_short(name) for name in systems)}"
        yield finding("crs-differs", sentence, others, severity="note")


def _short(name: str) -> str:
    return name if len(name) < 40 else name[:37] + "..."
