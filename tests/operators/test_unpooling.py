import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from densa.errors import InputError
from densa.operators.unpooling import (
    WindowSwitches,
    max_pool_2x2,
    max_pool_with_switches,
    max_unpool,
    max_unpool_2x2,
)

MAP = torch.tensor([[[[1.0, 2, 5, 3], [4, 0, 1, 1], [7, 2, 0, 6], [1, 3, 2, 2]]]])


def test_worked_example():
    pooled, switches = max_pool_with_switches(MAP)
    assert pooled[0, 0].tolist() == [[4, 5], [7, 6]]
    assert switches[0, 0].tolist() == [[4, 2], [8, 11]]
    back = max_unpool(pooled, switches, (4, 4))
    assert back[0, 0].tolist() == [[0, 0, 5, 0], [4, 0, 0, 0], [7, 0, 0, 6], [0, 0, 0, 0]]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 3), st.integers(0, 1000))
def test_laws(height, width, size, seed):
    """unpool(pool(x)) <= x for x >= 0, equal at the maxima; pooling it again gives the pooled map."""
    x = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(seed)) + 0.1
    pooled, switches = max_pool_with_switches(x, size)
    back = max_unpool(pooled, switches, (height, width))
    assert (back <= x).all()
    assert int((back == x).sum()) == pooled.numel()
    assert torch.equal(max_pool_with_switches(back, size)[0], pooled)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_ties_go_to_the_first(layout):
    constant = torch.ones(1, 4, 5, 6).contiguous(memory_format=layout)
    _, switches = max_pool_with_switches(constant)
    assert switches[0, 0].tolist() == [[0, 2, 4], [12, 14, 16], [24, 26, 28]]


def test_the_gradient_gathers_at_the_switches():
    pooled, switches = max_pool_with_switches(MAP)
    values = pooled.clone().requires_grad_()
    upstream = torch.arange(16.0).view(1, 1, 4, 4)
    max_unpool(values, switches, (4, 4)).backward(upstream)
    assert values.grad[0, 0].tolist() == [[4, 2], [8, 11]]


def test_as_torch_unpools():
    x = torch.randn(2, 3, 7, 10)
    pooled, switches = max_pool_with_switches(x)
    expected = F.max_unpool2d(pooled, switches, 2, 2, output_size=(7, 10))
    assert torch.equal(max_unpool(pooled, switches, (7, 10)), expected)


def test_what_is_refused():
    pooled, switches = max_pool_with_switches(MAP)
    with pytest.raises(InputError, match=r"must be in 0\.\.9, the positions of a map of 2 x 5, got 11"):
        max_unpool(pooled, switches, (2, 5))
    with pytest.raises(InputError, match="must have the same shape"):
        max_unpool(pooled, switches[..., :1], (4, 4))
    with pytest.raises(InputError, match="N, C, H, W"):
        max_pool_with_switches(MAP[0])
    with pytest.raises(InputError, match="at least 1"):
        max_pool_with_switches(MAP, 0)


LAYOUTS = [torch.contiguous_format, torch.channels_last]
shapes = st.tuples(st.integers(1, 2), st.integers(1, 6), st.integers(1, 7), st.integers(1, 7))


@settings(deadline=None, max_examples=60)
@given(shapes, st.sampled_from(LAYOUTS), st.sampled_from([torch.float32, torch.bfloat16, torch.float64]))
def test_compact_switches_do_what_torchs_indices_do(shape, layout, dtype):
    """Values that tie often, there and back, and both gradients."""
    values = torch.randint(-2, 3, shape, generator=torch.Generator().manual_seed(sum(shape))).to(dtype)
    ours, theirs = (values.contiguous(memory_format=layout).clone().requires_grad_() for _ in range(2))
    pooled, switches = max_pool_2x2(ours)
    expected, indices = F.max_pool2d(theirs, 2, 2, ceil_mode=True, return_indices=True)
    assert torch.equal(pooled, expected)
    assert torch.equal(switches.indices(), indices)
    back = max_unpool_2x2(pooled * pooled, switches)
    expected = F.max_unpool2d(expected * expected, indices, 2, 2, output_size=shape[-2:])
    assert torch.equal(back, expected)
    upstream = torch.arange(back.numel()).view(back.shape).to(dtype)
    back.backward(upstream)
    expected.backward(upstream)
    assert torch.equal(ours.grad, theirs.grad)
    with torch.no_grad():
        assert torch.equal(max_unpool_2x2(*max_pool_2x2(values)), max_unpool_2x2(*max_pool_2x2(ours)))


def test_two_bits_a_window():
    """SegNet: 64 maps of 180x240 keep 0.17 MB, their values 11 MB."""
    x = torch.zeros(1, 64, 180, 240)
    _, switches = max_pool_2x2(x)
    assert switches.packed.dtype == torch.uint8
    assert switches.packed.nbytes == 172_800 == x.nbytes // 64


def test_compact_worked_example():
    pooled, switches = max_pool_2x2(MAP)
    assert switches.codes()[0, 0].tolist() == [[2, 0], [0, 1]]
    assert max_unpool_2x2(pooled, switches)[0, 0].tolist() == [[0, 0, 5, 0], [4, 0, 0, 0], [7, 0, 0, 6], [0, 0, 0, 0]]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_compact_ties_go_to_the_first(layout, dtype):
    constant = torch.ones(2, 4, 5, 6, dtype=dtype).contiguous(memory_format=layout)
    _, switches = max_pool_2x2(constant)
    assert not switches.codes().any()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_torch_traces_is_what_runs(layout, monkeypatch):
    """The form without compiled kernels, which CUDA and torch.compile take."""
    x = torch.randint(0, 3, (2, 3, 5, 8)).float().contiguous(memory_format=layout)
    results = []
    for tracing in (False, True):
        monkeypatch.setattr(torch.compiler, "is_compiling", lambda tracing=tracing: tracing)
        leaf = x.clone().requires_grad_()
        pooled, switches = max_pool_2x2(leaf)
        back = max_unpool_2x2(pooled * 2, switches)
        back.backward(torch.arange(240.0).view(back.shape))
        results.append((pooled, switches.packed, back, leaf.grad))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_of_switches_and_their_join(layout):
    x = torch.randn(2, 3, 11, 6).contiguous(memory_format=layout)
    pooled, switches = max_pool_2x2(x)
    parts = [switches.rows(0, 2), switches.rows(2, 5), switches.rows(5, 6)]
    assert [part.size for part in parts] == [(4, 6), (6, 6), (1, 6)]
    whole = WindowSwitches.joined(parts)
    assert whole.size == switches.size
    assert torch.equal(whole.packed, switches.packed)
    middle = max_unpool_2x2(pooled[:, :, 2:5], parts[1])
    assert torch.equal(middle, max_unpool_2x2(pooled, switches)[:, :, 4:10])


def test_without_values_the_sizes_are_right():
    x = torch.empty(1, 3, 45, 60, device="meta")
    pooled, switches = max_pool_2x2(x)
    assert pooled.shape == (1, 3, 23, 30)
    assert max_unpool_2x2(pooled, switches).shape == x.shape


def test_what_the_compact_form_refuses():
    pooled, switches = max_pool_2x2(MAP)
    with pytest.raises(InputError, match=r"shape \(1, 1, 2, 2\) of its switches, got \(1, 1, 2, 1\)"):
        max_unpool_2x2(pooled[..., :1], switches)
    with pytest.raises(InputError, match="N, C, H, W"):
        max_pool_2x2(MAP[0])
