"""Small maps of regions for hypothesis."""

import numpy as np
from hypothesis import strategies as st


@st.composite
def maps(draw):
    """(h, w) regions from 0 (none) to at most 9, some of them missing; and a generator for their features."""
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return rng.integers(0, draw(st.integers(1, 9)) + 1, (height, width)).astype(np.int32), rng
