"""What people ran into: consoles, limits and file systems that are not those of the developers."""

import ast
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import densa
from densa import cli, raster
from densa.cli.common import print_table
from densa.cli.ending import explained, heed_termination
from densa.engine.work import crew as crews
from densa.errors import InputError
from densa.shallow import read_strokes
from densa.training import Interrupted
from densa.training.loop.interruption import Interruption
from densa.verbs.tell import kept_run

SOURCE = Path(densa.__file__).parent
PHOTO = np.random.default_rng(0).integers(0, 255, (1, 24, 32)).astype(np.uint8)
posix = pytest.mark.skipif(os.name != "posix", reason="shells and signals of POSIX")


def command(*arguments):
    return [sys.executable, "-m", "densa", *map(str, arguments)]


def environment(**changes):
    return os.environ | {"PYTHONPATH": str(SOURCE.parent), "OMP_NUM_THREADS": "1"} | changes


# ------------------------------------------------------------------------------------------------------ consoles


@posix
@pytest.mark.parametrize(
    ("redirection", "code", "out", "err"),
    [
        ("| head -1; exit ${PIPESTATUS[0]}", 0, "slic", ""),
        (">/dev/full", 2, "", "No space left"),
        (">&-", 0, "", ""),
        (">&- 2>&- <&-", 0, "", ""),
    ],
)
def test_streams_that_are_closed_or_full(redirection, code, out, err):
    line = f'"{sys.executable}" -m densa models {redirection}'
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=environment(), check=False)
    assert (done.returncode, done.stdout.split(" ")[0].strip()) == (code, out)
    assert err in done.stderr
    assert done.stderr.count("\n") == bool(err)


@posix
def test_a_poor_console_no_home_and_warnings_as_errors(squares, tmp_path):
    """Accents and bytes that are no text in names, an ASCII console, no home, warnings of libraries as errors."""
    folder = tmp_path / "données"
    folder.mkdir()
    name = os.fsdecode(b"caf\xe9.png")
    Image.fromarray(PHOTO[0]).save(folder / name)
    files = ["-o", folder / "régions.tif", "--outline", folder / os.fsdecode(b"o\xe9.png"), "--json"]
    nowhere = str(tmp_path / "no home")
    poor = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONWARNINGS": "error"}
    homeless = {"HOME": nowhere, "XDG_CACHE_HOME": nowhere, "MPLCONFIGDIR": nowhere}
    done = subprocess.run(
        command("regions", folder / name, "--count", 4, *files),
        capture_output=True,
        env=environment(**poor, **homeless),
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout.decode("ascii"))["output"] == str(folder / "régions.tif")


def test_json_is_ascii(monkeypatch, capsys):
    from densa.cli.common import print_json

    print_json({"name": "café \udce9", "share": float("nan")})
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out) == {"name": "café \udce9", "share": None}


# --------------------------------------------------------------------------------------------------------- signals


