import numpy as np
import pytest
import torch
from torch.testing import assert_close

from densa.datasets import PatchSampler
from densa.segmenter import BandContract
from densa.training.loop.feeding import Feeder
from densa.training.settings import Augmentation

BANDS = BandContract(3, mean=(60.0, 70.0, 80.0), std=(20.0, 30.0, 0.0))
BENT = Augmentation.flips(rotation=20, scale=0.2, elastic=2, gain=0.2)


def _feeder(scenes, augmentation=BENT, **changes):
    sampler = PatchSampler(scenes["train"], 16, seed=4, extra=changes.pop("extra", None))
    return Feeder(sampler, BANDS, augmentation, **({"batch_size": 2} | changes))


def _take(feeder, first, n):
    steps = feeder.steps(first)
    taken = [next(steps) for _ in range(n)]
    steps.close()
    return taken


def test_images_are_normalised_with_the_contract(scenes):
    (batch,) = _take(_feeder(scenes, Augmentation.none()), 0, 1)[0]
    raw = PatchSampler(scenes["train"], 16, seed=4).batch(0, 1)
    expected = (raw.images[0] - np.array([60, 70, 80])[:, None, None]) / np.array([20, 30, 1])[:, None, None]
    assert_close(batch.images[0], torch.from_numpy(expected.astype(np.float32)))
    assert torch.equal(batch.target[0], torch.from_numpy(raw.labels[0]))
    assert batch.images.is_contiguous(memory_format=torch.channels_last)


def test_steps_do_not_depend_on_where_one_begins(scenes):
    late = _take(_feeder(scenes), 3, 1)[0]
    early = _take(_feeder(scenes), 0, 4)[3]
    assert torch.equal(late[0].images, early[0].images)
    assert torch.equal(late[0].target, early[0].target)


@pytest.mark.parametrize("changes", [{"batch_size": 2, "accumulation": 2}, {"batch_size": 2, "n_ranks": 2}])
def test_micro_batches_and_processes_share_out_the_same_patches(scenes, changes):
    whole = _take(_feeder(scenes, batch_size=4), 1, 1)[0][0]
    ranks = range(changes.get("n_ranks", 1))
    parts = [part for rank in ranks for part in _take(_feeder(scenes, rank=rank, **changes), 1, 1)[0]]
    assert len(parts) == 2
    assert torch.equal(torch.cat([part.images for part in parts]), whole.images)
    assert torch.equal(torch.cat([part.target for part in parts]), whole.target)
    assert not torch.equal(parts[0].images, parts[1].images)


def test_weights_and_margin(scenes):
    feeder = _feeder(scenes, extra=lambda i: scenes["train"].labels(i).astype(np.float32) * 2, margin=3)
    (batch,) = _take(feeder, 0, 1)[0]
    assert batch.images.shape == (2, 3, 16, 16)
    assert batch.target.shape == batch.weights.shape == (2, 10, 10)
    assert torch.equal(batch.weights, batch.target * 2.0)
    full = _take(_feeder(scenes), 0, 1)[0][0]
    assert torch.equal(batch.target, full.target[:, 3:-3, 3:-3])
