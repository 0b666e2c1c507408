"""Train a model from a folder of images and masks, or from strokes on one image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from densa.errors import InputError
from densa.options import check_paths, with_options
from densa.training.settings import TrainOptions

if TYPE_CHECKING:
    from densa.training import TrainConfig, TrainResult

__all__ = ["plan_training", "train"]


def train(
    data: Path | str | None = None,
    *,
    output: Path | str,
    config: Path | str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    **options: Any,
) -> TrainResult:
    """Train a network or a shallow method.

    Args:
        data: folder of images and masks; with `strokes`, the image.
        output: the run folder, a model folder too.
        config: a config.yaml to start from; options given here win.
        resume: continue the run in `output`.
        overwrite: replace a run in `output`.
        progress: show a progress bar on stderr, and what the first weights are.
        **options: the options of `densa train`, by name, see the reference.

    Returns:
        What was done; its `folder` is the model.

    Raises:
        InputError: options or data that do not fit, an output that exists.
        Interrupted: stopped by SIGINT or SIGTERM; the checkpoint is written.
    """
    settings = _settings(data, Path(output), config, resume, options)
    from densa.training import train_from_config

    return train_from_config(settings, output, resume=resume, overwrite=overwrite, progress=progress)


def plan_training(
    data: Path | str | None = None,
    *,
    output: Path | str,
    config: Path | str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """What `train` would train on, and with what; the data is checked, nothing is written.

    Raises:
        InputError: as `train` before it starts.
    """
    settings = _settings(data, Path(output), config, resume, options)
    from densa.training import plan_from_config

    return plan_from_config(settings)


def _settings(
    data: Path | str | None, output: Path, config: Path | str | None, resume: bool, options: dict[str, Any]
) -> TrainConfig:
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

    return TrainConfig.of(**given) if config is None else TrainConfig.from_yaml(config, **given)


train.__signature__ = with_options(train, TrainOptions)  # type: ignore[attr-defined]
