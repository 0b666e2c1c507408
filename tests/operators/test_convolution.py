import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from densa.errors import InputError
from densa.operators.convolution import (
    convolution,
    convolution_matrix,
    convolution_size,
    transposed_convolution,
    transposed_size,
)

XYZ = torch.tensor([1, 10, 100])  # (x, y, z)
ABCD = torch.tensor([2, 3, 5, 7])
SQUARE = torch.tensor([[1, 2], [3, 4]])


# --- the lecture's 1-D examples --------------------------------------------------------------------------------------


def test_direct_example():
    """(a, b) -> (ax, ay, az + bx, by, bz)"""
    assert transposed_convolution(torch.tensor([2, 3]), XYZ, stride=2).tolist() == [2, 20, 203, 30, 300]


def test_matrix_of_stride_1():
    """The lecture's 4 x 6 matrix acts on the padded (0, a, b, c, d, 0); its transpose has the padding still on."""
    matrix = convolution_matrix(XYZ, 6)
    assert matrix.tolist() == [
        [1, 10, 100, 0, 0, 0],
        [0, 1, 10, 100, 0, 0],
        [0, 0, 1, 10, 100, 0],
        [0, 0, 0, 1, 10, 100],
    ]
    assert (matrix @ F.pad(ABCD, (1, 1))).tolist() == [320, 532, 753, 75]
    assert (matrix.T @ ABCD).tolist() == [2, 23, 235, 357, 570, 700]


def test_matrix_of_stride_2():
    matrix = convolution_matrix(XYZ, 6, stride=2)
    assert matrix.tolist() == [[1, 10, 100, 0, 0, 0], [0, 0, 1, 10, 100, 0]]
    assert (matrix @ F.pad(ABCD, (1, 1))).tolist() == [320, 753]
    assert (matrix.T @ ABCD[:2]).tolist() == [2, 20, 203, 30, 300, 0]


@pytest.mark.parametrize(("stride", "values"), [(1, [23, 235, 357, 570]), (2, [20, 203, 30, 300])])
def test_the_transpose_drops_the_padding(stride, values):
    """6 -> 4: what the slides leave out; a matrix on the samples themselves has it built in."""
    on_samples, on_padded = convolution_matrix(XYZ, 4, stride, 1), convolution_matrix(XYZ, 6, stride)
    assert torch.equal(on_samples, on_padded[:, 1:-1])
    a = ABCD[: len(on_samples)]
    assert (on_samples.T @ a).tolist() == (on_padded.T @ a)[1:-1].tolist() == values
    found = transposed_convolution(a, XYZ, stride=stride, padding=1, output_padding=stride - 1)
    assert found.tolist() == values


def test_without_output_padding_two_samples_give_three():
    assert transposed_convolution(ABCD[:2], XYZ, stride=2, padding=1).tolist() == [20, 203, 30]


# --- 2-D examples ----------------------------------------------------------------------------------------------------


def test_ones_3x3():
    ones = torch.ones(3, 3, dtype=torch.int64)
    assert transposed_convolution(SQUARE, ones, stride=2).shape == (5, 5)
    assert transposed_convolution(SQUARE, ones, stride=2, padding=1).tolist() == [[1, 3, 2], [4, 10, 6], [3, 7, 4]]
    enlarged = transposed_convolution(SQUARE, ones, stride=2, padding=1, output_padding=1)
    assert enlarged.tolist() == [[1, 3, 2, 2], [4, 10, 6, 6], [3, 7, 4, 4], [3, 7, 4, 4]]


def test_one_to_nine():
    kernel = torch.arange(1, 10).view(3, 3)
    assert transposed_convolution(SQUARE, kernel, stride=2).tolist() == [
        [1, 2, 5, 4, 6],
        [4, 5, 14, 10, 12],
        [10, 14, 36, 24, 30],
        [12, 15, 34, 20, 24],
        [21, 24, 55, 32, 36],
    ]
    assert transposed_convolution(SQUARE, kernel, stride=2, padding=1, output_padding=1).tolist() == [
        [5, 14, 10, 12],
        [14, 36, 24, 30],
        [15, 34, 20, 24],
        [24, 55, 32, 36],
    ]


def test_dilated_by_hand():
    assert convolution(torch.tensor([1, 1, 1, 4, 4, 4]), torch.tensor([1, 2]), dilation=2).tolist() == [3, 9, 9, 12]
    image = torch.arange(25).view(5, 5)
    corners = torch.tensor([[1, 0, 1], [0, 0, 0], [1, 0, 1]])
    assert convolution(image, corners, dilation=2).tolist() == [[0 + 4 + 20 + 24]]
    assert convolution(image, torch.ones(2, 2, dtype=torch.int64), dilation=3).tolist() == [
        [0 + 3 + 15 + 18, 1 + 4 + 16 + 19],
        [5 + 8 + 20 + 23, 6 + 9 + 21 + 24],
    ]


def test_overlaps_are_even_where_the_stride_divides_the_kernel():
    for kernel, samples, counts in ((3, 3, [1, 1, 2, 1, 2, 1, 1]), (4, 3, [1, 1, 2, 2, 2, 2, 1, 1])):
        ones = torch.ones(kernel, dtype=torch.int64)
        assert transposed_convolution(torch.ones(samples, dtype=torch.int64), ones, stride=2).tolist() == counts


