"""Train a model from a folder of images and masks, or from strokes on images."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from densa.datasets.image_files import image_files
from densa.errors import InputError
from densa.locations import without_layer
from densa.options import check_paths, with_options
from densa.outputs import check_folder, files_inside, is_same
from densa.training.settings import TrainOptions
from densa.verbs.tell import kept_run

if TYPE_CHECKING:
    from torch import nn

    from densa.datasets import Dataset
    from densa.networks import Network
    from densa.training import TrainConfig, TrainResult

    Complete = Callable[[TrainConfig, Dataset, Callable[[str], None]], TrainConfig]

__all__ = ["plan_training", "train"]

# With one of them, the recipe is "default". Strokes alone train a forest, in seconds.
_CHOICES = {"recipe", "model", "width", "model_arguments", "weights", "strokes"}


def train(
    data: Path | str | None = None,
    *,
    output: Path | str,
    model: str | nn.Module | None = None,
    factory: str | None = None,
    config: Path | str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    **options: Any,
) -> TrainResult:
    """Train a network or a shallow method.

    Args:
        data: folder of images and masks; with `strokes`, the image or a folder of images.
        output: the run folder, which is also a model folder.
        model: name of a network or shallow method, "package.module:function" of a function that makes your own
            network from `(n_bands, n_classes, **model_arguments)`, or your own network, see `densa.wrap` for its
            outputs. By default that of `config`; else "pixel-forest" with strokes, and "unet" with masks.
        factory: "package.module:function" that makes a network like `model`, with which `densa.load` rebuilds it
            where that is allowed; without it, `densa.load(folder, module=...)` needs a network of the same class.
        config: a config.yaml to start from; options given here override it.
        resume: continue the run in `output`.
        overwrite: replace a run in `output`.
        progress: show a progress bar and the origin of the first weights on stderr.
        **options: the options of `densa train`, by name, see the reference.

    Returns:
        A summary of the run; its `folder` is the model folder.

    Raises:
        InputError: options or data that do not fit, an output that exists.
        Interrupted: stopped by SIGINT or SIGTERM; the checkpoint is written.

    Examples:
        >>> import densa
        >>> data = densa.datasets.coins("coins")
        >>> run = densa.train(data, model="unet", width=2, steps=2, patch_size=64, output="run", progress=False)
        >>> run.steps, run.folder.name
        (2, 'run')
    """
    name = model if isinstance(model, str) else None
    if model is not None and name is None:
        name = factory or f"own:{type(model).__name__}"
    given = options if name is None else {**options, "model": name}
    settings, complete = _settings(data, Path(output), config, resume, given)
    _check_output(Path(output), settings, config, overwrite)
    given_factory = name.partition(":")[0] if name is not None and ":" in name else ()
    from densa.networks import adapt, builder
    from densa.training import train_from_config

    own = None if model is None or isinstance(model, str) else model

    def build(name: str, n_bands: int, n_classes: int, **arguments: Any) -> Network:
        if own is not None:
            return adapt(own, n_bands)
        return builder(given_factory)(name, n_bands, n_classes, **arguments)

    with kept_run(Path(output), resumable=not settings.is_shallow):
        return train_from_config(
            settings, output, resume=resume, overwrite=overwrite, progress=progress, build=build, complete=complete
        )


def plan_training(
    data: Path | str | None = None,
    *,
    output: Path | str,
    config: Path | str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """The data and settings that `train` would use; the data is checked, nothing is written.

    Raises:
        InputError: as `train` before it starts.
    """
    settings, complete = _settings(data, Path(output), config, resume, options)
    _check_output(Path(output), settings, config, overwrite)
    from densa.training import plan_from_config

    return plan_from_config(settings, complete)


def _settings(
    data: Path | str | None, output: Path, config: Path | str | None, resume: bool, options: dict[str, Any]
) -> tuple[TrainConfig, Complete | None]:
    """The configuration, and what completes it where its recipe is to be chosen from the data."""
    given = options if data is None else {"data": data, **options}
    check_paths(TrainOptions, given)  # before torch is imported, which takes seconds
    if resume and config is None:
        config = output / "config.yaml"
        if not config.exists():
            raise InputError(f"{output} holds no run to resume (no config.yaml); train without resume=True first")
    if config is None and data is None:
        raise InputError("give `data`, the folder of images and masks (or `config`, a file with a line `data: FOLDER`)")
    if config is not None and not Path(config).exists():
        raise InputError(f"config {config} cannot be read: there is no such file")
    from densa.training import TrainConfig
    from densa.training.config.config import OF_NETWORKS

    chosen = {name for name, value in given.items() if value is not None}
    if config is None and not chosen & _CHOICES:
        given["recipe"] = "auto"
    if config is None and "strokes" in chosen and not chosen & {"model", "model_arguments", *OF_NETWORKS}:
        return TrainConfig.of(**given, model="pixel-forest"), _told_forest
    settings = TrainConfig.of(**given) if config is None else TrainConfig.from_yaml(config, **given)
    if data is None and settings.data is not None and not Path(settings.data).exists():
        raise InputError(
            f"config {config} names the data {settings.data}, which is not there; it was moved, or the run was begun "
            "in another folder: give `data`"
        )
    if settings.recipe != "auto" or config is not None:  # the file of such a run holds what was chosen
        return settings, None
    return settings, partial(_completed, given)


def _told_forest(config: TrainConfig, split: Dataset, tell: Callable[[str], None]) -> TrainConfig:
    tell("model pixel-forest: strokes train a forest in seconds; model=unet trains a network")
    return config


def _completed(given: dict[str, Any], config: TrainConfig, split: Dataset, tell: Callable[[str], None]) -> TrainConfig:
    from densa.training.config.auto import completed

    return completed(config, given, split, tell)


def _check_output(output: Path, settings: TrainConfig, config: Path | str | None, overwrite: bool) -> None:
    """Refuse a run folder that is the data, holds a file that is read, or cannot be made."""
    if output.exists() and not output.is_dir():
        raise InputError(f"the run folder {output} is a file; choose another output")
    check_folder(output)
    for place in (settings.data, settings.images, settings.masks):
        if place is not None and is_same(output, Path(place)):
            raise InputError(f"the run folder {output} is the data; choose another output")
    inside = settings.data is not None and Path(settings.data).is_dir() and output.is_dir()
    if inside and Path(settings.data).resolve() in output.resolve().parents and any(image_files(output, depth=0)):
        raise InputError(f"the run folder {output} holds images of the data; choose another output")
    files = [path for path in (settings.legend, settings.strokes, config) if path is not None]
    files += [without_layer(path) for path in (settings.labels, settings.aoi) if path is not None]
    files += [] if settings.weights is None else files_inside(Path(settings.weights))
    for file in map(Path, files):
        if overwrite and any(is_same(output, place) for place in file.absolute().parents):
            raise InputError(f"{file} is read, and lies in the run that is replaced, {output}; choose another output")


train.__signature__ = with_options(train, TrainOptions)  # type: ignore[attr-defined]
