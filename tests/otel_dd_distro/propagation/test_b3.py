"""B3 headers, both directions (datadog-protocol 4.4)."""

from __future__ import annotations

import pytest

from otel_dd_distro.local_trace import datadog_context
from otel_dd_distro.local_trace.datadog_context import NO_PARENT, DatadogContext
from otel_dd_distro.propagation import B3MultiPropagator, B3Propagator

from .carriers import LOW, SPAN, SPAN_HEX, TRACE, TRACE_HEX, ids, local, written

SINGLE, MULTI = B3Propagator(), B3MultiPropagator()


@pytest.mark.parametrize(
    ("text", "found", "priority"),
    [
        (f"{TRACE_HEX}-{SPAN_HEX}", (TRACE, SPAN), None),
        (f"{TRACE_HEX}-{SPAN_HEX}-0", (TRACE, SPAN), 0),
        (f"{TRACE_HEX}-{SPAN_HEX}-1", (TRACE, SPAN), 1),
        (f"{TRACE_HEX}-{SPAN_HEX}-d", (TRACE, SPAN), 2),
        (f"{TRACE_HEX}-{SPAN_HEX}-x", (TRACE, SPAN), None),
        (f"{TRACE_HEX}-{SPAN_HEX}-1-{SPAN_HEX}", (TRACE, SPAN), 1),
        (f"{LOW:016x}-{SPAN_HEX}-1", (LOW, SPAN), 1),
        (f"{TRACE_HEX}-{'0' * 16}-1", (TRACE, NO_PARENT), 1),
        ("0", None, 0),
        ("d", None, 2),
    ],
)
def test_a_single_header_is_read(text: str, found: tuple[int, int] | None, priority: int | None) -> None:
    context = SINGLE.extract({"b3": text})
    datadog = datadog_context.of(context)
    assert datadog is not None
    assert (ids(context), datadog.priority) == (found, priority)


@pytest.mark.parametrize(
    "text", ["", "x", "-", "--1", f"xyz-{SPAN_HEX}-1", f"{TRACE_HEX}-xyz", f"0{TRACE_HEX}-{SPAN_HEX}", f"+1-{SPAN_HEX}"]
)
def test_a_malformed_single_header_says_nothing(text: str) -> None:
    context = SINGLE.extract({"b3": text})
    assert (ids(context), datadog_context.of(context)) == (None, None)


@pytest.mark.parametrize(
    ("more", "priority"),
    [
        ({}, None),
        ({"sampled": "0"}, 0),
        ({"sampled": "1"}, 1),
        ({"sampled": "0", "flags": "1"}, 2),
        ({"flags": "0"}, None),
    ],
)
def test_several_headers_are_read(more: dict[str, str], priority: int | None) -> None:
    headers = {"traceid": TRACE_HEX.upper(), "spanid": SPAN_HEX} | more
    context = MULTI.extract({"X-B3-" + name.title(): value for name, value in headers.items()})
    datadog = datadog_context.of(context)
    assert datadog is not None
    assert (ids(context), datadog.priority) == ((TRACE, SPAN), priority)


@pytest.mark.parametrize(
    "headers",
    [{"x-b3-sampled": "1"}, {"x-b3-traceid": "xyz"}, {"x-b3-traceid": "1", "x-b3-spanid": "g"}, {"x-b3-traceid": ""}],
)
def test_malformed_headers_say_nothing(headers: dict[str, str]) -> None:
    assert datadog_context.of(MULTI.extract(headers)) is None


@pytest.mark.parametrize(
    ("priority", "single", "multi"),
    [
        (None, "", {}),
        (-1, "-0", {"x-b3-sampled": "0"}),
        (0, "-0", {"x-b3-sampled": "0"}),
        (1, "-1", {"x-b3-sampled": "1"}),
        (2, "-d", {"x-b3-flags": "1"}),
    ],
)
def test_both_are_written(priority: int | None, single: str, multi: dict[str, str]) -> None:
    context = local(DatadogContext(priority))
    assert written(SINGLE, context) == {"b3": f"{TRACE_HEX}-{SPAN_HEX}{single}"}
    assert written(MULTI, context) == {"x-b3-traceid": TRACE_HEX, "x-b3-spanid": SPAN_HEX} | multi


def test_a_short_trace_id_has_16_digits() -> None:
    assert written(SINGLE, local(DatadogContext(), trace_id=LOW)) == {"b3": f"{LOW:016x}-{SPAN_HEX}"}
    assert written(MULTI, local(DatadogContext(), trace_id=LOW))["x-b3-traceid"] == f"{LOW:016x}"
