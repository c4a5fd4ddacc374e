"""Several styles at once: order, links, adoption, restart and ignore (datadog-protocol 4.6)."""

from __future__ import annotations

import pytest
from opentelemetry import baggage
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, get_current_span, set_span_in_context

from otel_dd_distro import propagation, settings
from otel_dd_distro.local_trace import datadog_context
from otel_dd_distro.local_trace.datadog_context import DatadogContext
from otel_dd_distro.propagation import StylesPropagator

from .carriers import LOW, SPAN, SPAN_HEX, TRACE, TRACE_HEX, ids, local, written

DATADOG = {
    "x-datadog-trace-id": str(LOW),
    "x-datadog-parent-id": str(SPAN),
    "x-datadog-sampling-priority": "2",
    "x-datadog-tags": f"_dd.p.dm=-4,_dd.p.tid={TRACE_HEX[:16]}",
}
SAME = {"traceparent": f"00-{TRACE_HEX}-00000000000000ab-01", "tracestate": "dd=s:1;p:00000000000000cd,congo=1"}
OTHER = {"traceparent": f"00-{'1' * 32}-00000000000000ab-01", "tracestate": "dd=s:1,congo=1"}
B3 = {"b3": f"{'2' * 32}-{SPAN_HEX}-0"}
ALL = ("datadog", "tracecontext", "b3multi", "b3", "baggage")


def links(context: Context) -> list[tuple[int, int, dict[str, object]]]:
    return [
        (link.context.trace_id, int(link.context.trace_flags), dict(link.attributes or {}))
        for link in datadog_context.links_of(context)
    ]


def test_the_first_style_that_finds_a_trace_is_continued() -> None:
    assert ids(StylesPropagator(["b3", "datadog", "tracecontext"]).extract(DATADOG | OTHER)) == (TRACE, SPAN)
    assert ids(StylesPropagator(["tracecontext", "datadog"]).extract(DATADOG | OTHER)) == (int("1" * 32, 16), 0xAB)


def test_each_other_trace_becomes_a_link() -> None:
    context = StylesPropagator(ALL).extract(DATADOG | OTHER | B3)
    assert links(context) == [
        (int("1" * 32, 16), 1, {"reason": "terminated_context", "context_headers": "tracecontext"}),
        (int("2" * 32, 16), 0, {"reason": "terminated_context", "context_headers": "b3"}),
    ]
    states = [link.context.trace_state.to_header() for link in datadog_context.links_of(context)]
    assert states == ["dd=s:1,congo=1", ""]


def test_a_trace_without_a_parent_makes_no_link() -> None:
    propagator = StylesPropagator(["tracecontext", "datadog"])
    assert links(propagator.extract(OTHER | DATADOG | {"x-datadog-parent-id": "0"})) == []


def test_of_the_same_trace_the_w3c_parent_and_members_are_adopted() -> None:
    context = StylesPropagator().extract(DATADOG | SAME)
    assert ids(context) == (TRACE, 0xAB)
    expected = DatadogContext(2, tags={"_dd.p.dm": "-4"}, parent_id="00000000000000cd")
    assert datadog_context.of(context) == expected
    assert get_current_span(context).get_span_context().trace_state.get("congo") == "1"
    assert links(context) == []


def test_without_p_the_datadog_parent_is_the_last_one() -> None:
    context = StylesPropagator().extract(DATADOG | SAME | {"tracestate": "congo=1"})
    datadog = datadog_context.of(context)
    assert datadog is not None
    assert datadog.parent_id == SPAN_HEX


def test_first_only_stops_at_the_first_style_that_finds_a_trace() -> None:
    propagator = StylesPropagator(ALL, first_only=True)
    assert ids(propagator.extract(DATADOG | SAME)) == (TRACE, SPAN)
    assert links(propagator.extract(DATADOG | OTHER | B3)) == []
    assert ids(propagator.extract(OTHER)) == (int("1" * 32, 16), 0xAB)


def test_restart_starts_a_new_trace_with_one_link_to_the_old() -> None:
    carrier = DATADOG | SAME | B3 | {"baggage": "user.id=7"}
    context = StylesPropagator(ALL, behavior="restart").extract(carrier)
    assert ids(context) is None
    assert datadog_context.of(context) is None
    assert baggage.get_all(context) == {"user.id": "7"}
    assert links(context) == [
        (TRACE, 1, {"reason": "propagation_behavior_extract", "context_headers": "datadog"}),
    ]
    (link,) = datadog_context.links_of(context)
    assert (link.context.span_id, link.context.trace_state.to_header()) == (0xAB, "")


def test_ignore_takes_nothing_not_even_baggage() -> None:
    given = Context()
    assert StylesPropagator(ALL, behavior="ignore").extract(DATADOG | {"baggage": "a=b"}, given) is given


def test_a_decision_without_a_trace_counts_for_the_trace_that_starts_here() -> None:
    context = StylesPropagator(["b3", "datadog"]).extract({"b3": "0"})
    assert ids(context) is None
    assert datadog_context.of(context) == DatadogContext(0)
    assert datadog_context.of(StylesPropagator(["b3", "datadog"]).extract({"b3": "0"} | DATADOG)) == DatadogContext(
        2, tags={"_dd.p.dm": "-4"}
    )


