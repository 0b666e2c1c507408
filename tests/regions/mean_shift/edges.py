"""Edges between regions as pairs, and as the integers that mean shift has."""

import numpy as np


def unpack(edges):
    return [(int(edge) >> 32, int(edge) & 0xFFFFFFFF) for edge in edges]


def pack(pairs):
    return np.array([int(min(pair)) << 32 | int(max(pair)) for pair in pairs], np.int64)
