"""What a comparison refuses before anything is done."""

import pytest

import densa
from densa.errors import InputError


def test_unknown_options_are_refused(loose, tmp_path):
    with pytest.raises(InputError, match="there is no option tree; did you mean trees"):
        densa.compare(loose, ["pixel-forest"], output=tmp_path / "report", tree=3)
