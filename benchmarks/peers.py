"""densa beside every peer that does the same: processor time, wall time, memory, and what the results have in common.

    python benchmarks/peers.py [--rows slic watershed ...] [--size MEGAPIXELS] [--small] [--rounds 3] [--calls 5]
        [--first] [--busy] [--quality IMAGES] [--output FILE]

Every measurement is a process of its own that makes the case (not measured), calls once (compiling and loading, not
measured), then calls up to `--calls` times within some seconds and gives its medians. The contenders take turns, round
by round, and the median of the rounds is shown, so that a machine that others use treats all alike; processor seconds
are over all threads. Memory is what a call adds at its peak to what the process held before it. A peer that is not
installed, or fails, is in the table with the reason.

`--first` adds first calls of densa with an empty folder of kernels (what compiling costs), `--busy` calls while
two others compute. `--quality` scores superpixels on images of BSDS500, which DENSA_REALDATA must hold.
Peers: pip install fast-slic opencv-contrib-python-headless SimpleITK pydensecrf2 connected-components-3d scikit-image
scikit-learn pyamg monai higra diplib.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from machine import load, machine
from peer_tasks import SLIC, TASKS, Task, bsds_images, bsds_scores

from densa.engine.resources.memory import peak_bytes, reset_peak, resident_bytes

LONGEST = 4.0  # seconds of calls in one process, after which no further call is made
NOTHING_SAID = "ended without a result"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--size", type=float, nargs="+", help="megapixels, in place of the default sizes")
    parser.add_argument("--small", action="store_true", help="the smallest size of each task only")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=5, help="calls of one process, after the first")
    parser.add_argument("--first", action="store_true", help="first calls as well")
    parser.add_argument("--busy", action="store_true", help="calls beside two busy processes as well")
    parser.add_argument("--quality", type=int, default=0, help="images of BSDS500")
    parser.add_argument("--timeout", type=float, default=300, help="seconds of one process")
    parser.add_argument("--output", type=Path, help="file of the tables, written anew")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        one(*json.loads(arguments.one))
        return
    lines: list[str] = []

    def say(line: str) -> None:
        print(line, flush=True)
        lines.append(line)
        if arguments.output:
            arguments.output.write_text("\n".join(lines) + "\n", encoding="utf-8")

    say(f"# Peers\n\n`python benchmarks/peers.py {' '.join(sys.argv[1:])}`; {time.strftime('%d %B %Y')}\n")
    say(f"Machine: {machine()}.\n")
    for line in tables(arguments):
        say(line)


def tables(arguments: argparse.Namespace) -> Iterator[str]:
    """Lines of all tables that were asked for."""
    yield "| task | Mpx | program | processor s | of densa's | wall s | added MB | result | load |"
    yield "| --- | ---: | --- | ---: | ---: | ---: | ---: | --- | ---: |"
    for name in arguments.rows:
        for size in arguments.size or TASKS[name].sizes[: 1 if arguments.small else None]:
            yield from compared(TASKS[name], size, arguments)
    if arguments.busy:
        heads = "| task | Mpx | wall s, alone | wall s, beside two | processor s, alone | beside two |"
        yield from smallest_sizes("Beside two busy processes", heads, beside_others, arguments)
    if arguments.first:
        heads = "| task | Mpx | processor s | wall s | the next process: processor s |"
        yield from smallest_sizes("First calls, no kernel compiled before", heads, first_call, arguments)
    if arguments.quality:
        yield from quality(arguments.quality)


def smallest_sizes(
    title: str, heads: str, row: Callable[[Task, float, argparse.Namespace], str], arguments: argparse.Namespace
) -> Iterator[str]:
    """Lines of a table with a row for each task, at its smallest size."""
    yield f"\n## {title}\n"
    yield heads
    yield "| --- " + "| ---: " * (heads.count("|") - 2) + "|"
    for name in arguments.rows:
        yield row(TASKS[name], (arguments.size or TASKS[name].sizes)[0], arguments)


def compared(task: Task, size: float, arguments: argparse.Namespace) -> Iterator[str]:
    """Rows of a task at a size."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in task.contenders}
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as temporary:
        files = {name: Path(temporary, f"{i}.npy") for i, name in enumerate(task.contenders)}
        for _ in range(arguments.rounds):
            for name in task.contenders:
                if name not in failed:
                    result = child(task, name, size, arguments.calls, arguments.timeout, file=files[name])
                    if "error" in result:
                        failed[name] = result["error"]
                    else:
                        found[name].append(result)
        best = next(iter(found))
        reference = np.load(files[best], allow_pickle=False) if files[best].exists() else None
        base = middle(found[best], "cpu") if found[best] else float("nan")
        for name in task.contenders:
            if name in failed:
                yield f"| {task.title} | {size:g} | {name} | | | | | {failed[name]} | |"
                continue
            said = ""
            if files[name].exists():
                result = np.load(files[name], allow_pickle=False)
                said = task.score(result, result if reference is None else reference)
            cpu, wall = middle(found[name], "cpu"), middle(found[name], "wall")
            memory = middle(found[name], "added")
            yield (
                f"| {task.title} | {size:g} | {name} | {cpu:.4g} | {cpu / base:.2f} | {wall:.4g} | {memory:.0f} | "
                f"{said} | {load()} |"
            )


