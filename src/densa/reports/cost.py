"""What a method costs: time, memory and size, each measured in a process of its own.

Counted as the table of the SegNet paper counts (arXiv:1511.00561): times at batch 1, memory of a prediction at batch 1,
memory of training at batch 4. "With weights" is the weights' bytes and, beyond them, the peak of the process while the
network runs: activations and the scratch space of the libraries. Training counts weights, activations and gradients,
no optimiser's state.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from densa.errors import InputError
from densa.networks import build
from densa.operators.modules import network_rules
from densa.reports.process_memory import PeakMemory
from densa.segmenter import load_segmenter
from densa.segmenter.inference import choose_device, prepare

__all__ = ["Cost", "CostSettings", "Measured", "measure_cost"]

_MEGA = 1e6
_WARM_UP_PX = 64


@dataclass(frozen=True)
class CostSettings:
    """What is run to measure.

    Args:
        height, width: size of the image; a network that does not take it gets the next larger one, as in prediction.
        batch: images of a training step whose memory is measured.
        repeats: times are the least of so many.
        device: "auto", "cpu" or "cuda".
        precision: "float32" or "bfloat16", the same for all methods.

    Raises:
        InputError: a number below 1, or another precision.

    Examples:
        >>> from densa import reports
        >>> reports.CostSettings(64, 96, batch=1, device="cpu").repeats
        3
        >>> reports.CostSettings(0, 96)
        Traceback (most recent call last):
            ...
        densa.errors.InputError: height must be at least 1, got 0
    """

    height: int = 360
    width: int = 480
    batch: int = 4
    repeats: int = 3
    device: str = "auto"
    precision: str = "float32"

    def __post_init__(self) -> None:
        for name in ("height", "width", "batch", "repeats"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.precision not in {"float32", "bfloat16"}:
            raise InputError(f'precision must be "float32" or "bfloat16", got {self.precision!r}')


@dataclass(frozen=True)
class Measured:
    """A method to measure: a network by its name and arguments, or any model by its folder.

    Args:
        network: name for `densa.networks.build`; None for a model that is no network.
        arguments: its further arguments.
        n_bands, n_classes: of image and legend.
        folder: model folder, whose files give the size; None for a network that is not trained.

    Examples:
        >>> from densa import reports
        >>> reports.Measured("unet", n_bands=3, n_classes=11, arguments={"width": 64}).folder is None
        True
    """

    network: str | None
    n_bands: int
    n_classes: int
    arguments: dict[str, Any] = field(default_factory=dict)
    folder: str | None = None


@dataclass(frozen=True)
class Cost:
    """Milliseconds, and megabytes of 10^6 bytes; None where it does not apply or memory did not suffice.

    Attributes:
        forward_ms, backward_ms: of one image: as it is predicted; of the gradients after a forward pass in training.
        training_mb: weights, activations and gradients of a batch.
        inference_mb: weights and activations of one image.
        activation_mb: of the inference memory, the part that is not weights.
        model_mb: the weights, or the files of the model folder.
        parameters: their number.

    Examples:
        >>> from densa import reports
        >>> reports.Cost(forward_ms=12.5, parameters=7760).training_mb is None
        True
    """

    forward_ms: float | None = None
    backward_ms: float | None = None
    training_mb: float | None = None
    inference_mb: float | None = None
    activation_mb: float | None = None
    model_mb: float | None = None
    parameters: int | None = None


def measure_cost(
    method: Measured, settings: CostSettings, *, progress: Callable[[], None] | None = None
) -> tuple[Cost, list[str]]:
    """Measure in fresh processes, one after the other: prediction memory, training memory, times.

    Args:
        method: what to measure.
        settings: how.
        progress: called after each of the three.

    Returns:
        The cost, and what could not be measured and why, in words.

    Raises:
        InputError: what the method refuses, such as the size of the image.

    Examples:
        >>> from densa import reports
        >>> network = reports.Measured("unet", n_bands=3, n_classes=11, arguments={"width": 2})
        >>> settings = reports.CostSettings(64, 96, batch=1, repeats=1, device="cpu")
        >>> cost, notes = reports.measure_cost(network, settings)  # doctest: +SKIP
    """
    found: dict[str, Any] = {}
    notes = []
    for task in _TASKS:
        if task == "training memory" and method.network is None:
            result: dict[str, Any] = {}
        else:
            result = _in_fresh_process(task, method, settings)
        if note := result.pop("note", None):
            notes.append(f"{task}: {note}")
        found |= result
        if progress:
            progress()
    return Cost(**{f.name: found.get(f.name) for f in fields(Cost)}), notes


def _in_fresh_process(task: str, method: Measured, settings: CostSettings) -> dict[str, Any]:
    order = json.dumps({"task": task, "method": asdict(method), "settings": asdict(settings)})
    environment = dict(os.environ)
    if task != "times":
        # What is freed goes back to the system at once, so that the peak is of what is in use (glibc).
        environment["MALLOC_MMAP_THRESHOLD_"] = "65536"
    command = [sys.executable, "-c", "from densa.reports.cost import work; work()"]
    done = subprocess.run(command, input=order, capture_output=True, text=True, env=environment, check=False)
    if done.returncode < 0:
        return {"note": f"stopped by signal {-done.returncode}, as the system does when memory runs out"}
    if done.returncode:
        raise RuntimeError(f"measuring {task} of {method.network or method.folder} failed:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if "error" in result:
        raise InputError(result["error"])
    return result


def work() -> None:
    """What the fresh process does: reads its order from stdin, prints what it found as JSON."""
    order = json.load(sys.stdin)
    method, settings = Measured(**order["method"]), CostSettings(**order["settings"])
    torch.manual_seed(0)
    try:
        result = _TASKS[order["task"]](method, settings)
    except InputError as error:
        result = {"error": str(error)}
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        result = {"note": "not enough memory"}
    print(json.dumps(result))


def _inference_memory(method: Measured, settings: CostSettings) -> dict[str, Any]:
    device = choose_device(settings.device)
    if method.network is None:
        return _segmenter_memory(method, settings, device)
    network = _built(method)
    n_parameters = sum(p.numel() for p in network.parameters())
    size = _stored(network)
    run, weights = _prediction(network, method, settings, device)
    del network
    peak = _peak_of(run, device)
    return {
        "parameters": n_parameters,
        "model_mb": (_folder_bytes(method.folder) if method.folder else size) / _MEGA,
        **_memory(peak, weights),
    }


def _segmenter_memory(method: Measured, settings: CostSettings, device: torch.device) -> dict[str, Any]:
    before = PeakMemory(device)
    run = _segmentation(method, settings)
    weights = before.bytes() or 0
    size = _folder_bytes(method.folder or "")
    return {"model_mb": size / _MEGA, **_memory(_peak_of(run, device), weights)}


def _memory(peak: int | None, weights: int) -> dict[str, Any]:
    if peak is None:
        return {"note": "this system does not count the memory of a process"}
    return {"activation_mb": peak / _MEGA, "inference_mb": (peak + weights) / _MEGA}


def _training_memory(method: Measured, settings: CostSettings) -> dict[str, Any]:
    device = choose_device(settings.device)
    network = _built(method).to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    weights = _stored(network)
    _step(network, _images(network, method, settings, device, 2, small=True), settings)
    network.zero_grad(set_to_none=True)
    images = _images(network, method, settings, device, settings.batch)
    before = PeakMemory(device)
    _step(network, images, settings)
    peak = before.bytes()
    return {} if peak is None else {"training_mb": (peak + weights) / _MEGA}


def _times(method: Measured, settings: CostSettings) -> dict[str, Any]:
    device = choose_device(settings.device)
    if method.network is None:
        return {"forward_ms": _least(_segmentation(method, settings), settings.repeats, device)}
    network = _built(method)
    run, _ = _prediction(network, method, settings, device)
    forward = _least(run, settings.repeats, device)
    del run
    network = network.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    images = _images(network, method, settings, device, 1)
    backward = min(_step(network, images, settings) for _ in range(settings.repeats + 1))
    return {"forward_ms": forward, "backward_ms": backward}


_TASKS: dict[str, Callable[[Measured, CostSettings], dict[str, Any]]] = {
    "inference memory": _inference_memory,
    "training memory": _training_memory,
    "times": _times,
}


def _built(method: Measured) -> nn.Module:
    return build(method.network or "", method.n_bands, method.n_classes, **method.arguments)


def _prediction(
    network: nn.Module, method: Measured, settings: CostSettings, device: torch.device
) -> tuple[Callable[[], object], int]:
    """One prediction as densa makes it, warmed up on a small image, and the bytes of its weights."""
    dtype = torch.bfloat16 if settings.precision == "bfloat16" else torch.float32
    ready = prepare(network, method.n_bands, device, dtype)
    image, small = (_images(network, method, settings, device, 1, small=s).to(dtype) for s in (False, True))

    @torch.inference_mode()
    def run(x: Tensor = image) -> object:
        return ready(x)

    run(small)  # threads, compiled kernels
    return run, _stored(ready)


def _segmentation(method: Measured, settings: CostSettings) -> Callable[[], object]:
    segmenter = load_segmenter(method.folder or "", device=settings.device, precision=settings.precision)
    rng = np.random.default_rng(0)
    image, small = (
        rng.integers(0, 256, (method.n_bands, height, width)).astype(np.uint8)
        for height, width in ((settings.height, settings.width), (_WARM_UP_PX, _WARM_UP_PX))
    )
    segmenter.probabilities(small)
    return lambda: segmenter.probabilities(image)


def _images(
    network: nn.Module, method: Measured, settings: CostSettings, device: torch.device, n: int, small: bool = False
) -> Tensor:
    sides = (_WARM_UP_PX, _WARM_UP_PX) if small else (settings.height, settings.width)
    height, width = (network_rules(network).input_side(side) for side in sides)
    images = torch.randn(n, method.n_bands, height, width, device=device)
    return images.contiguous(memory_format=torch.channels_last)


def _step(network: nn.Module, images: Tensor, settings: CostSettings) -> float:
    """Forward and backward; milliseconds of the way back."""
    device = images.device
    with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
        logits = network(images)
    n_classes = logits.shape[1]
    target = torch.arange(logits[:, 0].numel(), device=device).view(logits[:, 0].shape) % n_classes
    loss = F.cross_entropy(logits.float(), target)
    del logits, target
    network.zero_grad(set_to_none=True)
    return _milliseconds(loss.backward, device)


def _milliseconds(run: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return 1000 * (time.perf_counter() - start)


def _least(run: Callable[[], object], repeats: int, device: torch.device) -> float:
    """Milliseconds of the quickest run, after one that does not count."""
    run()
    return min(_milliseconds(run, device) for _ in range(repeats))


def _peak_of(run: Callable[[], object], device: torch.device) -> int | None:
    before = PeakMemory(device)
    run()
    return before.bytes()


def _stored(network: nn.Module) -> int:
    return sum(t.numel() * t.element_size() for t in network.state_dict().values())


def _folder_bytes(folder: str) -> int:
    """Bytes of the model's files: those beside model.json, and the members of an ensemble."""
    kept = (".safetensors", ".json", ".npz", ".npy")
    files = (path for path in Path(folder).rglob("*") if "checkpoints" not in path.parts)
    return sum(path.stat().st_size for path in files if path.is_file() and path.suffix in kept)
