"""Whether a data set suits a model."""

import json

import numpy as np
import pytest

from densa import Legend, doctor
from densa.segmenter import BandContract, Segmenter
from tests.doctor.sets import NAMES, plain, save


class Model(Segmenter):
    def __init__(self, names=NAMES[:3], n_bands=3, halo=64, stride=1):
        self.legend, self.bands, self.halo, self.stride = Legend(names), BandContract(n_bands), halo, stride

    def probabilities(self, block, valid=None):
        return np.zeros((self.legend.n_classes, *block.shape[1:]), np.float32)


def codes(diagnosis):
    return [one.code for one in diagnosis.findings]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (Model(), []),
        (Model(n_bands=4), ["model-bands"]),
        (Model(names=("sky", "tree", "roof")), ["model-classes"]),
        (Model(halo=3), ["objects-large"]),
        (Model(halo=3, n_bands=1), ["model-bands", "objects-large"]),
    ],
)
def test_bands_classes_and_context(tmp_path, model, expected):
    plain(tmp_path)
    assert codes(doctor.suiting(doctor.examine(tmp_path), model)) == expected


def test_patches_smaller_than_objects(tmp_path):
    plain(tmp_path)
    found = doctor.suiting(doctor.examine(tmp_path), Model(), patch_size=12)
    assert codes(found) == ["objects-large"]
    assert "its patches in training of 12 pixels" in found.findings[0].sentence


def test_small_objects(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(4):
        mask = np.zeros((96, 96), np.uint8)
        for row, column in rng.integers(0, 30, (12, 2)) * 3:
            mask[row : row + 2, column : column + 2] = 1
        save(tmp_path / "images" / f"{i}.png", rng.integers(0, 99, (96, 96), np.uint8) + 99 * mask)
        save(tmp_path / "masks" / f"{i}.png", mask)
    (tmp_path / "legend.json").write_text(json.dumps({"classes": [{"name": "ground"}, {"name": "seed"}]}))
    found = doctor.suiting(doctor.examine(tmp_path), Model(("ground", "seed"), 1, stride=32))
    assert codes(found) == ["objects-small"]


def test_on_the_command_line(run_cli, trained, squares, tmp_path):
    """The data that a model was trained on suits it; data of other bands and classes does not."""

    def codes_of(data):
        _, out, _ = run_cli("doctor", data, "--model", trained, "--json")
        return {one["code"] for one in json.loads(out)["findings"]} & {"model-bands", "model-classes"}

    plain(tmp_path)
    assert codes_of(squares) == set()
    assert codes_of(tmp_path) == {"model-bands", "model-classes"}
