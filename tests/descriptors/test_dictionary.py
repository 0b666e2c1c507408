"""Visual words: the nearest centre by brute force, clusters that are found, equal dictionaries from equal samples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from densa import parallel
from densa.descriptors import Dictionary, build_dictionary
from densa.errors import InputError


def test_words_are_the_nearest_centres(rng):
    samples = np.concatenate([rng.normal(c, 0.1, (50, 2)) for c in ((0, 0), (5, 0), (0, 9))])
    dictionary = build_dictionary(samples, 3, seed=1)
    assert dictionary.n_words == 3
    features = rng.normal(2, 4, (2, 17, 19)).astype(np.float32)
    words = dictionary.assign(features)
    standard = (features - dictionary.mean[:, None, None]) * dictionary.scale[:, None, None]
    distances = ((standard[None] - dictionary.centres[:, :, None, None]) ** 2).sum(axis=1)
    assert_array_equal(words, distances.argmin(axis=0))
    for a, b in zip(range(0, 150, 50), ((0, 0), (5, 0), (0, 9)), strict=True):  # each cluster is one word
        near = dictionary.assign(samples[a : a + 50].T.reshape(2, 50, 1))
        assert len(np.unique(near)) == 1
        centre = dictionary.centres[near[0, 0]] / dictionary.scale + dictionary.mean
        assert_allclose(centre, b, atol=0.1)


def test_dictionaries_repeat(rng):
    samples = rng.normal(size=(500, 4))
    a, b, c = (build_dictionary(samples, 6, seed=seed) for seed in (3, 3, 4))
    assert_array_equal(a.centres, b.centres)
    assert not np.array_equal(a.centres, c.centres)
    samples[:, 1] = 5  # a constant feature decides nothing
    words = build_dictionary(samples, 6).assign(samples.T.reshape(4, 20, 25))
    samples[:, 1] = -3
    assert_array_equal(build_dictionary(samples, 6).assign(samples.T.reshape(4, 20, 25)), words)


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 9), st.integers(1, 20), st.integers(1, 20))
def test_the_first_of_equally_near_words(seed, n_features, n_words, height, width):
    """Centres and features on a grid of whole numbers, so that ties are exact."""
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 3, (n_words, n_features)).astype(np.float32)
    words = Dictionary(centres, np.zeros(n_features, np.float32), np.ones(n_features, np.float32))
    features = rng.integers(0, 3, (n_features, height, width)).astype(np.float32)
    distances = ((features[None] - centres[:, :, None, None]) ** 2).sum(axis=1)
    assert_array_equal(words.assign(features), distances.argmin(axis=0))


def test_threads_change_nothing(rng, monkeypatch):
    words = build_dictionary(rng.normal(size=(200, 3)), 7)
    features = rng.normal(size=(3, 300, 11)).astype(np.float32)
    monkeypatch.setattr(parallel, "n_threads", lambda: 1)
    one = words.assign(features)
    monkeypatch.setattr(parallel, "n_threads", lambda: 3)
    assert_array_equal(words.assign(features), one)


def test_bad_arguments_are_named(rng):
    samples = rng.normal(size=(20, 2))
    dictionary = build_dictionary(samples, 2)
    for said, call in (
        ("21 words need at least as many different samples, got 20", lambda: build_dictionary(samples, 21)),
        ("2 words need at least as many different samples", lambda: build_dictionary(np.ones((20, 2)), 2)),
        ("finite numbers", lambda: build_dictionary(samples * np.nan, 2)),
        ("finite numbers", lambda: build_dictionary(samples[0], 2)),
        ("n_words must be a whole number", lambda: build_dictionary(samples, 0)),
        ("seed must be a whole number from 0", lambda: build_dictionary(samples, 2, seed=-1)),
        (r"features must be \(2, height, width\)", lambda: dictionary.assign(np.zeros((3, 4, 4)))),
        ("features must be finite", lambda: dictionary.assign(np.full((2, 4, 4), np.nan))),
        ("a dictionary needs centres", lambda: Dictionary(np.zeros((2, 3)), np.zeros(2), np.ones(3))),
        ("must hold finite numbers", lambda: Dictionary(np.zeros((2, 3)), np.zeros(3), np.full(3, np.inf))),
    ):
        with pytest.raises(InputError, match=said):
            call()
