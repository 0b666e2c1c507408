"""A run in progress: its network, optimiser and state, and the loop over steps and validations."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from densa.datasets import Dataset
from densa.errors import InputError
from densa.metrics import ConfusionMatrix, Summary
from densa.segmenter import Segmenter
from densa.training.loop.checkpoints import RunState, load_checkpoint, save_checkpoint
from densa.training.loop.feeding import Feeder, MicroBatch
from densa.training.loop.interruption import Interrupted, Interruption
from densa.training.loop.plan import RunPlan
from densa.training.loop.run_folder import CHECKPOINT
from densa.training.loop.run_log import RunLog
from densa.training.loop.step import train_step
from densa.training.loop.validation import say_unmeasured, validate
from densa.training.loop.validation_share import SHARE, ValidationShare, validation_order
from densa.training.patch_sizes.in_progress import CONTEXT_FILE, DrawnPatchSizes
from densa.training.pieces.augmentation import mixed_seed
from densa.training.pieces.averaging import update_average
from densa.training.pieces.batch_norm import recalibrate_batch_norm
from densa.training.pieces.optimizers import set_learning_rate
from densa.training.pieces.schedules import scheduled_rate
from densa.training.settings import Training

__all__ = ["CHECKPOINT", "Run"]

_KEPT_EVERY = 120.0  # seconds between checkpoints


class SaveModel(Protocol):
    """Writes the model folder of a network: its weights, the step they are of, and their scores."""

    def __call__(self, network: nn.Module, state: RunState, scores: Summary | None) -> None: ...


@dataclass
class Run:
    """A run put together by `train`; `loop` trains to the end of its plan.

    Attributes:
        folder: run folder.
        settings: of the run.
        decisive: settings that determine the weights; a checkpoint with other values is refused.
        accelerator: processes and device.
        network: the network in training, channels last, on the device.
        model: the network as accelerate wraps it for several processes; with one, the network itself.
        average: the averaged network, or None.
        optimizer: of the network's parameters.
        feeder: micro-batches of each step.
        make_segmenter: makes a segmenter of a network, so that validation predicts as `predict` does.
        save_model: called with the weights that become the model.
        class_weights: (C,) on the device, or None.
        bfloat16: whether to compute in bfloat16.
        n_recalibration: micro-batches that set batch normalisation's statistics before a validation.
        drawn_sizes: draws and scores patch sizes, or None.
        validation: images to validate on, or None.
        validations: how often, and on how many of them.
        relative_cost: of predicting the first validation image, in steps.
        state: of the run.
    """

    folder: Path
    settings: Training
    decisive: dict[str, Any]
    accelerator: Accelerator
    network: nn.Module
    model: nn.Module
    average: nn.Module | None
    optimizer: torch.optim.Optimizer
    feeder: Feeder
    make_segmenter: Callable[[nn.Module], Segmenter]
    save_model: SaveModel
    class_weights: Tensor | None
    bfloat16: bool
    n_recalibration: int
    drawn_sizes: DrawnPatchSizes | None = None
    validation: Dataset | None = None
    validations: ValidationShare = field(default_factory=ValidationShare)
    relative_cost: float = 0.0
    state: RunState = field(default_factory=RunState)
    _kept_at: float | None = field(default=None, init=False)

    @property
    def plan(self) -> RunPlan:
        """When to validate and to stop."""
        return RunPlan(self.settings, self.validations)

    @property
    def evaluated(self) -> nn.Module:
        """The network that is validated and kept."""
        return self.network if self.average is None else self.average

    def load(self) -> None:
        """Load the checkpoint in the folder."""
        self.state = load_checkpoint(
            self.folder / CHECKPOINT, self.network, self.optimizer, average=self.average, arguments=self.decisive
        )
        if self.drawn_sizes is not None:
            self.drawn_sizes.load(self.state.context, self._context_file, self.state.step)

    def keep(self) -> None:
        """Write the checkpoint."""
        self._kept_at = self.state.seconds
        self.flush_context()
        if self.accelerator.is_main_process:
            save_checkpoint(
                self.folder / CHECKPOINT,
                self.network,
                self.optimizer,
                self.state,
                average=self.average,
                arguments=self.decisive,
            )

    def flush_context(self) -> None:
        """Update the scores of the patch sizes."""
        if self.drawn_sizes is not None:
            self.drawn_sizes.flush(self._context_file)
            self.state.context = self.drawn_sizes.scores.state()

    def _keep_now_and_then(self, meter: _Meter) -> None:
        """Write the checkpoint after two steps and every few minutes, so that a killed run loses no more."""
        if self.state.step > 1 and (self._kept_at is None or self.state.seconds - self._kept_at >= _KEPT_EVERY):
            self._check(meter.loss())
            self.keep()

    @property
    def _context_file(self) -> Path | None:
        return self.folder / CONTEXT_FILE if self.accelerator.is_main_process else None

    def loop(self, interruption: Interruption, log: RunLog | None) -> None:
        """Train to the end of the plan.

        Raises:
            InputError: the loss is not finite.
            Interrupted: stopped by a signal; the checkpoint is written.
        """
        meter = _Meter(time.perf_counter() - self.state.seconds)
        with closing(self.feeder.steps(self.state.step)) as batches:
            while True:
                self.state.seconds = self._agreed(meter.seconds())
                if self._agreed(float(interruption.requested)):
                    self._check(meter.loss())
                    self.keep()
                    raise Interrupted(self.folder, self.state.step, interruption.number)
                if self.plan.stops_early(self.state):
                    return
                if self.plan.validates(self.state) and not self._postpones():
                    self._check(meter.loss())
                    self._validate(interruption, meter, log)
                elif self.plan.share(self.state) >= 1:
                    return
                else:
                    self._keep_now_and_then(meter)
                    self._step(batches, meter, log)

    def _postpones(self) -> bool:
        """Whether even one image is so large that there is time for the last validation only."""
        state, minutes = self.state, self.settings.minutes
        if minutes is None or self.validation is None or state.n_validated or self.plan.share(state) >= 1:
            return False
        return 2 * self.relative_cost * state.seconds / state.step > SHARE * 60 * minutes

    def _step(self, batches: Generator[list[MicroBatch], None, None], meter: _Meter, log: RunLog | None) -> None:
        state, rate = self.state, scheduled_rate(self.settings, self.plan.share(self.state))
        set_learning_rate(self.optimizer, rate)
        micro_batches = next(batches)
        torch.manual_seed(mixed_seed(self.settings.seed, state.step, self.accelerator.process_index))  # dropout
        self.model.train()
        try:
            loss = train_step(
                self.accelerator,
                self.model,
                self.optimizer,
                micro_batches,
                class_weights=self.class_weights,
                loss_scale=self.settings.loss_scale,
                bfloat16=self.bfloat16,
                clip_norm=self.settings.clip_norm,
                observe=None if self.drawn_sizes is None else self.drawn_sizes.observe,
            )
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            raise InputError(
                "batch normalisation needs more than one value per channel in its deepest layer;"
                " use a larger patch_size or batch_size"
            ) from error
        if self.drawn_sizes is not None:
            self.drawn_sizes.step_done(state.step, loss, self.accelerator)
        state.step += 1
        if self.average is not None:
            update_average(self.average, self.network, self.settings.ema_decay, state.step)
        meter.add(loss, self.feeder.patches_per_step)
        # Reading the loss waits for a GPU, so not in every step.
        if state.step % self.settings.log_every == 0:
            self._check(meter.loss())
            self._report(meter, log, None)

    def _validate(self, interruption: Interruption, meter: _Meter, log: RunLog | None) -> None:
        state, started = self.state, time.perf_counter()
        with torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=self.bfloat16):
            recalibrate_batch_norm(self.evaluated, self.feeder.plain(state.step, self.n_recalibration))
        scores, failure = self._scores(interruption, started)
        if self._agreed(float(interruption.requested)):
            return  # done again after resuming
        self.flush_context()
        state.validated_at, state.n_validations = state.step, state.n_validations + 1
        measured = scores is not None and not math.isnan(scores.mean_iou)
        score = scores.mean_iou if scores is not None and measured else -1.0
        # Weights are kept even if nothing was measured: the last ones, until there is a score.
        better = score > state.best if measured else state.best < 0
        state.n_worse = 0 if better or not measured else state.n_worse + 1
        if better:
            state.best, state.best_step = score, state.step
            if self.accelerator.is_main_process:
                self.save_model(self.evaluated, state, scores if measured else None)
        if self.validation is not None:
            state.validation_cost = self._agreed(time.perf_counter() - started)
            state.validation_seconds += state.validation_cost
        state.seconds = self._agreed(meter.seconds())
        self.keep()
        self._report(meter, log, scores)
        if failure is not None:
            say_unmeasured(failure)

    def _scores(self, interruption: Interruption, started: float) -> tuple[Summary | None, Exception | None]:
        """Scores on validation images, divided among the processes; None where interrupted, or why it failed."""
        if self.validation is None:
            return None, None
        training = self.evaluated.training
        confusion, failure = self._count(self.validation, interruption, started)
        self.evaluated.train(training)
        if self._agreed(float(failure is not None or interruption.requested)):
            return None, failure
        if self.accelerator.num_processes > 1:
            counts = torch.from_numpy(confusion.counts).to(self.accelerator.device)
            confusion = ConfusionMatrix(confusion.n_classes)
            confusion.counts[:] = np.asarray(self.accelerator.reduce(counts, "sum").cpu())
        return confusion.summary(), None

    def _count(
        self, dataset: Dataset, interruption: Interruption, started: float
    ) -> tuple[ConfusionMatrix, Exception | None]:
        """Counts of this process's images of a validation, and why it failed; the first chooses the number of images.

        It ends when one more image for each process would take longer than its share.
        """
        state, rank, n_ranks = self.state, self.accelerator.process_index, self.accelerator.num_processes
        order, known = validation_order(len(dataset), self.settings.seed), state.n_validated or self.validations.images
        n, done = min(known or len(dataset), len(dataset)), 0
        segmenter, first = self.make_segmenter(self.evaluated.eval()), time.perf_counter()
        confusion, failure = ConfusionMatrix(dataset.legend.n_classes), None
        while done < n:
            images = order[done : min(done + n_ranks, n)][rank : rank + 1]
            try:
                confusion.merge(validate(segmenter, dataset, images=images, stopped=lambda: interruption.requested))
            except Exception as error:  # what was trained is kept, whatever fails in measuring it
                failure = error
            done = min(done + n_ranks, n)
            now, ends = time.perf_counter(), failure is not None or interruption.requested
            seconds = None if known else self.plan.seconds_to_validate(state, done)
            if seconds is None and ends:
                break
            ahead = math.inf if ends else now - started + (now - first) * n_ranks / done
            if seconds is not None and self._agreed(ahead) > seconds:  # all processes do the same
                break
        if failure is None and not interruption.requested:
            state.n_validated, state.n_held_out = done, len(dataset)
        return confusion, failure

    def _report(self, meter: _Meter, log: RunLog | None, scores: Summary | None) -> None:
        state, loss, speed = self.state, meter.loss(), meter.images_per_second()
        meter.restart()
        if log is None:
            return
        values: dict[str, float] = {
            "step": state.step,
            "seconds": meter.seconds(),
            "learning_rate": self._rate(),
            "loss": loss,
            "images_per_second": speed,
        }
        if loss is not _NO_LOSS:  # directly after a report there is no newer loss
            log.show(self.plan.share(state), step=state.step, loss=loss, images_per_second=speed)
        if scores is not None:
            names = ("global_accuracy", "class_average", "mean_iou")
            values |= {name: getattr(scores, name) for name in names}
            if self.drawn_sizes is not None and self.drawn_sizes.scores.best:
                values["best_patch_size"] = self.drawn_sizes.scores.best
            best = ", the best so far" if state.best_step == state.step else f" (best: {state.best:.4f})"
            on = "" if self.validation is None else f" on {state.n_validated} of {len(self.validation)} images"
            measured = (
                f"mean IoU {scores.mean_iou:.4f}{on}{best}" if scores.n_pixels else f"{on}: no labelled pixel, no score"
            )
            log.say(f"step {state.step}: validation {measured}")
        log.row(**values)

    def _rate(self) -> float:
        """The base learning rate of the last step."""
        group = self.optimizer.param_groups[0]
        return float(group["lr"] / group["rate_factor"])

    def _agreed(self, value: float) -> float:
        """The largest of the processes' values, so that all of them do the same."""
        if self.accelerator.num_processes == 1:
            return value
        values = self.accelerator.gather(torch.tensor([value], dtype=torch.float64, device=self.accelerator.device))
        return float(values.max())

    def _check(self, loss: float) -> None:
        if math.isinf(loss) or (math.isnan(loss) and loss is not _NO_LOSS):
            raise InputError(
                f"the loss is no longer finite after step {self.state.step}; lower learning_rate"
                f" (now {self._rate():.3g}), lower clip_norm, or use precision float32"
            )


_NO_LOSS = float("nan")  # compared by identity: no step since the last report


class _Meter:
    """Mean loss and speed since the last report; the loss stays on its device until it is read."""

    def __init__(self, started: float) -> None:
        self._started = started
        self.restart()

    def seconds(self) -> float:
        """Seconds of the run, over all sessions."""
        return time.perf_counter() - self._started

    def restart(self) -> None:
        self._loss: Tensor | None = None
        self._n_steps = self._n_images = 0
        self._since = time.perf_counter()

    def add(self, loss: Tensor, n_images: int) -> None:
        self._loss = loss if self._loss is None else self._loss + loss
        self._n_steps += 1
        self._n_images += n_images

    def loss(self) -> float:
        return _NO_LOSS if self._loss is None else float(self._loss) / self._n_steps

    def images_per_second(self) -> float:
        return self._n_images / max(time.perf_counter() - self._since, 1e-9)
