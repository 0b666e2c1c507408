"""The assignment with rows that may stay alone: same cost as a dense solver's."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from densa.metrics._sparse_assignment import assign


@settings(max_examples=200, deadline=None)  # the first call compiles
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_cost_equals_a_dense_solvers(n_rows: int, n_columns: int, alone: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    joined = rng.random((n_rows, n_columns)) < rng.random()
    joined[np.arange(n_rows), rng.integers(n_columns, size=n_rows)] = True  # every row may take some column
    costs = rng.integers(0, alone, (n_rows, n_columns))
    starts = np.concatenate([[0], np.cumsum(joined.sum(axis=1))])
    column_of = np.empty(n_rows, np.int64)
    assign(starts, np.nonzero(joined)[1], costs[joined], alone, n_columns, column_of)
    rows = np.flatnonzero(column_of >= 0)
    assert joined[rows, column_of[rows]].all()
    assert len(set(column_of[rows])) == len(rows)
    cost = costs[rows, column_of[rows]].sum() + alone * (n_rows - len(rows))
    dense = np.full((n_rows, n_columns + n_rows), alone)
    dense[:, :n_columns][joined] = costs[joined]  # elsewhere a column costs as much as staying alone
    assert cost == dense[linear_sum_assignment(dense)].sum()
