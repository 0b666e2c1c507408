import csv
import sys

import pytest

from densa.errors import InputError
from densa.training.loop.run_log import COLUMNS, RunLog


def _rows(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_rows_and_blanks(tmp_path):
    with RunLog(tmp_path, progress=False) as log:
        log.row(step=10, loss=0.123456789, seconds=1.5)
        log.row(step=20, loss=float("nan"), mean_iou=0.5)
    first, second = _rows(tmp_path)
    assert tuple(first) == COLUMNS
    assert (first["step"], first["loss"], first["mean_iou"]) == ("10", "0.123457", "")
    assert (second["loss"], second["mean_iou"]) == ("", "0.5")


def test_resuming_drops_what_came_after_the_checkpoint(tmp_path):
    with RunLog(tmp_path, progress=False) as log:
        for step in (10, 20, 30):
            log.row(step=step, loss=1.0)
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("40,1")  # a line that a kill cut short
    with RunLog(tmp_path, step=20, progress=False) as log:
        log.row(step=25, loss=2.0)
    assert [row["step"] for row in _rows(tmp_path)] == ["10", "20", "25"]


def test_progress_goes_to_stderr(tmp_path, capsys):
    with RunLog(tmp_path) as log:
        log.show(0.5, step=3, loss=0.25, images_per_second=12)
        log.say("step 3: [found]")
    out, err = capsys.readouterr()
    assert out == ""
    assert "step 3: [found]" in err
    assert "loss 0.2500, 12.0 images/s" in err


def test_refusals(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match=r"pip install densa\[tensorboard\]"):
        RunLog(tmp_path, progress=False, tensorboard=True)
    (tmp_path / "metrics.csv").unlink()
    (tmp_path / "metrics.csv").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        RunLog(tmp_path, progress=False)
