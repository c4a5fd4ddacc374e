"""WSGI bodies reach the server as they are, and requests belong to whom they belong."""

from __future__ import annotations

import gc
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults

import pytest
from opentelemetry import trace
from opentelemetry.context import attach, detach
from opentelemetry.instrumentation import propagators
from opentelemetry.instrumentation.propagators import TraceResponsePropagator

from otel_instrumentors.families import wsgi
from otel_instrumentors.kernel.call import Call, SpanSpec
from otel_instrumentors.kernel.hook import Target
from otel_instrumentors.kernel.recording import is_of_a_request_that_is_over
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Recorder
from tests.otel_instrumentors.families.wsgi_server import serving

PARTS = [b"one ", b"two ", b"three"]


class Sized:
    """A body as Django's: each iteration begins anew, and it has no length."""

    def __init__(self) -> None:
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return iter(PARTS)

    def close(self) -> None:
        self.closed += 1


class Counted(Sized):
    def __len__(self) -> int:
        return len(PARTS)


def generator() -> Iterator[bytes]:
    yield from PARTS


BODIES = pytest.mark.parametrize("make", [generator, Sized, Counted, lambda: list(PARTS), lambda: tuple(PARTS)])


def application(body: Callable[[], Any], recorder: Recorder) -> Any:
    """An application that is traced, and answers with what `body` makes."""

    def serve(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return body()

    def request(call: Call) -> SpanSpec:
        return wsgi.request(call.arg(0, "environ"))

    scope = Scope(recorder.provider.get_tracer("test"))
    return wsgi.application(request).wrap(Target(serve, None, is_method=False), scope)


def environ(**more: str) -> dict[str, Any]:
    made: dict[str, Any] = dict(more)
    setup_testing_defaults(made)
    return made


def asked(traced: Any, **more: str) -> Any:
    return traced(environ(**more), lambda *_args: None)


@BODIES
def test_a_body_claims_what_the_applications_own_can_and_nothing_else(make: Callable[[], Any]) -> None:
    body, own = asked(application(make, Recorder())), make()
    for name in ("__len__", "__getitem__", "__next__", "__iter__", "__call__", "__bool__", "__contains__"):
        assert hasattr(type(body), name) == hasattr(type(own), name), name
    assert isinstance(body, type(own))


@BODIES
def test_who_takes_the_first_part_and_goes_on_gets_each_part_once(make: Callable[[], Any]) -> None:
    recorder = Recorder()
    parts = iter(asked(application(make, recorder)))
    first = next(parts)
    assert first + b"".join(parts) == b"".join(PARTS)
    assert len(recorder.take()) == 1


def test_a_body_that_can_be_iterated_again_still_can() -> None:
    body = asked(application(Sized, Recorder()))
    assert [*body] == PARTS
    assert [*body] == PARTS


def test_a_body_is_closed_once_and_its_span_ended_once() -> None:
    made: list[Sized] = []
    recorder = Recorder()
    body = asked(application(lambda: made.append(Sized()) or made[0], recorder))  # type: ignore[func-returns-value]
    next(iter(body))
    assert recorder.spans() == []
    body.close()
    assert (made[0].closed, len(recorder.take())) == (1, 1)


@BODIES
def test_a_body_that_nobody_reads_or_closes_ends_its_span_when_it_is_freed(make: Callable[[], Any]) -> None:
    recorder = Recorder()
    asked(application(make, recorder))
    gc.collect()
    assert len(recorder.take()) == 1


def test_parts_keep_the_body_and_its_span_while_they_are_read() -> None:
    recorder = Recorder()
    parts = iter(asked(application(Sized, recorder)))
    gc.collect()
    assert next(parts) == PARTS[0]
    assert recorder.spans() == []
    assert [*parts] == PARTS[1:]
    assert len(recorder.take()) == 1


def test_the_servers_own_file_wrapper_is_known_as_such(tmp_path: Any) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"".join(PARTS))
    with path.open("rb") as file:
        body = asked(application(lambda: FileWrapper(file), Recorder()))
        assert isinstance(body, FileWrapper)
        assert body.filelike is file
        assert b"".join(body) == b"".join(PARTS)
        body.close()


