"""Methods compared over folds: each fold is predicted by models that were trained on the others."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from densa.datasets.splits.split_file import SplitFile
from densa.errors import InputError
from densa.legend import Legend
from densa.options import options_of
from densa.outputs import check_outputs
from densa.reports.comparison_page import PAGE as FOLD_PAGE
from densa.reports.comparison_page import TABLE as FOLD_TABLE
from densa.reports.cross_validation.page import check_cross_validation, write_cross_validation
from densa.reports.cross_validation.summary import CrossValidation, FoldedMethod, FoldRow
from densa.verbs.compare import Comparing
from densa.verbs.compare_plan import Entry, entries_of
from densa.verbs.settings import CompareOptions, SplitOptions
from densa.verbs.split import split
from densa.verbs.tell import tell

__all__ = ["CrossValidating", "cross_validate", "is_cross_validation"]

SPLITS = "splits.json"


def is_cross_validation(options: Mapping[str, Any]) -> bool:
    """Whether options of `densa compare` ask for all folds: by number, or by a split file of folds without one."""
    if options.get("folds") is not None:
        return True
    file = options.get("split_file")
    return file is not None and options.get("fold") is None and SplitFile.read(file).folds is not None


def cross_validate(
    data: Path | str,
    models: Sequence[str] | str,
    *,
    output: Path | str,
    train_config: Path | str | None = None,
    overwrite: bool = False,
    **options: Any,
) -> CrossValidation:
    """Train and measure methods on every fold of a data set: mean and spread of their scores.

    The folds do not leak and are balanced, see `densa.split`; they are written to OUTPUT/splits.json, the runs to
    OUTPUT/folds. Runs that are finished there are not trained again.

    Args:
        data: data set.
        models: names of methods to train; a sequence, or text with commas between them.
        output: folder of the page, the table, the folds and the runs.
        train_config: a config.yaml of training to start from.
        overwrite: replace a cross-validation in `output`.
        **options: `folds` and `by`, or `split_file` with the folds; the other options of `densa compare` and of
            `densa train`, by name, see the reference.

    Returns:
        The scores of each method on each fold, their mean and spread, and `page`.

    Raises:
        InputError: options, data or methods that do not fit, an output that exists.

    Examples:
        >>> import densa
        >>> data = densa.datasets.coins("coins")
        >>> quick = {"trees": 2, "samples": 200, "accuracy_only": True, "pictures": 0}
        >>> found = densa.cross_validate(data, ["pixel-forest"], output="report", folds=2, by="file", **quick)
        >>> method = found.methods[0]
        >>> len(method.folds), method.spread("mean_iou").folds
        (2, 2)
    """
    if not is_cross_validation(options):
        raise InputError("give folds=K, or split_file, a file of folds that `densa split` writes")
    return CrossValidating.of(data, models, output, train_config, overwrite, options).run()


@dataclass(frozen=True)
class CrossValidating:
    """A comparison over folds, checked before anything is trained.

    Args:
        data: data set.
        entries: the methods, all of them to be trained.
        output: folder of the page; `splits.json` and the runs of each fold are written there, too.
        splits: the folds.
        split_file: where they are, or will be written.
        is_new: the file is to be written.
        train_config: a config.yaml of training to start from, or None.
        options: of the comparison of each fold.
        overwrite: files and runs may be replaced.
    """

    data: Path
    entries: tuple[Entry, ...]
    output: Path
    splits: SplitFile
    split_file: Path
    is_new: bool
    train_config: Path | str | None
    options: Mapping[str, Any]
    overwrite: bool

    @classmethod
    def of(
        cls,
        data: Path | str | None,
        models: Sequence[Path | str] | str,
        output: Path | str | None,
        train_config: Path | str | None,
        overwrite: bool,
        options: Mapping[str, Any],
        *,
        dry_run: bool = False,
    ) -> CrossValidating:
        """Check the arguments and divide the data; with `dry_run` an output may exist.

        Raises:
            InputError: trained models among the methods, options that do not fit, an output that exists.
        """
        own = CompareOptions.of(**{name: v for name, v in options.items() if name in options_of(CompareOptions)})
        _check_choices(own, data, output)
        entries = entries_of(models)
        if trained := [entry.name for entry in entries if entry.folder is not None]:
            raise InputError(f"cross-validation trains on every fold anew, {trained[0]} is trained; name methods")
        folder, place = Path(str(output)), Path(str(data))
        files = check_cross_validation(folder, overwrite=overwrite or dry_run)
        check_outputs([(path.name, path) for path in files], ())
        given = own.split_file
        if given is not None:
            splits, file, is_new = SplitFile.read(given), given, False
        else:
            splits, is_new = _divided(place, folder / SPLITS, own, options, overwrite=overwrite or dry_run)
            file = folder / SPLITS
        rest = {name: v for name, v in options.items() if name not in {"folds", "by", "split_file", "fold", "split"}}
        return cls(place, entries, folder, splits, file, is_new, train_config, rest, overwrite)

    def run(self, command: str | None = None) -> CrossValidation:
        """Train and measure every method on every fold, and write the page; what is finished is kept."""
        if self.is_new:
            self.split_file.parent.mkdir(parents=True, exist_ok=True)
            self.splits.write(self.split_file, overwrite=True)
        found: dict[str, list[FoldRow]] = {entry.name: [] for entry in self.entries}
        measured: dict[str, Any] = {}
        facts: dict[str, object] = {"command": command} if command else {}
        legend: Legend | None = None
        n_folds = self.splits.folds or 0
        for fold in range(n_folds):
            print(f"fold {fold + 1} of {n_folds}", file=sys.stderr)
            folder = self.output / "folds" / str(fold)
            for name in (FOLD_PAGE, FOLD_TABLE):  # of an earlier call; the runs beside them are kept
                with suppress(FileNotFoundError):
                    (folder / name).unlink()
            comparing = self._of_fold(fold, folder)
            result = comparing.run()
            legend = result.legend
            images = 0 if result.measured_on is None else result.measured_on.images
            for row in result.rows:
                if row.accuracy is not None:
                    found[row.name].append(FoldRow(fold, images, row.accuracy, row.training))
                if fold == 0:
                    measured[row.name] = row
            facts |= {key: value for key, value in result.facts.items() if key not in facts}
        assert legend is not None
        methods = tuple(FoldedMethod(name, tuple(rows), measured.get(name)) for name, rows in found.items())
        balance = {key: self.splits.facts[key] for key in ("parts", "largest_deviation") if key in self.splits.facts}
        result_of_all = CrossValidation(methods, legend, self.split_file, balance, facts)
        page = write_cross_validation(result_of_all, self.output, overwrite=self.overwrite)
        return replace(result_of_all, page=page)

    def todo(self) -> dict[str, list[str]]:
        """The folds, and what is trained and measured on each, in words."""
        content: dict[str, list[str]] = {"split": [f"{'write' if self.is_new else 'keep'} {self.split_file}"]}
        names = ", ".join(entry.name for entry in self.entries)
        for fold in range(self.splits.folds or 0):
            counts = {"train": 0, "val": 0, "test": 0}
            for entry in self.splits.entries:
                counts[self.splits.split_of(entry, fold)] += 1
            content[f"fold {fold}"] = [f"train {names} on {counts['train']} images", f"measure on {counts['val']}"]
        return content

    def _of_fold(self, fold: int, folder: Path) -> Comparing:
        """The comparison of one fold; cost is measured on the first."""
        chosen = {**self.options, "split_file": self.split_file, "fold": fold, "split": "val"}
        if fold or self.options.get("accuracy_only"):
            chosen["accuracy_only"] = True
        return Comparing.of(
            self.data, ",".join(e.name for e in self.entries), folder, self.train_config, self.overwrite, chosen
        )


def _check_choices(own: CompareOptions, data: Path | str | None, output: Path | str | None) -> None:
    if data is None or output is None or own.cost_only:
        raise InputError("cross-validation needs `data` and `output`, and no cost_only")
    if own.fractions is not None:
        raise InputError("learning curves are drawn on one split; leave out `fractions`, or `folds`")
    if own.folds is not None and own.split_file is not None:
        raise InputError("give folds, or split_file with the folds, not both")
    if own.fold is not None:
        raise InputError("cross-validation measures every fold; leave `fold` out, or folds")
    if own.split is not None:
        raise InputError(f"cross-validation measures the fold that was left out; leave `split` out, got {own.split}")
    if own.by == "attribute":
        raise InputError("write the folds of an attribute with `densa split --by attribute`, and give split_file=FILE")


def _divided(
    data: Path, file: Path, own: CompareOptions, options: Mapping[str, Any], *, overwrite: bool
) -> tuple[SplitFile, bool]:
    """The folds of an earlier call with the same options, or new ones; and whether they are new.

    Raises:
        InputError: there are folds of other options and `overwrite` is false.
    """
    known = {name: value for name, value in options.items() if name in options_of(SplitOptions)}
    wanted = {**known, "folds": own.folds, "by": own.by or "scene"}
    wanted.pop("fractions", None)
    splits = split(data, **wanted)
    if not file.exists():
        return splits, True
    try:
        earlier = SplitFile.read(file)
        same = (earlier.folds, earlier.entries) == (splits.folds, splits.entries)
    except InputError:
        same = False
    if same:
        tell(f"the folds of {file} are kept")
        return splits, False
    if not overwrite:
        raise InputError(f"{file} has folds of other data or options; give another output or overwrite=True")
    return splits, True
