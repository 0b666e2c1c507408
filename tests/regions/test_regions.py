"""The package as a whole: its names, and the axioms of what its methods return."""

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from densa import regions

images = st.tuples(st.integers(2, 12), st.integers(2, 12), st.sampled_from([1, 3, 4])).flatmap(
    lambda s: st.tuples(arrays(np.uint8, s, elements=st.integers(0, 255)), arrays(np.bool_, s[:2]))
)


@pytest.mark.parametrize("name", regions.__all__)
def test_a_name_is_what_it_says_and_no_module(name):
    """`slic` is a function and a file; the function must win, whatever was imported first."""
    assert not isinstance(getattr(regions, name), ModuleType)


def test_names_are_listed_once():
    assert len(set(regions.__all__)) == len(regions.__all__)


@settings(max_examples=40, deadline=None)
@given(images, st.integers(1, 4))
def test_superpixels_satisfy_the_axioms_inside_the_mask(case, n):
    image, mask = case
    found = regions.slic(image, n, mask=mask)
    assert regions.check(image, found, mask=mask) == ()
    merged = regions.merge_by_predicate(regions.region_graph(image, found), regions.range_at_most(120))[found]
    assert regions.check(image, merged, mask=mask) == ()
    united = regions.check(image, merged, regions.range_at_most(120), mask=mask)
    assert not [v for v in united if v.axiom == "e"]
