"""What the garbage collector ends: up to Python 3.11 in the midst of anybody's code, `ContextVar.set` among it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator
from contextvars import Context, ContextVar
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from otel_instrumentors.kernel.call import Call, SpanSpec
from otel_instrumentors.kernel.hook import Target
from otel_instrumentors.kernel.hooks.span_per_answer import SpanPerAnswer
from otel_instrumentors.kernel.hooks.span_per_exchange import SpanPerExchange
from otel_instrumentors.kernel.hooks.traced import traced
from otel_instrumentors.kernel.scope import Scope
from otel_instrumentors.wsgi import OpenTelemetryMiddleware
from tests.otel_instrumentors.contract import Recorder

MARK = ContextVar("mark", default="unset")


class Setting(SpanProcessor):
    """Sets a variable of the context in which a span ends, as OpenTelemetry's SimpleSpanProcessor does."""

    def on_end(self, span: ReadableSpan) -> None:
        MARK.set("set")


class Thing:
    """A connection, a response and a future of some library."""

    def request(self) -> None:
        pass

    def close(self) -> None:
        pass

    def __del__(self) -> None:
        self.close()


def describe(_call: Call) -> SpanSpec:
    return SpanSpec("call")


def body(recorder: Recorder, scope: Scope) -> Any:
    def application(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return iter([b"tea"])

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.url_scheme": "http", "HTTP_HOST": "shop"}
    middleware = OpenTelemetryMiddleware(application, tracer_provider=recorder.provider)
    return middleware(environ, lambda status, headers, exc_info=None: None)


def connection(recorder: Recorder, scope: Scope) -> Any:
    exchanges, thing = SpanPerExchange(lambda _response: False), Thing()
    exchanges.begin(describe).wrap(Target(Thing.request, Thing, True), scope)(thing)
    return exchanges, thing


def closed_connection(recorder: Recorder, scope: Scope) -> Any:
    exchanges = SpanPerExchange(lambda _response: False)

    class Closed(Thing):
        close = exchanges.close().wrap(Target(Thing.close, Thing, True), scope)

    thing = Closed()
    exchanges.begin(describe).wrap(Target(Thing.request, Thing, True), scope)(thing)
    return exchanges, thing


def future(recorder: Recorder, scope: Scope) -> Any:
    answers = SpanPerAnswer()
    return answers, answers.ask(describe).wrap(Target(Thing, None, False), scope)()


def generator(recorder: Recorder, scope: Scope) -> Any:
    def parts() -> Generator[int, None, None]:
        yield 1
        yield 2

    begun = traced(describe).wrap(Target(parts, None, False), scope)()
    next(begun)
    return begun


def coroutine(recorder: Recorder, scope: Scope) -> Any:
    class Later:
        def __await__(self) -> Generator[None, None, None]:
            yield

    async def wait() -> None:
        await Later()

    begun = traced(describe).wrap(Target(wait, None, False), scope)()
    # In a context of its own, as a task is.
    Context().run(begun.send, None)
    return begun


WAYS: list[Callable[[Recorder, Scope], Any]] = [body, connection, closed_connection, future, generator, coroutine]


@pytest.mark.parametrize("way", WAYS)
def test_a_span_that_the_garbage_collector_ends_changes_no_context(way: Callable[[Recorder, Scope], Any]) -> None:
    recorder = Recorder()
    recorder.provider.add_span_processor(Setting())
    circle: list[Any] = [way(recorder, Scope(recorder.provider.get_tracer("test")))]
    circle.append(circle)
    assert recorder.spans() == []

    del circle
    gc.collect()
    assert len(recorder.take()) == 1
    assert MARK.get() == "unset"
