"""Ensemble: several models of one legend, their class probabilities combined.

The mean of FCN-8s and DeconvNet is EDeconvNet (Noh, Hong, Han 2015, arXiv:1505.04366, section 4.3); its released code
multiplies the two instead.

Method: EDeconvNet and other ensembles (`ensemble`).
Source: Noh, Hong, Han 2015, arXiv:1505.04366, section 4.3.
As printed: the mean of the probabilities of models, FCN-8s and DeconvNet in the paper.
Departs: the released code multiplies scores, negative ones as 0; the product here, an option, is of probabilities.
Held by: tests/segmenter/test_ensemble.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.raster.bands import match_bands
from densa.segmenter.contract import Segmenter

__all__ = ["COMBINATIONS", "Ensemble", "check_weights"]

COMBINATIONS = ("mean", "product")


class Ensemble(Segmenter):
    """Models of one legend as one segmenter; see `Segmenter`.

    Args:
        segmenters: models whose classes have the same names in the same order, and whose bands the same names and type,
            in any order where the names say what the bands are. Each normalises the bands by its own statistics. Legend
            (colours) and bands are the first one's.
        weights: one positive number per model; None: 1 each.
        combine: "mean", sum of w p over the sum of w; or "product", product of p^w, made to sum to 1.

    Raises:
        InputError: no model, models that differ in classes or bands, weights out of range, an unknown combination.

    Examples:
        >>> import numpy as np
        >>> from densa import Legend, networks, segmenter
        >>> network = networks.build("segnet", 3, 2, width=1)
        >>> legend, bands = Legend(("ground", "roof")), segmenter.BandContract(3)
        >>> model = segmenter.NetworkSegmenter(network, legend, bands)
        >>> both = segmenter.Ensemble([model, model], weights=[2, 1])
        >>> block = np.zeros((3, 32, 32), np.uint8)
        >>> bool(np.allclose(both.probabilities(block), model.probabilities(block)))
        True
    """

    def __init__(
        self, segmenters: Sequence[Segmenter], weights: Sequence[float] | None = None, combine: str = "mean"
    ) -> None:
        self.members = tuple(segmenters)
        if not self.members:
            raise InputError("an ensemble needs at least one model, got none")
        self.weights = check_weights(weights, len(self.members), combine)
        self.combine = combine
        first = self.members[0]
        self._orders = tuple(_order(first, other, number) for number, other in enumerate(self.members, 1))
        self.legend, self.bands = first.legend, first.bands
        self.stride = math.lcm(*(member.stride for member in self.members))
        self.halo = math.ceil(max(member.halo for member in self.members) / self.stride) * self.stride
        self.whole_image = any(member.whole_image for member in self.members)
        self.any_block = all(member.any_block for member in self.members)

    def probabilities(self, block: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Class probabilities of a block of any size; see `Segmenter.probabilities`."""
        return self.probabilities_at(block, valid, 0, 0)

    def probabilities_at(
        self, block: NDArray[Any], valid: NDArray[np.bool_] | None, row: int, column: int
    ) -> NDArray[np.float32]:
        """The same at a known position in the image; see `Segmenter.probabilities_at`."""
        total: NDArray[np.float32] | None = None
        for member, weight, order in zip(self.members, self.weights, self._orders, strict=True):
            found = member.probabilities_at(_ordered(block, order), valid, row, column)
            if self.combine == "product":  # in logarithms: products of many small numbers vanish
                found = np.log(np.maximum(found, np.finfo(np.float32).tiny))
            found = found * np.float32(weight)
            total = found if total is None else np.add(total, found, out=total)
        assert total is not None
        if self.combine == "product":
            total = np.exp(total - total.max(axis=0))
            return np.asarray(total / total.sum(axis=0), np.float32)
        return np.asarray(total / np.float32(sum(self.weights)), np.float32)

    def for_image(self, height: int, width: int) -> Ensemble:
        """The ensemble of the members for that image; see `Segmenter.for_image`."""
        return Ensemble([m.for_image(height, width) for m in self.members], self.weights, self.combine)

    def with_frozen_context(self, overview: NDArray[Any], valid: NDArray[np.bool_] | None = None) -> Ensemble:
        """The ensemble of the frozen members; see `Segmenter.with_frozen_context`."""
        frozen = [
            member.with_frozen_context(_ordered(overview, order), valid)
            for member, order in zip(self.members, self._orders, strict=True)
        ]
        return Ensemble(frozen, self.weights, self.combine)


def check_weights(weights: Sequence[float] | None, n_models: int, combine: str) -> tuple[float, ...]:
    """The weights of so many models, all 1 by default.

    Raises:
        InputError: another number of weights, one that is not in (0, 1e6], or an unknown combination.
    """
    if combine not in COMBINATIONS:
        raise InputError(f"combine must be {' or '.join(COMBINATIONS)}, got {combine!r}")
    chosen = (1.0,) * n_models if weights is None else tuple(map(float, weights))
    if len(chosen) != n_models:
        raise InputError(f"an ensemble of {n_models} models needs {n_models} weights, got {len(chosen)}")
    if not all(0 < weight <= 1e6 for weight in chosen):
        raise InputError(f"weights must be more than 0 and at most 1e6, got {', '.join(map(str, chosen))}")
    return chosen


def _ordered(block: NDArray[Any], order: list[int] | None) -> NDArray[Any]:
    return block if order is None else block[order]


def _order(first: Segmenter, other: Segmenter, number: int) -> list[int] | None:
    """Places of a model's bands among those of the first; None where they are the same.

    Raises:
        InputError: other classes or bands than the first model's, or bands of another type.
    """
    if first.legend.class_names != other.legend.class_names:
        raise _unlike("classes", first.legend.class_names, other.legend.class_names, number)
    ours, theirs = first.bands, other.bands
    if ours.is_measured and theirs.is_measured and ours.dtype != theirs.dtype:
        raise InputError(
            f"models of an ensemble are trained on values of one type; the first on {ours.dtype}, model {number} on "
            f"{theirs.dtype}"
        )
    if ours.names == theirs.names:
        return None
    try:
        match = match_bands(theirs.bands, ours.bands) if ours.n_bands == theirs.n_bands else None
    except InputError:
        match = None
    if match is None or not match.known:
        raise _unlike("bands", ours.names, theirs.names, number)
    return [place - 1 for place in match.numbers]


def _unlike(what: str, ours: Sequence[str], theirs: Sequence[str], number: int) -> InputError:
    return InputError(
        f"models of an ensemble have the same {what} in the same order; the first has {', '.join(ours)}, "
        f"model {number} has {', '.join(theirs)}"
    )
