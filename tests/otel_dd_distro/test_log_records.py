"""Log records bear what Datadog finds a trace's logs by."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from otel_dd_distro.log_records import RecordPropagator

SMALL, LARGE = 0x1234, 0x6AB0000000000000_0000000000001234


def injected(trace_id: int, span_id: int) -> dict[str, Any]:
    carrier: dict[str, Any] = {}
    span = NonRecordingSpan(SpanContext(trace_id, span_id, False, TraceFlags(1)))
    RecordPropagator("shop", "prod", "1.4").inject(carrier, set_span_in_context(span, Context()))
    return carrier


@pytest.mark.parametrize(
    ("trace_id", "written"),
    [
        (SMALL, "4660"),
        (LARGE, "6ab00000000000000000000000001234"),
        (2**64 - 1, str(2**64 - 1)),
        (2**64, f"{2**64:032x}"),
    ],
)
def test_ids_are_decimal_and_those_of_more_than_64_bits_hexadecimal(trace_id: int, written: str) -> None:
    assert injected(trace_id, 7) == {
        "dd.trace_id": written,
        "dd.span_id": "7",
        "dd.service": "shop",
        "dd.env": "prod",
        "dd.version": "1.4",
    }


def test_outside_of_a_span_every_field_is_there() -> None:
    carrier: dict[str, Any] = {}
    RecordPropagator("shop", "", "").inject(carrier, Context())
    assert carrier == {"dd.trace_id": "0", "dd.span_id": "0", "dd.service": "shop", "dd.env": "", "dd.version": ""}
    assert set(carrier) == RecordPropagator("shop", "", "").fields


def test_nothing_is_read_from_a_record() -> None:
    context = RecordPropagator("", "", "").extract({"dd.trace_id": "7", "dd.span_id": "8"})
    assert not trace.get_current_span(context).get_span_context().is_valid