@pytest.mark.parametrize("verb", [verb for verb in cli.VERBS if verb not in ("models", "info")])
def test_an_interruption_ends_every_verb_with_130(verb, monkeypatch, capsys, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("typer.core.TyperCommand.invoke", interrupted)
    monkeypatch.setattr("sys.argv", ["densa", verb, "--help-me-not"])
    monkeypatch.setattr("typer.core.TyperCommand.make_context", lambda self, *_, **__: _Context(self))
    assert cli.run() == 130
    err = capsys.readouterr().err
    assert "interrupted" in err
    assert ("--resume" in err) == (verb in ("predict", "regions"))
    assert ("the same command continues" in err) == (verb == "compare")


@posix
def test_sigterm_ends_a_verb_as_ctrl_c_does(monkeypatch, capsys):
    monkeypatch.setattr("typer.core.TyperCommand.invoke", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    monkeypatch.setattr("sys.argv", ["densa", "predict"])
    monkeypatch.setattr("typer.core.TyperCommand.make_context", lambda self, *_, **__: _Context(self))
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        heed_termination()
        assert cli.run() == 128 + signal.SIGTERM
    finally:
        signal.signal(signal.SIGTERM, before)
    assert "--resume continues" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("train", "in runs/u; --resume continues"),
        ("compare", "the same command continues"),
        ("demo", "--overwrite` begins again"),
    ],
)
def test_a_training_that_is_interrupted_in_any_verb_is_one_line(verb, words, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise Interrupted(Path("runs/u"), 3)

    monkeypatch.setattr("typer.core.TyperCommand.invoke", interrupted)
    monkeypatch.setattr("sys.argv", ["densa", verb])
    monkeypatch.setattr("typer.core.TyperCommand.make_context", lambda self, *_, **__: _Context(self))
    assert cli.run() == 130
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1


@posix
def test_a_long_step_that_is_waited_for_is_told(monkeypatch, capsys):
    monkeypatch.setattr(Interruption, "PATIENCE", 0.01)
    with Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGINT)
        end = time.monotonic() + 20
        err = ""
        while not err and time.monotonic() < end:
            time.sleep(0.01)
            err = capsys.readouterr().err
    assert interruption.requested
    assert "stopping after this step" in err


def test_a_training_interrupted_outside_its_steps_says_how_it_goes_on(tmp_path):
    for resumable, words in ((True, "resume=True continues"), (False, "train again")):
        (tmp_path / "config.yaml").write_text("")
        with pytest.raises(KeyboardInterrupt) as stop, kept_run(tmp_path, resumable=resumable):
            raise KeyboardInterrupt
        assert words in stop.value.__notes__[0]


class _Context:
    """A context of a command that was parsed."""

    def __init__(self, given):
        self.command = given

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


WORK = """
import os, sys, time
from densa.engine.work.crew import Crew, run_tiles
class Job:
    key, threads = "job", 0
    def open(self): return self
    def limit_threads(self): pass
    def read(self, number): return number
    def compute(self, tile):
        print(os.getpid(), flush=True)
        time.sleep(60)
    def pack(self, result): return b""
    def close(self): pass
if __name__ == "__main__":
    job = Job()
    try:
        for _ in run_tiles(Crew(2, "processes"), job, job, range(4), lambda *_: None):
            pass
    except KeyboardInterrupt:
        sys.exit(130)
"""


def begin_work(folder):
    """A process whose two workers compute; gives it and their numbers."""
    (folder / "work.py").write_text(WORK)
    begun = subprocess.Popen(
        [sys.executable, "work.py"],
        cwd=folder,
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    return begun, [int(begun.stdout.readline()) for _ in range(2)]


def is_alive(number):
    try:
        status = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    begun, workers = begin_work(tmp_path)
    assert all(map(is_alive, workers))
    begun.send_signal(signal.SIGKILL)
    begun.wait()
    end = time.monotonic() + 20
    while any(map(is_alive, workers)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(is_alive, workers))
    begun.stdout.close()
    begun.stderr.close()


@posix
def test_workers_end_at_once_when_the_command_is_interrupted(tmp_path):
    begun, workers = begin_work(tmp_path)
    begun.send_signal(signal.SIGINT)
    begun.communicate(timeout=300)  # the tiles would take a minute
    assert not any(map(is_alive, workers))


@posix
def test_workers_are_silent_when_a_terminal_interrupts_all(tmp_path):
    begun, _ = begin_work(tmp_path)
    os.killpg(begun.pid, signal.SIGINT)  # as a terminal does
    err = begun.communicate(timeout=300)[1]
    assert "Traceback" not in err


def test_without_shared_memory_processes_are_refused_in_one_line(monkeypatch):
    def no_semaphores(*_, **__):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(crews, "ProcessPoolExecutor", no_semaphores)
    with pytest.raises(InputError, match=r"/dev/shm.*executor=threads"):
        list(crews.run_tiles(crews.Crew(2, "processes"), None, None, [0], None))


# ---------------------------------------------------------------------------------------------------------- limits


@posix
@pytest.mark.parametrize("limit", ["-v 700000", "-n 7"])
def test_limits_are_one_line(tmp_path, limit):
    raster.write_bands(tmp_path / "a.tif", PHOTO)
    line = f'ulimit {limit}; "{sys.executable}" -m densa regions a.tif -o r.tif --count 4'
    done = subprocess.run(
        ["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, env=environment(), check=False, timeout=300
    )
    if done.returncode:  # a few files are enough in some versions
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert done.stderr.startswith("densa: ")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device", "map.tif"), "map.tif: No space left on device; free some space"),
        (OSError(27, "File too large"), "ulimit -f"),
        (OSError(24, "Too many open files", "x"), "ulimit -n"),
        (OSError(30, "Read-only file system", "x"), "read-only"),
        (PermissionError(13, "Permission denied", "x"), "x: Permission denied"),
        (OSError("no number"), "no number"),
        (MemoryError(), "memory ran out"),
        (RuntimeError("can't start new thread"), "a limit of this machine"),
        (ImportError("libtorch.so: failed to map segment from shared object"), "a limit of this machine"),
        (ValueError("a defect"), None),
        (RuntimeError("a defect"), None),
    ],
)
def test_what_is_no_defect_is_one_line(error, words):
    line = explained(error)
    assert line is None if words is None else words in line


