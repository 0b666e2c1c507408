"""Split files: which image, or which window of an image, belongs to which fold or split; written by `densa split`."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Self

from densa.datasets.dataset import Sample
from densa.datasets.wording import listed
from densa.errors import InputError, one_line
from densa.raster import Window, atomic_output

__all__ = ["SPLITS", "Assigned", "SplitEntry", "SplitFile", "file_list_digest", "name_in_data"]

FORMAT, VERSION = "densa-splits", 1
SPLITS = ("train", "val", "test")
_LARGEST = 1 << 28  # bytes of a split file


@dataclass(frozen=True)
class SplitEntry:
    """An image of a split file, or a window of it.

    Args:
        image: path of the image in the folder of the data, with slashes.
        part: "train", "val" or "test", or the number of a fold, as text.
        group: what was not divided: the scene, the block, the value of an attribute.
        page: page of the file, from 0.
        window: None for the whole image.

    Examples:
        >>> from densa.datasets import SplitEntry
        >>> SplitEntry("images/a.png", "train", group="a").to_json()
        {'image': 'images/a.png', 'part': 'train', 'group': 'a'}
    """

    image: str
    part: str
    group: str = ""
    page: int = 0
    window: Window | None = None

    def to_json(self) -> dict[str, Any]:
        """The entry as it is written."""
        content: dict[str, Any] = {"image": self.image, "part": self.part, "group": self.group}
        content |= {"page": self.page} if self.page else {}
        return content | ({"window": list(self.window)} if self.window is not None else {})


@dataclass(frozen=True)
class Assigned:
    """A sample in a split; `window` is the part of its image, None for the whole."""

    sample: Sample
    window: Window | None


@dataclass(frozen=True)
class SplitFile:
    """The splits of a data set, as `densa split` writes them.

    Args:
        entries: every image, or window of one, once.
        folds: number of folds, numbered from 0; None where the entries are of train, val and test.
        facts: what else the file says, for people: how the split was made, and how well it is balanced.
        source: where the file was read from, for messages.

    Examples:
        >>> from densa.datasets import SplitEntry, SplitFile
        >>> splits = SplitFile((SplitEntry("a.png", "0"), SplitEntry("b.png", "1")), folds=2)
        >>> splits.split_of(splits.entries[1], fold=1)
        'val'
        >>> splits.split_of(splits.entries[0], fold=1)
        'train'
    """

    entries: tuple[SplitEntry, ...]
    folds: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    source: str = "the split file"

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Read and check a split file.

        Raises:
            InputError: no such file, not a split file, of a later version, or an entry that is not well-formed: paths
                that are absolute or leave the folder, an unknown part, windows of no size, an image named twice.
        """
        try:
            if (size := Path(path).stat().st_size) > _LARGEST:
                raise InputError(f"split file {path} has {size} bytes, more than a split file may have ({_LARGEST})")
            text = Path(path).read_text(encoding="utf-8-sig")
            content = json.loads(text)
        except InputError:
            raise
        except (OSError, ValueError, RecursionError) as error:
            reason = getattr(error, "strerror", None) or one_line(error)
            raise InputError(f"split file {path} cannot be read: {reason}; `densa split` writes one") from error
        return cls.of_json(content, str(path))

    @classmethod
    def of_json(cls, content: Any, source: str) -> Self:
        """The splits in the content of a file; `source` names it in messages."""
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise InputError(
                f'{source} is no split file: it must hold "format": "{FORMAT}"; write one with `densa split`'
            )
        version = content.get("version")
        if version != VERSION:
            raise InputError(f"split file {source} has version {version!r}, this densa reads {VERSION}; write it again")
        folds, rows = content.get("folds"), content.get("samples")
        if folds is not None and (isinstance(folds, bool) or not isinstance(folds, int) or folds < 2):
            raise InputError(f'split file {source}: "folds" must be a number from 2 or null, got {folds!r}')
        if not isinstance(rows, list) or not rows:
            raise InputError(f'split file {source}: "samples" must be a list of images, and not empty')
        parts = [*map(str, range(folds)), "test"] if folds is not None else list(SPLITS)
        entries = tuple(_entry(row, parts, f"split file {source}, sample {k}") for k, row in enumerate(rows, 1))
        _check_once(entries, source)
        facts = {key: value for key, value in content.items() if key not in {"format", "version", "folds", "samples"}}
        return cls(entries, folds, facts, source)

    def to_json(self) -> dict[str, Any]:
        """The content of the file."""
        head = {"format": FORMAT, "version": VERSION, "folds": self.folds}
        return {**head, **self.facts, "samples": [entry.to_json() for entry in self.entries]}

    def write(self, path: Path | str, *, overwrite: bool = False) -> Path:
        """Write the file; one entry a line.

        Raises:
            InputError: it exists and `overwrite` is false, or cannot be written.
        """
        content = self.to_json()
        rows = ",\n".join("  " + json.dumps(row) for row in content.pop("samples"))
        head = json.dumps(content, indent=1)[:-2]
        with atomic_output(path, overwrite) as temporary:
            temporary.write_text(f'{head},\n "samples": [\n{rows}\n ]\n}}\n', encoding="utf-8")
        return Path(path)

    def check_fold(self, fold: int | None) -> None:
        """Refuse a fold that the file does not have, or a file of folds without one."""
        if self.folds is None and fold is not None:
            raise InputError(f"{self.source} has the splits train, val and test, and no folds; leave `fold` out")
        if self.folds is not None and (fold is None or not 0 <= fold < self.folds):
            given = "" if fold is None else f", got {fold}"
            raise InputError(f"`fold` must be from 0 to {self.folds - 1}, the folds of {self.source}{given}")

    def split_of(self, entry: SplitEntry, fold: int | None) -> str:
        """The split of an entry: of folds, `fold` validates and the others train."""
        if self.folds is None or entry.part == "test":
            return entry.part
        return "val" if entry.part == str(fold) else "train"

    def assign(
        self, samples: Iterable[Sample], root: Path, fold: int | None
    ) -> tuple[dict[str, list[Assigned]], list[str]]:
        """Find the images of the file among the samples of a folder.

        Args:
            samples: of the folder.
            root: the folder that the paths of the file start from.
            fold: the one that validates.

        Returns:
            The samples of each split, sorted by name; and what people should know of it, a line each.

        Raises:
            InputError: the file names images that are not there, or windows that reach beyond their image's pages.
        """
        self.check_fold(fold)
        there = {(name_in_data(sample, root), sample.page): sample for sample in samples}
        missing = [entry for entry in self.entries if (entry.image, entry.page) not in there]
        if missing:
            shown = listed(list(dict.fromkeys(entry.image for entry in missing)), most=3)
            raise InputError(
                f"{self.source} names {len(missing)} images that are not in {root}: {shown}; is it the split file of "
                "these data? `densa split` writes another"
            )
        splits: dict[str, list[Assigned]] = defaultdict(list)
        for entry in self.entries:
            sample = there[entry.image, entry.page]
            if entry.window is None and entry.group:
                sample = replace(sample, group=entry.group)
            splits[self.split_of(entry, fold)].append(Assigned(sample, entry.window))
        for own in splits.values():
            own.sort(key=lambda one: (one.sample.name, one.window or ()))
        known = {(entry.image, entry.page) for entry in self.entries}
        new = sorted(image for image, page in there if (image, page) not in known)
        lines = [f"{len(new)} images of {root} are not in {self.source} and are left out: {listed(new, most=3)}"]
        return {split: splits[split] for split in SPLITS if split in splits}, lines if new else []


