"""Bayesian SegNet (Kendall, Badrinarayanan, Cipolla 2017, arXiv:1511.02680): SegNet with dropout, which stays on for
Monte-Carlo samples of the labels.

Half of the features are dropped after pool3, pool4 and pool5 and after the last convolutions of the decoder's stages 5,
4 and 3. Parameters and their names are SegNet's.

Method: Bayesian SegNet (`bayesian-segnet`).
Source: Kendall, Badrinarayanan, Cipolla 2017, arXiv:1511.02680.
As printed: dropout of one half at six places of the central layers, which stays on for samples; mean and variance over
    passes.
Departs: as SegNet; masks are a hash of seed, pass, layer and position, so that they do not depend on tiles.
Held by: tests/networks/test_bayesian_segnet.py, tests/segmenter/test_monte_carlo.py.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from densa.errors import InputError
from densa.networks.checks import check_bands
from densa.networks.network import at_least_float32
from densa.networks.segnet import FIRST, SegNet
from densa.networks.strips import convolve_and_pool, unpool_and_convolve
from densa.operators.unpooling import WindowSwitches

__all__ = ["BayesianSegNet", "MonteCarlo"]

Switches = list[WindowSwitches]


class MonteCarlo(NamedTuple):
    """Statistics of the samples at each pixel.

    Attributes:
        probabilities: (N, C, H, W), mean of the softmax over the samples.
        variance: (N, C, H, W), variance of the softmax over the samples.
        uncertainty: (N, H, W), mean of the variance over the classes.
    """

    probabilities: Tensor
    variance: Tensor
    uncertainty: Tensor


class BayesianSegNet(SegNet):
    """Images (N, n_bands, H, W) to logits (N, n_classes, H, W), of any height and width.

    In evaluation mode nothing is dropped (the paper's weight averaging); `monte_carlo` samples.

    Args:
        n_bands: bands of the images.
        n_classes: number of classes.
        width: channels of the first level; 64 is the paper's.
        dropout: share of the features that are dropped.

    Raises:
        InputError: an argument out of range; in `forward`, another number of bands.

    Examples:
        >>> import torch
        >>> from densa import networks
        >>> network = networks.BayesianSegNet(3, 5, width=1)
        >>> network(torch.zeros(1, 3, 32, 48)).shape
        torch.Size([1, 5, 32, 48])
        >>> sampled = network.monte_carlo(torch.zeros(1, 3, 32, 48), 4)
        >>> sampled.uncertainty.shape
        torch.Size([1, 32, 48])
    """

    def __init__(self, n_bands: int, n_classes: int, *, width: int = 64, dropout: float = 0.5) -> None:
        super().__init__(n_bands, n_classes, width=width, dropout=dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the images; see the class for the shapes."""
        check_bands(x, self.n_bands)
        x, switches = self._encode(x, [], range(FIRST + 1))
        return self._sample(x, switches, drops=self.training)

    @torch.no_grad()
    def monte_carlo(self, images: Tensor, n_samples: int = 50, *, seed: int = 0) -> MonteCarlo:
        """Mean and variance of the class probabilities over passes with dropout.

        Batch normalisation uses its running statistics, and torch's random state is restored. Features up to pool3 are
        the same in all samples and computed once.

        Args:
            images: (N, n_bands, H, W).
            n_samples: passes; better than the pass without dropout from about 6 on; the paper uses 50.
            seed: seed of the dropout; the same seed gives the same result on the same device.

        Raises:
            InputError: no samples, or another number of bands.
        """
        check_bands(images, self.n_bands)
        if n_samples < 1:
            raise InputError(f"n_samples must be at least 1, got {n_samples}")
        training = self.training
        self.eval()
        try:
            x, switches = self._encode(images, [], range(FIRST + 1))
            mean = squares = torch.zeros(())
            with torch.random.fork_rng(devices=[x.device] if x.device.type == "cuda" else []):
                torch.manual_seed(seed)
                for n in range(1, n_samples + 1):  # Welford's algorithm: no sample is stored
                    sample = at_least_float32(self._sample(x, list(switches), drops=True)).softmax(dim=1)
                    if n == 1:
                        mean, squares = torch.zeros_like(sample), torch.zeros_like(sample)
                    before, mean = mean, mean + (sample - mean) / n
                    squares += (sample - before) * (sample - mean)
        finally:
            self.train(training)
        variance = squares / n_samples
        return MonteCarlo(mean, variance, variance.mean(dim=1))

    def _encode(self, x: Tensor, switches: Switches, stages: range) -> tuple[Tensor, Switches]:
        """Pooled features and switches after the given stages, before dropout."""
        for number in stages:
            x, places = convolve_and_pool(self.encoder[number], x)
            switches.append(places)
        return x, switches

    def _sample(self, x: Tensor, switches: Switches, *, drops: bool) -> Tensor:
        """Logits from the features of pool3."""
        x = F.dropout(x, self.dropout, drops)
        for number in range(FIRST + 1, len(self.encoder)):
            x, switches = self._encode(x, switches, range(number, number + 1))
            x = F.dropout(x, self.dropout, drops)
        for number, stage in enumerate(self.decoder):
            x = unpool_and_convolve(stage, x, switches.pop())
            if number < len(self.decoder) - FIRST:
                x = F.dropout(x, self.dropout, drops)
        return x
