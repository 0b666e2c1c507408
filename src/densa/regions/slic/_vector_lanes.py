"""The inner loop of SLIC as vector instructions, written out because LLVM does not vectorise it by itself.

Generic LLVM vector operations: the compiler lowers them to those of the processor (AVX-512, AVX2, SSE, NEON).
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LANES = 8  # pixels of one vector


@intrinsic
def nearest_of_nine(typingctx, planes, starts, plane_step, positions, position, row, table, codes, winner, place):  # type: ignore[no-untyped-def]
    """Best of nine candidates for LANES pixels of three bands; ties go to the first.

    planes: int16, read from the element `starts` on, and one and two `plane_step` further; positions: float32, read
    from `position` on; row: float32; table (9, 6) float32: offset, then slopes by band, column and row; codes (9,)
    int32: the values written to the int32 array `winner` from `place` on. Bounds are not checked.
    """
    if not isinstance(planes, types.Array):
        return None
    signature = types.void(planes, starts, plane_step, positions, position, row, table, codes, winner, place)

    def build(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        def data(i):  # type: ignore[no-untyped-def]
            return context.make_array(signature.args[i])(context, builder, arguments[i]).data

        def wide(pointer, element):  # type: ignore[no-untyped-def]
            vector = ir.VectorType(element, LANES)
            load = builder.load(builder.bitcast(pointer, vector.as_pointer()))
            load.align = element.width // 8 if isinstance(element, ir.IntType) else 4
            return load

        def splat(value):  # type: ignore[no-untyped-def]
            vector = ir.VectorType(value.type, LANES)
            one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
            return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)

        def element(pointer, index):  # type: ignore[no-untyped-def]
            return splat(builder.load(builder.gep(pointer, [ir.Constant(ir.IntType(64), index)])))

        _, start, step, _, at, y, *_, place = arguments
        floats = ir.VectorType(ir.FloatType(), LANES)
        features = []
        for band in range(3):
            offset = builder.add(start, builder.mul(step, ir.Constant(step.type, band)))
            features.append(builder.sitofp(wide(builder.gep(data(0), [offset]), ir.IntType(16)), floats))
        features += [wide(builder.gep(data(3), [at]), ir.FloatType()), splat(y)]
        table, codes = data(6), data(7)
        for o in range(9):
            score = element(table, 6 * o)
            for i, feature in enumerate(features):
                product = builder.fmul(feature, element(table, 6 * o + 1 + i), flags=("contract",))
                score = builder.fadd(score, product, flags=("contract",))
            code = element(codes, o)
            if o == 0:
                best, best_code = score, code
            else:
                nearer = builder.fcmp_ordered("<", score, best)
                best = builder.select(nearer, score, best)
                best_code = builder.select(nearer, code, best_code)
        out = builder.gep(data(8), [place])
        builder.store(best_code, builder.bitcast(out, best_code.type.as_pointer()), align=4)
        return context.get_dummy_value()

    return signature, build
