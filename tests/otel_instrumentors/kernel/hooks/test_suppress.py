"""Calls that are told by the span around them."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.context import create_key, get_current

from otel_instrumentors.kernel.call import SpanSpec
from otel_instrumentors.kernel.hook import Target
from otel_instrumentors.kernel.hooks.suppress import suppress
from otel_instrumentors.kernel.hooks.traced import traced
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Boom, Recorder

INSIDE, SUPPRESSED = create_key("inside"), create_key("suppressed")


class Client:
    """What sends a request by its transport; both are traced."""

    def send(self, act: Any) -> Any:
        return self.transport(act)

    def transport(self, act: Any) -> Any:
        return self.lower(act)

    def lower(self, act: Any) -> Any:
        return act()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def scope(recorder: Recorder) -> Scope:
    return Scope(recorder.provider.get_tracer("test"))


@pytest.fixture
def client(scope: Scope) -> Any:
    class Hooked(Client):
        pass

    def span(name: str, silences: str | None = None) -> Any:
        return lambda call: SpanSpec(name, silences=silences)

    for name, hook in (
        ("send", traced(span("send", INSIDE))),
        ("transport", suppress(SUPPRESSED, inside=INSIDE)),
        ("lower", traced(span("lower"), suppressed_by=SUPPRESSED)),
    ):
        setattr(Hooked, name, hook.wrap(Target(getattr(Client, name), Hooked, is_method=True), scope))
    return Hooked()


def names(recorder: Recorder) -> list[str]:
    return [span.name for span in recorder.take()]


def test_what_is_below_stays_silent_inside_the_span_that_tells_it(client: Any, recorder: Recorder) -> None:
    assert client.send(lambda: 7) == 7
    assert names(recorder) == ["send"]
    client.lower(lambda: 7)
    assert names(recorder) == ["lower"]


def test_nothing_is_silenced_that_nobody_tells(client: Any, recorder: Recorder) -> None:
    client.transport(lambda: 7)
    assert names(recorder) == ["lower"]


def test_where_no_span_has_to_be_around_it_is_silent_in_any_case(scope: Scope, recorder: Recorder) -> None:
    lower = traced(lambda call: SpanSpec("lower"), suppressed_by=SUPPRESSED).wrap(
        Target(Client.lower, Client, is_method=True), scope
    )
    wrapper = suppress(SUPPRESSED).wrap(Target(lower, Client, is_method=True), scope)
    assert wrapper(Client(), lambda: 7) == 7
    assert names(recorder) == []


def test_the_context_is_given_back_also_where_the_call_raises(client: Any, recorder: Recorder) -> None:
    def act() -> None:
        assert get_current().get(SUPPRESSED)
        raise Boom("theirs")

    before = get_current()
    with pytest.raises(Boom):
        client.send(act)
    assert get_current() is before


def test_uninstrumented_it_silences_nobody(client: Any, scope: Scope) -> None:
    scope.active = False
    client.transport(lambda: None)
    assert client.send(lambda: get_current().get(SUPPRESSED)) is None


def test_arguments_and_names_are_the_functions_own(scope: Scope) -> None:
    def send(self: Any, what: str, *, fast: bool = False) -> Any:
        return self, what, fast

    wrapper: Any = suppress(SUPPRESSED, inside=INSIDE).wrap(Target(send, None, is_method=True), scope)
    assert wrapper("client", "tea", fast=True) == ("client", "tea", True)
    assert wrapper.__name__ == "send"
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'what'"):
        wrapper("client")
