"""Runs the cells: `python -m torture [--ci] [--agent NAME] [--stop NAME] [start ...]`; `nox -s torture` calls this.

Makes docs/torture.md of the latest run of each cell, once each was run. Ends with status 1 where a cell has a fault
that known.toml does not explain.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import groupby

from tests import servers

from . import known, page
from .agents import AGENTS
from .cells import Cell, Result, all_cells, ci_cells, keep, remember
from .judgement import judge, more_kib
from .running import run, witnesses
from .starts import STARTS, STOPS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("starts", nargs="*", help="parts of names; all where none is given")
    parser.add_argument("--agent", choices=AGENTS, action="append", default=[])
    parser.add_argument("--stop", choices=STOPS, action="append", default=[])
    parser.add_argument("--ci", action="store_true", help="one cell of each start, and those that ever failed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at a time")
    options = parser.parse_args()
    # A shell starts what it has in the background with SIGINT ignored, which the cells would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    cells = [
        cell
        for cell in (ci_cells() if options.ci else all_cells())
        if (not options.starts or any(part in cell.start for part in options.starts))
        and (not options.agent or cell.agent in options.agent)
        and (not options.stop or cell.stop in options.stop)
    ]
    if not cells:
        parser.error("no such cell")
    began = time.monotonic()
    listed = known.read()
    results = run_all(cells, options.jobs)
    remember(results)
    kept = keep(results)
    if len(kept) == len(all_cells()):
        page.write(kept, listed)
    bad = [r.cell for r in results if any(not known.explained(r.cell, fault, listed) for fault in r.faults)]
    for cell in bad:
        print(f"not as it should be: {cell}")
    print(f"{len(cells)} cells in {time.monotonic() - began:.0f} s")
    print(f"{len(cells) - len(bad)} passed, {len(bad)} failed")
    sys.exit(bool(bad))


def run_all(cells: Sequence[Cell], jobs: int) -> list[Result]:
    """The results, in the order of the cells; those of one start and stop after one another, beside one bare run."""
    order = {cell: number for number, cell in enumerate(cells)}
    together = [list(group) for _, group in groupby(sorted(cells, key=_start_and_stop), _start_and_stop)]
    with ExitStack() as stack:
        stack.enter_context(witnesses())
        variables: dict[str, str] = {}
        if any(STARTS[cell.start].kind == "tasks" for cell in cells):
            (url,) = stack.enter_context(servers.running("redis_server")).values()
            variables["BROKER"] = url
        pool = stack.enter_context(ThreadPoolExecutor(jobs))
        results = [result for each in pool.map(lambda group: _run(group, variables), together) for result in each]
    return sorted(results, key=lambda result: order[result.cell])


def _start_and_stop(cell: Cell) -> tuple[str, str]:
    return cell.start, cell.stop


def _run(group: Sequence[Cell], variables: Mapping[str, str]) -> list[Result]:
    start, stop = STARTS[group[0].start], group[0].stop
    bare = run(start, stop, traced=False, agent_url="", variables=variables)
    results = []
    for cell in group:
        with AGENTS[cell.agent]() as (url, taken):
            traced = run(start, stop, traced=True, agent_url=url, variables=variables)
            faults = tuple(judge(bare, traced, taken.spans(), cell.agent))
        results.append(Result(cell, faults, traced.exit_s - bare.exit_s, more_kib(bare, traced)))
        times = f"exit {traced.exit_s:.1f} s, untraced {bare.exit_s:.1f} s, {len(taken.spans())} spans taken"
        lines = [f"    {fault.rule}: {fault.told}" for fault in faults]
        print(f"{cell}: {'faults' if faults else 'ok'} ({times})", *lines, sep="\n", flush=True)
    return results


if __name__ == "__main__":
    main()
