"""docs/torture.md: what came of all cells, made by a run of all of them."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from .agents import AGENTS
from .cells import STOPPED_UNDER, Result
from .known import Known
from .starts import STARTS, STOPS

PLACE = Path(__file__).parents[1] / "docs" / "torture.md"
SERVERS = ("gunicorn", "uwsgi", "uvicorn", "celery", "django", "flask", "gevent")

HEAD = """# Starts, stops and Agents

Made by `nox -s torture`. Each cell is a program run as real processes on loopback, once untraced and once traced: it
works, or serves requests, for a little more than a second, and is then ended at once. Of each is asked:

- Answers, output and exit status are those of the untraced run, and no process is left behind.
- Each span that the program saw begin is taken by the Agent, or counted as dropped by the process that made it
  (`otel_dd_distro.counters()`). Spans of a process that is sent SIGKILL are left out.
- No two spans have the same ids.
- The end takes at most 2 s longer than untraced.
- A process logs one line at most, and none where the Agent takes everything.
- A process needs at most 64 MiB more.

A number in a table is that of a known fault below; a word in bold is a fault that is not known.
"""


def write(results: Sequence[Result], listed: Sequence[Known]) -> None:
    PLACE.write_text("".join(f"{line}\n" for line in lines(results, listed)))


def lines(results: Sequence[Result], listed: Sequence[Known]) -> Iterator[str]:
    yield HEAD
    versions = ", ".join(f"{name} {version(name)}" for name in SERVERS)
    longest, most = max(result.later_s for result in results), max(result.more_kib for result in results)
    yield (
        f"{len(results)} cells on {os.cpu_count()} cores, Python {platform.python_version()}, {versions},"
        f" {datetime.now(timezone.utc):%Y-%m-%d}. The longest end took {longest:.1f} s longer than untraced, and the"
        f" largest process needed {most >> 10} MiB more."
    )
    yield "\n## With each Agent\n"
    yield _row(["", "ended by", *AGENTS])
    yield _row(["---"] * (2 + len(AGENTS)))
    for start in STARTS.values():
        stop = start.stops[0]
        met = (_told([r for r in results if _is(r, start.name, stop, (agent,))], listed) for agent in AGENTS)
        yield _row([start.name, stop, *met])
    yield "\n## With each end\n"
    yield f"With three Agents: {', '.join(STOPPED_UNDER)}.\n"
    yield _row(["", *STOPS])
    yield _row(["---"] * (1 + len(STOPS)))
    for start in STARTS.values():
        met = (_told([r for r in results if _is(r, start.name, stop, STOPPED_UNDER)], listed) for stop in STOPS)
        yield _row([start.name, *met])
    if listed:
        yield "\n## Known faults\n"
        yield from (f"{number}. {known.reason}" for number, known in enumerate(listed, start=1))


def _is(result: Result, start: str, stop: str, agents: Iterable[str]) -> bool:
    return (result.cell.start, result.cell.stop) == (start, stop) and result.cell.agent in agents


def _told(results: Sequence[Result], listed: Sequence[Known]) -> str:
    """Of the cells of one field of a table."""
    if not results:
        return ""
    words = set()
    for result in results:
        for fault in result.faults:
            numbers = [str(n) for n, known in enumerate(listed, start=1) if known.explains(result.cell, fault)]
            words.add(numbers[0] if numbers else f"**{fault.rule}**")
    return ", ".join(sorted(words)) or "ok"


def _row(fields: Sequence[str]) -> str:
    return f"| {' | '.join(fields)} |"
