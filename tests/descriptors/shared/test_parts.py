"""Parts of a stack."""

import pytest

from densa.descriptors.shared.parts import as_parts
from densa.errors import InputError


def test_parts_of_a_kind_become_a_tuple():
    assert as_parts(iter([1, 2]), int, "number") == (1, 2)
    assert as_parts([True], int, "number") == (True,)  # a subclass is of the kind


@pytest.mark.parametrize("parts", [(), ("a",), (1, "a")])
def test_other_parts_are_refused(parts):
    with pytest.raises(InputError, match="at least one number and nothing else, got"):
        as_parts(parts, int, "number")
