"""The names of the package."""

from types import ModuleType

import pytest

from densa import regions


@pytest.mark.parametrize("name", regions.__all__)
def test_a_name_is_what_it_says_and_no_module(name):
    """`slic` is a function and a file; the function must win, whatever was imported first."""
    assert not isinstance(getattr(regions, name), ModuleType)


def test_names_are_listed_once():
    assert len(set(regions.__all__)) == len(regions.__all__)
