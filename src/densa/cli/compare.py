"""`densa compare`: methods side by side, accuracy beside cost."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from densa.cli.common import Config, Device, Json, Overwrite, Precision, print_json, progress_bar
from densa.errors import InputError

_TRAINING = ("minutes", "steps", "width", "patch_size", "batch_size", "recipe", "seed")
_COST_SIZE, _COST_WIDTH, _COST_CLASSES, _COST_BANDS = (360, 480), 64, 11, 3  # CamVid, and the papers' width


def compare(
    context: typer.Context,
    data: Annotated[Path | None, typer.Argument(metavar="DATA", help="Data set.", show_default=False)] = None,
    models: Annotated[
        str, typer.Option("--models", help="With commas between: methods, trained now, and run or model folders.")
    ] = "",
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="REPORT", help="Folder of the page.")] = None,
    split: Annotated[
        str | None, typer.Option("--split", help="Evaluate on train, val or test. [test, or val where there is none]")
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="Training time of each network.")] = None,
    steps: Annotated[int | None, typer.Option(help="Training steps of each network. [2000, unless --minutes]")] = None,
    width: Annotated[
        int | None, typer.Option(help="Channels of the first level. [16; with --cost-only the papers' 64]")
    ] = None,
    patch_size: Annotated[str | None, typer.Option(help="Patches of training, in pixels. [256]")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Patches of a training step. [8]")] = None,
    recipe: Annotated[str | None, typer.Option(help="Training recipe, see `densa train`. [default]")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same weights. [0]")] = None,
    train_config: Annotated[
        Path | None, typer.Option("--train-config", help="A config.yaml of `densa train` to start from.")
    ] = None,
    legend: Annotated[Path | None, typer.Option(help="Legend file. [of the folder, or inferred]")] = None,
    pictures: Annotated[int, typer.Option(min=0, help="Images shown on the page.")] = 4,
    cost_only: Annotated[bool, typer.Option("--cost-only", help="Measure cost alone; needs no DATA.")] = False,
    accuracy_only: Annotated[bool, typer.Option("--accuracy-only", help="Measure accuracy alone.")] = False,
    size: Annotated[
        str | None, typer.Option("--size", metavar="HxW", help="Image of the cost. [the first of DATA, or 360x480]")
    ] = None,
    bands: Annotated[int | None, typer.Option(min=1, help="With --cost-only: bands of the image. [3]")] = None,
    classes: Annotated[int | None, typer.Option(min=1, help="With --cost-only: classes. [11]")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Images of the step whose training memory is measured.")] = 4,
    repeats: Annotated[int, typer.Option(min=1, help="Times are the least of so many.")] = 3,
    device: Device = "auto",
    precision: Precision = "auto",
    overwrite: Overwrite = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check what was given, say what would be done.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Put methods side by side: accuracy, time, memory and size on one page and in one table.

    A method named in --models is trained in REPORT/runs, networks with the same budget; one that is finished there is
    not trained again. Cost is measured in float32 (or with --precision bfloat16), in fresh processes for each method.
    """
    from densa import reports
    from densa.cli import compare_methods as steps_of
    from densa.reports.process_memory import machine
    from densa.segmenter.inference import choose_device, choose_precision

    if cost_only and accuracy_only:
        raise InputError("--cost-only and --accuracy-only exclude each other; leave both out to measure both")
    if cost_only and data is not None:
        raise InputError("--cost-only measures without data; leave DATA out, or --cost-only")
    if not cost_only and (data is None or output is None):
        raise InputError("give DATA and -o REPORT, or --cost-only to measure cost without data")
    if not cost_only and (bands or classes):
        raise InputError("--bands and --classes are for --cost-only; DATA has its own")
    entries = steps_of.entries_of(models)
    if output is not None and not dry_run:
        reports.check_comparison(output, overwrite=overwrite)
    place = choose_device(device)
    choose_precision(precision, place)
    facts: dict[str, object] = {"command": " ".join(["densa", *sys.argv[1:]]), **machine(place)}

    chosen = plan = None
    if data is None:
        shape = (bands or _COST_BANDS, classes or _COST_CLASSES)
        image, arguments = _COST_SIZE, {"width": width or _COST_WIDTH}
        rows = [steps_of.untrained(entry, *shape, arguments) for entry in entries]
    else:
        given = {name: context.params[name] for name in _TRAINING if context.params[name] is not None}
        given |= {"data": data, "legend": legend, "device": device, "precision": precision}
        plan = steps_of.plan(entries, split, given, train_config)
        chosen, shape = plan.chosen, (plan.n_bands, plan.chosen.legend.n_classes)
        image = chosen.size(0)
        facts["data"] = f"{data}, {plan.split}: {len(chosen)} images"
    settings = reports.CostSettings(
        *(_size(size) if size else image),
        batch,
        repeats,
        str(place),
        "bfloat16" if precision == "bfloat16" else "float32",
    )
    if dry_run:
        _show_plan(entries, plan, output, None if accuracy_only else settings, as_json)
        return

    views: list[reports.SideBySide] = []
    if plan is not None and output is not None:
        steps_of.train_all(plan, output, overwrite=overwrite)
        rows, views = steps_of.evaluate_all(plan, output, n_pictures=pictures, device=device, precision=precision)
    if not accuracy_only:
        facts["cost of"] = (
            f"{settings.height}x{settings.width} pixels, {shape[0]} bands, {shape[1]} classes, {settings.precision}; "
            f"training batch of {batch}; least of {repeats}"
        )
        with progress_bar("cost") as progress:
            rows = steps_of.measure_all(rows, settings, progress)
    comparison = reports.Comparison(
        tuple(row.method for row in rows), chosen.legend if chosen else None, facts, tuple(views)
    )
    page = None if output is None else reports.write_comparison(comparison, output, overwrite=overwrite)
    if as_json:
        print_json(comparison.to_json())
        return
    tables = [comparison.accuracy_table() if chosen else "", "" if accuracy_only else comparison.cost_table()]
    print("\n\n".join(table for table in tables if table))
    for row in comparison.rows:
        for note in row.notes:
            print(f"{row.name}: {note}")
    if page is not None:
        print(f"wrote {page}")


def _size(text: str) -> tuple[int, int]:
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise InputError(f"--size must be height and width in pixels, such as 360x480, got {text!r}")
    return int(parts[0]), int(parts[1])


def _show_plan(entries: Any, plan: Any, output: Path | None, cost: Any, as_json: bool) -> None:
    from densa.cli import compare_methods as steps_of

    content: dict[str, Any] = {"methods": {}}
    for entry in entries:
        todo = []
        if plan is not None and output is not None:
            todo = [steps_of.state_of_run(plan, entry, output)] if entry.method else []
            todo.append(f"evaluate on {plan.split} ({len(plan.chosen)} images)")
        if cost is not None:
            todo.append("measure cost")
        content["methods"][entry.name] = todo
    if cost is not None:
        content["cost"] = asdict(replace(cost))
    if as_json:
        print_json(content)
        return
    for name, todo in content["methods"].items():
        print(f"{name:<18} {', '.join(todo)}")
    if cost is not None:
        print(f"{'cost':<18} {', '.join(f'{key} {value}' for key, value in content['cost'].items())}")
