"""Which spans of a chunk are sent once all of them are counted: those of dropped traces need not travel.

Source: the Agent's client stats, what a tracer may drop.
"""

from __future__ import annotations

from typing import Any

SpanMap = dict[str, Any]

PRIORITY = "_sampling_priority_v1"
SINGLE_SPAN = "_dd.span_sampling.mechanism"
BY_SINGLE_SPAN_RULE = 8
ANALYSED = "_dd1.sr.eausr"

_OF_TRACE = ("language",)
_OF_TRACE_PREFIX = "_dd.p."
_NUMBERS_OF_TRACE = (PRIORITY, "_dd.py.partial_flush")


def kept(trace: list[SpanMap]) -> list[SpanMap]:
    """The whole chunk (the same list) if it is sampled or has an error, else the spans that are kept for themselves.

    The first of those inherits what a chunk's first span says for all of it.
    """
    if not trace:
        return trace
    first = trace[0]
    priority = (first.get("metrics") or {}).get(PRIORITY)
    if priority is None or priority > 0:
        return trace
    singles = []
    for span in trace:
        if span.get("error"):
            return trace
        if "metrics" in span:
            metrics = span["metrics"]
            if ANALYSED in metrics or (SINGLE_SPAN in metrics and metrics[SINGLE_SPAN] == BY_SINGLE_SPAN_RULE):
                singles.append(span)
    if singles and singles[0] is not first:
        _inherit(singles[0], first)
    return singles


def _inherit(heir: SpanMap, first: SpanMap) -> None:
    meta, metrics = first["meta"], first["metrics"]
    for key, value in meta.items():
        if key in _OF_TRACE or key.startswith(_OF_TRACE_PREFIX):
            heir["meta"].setdefault(key, value)
    for key in _NUMBERS_OF_TRACE:
        if key in metrics:
            heir["metrics"].setdefault(key, metrics[key])
