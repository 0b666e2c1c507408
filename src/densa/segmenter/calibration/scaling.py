"""Scaling of class probabilities: by one temperature, by one of each class, or with a bias of each class as well.

Method: Calibration of a model (`densa calibrate`).
Source: Guo, Pleiss, Sun, Weinberger 2017, arXiv:1706.04599, sections 4.2 (temperature and vector scaling).
As printed: softmax(w_k z_k + b_k) of the scores z; one w for all classes and no b is the temperature 1 / w.
Departs: logarithms of probabilities stand for scores, from which they differ by one number per pixel, so that forests
    and ensembles are scaled as networks are, and p below 1.2e-7 counts as that; w is positive; class-wise scaling is
    vector scaling without biases.
Held by: tests/segmenter/calibration/test_scaling.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.jit import kernel_jit
from densa.metrics import LEAST_PROBABILITY
from densa.parallel import share_items

__all__ = ["COLDEST", "HOTTEST", "LARGEST_BIAS", "Scaling", "ScalingMethod"]

ScalingMethod = Literal["temperature", "vector", "class-wise"]
COLDEST, HOTTEST, LARGEST_BIAS = 0.01, 100.0, 50.0
_CHUNK = 1 << 14  # pixels
_LEAST = np.float32(LEAST_PROBABILITY)


@dataclass(frozen=True)
class Scaling:
    """Maps probabilities p to softmax(log(p_k) / T_k + b_k), over the classes k; p below 1.2e-7 counts as that.

    Args:
        method: "temperature" (one T), "class-wise" (a T of each class) or "vector" (T and b of each class).
        temperatures: one, or one of each class; above 1 makes a model less sure.
        biases: one of each class for "vector"; otherwise none.

    Raises:
        InputError: an unknown method, temperatures outside 0.01 to 100, biases beyond 50, or other numbers of them.

    Examples:
        >>> import numpy as np
        >>> from densa import segmenter
        >>> softer = segmenter.Scaling("temperature", (2.0,))
        >>> softer(np.array([[[0.9]], [[0.1]]], np.float32)).round(3).ravel()
        array([0.75, 0.25], dtype=float32)
        >>> print(softer)
        temperature 2
    """

    method: ScalingMethod
    temperatures: tuple[float, ...]
    biases: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.method not in get_args(ScalingMethod):
            raise InputError(f"method must be {' or '.join(get_args(ScalingMethod))}, got {self.method!r}")
        object.__setattr__(self, "temperatures", tuple(map(float, self.temperatures)))
        object.__setattr__(self, "biases", tuple(map(float, self.biases)))
        n = len(self.temperatures)
        if n < 1 or (self.method == "temperature" and n != 1):
            raise InputError(f"{self.method} scaling has {'one' if n else 'at least one'} temperature, got {n}")
        if len(self.biases) != (n if self.method == "vector" else 0):
            wanted = n if self.method == "vector" else 0
            raise InputError(f"{self.method} scaling of {n} temperatures has {wanted} biases, got {len(self.biases)}")
        if not all(COLDEST <= t <= HOTTEST for t in self.temperatures):  # NaN is not
            raise InputError(f"temperatures must be {COLDEST} to {HOTTEST:g}, got {_listed(self.temperatures)}")
        if not all(abs(b) <= LARGEST_BIAS for b in self.biases):
            raise InputError(f"biases must be within {LARGEST_BIAS:g} of 0, got {_listed(self.biases)}")

    @property
    def keeps_labels(self) -> bool:
        """Whether the most probable class of every pixel stays the same."""
        return self.method == "temperature"

    def check(self, n_classes: int) -> None:
        """Check that this is a scaling of so many classes.

        Raises:
            InputError: it is of another number.
        """
        if self.method != "temperature" and len(self.temperatures) != n_classes:
            raise InputError(
                f"{self.method} scaling of {n_classes} classes has {n_classes} temperatures, got "
                f"{len(self.temperatures)}"
            )

    def __call__(self, probabilities: NDArray[Any]) -> NDArray[np.float32]:
        """Scaled probabilities of (classes, ...), float32; pixels whose probabilities are all 0 keep them.

        Every pixel is the same in arrays of any size. By a temperature the most probable class stays the same, the
        first of equals, also where rounding would make two classes equal.

        Raises:
            InputError: another number of classes.
        """
        scaled: NDArray[np.float32] = np.array(probabilities, np.float32, order="C")
        self.check(len(scaled))
        factors = np.broadcast_to(1 / np.array(self.temperatures, np.float32), len(scaled))
        biases = np.broadcast_to(np.array(self.biases or 0, np.float32), len(scaled))
        flat = scaled.reshape(len(scaled), -1)
        share_items(_scale, flat.shape[1], flat, np.array(factors), np.array(biases), self.keeps_labels, chunk=_CHUNK)
        return scaled

    def __str__(self) -> str:
        if self.method == "temperature":
            return f"temperature {self.temperatures[0]:.4g}"
        biases = f", biases {_listed(self.biases)}" if self.biases else ""
        return f"{self.method} scaling, temperatures {_listed(self.temperatures)}{biases}"


def _listed(numbers: Sequence[float]) -> str:
    return ", ".join(f"{number:.4g}" for number in numbers[:12]) + (", ..." if len(numbers) > 12 else "")


@kernel_jit
def _scale(values, factors, biases, keep, first, end):  # type: ignore[no-untyped-def]
    """Scale the pixels `first` to `end` - 1 of (classes, n) in place."""
    n_classes = values.shape[0]
    for i in range(first, end):
        best, total = 0, np.float32(0)
        for k in range(n_classes):
            total += values[k, i]
            if values[k, i] > values[best, i]:
                best = k
        if total == 0:
            continue
        high = np.float32(-np.inf)
        for k in range(n_classes):
            values[k, i] = math.log(max(values[k, i], _LEAST)) * factors[k] + biases[k]
            high = max(high, values[k, i])
        total = np.float32(0)
        for k in range(n_classes):
            values[k, i] = math.exp(values[k, i] - high)
            total += values[k, i]
        most = np.float32(0)
        for k in range(n_classes):
            values[k, i] /= total
            most = max(most, values[k, i])
        if keep:
            values[best, i] = most
            for k in range(best):  # the first of equals is the label
                if values[k, i] == most:
                    values[k, i] = np.nextafter(most, np.float32(0))
