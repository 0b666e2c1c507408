"""A network that pools the whole image, on an image that must be cut."""

import numpy as np
import torch
from numpy.testing import assert_array_equal

from densa import networks, raster
from densa.engine import PredictionFiles, Work, predict_to_file
from densa.engine.prediction import budget, frozen_context
from densa.legend import Legend
from densa.segmenter import BandContract, NetworkSegmenter


def test_the_context_is_taken_once_and_the_tiles_agree(scene, tmp_path, monkeypatch):
    torch.manual_seed(0)
    network = networks.build("deeplabv3", 3, 3, width=4, backbone="resnet50").eval()
    bands = BandContract(3, (), (120.0,) * 3, (60.0,) * 3)
    segmenter = NetworkSegmenter(network, Legend(("a", "b", "c")), bands, device="cpu", precision="float32")
    assert segmenter.whole_image
    found, lines = [], []
    monkeypatch.setattr(frozen_context, "WHOLE_SIDE_PX", 100)  # so that this image is not seen whole
    monkeypatch.setattr(budget, "WHOLE_SIDE_PX", 64)
    for tile_size in (64, 160):
        files = PredictionFiles(tmp_path / f"{tile_size}.tif", tmp_path / f"{tile_size}.p.tif")
        assert predict_to_file(segmenter, scene, files, Work(tile_size=tile_size), tell=lines.append)
        with raster.open(files.probabilities) as written:
            found.append(written.read()[0].astype(int))
    assert_array_equal(found[0], found[1])
    assert len(lines) == 3
    assert "the model looks at the whole image; its image-wide context is computed once from an overview" in lines[0]
    assert "tiles of 128 px instead of 160" in lines[2]
    # The overview of so small an image is the image: nothing is lost by cutting.
    monkeypatch.undo()
    for tile_size in (None, 64):
        files = PredictionFiles(tmp_path / f"whole{tile_size}.tif", tmp_path / f"whole{tile_size}.p.tif")
        assert predict_to_file(segmenter, scene, files, Work(tile_size=tile_size), tell=lines.append)
        with raster.open(files.probabilities) as written:
            found.append(written.read()[0].astype(int))
    assert len(lines) == 3
    assert_array_equal(found[2], found[3])
    assert np.abs(found[0] - found[2]).max() <= 1  # of 255
    labels = [raster.read_label_map(tmp_path / f"{name}.tif")[0] for name in (64, "wholeNone")]
    ordered = np.sort(found[0], axis=0)
    clear = ordered[-1] - ordered[-2] > 2  # of 255: no rounding decides
    assert clear.mean() > 0.9
    assert_array_equal(labels[0][clear], labels[1][clear])
