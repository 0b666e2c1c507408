"""Compare predictions with masks: numbers with their rules, and one page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from densa.options import check_paths, must_exist, with_options
from densa.outputs import check_outputs
from densa.progress import progress_bar
from densa.verbs.settings import EvaluateOptions

if TYPE_CHECKING:
    from densa.legend import Legend
    from densa.reports import Evaluation, Pair
    from densa.training import TrainConfig

__all__ = ["evaluate", "evaluate_and_write", "summary_line"]


def evaluate(
    predictions: Path | str,
    data: Path | str,
    *,
    output: Path | str | None = None,
    overwrite: bool = False,
    progress: bool = True,
    **options: Any,
) -> Evaluation:
    """Compare predictions with masks.

    Args:
        predictions: a run or model folder, or a folder of label maps.
        data: a data set, or a folder of masks with the same stems.
        output: folder of metrics.json and report.html; None writes nothing.
        overwrite: replace those files.
        progress: show a progress bar on stderr.
        **options: the options of `densa evaluate`, by name, see the reference.

    Returns:
        The numbers.

    Raises:
        InputError: predictions, data or options that do not fit, an output that exists.

    Examples:
        >>> import densa
        >>> data = densa.datasets.coins("coins")
        >>> test = densa.datasets.open(data)["test"].samples[0]
        >>> masks = test.mask.parent
        >>> report = densa.evaluate(masks, masks, progress=False)  # of the masks with themselves
        >>> report.summary.mean_iou
        1.0
    """
    return evaluate_and_write(predictions, data, output, overwrite=overwrite, progress=progress, **options)[0]


evaluate.__signature__ = with_options(evaluate, EvaluateOptions)  # type: ignore[attr-defined]


def evaluate_and_write(
    predictions: Path | str,
    data: Path | str,
    output: Path | str | None,
    *,
    overwrite: bool = False,
    progress: bool = True,
    **options: Any,
) -> tuple[Evaluation, Path | None]:
    """As `evaluate`; also returns the path of the page."""
    settings = EvaluateOptions.of(**options)
    check_paths(EvaluateOptions, options)
    must_exist(predictions=predictions, data=data)
    from densa import reports

    if output is not None:
        written = reports.check_output(output, overwrite=overwrite)
        read = [Path(predictions), Path(data), *([settings.legend] if settings.legend else [])]
        check_outputs([(path.name, path) for path in written], read)
    with progress_bar("evaluate", shown=progress) as show:
        compared = _compared(Path(predictions), Path(data), settings, show)
        evaluation = reports.evaluate_pairs(
            compared.pairs,
            compared.legend,
            void=settings.void,
            absent=settings.absent,
            tolerance=settings.tolerance,
            n_worst=settings.worst,
        )
    page = None if output is None else reports.write_report(evaluation, output, overwrite=overwrite, **compared.about)
    return evaluation, page


@dataclass(frozen=True)
class _Compared:
    """Pairs to compare, their legend, and facts on their origin for the page."""

    pairs: Iterable[Pair]
    legend: Legend
    about: dict[str, Any] = field(default_factory=dict)


def _compared(predictions: Path, data: Path, settings: EvaluateOptions, show: Any) -> _Compared:
    from densa import datasets, reports

    if not (predictions / "model.json").exists():
        pairs, truth = reports.pairs_of_files(
            predictions, data, split=settings.split, legend=settings.legend, progress=show
        )
        return _Compared(pairs, truth, {"model": str(predictions), "data": str(data)})
    from densa import methods
    from densa.training import open_splits

    segmenter = methods.load(predictions, device=settings.device, precision=settings.precision)
    config, about = _config_of_run(predictions, data)
    if config is not None and config.split_block is not None:
        splits = open_splits(config)
    else:
        rule = None if config is None else datasets.SplitRule(val_fraction=config.val_fraction, seed=config.split_seed)
        splits = datasets.open(data, legend=settings.legend or segmenter.legend, split=rule)
    chosen = datasets.choose_split(splits, settings.split, data)
    datasets.check(chosen)
    curves = predictions / "metrics.csv"
    about |= {"model": str(predictions), "data": f"{data} ({len(chosen)} images)"}
    about |= {"curves": curves} if curves.exists() else {}
    return _Compared(reports.pairs_of_predictions(segmenter, chosen, progress=show), chosen.legend, about)


def _config_of_run(run: Path, data: Path) -> tuple[TrainConfig | None, dict[str, Any]]:
    """The run's own split of this data, so that no training pixel is evaluated; None for other data."""
    from densa.training import TrainConfig

    if not (run / "config.yaml").exists():
        return None, {}
    config = TrainConfig.from_yaml(run / "config.yaml")
    about = {"seed": config.seed, "provenance": {"network": config.model, "width": config.width}}
    return (config if config.data.resolve() == data.resolve() else None), about


def summary_line(evaluation: Evaluation) -> str:
    """The headline numbers in one line, with the rules that they follow."""
    s = evaluation.summary
    return (
        f"mean IoU {s.mean_iou:.4f}, global accuracy {s.global_accuracy:.4f}, class average {s.class_average:.4f}, "
        f"boundary F1 {evaluation.boundary.value:.4f} over {len(evaluation.images)} images "
        f"(void: {s.void}, absent classes: {s.absent})"
    )
