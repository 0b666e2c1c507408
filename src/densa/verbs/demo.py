"""A demonstration of densa in a few minutes, on images that come with its dependencies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from densa.errors import InputError
from densa.outputs import check_outputs
from densa.verbs.predict import predict_files
from densa.verbs.segment import segment_file
from densa.verbs.settings import PredictOptions, SegmentOptions
from densa.verbs.train import train

if TYPE_CHECKING:
    from collections.abc import Callable

    from densa.reports import Evaluation

__all__ = ["demo"]


def demo(
    output: Path, *, minutes: float, seed: int, overwrite: bool, say: Callable[[str], None]
) -> tuple[Evaluation, Path]:
    """Train a U-Net on the left half of a photograph of coins, label the right half, and write a report.

    Args:
        output: folder of all files of the demo.
        minutes: longest time to train the U-Net.
        seed: of the trainings.
        overwrite: replace what is in `output`.
        say: called with a line of text after each step.

    Returns:
        The evaluation, and the path of the report.

    Raises:
        InputError: an output that exists.
    """
    from densa import datasets, reports
    from densa.datasets.samples import coins

    check_outputs([(path.name, path) for path in reports.check_output(output, overwrite=overwrite)], ())
    folder = coins(output / "coins", overwrite=overwrite)
    say(f"data: {folder} (left half to train on, right half to test)")
    run = _train(folder, output / "unet", minutes, seed, overwrite)
    say(f"model: {run}")
    test, maps = datasets.open(folder)["test"], output / "maps"
    _predict(run, [sample.image for sample in test.samples], maps, overwrite=overwrite, probabilities=True)
    say(f"label maps: {maps}")
    figures = _regions(output / "regions", overwrite)
    say(f"regions, without training: {output / 'regions'}")
    figures |= _scribbles(output / "scribbles", seed, overwrite)
    say(f"a forest from eleven strokes: {output / 'scribbles'}")
    evaluation = replace(
        reports.evaluate_pairs(reports.pairs_of_folders(maps, test), test.legend),
        measured_on=reports.MeasuredOn("test", len(test), 2, False, "not trained on"),
    )
    page = reports.write_report(
        evaluation,
        output,
        title="Coins: trained on the left half, tested on the right",
        model="U-Net, width 16",
        data="skimage.data.coins()",
        seed=seed,
        curves=run / "metrics.csv",
        figures=figures,
        overwrite=overwrite,
    )
    return evaluation, page


def _train(folder: Path, run: Path, minutes: float, seed: int, overwrite: bool) -> Path:
    from densa.training import Augmentation

    result = train(
        folder,
        output=run,
        overwrite=overwrite,
        model="unet",
        steps=250,
        minutes=minutes,
        patch_size=128,
        learning_rate=3e-3,
        augmentation=Augmentation.flips(quarter_turns=True, rotation=15, scale=0.25, elastic=8, gain=0.2, offset=0.3),
        seed=seed,
    )
    return result.folder


def _predict(run: Path, images: list[Path], output: Path, **options: Any) -> None:
    for one in predict_files(run, images, output, PredictOptions.of(**options)):
        if one.error is not None:
            raise InputError(f"{one.image}: {one.error}")


def _scribbles(folder: Path, seed: int, overwrite: bool) -> dict[str, Any]:
    """A pixel forest trained from strokes on a stained tissue: the model, the label map, and both for the report."""
    import numpy as np

    from densa import raster
    from densa.shallow import draw_strokes, read_strokes, tissue

    image, drawn = tissue(folder, overwrite=overwrite)
    forest: dict[str, Any] = {"model": "pixel-forest", "trees": 50, "scales": (1, 3.5, 8), "seed": seed}
    run = train(image, output=folder / "forest", overwrite=overwrite, progress=False, strokes=drawn, **forest).folder
    _predict(run, [image], folder / "map.png", overwrite=overwrite)
    strokes = read_strokes(drawn)
    with raster.open(image) as opened:
        shown = opened.read()[0].transpose(1, 2, 0).copy()
    labels = draw_strokes(strokes, *shown.shape[:2])
    colors = strokes.legend.palette()
    shown[labels != 255] = colors[labels[labels != 255]]
    found = raster.read_label_map(folder / "map.png")[0]
    return {"strokes on a tissue": shown, "pixel forest of them": np.ascontiguousarray(colors[found])}


def _regions(folder: Path, overwrite: bool) -> dict[str, Any]:
    """Partitions of a photograph by every region method: outlines as files, and for the report."""
    import numpy as np
    from skimage import data

    from densa import raster

    folder.mkdir(exist_ok=True)
    photo = np.ascontiguousarray(data.astronaut()[::2, ::2].transpose(2, 0, 1))
    raster.write_bands(folder / "astronaut.tif", photo, overwrite=overwrite)
    settings: dict[str, dict[str, Any]] = {
        "slic": {"count": 250},
        "watershed": {"count": 250, "sigma": 1.5},
        "mean-shift": {"min_size": 60},
        "normalized-cuts": {"count": 12},
    }
    figures = {}
    for method, own in settings.items():
        outline = folder / f"{method}.png"
        options = SegmentOptions.of(method=method, outline=outline, overwrite=overwrite, **own)
        count = segment_file(folder / "astronaut.tif", folder / f"{method}.tif", options).n_regions
        with raster.open(outline) as lines:
            picture = lines.read()[0].transpose(1, 2, 0)
        figures[f"{method}: {count} regions"] = picture.repeat(2, axis=0).repeat(2, axis=1)
    return figures
