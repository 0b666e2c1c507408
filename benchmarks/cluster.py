"""Where a Dask cluster saturates: a simulation of up to 64 workers from the stage times of one.

    python benchmarks/cluster.py --compute 0.9 [--name SLIC] [--read 0.05] [--write 0.02] [--scheduler 0.001]
        [--tiles 9604] [--storage 8]

A tile waits for the scheduler (which gives one task at a time), is read, computed and written. Reading and writing
share the storage, which serves `--storage` requests at once; each worker computes one tile at a time. Seconds are per
tile, as `regions_any_size.py` or a profile of one worker measures them; the default number of tiles is that of
100 000 x 100 000 pixels in tiles of 1024. Nothing is drawn by chance: the same figures give the same table.
"""

from __future__ import annotations

import argparse
import heapq
import math
from dataclasses import dataclass

WORKERS = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Stages:
    """Seconds of a tile's stages."""

    scheduler: float
    read: float
    compute: float
    write: float


def makespan(stages: Stages, n_tiles: int, n_workers: int, storage: int) -> float:
    """Seconds until all tiles are written.

    Every worker's next stage is an event; the earliest is served first, by the slot of its resource that is free first.
    """
    scheduler, places = 0.0, [0.0] * storage  # when each is free
    heapq.heapify(places)
    events = [(0.0, worker, 0) for worker in range(n_workers)]
    left, ends = n_tiles, 0.0
    while events:
        now, worker, stage = heapq.heappop(events)
        if stage == 0:
            if left == 0:
                continue
            left -= 1
            done = scheduler = max(now, scheduler) + stages.scheduler
        elif stage == 2:
            done = now + stages.compute
        else:
            done = max(now, heapq.heappop(places)) + (stages.read if stage == 1 else stages.write)
            heapq.heappush(places, done)
        ends = max(ends, done)
        heapq.heappush(events, (done, worker, (stage + 1) % 4))
    return ends


def limit(stages: Stages, storage: int) -> tuple[float, str]:
    """Workers beyond which more do not help, and what they then wait for."""
    whole = stages.scheduler + stages.read + stages.compute + stages.write
    busy = {"the scheduler": stages.scheduler, "the storage": (stages.read + stages.write) / storage}
    name = max(busy, key=lambda resource: busy[resource])
    return (whole / busy[name] if busy[name] else math.inf), name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default="tiles")
    parser.add_argument("--compute", type=float, required=True, help="seconds of a tile")
    parser.add_argument("--read", type=float, default=0.05)
    parser.add_argument("--write", type=float, default=0.02)
    parser.add_argument("--scheduler", type=float, default=0.001)
    parser.add_argument("--tiles", type=int, default=98 * 98)
    parser.add_argument("--storage", type=int, default=8, help="requests that the storage serves at once")
    given = parser.parse_args()
    stages = Stages(given.scheduler, given.read, given.compute, given.write)
    most, reason = limit(stages, given.storage)
    one = makespan(stages, given.tiles, 1, given.storage)
    print(f"{given.name}: {stages}, {given.tiles} tiles; saturates at {most:.0f} workers, by {reason}.\n")
    print("| workers | hours | times one worker | efficiency |\n| ---: | ---: | ---: | ---: |")
    for n in WORKERS:
        seconds = makespan(stages, given.tiles, n, given.storage)
        print(f"| {n} | {seconds / 3600:.3f} | {one / seconds:.1f} | {one / seconds / n:.0%} |")


if __name__ == "__main__":
    main()
