import numpy as np

from densa.datasets.layouts.layout import Layout
from densa.datasets.layouts.pairing import pair_folders
from densa.datasets.layouts.published.isprs import ISPRS
from densa.datasets.layouts.published.looking import has_values_from, shows_palette


def layout(write, tmp_path, *masks):
    for i, mask in enumerate(masks):
        write(f"images/{i}.png", np.asarray(mask).shape[:2])
        write(f"masks/{i}.png", mask)
    return Layout(tmp_path, "x", {"": pair_folders(tmp_path / "images", tmp_path / "masks")[0]})


def test_colours_near_those_of_a_palette(write, tmp_path):
    near = np.array([[(250, 3, 0), (0, 0, 255), (9, 0, 0), (255, 255, 240), (128, 120, 130)]])
    assert shows_palette(layout(write, tmp_path, near), ISPRS)
    assert not shows_palette(layout(write, tmp_path, near[:, 3:]), ISPRS)  # half of it is of no class
    assert not shows_palette(layout(write, tmp_path, near[:, [0, 0, 2]]), ISPRS)  # one class
    assert not shows_palette(layout(write, tmp_path, [[0, 255]]), ISPRS)


def test_damaged_masks_say_nothing(write, tmp_path):
    found = layout(write, tmp_path, [[0, 30, 255]])
    assert has_values_from(found, 30)
    assert not has_values_from(found, 31)
    (tmp_path / "masks" / "0.png").write_bytes(b"")
    assert not has_values_from(found, 30)
    assert not shows_palette(found, ISPRS)
