"""What one of our services writes, the next reads; and no garbage ever raises."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, get_current_span, set_span_in_context

from otel_dd_distro.local_trace import datadog_context
from otel_dd_distro.local_trace.datadog_context import NO_PARENT, DatadogContext
from otel_dd_distro.propagation import StylesPropagator

from .carriers import ids, written

PRINTABLE = st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=",;~=:")
WORDS = st.text(PRINTABLE, min_size=1, max_size=12)
TAGS = st.dictionaries(WORDS.map("_dd.p.x".__add__), WORDS, max_size=3)


@pytest.mark.parametrize("style", ["datadog", "tracecontext", "b3", "b3multi"])
@given(
    trace_id=st.integers(1, 2**128 - 1).filter(lambda number: number & (2**64 - 1)),
    span_id=st.integers(1, 2**64 - 2),
    priority=st.sampled_from([-1, 0, 1, 2]),
    origin=st.one_of(st.just(""), WORDS),
    tags=TAGS,
)
def test_what_is_written_is_read_again(
    style: str, trace_id: int, span_id: int, priority: int, origin: str, tags: dict[str, str]
) -> None:
    propagator = StylesPropagator([style], [style])
    span = SpanContext(trace_id, span_id, False, TraceFlags(priority > 0))
    context = set_span_in_context(NonRecordingSpan(span), Context())
    sent = DatadogContext(priority, origin, tags | {"_dd.p.dm": "-3"})
    received = propagator.extract(written(propagator, datadog_context.attach_to(context, sent)))
    assert ids(received) == (trace_id, span_id)
    datadog = datadog_context.of(received)
    assert datadog is not None
    if style.startswith("b3"):
        assert datadog == DatadogContext(max(priority, 0))
    else:
        parent = f"{span_id:016x}" if style == "tracecontext" else ""
        assert datadog == DatadogContext(priority, origin, sent.tags, parent)


SEEDS = {
    "x-datadog-trace-id": "123456789",
    "x-datadog-parent-id": "67667974448284343",
    "x-datadog-sampling-priority": "1",
    "x-datadog-origin": "rum",
    "x-datadog-tags": "_dd.p.dm=-3,_dd.p.tid=640cfd8d00000000,_dd.p.usr.id=YmF6==",
    "traceparent": "00-640cfd8d0000000000000000075bcd15-00f067aa0ba902b7-01",
    "tracestate": "dd=s:2;o:rum;p:00f067aa0ba902b7;t.dm:-4,congo=t61rcWkgMzE",
    "baggage": "user.id=7,a=b%20c",
    "b3": "640cfd8d0000000000000000075bcd15-00f067aa0ba902b7-1",
    "x-b3-traceid": "640cfd8d0000000000000000075bcd15",
    "x-b3-spanid": "00f067aa0ba902b7",
    "x-b3-sampled": "1",
}
ODD = [
    "",
    " ",
    "\x00",
    "\r\n",
    "\u0661",
    "\ud800",
    "\U0001f600",
    "-",
    "=",
    ",",
    ";",
    ":",
    "~",
    "%",
    "%zz",
    "0" * 40,
    "9" * 5000,
]


def mutated(chance: random.Random) -> dict[str, object]:
    carrier: dict[str, object] = dict(SEEDS)
    for name in chance.sample(sorted(SEEDS), chance.randint(1, 5)):
        text = SEEDS[name]
        at, to = sorted((chance.randint(0, len(text)), chance.randint(0, len(text))))
        change = chance.randrange(6)
        if change == 0:
            carrier[name] = text[:at] + chance.choice(ODD) + text[to:]
        elif change == 1:
            carrier[name] = text[:at] + text[to:]
        elif change == 2:
            carrier[name] = text[:at] + text[at:to][::-1] + text[to:]
        elif change == 3:
            carrier[name] = [text, text[:at], chance.choice(ODD)]
        elif change == 4:
            carrier[name] = chance.choice([None, [], b"\xff" + text.encode(), 7, 1.5, object(), [None], text * 50])
        else:
            del carrier[name]
    return carrier


PARTS = ["dd=", "s:", "t.", "p:", "_dd.p.", "dm", "tid", "00-", "-01"]
SIGNS = [*"0123456789abcdef" * 8, *"-=,;:~%_. ", *PARTS, *ODD[:-1]]


def at_random(chance: random.Random) -> dict[str, object]:
    """Any of the headers, made of nothing but signs that mean something in one of them, and odd ones."""
    names = chance.sample(sorted(SEEDS), chance.randint(1, len(SEEDS)))
    return {name: "".join(chance.choices(SIGNS, k=chance.choice([1, 4, 16, 16, 32, 55, 55, 200]))) for name in names}


def test_10_000_mutated_and_10_000_random_carriers_never_raise_and_never_write_a_broken_header(
    caplog: pytest.LogCaptureFixture,
) -> None:
    chance = random.Random(20261123)
    styles = ("datadog", "tracecontext", "b3", "b3multi", "baggage")
    caplog.set_level("DEBUG")
    for number in range(20_000):
        order = chance.sample(styles, len(styles))
        behavior = chance.choice(["continue", "continue", "restart"])
        propagator = StylesPropagator(order, styles, first_only=number % 5 == 0, behavior=behavior)
        context = propagator.extract(mutated(chance) if number % 2 else at_random(chance))
        span = get_current_span(context).get_span_context()
        assert span.is_valid or not span.trace_id
        datadog = datadog_context.of(context) or DatadogContext()
        assert datadog.priority is None or -(2**31) <= datadog.priority < 2**31
        assert all(isinstance(value, str) for value in baggage.get_all(context).values())
        carrier = written(propagator, context)
        assert all(value.isascii() and value.isprintable() for value in carrier.values()), carrier
        if span.is_valid and span.span_id != NO_PARENT:
            assert ids(StylesPropagator(["tracecontext"]).extract(carrier)) == (span.trace_id, span.span_id)
    # Whatever is swallowed as somebody else's error would be one of ours here.
    assert [record.message for record in caplog.records] == []
