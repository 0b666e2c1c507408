"""Kernels of the permutohedral lattice: from points to vertices, neighbours of vertices, and the filter of one plane.

A vertex is identified by a code, the sum of its coordinates times fixed multipliers. Codes are linear: a step along an
axis of the lattice adds a constant, so the vertices of a simplex and the neighbours of a vertex cost one addition each.
"""

# mypy: disable-error-code="no-untyped-def, call-arg, var-annotated, assignment"
# numba infers the types of kernels, and supplies the context argument of intrinsics that mypy reports as missing

import numpy as np
from numba import njit

_GOLDEN = -7046029254386353131  # 2^64 / golden ratio, as a signed integer: distributes codes over the table


@njit(nogil=True, cache=True)
def _find(code, codes, table, n):
    """Number of a code: its entry, or `n` for a new code, which is entered; open addressing."""
    mask = table.size - 1
    place = ((code * _GOLDEN) >> 32) & mask
    while table[place] >= 0:
        if codes[table[place]] == code:
            return table[place]
        place = (place + 1) & mask
    table[place] = n
    return n


@njit(nogil=True, cache=True)
def _look_up(code, codes, table):
    """Number of a code, -1 if it is not in the table."""
    mask = table.size - 1
    place = ((code * _GOLDEN) >> 32) & mask
    while table[place] >= 0 and codes[table[place]] != code:
        place = (place + 1) & mask
    return table[place]


@njit(nogil=True, cache=True)
def _larger(codes, n, size):
    """A table of `size` places that holds the first `n` codes."""
    table = np.full(size, -1, np.int32)
    for i in range(n):
        _find(codes[i], codes[:i], table, i)
    return table


@njit(nogil=True, cache=True)
def _enclosing_simplex(point, scales, nearest, rank, weights):
    """Nearest vertex of remainder 0, ranks of the residuals and barycentric weights (Adams et al. 2010, section 3)."""
    d = point.size
    elevated = weights  # d + 2 elements, unused until the weights are known
    total = 0.0
    for j in range(d, 0, -1):
        c = point[j - 1] * scales[j - 1]
        elevated[j] = total - j * c
        total += c
    elevated[0] = total
    excess = 0
    for i in range(d + 1):
        k = np.int64(np.floor(elevated[i] / (d + 1) + 0.5))
        excess += k
        nearest[i] = k * (d + 1)
        elevated[i] -= nearest[i]  # now the residual
        rank[i] = 0
    for i in range(d):
        for j in range(i + 1, d + 1):
            below = np.int64(elevated[i] < elevated[j])
            rank[i] += below
            rank[j] += 1 - below
    for i in range(d + 1):  # back onto the hyperplane on which the coordinates sum to 0
        rank[i] += excess
        if rank[i] < 0:
            rank[i] += d + 1
            nearest[i] += d + 1
            elevated[i] -= d + 1
        elif rank[i] > d:
            rank[i] -= d + 1
            nearest[i] -= d + 1
            elevated[i] += d + 1


@njit(nogil=True, cache=True)
def _to_barycentric(residuals, rank, sorted_residuals, weights):
    """Barycentric weights of residuals: differences of neighbours in rank; `weights` is (d + 1,) float32."""
    d = rank.size - 1
    for i in range(d + 1):
        sorted_residuals[rank[i]] = residuals[i] / (d + 1)
    for r in range(1, d + 1):
        weights[r] = sorted_residuals[d - r] - sorted_residuals[d - r + 1]
    weights[0] = 1.0 - sorted_residuals[0] + sorted_residuals[d]


