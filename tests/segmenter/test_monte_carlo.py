import numpy as np
import pytest
import torch

from densa.errors import InputError
from densa.segmenter import Ensemble, MonteCarlo
from densa.segmenter.monte_carlo import _mix, _noise
from tests.segmenter.exact import ONE_ROUNDING, assert_same


@pytest.fixture
def image(rng):
    return rng.standard_normal((3, 331, 77)).astype(np.float32)


def test_two_tilings_give_the_same_maps(make, tiled, image):
    ours = MonteCarlo(make("bayesian-segnet", exact=True), 3)
    whole = ours.sample(image)
    for n_strides in (2, 5):
        assert_same(tiled(ours, image, n_strides), whole.probabilities, ONE_ROUNDING)
        found = tiled(ours, image, n_strides, apply=ours.uncertainty)
        np.testing.assert_allclose(found, whole.uncertainty, rtol=0, atol=ONE_ROUNDING)
    assert whole.uncertainty.min() >= 0
    assert whole.uncertainty.std() > 1e-4


def test_the_same_seed_gives_the_same_and_another_another(make, image):
    model = make("bayesian-segnet")
    image = image[:, :64]
    first = MonteCarlo(model, 2, seed=1).sample(image)
    torch.manual_seed(7)
    state = torch.get_rng_state()
    again = MonteCarlo(model, 2, seed=1).sample(image)
    assert torch.equal(state, torch.get_rng_state())
    np.testing.assert_array_equal(first.uncertainty, again.uncertainty)
    other = MonteCarlo(model, 2, seed=2).probabilities(image)
    assert np.abs(first.probabilities - other).max() > 1e-3
    elsewhere = MonteCarlo(model, 2, seed=1).probabilities_at(image, None, 64, 32)
    assert np.abs(first.probabilities - elsewhere).max() > 1e-3


def test_without_dropout_nothing_varies(make, image):
    model = make("bayesian-segnet", dropout=0.0)
    found = MonteCarlo(model, 3).sample(image)
    np.testing.assert_array_equal(found.uncertainty, 0)
    np.testing.assert_allclose(found.probabilities, model.probabilities(image), rtol=0, atol=1e-6)


def test_mean_and_variance_are_those_of_single_samples(make, image, monkeypatch):
    """Welford's sums against numpy's."""
    model, image = make("bayesian-segnet"), image[:, :64]
    kept = []
    inner = model.network._sample
    ours = MonteCarlo(model, 5)
    monkeypatch.setattr(model.network, "_sample", lambda *a, **k: kept.append(inner(*a, **k)) or kept[-1])
    found = ours.sample(image)
    samples = np.stack([scores.softmax(dim=1)[0].numpy() for scores in kept])
    np.testing.assert_allclose(found.probabilities, samples.mean(axis=0), rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.uncertainty, samples.var(axis=0).mean(axis=0), rtol=0, atol=1e-6)


def test_the_mix_is_murmurs():
    """Against the published finaliser on Python's whole numbers."""

    def murmur(h):
        for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
            h = ((h ^ (h >> shift)) * factor) % 2**32
        return h

    values = [0, 1, 2**31 - 1, 2**31, 2**32 - 1, 0x12345678, 0xDEADBEEF]
    found = _mix(torch.tensor(values).to(torch.int32))
    assert [int(v) % 2**32 for v in found] == [murmur(v) for v in values]


def test_noise_is_even_and_unrelated():
    keys = (0, 1, 2**32 - 1)
    noise = np.stack([_noise((8, 40, 50), key, -7, 1000, torch.device("cpu")).numpy() / 2.0**32 for key in keys])
    assert noise.min() >= -0.5
    assert noise.max() < 0.5
    counts, _ = np.histogram(noise, 16, (-0.5, 0.5))
    expected = noise.size / 16
    assert ((counts - expected) ** 2 / expected).sum() < 40  # chi squared of 15 degrees: 0.05 % are above
    for axis in range(4):
        a, b = (np.take(noise, range(part, noise.shape[axis] - 1 + part), axis).ravel() for part in (0, 1))
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.02


def test_noise_is_cut_from_one_plane():
    whole = _noise((3, 20, 30), 5, -4, 8, torch.device("cpu"))
    part = _noise((3, 6, 9), 5, 3, 10, torch.device("cpu"))
    assert torch.equal(part, whole[:, 7:13, 2:11])


def test_what_cannot_be_sampled(make):
    with pytest.raises(InputError, match="needs a single network, got Ensemble"):
        MonteCarlo(Ensemble([make("bayesian-segnet")]))
    with pytest.raises(InputError, match="UNet has no Monte-Carlo dropout"):
        MonteCarlo(make("unet"))
    model = make("bayesian-segnet")
    with pytest.raises(InputError, match="samples must be 1 to"):
        MonteCarlo(model, 0)
    with pytest.raises(InputError, match="multiples of 32, got row 8"):
        MonteCarlo(model, 1).sample(np.zeros((3, 32, 32), np.float32), None, 8, 0)
