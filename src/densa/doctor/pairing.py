"""Pairs of files: masks that are missing, of no image, or several of one; names that differ in case alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from densa.datasets.layouts.pairing import PairingProblem
from densa.datasets.wording import counted
from densa.doctor.finding import Finding, finding
from densa.doctor.subject import Subject

__all__ = ["check_pairing"]

_CROSSED = "crossed themselves"  # what is said of the polygons of a file


def check_pairing(subject: Subject) -> Iterator[Finding]:
    """Images without a mask, masks without an image, several files of one name, names that differ in case."""
    yield from _missing(subject)
    problems = [problem for those in subject.layout.problems.values() for problem in those]
    coded = [problem for problem in problems if isinstance(problem, PairingProblem)]
    extra = [problem.path for problem in coded if problem.code == "mask-extra"]
    if extra:
        yield finding("mask-extra", f"{counted(len(extra), 'mask')} without an image", extra)
    several = [problem for problem in coded if problem.code == "name-ambiguous"]
    if several:
        files = [problem.path for problem in several]
        sentence = f"{counted(len(several), 'name')} of several files; first: {several[0]}"
        yield finding("name-ambiguous", sentence, files)
    others = [problem for problem in problems if not isinstance(problem, PairingProblem)]
    if others:
        yield finding("pairs-odd", "; ".join(others[:3]))
    yield from _case(subject)
    mended = [remark for remark in subject.layout.remarks if _CROSSED in remark]
    if mended:
        yield finding("geometry-invalid", "; ".join(mended[:3]))


def _missing(subject: Subject) -> Iterator[Finding]:
    whole = [("the data", list(subject.records))]
    for split, records in subject.splits() if subject.own_splits else whole:
        missing = [record.sample.image for record in records if record.sample.mask is None]
        if not missing:
            continue
        if split == "test" and len(missing) == len(records):
            yield finding(
                "mask-missing", "the images of the test split have no masks", missing, severity="note", mend=""
            )
        else:
            yield finding("mask-missing", f"{counted(len(missing), 'image')} of {split} without a mask", missing)


def _case(subject: Subject) -> Iterator[Finding]:
    pairs = [record.sample for record in subject.records if record.sample.mask is not None and not record.sample.drawn]
    unlike: list[Path] = []
    for sample in pairs:
        image, mask = sample.image.stem, sample.mask.stem  # type: ignore[union-attr]
        if image != mask and image.lower() == mask.lower():
            unlike.append(sample.mask)  # type: ignore[arg-type]
    if not unlike:
        return
    by_rule = len(unlike) > len(pairs) / 2  # all of them: how the masks are named
    sentence = f"{counted(len(unlike), 'mask')} of {len(pairs)} named like the image but for the case of letters"
    yield finding("name-case", sentence, unlike, severity="note" if by_rule else None)
