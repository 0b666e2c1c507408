"""A network that pools the whole image, on an image that must be cut."""

import numpy as np
import torch
from numpy.testing import assert_array_equal

from densa import networks, raster
from densa.engine import PredictionFiles, Work, predict_to_file
from densa.legend import Legend
from densa.segmenter import BandContract, NetworkSegmenter


def test_the_context_is_taken_once_and_the_tiles_agree(scene, tmp_path):
    torch.manual_seed(0)
    network = networks.build("deeplabv3", 3, 3, width=4, backbone="resnet50").eval()
    bands = BandContract(3, (), (120.0,) * 3, (60.0,) * 3)
    segmenter = NetworkSegmenter(network, Legend(("a", "b", "c")), bands, device="cpu", precision="float32")
    assert segmenter.whole_image
    found, lines = [], []
    for tile_size in (64, 160):
        files = PredictionFiles(tmp_path / f"{tile_size}.tif", tmp_path / f"{tile_size}.p.tif")
        assert predict_to_file(segmenter, scene, files, Work(tile_size=tile_size), tell=lines.append)
        with raster.open(files.probabilities) as written:
            found.append(written.read()[0].astype(int))
    assert np.abs(found[0] - found[1]).max() <= 1  # of 255
    assert len(lines) == 0  # the image is small enough to be seen whole, and tiles are parts of it
    assert "the model looks at the whole image; its image-wide context is computed once from an overview" in lines[0]
    # The overview of so small an image is the image: nothing is lost by cutting.
    assert predict_to_file(segmenter, scene, PredictionFiles(tmp_path / "whole.tif", tmp_path / "whole.p.tif"))
    with raster.open(tmp_path / "whole.p.tif") as written:
        assert np.abs(found[0] - written.read()[0]).max() <= 1
    labels = [raster.read_label_map(tmp_path / f"{name}.tif")[0] for name in (64, 160)]
    ordered = np.sort(found[0], axis=0)
    clear = ordered[-1] - ordered[-2] > 2  # of 255: no rounding decides
    assert clear.mean() > 0.9
    assert_array_equal(labels[0][clear], labels[1][clear])
