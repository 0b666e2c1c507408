"""All leaks of a data set: pairs of images that should not be in two splits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from densa import raster
from densa.datasets.dataset import Sample
from densa.datasets.leaks.copies import exact_copies, near_copies, same_detail
from densa.datasets.leaks.fingerprint import Fingerprint, read_fingerprint
from densa.datasets.leaks.places import overlaps_on_the_ground
from densa.datasets.leaks.tiles import continued_borders, shared_strips
from densa.datasets.scene_names import shared_scenes
from densa.datasets.threads import in_threads
from densa.errors import InputError
from densa.progress import Progress

__all__ = ["KINDS", "Leak", "LeakKind", "find_leaks"]

LeakKind = Literal["copy", "near-copy", "overlap", "adjacent", "scene"]
KINDS: dict[LeakKind, str] = {
    "copy": "the same pixels",
    "near-copy": "the same picture, scaled, compressed, mirrored or turned",
    "overlap": "the same ground, or the same pixels in a part",
    "adjacent": "one continues at the border of the other",
    "scene": "the same scene, by their names",
}
"""Kinds of leaks, in words."""

_MOST_NEAR = 200  # pairs whose pixels are compared, the most alike first


@dataclass(frozen=True)
class Leak:
    """Two images that show the same, or the same place.

    Args:
        kind: see `KINDS`.
        first: number of an image among the samples.
        second: number of the other.
        why: what was found, in words.
        sure: whether the images say it; otherwise their names suggest it.

    Examples:
        >>> from densa.datasets.leaks import Leak
        >>> Leak("copy", 0, 3, "the same pixels").kind
        'copy'
    """

    kind: LeakKind
    first: int
    second: int
    why: str
    sure: bool = True


def find_leaks(
    samples: Sequence[Sample],
    splits: Sequence[str],
    prints: Sequence[Fingerprint | None] | None = None,
    *,
    within: bool = False,
    progress: Progress | None = None,
) -> list[Leak]:
    """Find images that show the same or the same place, in different splits.

    Args:
        samples: images.
        splits: name of the split of each image.
        prints: their fingerprints, where the images have been read; None where one cannot be read. By default the
            images are read here, each once.
        within: find pairs of one split as well.
        progress: called with (images read, images in all).

    Returns:
        The leaks: copies, near copies, overlaps, borders that continue, scenes; each pair once, of copies each image
        with the first one.

    Examples:
        >>> from densa import datasets
        >>> from densa.datasets.leaks import find_leaks
        >>> splits = datasets.open(datasets.coins("coins"))
        >>> left, right = (splits[name].samples[0] for name in ("train", "test"))
        >>> [(leak.kind, leak.first, leak.second) for leak in find_leaks([left, right, left], ["train", "val", "test"])]
        [('copy', 0, 2)]
    """
    if prints is None:
        prints = _read_all(samples, progress)
    matters = _Matters(splits, within)
    found: dict[tuple[int, int], Leak] = {}
    for leak in (*_of_pixels(samples, prints, matters), *_of_places(prints), *_of_names(samples, splits)):
        pair = min(leak.first, leak.second), max(leak.first, leak.second)
        if matters(*pair):
            found.setdefault(pair, leak)
    return list(found.values())


@dataclass(frozen=True)
class _Matters:
    """How much a pair of images matters: 2 in two splits, 1 in one where those are to be found, or else 0."""

    splits: Sequence[str]
    within: bool

    def __call__(self, first: int, second: int) -> int:
        return 2 if self.splits[first] != self.splits[second] else int(self.within)


def _read_all(samples: Sequence[Sample], progress: Progress | None) -> list[Fingerprint | None]:
    prints = []
    for n, one in enumerate(in_threads(_read, samples), 1):
        prints.append(one)
        if progress:
            progress(n, len(samples))
    return prints


def _read(sample: Sample) -> Fingerprint | None:
    try:
        with raster.open(sample.image, page=sample.page) as image:
            return read_fingerprint(image)
    except (InputError, OSError):  # other checks say what is wrong with it
        return None


def _of_pixels(samples: Sequence[Sample], prints: Sequence[Fingerprint | None], matters: _Matters) -> Iterator[Leak]:
    copies = dict[int, int]()
    for first, second in exact_copies(prints):
        copies[second] = first
        yield Leak("copy", first, second, KINDS["copy"])
    # Of copies in several splits each is compared with one of another split, too.
    by_first: dict[int, list[int]] = {}
    for second, first in copies.items():
        for other in by_first.setdefault(first, [first]):
            if other != first and matters.splits[other] != matters.splits[second]:
                yield Leak("copy", other, second, KINDS["copy"])
                break
        by_first[first].append(second)
    grey = lru_cache(maxsize=16)(partial(_grey, samples))
    single: list[Fingerprint | None] = [None if i in copies else one for i, one in enumerate(prints)]
    for first, second, agreement, position in near_copies(single, matters, _MOST_NEAR):
        images = grey(first), grey(second)
        if images[0] is not None and images[1] is not None and same_detail(images[0], images[1], position):
            yield Leak("near-copy", first, second, f"{KINDS['near-copy']} (correlation {agreement:.3f})")


def _grey(samples: Sequence[Sample], i: int) -> NDArray[Any] | None:
    try:
        with raster.open(samples[i].image, page=samples[i].page) as image:
            values, valid = image.read(bands=range(1, min(image.n_bands, 3) + 1))
    except (InputError, OSError):
        return None
    grey: NDArray[Any] = np.where(valid, np.nan_to_num(values.astype(np.float32)).mean(axis=0), 0)
    return grey


def _of_places(prints: Sequence[Fingerprint | None]) -> Iterator[Leak]:
    for first, second, share in overlaps_on_the_ground(prints):
        why = f"they overlap on the ground, by {100 * share:.0f} % of the smaller one"
        yield Leak("overlap", first, second, why)
    for first, second, kind, apart in shared_strips(prints):
        yield Leak("overlap", first, second, f"they share {kind} of pixels, {apart} pixels apart")
    for first, second, side, correlation in continued_borders(prints):
        why = f"the {side} border of the first continues in the second (correlation {correlation:.2f})"
        yield Leak("adjacent", first, second, why)


def _of_names(samples: Sequence[Sample], splits: Sequence[str]) -> Iterator[Leak]:
    """One pair for each scene that is in two splits, by folders or by names."""
    names = [sample.name.rsplit("@", 1)[0] for sample in samples]
    for scene, (own, told) in shared_scenes(names, splits).items():
        yield _scene_leak(own, splits, scene, told)
    by_folder: dict[str, list[int]] = {}
    for i, sample in enumerate(samples):
        if sample.group not in ("", sample.name):
            by_folder.setdefault(sample.group, []).append(i)
    for group, own in by_folder.items():
        if len(by_folder) > 1 and len({splits[i] for i in own}) > 1:
            yield _scene_leak(own, splits, group, any(character.isdigit() for character in group))


def _scene_leak(own: Sequence[int], splits: Sequence[str], scene: str, told: bool) -> Leak:
    first = own[0]
    second = next(i for i in own if splits[i] != splits[first])
    counts = {split: sum(splits[i] == split for i in own) for split in dict.fromkeys(splits[i] for i in own)}
    shared = ", ".join(f"{n} in {split}" for split, n in counts.items())
    return Leak("scene", first, second, f"{len(own)} images are of the scene {scene}, by their names: {shared}", told)
