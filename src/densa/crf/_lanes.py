"""Vectors of classes: `width` neighbouring float32 in registers, a form that LLVM's vectoriser does not find by itself.

Plain LLVM vector operations: the compiler maps them to the instructions of the processor (AVX-512, AVX2, SSE, NEON).
The width is part of the type, given as a tuple of that length (`(0,) * 24`), so each width compiles its own kernel.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

__all__ = ["WIDTHS", "exp_below", "fill", "largest", "load", "multiply", "plus_product", "scale", "store", "total"]

WIDTHS = (4, 8, 16, 24, 32)  # more classes take several vectors of 32

_FLOAT, _INT = ir.FloatType(), ir.IntType(32)
_FLAGS = ("contract",)  # product and sum may be fused into one instruction


class Lanes(types.Type):
    """A vector of `width` float32."""

    def __init__(self, width: int) -> None:
        self.width = width
        super().__init__(name=f"Lanes({width})")


def _parts(width: int) -> list[int]:
    """Powers of two that sum to `width`: LLVM splits other vectors wherever they cross a branch."""
    return [16] * (width // 16) + [part for part in (8, 4) if width & part]


@register_model(Lanes)
class _LanesModel(models.StructModel):
    def __init__(self, manager: Any, lanes: Lanes) -> None:
        members = [(f"part{i}", _Part(part)) for i, part in enumerate(_parts(lanes.width))]
        super().__init__(manager, lanes, members)


class _Part(types.Type):
    """One machine vector of a `Lanes`."""

    def __init__(self, width: int) -> None:
        self.width = width
        super().__init__(name=f"Part({width})")


@register_model(_Part)
class _PartModel(models.PrimitiveModel):
    def __init__(self, manager: Any, part: _Part) -> None:
        super().__init__(manager, part, ir.VectorType(_FLOAT, part.width))


def _take(builder: Any, lanes: Any) -> list[Any]:
    """The vectors of a `Lanes` value."""
    return [builder.extract_value(lanes, i) for i in range(len(lanes.type.elements))]


def _put(context: Any, builder: Any, lanes: Lanes, parts: list[Any]) -> Any:
    """A `Lanes` value made of vectors."""
    value = ir.Constant(context.get_value_type(lanes), ir.Undefined)
    for i, part in enumerate(parts):
        value = builder.insert_value(value, part, i)
    return value


def _constant(vector: Any, value: float) -> Any:
    return ir.Constant(vector, [value] * vector.count)


def _spread(builder: Any, value: Any, width: int) -> Any:
    """A scalar in all lanes."""
    vector = ir.VectorType(value.type, width)
    undefined = ir.Constant(vector, ir.Undefined)
    one = builder.insert_element(undefined, value, ir.Constant(_INT, 0))
    return builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(_INT, width), [0] * width))


def _places(context: Any, builder: Any, array_type: Any, array: Any, offset: Any, width: int) -> list[Any]:
    """Pointers to the vectors of the row at `offset`."""
    pointer = builder.gep(context.make_array(array_type)(context, builder, array).data, [offset])
    places = []
    for part in _parts(width):
        places.append(builder.bitcast(pointer, ir.VectorType(_FLOAT, part).as_pointer()))
        pointer = builder.gep(pointer, [ir.Constant(ir.IntType(64), part)])
    return places


def _fold(builder: Any, vectors: list[Any], combine: Any) -> Any:
    """All lanes combined, in a tree whose shape is fixed."""

    def half(source: Any, second: bool) -> Any:
        count = source.type.count // 2
        lanes = ir.Constant(ir.VectorType(_INT, count), [count * second + i for i in range(count)])
        return builder.shuffle_vector(source, ir.Constant(source.type, ir.Undefined), lanes)

    folded = vectors[0]
    for vector in vectors[1:]:
        while folded.type.count > vector.type.count:
            folded = combine(half(folded, False), half(folded, True))
        folded = combine(folded, vector)
    while folded.type.count > 1:
        folded = combine(half(folded, False), half(folded, True))
    return builder.extract_element(folded, ir.Constant(_INT, 0))


def _by_part(lanes: Lanes, operation: Any, *arguments: Any) -> Any:
    """Signature and builder of a lane-by-lane operation; scalar arguments are broadcast."""

    def build(context, builder, signature, values):  # type: ignore[no-untyped-def]
        columns = []
        for kind, value in zip(signature.args, values, strict=True):
            if isinstance(kind, Lanes):
                columns.append(_take(builder, value))
            else:
                columns.append([_spread(builder, value, part) for part in _parts(lanes.width)])
        return _put(context, builder, lanes, [operation(builder, *row) for row in zip(*columns, strict=True)])

    return lanes(*arguments), build


@intrinsic
def fill(typingctx, value, width):  # type: ignore[no-untyped-def]
    """The scalar `value` in every lane."""
    lanes = Lanes(len(width))

    def build(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        parts = [_spread(builder, arguments[0], part) for part in _parts(lanes.width)]
        return _put(context, builder, lanes, parts)

    return lanes(types.float32, width), build


@intrinsic
def load(typingctx, array, offset, width):  # type: ignore[no-untyped-def]
    """The lanes of a C-contiguous float32 array from element `offset` on, without bounds check."""
    lanes = Lanes(len(width))

    def build(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        places = _places(context, builder, signature.args[0], arguments[0], arguments[1], lanes.width)
        return _put(context, builder, lanes, [builder.load(place, align=4) for place in places])

    return lanes(array, types.intp, width), build


@intrinsic
def store(typingctx, array, offset, lanes):  # type: ignore[no-untyped-def]
    """Write lanes into a C-contiguous float32 array from element `offset` on, without bounds check."""

    def build(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        places = _places(context, builder, signature.args[0], arguments[0], arguments[1], lanes.width)
        for place, part in zip(places, _take(builder, arguments[2]), strict=True):
            builder.store(part, place, align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), build


def _sum(builder: Any, a: Any, b: Any) -> Any:
    return builder.fadd(a, b, flags=_FLAGS)


def _product(builder: Any, a: Any, b: Any) -> Any:
    return builder.fmul(a, b, flags=_FLAGS)


@intrinsic
def multiply(typingctx, a, b):  # type: ignore[no-untyped-def]
    """a * b, lane by lane."""
    return _by_part(a, _product, a, b)


@intrinsic
def scale(typingctx, a, factor):  # type: ignore[no-untyped-def]
    """a times the scalar `factor`."""
    return _by_part(a, _product, a, types.float32)


@intrinsic
def plus_product(typingctx, a, b, factor):  # type: ignore[no-untyped-def]
    """a + b times the scalar `factor`."""
    return _by_part(a, lambda builder, x, y, z: _sum(builder, x, _product(builder, y, z)), a, a, types.float32)


@intrinsic
def largest(typingctx, a):  # type: ignore[no-untyped-def]
    """Largest lane."""

    def build(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        parts = _take(builder, arguments[0])
        return _fold(builder, parts, lambda x, y: builder.select(builder.fcmp_ordered(">", x, y), x, y))

    return types.float32(a), build


@intrinsic
def total(typingctx, a):  # type: ignore[no-untyped-def]
    """Sum of the lanes."""

    def build(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return _fold(builder, _take(builder, arguments[0]), builder.fadd)

    return types.float32(a), build


# exp(x) = 2^n exp(r) with |r| <= ln(2)/2 and the polynomial of Cephes' expf; relative error 3e-7
_POLYNOMIAL = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
_ROUNDING = 12582912.0  # 1.5 * 2^23: adding it rounds to an integer, held in the low bits
_LOWEST = -60.0  # 9e-27 and less becomes 0, which avoids slow denormal numbers


def _exp_below(builder: Any, a: Any, top: Any) -> Any:
    vector = a.type
    integers = ir.VectorType(_INT, vector.count)
    x = builder.fsub(a, top)
    kept = builder.fcmp_ordered(">", x, _constant(vector, _LOWEST))
    x = builder.select(kept, x, _constant(vector, _LOWEST))
    shifted = builder.fadd(builder.fmul(x, _constant(vector, 1.44269504088896341)), _constant(vector, _ROUNDING))
    n = builder.fsub(shifted, _constant(vector, _ROUNDING))
    for part in (-0.693359375, 2.12194440e-4):  # ln 2 in two parts, so that the remainder is exact
        x = _sum(builder, x, _product(builder, n, _constant(vector, part)))
    y = _constant(vector, _POLYNOMIAL[0])
    for coefficient in _POLYNOMIAL[1:]:
        y = _sum(builder, _product(builder, y, x), _constant(vector, coefficient))
    y = _sum(builder, _product(builder, y, _product(builder, x, x)), x)
    y = _sum(builder, y, _constant(vector, 1.0))
    bits = builder.shl(builder.bitcast(shifted, integers), ir.Constant(integers, [23] * vector.count))
    power = builder.bitcast(builder.add(bits, ir.Constant(integers, [0x3F800000] * vector.count)), vector)
    return builder.select(kept, builder.fmul(y, power), _constant(vector, 0.0))


@intrinsic
def exp_below(typingctx, a, top):  # type: ignore[no-untyped-def]
    """exp(a - top) for a <= top, with a relative error of 3e-7; 0 below exp(-60)."""
    return _by_part(a, _exp_below, a, types.float32)
