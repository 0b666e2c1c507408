"""Times normalized cuts of region graphs of up to a million regions, beside SciPy's eigensolvers.

    python benchmarks/region_graph_cuts.py [--nodes 10000 100000 1000000] [--segments 2 8] [--floor 0.001] [--limit 300]

The graph is that of superpixels: cells of a grid, each joined to the 4 beside it and to one of two across every corner.
Their mean colours come from smoothed noise: the largest of five smooth random fields names an object and so its colour,
at three sizes (a sixth of the side, 12 and 4 cells); shading over the whole and noise of 0.02 come on top. Weights:
exp(-(distance / 0.1)^2), at least `--floor`, as `region_affinities` weighs.

Every figure is from a process of its own, on one thread, after a small graph (compiling). Times are processor time:
what other programs take does not count. "Memory" is what the peak of the process rose by. All contenders get densa's
discretisation and refinement; "cut" is the k-way cut of the labels, "values" the sum of the eigenvalues. "halving" is
the recursive two-way cut into as many segments. What needs longer than the limit is stopped. "LOBPCG + pyamg" needs
pyamg.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from machine import machine
from scipy import ndimage, sparse
from scipy.sparse.linalg import eigsh, lobpcg

from densa.regions import ncut_value
from densa.regions.normalized_cuts.discretisation import discretise
from densa.regions.normalized_cuts.graph import WeightedGraph, graph_eigenvectors, matrix_of, recursive_cuts_of_graph
from densa.regions.normalized_cuts.graph_refinement import refine_graph
from densa.regions.normalized_cuts.regions import weigh_by_means

Vectors = tuple[np.ndarray, np.ndarray]


def superpixel_graph(side: int, floor: float, seed: int = 0) -> WeightedGraph:
    rng = np.random.default_rng(seed)

    def field(size: int) -> np.ndarray:
        cells = rng.standard_normal((-(-side // size) + 3,) * 2)
        return ndimage.zoom(cells, size, order=3)[size : size + side, size : size + side]

    means = np.zeros((side, side, 3))
    for size, contrast in ((max(side // 6, 2), 0.25), (12, 0.15), (4, 0.06)):
        objects = np.stack([field(size) for _ in range(5)]).argmax(axis=0)
        means += (rng.uniform(-1, 1, (5, 3)) * contrast)[objects]
    means += 0.5 + 0.05 * field(max(side // 3, 2))[:, :, np.newaxis] + rng.normal(0, 0.02, means.shape)
    nodes = np.arange(side * side).reshape(side, side)
    falling = rng.random((side - 1, side - 1)) < 0.5
    pairs = [
        (nodes[:, :-1], nodes[:, 1:]),
        (nodes[:-1], nodes[1:]),
        (nodes[:-1, :-1][falling], nodes[1:, 1:][falling]),
        (nodes[:-1, 1:][~falling], nodes[1:, :-1][~falling]),
    ]
    edges = np.concatenate([np.stack([one.ravel(), other.ravel()], axis=1) for one, other in pairs])
    return weigh_by_means(means.reshape(-1, 3), edges, 0.1, floor)


def normalised(graph: WeightedGraph) -> tuple[sparse.csr_array, np.ndarray]:
    """D^{-1/2} W D^{-1/2} and D^{-1/2}."""
    matrix = matrix_of(graph)
    inverse = 1 / np.sqrt(np.asarray(matrix.sum(axis=1)).ravel())
    return (sparse.diags_array(inverse) @ matrix @ sparse.diags_array(inverse)).tocsr(), inverse


def arpack(graph: WeightedGraph, count: int) -> Vectors:
    scaled, inverse = normalised(graph)
    values, columns = eigsh(scaled, count, which="LA", v0=np.cos(np.arange(graph.n_nodes)), maxiter=10**6)
    return 1 - values, (columns * inverse[:, np.newaxis]).T


def shift_invert(graph: WeightedGraph, count: int) -> Vectors:
    scaled, inverse = normalised(graph)
    laplacian = (sparse.eye_array(graph.n_nodes) - scaled).tocsc()
    values, columns = eigsh(laplacian, count, sigma=-1e-8, v0=np.cos(np.arange(graph.n_nodes)))
    return values, (columns * inverse[:, np.newaxis]).T


def with_pyamg(graph: WeightedGraph, count: int) -> Vectors:
    from pyamg import smoothed_aggregation_solver

    scaled, inverse = normalised(graph)
    laplacian = sparse.csr_matrix(sparse.eye_array(graph.n_nodes) - scaled)
    near_null = (1 / inverse)[:, np.newaxis]
    cycle = smoothed_aggregation_solver(laplacian, B=near_null, strength=("symmetric", {"theta": 0.05}))
    start = np.random.default_rng(0).standard_normal((graph.n_nodes, count + 3))
    start[:, 0] = near_null[:, 0]
    # Five rounds bring the values within one per cent.
    values, columns = lobpcg(laplacian, start, M=cycle.aspreconditioner(), largest=False, maxiter=5, tol=1e-9)
    return values[:count], (columns[:, :count] * inverse[:, np.newaxis]).T


SOLVERS: dict[str, Callable[[WeightedGraph, int], Vectors]] = {
    "densa": graph_eigenvectors,
    "ARPACK (eigsh)": arpack,
    "eigsh, shift-invert": shift_invert,
    "LOBPCG + pyamg": with_pyamg,
}


def measured(contender: str, graph: WeightedGraph, count: int) -> dict[str, float]:
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    values, solved = np.full(1, np.nan), np.nan
    if contender == "halving":
        labels = recursive_cuts_of_graph(*graph, 2.0, stability=1, max_segments=count)
    else:
        values, vectors = SOLVERS[contender](graph, count)
        solved = time.process_time() - start
        first = discretise(np.ascontiguousarray(vectors, np.float32))
        labels = refine_graph(matrix_of(graph), first, count) + 1
    return {
        "solver": solved,
        "seconds": time.process_time() - start,
        "megabytes": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
        "values": float(values.sum()),
        "cut": ncut_value(graph, labels),
    }


def in_own_process(contender: str, nodes: int, count: int, options: argparse.Namespace) -> dict[str, float] | None:
    command = [sys.executable, __file__, "--one", contender, "--nodes", str(nodes), "--segments", str(count)]
    command += ["--floor", str(options.floor)]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **threads},
            capture_output=True,
            text=True,
            timeout=options.limit + 60,
            check=True,
        )
    except subprocess.TimeoutExpired:
        return None
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--segments", type=int, nargs="+", default=[2, 8])
    parser.add_argument("--contenders", nargs="+", default=[*SOLVERS, "halving"])
    parser.add_argument("--floor", type=float, default=0.001, help="least weight")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds for one contender")
    parser.add_argument("--out", type=Path, help="write the table there too")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measured(options.one, superpixel_graph(30, options.floor), 3)
        graph = superpixel_graph(round(options.nodes[0] ** 0.5), options.floor)
        print(json.dumps(measured(options.one, graph, options.segments[0])))
        return
    lines = [
        f"{machine()}; one thread; floor {options.floor:g}",
        "",
        "| regions | segments | | solver, s | in all, s | memory, MB | values | cut |",
        "| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    print("\n".join(lines), flush=True)
    for nodes in options.nodes:
        for count in options.segments:
            for contender in options.contenders:
                if contender == "LOBPCG + pyamg" and find_spec("pyamg") is None:
                    continue
                found = in_own_process(contender, nodes, count, options)
                row = f"| {round(nodes**0.5) ** 2} | {count} | {contender} | "
                if found is None:
                    row += f"| over {options.limit:.0f} | | | |"
                else:
                    solver, values = (
                        "" if np.isnan(found[name]) else f"{found[name]:.3g}" for name in ("solver", "values")
                    )
                    row += f"{solver} | {found['seconds']:.3g} | {found['megabytes']:.0f} | {values} | "
                    row += f"{found['cut']:.4g} |"
                print(row, flush=True)
                lines.append(row)
    if options.out:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
