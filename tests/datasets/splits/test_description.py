import json

from hypothesis import given
from hypothesis import strategies as st

from densa import raster
from densa.datasets import WindowDataset, block_split, describe_split
from densa.datasets.splits.description import _gap


def test_the_description_counts_shared_pixels(scene):
    splits = block_split(scene, block=40, buffer=11, val_fraction=0.2, test_fraction=0.2, seed=4)
    content = json.loads(json.dumps(describe_split(splits)))
    assert content["shared_pixels"] == 0
    assert content["distance_px"] >= 11
    assert content["train"][0]["window"] == list(splits["train"].windows[0])
    assert sum(len(content[name]) for name in ("train", "val", "test")) == 12
    leaking = describe_split({"train": scene, "val": splits["val"]})
    assert leaking["shared_pixels"] == sum(w.height * w.width for w in splits["val"].windows)
    assert leaking["distance_px"] == 0
    assert describe_split({"train": scene})["distance_px"] is None


WINDOWS = st.builds(raster.Window, st.integers(0, 15), st.integers(0, 15), st.integers(1, 9), st.integers(1, 9))


@given(WINDOWS, WINDOWS)
def test_gaps_between_windows_by_brute_force(a, b):
    rows, columns = _gap(a, b)
    for gap, first, second in (
        (rows, range(a.row, a.row + a.height), range(b.row, b.row + b.height)),
        (columns, range(a.column, a.column + a.width), range(b.column, b.column + b.width)),
    ):
        common = len(set(first) & set(second))
        apart = min(abs(i - j) for i in first for j in second)
        assert gap == (-common if common else apart - 1)


def test_windows_of_one_split_may_overlap(scene):
    windows = (raster.Window(0, 0, 50, 50), raster.Window(20, 20, 50, 50))
    train = WindowDataset(scene.samples * 2, scene.legend, windows=windows)
    val = WindowDataset(scene.samples, scene.legend, windows=(raster.Window(45, 60, 30, 30),))
    content = describe_split({"train": train, "val": val})
    assert content["shared_pixels"] == 25 * 10  # rows 45 to 69, columns 60 to 69 of the second window
    assert content["distance_px"] == 0
    assert describe_split({"train": train})["shared_pixels"] == 0