def name_in_data(sample: Sample, root: Path) -> str:
    """The path of a sample's image in the folder of the data, with slashes; outside of it its name and suffix."""
    if sample.image == root:  # the data are one image
        return root.name
    try:
        return sample.image.relative_to(root).as_posix()
    except ValueError:
        return f"{sample.name}{sample.image.suffix}"


def file_list_digest(names: Iterable[tuple[str, int]]) -> str:
    """SHA-256 of the images of a data set: their paths and pages, sorted, a line each."""
    lines = sorted(f"{name}\t{page}\n" for name, page in set(names))
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _entry(row: Any, parts: Sequence[str], where: str) -> SplitEntry:
    if not isinstance(row, dict):
        raise InputError(f'{where} must be {{"image": ..., "part": ...}}, got {type(row).__name__}')
    image, part, page = row.get("image"), row.get("part"), row.get("page", 0)
    if not isinstance(image, str) or not image:
        raise InputError(f'{where}: "image" must be the path of an image in the data, got {image!r}')
    pure = PurePosixPath(image)
    if pure.is_absolute() or ".." in pure.parts or "\\" in image or ":" in pure.parts[0]:
        raise InputError(f"{where}: the path {image!r} leaves the folder of the data; paths must be inside of it")
    if isinstance(part, bool) or str(part) not in parts:
        raise InputError(f'{where}: "part" must be one of {listed(parts)}, got {part!r}')
    if isinstance(page, bool) or not isinstance(page, int) or page < 0:
        raise InputError(f'{where}: "page" must be a number from 0, got {page!r}')
    return SplitEntry(str(pure), str(part), str(row.get("group") or ""), page, _window(row.get("window"), where))


def _window(value: Any, where: str) -> Window | None:
    if value is None:
        return None
    numbers = isinstance(value, list) and len(value) == 4 and all(type(number) is int for number in value)
    if not numbers or min(value) < 0 or min(value[2:]) < 1:
        raise InputError(f'{where}: "window" must be [row, column, height, width] in pixels, got {value!r}')
    return Window(*value)


def _check_once(entries: Sequence[SplitEntry], source: str) -> None:
    """Refuse an image that is named twice, but for windows of it."""
    seen: dict[tuple[str, int], SplitEntry] = {}
    for entry in entries:
        earlier = seen.setdefault((entry.image, entry.page), entry)
        if earlier is not entry and (entry.window is None or earlier.window is None or entry.window == earlier.window):
            raise InputError(f"split file {source} names {entry.image} twice; each image belongs to one part")
