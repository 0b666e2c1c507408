"""The sums of one mean-shift step over a window, sixteen columns at a time.

LLVM vectorises inner loops only, and the rows of a window are short: the horizontal sums at the end of every row would
cost more than the row. Here the vectors of sums stay in registers over all rows and are folded once. They are written
as LLVM instructions, which LLVM lowers for any processor (to two or four vectors for sixteen lanes if needed).

The Gaussian weight is exp(-4.5 (spatial + range squared distance in radii)): a standard deviation of a third of each
radius. exp comes from its Taylor polynomial at a 32nd of the argument, squared five times: within 1e-6 of exp.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["LANES", "OUTSIDE", "add_gaussian_window_sums", "add_window_sums"]

LANES = 16
OUTSIDE = 1e18  # value of a site that is not a sample: its squared distance is finite, above any range radius

_F32 = ir.FloatType()
_I32 = ir.IntType(32)
_I64 = ir.IntType(64)
_VECTOR = ir.VectorType(_F32, LANES)
_FUSED = ("contract",)


def _spread(builder: Any, value: Any) -> Any:
    """One number in every lane."""
    empty = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(empty, value, _I32(0))
    return builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(_I32, LANES), [_I32(0)] * LANES))


def _all(value: float) -> Any:
    return ir.Constant(_VECTOR, [_F32(value)] * LANES)


def _fold(builder: Any, vector: Any) -> Any:
    """Sum over the lanes, in the same order on every processor."""
    width = LANES // 2
    while width:
        order = [_I32((lane + width) % LANES) for lane in range(LANES)]
        turned = builder.shuffle_vector(vector, vector, ir.Constant(ir.VectorType(_I32, LANES), order))
        vector = builder.fadd(vector, turned)
        width //= 2
    return builder.extract_element(vector, _I32(0))


def _exp_of_negative(builder: Any, exponent: Any) -> Any:
    """exp(-exponent) for 0 <= exponent <= 10, in every lane."""
    step = builder.fmul(exponent, _all(-1 / 32))
    result = _all(1 / math.factorial(6))
    for power in (5, 4, 3, 2, 1, 0):
        result = builder.fadd(builder.fmul(result, step), _all(1 / math.factorial(power)))
    for _ in range(5):
        result = builder.fmul(result, result)
    return result


class _Window(NamedTuple):
    """LLVM values that are the same in all rows of a strip."""

    first_row: Any
    centre_row: Any
    columns: Any  # of the lanes
    across: Any  # their squared distances from the centre column
    spatial_limit: Any
    range_limit: Any
    weight_of_first: Any
    centre: list[Any]
    per_spatial: Any  # factors of the Gaussian's exponent; None for the uniform kernel
    per_range: Any


def _load_window(builder: Any, n_bands: int, gaussian: bool, place: Any) -> _Window:
    def given(index: int) -> Any:
        return builder.load(builder.gep(place, [_I64(index)]))

    lane_numbers = ir.Constant(_VECTOR, [_F32(float(lane)) for lane in range(LANES)])
    first_row, centre_row = given(0), given(2)
    columns = builder.fadd(_spread(builder, given(1)), lane_numbers)
    across = builder.fsub(columns, _spread(builder, given(3)))
    across = builder.fmul(across, across)
    spatial_limit, range_limit = given(4), _spread(builder, given(5))
    weight_of_first = _spread(builder, given(6))
    centre = [_spread(builder, given(7 + band)) for band in range(n_bands)]
    per_spatial = per_range = None
    if gaussian:
        per_spatial = _spread(builder, builder.fdiv(_F32(4.5), spatial_limit))
        per_range = _spread(builder, builder.fdiv(_F32(4.5), given(5)))
    return _Window(
        first_row, centre_row, columns, across, spatial_limit, range_limit, weight_of_first, centre, per_spatial,
        per_range,
    )  # fmt: skip


def _emit_row(
    builder: Any, window: _Window, gaussian: bool, values: Any, row: Any, row_site: Any, plane_stride: Any
) -> list[Any]:
    """What one row of a strip adds to the sums: weight, rows and bands of its samples, 0 elsewhere."""
    down = builder.fsub(row, window.centre_row)
    down = builder.fmul(down, down)
    counts = builder.fcmp_ordered("<", window.across, _spread(builder, builder.fsub(window.spatial_limit, down)))
    samples, distance = [], _all(0.0)
    for band, centre in enumerate(window.centre):
        offset = builder.add(row_site, builder.mul(plane_stride, _I64(band)))
        pointer = builder.bitcast(builder.gep(values, [offset]), _VECTOR.as_pointer())
        samples.append(builder.load(pointer, align=4))
        difference = builder.fsub(samples[band], centre)
        squared = builder.fmul(difference, difference, flags=_FUSED)
        if band == 0:
            squared = builder.fmul(squared, window.weight_of_first)
        distance = builder.fadd(distance, squared, flags=_FUSED)
    counts = builder.and_(counts, builder.fcmp_ordered("<", distance, window.range_limit))
    additions = [_all(1.0), _spread(builder, row), *samples]
    if gaussian:
        exponent = builder.fmul(builder.fadd(window.across, _spread(builder, down)), window.per_spatial)
        exponent = builder.fadd(exponent, builder.fmul(distance, window.per_range))
        exponent = builder.select(counts, exponent, _all(0.0))  # outside the window it may be huge
        weight = _exp_of_negative(builder, exponent)
        additions = [builder.fmul(addition, weight) for addition in additions]
    return [builder.select(counts, addition, _all(0.0)) for addition in additions]


def _emit_window_sums(
    builder: Any, n_bands: int, gaussian: bool, values: Any, place: Any, sums: Any, counts_of: tuple[Any, Any, Any, Any]
) -> None:
    """The loop over the window's rows; the vectors of sums are its phi nodes."""
    site, row_stride, plane_stride, n_rows = counts_of
    window = _load_window(builder, n_bands, gaussian, place)

    before = builder.block
    head = builder.append_basic_block("window_row")
    body = builder.append_basic_block("window_row_body")
    after = builder.append_basic_block("window_end")
    builder.branch(head)

    builder.position_at_end(head)
    row_number, row_site, row = builder.phi(_I64), builder.phi(_I64), builder.phi(_F32)
    totals = [builder.phi(_VECTOR) for _ in range(2 + n_bands)]  # weight, rows, bands
    row_number.add_incoming(_I64(0), before)
    row_site.add_incoming(site, before)
    row.add_incoming(window.first_row, before)
    for total in totals:
        total.add_incoming(_all(0.0), before)
    builder.cbranch(builder.icmp_signed("<", row_number, n_rows), body, after)

    builder.position_at_end(body)
    additions = _emit_row(builder, window, gaussian, values, row, row_site, plane_stride)
    for total, addition in zip(totals, additions, strict=True):
        total.add_incoming(builder.fadd(total, addition), body)
    row_number.add_incoming(builder.add(row_number, _I64(1)), body)
    row_site.add_incoming(builder.add(row_site, row_stride), body)
    row.add_incoming(builder.fadd(row, _F32(1.0)), body)
    builder.branch(head)

    builder.position_at_end(after)
    in_columns = builder.fmul(totals[0], window.columns)
    for index, vector in enumerate([totals[0], totals[1], in_columns, *totals[2:]]):
        pointer = builder.gep(sums, [_I64(index)])
        builder.store(builder.fadd(builder.load(pointer), _fold(builder, vector)), pointer)


