"""Data of several tests."""

import numpy as np
import pytest

from densa import raster
from densa.legend import Legend


@pytest.fixture
def loose(tmp_path):
    """Twelve images that no folder assigns to a split."""
    rng = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (tmp_path / "loose" / kind).mkdir(parents=True)
    for i in range(12):
        labels = (rng.random((12, 16)) > 0.5).astype(np.uint8)
        raster.write_bands(tmp_path / "loose" / "images" / f"{i}.tif", labels[None] * 100)
        raster.write_label_map(tmp_path / "loose" / "masks" / f"{i}.png", labels, Legend(("ground", "square")))
    return tmp_path / "loose"