@njit(nogil=True, cache=True)
def embed(points, valid, starts, scales, multipliers, slots, weights, codes, counts, first_strip, end_strip):
    """Find the simplex of every point.

    Args:
        points: (n, d) float32 features in units of the kernel's width.
        valid: (n,) points to embed; the others are skipped.
        starts: (s + 1,) first point of each strip; each strip has its own numbers ("slots") of the vertices it touches.
        scales: (d,) see `permutohedral.axis_scales`.
        multipliers: (d + 1,) int64, the last 0.
        slots, weights: (n, d + 1) int32 and float32, filled.
        codes: (n * (d + 1),) int64, filled: the codes of a strip begin at its first point's position.
        counts: (s,) filled with the number of slots of each strip.
    """
    d = points.shape[1]
    step = multipliers.sum()
    for s in range(first_strip, end_strip):
        first = starts[s] * (d + 1)
        own = codes[first : starts[s + 1] * (d + 1)]
        table = np.full(4096, -1, np.int32)
        nearest, rank = np.empty(d + 1, np.int64), np.empty(d + 1, np.int64)
        residuals, by_rank = np.empty(d + 2), np.empty(d + 1)
        axis = np.empty(d + 1, np.int64)
        last_code, last_slot = np.zeros(d + 1, np.int64), np.full(d + 1, -1, np.int64)
        n = 0
        for p in range(starts[s], starts[s + 1]):
            if not valid[p]:
                continue
            _enclosing_simplex(points[p], scales, nearest, rank, residuals)
            _to_barycentric(residuals, rank, by_rank, weights[p])
            code = 0
            for i in range(d + 1):
                code += nearest[i] * multipliers[i]
                axis[rank[i]] = multipliers[i]
            for r in range(d + 1):
                if last_slot[r] < 0 or last_code[r] != code:
                    last_code[r], last_slot[r] = code, _find(code, own, table, n)
                    if last_slot[r] == n:
                        own[n] = code
                        n += 1
                        if 2 * n > table.size:
                            table = _larger(own, n, 4 * table.size)
                slots[p, r] = last_slot[r]
                code += step - (d + 1) * axis[d - r]  # from the vertex of remainder r to that of r + 1
        counts[s] = n


@njit(nogil=True, cache=True)
def merge(codes, starts, width, slot_starts, vertex_of_slot, vertex_codes):
    """Number the vertices of all strips together, from 1; returns the number of vertices and their hash table."""
    table = np.full(8192, -1, np.int32)
    n = 0
    for s in range(starts.size - 1):
        own = codes[starts[s] * width :]
        for i in range(slot_starts[s + 1] - slot_starts[s]):
            k = _find(own[i], vertex_codes, table, n)
            vertex_of_slot[slot_starts[s] + i] = k + 1
            if k == n:
                vertex_codes[n] = own[i]
                n += 1
                if 2 * n > table.size:
                    table = _larger(vertex_codes, n, 4 * table.size)
    return n, table


@njit(nogil=True, cache=True)
def group_slots(vertex_of_slot, first, members):
    """Slots of each vertex v: members[first[v] : first[v + 1]], in ascending order; `first` must hold zeros."""
    for v in vertex_of_slot:
        first[v + 1] += 1
    for v in range(1, first.size):
        first[v] += first[v - 1]
    place = first[:-1].copy()
    for slot in range(vertex_of_slot.size):
        v = vertex_of_slot[slot]
        members[place[v]] = slot
        place[v] += 1


@njit(nogil=True, cache=True)
def find_neighbours(vertex_codes, table, multipliers, neighbours, first, end):
    """The two neighbours of each vertex along each axis: neighbours (d + 1, m + 1, 2), which must hold zeros (none)."""
    total = multipliers.sum()
    for v in range(first, end):
        for axis in range(multipliers.size):
            step = multipliers.size * multipliers[axis] - total
            k = _look_up(vertex_codes[v] + step, vertex_codes, table)
            if k >= 0:  # each pair is found once and entered for both vertices
                neighbours[axis, v + 1, 0] = k + 1
                neighbours[axis, k + 1, 1] = v + 1


@njit(nogil=True, cache=True)
def filter_plane(values, valid, starts, slots, weights, slot_starts, vertex_of_slot, neighbours, share, out):
    """Splat, blur and slice one plane of values (n,) float32, times `share`, into `out`; 0 for points not valid."""
    n_axes, n_vertices, _ = neighbours.shape
    here, there = np.zeros(n_vertices), np.zeros(n_vertices)
    for s in range(starts.size - 1):
        vertices = vertex_of_slot[slot_starts[s] : slot_starts[s + 1]]
        for p in range(starts[s], starts[s + 1]):
            if valid[p]:
                for r in range(n_axes):
                    here[vertices[slots[p, r]]] += weights[p, r] * values[p]
    for axis in range(n_axes):
        for v in range(1, n_vertices):
            there[v] = here[v] + 0.5 * (here[neighbours[axis, v, 0]] + here[neighbours[axis, v, 1]])
        here, there = there, here
    for s in range(starts.size - 1):
        vertices = vertex_of_slot[slot_starts[s] : slot_starts[s + 1]]
        for p in range(starts[s], starts[s + 1]):
            value = 0.0
            if valid[p]:
                for r in range(n_axes):
                    value += weights[p, r] * here[vertices[slots[p, r]]]
            out[p] = share * value
