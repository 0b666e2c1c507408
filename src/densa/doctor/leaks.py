"""Leaks between splits: copies, near copies, overlapping tiles, scenes that are divided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from densa.datasets import Sample
from densa.datasets.leaks import Leak, find_leaks
from densa.doctor.finding import Finding, finding
from densa.doctor.subject import ImageFacts, Subject

__all__ = ["check_leaks"]

_WORDS = {
    "copy": "are copies of each other",
    "near-copy": "show the same picture, scaled, compressed, mirrored or turned",
    "overlap": "overlap",
    "adjacent": "continue each other across a border",
}


def check_leaks(subject: Subject) -> Iterator[Finding]:
    """Images of two splits that show the same, or the same place; inside one split they are a note."""
    samples = [record.sample for record in subject.records]
    splits = [record.split if subject.own_splits else "all" for record in subject.records]
    prints = [one.image.fingerprint if isinstance(one.image, ImageFacts) else None for one in subject.records]
    leaks = find_leaks(samples, splits, prints, within=True)
    for kind, words in _WORDS.items():
        own = [leak for leak in leaks if leak.kind == kind]
        across = [leak for leak in own if splits[leak.first] != splits[leak.second]]
        inside = [leak for leak in own if splits[leak.first] == splits[leak.second]]
        if across:
            alone = kind == "adjacent" and all(_are_all(leak, splits) for leak in across)
            yield _finding(f"leak-{kind}", across, samples, splits, words, "note" if alone else None)
        if inside and kind != "adjacent":
            severity: Literal["warning", "note"] = "warning" if kind == "copy" and not subject.own_splits else "note"
            yield _finding(f"leak-{kind}", inside, samples, splits, words, severity)
    for leak in leaks:
        if leak.kind == "scene":
            files = [samples[leak.first].image, samples[leak.second].image]
            yield finding("leak-scene", leak.why, files, severity=None if leak.sure else "note")


def _are_all(leak: Leak, splits: Sequence[str]) -> bool:
    """Whether two images are the only ones of their splits: a scene that was divided on purpose."""
    return all(list(splits).count(splits[i]) == 1 for i in (leak.first, leak.second))


def _finding(
    code: str,
    leaks: Sequence[Leak],
    samples: Sequence[Sample],
    splits: Sequence[str],
    words: str,
    severity: Literal["error", "warning", "note"] | None,
) -> Finding:
    first = leaks[0]
    pairs = f"{len(leaks)} pairs of images" if len(leaks) > 1 else "2 images"
    sets = sorted({split for leak in leaks for split in (splits[leak.first], splits[leak.second])})
    where = f" across the splits {', '.join(sets)}" if splits[first.first] != splits[first.second] else ""
    sentence = (
        f"{pairs} {words}{where}; first {samples[first.first].name} and {samples[first.second].name}: {first.why}"
    )
    files = [samples[i].image for leak in leaks for i in (leak.first, leak.second)]
    named = [[samples[leak.first].name, samples[leak.second].name] for leak in leaks[:10]]
    return finding(code, sentence, files, severity=severity, pairs=named, n_pairs=len(leaks))
