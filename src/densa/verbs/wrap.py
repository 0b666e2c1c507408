"""Wrap any network as a segmenter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from densa.errors import InputError
from densa.verbs.tell import tell

if TYPE_CHECKING:
    from torch import nn

    from densa.legend import Legend
    from densa.segmenter import BandContract, Segmenter

__all__ = ["wrap"]

_WINDOW_PX = 512


def wrap(
    module: nn.Module,
    *,
    legend: Legend | Sequence[str],
    bands: BandContract | int = 3,
    halo: int | None = None,
    stride: int | None = None,
    window: int | None = None,
    device: str = "auto",
    precision: str = "auto",
    progress: bool = True,
) -> Segmenter:
    """Make a segmenter of any network, for tiles of images of any size, evaluation and reports.

    Exact tiles need to know which pixels decide an output pixel. That is computed from the network's operations where
    densa has a rule for each, otherwise measured by probing the network, unless `halo` and `stride` declare it. Where
    an output pixel depends on the whole image, as with attention over it, windows that overlap by half are blended. One
    line on stderr says which.

    Args:
        module: maps (n, bands, h, w) float32 to (n, classes, h, w) scores, or to scores at a whole fraction of the
            size, or to a mapping with the scores as "out". Copied.
        legend: the classes, or their names.
        bands: the input of the module: a contract with the bands' means and deviations, by which they are normalised,
            or the number of bands, whose values are then used as stored.
        halo: context in pixels that decides an output pixel, a multiple of `stride`; None: determined as above.
        stride: origins of tiles must be multiples of it; None: determined as above.
        window: side in pixels of blended windows, where they are needed.
        device: "auto", "cpu" or "cuda".
        precision: "auto", "float32" or "bfloat16".
        progress: print on stderr how the context was determined.

    Raises:
        InputError: a module that takes no image of these bands or gives other scores, or a window that does not fit.

    Examples:
        >>> import torch, densa
        >>> net = torch.nn.Conv2d(3, 2, 5, padding=2)
        >>> segmenter = densa.wrap(net, legend=["ground", "roof"], progress=False)
        >>> segmenter.halo, segmenter.stride
        (2, 1)
    """
    from densa.engine import Blended
    from densa.legend import Legend
    from densa.networks import Adapted, adapt
    from densa.segmenter import BandContract, NetworkSegmenter

    classes = legend if isinstance(legend, Legend) else Legend(tuple(legend))
    contract = bands if isinstance(bands, BandContract) else BandContract(bands)
    network = adapt(module, contract.n_bands, halo=halo, stride=stride)
    segmenter = NetworkSegmenter(network, classes, contract, device=device, precision=precision)
    n_scores = segmenter.n_scores()
    if n_scores != classes.n_classes:
        raise InputError(f"legend must name {n_scores} classes, as the network gives scores, got {classes.n_classes}")
    if segmenter.whole_image:
        step = 2 * segmenter.stride
        side = window or max(1, _WINDOW_PX // step) * step
        if progress:
            tell(f"an output pixel depends on the whole image: windows of {side} px that overlap by half are blended")
        return Blended(segmenter, window_size=side, weights="hann")
    if progress:
        found = network.found if isinstance(network, Adapted) else "computed"
        tell(f"exact tiles with a halo of {segmenter.halo} px at multiples of {segmenter.stride} px ({found})")
    return segmenter
