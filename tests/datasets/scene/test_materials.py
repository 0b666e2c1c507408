import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from densa.datasets.scene.materials import (
    MATERIALS,
    TEXTURE_PX,
    _periodic,
    first_of,
    material_tables,
    sensor_noise,
    textures,
)
from densa.datasets.synthetic import SCENE


def test_materials_of_a_kind_follow_each_other():
    kinds = list(dict.fromkeys(material.what for material in MATERIALS))
    numbers = [n for kind in kinds for n in range(first_of(kind)[0], sum(first_of(kind)))]
    assert numbers == list(range(len(MATERIALS)))
    for kind in kinds:
        first, n = first_of(kind)
        assert {material.what for material in MATERIALS[first : first + n]} == {kind}


@pytest.mark.parametrize("n_bands", [3, 4])
def test_tables_hold_the_materials(n_bands):
    labels, colors, kinds, strengths = material_tables(n_bands)
    assert colors.shape == (len(MATERIALS), n_bands)
    for n, material in enumerate(MATERIALS):
        assert (labels[n], kinds[n], strengths[n]) == (material.label, material.texture, material.strength)
        assert_array_equal(colors[n], np.array(material.color[:n_bands]) * 64)
    assert set(labels) == set(range(SCENE.n_classes))
    assert kinds.max() < len(textures(np.random.default_rng(0)))


def test_textures_have_mean_0_deviation_32_and_no_seam():
    made = textures(np.random.default_rng(1)).astype(float)
    assert made.shape == (9, TEXTURE_PX, TEXTURE_PX)
    assert_allclose(made.mean(axis=(1, 2)), 0, atol=1)
    assert_allclose(made.std(axis=(1, 2)), 32, atol=1.5)
    for axis in (1, 2):  # the step from the last row to the first is as large as those inside
        steps = np.abs(np.roll(made, -1, axis) - made).mean(axis=3 - axis)
        last = steps[:, -1]
        assert (last < 1.5 * steps.mean(axis=1) + 1).all()
    assert (textures(np.random.default_rng(2)) != made).mean() > 0.9


@pytest.mark.parametrize("sigma", [1.5, 9.0])
def test_periodic_noise_is_smooth_over_sigma(sigma):
    """The autocorrelation of white noise smoothed by a Gaussian of sigma is a Gaussian of sigma times root 2."""
    noise = _periodic(np.random.default_rng(0), sigma)
    assert noise.std() == pytest.approx(1)
    for distance in (round(sigma), round(2 * sigma)):
        found = (noise * np.roll(noise, distance, 0)).mean()
        assert found == pytest.approx(np.exp(-(distance**2) / (4 * sigma**2)), abs=0.1)


def test_sensor_noise():
    noise = sensor_noise(np.random.default_rng(0))
    assert noise.shape == (65536,)
    assert noise.std() == pytest.approx(4, abs=0.1)
    assert abs(noise).max() == 16
