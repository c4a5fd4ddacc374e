"""Traces as trees in the terminal, each when nothing more has come of it for a while."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from typing import TextIO

from .spans import Span, printable
from .store import Store, Trace

QUIET_S = 1.5
"""A trace is taken to be whole when no span of it has come for so long: tracers send once a second."""
LONGEST_S = 10.0
"""A trace that never rests is printed piece by piece."""
MOST_LINES = 200
"""Spans of a trace that are printed."""
_LARGEST_DEPTH = 40
_COLOURS = (36, 33, 35, 34, 32, 96, 93, 95, 94, 92)
_RED, _BOLD, _DIM = "31", "1", "2"


class Terminal:
    """Prints what comes into a store. What comes later of a trace that was printed is printed below its name again."""

    def __init__(self, store: Store, output: TextIO) -> None:
        self._store = store
        self._output = output
        self._due: dict[int, float] = {}
        self._since: dict[int, float] = {}
        self._printed: dict[int, set[int]] = {}
        self._colours: dict[str, str] = {}
        self._is_coloured = output.isatty() and not os.environ.get("NO_COLOR")
        store.changed.append(self._note)

    def _note(self, changed: set[int]) -> None:
        now = time.monotonic()
        for trace_id in changed:
            if self._store.get(trace_id) is None:
                for known in (self._due, self._since, self._printed):
                    known.pop(trace_id, None)
            else:
                self._due[trace_id] = min(now + QUIET_S, self._since.setdefault(trace_id, now) + LONGEST_S)

    async def run(self) -> None:
        """Print until cancelled, or until nobody reads any more."""
        with contextlib.suppress(BrokenPipeError):
            await self._run()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(QUIET_S / 5)
            now = time.monotonic()
            for trace_id in [trace_id for trace_id, due in self._due.items() if due <= now]:
                del self._due[trace_id], self._since[trace_id]
                trace = self._store.get(trace_id)
                if trace is not None:
                    self._print(trace)

    def _print(self, trace: Trace) -> None:
        seen = self._printed.setdefault(trace.id, set())
        fresh = [span for span in trace.spans.values() if span.id not in seen]
        if fresh:
            width = shutil.get_terminal_size((100, 24)).columns
            print("\n".join(self.lines(trace, fresh, width, bool(seen))), file=self._output, flush=True)
            seen.update(span.id for span in fresh)

    def lines(self, trace: Trace, spans: list[Span], width: int, is_more: bool = False) -> Iterator[str]:
        """The tree of some spans of a trace, below a line about all of it."""
        summary = trace.summary()
        errors = f", {summary['errors']} with an error" if summary["errors"] else ""
        more = "more of " if is_more else ""
        title = f"{more}trace {summary['trace_id']}: {len(spans)} spans, {milliseconds(summary['duration'])}{errors}"
        yield ""
        yield self._painted(title[:width], _DIM)
        name_width = max(len(printable(span.service)) for span in spans)
        for number, (guide, span) in enumerate(outline(spans)):
            if number == MOST_LINES:
                yield self._painted(f"... and {len(spans) - number} more spans", _DIM)
                return
            yield self._line(guide, span, min(name_width, 20), width)

    def _line(self, guide: str, span: Span, name_width: int, width: int) -> str:
        service = printable(span.service)[:name_width].ljust(name_width)
        name, took = printable(span.name), f"{milliseconds(span.duration):>10}"
        mark = "  ERROR" if span.error else ""
        room = max(width - len(service) - len(took) - len(mark) - 4, 10)
        resource = f" {printable(span.resource)}" if span.resource != span.name else ""
        told = f"{guide}{name}"[:room]
        rest = resource[: room - len(told)]
        gap = " " * (room - len(told) - len(rest))
        return "".join(
            (
                f"{self._painted(service, self._colour(span.service))}  ",
                f"{guide[: len(told)]}{self._painted(told[len(guide) :], _BOLD)}{self._painted(rest, _DIM)}{gap}",
                f"{self._painted(mark, _RED)}  {took}",
            )
        )

    def _colour(self, service: str) -> str:
        return self._colours.setdefault(service, str(_COLOURS[len(self._colours) % len(_COLOURS)]))

    def _painted(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._is_coloured and text else text


def outline(spans: Iterable[Span]) -> Iterator[tuple[str, Span]]:
    """Each span below its parent, in the order in which they started, with the guide lines to draw before it."""
    ordered = sorted(spans, key=lambda span: span.start)
    known = {span.id for span in ordered}
    children: dict[int, list[Span]] = {}
    for span in ordered:
        children.setdefault(span.parent if span.parent in known and span.parent != span.id else 0, []).append(span)
    # After the tops, parents that are each other's: from the earliest.
    for top in [*children.pop(0, []), *ordered]:
        # A list and not calls in calls: a trace may be deeper than Python's stack.
        ahead = [("", "", top)] if top.id in known else []
        while ahead:
            guide, below, span = ahead.pop()
            if span.id not in known:
                continue
            known.remove(span.id)
            yield guide, span
            inner = children.pop(span.id, [])
            for position, child in reversed(list(enumerate(inner, start=1))):
                is_last = position == len(inner)
                if len(below) < 3 * _LARGEST_DEPTH:
                    ahead.append((below + ("└─ " if is_last else "├─ "), below + ("   " if is_last else "│  "), child))
                else:
                    ahead.append((guide, below, child))


def milliseconds(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e6:,.2f} ms"
