"""A light span is an SDK span in all that can be seen of it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from otel_dd_distro.tracing import Span
from tests.otel_dd_distro.tracing.gathered import Gathered

OTHER = SpanContext(0x77, 0x88, True, TraceFlags(1))


class Kept(SpanProcessor):
    """Somebody else's processor, which keeps what it is given."""

    def __init__(self) -> None:
        self.ended: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(span)


def plain(limits: SpanLimits | None = None, **kwargs: Any) -> SdkSpan:
    tracer = TracerProvider(ALWAYS_ON, shutdown_on_exit=False, span_limits=limits).get_tracer("test")
    span = tracer.start_span("plain", **kwargs)
    assert isinstance(span, SdkSpan)
    return span


def light(limits: SpanLimits | None = None, **kwargs: Any) -> Span:
    span = Gathered(span_limits=limits).tracer.start_span("light", **kwargs)
    assert isinstance(span, Span)
    return span


def seen(span: ReadableSpan) -> dict[str, Any]:
    """All that may be read of a span and does not differ from one to the next."""
    return {
        "attributes": list((span.attributes or {}).items()),
        "dropped": (span.dropped_attributes, span.dropped_events, span.dropped_links),
        "events": [(event.name, dict(event.attributes or {}), event.dropped_attributes) for event in span.events],
        "links": [(link.context, dict(link.attributes or {})) for link in span.links],
        "kind": span.kind,
        "status": (span.status.status_code, span.status.description),
        "parent": span.parent,
        "ended": span.end_time is not None,
        "scope": span.instrumentation_scope,
    }


keys = st.sampled_from(["a", "b", "c", "d", "é", ""]) | st.sampled_from([1, None, ("a",)])
scalars = st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6) | st.binary(max_size=3)
values = scalars | st.none() | st.lists(scalars, max_size=3) | st.dictionaries(st.text(max_size=2), scalars, max_size=2)
mappings = st.dictionaries(keys, values, max_size=4)
writes = st.lists(
    st.tuples(st.just("set_attribute"), st.tuples(keys, values)) | st.tuples(st.just("set_attributes"), mappings),
    max_size=6,
)
limited = st.builds(
    SpanLimits,
    max_span_attributes=st.sampled_from([SpanLimits.UNSET, 0, 1, 3]),
    max_span_attribute_length=st.sampled_from([SpanLimits.UNSET, 0, 4]),
)


@settings(deadline=None)
@given(first=st.none() | mappings, then=writes, limits=limited, asks=st.booleans())
def test_attributes_are_kept_cleaned_cut_and_dropped_as_the_sdk_does_it(
    first: Any, then: list[tuple[str, Any]], limits: SpanLimits, asks: bool
) -> None:
    logging.disable(logging.WARNING)
    try:
        spans = plain(limits, attributes=first), light(limits, attributes=first)
        for span in spans:
            for method, argument in then:
                if method == "set_attribute":
                    span.set_attribute(*argument)
                else:
                    span.set_attributes(argument)
                if asks:
                    assert isinstance(span._attributes, BoundedAttributes)
            span.end()
    finally:
        logging.disable(logging.NOTSET)
    one, other = map(seen, spans)
    assert other == one


def everything(span: SdkSpan) -> None:
    span.set_attributes({"a": "b", "n": 1, "list": ["x", "y"], "nothing": math.inf})
    span.set_attribute("a", "again")
    span.add_event("happened", {"k": "v"}, timestamp=5)
    span.add_link(OTHER, {"why": "because"})
    span.add_link(SpanContext(0, 0, False))
    span.set_status(StatusCode.ERROR, "broken")
    span.record_exception(ValueError("no"), {"extra": 1})
    span.update_name("renamed")
    span.end()


def test_whatever_is_done_to_a_span_reads_as_on_one_of_the_sdk() -> None:
    start: dict[str, Any] = {"kind": SpanKind.CLIENT, "attributes": {"first": True}, "links": [Link(OTHER, {"l": 1})]}
    spans = plain(**start), light(**start)
    for span in spans:
        everything(span)
    one, other = map(seen, spans)
    assert other == one
    assert spans[1].name == "renamed"
    assert [type(span.to_json()) for span in spans] == [str, str]
    assert isinstance(spans[1]._readable_span(), ReadableSpan)


AFTER_THE_END: dict[str, Callable[[SdkSpan], None]] = {
    "set_attribute": lambda span: span.set_attribute("late", 1),
    "set_attributes": lambda span: span.set_attributes({"late": 1}),
    "set_attribute that would be cleaned": lambda span: span.set_attribute("late", [1]),
    "set_attribute that is there": lambda span: span.set_attribute("a", 2),
    "add_event": lambda span: span.add_event("late"),
    "add_link": lambda span: span.add_link(OTHER),
    "set_status": lambda span: span.set_status(StatusCode.ERROR),
    "update_name": lambda span: span.update_name("late"),
    "end": lambda span: span.end(),
    "start": lambda span: span.start(),
}


