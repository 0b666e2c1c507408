import numpy as np
from numpy.testing import assert_array_equal

from densa import datasets

SCENES = ("M-33-20-D-c-4-2", "N-34-106-A-b-3-4")
MASK = np.array([[0, 1, 2], [3, 4, 0]])


def test_whole_orthophotos(write, tmp_path):
    for scene in SCENES:
        write(f"images/{scene}.tif", (2, 3))
        write(f"masks/{scene}.tif", MASK)
    (tmp_path / "train.txt").write_text(f"{SCENES[0]}_0\n{SCENES[1]}_0\n")
    (tmp_path / "val.txt").write_text(f"{SCENES[0]}_1\n")
    found = datasets.open(tmp_path, split=datasets.SplitRule(val_groups=(SCENES[1],)))
    assert {split: [s.name for s in part.samples] for split, part in found.items()} == {
        "train": [SCENES[0]],
        "val": [SCENES[1]],
    }
    assert found["train"].legend.class_names == ("background", "building", "woodland", "water", "road")
    assert_array_equal(found["train"].labels(0), MASK)


def test_tiles_are_split_by_the_lists_or_by_orthophoto(write, tmp_path):
    for scene in SCENES:
        for number in (0, 1):
            write(f"output/{scene}_{number}.jpg", (2, 3))
            write(f"output/{scene}_{number}_m.png", MASK)
    found = datasets.open(tmp_path)
    assert [{sample.group for sample in part.samples} for part in found.values()] in (
        [{SCENES[0]}, {SCENES[1]}],
        [{SCENES[1]}, {SCENES[0]}],
    )
    (tmp_path / "train.txt").write_text(f"{SCENES[0]}_0\n{SCENES[1]}_0\n")
    (tmp_path / "val.txt").write_text(f"{SCENES[0]}_1\n{SCENES[1]}_1\n")
    found = datasets.open(tmp_path)
    assert [sample.name for sample in found["val"].samples] == [f"{scene}_1" for scene in SCENES]
    assert_array_equal(found["val"].labels(0), MASK)