def _typed(gaussian: bool, bands: Any, planes: Any, place: Any, sums: Any) -> Any:
    """Signature and code of one of the two intrinsics."""
    integer = types.int64
    signature = types.void(bands, planes, integer, integer, integer, integer, place, sums)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def data(index: int) -> Any:
            return context.make_array(signature.args[index])(context, builder, arguments[index]).data

        n_bands = len(signature.args[0])
        _emit_window_sums(builder, n_bands, gaussian, data(1), data(6), data(7), tuple(arguments[2:6]))
        return context.get_dummy_value()

    return signature, codegen


def _uniform(
    typing_context: Any, bands: Any, planes: Any, site: Any,
    row_stride: Any, plane_stride: Any, n_rows: Any, place: Any, sums: Any,
) -> Any:  # fmt: skip
    """Add one strip of a window to `sums`: count and sums of the samples within both radii.

    Called as `add_window_sums(bands, planes, site, row_stride, plane_stride, n_rows, place, sums)`:

    bands: tuple with one item per band; only its length counts (the compiler must know it).
    planes: flat float32 array of the image, plane after plane; `site` indexes the strip's first sample in plane 0.
    row_stride, plane_stride: items from one row, one plane, to the next; n_rows: rows of the strip.
    place: float32 (first row, first column, centre row, centre column, squared spatial radius, squared range radius,
        weight of band 0 in the squared distance, then the centre's value in every band).
    sums: float32 (count, rows, columns, then every band), added to.
    """
    return _typed(False, bands, planes, place, sums)


def _gaussian(
    typing_context: Any, bands: Any, planes: Any, site: Any,
    row_stride: Any, plane_stride: Any, n_rows: Any, place: Any, sums: Any,
) -> Any:  # fmt: skip
    """`add_window_sums` with the Gaussian weight of every sample."""
    return _typed(True, bands, planes, place, sums)


add_window_sums: Any = intrinsic(_uniform)
add_gaussian_window_sums: Any = intrinsic(_gaussian)
