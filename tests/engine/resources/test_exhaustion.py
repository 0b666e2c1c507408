"""Running out of memory means smaller pieces."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from densa.engine import predict_array
from densa.engine.resources.exhaustion import is_out_of_memory
from densa.errors import InputError

ERRORS = [
    MemoryError(),
    np._core._exceptions._ArrayMemoryError((3,), np.dtype(float)),
    torch.OutOfMemoryError("CUDA out of memory."),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
        "allocate 137438953472 bytes. Error code 12 (Cannot allocate memory)"
    ),
    RuntimeError("could not create a primitive"),
    RuntimeError("std::bad_alloc"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
def test_out_of_memory_means_smaller_pieces(widest, opened, error):
    class Small(widest):
        def probabilities(self, block, valid=None):
            if block.shape[1] * block.shape[2] > 30 * 30:
                raise error
            return super().probabilities(block, valid)

    image = opened(np.random.default_rng(0).integers(0, 255, (70, 83), dtype=np.uint8))
    expected, expected_sure = predict_array(widest(), image)
    segmenter = Small()
    labels, sure = predict_array(segmenter, image, tile_size=48 if isinstance(error, MemoryError) else None)
    assert_array_equal(labels, expected)
    assert_array_equal(sure, expected_sure)
    assert max(h * w for _, h, w in segmenter.calls) <= 30 * 30


def test_where_nothing_fits_it_is_said(widest, opened):
    class Hopeless(widest):
        def probabilities(self, block, valid=None):
            raise MemoryError

    with pytest.raises(InputError, match="memory does not suffice to predict"):
        predict_array(Hopeless(), opened(np.zeros((70, 83), np.uint8)))


def test_other_errors_are_not_taken_for_it(widest, opened):
    class Broken(widest):
        def probabilities(self, block, valid=None):
            raise RuntimeError("expected scalar type Float but found Half")

    with pytest.raises(RuntimeError, match="expected scalar type"):
        predict_array(Broken(), opened(np.zeros((70, 83), np.uint8)))
    assert not is_out_of_memory(InputError("the file is damaged"))
