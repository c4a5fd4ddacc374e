"""Every recorded case of ddtrace 4.16 (ddtrace.json, made by record_ddtrace.py), read and written by ours."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
from opentelemetry import baggage
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, get_current_span, set_span_in_context

from otel_dd_distro import propagation, settings
from otel_dd_distro.local_trace import datadog_context
from otel_dd_distro.local_trace.datadog_context import NO_PARENT, DatadogContext

RECORDED = json.loads((pathlib.Path(__file__).parent / "ddtrace.json").read_text())
CHILD = 0x1234567890ABCDEF
CASES = [(group, name) for group, recorded in RECORDED.items() for name in recorded["cases"]]

# Where we choose otherwise, and why: what is compared instead of the recorded value.
EXTRACTED_OTHERWISE: dict[tuple[str, str], dict[str, Any]] = {
    # system-tests ask for it: the flag overruled whoever had decided, so nobody known did. ddtrace does not do it.
    ("default", "dd says drop, flag says keep"): {"tags": {"_dd.p.dm": "-0"}},
}
INJECTED_OTHERWISE: dict[tuple[str, str], dict[str, str | None]] = {
    ("default", "dd says drop, flag says keep"): {
        "x-datadog-tags": "_dd.p.dm=-0,_dd.p.tid=640cfd8d00000000",
        "tracestate": "dd=s:1;o:synthetics;p:1234567890abcdef;t.dm:-0",
    },
    # An undecided trace may yet be kept, so it is flagged as recorded. With a resolver none is undecided here.
    ("default", "from a browser"): {"traceparent": "00-640cfd8d0000000000000000075bcd15-1234567890abcdef-01"},
    ("default", "no priority"): {"traceparent": "00-640cfd8d0000000000000000075bcd15-1234567890abcdef-01"},
}


@pytest.mark.parametrize(("group", "name"), CASES)
def test_a_carrier_says_to_us_what_it_says_to_ddtrace(group: str, name: str) -> None:
    case = RECORDED[group]["cases"][name]
    context = propagator(group).extract(case["headers"])
    assert seen(context) == case["extracted"] | EXTRACTED_OTHERWISE.get((group, name), {})


@pytest.mark.parametrize(("group", "name"), CASES)
def test_a_child_of_it_is_written_as_ddtrace_writes_it(group: str, name: str) -> None:
    case = RECORDED[group]["cases"][name]
    ours = propagator(group)
    context = ours.extract(case["headers"])
    carrier: dict[str, str] = {}
    ours.inject(carrier, with_child(context))
    expected = case["injected"] | INJECTED_OTHERWISE.get((group, name), {})
    assert comparable(carrier) == comparable({key: value for key, value in expected.items() if value is not None})


def propagator(group: str) -> propagation.StylesPropagator:
    return propagation.from_settings(settings.read(RECORDED[group]["environ"]))


def with_child(context: Context) -> Context:
    parent = get_current_span(context).get_span_context()
    if not parent.trace_id:
        return context
    child = SpanContext(parent.trace_id, CHILD, False, parent.trace_flags, parent.trace_state)
    return set_span_in_context(NonRecordingSpan(child), context)


def seen(context: Context) -> dict[str, Any]:
    span = get_current_span(context).get_span_context()
    datadog = datadog_context.of(context) or DatadogContext()
    return {
        "trace_id": f"{span.trace_id:032x}",
        "span_id": f"{span.span_id if span.span_id != NO_PARENT else 0:016x}",
        "priority": datadog.priority,
        "origin": datadog.origin,
        "tags": datadog.tags,
        "parent_id": datadog.parent_id,
        "error": datadog.error,
        "baggage": dict(baggage.get_all(context)),
        "baggage_tags": datadog.baggage_tags,
        "links": [
            {
                "trace_id": f"{link.context.trace_id:032x}",
                "span_id": f"{link.context.span_id:016x}",
                "flags": int(link.context.trace_flags),
                "tracestate": link.context.trace_state.to_header(),
                "attributes": dict(link.attributes or {}),
            }
            for link in datadog_context.links_of(context)
        ],
    }


def comparable(carrier: dict[str, str]) -> dict[str, Any]:
    """Without the order of tags and members, and without `t.tid`: it repeats the traceparent, so we leave it out."""
    headers: dict[str, Any] = dict(carrier)
    if "x-datadog-tags" in headers:
        headers["x-datadog-tags"] = set(headers["x-datadog-tags"].split(","))
    if "tracestate" in headers:
        members = dict(member.split("=", 1) for member in headers["tracestate"].split(","))
        dd = {item for item in members.pop("dd", "").split(";") if not item.startswith("t.tid:")}
        headers["tracestate"] = (dd, members)
    return headers
