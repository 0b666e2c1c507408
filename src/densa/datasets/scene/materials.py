"""Materials of the synthetic scene: colours, and textures that repeat every 512 pixels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["MATERIALS", "TEXTURE_PX", "Material", "first_of", "material_tables", "sensor_noise", "textures"]

TEXTURE_PX = 512
WATER, SOIL, GRASS, TREE, ROAD, BUILDING, CAR = range(7)
_FINE, _ASPHALT, _MOTTLED, _CANOPY, _ROWS, _COLUMNS, _RIPPLES, _CLODS, _TILES = range(9)


class Material(NamedTuple):
    """A surface: its class, its kind, red, green, blue and near infrared (0..255), texture and its strength."""

    label: int
    what: str
    color: tuple[int, int, int, int]
    texture: int
    strength: int  # of 64: a texture's standard deviation is 16 grey values at 64


# Grey roofs resemble asphalt, brown ones soil, green ones grass; shadow and dark roofs resemble water.
MATERIALS = (
    Material(GRASS, "grass", (104, 122, 76, 168), _MOTTLED, 60),
    Material(GRASS, "grass", (122, 130, 86, 160), _MOTTLED, 56),
    Material(GRASS, "grass", (92, 112, 72, 172), _MOTTLED, 50),
    Material(GRASS, "crop", (96, 124, 62, 190), _ROWS, 60),
    Material(GRASS, "crop", (128, 142, 78, 178), _COLUMNS, 56),
    Material(GRASS, "crop", (80, 106, 60, 186), _MOTTLED, 40),
    Material(GRASS, "crop", (150, 148, 92, 150), _ROWS, 50),
    Material(GRASS, "crop", (138, 134, 92, 140), _COLUMNS, 40),
    Material(SOIL, "crop", (150, 126, 98, 132), _ROWS, 50),
    Material(SOIL, "crop", (132, 108, 86, 118), _COLUMNS, 60),
    Material(SOIL, "crop", (168, 150, 122, 150), _CLODS, 60),
    Material(SOIL, "yard", (142, 132, 114, 134), _CLODS, 64),
    Material(SOIL, "yard", (124, 112, 96, 122), _CLODS, 64),
    Material(WATER, "water", (58, 82, 84, 34), _RIPPLES, 40),
    Material(TREE, "forest", (66, 86, 54, 158), _CANOPY, 100),
    Material(TREE, "forest", (78, 98, 58, 170), _CANOPY, 110),
    Material(TREE, "tree", (72, 94, 54, 166), _CANOPY, 90),
    Material(TREE, "tree", (94, 110, 66, 176), _CANOPY, 80),
    Material(TREE, "tree", (86, 92, 62, 150), _CANOPY, 90),
    Material(ROAD, "major", (112, 112, 112, 106), _ASPHALT, 40),
    Material(ROAD, "minor", (126, 124, 120, 116), _ASPHALT, 50),
    Material(ROAD, "minor", (138, 134, 126, 126), _ASPHALT, 50),
    Material(ROAD, "paint", (190, 190, 184, 178), _ASPHALT, 60),
    Material(ROAD, "paved", (120, 118, 116, 112), _ASPHALT, 56),
    Material(BUILDING, "roof", (158, 96, 76, 128), _TILES, 50),
    Material(BUILDING, "roof", (172, 112, 88, 140), _TILES, 60),
    Material(BUILDING, "roof", (136, 88, 74, 116), _TILES, 60),
    Material(BUILDING, "roof", (116, 116, 118, 110), _TILES, 40),
    Material(BUILDING, "roof", (130, 128, 126, 122), _FINE, 40),
    Material(BUILDING, "roof", (98, 100, 104, 96), _TILES, 50),
    Material(BUILDING, "roof", (146, 126, 104, 130), _TILES, 50),
    Material(BUILDING, "roof", (128, 110, 92, 116), _FINE, 50),
    Material(BUILDING, "roof", (110, 122, 98, 112), _FINE, 40),
    Material(BUILDING, "flat", (188, 188, 184, 180), _FINE, 50),
    Material(BUILDING, "flat", (150, 148, 144, 142), _FINE, 60),
    Material(BUILDING, "flat", (118, 118, 116, 112), _FINE, 60),
    Material(BUILDING, "flat", (156, 142, 122, 140), _CLODS, 40),
    Material(BUILDING, "flat", (96, 116, 140, 104), _FINE, 40),
    Material(CAR, "car", (206, 206, 206, 196), _FINE, 30),
    Material(CAR, "car", (60, 62, 66, 58), _FINE, 30),
    Material(CAR, "car", (140, 142, 146, 134), _FINE, 30),
    Material(CAR, "car", (150, 50, 44, 96), _FINE, 30),
    Material(CAR, "car", (52, 74, 116, 64), _FINE, 30),
)


def first_of(what: str) -> tuple[int, int]:
    """Number of the first material of a kind, and how many there are; those of a kind follow each other."""
    places = [i for i, material in enumerate(MATERIALS) if material.what == what]
    return places[0], len(places)


def material_tables(n_bands: int) -> tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Class (m,), colour in 64ths (m, n_bands), texture (m,) and strength (m,) of each material."""
    labels = np.array([m.label for m in MATERIALS], np.uint8)
    colors = np.array([m.color[:n_bands] for m in MATERIALS], np.int32) * 64
    kinds = np.array([m.texture for m in MATERIALS], np.int32)
    return labels, colors, kinds, np.array([m.strength for m in MATERIALS], np.int32)


