"""`densa demo`: all of it in some minutes, on images that the dependencies ship."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from densa.cli.common import Overwrite, progress_bar


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of all that the demo makes.")] = Path("demo"),
    minutes: Annotated[float, typer.Option("--minutes", min=0.05, help="Longest time to train the U-Net.")] = 4,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Train a U-Net on the left half of a photograph of coins, label the right half, and write demo/report.html.

    The region methods partition another photograph; a forest learns a tissue from strokes. All images come with
    scikit-image.
    """
    import torch

    from densa import datasets, methods, raster, reports
    from densa.cli.evaluate import summary_line
    from densa.datasets.samples import coins
    from densa.engine import predict_to_file
    from densa.networks import build
    from densa.segmenter import Architecture
    from densa.training import Augmentation, train

    reports.check_output(output, overwrite=overwrite)
    folder = coins(output / "coins", overwrite=overwrite)
    splits = datasets.open(folder)
    datasets.check(*splits.values())
    print(f"data: {folder} (left half to train on, right half to test)", flush=True)
    run = output / "unet"
    architecture = Architecture("unet", {"width": 16})
    torch.manual_seed(seed)
    train(
        build("unet", splits["train"].n_bands, splits["train"].legend.n_classes, **architecture.arguments),
        splits["train"],
        None,
        run,
        architecture=architecture,
        steps=250,
        minutes=minutes,
        patch_size=128,
        batch_size=8,
        learning_rate=3e-3,
        augmentation=Augmentation(quarter_turns=True, rotation=15, scale=0.25, elastic=8, gain=0.2, offset=0.3),
        seed=seed,
        overwrite=overwrite,
    )
    print(f"model: {run}", flush=True)
    model = methods.load(run)
    maps = output / "maps"
    maps.mkdir(exist_ok=True)
    test = splits["test"]
    for sample in test.samples:
        with raster.open(sample.image) as image, progress_bar(sample.name) as progress:
            predict_to_file(
                model,
                image,
                maps / f"{sample.image.stem}.png",
                probabilities=maps / f"{sample.image.stem}.probabilities.tif",
                overwrite=overwrite,
                progress=progress,
            )
    print(f"label maps: {maps}", flush=True)
    figures = _regions(output / "regions", overwrite)
    print(f"regions, without training: {output / 'regions'}", flush=True)
    figures |= _scribbles(output / "scribbles", seed, overwrite)
    print(f"a forest from eleven strokes: {output / 'scribbles'}", flush=True)
    evaluation = reports.evaluate_pairs(reports.pairs_of_folders(maps, test), test.legend)
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
    print(f"IoU of coins {evaluation.summary.iou[1]:.4f}; {summary_line(evaluation)}")
    print(f"report: {page.resolve()}")


def _scribbles(folder: Path, seed: int, overwrite: bool) -> dict[str, Any]:
    """A pixel forest trained from strokes on a stained tissue: the model, the label map, and both for the report."""
    import numpy as np

    from densa import methods, raster
    from densa.engine import predict_to_file
    from densa.shallow import draw_strokes, read_strokes, tissue
    from densa.training import TrainConfig, train_from_config

    image, drawn = tissue(folder, overwrite=overwrite)
    run = folder / "forest"
    config = TrainConfig.of(
        data=image, strokes=drawn, model="pixel-forest", model_arguments={"trees": 50, "scales": "1,3.5,8"}, seed=seed
    )
    train_from_config(config, run, overwrite=overwrite, progress=False)
    strokes = read_strokes(drawn)
    with raster.open(image) as opened:
        predict_to_file(methods.load(run), opened, folder / "map.png", overwrite=overwrite)
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
    from densa.engine.regions import RegionOutputs, region_method, segment_to_file

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
    with raster.open(folder / "astronaut.tif") as image:
        for method, options in settings.items():
            files = RegionOutputs(folder / f"{method}.tif", outline=folder / f"{method}.png")
            count = segment_to_file(region_method(method, image=image, **options), image, files, overwrite=overwrite)
            with raster.open(folder / f"{method}.png") as lines:
                picture = lines.read()[0].transpose(1, 2, 0)
            figures[f"{method}: {count} regions"] = picture.repeat(2, axis=0).repeat(2, axis=1)
    return figures
