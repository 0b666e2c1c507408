"""Progress in a notebook, without ipywidgets; IPython is faked."""

import sys
import types
import warnings

import pytest

from densa.progress import NotebookLine, ProgressLines, in_notebook, progress_bar


@pytest.fixture
def notebook(monkeypatch):
    """A kernel; gives the texts that its cell has shown, the one that is seen now last."""
    shown = []

    class Handle:
        def update(self, content, *, raw):
            assert raw
            shown.append(content["text/plain"])

    ipython, display = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    display.display = lambda content, *, raw, display_id: Handle()
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setattr(NotebookLine, "_PAUSE", 0.0)
    return shown


def test_a_line_is_replaced_and_cleared(notebook, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with progress_bar("images", then="trees") as show:
            show(1, 4)
            show(3, 4)
            show(4, 4)
    assert notebook == ["images: 25%", "images: 75%", "trees", ""]
    assert capsys.readouterr() == ("", "")


def test_an_error_clears_the_line_too(notebook):
    def interrupted():
        with progress_bar("images") as show:
            show(1, 4)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert notebook == ["images: 25%", ""]


def test_lines_that_follow_at_once_are_left_out_but_not_the_last(notebook, monkeypatch):
    monkeypatch.setattr(NotebookLine, "_PAUSE", 1e9)
    with progress_bar("images") as show:
        for done in range(1, 5):
            show(done, 4)
    assert notebook == ["images: 25%", "images: 100%", ""]


def test_nothing_is_drawn_where_it_is_unwanted_or_no_notebook(notebook, monkeypatch, capsys):
    with progress_bar("images", shown=False) as show:
        show(1, 4)
    assert notebook == []
    for shell in (None, types.SimpleNamespace()):  # IPython imported by a program; its terminal, which has no kernel
        monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda shell=shell: shell)
        assert not in_notebook()
    monkeypatch.delitem(sys.modules, "IPython")
    assert not in_notebook()
    with progress_bar("images") as show:
        show(1, 4)
    assert capsys.readouterr() == ("", "")


def test_training_shows_a_line_too(notebook, tmp_path, capsys):
    from densa.training.loop.run_log import RunLog

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with RunLog(tmp_path) as log:
            log.show(0.5, step=3, loss=0.25, images_per_second=12)
            log.say("step 3: [found]")
    assert notebook == ["training: 50%, step 3, loss 0.2500, 12.0 images/s"]
    assert capsys.readouterr() == ("", "step 3: [found]\n")


def test_without_a_terminal_a_line_comes_every_while(monkeypatch, capsys):
    """Also while no step is finished, and with the time that is left once some are."""
    monkeypatch.setattr(ProgressLines, "PAUSE", 0.02)
    said = ""
    with progress_bar("scene.tif", then="files") as show:
        while said.count("scene.tif: 0%") < 2:
            said += capsys.readouterr().err
        show(1, 4)
        while "scene.tif: 25%" not in said:
            said += capsys.readouterr().err
        show(4, 4)
        while "files: 100%" not in said:
            said += capsys.readouterr().err
    assert all(line.startswith("densa: ") for line in said.splitlines())
    line = next(line for line in said.splitlines() if "25%" in line)
    assert " left" in line


def test_a_quick_computation_says_nothing(capsys):
    with progress_bar("scene.tif") as show:
        show(1, 4)
    assert capsys.readouterr() == ("", "")


def test_a_line_says_at_most_all():
    lines = ProgressLines("training")
    lines.show(1.013, "step 9")
    assert lines.line() == "training: 100% after 0 s, step 9"