def test_predictions_keep_within_scarce_memory_that_nobody_named(run_cli, trained, tmp_path, monkeypatch):
    """By a container or `ulimit -v`; what cannot be predicted is refused before the work."""
    from densa.engine.resources import budget
    from densa.engine.resources.memory import resident_bytes

    image = tmp_path / "a.tif"
    raster.write_bands(image, np.random.default_rng(0).integers(0, 255, (1, 700, 720)).astype(np.uint8))
    words = ("predict", trained, image, "--device", "cpu", "--precision", "float32", "-o")
    limit = [0.0]
    monkeypatch.setattr(budget, "memory_bytes", lambda: int((resident_bytes() + limit[0]) / 0.75))
    limit[0] = 4e9
    code, _, err = run_cli(*words, tmp_path / "enough.tif")
    assert (code, "memory" in err) == (0, False), err
    limit[0] = -1e8
    code, _, err = run_cli(*words, tmp_path / "little.tif")
    assert (code, err.count("\n")) == (2, 1), err
    assert "the least is" in err
    assert "--memory" in err
    code, _, err = run_cli(*words, tmp_path / "given.tif", "--memory", "20GB")
    assert code == 0, err


# ------------------------------------------------------------------------------------------------- folders and clocks


@pytest.mark.parametrize("kind", ["tif", "png", "jpg"])
def test_a_raster_is_read_after_a_change_of_folder(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    if kind == "tif":
        raster.write_bands("a.tif", PHOTO)
    else:
        Image.fromarray(PHOTO[0]).save(f"a.{kind}")
    (tmp_path / "other").mkdir()
    with raster.open(f"a.{kind}") as image:
        monkeypatch.chdir(tmp_path / "other")
        assert image.read()[0].shape == (1, 24, 32)
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as other:  # which opens the file anew
            assert other.submit(image.read).result()[0].shape == (1, 24, 32)


def test_durations_do_not_follow_the_wall_clock():
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in ("time.time", "time.time_ns"), f"{path}:{node.lineno}"


# ------------------------------------------------------------------------------------------------------------ words


def test_what_is_empty_is_not_shown(capsys):
    print_table({"images": {"train": 4, "val": 2}, "steps": None, "notes": [], "input": {"w": [None, None], "n": 3}})
    assert capsys.readouterr().out.split("\n") == [f"{'images':<18} train 4, val 2", f"{'input':<18} n 3", ""]


def test_the_form_of_strokes_is_told(tmp_path):
    (tmp_path / "s.json").write_text('{"strokes": []}')
    with pytest.raises(InputError, match=r'"strokes": \[\{"class": "road", "points"'):
        read_strokes(tmp_path / "s.json")
