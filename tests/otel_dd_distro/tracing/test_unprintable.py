"""What cannot be made text passes through a span as itself, and the span says what it can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from otel_dd_distro.tracing import TracerProvider
from tests.otel_dd_distro.tracing.test_span import Kept


class Odd(Exception):
    def __str__(self) -> str:
        raise AttributeError("detail")

    __repr__ = __str__


class OddSequence(list[Any]):
    def __iter__(self) -> Any:
        raise AttributeError("detail")

    __str__ = __repr__ = Odd.__str__


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def tracer(kept: Kept) -> Any:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(kept)
    return provider.get_tracer("test")


def block(tracer: Any, error: Exception) -> None:
    with tracer.start_as_current_span("work"):
        raise error


def function(tracer: Any, error: Exception) -> None:
    @tracer.start_as_current_span("work")  # type: ignore[untyped-decorator]
    def work() -> None:
        raise error

    work()


def by_hand(tracer: Any, error: Exception) -> None:
    span = tracer.start_span("work")
    span.record_exception(error)
    span.set_status(StatusCode.ERROR, f"{type(error).__name__}: <Odd that cannot be made text>")
    span.end()
    raise error


@pytest.mark.parametrize("way", [block, function, by_hand])
def test_an_exception_passes_as_itself_and_is_recorded(way: Callable[..., None], tracer: Any, kept: Kept) -> None:
    error = Odd()
    with pytest.raises(Odd) as caught:
        way(tracer, error)
    assert caught.value is error
    (span,) = kept.ended
    assert span.status.description == "Odd: <Odd that cannot be made text>"
    (event,) = span.events
    told = dict(event.attributes or {})
    assert str(told["exception.type"]).endswith("test_unprintable.Odd")
    assert told["exception.message"] == "<Odd that cannot be made text>"
    assert way.__name__ in str(told["exception.stacktrace"]) or way is by_hand


@pytest.mark.parametrize(
    "value", [Odd(), OddSequence([1]), [Odd()], {"a": OddSequence()}], ids=lambda value: type(value).__name__
)
def test_a_value_never_raises_into_the_application_and_the_others_are_kept(value: Any, tracer: Any, kept: Kept) -> None:
    span = tracer.start_span("work", attributes={"before": 1, "odd": value})
    span.set_attribute("odd", value)
    span.set_attributes({"odd": value, "after": 2})
    span.add_event("event", {"odd": value, "after": 2})
    span.end()
    (span,) = kept.ended
    assert _without_odd(span.attributes) == {"before": 1, "after": 2}
    assert _without_odd(span.events[0].attributes) == {"after": 2}


def _without_odd(attributes: Any) -> dict[str, Any]:
    return {key: value for key, value in attributes.items() if key != "odd"}


def test_recording_never_raises_where_the_span_has_ended(tracer: Any, kept: Kept) -> None:
    span = tracer.start_span("work")
    span.end()
    span.record_exception(Odd())
    ended: list[ReadableSpan] = kept.ended
    assert [event.name for event in ended[0].events] == []
