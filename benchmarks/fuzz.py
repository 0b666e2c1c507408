"""Coverage-guided fuzzing of the files that densa reads, with atheris (`pip install atheris`).

python benchmarks/fuzz.py KIND [--minutes 5] [--timeout 10] [--folder fuzz]
python benchmarks/fuzz.py --list

KIND is a row of `tests/field/damage.py`, or several with commas between, one after another. A file that is neither
read nor refused in one line, takes more than 10 s or 1 GB ends the run; it is kept in FOLDER, as is the corpus, which
the next run continues.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from types import FunctionType

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.field.damage import KINDS, outcome


def functions() -> list[FunctionType]:
    """Functions and methods of densa that are imported; those that numba compiles are other objects."""
    found: list[FunctionType] = []
    for name, module in list(sys.modules.items()):
        if name == "densa" or name.startswith("densa."):
            for value in list(vars(module).values()):
                if isinstance(value, type) and value.__module__ == name:
                    found += [f for f in vars(value).values() if isinstance(f, FunctionType)]
                elif isinstance(value, FunctionType) and value.__module__ == name:
                    found.append(value)
    return found


def fuzz(name: str, folder: Path, minutes: float, timeout: int) -> None:
    """Fuzz one kind in this process, which libFuzzer ends."""
    import atheris

    kind = KINDS[name]
    (folder / "files").mkdir(parents=True, exist_ok=True)
    (folder / "corpus").mkdir(exist_ok=True)
    path = kind.write(folder / "files")
    (folder / "corpus" / "whole").write_bytes(path.read_bytes())

    def one_input(data: bytes) -> None:
        path.write_bytes(data)
        if wrong := outcome(kind, path):
            raise AssertionError(wrong)

    kind.read(path)  # imports what reads it
    for function in functions():
        atheris.instrument_func(function)
    limits = [f"-max_total_time={60 * minutes:.0f}", f"-timeout={timeout}", "-rss_limit_mb=3000", "-max_len=65536"]
    atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={folder}/", str(folder / "corpus")], one_input)
    atheris.Fuzz()


def main() -> None:
    """Fuzz each kind in a process of its own, and say how each ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="?", default=",".join(KINDS))
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--timeout", type=int, default=10, help="s a file may take; more on a busy machine")
    parser.add_argument("--folder", type=Path, default=Path("fuzz"))
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.list:
        print("\n".join(KINDS))
        return
    names = options.kinds.split(",")
    if options.here:
        fuzz(names[0], options.folder / names[0], options.minutes, options.timeout)
        return
    shared = [
        "--minutes",
        str(options.minutes),
        "--timeout",
        str(options.timeout),
        "--folder",
        str(options.folder.resolve()),
        "--here",
    ]
    failed = 0
    for name in names:
        done = subprocess.run(
            [sys.executable, __file__, name, *shared], capture_output=True, text=True, errors="replace", check=False
        )
        log = (done.stdout + done.stderr).splitlines()
        runs = next((line for line in reversed(log) if "DONE" in line or "NEW" in line or "REDUCE" in line), "")
        print(f"{name}: {'ended as it should' if done.returncode == 0 else 'WRONG'}; {runs.strip()[:90]}", flush=True)
        if done.returncode:
            failed += 1
            print(os.linesep.join(log[-40:]))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
