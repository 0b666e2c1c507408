"""Tests of densa.training.loop.run_folder: a new run in the place of an old one."""

import pytest

from densa.errors import InputError
from densa.training.loop.run_folder import (
    CHECKPOINT,
    REPLACED,
    begins_again,
    begun,
    check_run_folder,
    forget_replaced,
)


@pytest.fixture
def old(tmp_path):
    """A folder with a run and a file of the user."""
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    for name in ("config.yaml", "model.json", "model.safetensors", CHECKPOINT, "notes.txt"):
        (folder / name).write_text(f"old {name}")
    return folder


def contents(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_holds_one_run(old):
    before = contents(old)
    with pytest.raises(InputError, match=r"holds a run already \(config.yaml\).*resume=True or"):
        check_run_folder(old, overwrite=False)
    check_run_folder(old, overwrite=True)
    check_run_folder(old.parent / "new", overwrite=False)
    with pytest.raises(InputError, match="is a file"):
        check_run_folder(old / "notes.txt", overwrite=True)
    assert contents(old) == before


def test_the_old_run_goes_when_the_new_one_has_a_model(old):
    before = contents(old)
    with begun(old):
        assert contents(old / REPLACED).items() == (before.items() - {("notes.txt", "old notes.txt")})
        (old / "model.json").write_text("new")
        forget_replaced(old)
    assert contents(old) == {"model.json": "new", "notes.txt": "old notes.txt"}


def failing(folder, *written):
    """A new run that fails after some files."""
    with begun(folder):
        for name in written:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text("new")
        raise OSError("full")


def test_the_old_run_comes_back_where_the_new_one_has_nothing(old):
    before = contents(old)
    with pytest.raises(OSError, match="full"):
        failing(old, "config.yaml")
    assert contents(old) == before


def test_a_new_run_that_fails_can_begin_again(tmp_path):
    new = tmp_path / "new"
    with pytest.raises(OSError, match="full"):
        failing(new)
    assert not new.exists()
    with pytest.raises(OSError, match="full"):
        failing(new, "config.yaml")
    assert begins_again(new, say=False)


def test_a_run_with_a_checkpoint_stays_and_the_old_one_beside_it(old):
    before = contents(old)
    with pytest.raises(OSError, match="full"):
        failing(old, CHECKPOINT)
    assert (old / CHECKPOINT).read_text() == "new"
    # The next one replaces the run without a model; the one with a model is kept until there is another.
    with pytest.raises(OSError, match="full"):
        failing(old)
    assert contents(old) == before


def test_a_run_that_was_half_moved_away_is_found_again(old):
    before = contents(old)
    half = old / f"{REPLACED}.partial"
    half.mkdir()
    (old / "config.yaml").rename(half / "config.yaml")
    with pytest.raises(InputError, match="holds a run already"):
        check_run_folder(old, overwrite=False)
    with begun(old):
        assert (old / REPLACED / "config.yaml").read_text() == "old config.yaml"
        assert (old / REPLACED / "model.json").read_text() == "old model.json"
    with pytest.raises(OSError, match="full"):
        failing(old)
    assert contents(old) == before


def test_a_run_without_a_checkpoint_begins_again(tmp_path, capsys):
    assert not begins_again(tmp_path, say=True)
    (tmp_path / "config.yaml").write_text("")
    assert begins_again(tmp_path, say=True)
    assert "begins again" in capsys.readouterr().err
    (tmp_path / "model.json").write_text("")
    assert not begins_again(tmp_path, say=True)