def middle(results: list[dict[str, float]], key: str) -> float:
    return statistics.median(result[key] for result in results)


def child(
    task: Task, name: str, size: float, calls: int, timeout: float, *, file: Path | None = None, **environment: str
) -> dict[str, Any]:
    """What `one` measures, in a process of its own."""
    case = json.dumps([task.name, name, size, calls, str(file or "")])
    command = [sys.executable, str(Path(__file__).resolve()), "--one", case]
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=timeout, env={**os.environ, **environment}
        )
    except subprocess.TimeoutExpired:
        return {"error": f"longer than {timeout:g} s"}
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        reason = done.stderr.strip().splitlines()[-1:] or [NOTHING_SAID]
        return {"error": reason[0][:120].replace("|", "/")}
    result: dict[str, Any] = json.loads(lines[-1])
    return result


def one(row: str, name: str, size: float, calls: int, file: str) -> None:
    """Print the medians of a contender's calls in this process, and write its result."""
    task = TASKS[row]
    contender = task.contenders[name]
    case = task.make(size)
    if calls == 0:  # the first call is measured, without the import of its package
        import densa.regions  # noqa: F401
    used, begun = time.process_time(), time.perf_counter()
    found = contender(case)
    times = [(time.process_time() - used, time.perf_counter() - begun)]
    added, ends = 0.0, time.perf_counter() + LONGEST
    for i in range(calls):
        del found
        if i == 0:
            times = []
            before = begin_peak()
        used, begun = time.process_time(), time.perf_counter()
        found = contender(case)
        times.append((time.process_time() - used, time.perf_counter() - begun))
        if i == 0:
            added = peak_bytes() / 1e6 - before
        if time.perf_counter() > ends:
            break
    cpu, wall = (statistics.median(column) for column in zip(*times, strict=True))
    if file and isinstance(found, np.ndarray):
        np.save(file, found)
    print(json.dumps({"cpu": cpu, "wall": wall, "added": added}))


def begin_peak() -> float:
    """MB that this process holds now, free memory given back; `peak_bytes` counts from here on."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
    reset_peak()
    return resident_bytes() / 1e6


@contextmanager
def busy(n: int) -> Iterator[None]:
    """Other processes that compute meanwhile."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def beside_others(task: Task, size: float, arguments: argparse.Namespace) -> str:
    alone, beside = [], []
    name = next(iter(task.contenders))
    for _ in range(arguments.rounds):
        alone.append(child(task, name, size, arguments.calls, arguments.timeout))
        with busy(2):
            beside.append(child(task, name, size, arguments.calls, arguments.timeout))
    for result in (*alone, *beside):
        if "error" in result:
            return f"| {task.title} | {size:g} | {result['error']} | | | |"
    figures = [middle(results, key) for key in ("wall", "cpu") for results in (alone, beside)]
    return f"| {task.title} | {size:g} | " + " | ".join(f"{figure:.4g}" for figure in figures) + " |"


def first_call(task: Task, size: float, arguments: argparse.Namespace) -> str:
    """A process that finds no kernels, and the next, which finds its."""
    name = next(iter(task.contenders))
    with tempfile.TemporaryDirectory() as folder:
        results = [child(task, name, size, 0, arguments.timeout, NUMBA_CACHE_DIR=folder) for _ in range(2)]
    if any("error" in result for result in results):
        return f"| {task.title} | {size:g} | {results[0].get('error') or results[1].get('error')} | | |"
    cold, warm = results
    return f"| {task.title} | {size:g} | {cold['cpu']:.2f} | {cold['wall']:.2f} | {warm['cpu']:.2f} |"


def quality(most: int) -> Iterator[str]:
    """Superpixels on BSDS500: densa beside the others that are installed."""
    n = len(bsds_images(most))
    if n == 0:
        yield "\nno bsds500 in DENSA_REALDATA: superpixels are not scored"
        return
    yield f"\n## Superpixels, {n} images of BSDS500 val\n"
    yield "| program | K | superpixels | boundary recall, 2 px | undersegmentation error | ASA |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for count in (100, 500, 1000):
        for name, contender in SLIC.items():
            try:
                found, recall, error, accuracy = bsds_scores(contender, count, most)
            except (ImportError, AttributeError) as missing:
                yield f"| {name} | {count} | {str(missing)[:80]} | | | |"
            else:
                yield f"| {name} | {count} | {found:.0f} | {recall:.4f} | {error:.4f} | {accuracy:.4f} |"


if __name__ == "__main__":
    main()
