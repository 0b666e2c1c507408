"""One optimiser step over micro-batches and processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, nn

from densa.segmenter.inference import choose_device
from densa.training.loop.feeding import MicroBatch
from densa.training.pieces.losses import count_labelled, summed_cross_entropy

__all__ = ["LOSS_SCALES", "make_accelerator", "seeded", "train_step"]

LOSS_SCALES = ("mean", "image", "sum")
"""How `train_step` scales the loss."""


def make_accelerator(device: str = "auto") -> Accelerator:
    """The processes (torchrun sets them up in the environment) and the device of this one.

    Raises:
        InputError: no such device here.
    """
    on_cpu = choose_device(device).type == "cpu"
    # accelerate keeps one state per Python process; a second run may use another device.
    AcceleratorState._reset_state(reset_partial_state=True)
    return Accelerator(cpu=on_cpu, mixed_precision="no")  # autocast is in `train_step`: forward is unchanged


@contextmanager
def seeded(device: torch.device) -> Iterator[None]:
    """Restore the caller's random state at the end."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


def train_step(
    accelerator: Accelerator,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: Sequence[MicroBatch],
    *,
    class_weights: Tensor | None = None,
    loss_scale: str = "mean",
    bfloat16: bool = False,
    clip_norm: float = 0.0,
    observe: Callable[[Tensor, Tensor], None] | None = None,
) -> Tensor:
    """Forward and backward over the micro-batches, then one step of the optimiser.

    Args:
        accelerator: of `make_accelerator`.
        model: the network, as accelerate wraps it for several processes.
        optimizer: of its parameters.
        batches: this process's micro-batches.
        class_weights: (C,) weights, on the device.
        loss_scale: divisor of the sum of the losses over all pixels of the step. "mean": the labelled pixels; "image":
            the patches; "sum": 1. A rate r with "sum" equals a rate n r with "mean" of n labelled pixels.
        bfloat16: compute in bfloat16 where autocast does.
        clip_norm: largest norm of the gradient; 0 does not clip.
        observe: called with logits and target of each micro-batch.

    Returns:
        The mean loss over the labelled pixels of this process, a scalar on the device.
    """
    n_own = torch.stack([count_labelled(batch.target) for batch in batches]).sum()
    # Gradients are averaged over processes: times their number gives the sum.
    factor = accelerator.num_processes / _divisor(accelerator, batches, n_own, loss_scale)
    total = torch.zeros((), device=accelerator.device)
    optimizer.zero_grad(set_to_none=True)
    for number, batch in enumerate(batches):
        last = number == len(batches) - 1
        with nullcontext() if last else accelerator.no_sync(model):
            with torch.autocast(accelerator.device.type, torch.bfloat16, enabled=bfloat16):
                logits = model(batch.images)
            if observe is not None:
                observe(logits, batch.target)
            loss = summed_cross_entropy(
                logits,
                batch.target,
                class_weights=class_weights,
                pixel_weights=batch.weights,
            )
            accelerator.backward(loss * factor)
        total += loss.detach()
    if clip_norm:
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
    optimizer.step()
    return total / n_own.clamp(min=1)


def _divisor(accelerator: Accelerator, batches: Sequence[MicroBatch], n_own: Tensor, loss_scale: str) -> Tensor:
    """Divisor of the summed loss of all processes."""
    if loss_scale == "sum":
        return torch.ones_like(n_own)
    n = n_own if loss_scale == "mean" else torch.full_like(n_own, sum(len(batch.images) for batch in batches))
    return (accelerator.reduce(n, "sum") if accelerator.num_processes > 1 else n).clamp(min=1)
