"""Chunks made by hand, and a small encoder for them."""

from __future__ import annotations

import itertools
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import ormsgpack
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, TraceFlags

from otel_dd_distro.export import AgentInfo, Counters, Writer
from otel_dd_distro.local_trace.chunk import Chunk
from otel_dd_distro.local_trace.datadog_context import DatadogContext
from tests.agents import clean_environ

Make = Callable[..., Writer]
Lines = Callable[..., list[str]]

ROOT = Path(__file__).parents[3]
# Otherwise every span asks the resource detectors, in threads.
_RESOURCE = Resource({})
# Python 3.12 warns of every fork beside threads: here it is what we test.
_WARNINGS = ("-W", "error", "-W", "ignore:This process:DeprecationWarning")
_ids = itertools.count(1)


def span(pad: int = 0, span_id: int = 0, trace_id: int = 0, sampled: bool = True) -> ReadableSpan:
    """A finished span; `pad` bytes of ballast when encoded."""
    span_id = span_id or next(_ids)
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    return ReadableSpan(
        "work",
        context=SpanContext(trace_id or span_id, span_id, is_remote=False, trace_flags=flags),
        resource=_RESOURCE,
        attributes={"pad": "x" * pad},
        start_time=1_700_000_000_000_000_000,
        end_time=1_700_000_000_001_000_000,
    )


def chunk(spans: int = 1, pad: int = 0, first_id: int = 0) -> Chunk:
    ids = range(first_id, first_id + spans) if first_id else [next(_ids) for _ in range(spans)]
    trace = [span(pad, span_id, ids[0]) for span_id in ids]
    return Chunk(trace, DatadogContext(priority=1), partial=False, parents={})


def encode(chunk: Chunk, info: AgentInfo) -> bytes:
    return ormsgpack.packb(
        [
            {
                "trace_id": span.context.trace_id,
                "span_id": span.context.span_id,
                "parent_id": 0,
                "service": "shop",
                "name": span.name,
                "resource": span.name,
                "start": span.start_time,
                "duration": span.end_time - span.start_time,
                "meta": dict(span.attributes),
            }
            for span in chunk.spans
        ]
    )


def ids(*chunks: Chunk) -> list[int]:
    return [span.context.span_id for chunk in chunks for span in chunk.spans]


def settled(writer: Writer, timeout_s: float = 60.0) -> Counters:
    """The counters once nothing is queued any more."""
    end = time.monotonic() + timeout_s
    while (counters := writer.counters()).queued and time.monotonic() < end:
        time.sleep(0.01)
    assert counters.accepted == counters.sent + sum(counters.dropped.values()) + counters.queued
    return counters


def run(
    script: str, *arguments: str, timeout_s: float = 120, status: int = 0, **variables: str
) -> subprocess.CompletedProcess[str]:
    """A Python process of its own, warnings as errors, `made` and `agents` at hand; it must end with `status`."""
    done = subprocess.run(
        [sys.executable, *_WARNINGS, "-c", textwrap.dedent(script), *arguments],
        env=clean_environ(PYTHONPATH=str(ROOT), **variables),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done
