from __future__ import annotations

from opentelemetry.sdk.trace import ReadableSpan, SpanLimits
from opentelemetry.trace import Status, StatusCode

from otel_dd_distro.tracing import TracerProvider
from otel_dd_distro.tracing.texts import LONGEST, LONGEST_IN_EVENT

LONG = "x" * (LONGEST + 10)


def test_long_texts_are_cut_when_they_come_and_all_else_stays() -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("shop")
    span = tracer.start_span("work", attributes={"at start": LONG, "short": "x" * LONGEST, "number": 7})
    span.set_attribute("alone", LONG)
    span.set_attribute("list", [LONG, "short"])
    span.set_attributes({"together": LONG, "flag": True})
    assert isinstance(span, ReadableSpan)
    assert dict(span.attributes or {}) == {
        "at start": "x" * LONGEST,
        "short": "x" * LONGEST,
        "number": 7,
        "alone": "x" * LONGEST,
        "list": ("x" * LONGEST, "short"),
        "together": "x" * LONGEST,
        "flag": True,
    }


def test_a_limit_that_somebody_asked_for_is_theirs() -> None:
    limits = SpanLimits(max_span_attribute_length=LONGEST + 5)
    span = TracerProvider(shutdown_on_exit=False, span_limits=limits).get_tracer("shop").start_span("work")
    span.set_attribute("long", LONG)
    assert isinstance(span, ReadableSpan)
    assert dict(span.attributes or {}) == {"long": "x" * (LONGEST + 5)}


def test_of_an_exception_the_head_and_the_end_are_kept() -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("shop")
    span = tracer.start_span("work")
    span.add_event("exception", {"exception.stacktrace": "head" + "x" * LONGEST_IN_EVENT + "end", "a": "b"})
    span.set_status(Status(StatusCode.ERROR, LONG))
    assert isinstance(span, ReadableSpan)
    told = dict(span.events[0].attributes or {})
    text = str(told["exception.stacktrace"])
    assert (text[:4], text[-3:], len(text)) == ("head", "end", LONGEST_IN_EVENT + 3)
    assert told["a"] == "b"
    assert span.status.description == "x" * LONGEST