# What servers leave open when they are stopped is theirs.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@BODIES
@pytest.mark.parametrize("server", ["waitress", "gevent", "wsgiref"])
def test_servers_send_every_part(make: Callable[[], Any], server: str) -> None:
    recorder = Recorder()
    with serving(server, application(make, recorder)) as port:
        for _ in range(2):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as answer:
                assert (answer.status, answer.read()) == (200, b"".join(PARTS))


HEADERS = {"HTTP_TRACEPARENT": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


def test_an_application_inside_anothers_request_is_below_it_whatever_headers_the_request_has() -> None:
    recorder = Recorder()
    inner = application(lambda: list(PARTS), recorder)

    def outer() -> Any:
        return asked(inner, **HEADERS)

    asked(application(outer, recorder), **HEADERS)
    low, top = recorder.take()
    assert low.parent is not None
    assert top.parent is not None
    assert low.parent.span_id == top.context.span_id
    assert top.parent.is_remote


@pytest.mark.parametrize("headers", [{}, HEADERS], ids=["alone", "called"])
def test_a_request_is_no_child_of_one_that_is_over(headers: dict[str, str]) -> None:
    """As where a server begins to read a request in the context of the one before, on the same connection."""
    recorder = Recorder()
    kept: list[Any] = []

    def body() -> Any:
        kept.append(trace.context_api.get_current())
        return list(PARTS)

    asked(application(body, recorder))
    token = attach(kept[0])
    try:
        assert is_of_a_request_that_is_over(kept[0])
        asked(application(body, recorder), **headers)
    finally:
        detach(token)
    first, second = recorder.take()
    assert second.context.trace_id != first.context.trace_id
    assert (second.parent is None) is not bool(headers)


def test_a_request_within_a_span_of_this_process_that_is_open_is_its_child_and_of_one_that_is_over_it_is_not() -> None:
    recorder = Recorder()
    tracer = recorder.provider.get_tracer("test")
    traced = application(lambda: list(PARTS), recorder)
    with tracer.start_as_current_span("script") as script:
        asked(traced)
        (request,) = recorder.take()
        assert request.parent.span_id == script.get_span_context().span_id
        script.end()
        recorder.take()
        asked(traced)
        (request,) = recorder.take()
        assert request.parent is None


def test_the_client_is_told_of_its_span_where_a_propagator_for_responses_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(propagators, "_RESPONSE_PROPAGATOR", TraceResponsePropagator())
    recorder = Recorder()
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    answered: list[Any] = []
    application(lambda: list(PARTS), recorder)(environ, lambda *answer: answered.append(answer))
    (span,) = recorder.spans()
    assert span.context is not None
    told = f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-{span.context.trace_flags:02x}"
    assert answered == [("200 OK", [("traceresponse", told), ("Access-Control-Expose-Headers", "traceresponse")])]


def test_headers_that_serve_every_response_do_not_grow_with_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(propagators, "_RESPONSE_PROPAGATOR", TraceResponsePropagator())
    headers = [("X-Tea", "green")]

    class Constant:
        def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
            start_response("200 OK", headers)
            return [b"tea"]

    made = wsgi.application(lambda call: wsgi.request(call.args[0])).wrap(
        Target(Constant.__call__, Constant, is_method=True), Scope(Recorder().provider.get_tracer("test"))
    )
    sent: list[Any] = []
    for _ in range(3):
        environ: dict[str, Any] = {}
        setup_testing_defaults(environ)
        made(Constant(), environ, lambda _status, headers: sent.append([name for name, _ in headers]))
    assert sent == [["X-Tea", "traceresponse", "Access-Control-Expose-Headers"]] * 3
    assert headers == [("X-Tea", "green")]
