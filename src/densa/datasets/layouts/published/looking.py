"""A look at some masks, where the names of a layout are names that other data sets have, too."""

from __future__ import annotations

import numpy as np

from densa.datasets.layouts.layout import Layout
from densa.datasets.masks import NEAR
from densa.errors import InputError
from densa.legend import IGNORE, Legend
from densa.raster import read_mask

__all__ = ["has_values_from", "shows_palette"]

_LOOKED_AT = 8
_LEAST_SHARE = 0.8  # of the pixels, near the colours
_LEAST_COLORS = 2


def shows_palette(layout: Layout, legend: Legend) -> bool:
    """Whether the first masks are of colours, almost all of which are near two colours or more of a legend."""
    seen: set[int] = set()
    for mask in sorted(layout.labels)[:_LOOKED_AT]:
        try:
            values = read_mask(mask)
        except InputError:  # `check` reports what is wrong with it
            continue
        if values.ndim != 3:
            return False
        colors, counts = np.unique(values.reshape(-1, 3), axis=0, return_counts=True)
        known = np.array([*legend.colors, *legend.ignored_colors], np.int16)
        apart = np.abs(colors[:, None].astype(np.int16) - known[None]).max(axis=2)
        near, which = apart.min(axis=1) <= NEAR, apart.argmin(axis=1)
        if counts[near].sum() < _LEAST_SHARE * counts.sum():
            return False
        seen |= {int(i) for i in which[near] if i < legend.n_classes}
    return len(seen) >= _LEAST_COLORS


def has_values_from(layout: Layout, least: int) -> bool:
    """Whether one of the first masks holds a value of at least `least`, which is not 255."""
    for mask in sorted(layout.labels)[:_LOOKED_AT]:
        try:
            values = read_mask(mask)
        except InputError:
            continue
        if values.ndim == 2 and bool(((values >= least) & (values != IGNORE)).any()):
            return True
    return False
