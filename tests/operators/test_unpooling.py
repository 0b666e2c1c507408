import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from densa.errors import InputError
from densa.operators.unpooling import max_pool_with_switches, max_unpool

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
    with pytest.raises(InputError, match="go up to 11, a map of 2x5"):
        max_unpool(pooled, switches, (2, 5))
    with pytest.raises(InputError, match="both be"):
        max_unpool(pooled, switches[..., :1], (4, 4))
    with pytest.raises(InputError, match="N, C, H, W"):
        max_pool_with_switches(MAP[0])
    with pytest.raises(InputError, match="at least 1"):
        max_pool_with_switches(MAP, 0)
