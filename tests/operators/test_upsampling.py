import pytest
import torch
from torch.nn import functional as F

from densa.errors import InputError
from densa.operators.upsampling import BilinearUpsampling, bed_of_nails, bilinear, bilinear_kernel, nearest

SQUARE = torch.tensor([[1.0, 2], [3, 4]])


def test_the_lectures_examples():
    assert nearest(SQUARE).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    assert bed_of_nails(SQUARE).tolist() == [[1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 0]]


def test_bilinear_in_three_conventions():
    expected = [[1, 1.25, 1.75, 2], [1.5, 1.75, 2.25, 2.5], [2.5, 2.75, 3.25, 3.5], [3, 3.25, 3.75, 4]]
    assert bilinear(SQUARE).tolist() == expected
    third = 1 / 3
    corners = bilinear(SQUARE.double(), convention="corners")
    torch.testing.assert_close(corners[0], torch.tensor([1, 1 + third, 2 - third, 2], dtype=torch.float64))
    torch.testing.assert_close(corners[:, 0], torch.tensor([1, 1 + 2 * third, 3 - 2 * third, 3], dtype=torch.float64))
    expected = [[1, 1.5, 2, 2], [2, 2.5, 3, 3], [3, 3.5, 4, 4], [3, 3.5, 4, 4]]
    assert bilinear(SQUARE, convention="top-left").tolist() == expected


@pytest.mark.parametrize("factor", [1, 2, 3, 5])
def test_as_torch_interpolates(factor):
    x = torch.randn(2, 3, 4, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(nearest(x, factor), F.interpolate(x, scale_factor=factor, mode="nearest"))
    for convention, aligned in (("half-pixel", False), ("corners", True)):
        expected = F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=aligned)
        torch.testing.assert_close(bilinear(x, factor, convention=convention), expected)


def test_adjoints():
    """Nails and sampling, nearest and summing, are each other's transpose."""
    x = torch.randn(3, 5, dtype=torch.float64)
    y = torch.randn(6, 10, dtype=torch.float64)
    torch.testing.assert_close((bed_of_nails(x) * y).sum(), (x * y[::2, ::2]).sum())
    sums = 4 * F.avg_pool2d(y[None], 2)[0]
    torch.testing.assert_close((nearest(x) * y).sum(), (x * sums).sum())


def test_a_single_value_fills_everything():
    one = torch.tensor([[7.0]])
    for convention in ("half-pixel", "corners", "top-left"):
        assert bilinear(one, 3, convention=convention).tolist() == [[7] * 3] * 3


def test_kernels():
    def triangle(size):  # the outer product's middle row, scaled to its largest value
        kernel = bilinear_kernel(size)
        return (kernel.diagonal().sqrt()).tolist()

    assert triangle(4) == [0.25, 0.75, 0.75, 0.25]
    assert triangle(3) == pytest.approx([0.5, 1, 0.5])
    assert triangle(16) == pytest.approx([(2 * i + 1) / 16 for i in (*range(8), *reversed(range(8)))])
    for factor in (1, 2, 8, 32):
        assert float(bilinear_kernel(2 * factor).sum()) == pytest.approx(factor**2)


def enlarged(row, factor):
    """One row, as a map constant along its columns' direction, through the transposed convolution."""
    x = torch.tensor(row).expand(1, 1, 5, -1)
    return BilinearUpsampling(1, factor)(x)[0, 0, 5].tolist()


def test_transposed_convolution_of_constant_and_ramp():
    assert enlarged([1.0, 1, 1, 1], 2) == [0.25, 0.75, 1, 1, 1, 1, 1, 1, 0.75, 0.25]
    assert enlarged([0.0, 1, 2, 3], 2) == [0, 0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 2.25, 0.75]


def test_transposed_convolution_fades_at_the_border_unless_it_is_repeated():
    up = BilinearUpsampling(1, 2)
    cropped = up(SQUARE[None, None])[0, 0, 1:-1, 1:-1]
    assert cropped.tolist() == [
        [0.5625, 0.9375, 1.3125, 1.125],
        [1.125, 1.75, 2.25, 1.875],
        [1.875, 2.75, 3.25, 2.625],
        [1.6875, 2.4375, 2.8125, 2.25],
    ]
    repeated = up(F.pad(SQUARE[None, None], (1, 1, 1, 1), mode="replicate"))[0, 0, 3:-3, 3:-3]
    torch.testing.assert_close(repeated, bilinear(SQUARE))


def test_channels_do_not_mix_and_only_learned_kernels_are_parameters():
    fixed, learned = BilinearUpsampling(3, 4), BilinearUpsampling(3, 4, learned=True)
    assert not list(fixed.parameters())
    assert not fixed.state_dict()
    assert {name: tuple(p.shape) for name, p in learned.named_parameters()} == {"weight": (3, 1, 8, 8)}
    x = torch.zeros(1, 3, 2, 2)
    x[:, 1] = 1
    y = learned(x)
    assert y.shape == (1, 3, 12, 12)
    assert torch.equal(y, fixed(x))
    assert not y[:, [0, 2]].any()
    assert y[:, 1].any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nearest(torch.zeros(3)), "H, W"),
        (lambda: bed_of_nails(SQUARE, 0), "factor must be at least 1"),
        (lambda: bilinear(SQUARE, convention="half"), "half-pixel, corners, top-left, got 'half'"),
        (lambda: bilinear(SQUARE.long()), "floating point"),
        (lambda: bilinear_kernel(0), "at least 1"),
        (lambda: BilinearUpsampling(0, 2), "at least 1"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
