import pytest
import torch
from torch import nn

from densa.training.loop.feeding import MicroBatch
from densa.training.loop.step import make_accelerator, train_step
from densa.training.pieces.optimizers import make_optimizer
from densa.training.settings import Optimisation


def _batches(sizes):
    torch.manual_seed(1)
    batches = []
    for n in sizes:
        target = torch.randint(0, 3, (n, 6, 5))
        target[:, 0] = 255
        batches.append(MicroBatch(torch.randn(n, 2, 6, 5), target, None))
    return batches


def _step(batches, rate, loss_scale):
    torch.manual_seed(0)
    network = nn.Conv2d(2, 3, 3, padding=1)
    optimizer = make_optimizer(
        network, Optimisation(optimizer="sgd", learning_rate=rate, momentum=0.9, weight_decay=5e-4)
    )
    loss = train_step(make_accelerator("cpu"), network, optimizer, batches, loss_scale=loss_scale)
    return network.state_dict(), loss


@pytest.mark.parametrize(("loss_scale", "divisor"), [("sum", 1), ("image", 3)])
def test_a_rate_of_a_sum_is_that_of_a_mean_times_the_labelled_pixels(loss_scale, divisor):
    """One step; three images of 5 x 5 labelled pixels each, in micro-batches of one and two. Decay scales likewise."""
    batches, n = _batches([1, 2]), 75
    torch.manual_seed(0)
    reference = nn.Conv2d(2, 3, 3, padding=1)
    loss = sum(
        nn.functional.cross_entropy(reference(b.images), b.target, ignore_index=255, reduction="sum") for b in batches
    )
    loss.backward()
    got, reported = _step(batches, 1e-3, loss_scale)
    gradient = reference.weight.grad / divisor + 5e-4 * reference.weight
    torch.testing.assert_close(got["weight"], (reference.weight - 1e-3 * gradient).detach(), rtol=1e-6, atol=1e-6)
    mean, mean_reported = _step(batches, 1e-3 * n / divisor, "mean")
    torch.testing.assert_close(got["bias"], mean["bias"], rtol=1e-6, atol=1e-6)
    # Decay follows the rate, not the loss: without it, kernels agree too.
    torch.testing.assert_close(
        got["weight"] + 1e-3 * 5e-4 * reference.weight,
        mean["weight"] + 1e-3 * n / divisor * 5e-4 * reference.weight,
        rtol=1e-6, atol=1e-6,
    )  # fmt: skip
    assert reported == mean_reported  # what is shown is the mean, whatever the scale
