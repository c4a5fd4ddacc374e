"""The x-datadog-* headers."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from opentelemetry.trace import SpanContext

from ..local_trace.datadog_context import NO_PARENT, DatadogContext
from ..local_trace.member import MAX_ORIGIN
from ..numbers import LOW_64, MAX_64, decimal, lower_hex, small
from .headers import Headers
from .style import Found, Put, Style

TRACE_ID = "x-datadog-trace-id"
PARENT_ID = "x-datadog-parent-id"
PRIORITY = "x-datadog-sampling-priority"
ORIGIN = "x-datadog-origin"
TAGS = "x-datadog-tags"

MAX_TAGS_LENGTH = 512
_MOST_KEPT = 256

_DECISION_MAKERS = frozenset(f"-{mechanism}" for mechanism in range(256))


class DatadogPropagator(Style):
    """Reads and writes x-datadog-* headers."""

    name = "datadog"

    def __init__(self, tags_max_length: int = MAX_TAGS_LENGTH) -> None:
        self._tags_max_length = tags_max_length

    def find(self, headers: Headers) -> Found | None:
        text = headers.one(TRACE_ID)
        if text is None:
            return None
        trace_id = decimal(text)
        if trace_id is None or not 0 < trace_id <= MAX_64:
            return None
        text = headers.one(PARENT_ID)
        span_id = decimal(text) if text is not None else 0
        if span_id is None or not 0 <= span_id <= MAX_64:
            return None
        datadog = DatadogContext()
        text = headers.one(PRIORITY)
        if text is not None:
            datadog.priority = small(text)
            if datadog.priority is None:
                return None
        datadog.origin = (headers.one(ORIGIN) or "")[:MAX_ORIGIN]
        text = headers.one(TAGS)
        if text:
            trace_id |= _read_tags(text, datadog) << 64
        return Found(self.name, trace_id, span_id, datadog)

    def write(self, span: SpanContext, datadog: DatadogContext, carrier: Any, put: Put) -> None:
        trace_id, span_id = span.trace_id, span.span_id
        put(carrier, TRACE_ID, str(trace_id & LOW_64))
        put(carrier, PARENT_ID, str(span_id) if span_id != NO_PARENT else "0")
        if datadog.priority is not None:
            put(carrier, PRIORITY, str(datadog.priority))
        origin = datadog.origin
        # It came as free text, perhaps by a carrier that allows more than HTTP does.
        if origin and origin.isascii() and origin.isprintable():
            put(carrier, ORIGIN, origin)
        if datadog.error:
            return
        if not self._tags_max_length:
            datadog.error = "disabled"
        else:
            tags = self._written_tags(datadog, trace_id >> 64)
            if tags:
                put(carrier, TAGS, tags)

    def _written_tags(self, datadog: DatadogContext, high: int) -> str:
        text, error = _joined(tuple(datadog.tags.items()))
        if text is None:
            datadog.error = error
            return ""
        if high:
            upper = f"_dd.p.tid={high:016x}"
            text = f"{text},{upper}" if text else upper
        if len(text) > self._tags_max_length:
            error = "inject_max_size"
        if error:
            datadog.error = error
            return ""
        return text

    @property
    def fields(self) -> set[str]:
        return {TRACE_ID, PARENT_ID, PRIORITY, ORIGIN, TAGS}


@lru_cache(_MOST_KEPT)
def _joined(tags: tuple[tuple[str, str], ...]) -> tuple[str | None, str]:
    """The tags as the header has them, and what is wrong with them ("" if nothing); None where one has no place there.

    Most traces of a process have the same.
    """
    pairs = []
    for key, value in tags:
        if not key.startswith("_dd.p."):
            continue
        value = value.strip(" ")
        if not value or "," in value or "," in key or "=" in key or " " in key:
            return None, "encoding_error"
        pairs.append(f"{key}={value}")
    text = ",".join(pairs)
    return text, "" if text.isascii() and text.isprintable() else "encoding_error"


def _read_tags(text: str, datadog: DatadogContext) -> int:
    """Fill in `datadog.tags`, or `datadog.error`; return the upper half of the trace id, 0 if it is not there."""
    if len(text) > MAX_TAGS_LENGTH:
        datadog.error = "extract_max_size"
        return 0
    tags = {}
    # Printable ASCII is all that keys and values may hold; one comma at the end is let pass.
    readable = text.isascii() and text.isprintable()
    for pair in text.removesuffix(",").split(",") if readable else ("",):
        key, _, value = pair.partition("=")
        value = value.strip(" ")
        if not key or not value or " " in key:
            datadog.error = "decoding_error"
            return 0
        if key.startswith("_dd.p.") and key != "_dd.p.upstream_services":
            tags[key] = value
    high = 0
    tid = tags.pop("_dd.p.tid", None)
    if tid is not None:
        high = lower_hex(tid, 16) or 0
        if not high:
            datadog.error = "malformed_tid " + tid
    maker = tags.get("_dd.p.dm")
    if maker is not None and maker not in _DECISION_MAKERS:
        del tags["_dd.p.dm"]
        datadog.error = "decoding_error"
    datadog.tags = tags
    return high
