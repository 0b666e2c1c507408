"""Pictures of a page as data URIs: label maps and error maps as palette PNG, photographs as JPEG."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densa.legend import IGNORE
from densa.metrics import VoidRule

__all__ = ["ERROR_COLORS", "OUTCOME_COLORS", "error_map", "jpeg_uri", "outcome_map", "png_uri"]

ERROR_COLORS = {"right": "#dfe7e4", "wrong": "#d1495b", "ignored": "#8a94a0"}
"""Colour of each value of `error_map`, in order."""
OUTCOME_COLORS = {
    "true positive": "#2a9d8f",
    "true negative": "#e4e8ea",
    "false positive": "#e9a03b",
    "false negative": "#7b3f9d",
    "ignored": "#8a94a0",
}
"""Colour of each value of `outcome_map`, in order; distinguishable with any colour vision."""


def error_map(target: NDArray[np.uint8], predicted: NDArray[np.uint8], void: VoidRule) -> NDArray[np.uint8]:
    """(h, w) index into `ERROR_COLORS` of each pixel, under the void rule that the scores use."""
    ignored = _ignored(target, predicted, void)
    return np.where(ignored, 2, target != predicted).astype(np.uint8)


def outcome_map(
    target: NDArray[np.uint8], predicted: NDArray[np.uint8], label: int, void: VoidRule
) -> NDArray[np.uint8]:
    """(h, w) index into `OUTCOME_COLORS` of each pixel for one class, under the void rule that the scores use."""
    truth, answer = target == label, predicted == label
    outcome = np.select([truth & answer, ~truth & ~answer, answer], [0, 1, 2], 3)
    return np.where(_ignored(target, predicted, void), 4, outcome).astype(np.uint8)


def _ignored(target: NDArray[np.uint8], predicted: NDArray[np.uint8], void: VoidRule) -> NDArray[np.bool_]:
    unlabelled = target == IGNORE
    return unlabelled & (predicted == IGNORE) if void == "false-positive" else unlabelled


def png_uri(labels: NDArray[np.uint8], palette: NDArray[np.uint8] | dict[str, str]) -> str:
    """Data URI of a palette PNG.

    Args:
        labels: (h, w) uint8 indices into the palette.
        palette: (n, 3) uint8 colours, or names with colours "#rrggbb" in order.
    """
    if isinstance(palette, dict):
        palette = np.array([list(bytes.fromhex(color[1:])) for color in palette.values()], np.uint8)
    height, width = labels.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), labels], axis=1)  # filter 0 before each line
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)  # 8 bits, palette
    parts = [
        (b"IHDR", header),
        (b"PLTE", palette.tobytes()),
        (b"IDAT", zlib.compress(lines.tobytes(), 6)),
        (b"IEND", b""),
    ]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in parts)
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def jpeg_uri(picture: NDArray[np.uint8], quality: int = 85) -> str:
    """Data URI of an (h, w, 3) uint8 picture as JPEG."""
    from matplotlib.image import imsave

    out = io.BytesIO()
    options: dict[str, Any] = {"quality": quality}
    imsave(out, np.ascontiguousarray(picture), format="jpg", pil_kwargs=options)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
