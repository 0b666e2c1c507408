"""Fit an image to what a model was trained on: which of its bands, in which order, in which unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from densa.errors import InputError
from densa.raster import Raster
from densa.raster.bands import match_bands, numbers_of
from densa.raster.choice.chosen import BandChoice, ChosenBands
from densa.raster.choice.sample import BandSample, is_constant, sample_bands
from densa.segmenter.contract import BandContract

__all__ = ["FARTHEST", "OTHER_RANGE", "Fitted", "FittedBands", "fit_header", "fit_raster"]

FARTHEST = 3.0
"""Training standard deviations between the mean of a band in an image and in training: beyond, there is a warning."""
OTHER_RANGE = 10.0
"""Ratio between the values of an image and those of the training images at which they are taken for another unit."""

_FEWEST = 64  # pixels by which an image may be judged
_NO_DATA = (-9999, -99999, -999, -32768, -32767)  # values that programs write where they have none
_NEVER = -1e30

Scale = float | Literal["full"]


class FittedBands(ChosenBands):
    """The bands of an image that a model takes, in its order and unit."""


@dataclass(frozen=True)
class Fitted:
    """An image fitted to a model.

    Attributes:
        raster: its bands as the model takes them; closing it closes the image.
        notes: sentences on what was decided.
        warnings: sentences on bands whose values are far from those of training.

    Examples:
        >>> import numpy as np
        >>> from densa import raster, segmenter
        >>> image = raster.from_array(np.zeros((4, 4, 2), np.uint8))
        >>> segmenter.fit_raster(segmenter.BandContract(2), image).raster.n_bands
        2
    """

    raster: FittedBands
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def fit_raster(
    contract: BandContract,
    raster: Raster,
    *,
    bands: Sequence[int | str] | None = None,
    assume_scale: Scale | None = None,
    allow_constant: bool = False,
) -> Fitted:
    """Fit an image to the bands of a model, by its header and a bounded sample of its values.

    Bands that both sides know are matched by name, colour or wavelength, in any order and among others; otherwise those
    of the same numbers as in training are taken. Values of another unit by the scale and offset that both sides declare
    are converted to that of training.

    Args:
        contract: the bands that the model was trained on.
        raster: an open image.
        bands: to be taken, by number from 1 or by name, whatever they are called in training.
        assume_scale: a number: the values divided by it are in the unit of training; "full": the whole range of the
            image's type (of floats 0 to 1) is that of the training images' type. None: type and range must be those of
            training.
        allow_constant: accept a band that has one value everywhere, beside others that vary, where it varied in
            training. An image of which every band has one value is blank, and accepted with a warning.

    Raises:
        InputError: other bands, another type or range of values, or an empty band; the message says what decides.

    Examples:
        >>> import numpy as np
        >>> from densa import raster, segmenter
        >>> model = segmenter.BandContract(2, ("red", "green"))
        >>> raster.write_bands("gr.tif", np.stack([np.full((2, 2), 7, np.uint8), np.full((2, 2), 9, np.uint8)]),
        ...                    band_names=["green", "red"])
        >>> with raster.open("gr.tif") as image:
        ...     segmenter.fit_raster(model, image).raster.read()[0][:, 0, 0]
        array([9, 7], dtype=uint8)
    """
    fitted = fit_header(contract, raster, bands=bands, assume_scale=assume_scale)
    if not contract.is_measured:
        return fitted
    sample = sample_bands(fitted.raster)
    if sample.n < _FEWEST:
        return fitted
    if assume_scale is None:
        _check_range(contract, fitted.raster, sample)
    if _is_blank(fitted.raster, sample):
        return Fitted(fitted.raster, fitted.notes, () if allow_constant else _blank(contract, sample))
    if not allow_constant:
        _check_constant(contract, fitted.raster, sample)
    return Fitted(fitted.raster, fitted.notes, _far_bands(contract, sample))


def fit_header(
    contract: BandContract,
    raster: Raster,
    *,
    bands: Sequence[int | str] | None = None,
    assume_scale: Scale | None = None,
) -> Fitted:
    """As `fit_raster` by the header alone, without a look at the values; an image that is fitted stays as it is.

    Raises:
        InputError: other bands, or another type of values.

    Examples:
        >>> import numpy as np
        >>> from densa import raster, segmenter
        >>> image = raster.from_array(np.zeros((4, 4, 3), np.uint8))
        >>> segmenter.fit_header(segmenter.BandContract(2), image, bands=(3, 1)).raster.n_bands
        2
    """
    if isinstance(raster, FittedBands):
        contract.check(raster.n_bands)
        return Fitted(raster)
    numbers, notes = _numbers(contract, raster, bands)
    factors, shifts = _unit(contract, raster, numbers, assume_scale)
    dtype = ""
    if factors:
        is_integer = np.dtype(contract.dtype).kind in "iu"
        dtype = contract.dtype if is_integer or contract.dtype == "float64" else "float32"
        notes += (f"values are converted to the unit of training: {_words(factors, shifts)}",)
    if isinstance(raster, ChosenBands):
        chosen = raster.choice.numbers
        raster, numbers = raster.whole, tuple(chosen[number - 1] for number in numbers)
    return Fitted(FittedBands(raster, BandChoice(numbers, factors, shifts, dtype)), notes)


def _numbers(
    contract: BandContract, raster: Raster, bands: Sequence[int | str] | None
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Numbers, from 1, of the bands to take, and what is to be said about that."""
    way_out = f"`bands` decides which are taken, such as bands={','.join(map(str, range(contract.n_bands, 0, -1)))}"
    usual = tuple(range(1, raster.n_bands + 1))
    if bands is not None:
        try:
            numbers = numbers_of(bands, raster.bands)
        except InputError as error:
            raise InputError(f"{raster.path} {error}") from error
        if len(numbers) != contract.n_bands:
            names = ", ".join(contract.names)
            raise InputError(f"bands must be {contract.n_bands}, those of the model ({names}), got {len(numbers)}")
        return numbers, ()
    same_layout = bool(contract.chosen) and raster.n_bands == contract.n_in_file
    try:
        match = match_bands(contract.bands, raster.bands)
    except InputError as error:
        raise InputError(f"the bands of {raster.path} {error} by the model; {way_out}") from error
    if match is not None and match.known:
        if match.numbers == usual and match.by == "name":
            return match.numbers, ()
        names = ", ".join(str(raster.bands[n - 1]) for n in match.numbers)
        return match.numbers, (f"bands {_listed(match.numbers)} of {raster.n_bands} ({names}) are read, by {match.by}",)
    if same_layout:
        said = f"bands {_listed(contract.chosen)} of {raster.n_bands} are read, as in training"
        return contract.chosen, () if contract.chosen == usual else (said,)
    if match is None:
        raise InputError(
            f"{raster.path} has {raster.n_bands} bands, the model expects {contract.n_bands} "
            f"({_listed(contract.names)}), not {_listed(raster.band_names)}; {way_out}"
        )
    named = all(band.own_name for band in raster.bands)
    if named and contract.is_measured and not any(band.identity for band in contract.bands):
        return match.numbers, (
            f"the model does not know its bands: {_listed(raster.band_names)} are taken in this order",
        )
    return match.numbers, ()