# --- sizes -----------------------------------------------------------------------------------------------------------


def test_the_slides_sizes():
    assert convolution_size(4, 3, 1, 1) == 4
    assert convolution_size(4, 3, 2, 1) == 2
    assert transposed_size(2, 3, 2, 1) == 3
    assert transposed_size(2, 3, 2, 1, output_padding=1) == 4
    assert [convolution_size(n, 2, 2, ceil=True) for n in (698, 349, 175, 88, 44)] == [349, 175, 88, 44, 22]
    assert [convolution_size(n, 2, 2) for n in (698, 349)] == [349, 174]


settings_of_a_layer = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(1, 3))


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 12), settings_of_a_layer, st.booleans())
def test_sizes_as_torch_has_them(size, layer, ceil):
    kernel, stride, padding, dilation = layer
    if size + 2 * padding < dilation * (kernel - 1) + 1:
        return
    made = F.conv1d(torch.zeros(1, 1, size), torch.zeros(1, 1, kernel), None, stride, padding, dilation)
    assert convolution_size(size, kernel, stride, padding, dilation) == made.shape[-1]
    if padding <= kernel // 2:
        pooled = nn.MaxPool1d(kernel, stride, padding, dilation, ceil_mode=ceil)(torch.zeros(1, 1, size))
        assert convolution_size(size, kernel, stride, padding, dilation, ceil=ceil) == pooled.shape[-1]


# --- laws ------------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 8), st.integers(1, 8), settings_of_a_layer, st.booleans(), st.integers(0, 10**6))
def test_matrix_convolution_and_transpose_agree(height, width, layer, two_d, seed):
    """X a = conv(a); <conv(u), v> = <u, conv^T(v)>; conv^T v = X^T v where no sample goes unread."""
    k, stride, padding, dilation = layer
    size = (height, width) if two_d else (width,)
    if any(n + 2 * padding < dilation * (k - 1) + 1 for n in size):
        return
    generator = torch.Generator().manual_seed(seed)
    kernel = torch.randn([k] * len(size), dtype=torch.float64, generator=generator)
    u = torch.randn(size, dtype=torch.float64, generator=generator)
    matrix = convolution_matrix(kernel, size if two_d else width, stride, padding, dilation)
    forward = convolution(u, kernel, stride=stride, padding=padding, dilation=dilation)
    torch.testing.assert_close(matrix @ u.ravel(), forward.ravel(), rtol=1e-12, atol=1e-12)
    v = torch.randn(forward.shape, dtype=torch.float64, generator=generator)
    left, right = (forward * v).sum(), u.ravel() @ (matrix.T @ v.ravel())
    assert float((left - right).abs()) < 1e-12 * max(1, float(v.abs().sum() * kernel.abs().sum()))
    unread = {n + 2 * padding - dilation * (k - 1) - 1 - stride * (m - 1) for n, m in zip(size, v.shape, strict=True)}
    if len(unread) == 1:
        back = transposed_convolution(
            v, kernel, stride=stride, padding=padding, dilation=dilation, output_padding=unread.pop()
        )
        torch.testing.assert_close(back.ravel(), matrix.T @ v.ravel(), rtol=1e-12, atol=1e-12)


def test_stride_1_transposed_is_the_flipped_kernel():
    x, kernel = torch.randn(5, 6, dtype=torch.float64), torch.randn(3, 3, dtype=torch.float64)
    for padding in (0, 1, 2):
        expected = convolution(x, kernel.flip(0, 1), padding=2 - padding)
        torch.testing.assert_close(transposed_convolution(x, kernel, padding=padding), expected)


def test_strided_transposed_is_zeros_between_and_the_flipped_kernel():
    x, kernel = torch.randn(4, dtype=torch.float64), torch.randn(3, dtype=torch.float64)
    spread = torch.zeros(3 * 3 + 1, dtype=torch.float64)
    spread[::3] = x
    torch.testing.assert_close(
        transposed_convolution(x, kernel, stride=3, padding=1), convolution(spread, kernel.flip(0), padding=1)
    )


def test_transposed_is_the_gradient():
    x, kernel = torch.randn(2, 7, 9, dtype=torch.float64, requires_grad=True), torch.randn(3, 2, dtype=torch.float64)
    y = convolution(x, kernel, stride=2, padding=1)
    v = torch.randn_like(y)
    (gradient,) = torch.autograd.grad(y, x, v)
    found = convolution_matrix(kernel, (7, 9), 2, 1).T @ v.flatten(1).T
    torch.testing.assert_close(gradient.flatten(1), found.T)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: convolution(ABCD, torch.ones(5, dtype=torch.int64)), "at least 5 samples.* got 4"),
        (lambda: convolution(ABCD, XYZ, stride=0), "stride"),
        (lambda: convolution(ABCD, SQUARE), "rows, columns"),
        (lambda: transposed_convolution(ABCD, XYZ, stride=2, output_padding=2), "below the stride 2, got 2"),
        (lambda: transposed_convolution(ABCD[:1], XYZ, padding=2), "use less padding"),
        (lambda: convolution_matrix(XYZ, (4, 4)), "size as many numbers, got 1 dimensions"),
        (lambda: convolution_matrix(SQUARE, 4), r"give \(rows, columns\)"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
