"""The images that a model was trained on, read from the `split.json` of its run, and found again in other data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from densa.datasets.dataset import Dataset, Sample
from densa.datasets.splits.description import describe_split
from densa.datasets.splits.identity import Identity, read_identity
from densa.datasets.threads import in_threads
from densa.errors import InputError
from densa.raster import Window

__all__ = ["FILE", "RecordedImage", "SplitRecord", "note_of_copies", "split_text"]

FILE = "split.json"
EARLIER = "initial_weights"
"""Entry of `split.json`: the images that the run whose weights a run started from was trained on; null: not known."""


@dataclass(frozen=True)
class RecordedImage:
    """An image of a run, or a window of it.

    Attributes:
        identity: what the image is recognised by.
        split: "train", "val" or "test".
        window: the part that the split reads; None for the whole image.
    """

    identity: Identity
    split: str
    window: Window | None


@dataclass(frozen=True)
class SplitRecord:
    """The splits of one run, or of the runs of an ensemble.

    Attributes:
        images: images of all splits.
        unknown: why the images of training are not known or not all of them are; empty where they are.
    """

    images: tuple[RecordedImage, ...] = ()
    unknown: tuple[str, ...] = ()

    @classmethod
    def read(cls, folder: Path | str) -> Self | None:
        """The record in a run folder; None where there is none.

        Raises:
            InputError: the file cannot be read.
        """
        path = Path(folder) / FILE
        if not path.is_file():
            return None
        try:
            return cls.of(json.loads(path.read_text(encoding="utf-8")), str(path))
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise InputError(
                f"{path} cannot be read: {error or type(error).__name__}; remove it, or restore it"
            ) from error

    @classmethod
    def of(cls, content: Mapping[str, Any], source: str) -> Self:
        """The record of a description as `describe_split` returns it; `source` names it in messages."""
        images, unknown = [], []
        for split in ("train", "val", "test"):
            for entry in content.get(split, ()):
                identity, window = Identity.of_json(entry), Window(*map(int, entry["window"]))
                whole = "size" not in entry or tuple(window) == (0, 0, *entry["size"])
                images.append(RecordedImage(identity, split, None if whole else window))
        if lost := [image for image in images if image.split == "train" and not image.identity.is_known]:
            unknown.append(f"{len(lost)} training images named in {source} cannot be recognised")
        if EARLIER in content:
            earlier = content[EARLIER]
            if earlier is None:
                unknown.append("the images that the first weights were trained on are not known")
            images += [RecordedImage(Identity.of_json(entry), "train", None) for entry in earlier or ()]
        return cls(tuple(images), tuple(unknown))

    @classmethod
    def merged(cls, records: Iterable[SplitRecord]) -> Self:
        """The record of several models together: what any of them was trained on is a training image."""
        found = list(records)
        unknown = tuple(dict.fromkeys(reason for record in found for reason in record.unknown))
        return cls(tuple(image for record in found for image in record.images), unknown)

    @cached_property
    def _by_pixels(self) -> dict[str, list[RecordedImage]]:
        found: dict[str, list[RecordedImage]] = {}
        for image in self.images:
            if image.identity.pixels is not None:
                found.setdefault(image.identity.pixels, []).append(image)
        return found

    @cached_property
    def _by_place(self) -> dict[tuple[str, int], list[RecordedImage]]:
        found: dict[tuple[str, int], list[RecordedImage]] = {}
        for image in self.images:
            found.setdefault((image.identity.path, image.identity.page), []).append(image)
        return found

    def find(self, samples: Sequence[Sample]) -> list[list[RecordedImage]]:
        """What the record says of each sample's image, wherever it lies now; an empty list where it is a new one."""
        if not self.images:
            return [[] for _ in samples]
        return list(in_threads(self._find, samples))

    def _find(self, sample: Sample) -> list[RecordedImage]:
        identity = read_identity(sample, pixels=False)
        there = self._by_place.get((identity.path, identity.page), [])
        unchanged = next((image.identity for image in there if image.identity.same_file(identity)), None)
        identity = unchanged or read_identity(sample)
        same = [image for image in there if image.identity.is_same(identity)]
        return same + [image for image in self._by_pixels.get(identity.pixels or "", ()) if image not in there]


def note_of_copies(text: str) -> str | None:
    """A line for people where validation or test images are copies of training images; None where none is.

    Args:
        text: of `split.json`.
    """
    content = json.loads(text)
    pixels = {entry["pixels"] for entry in content.get("train", ())} - {None}
    places = {(entry["path"], entry["page"]) for entry in content.get("train", ())}  # of a scene split into blocks
    found = {
        words: [e for e in content.get(name, ()) if e["pixels"] in pixels and (e["path"], e["page"]) not in places]
        for name, words in (("val", "validation"), ("test", "test"))
    }
    if not any(found.values()):
        return None
    listed = " and ".join(f"{len(entries)} {words}" for words, entries in found.items() if entries)
    first = next(entries[0]["image"] for entries in found.values() if entries)
    return f"{listed} images are copies of training images, first {first}: scores on them mislead"


def split_text(splits: Mapping[str, Dataset], weights: Path | str | None = None) -> str:
    """The text of `split.json`; `weights`: the run that the first weights came from, whose training images count too.

    Where it has no split.json, they are recorded as not known.
    """
    content = describe_split(splits)
    if weights is not None and Path(weights).is_dir():
        try:
            earlier = json.loads((Path(weights) / FILE).read_text(encoding="utf-8"))
            content[EARLIER] = [*earlier["train"], *(earlier.get(EARLIER) or ())]
        except (OSError, ValueError, TypeError, KeyError):
            content[EARLIER] = None
    return json.dumps(content, indent=1) + "\n"
