import numpy as np
from PIL import Image

from densa import datasets
from densa.datasets.layouts.cell_tracking import read_cell_tracking


def names(dataset):
    return [sample.name for sample in dataset.samples]


def test_cell_tracking(write, tmp_path):
    cells = np.zeros((6, 8), np.uint16)
    cells[:2, :2], cells[4:, 4:] = 7, 300
    for number in ("000", "001", "002"):
        path = tmp_path / "01" / f"t{number}.tif"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((6, 8), 9, np.uint8)).save(path)
    write("01_GT/SEG/man_seg001.tif", cells)
    train = datasets.open(tmp_path)["train"]
    assert names(train) == ["01/t001"]
    assert datasets.check(train) == 1
    assert train.labels(0).sum() == 12
    assert set(np.unique(train.instances(0))) == {0, 7, 300}


def test_gold_truth_beats_silver_truth(tmp_path):
    for path in (
        "01_GT/SEG/man_seg3.tif",
        "01_ST/SEG/man_seg4.tif",
        "02_ST/SEG/man_seg5.tif",
        "02_GT/TRA/man_seg6.tif",
    ):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_bytes(b"")
    for folder in ("01", "02", "3"):
        (tmp_path / folder).mkdir()
    layout = read_cell_tracking(tmp_path)
    assert layout.instances
    assert [(sample.name, sample.group) for sample in layout.samples] == [("01/t3", "01"), ("02/t5", "02")]
    assert layout.samples[1].image == tmp_path / "02" / "t5.tif"


def test_another_folder_is_no_cell_tracking(tmp_path):
    (tmp_path / "01").mkdir()
    assert read_cell_tracking(tmp_path) is None
