"""What a chunk says once: on its first span, and on the roots of its local trace."""

from __future__ import annotations

from ...local_trace.datadog_context import DatadogContext
from . import text
from .attributes import Meta, Metrics
from .process import Process


def first_of_chunk(
    meta: Meta, metrics: Metrics, context: DatadogContext, trace_id: int, finished: int, lasting: Meta
) -> None:
    """Tag the first span of a chunk; `finished` is the number of its spans where it is a part of a trace, else 0.

    `lasting` are the tags that the process has for all chunks.
    """
    metrics.setdefault("_sampling_priority_v1", 1 if context.priority is None else context.priority)
    if finished:
        metrics["_dd.py.partial_flush"] = finished
    for key, value in context.tags.items():
        meta[key] = text.value(value)
    high = trace_id >> 64
    if high:
        meta["_dd.p.tid"] = f"{high:016x}"
    meta.update(lasting)


def local_root(
    meta: Meta, metrics: Metrics, context: DatadogContext, process: Process, hostname: str, starts_trace: bool
) -> None:
    """Tag a span without a parent in this process; `hostname` is "" where it is not reported."""
    meta["runtime-id"] = process.runtime_id
    metrics["process_id"] = process.id
    if context.parent_id:
        meta["_dd.parent_id"] = text.value(context.parent_id)
    if context.error:
        meta["_dd.propagation_error"] = text.value(context.error)
    for key, value in context.baggage_tags.items():
        meta[text.key(key)] = text.value(value)
    if hostname and starts_trace:
        meta["_dd.hostname"] = hostname