def _unit(
    contract: BandContract, raster: Raster, numbers: Sequence[int], assume_scale: Scale | None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Factor and shift per band from stored values to the unit of training; empty where nothing changes."""
    n, dtype, trained = len(numbers), raster.dtype, np.dtype(contract.dtype)
    other_type = dtype != trained and not (dtype.kind == trained.kind == "f")
    if assume_scale is not None:
        factor = _full(trained) / _full(dtype) if assume_scale == "full" else 1 / float(assume_scale)
        return ((factor,) * n, (0.0,) * n) if factor != 1 or other_type else ((), ())
    if not contract.is_measured:
        return (), ()
    found = [raster.bands[number - 1] for number in numbers]
    if contract.scales and all(band.scale is not None for band in found):
        there = [(band.scale or 1.0, band.offset or 0.0) for band in found]
        here = list(zip(contract.scales, contract.offsets or (0.0,) * n, strict=True))
        declared = [any(pair != (1.0, 0.0) for pair in pairs) for pairs in (here, there)]
        if all(declared):
            factors = tuple(t[0] / h[0] for t, h in zip(there, here, strict=True))
            shifts = tuple((t[1] - h[1]) / h[0] for t, h in zip(there, here, strict=True))
            changed = other_type or any(abs(f - 1) > 1e-9 for f in factors) or any(abs(s) > 1e-9 for s in shifts)
            return (factors, shifts) if changed else ((), ())
        if any(declared):
            raise InputError(
                f"{raster.path} declares {_scales(there)}, the training images {_scales(here)}; assume_scale=1 takes "
                "the values as they are stored, assume_scale=N divides them by N"
            )
    if other_type:
        raise InputError(
            f"{raster.path} holds {dtype} values, the model was trained on {trained}; assume_scale=N divides them by "
            "N, assume_scale=full maps the whole range of the type, assume_scale=1 takes them as they are"
        )
    return (), ()


def _check_range(contract: BandContract, raster: Raster, sample: BandSample) -> None:
    """Refuse values of another unit; those of 8 bits have none."""
    if raster.dtype.itemsize == 1:
        return
    usual = _level(np.array(contract.mean), np.array(contract.std))
    found = _level(sample.mean, sample.std)
    if found == 0 or 1 / OTHER_RANGE < found / usual < OTHER_RANGE:
        return
    ratio = found / usual
    low = sample.low.min()
    if low in _NO_DATA or low < _NEVER:
        raise InputError(
            f"{raster.path} holds {low:.5g}, which usually means no data, as values: declare it "
            f"(gdal_edit.py -a_nodata {low:.9g} {raster.path}), or give assume_scale=1 to take the values as they are"
        )
    raise InputError(
        f"{raster.path} holds values from {sample.low.min():.4g} to {sample.high.max():.4g}, about "
        f"{max(ratio, 1 / ratio):.2g} times {'larger' if ratio > 1 else 'smaller'} than in training: in another unit? "
        f"assume_scale={float(f'{ratio:.2g}'):g} divides them by that, assume_scale=1 takes them as they are"
    )


def _is_blank(raster: Raster, sample: BandSample) -> bool:
    if (sample.low != sample.high).any():
        return False
    return sample.whole or all(is_constant(raster, band, low) for band, low in enumerate(sample.low, 1))


def _blank(contract: BandContract, sample: BandSample) -> tuple[str, ...]:
    """A warning on an image without content, as empty tiles are; none where training had only such images."""
    if not any(std not in (0, 1) for std in contract.std):
        return ()
    values = ", ".join(f"{value:g}" for value in dict.fromkeys(sample.low[:12]))
    return (f"every band has one value ({values}): a blank image?",)


def _check_constant(contract: BandContract, raster: Raster, sample: BandSample) -> None:
    """Refuse bands of one value that were not constant in training (where their deviation is stored as 0 or 1)."""
    empty = [
        band
        for band, (low, high, std) in enumerate(zip(sample.low, sample.high, contract.std, strict=True), 1)
        if low == high and std not in (0, 1) and (sample.whole or is_constant(raster, band, low))
    ]
    if empty:
        names = ", ".join(f"{contract.names[band - 1]} ({sample.low[band - 1]:g})" for band in empty)
        several = len(empty) > 1
        raise InputError(
            f"{raster.path}: {'bands' if several else 'band'} {names} {'are' if several else 'is'} constant, which "
            f"varied in training; `bands` chooses others, allow_constant=True goes on"
        )


def _far_bands(contract: BandContract, sample: BandSample) -> tuple[str, ...]:
    found = []
    for name, mean, usual, std in zip(contract.names, sample.mean, contract.mean, contract.std, strict=True):
        if std > 0 and abs(mean - usual) > FARTHEST * std:
            found.append(f"{name} has mean {mean:.4g}, in training {usual:.4g} with deviation {std:.4g}")
    if not found:
        return ()
    what = "band statistics far from training (more than 3 standard deviations)"
    return (f"{what}: {'; '.join(found)}",)


def _level(mean: NDArray[np.float64], std: NDArray[np.float64]) -> float:
    """How large values are."""
    return float((np.abs(mean) + 2 * std).max())


def _full(dtype: np.dtype[Any]) -> float:
    return 1.0 if dtype.kind == "f" else float(np.iinfo(dtype).max)


def _scales(pairs: Sequence[tuple[float, float]]) -> str:
    scale, offset = pairs[0]
    if all(pair == (1.0, 0.0) for pair in pairs):
        return "no scale"
    return f"scale {scale:g} and offset {offset:g}" + (" of its first band" if len(set(pairs)) > 1 else "")


def _words(factors: Sequence[float], shifts: Sequence[float]) -> str:
    factor, shift = factors[0], shifts[0]
    said = f"times {factor:.6g}" + (f" {'+-'[shift < 0]} {abs(shift):.6g}" if shift else "")
    return said + (", by band" if len({*zip(factors, shifts, strict=True)}) > 1 else "")


def _listed(items: Sequence[object]) -> str:
    shown = ", ".join(map(str, items[:12]))
    return shown + (f", ... ({len(items)} in all)" if len(items) > 12 else "")