def textures(rng: np.random.Generator) -> NDArray[np.int8]:
    """(9, 512, 512) int8 periodic textures of mean 0 and standard deviation 32."""
    fine, coarse = _periodic(rng, 0.7), _periodic(rng, 9)
    bumps = _periodic(rng, 3.2)
    rows, columns = np.mgrid[:TEXTURE_PX, :TEXTURE_PX] * (2 * np.pi / TEXTURE_PX)
    made = {
        _FINE: fine + 0.7 * _periodic(rng, 20),
        _ASPHALT: fine + 0.8 * _periodic(rng, 14),
        _MOTTLED: 0.6 * fine + 0.8 * _periodic(rng, 2.5) + coarse,
        # Crowns are bright discs between dark gaps.
        _CANOPY: np.abs(bumps) * -1.6 + 0.8 * _periodic(rng, 1.2) + 0.4 * fine,
        _ROWS: np.sin(64 * columns + 32 * rows) + 0.6 * fine + 0.6 * coarse,
        _COLUMNS: np.sin(26 * columns - 46 * rows) + 0.6 * fine + 0.8 * _periodic(rng, 5),
        _RIPPLES: _periodic(rng, 1.6) + 0.5 * fine + 0.6 * coarse,
        _CLODS: fine + _periodic(rng, 2) + 0.8 * _periodic(rng, 7),
        _TILES: 0.8 * np.sign(np.sin(102 * columns + 77 * rows)) + fine + 0.5 * coarse,
    }
    scaled = [32 * (t - t.mean()) / t.std() for _, t in sorted(made.items())]
    return np.clip(np.rint(scaled), -127, 127).astype(np.int8)


def sensor_noise(rng: np.random.Generator) -> NDArray[np.int8]:
    """(65536,) int8 of standard deviation 4 grey values."""
    return np.clip(np.rint(rng.normal(0, 4, 65536)), -16, 16).astype(np.int8)


def _periodic(rng: np.random.Generator, sigma: float) -> NDArray[np.float64]:
    """(512, 512) Gaussian noise of unit variance, smoothed over `sigma` pixels around the torus."""
    spectrum = np.fft.rfft2(rng.standard_normal((TEXTURE_PX, TEXTURE_PX)))
    rows, columns = np.fft.fftfreq(TEXTURE_PX), np.fft.rfftfreq(TEXTURE_PX)
    spectrum *= np.exp(-2 * (np.pi * sigma) ** 2 * (rows[:, None] ** 2 + columns**2))
    smooth = np.fft.irfft2(spectrum, (TEXTURE_PX, TEXTURE_PX))
    return np.asarray(smooth / smooth.std())
