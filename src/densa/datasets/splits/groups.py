"""Splits of scenes into train, val and test: by folder, by file list, by scene, by fraction."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from densa.datasets.dataset import Sample
from densa.datasets.image_files import IMAGE_SUFFIXES
from densa.datasets.wording import listed
from densa.errors import InputError

__all__ = ["DEFAULT_VAL_FRACTION", "SplitRule", "choose_groups", "regrouped", "split_samples"]

DEFAULT_VAL_FRACTION = 0.2


@dataclass(frozen=True)
class SplitRule:
    """How images that no folder or list assigns are split. All images of a group (a scene) are in one split.

    Args:
        val_fraction: share of the training images held out for validation, from 0 (none) to below 1; None: 0.2 where
            the data set has no validation split of its own and more than one group.
        test_fraction: share held out for testing, likewise; taken first, so that the validation images come from the
            remaining ones.
        val_groups: groups of the validation split, instead of a fraction.
        test_groups: groups of the test split, instead of a fraction.
        seed: decides the choice of groups; the order of files does not matter.
        lists: for each split a file with one image name per line, instead of the lists found in the folder.
        group_by: regular expression searched in the names of samples; its first capturing group is the group.
        by: "group", or "image" to allow the images of a scene in several splits.
        rest: name of the split of the remaining images, where the data set has no splits of its own: "all" suits images
            that are evaluated, not trained on.
        file: a split file, see `densa split`, that decides alone, also over splits by folder.
        fold: of a split file of folds, the one that validates; the others train.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from densa import Legend, datasets, raster
        >>> mask = np.eye(8, dtype=np.uint8)
        >>> for name in ("a", "b", "c", "d"):
        ...     for folder in ("images", "masks"):
        ...         Path("roads", folder).mkdir(parents=True, exist_ok=True)
        ...     raster.write_bands(f"roads/images/{name}.tif", mask[None])
        ...     raster.write_label_map(f"roads/masks/{name}.png", mask, Legend(("ground", "road")))
        ...
        >>> splits = datasets.open("roads", split=datasets.SplitRule(val_fraction=0.25, seed=1))
        >>> {name: len(split) for name, split in splits.items()}
        {'train': 3, 'val': 1}
    """

    val_fraction: float | None = None
    test_fraction: float = 0.0
    val_groups: tuple[str, ...] = ()
    test_groups: tuple[str, ...] = ()
    seed: int = 0
    lists: Mapping[str, Path] = field(default_factory=dict)
    group_by: str | None = None
    by: str = "group"
    rest: str = "train"
    file: Path | None = None
    fold: int | None = None

    def __post_init__(self) -> None:
        self._check_file()
        for name in ("val_fraction", "test_fraction"):
            share = getattr(self, name)
            if share is not None and not 0 <= share < 1:
                raise InputError(f"{name} must be from 0 to below 1, got {share}")
        if (self.val_fraction or 0) + self.test_fraction >= 1:
            raise InputError(
                f"val_fraction {self.val_fraction} and test_fraction {self.test_fraction} leave nothing to train on"
            )
        if self.val_fraction is not None and self.val_groups:
            raise InputError("give val_fraction or val_groups, not both")
        if self.test_fraction and self.test_groups:
            raise InputError("give test_fraction or test_groups, not both")
        if self.by not in {"group", "image"}:
            raise InputError(f'by must be "group" or "image", got {self.by!r}')
        if unknown := set(self.lists) - {"train", "val", "test"}:
            raise InputError(f"lists are for train, val and test, got {', '.join(sorted(unknown))}")

    def _check_file(self) -> None:
        """Refuse a fold without a split file, and a split file beside other ways to split."""
        if self.fold is not None and self.file is None:
            raise InputError("`fold` needs `split_file`, the file of folds that `densa split` writes")
        others = ("val_fraction", "test_fraction", "val_groups", "test_groups", "lists")
        if self.file is not None and (given := [name for name in others if getattr(self, name)]):
            raise InputError(f"split_file decides the splits, so {given[0]} has no effect; leave one of them out")


def split_samples(
    found: Mapping[str, Iterable[Sample]], rule: SplitRule, lists: Mapping[str, Path]
) -> dict[str, list[Sample]]:
    """Assign the samples of a folder to splits.

    The data set's own splits (by folders, otherwise by lists) stay as they are; val and test are held out of the other
    images only where it has no such split.

    Args:
        found: samples by the split of their folder; "" for those in no split's folder.
        rule: how the others are split.
        lists: files that list the images of a split, found in the folder.

    Returns:
        Samples by split, sorted by name; splits without a sample are left out.

    Raises:
        InputError: a list names an image that does not exist or that is in another list, a group is unknown, or the
            rule contradicts the data set's own splits.
    """
    splits = {split: [regrouped(s, rule) for s in samples] for split, samples in found.items() if samples}
    if rule.lists or (lists and set(splits) == {""}):
        splits = _by_list([s for samples in splits.values() for s in samples], rule.lists or lists)
    loose = splits.pop("", [])
    if loose and "train" in splits:
        raise InputError(
            f"{len(loose)} images lie in no split's folder (first: {loose[0].image}) while others lie in train/; "
            "move them into train/, val/ or test/"
        )
    rest = "train" if splits else rule.rest
    pool = splits.get("train", []) + loose
    for split, groups, fraction in (
        ("test", rule.test_groups, rule.test_fraction or None),
        ("val", rule.val_groups, rule.val_fraction),
    ):
        if split in splits:
            if groups or fraction:
                raise InputError(
                    f"the data set has its own {split} split; leave out {split}_fraction and {split}_groups"
                )
            continue
        held = _hold_out(pool, split, groups, fraction, rule.seed)
        splits[split] = [s for s in pool if s.group in held]
        pool = [s for s in pool if s.group not in held]
    splits[rest] = pool
    return {split: sorted(splits[split], key=lambda s: s.name) for split in (rest, "val", "test") if splits.get(split)}


def choose_groups(sizes: Mapping[str, int], fraction: float, seed: int) -> set[str]:
    """Choose groups that hold about `fraction` of all images.

    Groups are taken in the order of a hash of the seed and their name, so that the choice depends on nothing else, and
    an additional group changes the split of few others.

    Args:
        sizes: number of images of each group.
        fraction: requested share of the images.
        seed: decides the order.

    Returns:
        At least one group, but not all: as many in that order as bring the share nearest to `fraction`.
    """
    order = sorted(sizes, key=lambda group: hashlib.sha256(f"{seed}:{group}".encode(errors="surrogateescape")).digest())
    target = fraction * sum(sizes.values())
    best, best_error, count = 1, float("inf"), 0
    for n, group in enumerate(order[:-1], 1):
        count += sizes[group]
        if abs(count - target) < best_error:
            best, best_error = n, abs(count - target)
    return set(order[:best])


def _hold_out(pool: list[Sample], split: str, groups: tuple[str, ...], fraction: float | None, seed: int) -> set[str]:
    sizes: dict[str, int] = defaultdict(int)
    for sample in pool:
        sizes[sample.group] += 1
    if groups:
        if unknown := set(groups) - set(sizes):
            raise InputError(
                f"{split}_groups names {', '.join(sorted(unknown))}, the data set has {listed(sorted(sizes))}"
            )
        return set(groups)
    if fraction is None and split == "val" and len(sizes) > 1:
        fraction = DEFAULT_VAL_FRACTION
    if not fraction:
        return set()
    if len(sizes) < 2:
        raise InputError(
            f"{split}_fraction {fraction} needs two groups or more, the data set has {listed(sorted(sizes))}; "
            'set it to 0, or use by="image"'
        )
    return choose_groups(sizes, fraction, seed)


def regrouped(sample: Sample, rule: SplitRule) -> Sample:
    """The sample with the group that a rule gives it: by its name, or the image alone."""
    if rule.by == "image":
        return replace(sample, group=sample.name)
    if rule.group_by is None:
        return sample
    try:
        match = re.search(rule.group_by, sample.name)
    except re.error as error:
        raise InputError(f"group_by {rule.group_by!r} is not a regular expression: {error}") from error
    if not match:
        raise InputError(f"group_by {rule.group_by!r} does not match the name {sample.name!r}")
    return replace(sample, group=match[1] if match.re.groups else match[0])


def _by_list(samples: list[Sample], lists: Mapping[str, Path]) -> dict[str, list[Sample]]:
    by_name: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        for name in {sample.name, sample.image.stem}:
            by_name[name].append(sample)
    taken: dict[str, str] = {}
    splits: dict[str, list[Sample]] = {split: [] for split in lists}
    problems = []
    for split, path in lists.items():
        for line in _lines(path):
            matches = next((by_name[name] for name in _readings(line) if name in by_name), [])
            files = sorted({str(sample.image) for sample in matches})
            if len(files) != 1:
                problems.append(f"{path}: {line!r} names " + (f"several: {listed(files)}" if files else "no image"))
                continue
            for sample in matches:
                earlier = taken.setdefault(sample.name, split)
                if earlier != split:
                    problems.append(f"{path}: {line!r} is also in the list of {earlier}")
                else:
                    splits[split].append(sample)
    if problems:
        raise InputError(f"{len(problems)} problems in the lists of images: {listed(problems, '; ')}")
    if "train" not in lists:  # the images of no list
        splits["train"] = [sample for sample in samples if sample.name not in taken]
    return {split: list(dict.fromkeys(chosen)) for split, chosen in splits.items()}


def _lines(path: Path) -> list[str]:
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"list of images {path} cannot be read: {error}") from error
    return [line.strip() for line in lines if line.strip()]


def _readings(line: str) -> Iterator[str]:
    """Names that a line may mean, best first: itself, a file, the end of a path; of `image.png mask.png` the first."""
    for text in dict.fromkeys((line, line.split()[0])):
        path = Path(text)
        yield text
        if path.suffix.lower() in IMAGE_SUFFIXES:
            yield path.with_suffix("").as_posix()
            path = path.with_suffix("")
        yield path.name
