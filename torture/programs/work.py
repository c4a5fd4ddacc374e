"""What the programs of the cells do, and the ledger of it: each span is written down when it begins, whatever comes."""

from __future__ import annotations

import os
import time
from pathlib import Path

from opentelemetry import trace

LEDGER = Path(os.environ["TORTURE_LEDGER"])
tracer = trace.get_tracer("torture")


def unit(number: int = 0, *, around_ends: bool = True) -> str:
    """One piece of work: a span of the program's own, below the instrumentation's where there is one.

    Not `around_ends`: that one is never finished, so nobody misses it.
    """
    if around_ends:
        record("around", trace.get_current_span())
    with tracer.start_as_current_span(f"unit {number}") as span:
        record("spans", span)
        time.sleep(0.002)
    return f"unit {number} done"


def record(kind: str, span: trace.Span) -> None:
    """Its trace (the lower half) and span id, as the Agent gets them; zeros where there is none."""
    context = span.get_span_context()
    note(kind, f"{context.trace_id & (1 << 64) - 1:016x} {context.span_id:016x}")


def note(kind: str, line: str) -> None:
    """One line in this process's file of that kind: in the kernel's hands at once, so that SIGKILL does not lose it."""
    place = os.open(LEDGER / f"{os.getpid()}.{kind}", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(place, f"{line}\n".encode())
    finally:
        os.close(place)


def stopping() -> None:
    """The program's own end begins now."""
    note("stopping", str(time.monotonic()))
