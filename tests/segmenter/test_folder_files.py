"""Weights files: whole safetensors files are read, whatever length their header has; pickles are named."""

import pickle

import numpy as np
import pytest
from safetensors.numpy import save_file

from densa.errors import InputError
from densa.segmenter.folder_files import opened_weights


@pytest.mark.parametrize("length", [640, 896, 1152, 1408])
def test_a_header_whose_length_begins_like_a_pickle(tmp_path, length):
    """Lengths of 0x280, 0x380, ... bytes: the file begins with the first bytes of a pickle."""
    path = tmp_path / "model.safetensors"
    words = next(
        n for n in range(2000) if _header_length(path, {"weights": np.ones(3, np.float32)}, {"of": "x" * n}) == length
    )
    assert path.read_bytes()[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), words
    with opened_weights(path, "numpy") as file:
        assert file.get_tensor("weights").tolist() == [1, 1, 1]


def _header_length(path, arrays, metadata):
    save_file(arrays, path, metadata=metadata)
    return int.from_bytes(path.read_bytes()[:8], "little")


def test_a_pickle_is_named_and_never_read(tmp_path):
    path = tmp_path / "model.safetensors"
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        path.write_bytes(pickle.dumps({"weights": [1]}, protocol=protocol))
        with pytest.raises(InputError, match="pickle under another name"), opened_weights(path, "numpy"):
            pass
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="not a whole safetensors file"), opened_weights(path, "numpy"):
        pass
