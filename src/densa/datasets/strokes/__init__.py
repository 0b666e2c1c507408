"""Partial labels: strokes, points and polygons drawn on an image, and painted images."""

from densa.datasets.strokes.drawing import StrokeLabels, draw_strokes
from densa.datasets.strokes.opening import open_strokes
from densa.datasets.strokes.reading import read_strokes
from densa.datasets.strokes.stroke import Stroke, Strokes
from densa.datasets.strokes.stroke_json import stroke_schema, write_strokes

__all__ = [
    "Stroke",
    "StrokeLabels",
    "Strokes",
    "draw_strokes",
    "open_strokes",
    "read_strokes",
    "stroke_schema",
    "write_strokes",
]