@pytest.mark.parametrize(
    ("keys", "tags"),
    [
        (("user.id", "account.id"), {"baggage.user.id": "7"}),
        (("*",), {"baggage.user.id": "7", "baggage.other": "8"}),
        ((), {}),
        (("User.Id",), {}),
    ],
)
@pytest.mark.parametrize("carrier", [DATADOG, {}])
def test_chosen_baggage_becomes_tags(keys: tuple[str, ...], tags: dict[str, str], carrier: dict[str, str]) -> None:
    propagator = StylesPropagator(baggage_tag_keys=keys)
    datadog = datadog_context.of(propagator.extract(carrier | {"baggage": "user.id=7,other=8"}))
    assert (datadog.baggage_tags if datadog else {}) == tags


def test_baggage_alone_leaves_the_current_trace_alone() -> None:
    context = StylesPropagator().extract({"baggage": "user.id=7"}, local(sampled=False))
    assert written(StylesPropagator(), context)["x-datadog-sampling-priority"] == "0"


def test_without_a_span_only_baggage_is_written() -> None:
    assert written(StylesPropagator(ALL, ALL), baggage.set_baggage("a", "b", Context())) == {"baggage": "a=b"}


def test_all_styles_are_written_and_fields_names_them() -> None:
    propagator = StylesPropagator(ALL, ALL)
    context = baggage.set_baggage("a", "b", local(DatadogContext(1, "rum", {"_dd.p.dm": "-1"})))
    other = local(DatadogContext(2))
    assert set(written(propagator, context)) | set(written(propagator, other)) == propagator.fields


@pytest.mark.parametrize("styles", [(), ("baggage",)])
def test_without_a_style_no_trace_is_read_or_written(styles: tuple[str, ...]) -> None:
    propagator = StylesPropagator(styles, styles)
    assert ids(propagator.extract(DATADOG)) is None
    assert written(propagator, local(DatadogContext(1))) == {}


def test_the_settings_decide() -> None:
    environ = {
        "DD_TRACE_PROPAGATION_STYLE_EXTRACT": "b3,tracecontext",
        "DD_TRACE_PROPAGATION_STYLE_INJECT": "datadog",
        "DD_TRACE_PROPAGATION_EXTRACT_FIRST": "1",
        "DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH": "0",
    }
    propagator = propagation.from_settings(settings.read(environ))
    context = propagator.extract(B3 | OTHER | DATADOG)
    assert (ids(context), links(context)) == ((int("2" * 32, 16), SPAN), [])
    assert set(written(propagator, context)) == set(DATADOG) - {"x-datadog-tags"}


def test_a_resolver_is_asked_for_the_context_of_the_span_injected(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def resolve(context: Context, span: object) -> DatadogContext | None:
        asked.append((context, span))
        return DatadogContext(-1, "lambda")

    monkeypatch.setattr(datadog_context, "resolve", resolve)
    span = NonRecordingSpan(SpanContext(TRACE, SPAN, False))
    context = set_span_in_context(span, Context())
    headers = written(StylesPropagator(), context)
    assert asked == [(context, span)]
    assert (headers["x-datadog-sampling-priority"], headers["x-datadog-origin"]) == ("-1", "lambda")
    assert headers["traceparent"].endswith("-00")


def test_a_resolver_that_knows_nothing_leaves_the_priority_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datadog_context, "resolve", lambda context, span: None)
    headers = written(StylesPropagator(), local())
    assert "x-datadog-sampling-priority" not in headers
    assert headers["traceparent"].endswith("-01")


class Broken(dict[str, str]):
    def items(self) -> None:  # type: ignore[override]
        raise RuntimeError("broken carrier")

    def __setitem__(self, key: str, value: str) -> None:
        raise RuntimeError("broken carrier")


@pytest.mark.parametrize("carrier", [None, 7, [], Broken()])
@pytest.mark.parametrize("style", [StylesPropagator(ALL, ALL), *(StylesPropagator([one], [one]) for one in ALL)])
def test_a_broken_carrier_never_raises(carrier: object, style: StylesPropagator) -> None:
    context = baggage.set_baggage("a", "b", local(DatadogContext(1)))
    assert style.extract(carrier, context) is context
    style.inject(carrier, context)


@pytest.mark.parametrize(
    "make",
    [
        propagation.DatadogPropagator,
        propagation.TraceContextPropagator,
        propagation.B3Propagator,
        propagation.B3MultiPropagator,
        propagation.BaggagePropagator,
    ],
)
def test_every_style_alone_is_a_propagator_that_never_raises(make: type[propagation.DatadogPropagator]) -> None:
    context = baggage.set_baggage("a", "b", local(DatadogContext(1)))
    propagator = make()
    assert propagator.extract(None, context) is context
    propagator.inject(Broken(), context)
    assert set(written(propagator, context)) <= propagator.fields
