"""`densa evaluate`: how good predictions are, in numbers and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from densa.cli.common import Config, Device, Json, Overwrite, Precision, print_json, progress_bar

if TYPE_CHECKING:
    from densa.reports import Evaluation


def evaluate(
    predictions: Annotated[
        Path, typer.Argument(metavar="RUN_OR_PREDICTIONS", help="Run folder, or a folder of label maps.")
    ],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Data set, or a folder of masks of the same stems.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="REPORT", help="Folder of the report; none: numbers alone.")
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", help="train, val or test; by default test, or val where there is none.")
    ] = None,
    legend: Annotated[
        Path | None, typer.Option("--legend", help="Legend of the masks, where the data set has none.")
    ] = None,
    void: Annotated[
        str, typer.Option("--void", help="Pixels whose target has no class: ignore, or false-positive.")
    ] = "ignore",
    absent: Annotated[
        str, typer.Option("--absent", help="Classes that do not occur: skip, or zero (divide by all classes).")
    ] = "skip",
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0, help="Of the boundary F1, as a share of the image's diagonal.")
    ] = 0.0075,
    n_worst: Annotated[int, typer.Option("--worst", min=0, help="Images shown on the page, the worst first.")] = 12,
    device: Device = "auto",
    precision: Precision = "auto",
    overwrite: Overwrite = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Compare predictions with masks: metrics.json and one self-contained page, report.html."""
    from densa import reports

    if output is not None:
        reports.check_output(output, overwrite=overwrite)
    with progress_bar("evaluate") as progress:
        pairs, truth, about = _pairs(predictions, data, split, legend, device, precision, progress)
        rules: dict[str, Any] = {"void": void, "absent": absent}
        evaluation = reports.evaluate_pairs(pairs, truth, **rules, tolerance=tolerance, n_worst=n_worst)
    page = None if output is None else reports.write_report(evaluation, output, overwrite=overwrite, **about)
    if as_json:
        print_json(evaluation.to_json())
        return
    print(summary_line(evaluation))
    if page is not None:
        print(f"wrote {page}")


def _pairs(
    predictions: Path, data: Path, split: str | None, legend: Path | None, device: str, precision: str, progress: Any
) -> tuple[Any, Any, dict[str, Any]]:
    """The pairs to compare, their legend, and what the page says of their origin."""
    from densa import datasets, methods, reports
    from densa.training import open_splits

    if not (predictions / "model.json").exists():
        pairs, truth = reports.pairs_of_files(predictions, data, split=split, legend=legend, progress=progress)
        return pairs, truth, {"model": str(predictions), "data": str(data)}
    segmenter = methods.load(predictions, device=device, precision=precision)
    config, about = _config_of_run(predictions, data)
    if config is not None and config.split_block is not None:
        splits = open_splits(config)
    else:
        rule = None if config is None else datasets.SplitRule(val_fraction=config.val_fraction, seed=config.split_seed)
        splits = datasets.open(data, legend=legend or segmenter.legend, split=rule)
    chosen = datasets.choose_split(splits, split, data)
    datasets.check(chosen)
    curves = predictions / "metrics.csv"
    about |= {"model": str(predictions), "data": f"{data} ({len(chosen)} images)"}
    return (
        reports.pairs_of_predictions(segmenter, chosen, progress=progress),
        chosen.legend,
        about | ({"curves": curves} if curves.exists() else {}),
    )


def _config_of_run(run: Path, data: Path) -> tuple[Any, dict[str, Any]]:
    """How the run split this data, so that no pixel it was trained on is taken for a validation pixel; else None."""
    from densa.training import TrainConfig

    if not (run / "config.yaml").exists():
        return None, {}
    config = TrainConfig.from_yaml(run / "config.yaml")
    about = {"seed": config.seed, "provenance": {"network": config.model, "width": config.width}}
    if config.data.resolve() != data.resolve():
        return None, about
    return config, about


def summary_line(evaluation: Evaluation) -> str:
    """The headline numbers in one line, with the rules that they stand under."""
    s = evaluation.summary
    return (
        f"mean IoU {s.mean_iou:.4f}, global accuracy {s.global_accuracy:.4f}, class average {s.class_average:.4f}, "
        f"boundary F1 {evaluation.boundary.value:.4f} over {len(evaluation.images)} images "
        f"(void: {s.void}, absent classes: {s.absent})"
    )
