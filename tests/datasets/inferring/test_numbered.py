from pathlib import Path

import numpy as np
import pytest

from densa.datasets.inferring.numbered import count_pieces, number_objects
from densa.datasets.masks import MaskScan, scan_mask


def scans(*numbers):
    return [MaskScan(Path(f"{i}"), tuple(values), (), (), False) for i, values in enumerate(numbers)]


def one_piece_each(found):
    return {scan.path: sum(value > 0 for value in scan.values) for scan in found}


@pytest.mark.parametrize(
    ("numbers", "objects"),
    [
        ([range(8), range(11), range(9)], True),
        ([range(8), range(8), range(8)], False),  # every class in every mask, as in an atlas
        ([range(5), range(4)], False),  # too few to tell
        ([range(13)], True),
        ([range(11)], False),  # one mask alone
        ([[0, 3, 70, 200, 201, 380, 400], [0, 8, 9, 51, 90]], True),
        ([[0, 1, 5, 7, 11, 15, 19, 23], [0, 5, 7, 16, 18, 21, 22, 34], [0, 3, 4, 8, 10, 18, 28]], True),  # tracks
        ([[0, 1, 2, 3, 4, 5, 6, 7, 8], [0, 1, 3, 5, 8], [0, 2, 3, 4, 7]], False),  # some of the classes in each
    ],
)
def test_numbers_of_objects_and_of_classes(numbers, objects):
    found = scans(*numbers)
    assert number_objects(found, one_piece_each(found)) is objects
    several = {path: 2 * n for path, n in one_piece_each(found).items()}
    assert not number_objects(found, several)


def test_pieces_touch_at_corners_and_single_pixels_are_none():
    mask = np.array([[1, 0, 2, 2], [0, 1, 0, 0], [3, 0, 0, 2]])
    assert count_pieces(mask) == 2


@pytest.mark.realdata
@pytest.mark.parametrize("folder", ["01_GT", "01_ST"])
def test_real_cells_number_objects(realdata, folder):
    from densa.raster import read_mask

    files = sorted((realdata / "dic_hela" / folder / "SEG").glob("*.tif"))[::9]
    found = [scan_mask(file) for file in files]
    pieces = {file: count_pieces(read_mask(file)) for file in files}
    assert number_objects(found, pieces) is (folder == "01_ST")  # of 01_GT one frame is left: 10 objects


@pytest.mark.realdata
def test_real_classes_number_none(realdata):
    from densa.raster import read_mask

    files = sorted((realdata / "camvid" / "valannot").glob("*.png"))[::20]
    assert not number_objects(
        [scan_mask(file) for file in files], {file: count_pieces(read_mask(file)) for file in files}
    )
