"""Write a split file: folds, or train, val and test, that do not leak and have equal shares of the classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from densa.errors import InputError
from densa.options import check_paths, must_exist, with_options
from densa.outputs import check_outputs
from densa.progress import progress_bar
from densa.settings import Alignment, Folders, LegendFile
from densa.verbs.inputs import allowed, reading_of
from densa.verbs.settings import SplitOptions
from densa.verbs.tell import tell

if TYPE_CHECKING:
    from densa.datasets import Dataset, SplitFile
    from densa.datasets.splitting import Shares

__all__ = ["open_all", "split", "split_data", "summary"]


def split(
    data: Path | str,
    *,
    output: Path | str | None = None,
    overwrite: bool = False,
    progress: bool = True,
    **options: Any,
) -> SplitFile:
    """Divide a data set into folds, or into train, val and test.

    Images that show the same, or the same place, come into one part; classes are balanced by their pixels. `train`,
    `evaluate` and `compare` take the file as `split_file`.

    Args:
        data: folder of images and masks; splits of its own are pooled.
        output: the file, `splits.json`; None writes none.
        overwrite: replace the file.
        progress: show a progress bar, and what was decided, on stderr.
        **options: the options of `densa split`, by name, see the reference.

    Returns:
        The split; its `facts` say how well the classes are balanced.

    Raises:
        InputError: options or data that do not fit, fewer groups than parts, images that leak and cannot be kept
            together, a file that exists.

    Examples:
        >>> import densa
        >>> data = densa.datasets.coins("coins")
        >>> splits = densa.split(data, folds=2, output="splits.json", progress=False)
        >>> sorted(entry.part for entry in splits.entries)
        ['0', '1']
    """
    settings = SplitOptions.of(**{"by": "scene", **{k: v for k, v in options.items() if k != "by" or v}})
    check_paths(SplitOptions, options)
    must_exist(data=data)
    _check_choices(settings)
    if output is not None:
        path = Path(output)
        check_outputs([("split file", path)], [p for p in (settings.legend, settings.table) if p is not None])
        if path.exists() and not overwrite:
            raise InputError(f"{path} exists; choose another output or give overwrite=True")
    with allowed(settings):
        dataset, own = open_all(Path(data), settings, progress)
        found = split_data(dataset, own, Path(data), settings, progress=progress)
    if output is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        found.write(path, overwrite=overwrite)
    return found


split.__signature__ = with_options(split, SplitOptions)  # type: ignore[attr-defined]


def open_all(data: Path, settings: SplitOptions, progress: bool) -> tuple[Dataset, list[str]]:
    """All images of a data set, and the split of its own that each is in ("all" where it has none)."""
    from densa.datasets.opening import open_whole

    legend = settings.part(LegendFile).legend
    folders, align = settings.part(Folders).flat(), settings.part(Alignment).align
    opened = open_whole(data, legend, align=align, reading=reading_of(settings), **folders)
    own = [name for name, dataset in opened.items() for _ in range(len(dataset))]
    first = next(iter(opened.values()))
    for line in (*first.taken, *first.remarks) if progress else ():
        tell(line)
    samples = tuple(sample for dataset in opened.values() for sample in dataset.samples)
    problems = tuple(problem for dataset in opened.values() for problem in dataset.problems)
    without = [sample.name for sample in samples if sample.mask is None]
    if without and (settings.stratify == "classes" or settings.by == "block"):
        other = "" if settings.by == "block" else ", or give stratify=none"
        raise InputError(
            f"{len(without)} images of {data} have no mask, first {without[0]}: add it, or remove the image{other}"
        )
    if len(opened) > 1 and progress:
        counts = ", ".join(f"{len(dataset)} {name}" for name, dataset in opened.items())
        kept = "test is kept as it is" if settings.keep_test and "test" in opened else "all images are divided anew"
        tell(f"the data set has splits of its own ({counts}): {kept}")
    return replace(
        first, samples=samples, problems=problems, _all_valid={}, _grids={}, _places={}, _mask_places={}
    ), own


def split_data(
    dataset: Dataset, own: Sequence[str], data: Path, settings: SplitOptions, *, progress: bool = True
) -> SplitFile:
    """The split of an opened data set; `own`: its own split of each image, of which test may be kept."""
    from densa.datasets.leaks import find_leaks
    from densa.datasets.splits.split_file import SplitEntry, name_in_data
    from densa.datasets.splitting import Shares, split_by_blocks, split_by_groups

    shares = Shares.of(settings.folds, settings.fractions, seed=settings.seed, balance=settings.stratify == "classes")
    say = tell if progress else lambda line: None
    tested = [k for k, name in enumerate(own) if settings.keep_test and name == "test"]
    if settings.keep_test and (not tested or "test" in shares.of_parts):
        raise InputError(
            f"{data} has no test split to keep; leave keep_test out"
            if not tested
            else "keep_test keeps the test split of the data; give two fractions, of train and val"
        )
    pool = [k for k in range(len(dataset)) if k not in set(tested)]
    groups, what = _groups(dataset, data, settings, len(shares.of_parts), say)
    apart = ["test" if k in set(tested) else group for k, group in enumerate(groups)]
    with progress_bar("look for leaks", shown=progress) as show:
        leaks = [
            leak for leak in find_leaks(dataset.samples, apart, progress=show) if leak.sure and leak.kind != "scene"
        ]
    if crossing := [leak for leak in leaks if "test" in (apart[leak.first], apart[leak.second]) and tested]:
        first = crossing[0]
        names = [dataset.samples[k].name for k in (first.first, first.second)]
        raise InputError(
            f"{len(crossing)} pairs of images leak between the test split and the others, first {names[0]} and "
            f"{names[1]} ({first.why}); leave keep_test out, or remove one of each"
        )
    place = {k: n for n, k in enumerate(pool)}
    chosen = dataset.subset(pool)
    leaks = [replace(leak, first=place[leak.first], second=place[leak.second]) for leak in leaks]
    tiles = _tiles_in_blocks(chosen, settings, shares, say) if settings.by == "block" else None
    if tiles is not None:
        found = split_by_groups(chosen, data, tiles, shares, leaks, what="block of the ground")
        _say_leaks(found, say)
    elif settings.by == "block":
        block, buffer = _block(chosen, settings, shares, say)
        found = split_by_blocks(chosen, data, shares, leaks, block=block, buffer=buffer)
    else:
        found = split_by_groups(chosen, data, [groups[k] for k in pool], shares, leaks, what=what)
        _say_leaks(found, say)
    test = [dataset.samples[k] for k in tested]
    entries = (*found.entries, *(SplitEntry(name_in_data(s, data), "test", s.group, s.page) for s in test))
    facts: dict[str, Any] = {"by": settings.by, "stratify": settings.stratify, "seed": settings.seed, "data": str(data)}
    facts |= {"fractions": list(settings.fractions)} if settings.fractions else {}
    return replace(found, entries=entries, facts={**facts, **found.facts, "test_kept": len(test)})


def _check_choices(settings: SplitOptions) -> None:
    """Refuse options that have no effect on the chosen way to divide."""
    for by, names in (("block", ("block", "buffer")), ("attribute", ("attribute", "table")), ("scene", ("group_by",))):
        given = [name for name in names if getattr(settings, name) is not None]
        if given and settings.by != by:
            raise InputError(f"{given[0]} needs by={by}, got by={settings.by}")
    if settings.by == "attribute" and (settings.attribute is None or settings.table is None):
        raise InputError(
            "by=attribute needs `table`, a CSV file with a row for each image, and `attribute`, one of its columns"
        )


def _groups(dataset: Dataset, data: Path, settings: SplitOptions, n_parts: int, say: Any) -> tuple[list[str], str]:
    """The group of each image, and what a group is, in words."""
    from densa.datasets.splits.attributes import attributes_of
    from densa.datasets.splits.groups import SplitRule, regrouped
    from densa.datasets.splits.split_file import name_in_data
    from densa.datasets.splitting import scene_groups

    if settings.by == "attribute" and settings.table is not None and settings.attribute is not None:
        return attributes_of(dataset.samples, settings.table, settings.attribute), f"value of {settings.attribute}"
    if settings.by == "file":
        return [name_in_data(sample, data) for sample in dataset.samples], "file"
    if settings.by == "block":
        return [f"{name_in_data(sample, data)}:{sample.page}" for sample in dataset.samples], "block"
    if settings.group_by is not None:
        rule = SplitRule(group_by=settings.group_by)
        return [regrouped(sample, rule).group for sample in dataset.samples], "scene"
    groups, line = scene_groups(dataset.samples, n_parts)
    say(line)
    return groups, "scene"


def _block(dataset: Dataset, settings: SplitOptions, shares: Shares, say: Any) -> tuple[int, int]:
    """Side of the blocks, and the buffer between parts."""
    from densa.datasets.splitting import block_side

    sizes = [dataset.size(i) for i in range(len(dataset))]
    block = settings.block or block_side(sizes, len(shares.of_parts))
    buffer = block // 8 if settings.buffer is None else settings.buffer
    if settings.block is None or settings.buffer is None:
        say(f"blocks of {block} pixels, {buffer} pixels apart where they are in different parts")
    return block, buffer


def _tiles_in_blocks(dataset: Dataset, settings: SplitOptions, shares: Shares, say: Any) -> list[str] | None:
    """The block of the ground of each tile, where georeferenced tiles are smaller than a block; None otherwise."""
    from densa.datasets.splitting import ground_blocks

    found = ground_blocks(dataset, settings.block, len(shares.of_parts))
    if found is None or len(dataset) < 2 * len(shares.of_parts):
        return None
    groups, block = found
    if any(max(dataset.size(i)) >= 2 * block for i in range(len(dataset))):
        return None
    if settings.buffer is not None:
        raise InputError("buffer is for images that are cut into blocks; tiles are not cut, leave it out")
    say(f"georeferenced tiles are not cut: those with their centres in one block of {block} pixels stay together")
    return groups


def _say_leaks(found: SplitFile, say: Any) -> None:
    leaks = found.facts["leaks"]
    if leaks["n_kept_together"]:
        one = leaks["kept_together"][0]
        say(
            f"{leaks['n_kept_together']} pairs of images that leak are kept together, first {one['first']} and "
            f"{one['second']}: {one['why']}"
        )
    if leaks["n_divided"]:
        one = leaks["divided"][0]
        say(
            f"{leaks['n_divided']} pairs of tiles that touch are in different parts (first {one['first']} and "
            f"{one['second']}), since too few groups would be left; by=block with a buffer divides a scene soundly"
        )


def summary(found: SplitFile) -> dict[str, Any]:
    """What a split file says beside its images, for JSON."""
    content = found.to_json()
    del content["samples"]
    return content
