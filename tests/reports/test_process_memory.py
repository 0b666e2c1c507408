"""Memory that the process needed at most."""

import gc

import numpy as np
import torch

from densa.reports.process_memory import PeakMemory


def test_the_peak_is_counted_though_it_is_given_back():
    gc.collect()  # what other tests left must not be given back meanwhile
    memory = PeakMemory(torch.device("cpu"))
    held = np.ones(40_000_000, np.uint8)
    del held
    found = memory.bytes()
    assert found is not None
    assert 38e6 < found < 60e6