@pytest.mark.parametrize("what", AFTER_THE_END)
def test_an_ended_span_warns_and_stays_as_it_is(what: str, caplog: pytest.LogCaptureFixture) -> None:
    said, read = [], []
    for span in (plain(attributes={"a": 1}), light(attributes={"a": 1})):
        span.end()
        caplog.clear()
        before = seen(span), span.end_time
        AFTER_THE_END[what](span)
        assert (seen(span), span.end_time) == before
        said.append([(record.name, record.levelname, record.getMessage()) for record in caplog.records])
        read.append(before[0])
    assert said[0] == said[1] != []
    assert read[0] == read[1]


def test_a_status_follows_the_rules_of_the_sdk() -> None:
    for steps in (
        [Status(StatusCode.OK), Status(StatusCode.ERROR, "late")],
        [Status(StatusCode.ERROR, "one"), Status(StatusCode.UNSET), Status(StatusCode.ERROR, "two")],
    ):
        spans = plain(), light()
        for span in spans:
            for status in steps:
                span.set_status(status)
        one, other = map(seen, spans)
        assert other == one


def test_parts_are_made_when_they_are_first_used() -> None:
    span = light(attributes={"a": 1})
    span.set_attributes({"b": "c"})
    span.end()
    assert (span.attributes, span.events, span.links) == ({"a": 1, "b": "c"}, (), ())
    assert (span.held_attributes, span.held_events, span.held_links) == ({"a": 1, "b": "c"}, None, None)
    assert "_held_lock" not in vars(span)


class Level(int):
    pass


@pytest.mark.parametrize("value", ["v" * 300_000, ["a", "b"], (1, 2), Level(3), b"bytes", None, {"a": 1}, object()])
def test_what_has_to_be_cleaned_is_cleaned_in_the_plain_dict(value: Any) -> None:
    one, other = plain(attributes={"a": 1}), light(attributes={"a": 1})
    for span in (one, other):
        span.set_attribute("b", value)
        span.set_attributes({"c": value, "a": 2})
    assert type(other.held_attributes) is dict
    assert set(other.held_attributes) == set(one.attributes or {})
    if type(value) is not object and not isinstance(value, str):
        assert list(other.held_attributes.items()) == list((one.attributes or {}).items())


def test_of_what_was_dropped_the_sdks_container_knows() -> None:
    span = light(attributes={"a": 1})
    span.set_attribute("", "no key")
    assert (dict(span.attributes), span.dropped_attributes) == ({"a": 1}, 1)


def test_the_attributes_of_an_open_span_are_a_live_view() -> None:
    span = light(attributes={"a": 1})
    view = span.attributes
    span.set_attribute("b", 2)
    assert view == {"a": 1, "b": 2}


def test_a_block_left_by_an_exception_records_it_and_ends_the_span() -> None:
    seen_spans = []
    for make in (plain, light):
        span = make()
        with pytest.raises(ZeroDivisionError), span:
            raise ZeroDivisionError("by zero")
        read = seen(span)
        for _name, attributes, _dropped in read["events"]:
            assert "by zero" in attributes.pop("exception.stacktrace")
        seen_spans.append(read)
    assert seen_spans[0] == seen_spans[1]


def test_a_span_made_by_hand_is_one_that_nobody_gathers() -> None:
    span = Span("by hand", OTHER, attributes={"a": 1}, links=[Link(OTHER)])
    with pytest.raises(RuntimeError):
        span.end()
    span.start()
    span.end()
    assert seen(span)["attributes"] == [("a", 1)]
    assert len(span.links) == 1
    assert repr(span).startswith('Span(name="by hand"')


class Mutating(Kept):
    """Changes what it gets in on_start, in _on_ending and in on_end, by the ways that people have found."""

    def on_start(self, span: SdkSpan, parent_context: Any = None) -> None:
        span.set_attribute("on_start", 1)
        span.update_name(span.name.upper())

    def _on_ending(self, span: SdkSpan) -> None:
        span._attributes._dict["on_ending"] = 2

    def on_end(self, span: ReadableSpan) -> None:
        span._attributes = {**(span.attributes or {}), "on_end": 3}
        super().on_end(span)


@pytest.mark.parametrize("theirs_first", [True, False])
def test_what_another_processor_changes_is_what_is_sent(theirs_first: bool) -> None:
    gathered = Gathered()
    theirs = Mutating()
    gathered.provider.add_span_processor(theirs)
    if theirs_first:
        gathered.provider._active_span_processor._span_processors = (theirs, gathered.processor)
    with gathered.tracer.start_as_current_span("root", attributes={"a": "b"}):
        gathered.tracer.start_span("child").end()
    assert [len(chunk.spans) for chunk in gathered.chunks] == [2]
    assert [span.name for span in gathered.spans] == ["CHILD", "ROOT"]
    ending = {"on_ending": 2} if hasattr(SpanProcessor, "_on_ending") else {}
    assert gathered.spans[1].attributes == {"a": "b", "on_start": 1, **ending, "on_end": 3}
    assert theirs.ended == gathered.spans
    assert theirs.ended[0].parent == theirs.ended[1].context


def test_a_processor_that_comes_while_spans_are_open_gets_their_ends() -> None:
    gathered = Gathered()
    theirs = Kept()
    with gathered.tracer.start_as_current_span("root"):
        gathered.provider.add_span_processor(theirs)
        gathered.tracer.start_span("child").end()
    assert [span.name for span in theirs.ended] == ["child", "root"]
    assert [[span.name for span in chunk.spans] for chunk in gathered.chunks] == [["child", "root"]]
