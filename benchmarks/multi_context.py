"""Fixed patch sizes against sizes drawn for each batch, at equal training time: MBRSC aerial tiles of Dubai.

python benchmarks/multi_context.py [DUBAI] --output results.json [--seconds 20] [--seeds 0,1,2] [--table]

Tiles 1 to 6 are for training, tile 8 for testing; nothing is chosen on tile 8. Images are reduced by the mean, labels
by the nearest pixel. A run is bounded by the processor time of its process, so that a busy machine does not decide how
many steps it makes. Runs that the output holds already are not repeated.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from machine import machine
from realdata import realdata

from densa import datasets, engine, raster
from densa.metrics import ConfusionMatrix
from densa.networks import build
from densa.segmenter import Architecture, load_network_segmenter
from densa.training import Augmentation, recorded_sizes, train
from densa.training.loop import run as run_module

SIZES = (25, 45, 65, 85)
CONTEXTS = (
    *(f"fixed:{size}" for size in SIZES), "uniform:25-85", "multi-fixed:25,45,65,85", "multinomial:25,45,65,85",
)  # fmt: skip
SCORES = ("global_accuracy", "class_average", "mean_iou", "kappa")


def prepare(source: Path, folder: Path, scale: int) -> None:
    """Stitch the 3 x 3 parts of each tile, reduce them, and write them as a data set."""
    (dataset,) = datasets.open(source, split=datasets.SplitRule(val_fraction=0)).values()
    tiles: dict[str, list[int]] = {}
    for i, sample in enumerate(dataset.samples):
        tiles.setdefault(sample.group, []).append(i)
    for tile, parts in tiles.items():
        parts.sort(key=lambda i: dataset.samples[i].image.name)
        split = "test" if tile.endswith("8") else "train"
        for kind in ("images", "masks"):
            (folder / split / kind).mkdir(parents=True, exist_ok=True)
        images, labels = _stitched([dataset.image(i)[0] for i in parts]), _stitched([dataset.labels(i) for i in parts])
        height, width = (side // scale * scale for side in labels.shape)
        blocks = images[:, :height, :width].reshape(3, height // scale, scale, width // scale, scale)
        name = tile.rpartition("/")[2].replace(" ", "-").lower()
        reduced = np.rint(blocks.mean(axis=(2, 4))).astype(np.uint8)
        raster.write_bands(folder / split / "images" / f"{name}.tif", reduced)
        labels = labels[scale // 2 : height : scale, scale // 2 : width : scale]
        raster.write_label_map(folder / split / "masks" / f"{name}.tif", np.ascontiguousarray(labels), dataset.legend)
    (folder / "legend.json").write_text(json.dumps(dataset.legend.to_dict()))


def _stitched(parts: list[Any]) -> Any:
    return np.concatenate([np.concatenate(parts[k : k + 3], axis=-1) for k in (0, 3, 6)], axis=-2)


def measure(folder: Path, context: str, seed: int, seconds: float, model: str, width: int) -> dict[str, Any]:
    """Train once and test: scores of exact prediction, and of patches of the best size."""
    torch.set_num_threads(1)
    splits = datasets.open(folder, split=datasets.SplitRule(val_fraction=0))
    arguments = {"width": width}
    torch.manual_seed(seed)
    network = build(model, 3, splits["train"].legend.n_classes, **arguments)
    run_module.time = SimpleNamespace(perf_counter=time.process_time)  # type: ignore[assignment,attr-defined]
    with tempfile.TemporaryDirectory() as run:
        result = train(
            network,
            splits["train"],
            None,
            run,
            architecture=Architecture(model, arguments),
            minutes=seconds / 60,
            context=context,
            sampling="anchors",
            anchor_crop=25,
            anchor_stride=12,
            batch_size=8,
            learning_rate=5e-3,
            warmup=0.05,
            augmentation=Augmentation.flips(quarter_turns=True, gain=0.1, offset=0.1),
            recalibrate=True,
            validate_every=10**9,
            precision="float32",
            device="cpu",
            seed=seed,
            progress=False,
        )
        trained = json.loads((Path(run) / "model.json").read_text())["training"]
        segmenter = load_network_segmenter(run, build, device="cpu", precision="float32")
    best = recorded_sizes(trained)[0]
    test = splits["test"]
    found: dict[str, Any] = {
        "context": context, "seed": seed, "steps": result.steps, "seconds": result.seconds, "best": best,
        "sizes": trained["context"]["sizes"],
    }  # fmt: skip
    with test.open_image(0) as image:
        for mode in ("exact", "patches"):
            started = time.process_time()
            predicted = (
                engine.predict_array(segmenter, image)[0]
                if mode == "exact"
                else engine.predict_patches_array(segmenter, image, [best])[0]
            )
            confusion = ConfusionMatrix(test.legend.n_classes)
            confusion.update(test.labels(0), predicted)
            summary = confusion.summary()
            found[mode] = {name: getattr(summary, name) for name in SCORES}
            found[mode]["seconds"] = time.process_time() - started
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """Mean and standard deviation over the seeds, as Markdown."""
    lines = [
        "| patch size | steps | mean IoU | class average | global accuracy | kappa | mean IoU by patches | best size |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for context in CONTEXTS:
        own = sorted((row for row in rows if row["context"] == context), key=lambda row: row["seed"])
        if own:
            cells = [_spread([row["exact"][name] for row in own]) for name in ("mean_iou", "class_average")]
            cells += [_spread([row["exact"][name] for row in own]) for name in ("global_accuracy", "kappa")]
            cells.append(_spread([row["patches"]["mean_iou"] for row in own]))
            steps = round(statistics.mean(row["steps"] for row in own))
            best = ", ".join(str(row["best"]) for row in own)
            lines.append(f"| `{context}` | {steps} | {' | '.join(cells)} | {best} |")
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{100 * statistics.mean(values):.1f} ± {100 * deviation:.1f}"


def main() -> None:
    """Run what is missing, several processes at once; print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dubai", type=Path, nargs="?")
    parser.add_argument("--output", type=Path, required=True, help="JSON lines, one for each run")
    parser.add_argument("--seconds", type=float, default=20, help="processor time of a run's training")
    parser.add_argument("--scale", type=int, default=8)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--contexts", nargs="+", default=CONTEXTS, choices=CONTEXTS)
    parser.add_argument("--model", default="dilated6-rate6")
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="print the table of the runs so far")
    options = parser.parse_args()
    if not options.table:
        run_all(options)
    print(machine())
    print(table(_rows(options.output)))


def _rows(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.read_text().splitlines()] if output.exists() else []


def run_all(options: argparse.Namespace) -> None:
    """All runs that the output lacks, seed by seed, shared out among processes."""
    source = realdata("dubai", options.dubai)
    done = {(row["context"], row["seed"]) for row in _rows(options.output)}
    wanted = [(context, int(seed)) for seed in options.seeds.split(",") for context in options.contexts]
    settings = options.seconds, options.model, options.width
    with tempfile.TemporaryDirectory() as temporary, ProcessPoolExecutor(options.workers) as pool:
        folder = Path(temporary)
        prepare(source, folder, options.scale)
        jobs = [pool.submit(measure, folder, *run, *settings) for run in wanted if run not in done]
        for job in as_completed(jobs):
            with options.output.open("a") as file:
                file.write(json.dumps(job.result()) + "\n")


if __name__ == "__main__":
    main()
