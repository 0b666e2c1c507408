"""`densa compare`: accuracy and cost of methods."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from densa.cli.common import Config, Json, named, print_json
from densa.cli.derived import options_from
from densa.errors import InputError
from densa.options import check_paths, options_of
from densa.settings import Existing, Sources
from densa.training.settings import TrainOptions
from densa.verbs.inputs import allowed, taken
from densa.verbs.settings import CompareOptions

if TYPE_CHECKING:
    from densa.reports import Comparison
    from densa.reports.cross_validation.summary import CrossValidation
    from densa.verbs.compare import Comparing

_TRAINING = ("minutes", "steps", "width", "patch_size", "batch_size", "recipe", "seed")
_WITHOUT = tuple(set(options_of(TrainOptions)) - {*_TRAINING, *options_of(CompareOptions)})


@options_from(CompareOptions, TrainOptions, Sources, Existing, without=_WITHOUT)
def compare(
    given: dict[str, Any],
    data: Annotated[Path | None, typer.Argument(metavar="DATA", help="Data set.", show_default=False)] = None,
    models: Annotated[
        str, typer.Option("--models", help="Methods to train, and run or model folders, with commas between them.")
    ] = "",
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="REPORT", help="Folder of the page.")] = None,
    train_config: Annotated[
        Path | None, typer.Option("--train-config", help="A config.yaml of `densa train` to start from.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the arguments, print the plan, and stop.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Compare methods: accuracy, time, memory and size on one page and in one table.

    Methods named in --models are trained in REPORT/runs, networks with the same budget; runs that are finished there
    are kept. Cost is measured in float32 (or with --precision bfloat16), in fresh processes for each method.
    With --folds K, or a --split-file of folds, every method is trained and measured on every fold: mean and spread.
    """
    check_paths(TrainOptions, given if data is None else {**given, "data": data})  # before torch is imported
    from densa.verbs.compare import Comparing
    from densa.verbs.cross_validation.compare import CrossValidating, is_cross_validation

    overwrite = given.pop("overwrite", False)
    with allowed(taken(given)):
        if given.get("by") is not None and given.get("folds") is None:
            raise InputError("by has no effect without folds; leave it out")
        if is_cross_validation(given):
            folded = CrossValidating.of(data, models, output, train_config, overwrite, given, dry_run=dry_run)
            if dry_run:
                _show_todo(folded.todo(), as_json)
            else:
                _show_folds(folded.run(" ".join(["densa", *sys.argv[1:]])), as_json)
            return
        comparing = Comparing.of(data, models, output, train_config, overwrite, given, dry_run=dry_run)
        if dry_run:
            _show_plan(comparing, as_json)
            return
        comparison = comparing.run(" ".join(["densa", *sys.argv[1:]]))
    if as_json:
        print_json(comparison.to_json())
    else:
        _show(comparison, comparing)


def _show(comparison: Comparison, comparing: Comparing) -> None:
    tables = [
        comparison.accuracy_table() if comparing.plan is not None else "",
        comparison.cost_table() if comparing.cost is not None else "",
    ]
    print("\n\n".join(table for table in tables if table))
    if comparison.paired is not None:
        from densa.reports.uncertainty.differences import difference_lines

        print(*difference_lines(comparison.paired), sep="\n")
    elif found := next((row.intervals for row in comparison.rows if row.intervals), None):
        print(found.text)
    for curve in comparison.curves:
        print(curve.sentence)
    if comparison.measured_on is not None:
        print(f"accuracy measured on {comparison.measured_on}")
    for row in comparison.rows:
        for note in row.notes:
            print(f"{row.name}: {note}")
    if comparison.page is not None:
        others = [comparison.page.with_suffix(".csv"), comparison.page.with_name("runs")]
        print(f"wrote {named(comparison.page, others)}")


def _show_folds(found: CrossValidation, as_json: bool) -> None:
    """Mean and spread of each method, and where the rows of the folds are."""
    if as_json:
        print_json(found.to_json())
        return
    print(found.table())
    print("mean over the folds ± sample standard deviation of the folds; each predicted by a model of the others")
    if found.page is not None:
        print(f"wrote {named(found.page, [found.page.with_suffix('.csv'), found.split_file])}")


def _show_todo(todo: dict[str, list[str]], as_json: bool) -> None:
    if as_json:
        print_json(todo)
        return
    for name, words in todo.items():
        print(f"{name:<18} {', '.join(words)}")


def _show_plan(comparing: Comparing, as_json: bool) -> None:
    todo, cost = comparing.todo(), comparing.cost
    if as_json:
        print_json({"methods": todo} | ({} if cost is None else {"cost": asdict(cost)}))
        return
    for name, words in todo.items():
        print(f"{name:<18} {', '.join(words)}")
    if cost is not None:
        print(f"{'cost':<18} {', '.join(f'{key} {value}' for key, value in asdict(cost).items())}")
