"""The command line, called as a process would."""

import pytest


@pytest.fixture
def refused(run_cli, squares, tmp_path):
    """Train with some options; the one line that it says instead."""

    def refuse(*options, data=squares):
        code, _, err = run_cli("train", data, "-o", tmp_path / "refused", *options)
        assert code == 2, err
        assert err.startswith("densa: ")
        assert err.count("\n") == 1, err
        assert not (tmp_path / "refused").exists()
        return err

    return refuse
