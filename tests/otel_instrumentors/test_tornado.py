"""Tornado: its server, its client and its templates, over real sockets."""

from __future__ import annotations

import gc
import http.client
import importlib.metadata
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import _SUPPRESS_HTTP_INSTRUMENTATION_KEY, attach, detach, set_value
from opentelemetry.instrumentation import propagators
from opentelemetry.instrumentation.propagators import TraceResponsePropagator
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import SpanKind

from otel_instrumentors.semconv import headers
from otel_instrumentors.tornado import TornadoInstrumentor, _readable
from tests.agents import until
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented

CALLER = "00-640cfd8d0000abcd12345678901234f1-000000000000004d-01"
IS_NATIVE = int(importlib.metadata.version("tornado").partition(".")[0]) >= 6
"""Native coroutines, and contexts that go where they go: since Tornado stands on asyncio. The exam imports it later."""


WAITING: list[Any] = []
"""The requests of the teahouse that nobody has answered yet."""


def application() -> Any:
    """A teahouse. Its handlers say which span is current."""
    from tornado import gen, template, web, websocket
    from tornado.ioloop import IOLoop

    loader = template.DictLoader({"menu.html": "{{ guest }} of {{ span }}"})
    WAITING.clear()

    class Tea(web.RequestHandler):
        def get(self, kind: str = "tea") -> None:
            self.write(f"{kind} {_current()}")

        post = head = get

    class Menu(web.RequestHandler):
        def get(self) -> None:
            self.write(loader.load("menu.html").generate(guest="Alice", span="?"))

    class Slow(web.RequestHandler):
        @gen.coroutine
        def get(self) -> Any:
            for number in range(3):
                self.write(str(number))
                self.flush()
                yield gen.Task(IOLoop.current().add_timeout, time.time() + 0.02) if not IS_NATIVE else gen.sleep(0.02)

    class Boom(web.RequestHandler):
        @gen.coroutine
        def get(self) -> Any:
            yield gen.moment
            raise ValueError("no tea")

    class Prepared(web.RequestHandler):
        def prepare(self) -> None:
            self.set_status(403)
            self.finish("keep out")

    class Status(web.RequestHandler):
        def get(self, status: str) -> None:
            raise web.HTTPError(int(status), "asked for")

    class Written(web.RequestHandler):
        def get(self) -> None:
            raise ValueError("no tea")

        def write_error(self, status_code: int, **kwargs: Any) -> None:
            self.set_status(410)
            self.finish("sold out")

    class BreaksOff(web.RequestHandler):
        @gen.coroutine
        def get(self) -> Any:
            self.write("half a ")
            yield self.flush()
            raise ValueError("the pot is empty")

    class Answers(web.RequestHandler):
        def get(self) -> None:
            self.set_status(503)

    class Moved(web.RequestHandler):
        def get(self) -> None:
            self.redirect("/tea/green")

    class Wait(web.RequestHandler):
        """Answered by another request."""

        def _execute(self, *args: Any, **kwargs: Any) -> Any:
            self._auto_finish = False
            return super()._execute(*args, **kwargs)

        def get(self) -> None:
            WAITING.append(self)

    class Answer(web.RequestHandler):
        def get(self) -> None:
            WAITING.pop().finish("at last")

    class Seen(web.RequestHandler):
        def get(self) -> None:
            self.write({name.lower(): value for name, value in self.request.headers.get_all()})

    class Stop(web.RequestHandler):
        def get(self) -> None:
            self.write("enough")
            raise web.Finish

    class Talk(websocket.WebSocketHandler):
        def open(self) -> None:
            self.write_message(f"hello {_current()}")

    routes = [
        (r"/", Tea),
        (r"/tea/(\w+)", Tea),
        (r"/cups/(?P<kind>[0-9]+)", Tea),
        (r"/menu", Menu),
        (r"/slow", Slow),
        (r"/boom", Boom),
        (r"/prepared", Prepared),
        (r"/status/([0-9]+)", Status),
        (r"/written", Written),
        (r"/breaks-off", BreaksOff),
        (r"/answers", Answers),
        (r"/moved", Moved),
        (r"/wait", Wait),
        (r"/answer", Answer),
        (r"/seen", Seen),
        (r"/stop", Stop),
        (r"/talk", Talk),
        (r"/old", web.RedirectHandler, {"url": "/"}),
        (r"/static/(.*)", web.StaticFileHandler, {"path": str(Path(__file__).parent)}),
    ]
    if IS_NATIVE:
        routes.append((r"/native", _native(web)))
    return web.Application(routes)


def _native(web: Any) -> Any:
    import asyncio

    class Native(web.RequestHandler):
        async def get(self) -> None:
            before = _current()
            await asyncio.sleep(0.001)
            self.write(f"{before} {_current()}")

    return Native


def _current() -> str:
    return f"{trace.get_current_span().get_span_context().span_id:016x}"


def run(main: Callable[[str], Any], app: Any = None) -> Any:
    """What `main` returns in the end, in a loop of its own, with the application on a free loopback port."""
    from tornado import gen
    from tornado.httpserver import HTTPServer
    from tornado.ioloop import IOLoop
    from tornado.netutil import bind_sockets

    @gen.coroutine
    def served() -> Any:
        server = HTTPServer(app or application())
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        try:
            result = yield main(f"http://127.0.0.1:{sockets[0].getsockname()[1]}")
        finally:
            server.stop()
        return result

    loop = IOLoop(make_current=False) if IS_NATIVE else IOLoop()
    try:
        return loop.run_sync(served)
    finally:
        loop.close(all_fds=True)


def asked(path: str, method: str = "GET", app: Any = None, **sent: str) -> tuple[int, str]:
    """Status and text of one answer, to somebody who is not traced."""
    from tornado import gen

    @gen.coroutine
    def main(url: str) -> Any:
        with ThreadPoolExecutor(1) as one:
            answer = yield one.submit(_ask, url, path, method, sent)
        return answer

    answer: tuple[int, str] = run(main, app)
    return answer


def _ask(url: str, path: str, method: str, sent: dict[str, str]) -> tuple[int, str]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    connection.request(method, path, headers=sent)
    answer = connection.getresponse()
    try:
        return answer.status, answer.read().decode()
    except http.client.IncompleteRead:
        return answer.status, "broken off"
    finally:
        connection.close()


def fetched(path: Any, **options: Any) -> Any:
    """The response to one fetch."""
    from tornado import gen
    from tornado.httpclient import AsyncHTTPClient

    @gen.coroutine
    def main(url: str) -> Any:
        client = AsyncHTTPClient(force_instance=True)
        try:
            request = path(url) if callable(path) else path if "://" in path else url + path
            response = yield client.fetch(request, **options)
        finally:
            client.close()
        return response

    return run(main)


class TestTornadoContract(Contract):
    instrumentor = TornadoInstrumentor
    unbreakable = ("RequestHandler.finish", "RequestHandler._execute")

    @staticmethod
    def use() -> Any:
        return fetched("/menu").body

    # Each use makes a loop of its own, which Tornado forgets late.
    def test_nothing_is_left_in_memory(self) -> None:
        from tornado import gen
        from tornado.httpclient import AsyncHTTPClient

        @gen.coroutine
        def main(url: str) -> Any:
            client = AsyncHTTPClient(force_instance=True)
            provider = TracerProvider(shutdown_on_exit=False)
            with instrumented(self.instrumentor, provider):
                for _ in range(50):
                    yield client.fetch(f"{url}/menu")
                gc.collect()
                before = len(gc.get_objects())
                for _ in range(200):
                    yield client.fetch(f"{url}/menu")
                gc.collect()
                after = len(gc.get_objects())
            client.close()
            return after - before

        assert run(main) <= 100


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(TornadoInstrumentor, recorder.provider):
        yield recorder


def told(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


# --- the server ---


def test_a_request_that_is_served_is_named_by_its_route(recorder: Recorder) -> None:
    agent = {"User-Agent": "guest", "Host": "tea.example:81"}
    status, text = asked("/tea/green?sig=abc&x=1", **agent)

    (span,) = recorder.take()
    assert (status, text) == (200, f"green {span.context.span_id:016x}")
    assert (span.name, span.kind, span.parent) == ("GET /tea/%s", SpanKind.SERVER, None)
    assert told(span) == {
        "http.request.method": "GET",
        "http.route": "/tea/%s",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "url.path": "/tea/green",
        "url.query": "sig=REDACTED&x=1",
        "server.address": "tea.example",
        "server.port": 81,
        "client.address": "127.0.0.1",
        "user_agent.original": "guest",
        "network.protocol.version": "1.1",
        "tornado.handler": f"{__name__}.Tea",
    }
    assert span.status.is_unset


def test_the_span_continues_the_callers(recorder: Recorder) -> None:
    asked("/", traceparent=CALLER)

    (span,) = recorder.take()
    assert span.parent is not None
    assert (span.parent.trace_id, span.parent.span_id) == (0x640CFD8D0000ABCD12345678901234F1, 0x4D)


@pytest.mark.parametrize(
    ("path", "name", "handler", "status"),
    [
        ("/", "GET /", "Tea", 200),
        ("/cups/7", "GET /cups/%s", "Tea", 200),
        ("/prepared", "GET /prepared", "Prepared", 403),
        ("/status/404", "GET /status/%s", "Status", 404),
        ("/written", "GET /written", "Written", 410),
        ("/stop", "GET /stop", "Stop", 200),
        ("/old", "GET /old", "tornado.web.RedirectHandler", 301),
        ("/static/contract.py", "GET /static/%s", "tornado.web.StaticFileHandler", 200),
        ("/static/no-such-file", "GET /static/%s", "tornado.web.StaticFileHandler", 404),
        ("/no/such/page", "GET", "tornado.web.ErrorHandler", 404),
    ],
)
def test_names_are_routes_and_4xx_is_no_failure_of_the_server(
    recorder: Recorder, path: str, name: str, handler: str, status: int
) -> None:
    assert asked(path)[0] == status

    (span,) = recorder.take()
    assert (span.name, told(span)["http.response.status_code"]) == (name, status)
    assert told(span)["tornado.handler"].endswith(handler)
    assert span.status.is_unset == (path != "/written"), "an exception that became a page is told all the same"


@pytest.mark.parametrize("method", ["DELETE", "BREW"])
def test_a_method_that_is_not_allowed_is_no_failure(recorder: Recorder, method: str) -> None:
    assert asked("/menu", method)[0] == 405

    (span,) = recorder.take()
    assert span.name == ("DELETE /menu" if method == "DELETE" else "HTTP /menu")
    assert span.status.is_unset


@pytest.mark.parametrize(
    ("path", "error"), [("/answers", "503"), ("/boom", "ValueError"), ("/status/502", "tornado.web.HTTPError")]
)
def test_5xx_is_a_failure_told_by_its_exception_if_there_is_one(
    recorder: Recorder, path: str, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    status, _ = asked(path)

    (span,) = recorder.take()
    assert (told(span)["http.response.status_code"], told(span)["error.type"]) == (status, error)
    assert [event.name for event in span.events] == ([] if error.isdigit() else ["exception"])


def test_the_span_lasts_until_the_last_byte_of_a_stream(recorder: Recorder) -> None:
    assert asked("/slow") == (200, "012")

    (span,) = recorder.take()
    assert span.end_time is not None
    assert span.start_time is not None
    assert span.end_time - span.start_time > 54_000_000


def test_a_stream_that_breaks_off_is_told_by_what_broke_it(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    asked("/breaks-off")

    (span,) = recorder.take()
    assert (told(span)["http.response.status_code"], told(span)["error.type"]) == (200, "ValueError")


def test_a_request_that_another_one_answers_lasts_until_then(recorder: Recorder) -> None:
    from tornado import gen

    @gen.coroutine
    def main(url: str) -> Any:
        with ThreadPoolExecutor(2) as two:
            first = two.submit(_ask, url, "/wait", "GET", {})
            yield two.submit(until, lambda: bool(WAITING))
            second = yield two.submit(_ask, url, "/answer", "GET", {})
            answers = [(yield first), second]
        return answers

    assert run(main) == [(200, "at last"), (200, "")]
    spans = {span.name: span for span in recorder.take()}
    assert set(spans) == {"GET /wait", "GET /answer"}
    assert spans["GET /wait"].end_time > spans["GET /answer"].start_time  # type: ignore[operator]
    assert spans["GET /wait"].context.trace_id != spans["GET /answer"].context.trace_id


def test_a_client_that_leaves_ends_the_span_of_a_request_that_nobody_answers(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    from tornado import gen

    def leave(url: str) -> None:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
        connection.request("GET", "/wait")
        until(lambda: bool(WAITING))
        connection.close()
        until(lambda: bool(recorder.spans()))

    @gen.coroutine
    def main(url: str) -> Any:
        with ThreadPoolExecutor(1) as one:
            yield one.submit(leave, url)

    with caplog.at_level(logging.WARNING, "opentelemetry"):
        run(main)
    (span,) = recorder.take()
    assert (span.name, span.status.is_unset) == ("GET /wait", True)
    assert [record for record in caplog.records if record.name.startswith(("opentelemetry", "otel"))] == []


def test_a_websocket_is_a_request_until_it_is_open(recorder: Recorder) -> None:
    from tornado import gen
    from tornado.websocket import websocket_connect

    @gen.coroutine
    def main(url: str) -> Any:
        socket = yield websocket_connect(url.replace("http", "ws") + "/talk")
        message = yield socket.read_message()
        spans = recorder.take()
        socket.close()
        return message, spans

    message, (span,) = run(main)
    assert span.name == "GET /talk"
    assert span.status.is_unset
    if IS_NATIVE:
        assert message == f"hello {0:016x}"
        assert told(span)["http.response.status_code"] == 101
    assert recorder.take() == []


def test_requests_on_one_connection_have_nothing_of_each_other(recorder: Recorder) -> None:
    from tornado import gen

    def three(url: str) -> list[int]:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
        statuses = []
        for path in ("/tea/a", "/boom", "/tea/b"):
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        connection.close()
        return statuses

    @gen.coroutine
    def main(url: str) -> Any:
        with ThreadPoolExecutor(1) as one:
            statuses = yield one.submit(three, url)
        return statuses

    assert run(main) == [200, 500, 200]
    spans = recorder.take()
    assert [span.name for span in spans] == ["GET /tea/%s", "GET /boom", "GET /tea/%s"]
    assert [span.parent for span in spans] == [None, None, None]
    assert len({span.context.trace_id for span in spans}) == 3


def test_what_ran_before_is_traced_and_silent_again_after() -> None:
    from tornado import gen
    from tornado.httpclient import AsyncHTTPClient

    recorder, names = Recorder(), []

    @gen.coroutine
    def main(url: str) -> Any:
        client = AsyncHTTPClient(force_instance=True)
        for is_traced in (False, True, False):
            if is_traced:
                with instrumented(TornadoInstrumentor, recorder.provider):
                    yield client.fetch(url)
            else:
                yield client.fetch(url)
            names.append(sorted(span.name for span in recorder.take()))
        client.close()

    run(main)
    assert names == [[], ["GET", "GET /"], []]


def test_a_template_is_a_span_below_its_request(recorder: Recorder) -> None:
    asked("/menu")

    template, request = recorder.take()
    assert (template.name, template.kind) == ("render menu.html", SpanKind.INTERNAL)
    assert told(template) == {
        "template.engine": "tornado",
        "template.operation": "render",
        "template.name": "menu.html",
    }
    assert template.parent is not None
    assert template.parent.span_id == request.context.span_id


if IS_NATIVE:

    def test_the_span_is_current_in_all_of_a_native_coroutine(recorder: Recorder) -> None:
        _, text = asked("/native")

        (span,) = recorder.take()
        assert text.split() == [f"{span.context.span_id:016x}"] * 2

    def test_a_server_reads_what_the_client_wrote(recorder: Recorder) -> None:
        fetched("/tea/green")

        server, client = sorted(recorder.take(), key=lambda span: span.kind.value)
        assert server.parent is not None
        assert (server.parent.span_id, server.parent.trace_id) == (client.context.span_id, client.context.trace_id)

    def test_nested_applications_have_their_routes(recorder: Recorder) -> None:
        from tornado import web
        from tornado.routing import HostMatches, PathMatches, Rule, RuleRouter

        class Hello(web.RequestHandler):
            def get(self) -> None:
                self.write("hello")

        class Other(Hello):
            pass

        inner = web.Application([(r"/branch/(?:old|new)/(\d+)/?", Hello), (r"/branch/other", Other)])
        inner.add_handlers(r"tea\.example", [(r"/branch/host", Hello)])
        router = RuleRouter([Rule(PathMatches("/branch.*"), inner), Rule(HostMatches("nobody"), inner)])

        from tornado import gen

        @gen.coroutine
        def main(url: str) -> Any:
            with ThreadPoolExecutor(1) as one:
                yield one.submit(_ask, url, "/branch/other", "GET", {})
                yield one.submit(_ask, url, "/branch/host", "GET", {"Host": "tea.example"})

        run(main, router)
        assert [span.name for span in recorder.take()] == ["GET /branch/other", "GET /branch/host"]


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        (r"^/set/(?:small|large)/(\d+)$", "/set/(?:small|large)/%s"),
        (r"/a/((?:x|y)+(z))/(?P<name>[)(]+)/b\.c\)", r"/a/%s/%s/b\.c\)"),
        (r"/(?=tea)(?P<a>.)(?P=a)[^]()]", "/(?=tea)%s(?P=a)[^]()]"),
        ("", ""),
    ],
)
def test_patterns_that_tornado_cannot_reverse_are_readable(pattern: str, path: str) -> None:
    assert _readable(pattern) == path


# --- the client ---


def client_span(recorder: Recorder) -> ReadableSpan:
    (span,) = [span for span in recorder.take() if span.kind is SpanKind.CLIENT]
    return span


def test_a_request_that_is_sent_is_a_client_span(recorder: Recorder) -> None:
    response = fetched("/tea/7?sig=abc", headers={"User-Agent": "test"})

    span = client_span(recorder)
    url = response.request.url
    assert (span.name, span.kind) == ("GET", SpanKind.CLIENT)
    assert told(span) == {
        "http.request.method": "GET",
        "url.full": url.replace("abc", "REDACTED"),
        "server.address": "127.0.0.1",
        "server.port": int(url.split(":")[2].partition("/")[0]),
        "user_agent.original": "test",
        "http.response.status_code": 200,
        "http.response.reason_phrase": "OK",
    }
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time > span.start_time


@pytest.mark.parametrize("form", ["url", "request"])
def test_the_called_side_reads_the_span_beside_the_applications_headers(recorder: Recorder, form: str) -> None:
    import json

    from tornado.httpclient import HTTPRequest

    own, made = {"X-Tea": "green"}, []

    def request(url: str) -> HTTPRequest:
        made.append(HTTPRequest(f"{url}/seen", headers=own))
        return made[0]

    response = fetched(request) if form == "request" else fetched("/seen", headers=own)

    span = client_span(recorder)
    received = json.loads(response.body)
    assert received["x-tea"] == "green"
    assert received["traceparent"].split("-")[1:3] == [f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"]
    assert own == {"X-Tea": "green"}
    for each in made:
        assert response.request is each
        assert [name.lower() for name in each.headers] == ["x-tea"]


def test_redirects_are_inside_the_one_span(recorder: Recorder) -> None:
    assert fetched("/moved").code == 200

    span = client_span(recorder)
    assert told(span)["url.full"].endswith("/moved")
    assert told(span)["http.response.status_code"] == 200


@pytest.mark.parametrize("status", [404, 503])
def test_for_a_client_4xx_and_5xx_are_failures(recorder: Recorder, status: int) -> None:
    from tornado.httpclient import HTTPError

    with pytest.raises(HTTPError):
        fetched(f"/status/{status}")

    span = client_span(recorder)
    assert (told(span)["http.response.status_code"], told(span)["error.type"]) == (status, str(status))
    assert span.events == ()


def test_a_refused_connection_is_recorded_and_raised(recorder: Recorder) -> None:
    with pytest.raises(ConnectionRefusedError) as caught:
        fetched("http://user:secret@127.0.0.1:1/x")

    span = client_span(recorder)
    assert told(span)["error.type"] == type(caught.value).__name__
    assert told(span)["url.full"] == "http://REDACTED:REDACTED@127.0.0.1:1/x"
    assert "secret" not in span.to_json()


def test_a_timeout_is_an_error(recorder: Recorder) -> None:
    from tornado.httpclient import HTTPError

    with pytest.raises(HTTPError) as caught:
        fetched("/wait", request_timeout=0.05)

    span = client_span(recorder)
    assert told(span)["error.type"].rpartition(".")[2] == type(caught.value).__name__
    assert "http.response.status_code" not in told(span)


def test_a_request_that_a_layer_above_traces_is_silent(recorder: Recorder) -> None:
    token = attach(set_value(_SUPPRESS_HTTP_INSTRUMENTATION_KEY, True))
    try:
        fetched("/")
    finally:
        detach(token)

    assert [span.kind for span in recorder.take()] == [SpanKind.SERVER]


@pytest.mark.parametrize("value", ["tea\r\nmilk: S3CRET", "S3CRET\0", "S3CRET\n"])
def test_a_header_that_the_client_refuses_is_an_error_of_the_applications_alone(
    value: str, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    def refused() -> tuple[str, str]:
        with pytest.raises(Exception) as raised:  # noqa: PT011 - which one is Tornado's to say
            fetched("http://127.0.0.1:1/", headers={"tea": value})
        return type(raised.value).__name__, str(raised.value)

    with caplog.at_level(logging.WARNING, "otel_instrumentors"):
        traced = refused()
    assert [record.getMessage() for record in caplog.records if record.name == "otel_instrumentors"] == []
    TornadoInstrumentor().uninstrument()
    assert refused() == traced


def test_headers_that_are_asked_for_are_on_the_spans(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    for side in ("CLIENT", "SERVER"):
        monkeypatch.setenv(f"{headers.VARIABLES}{side}_REQUEST", "x-tea")
        monkeypatch.setenv(f"{headers.VARIABLES}{side}_RESPONSE", "content-t.*")
    headers.captured.cache_clear()
    try:
        fetched("/", headers={"X-Tea": "black"})
    finally:
        headers.captured.cache_clear()

    for span in recorder.take():
        assert {key: value for key, value in told(span).items() if ".header." in key} == {
            "http.request.header.x-tea": ("black",),
            "http.response.header.content-type": ("text/html; charset=UTF-8",),
        }


def test_without_propagation_nothing_is_written_and_nothing_read() -> None:
    recorder = Recorder()
    with instrumented(TornadoInstrumentor, recorder.provider, propagate=False):
        body = fetched("/seen").body
        asked("/", traceparent=CALLER)

    assert b"traceparent" not in body
    assert [span.parent for span in recorder.take() if span.kind is SpanKind.SERVER] == [None, None]


@pytest.mark.parametrize("path", ["/tea/green", "/boom", "/gone", "/breaks-off", "/status/503"])
def test_the_client_is_told_of_its_span_once_where_a_propagator_for_responses_is_set(
    path: str, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(propagators, "_RESPONSE_PROPAGATOR", TraceResponsePropagator())
    from tornado import gen

    @gen.coroutine
    def main(url: str) -> Any:
        with ThreadPoolExecutor(1) as one:
            answer = yield one.submit(_headers, url, path)
        return answer

    headers = run(main)
    served = [span for span in recorder.take() if span.kind is SpanKind.SERVER]
    told = [f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}" for span in served]
    assert len(told) == 1
    assert [value[:52] for name, value in headers if name.lower() == "traceresponse"] == told
    assert [value for name, value in headers if name.lower() == "access-control-expose-headers"] == ["traceresponse"]


def _headers(url: str, path: str) -> list[tuple[str, str]]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    connection.close()
    return answer.getheaders()


def test_the_sizes_of_bodies_are_measured_on_both_sides_and_requests_are_counted_while_they_last(
    recorder: Recorder,
) -> None:
    TornadoInstrumentor().uninstrument()
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    with instrumented(TornadoInstrumentor, recorder.provider, meter_provider=provider):
        fetched("/tea/green", method="POST", body="milk")
    data = reader.get_metrics_data()
    provider.shutdown()
    assert data is not None
    points: dict[str, list[Any]] = {
        metric.name: list(metric.data.data_points) for metric in data.resource_metrics[0].scope_metrics[0].metrics
    }
    (active,) = points["http.server.active_requests"]
    assert (active.value, active.attributes) == (0, {"http.request.method": "POST", "url.scheme": "http"})
    for side in ("server", "client"):
        (request,), (response,) = (points[f"http.{side}.{body}.body.size"] for body in ("request", "response"))
        (duration,) = points[f"http.{side}.request.duration"]
        assert (request.count, request.sum) == (1, len("milk"))
        assert response.sum > 0
        assert request.attributes == response.attributes == duration.attributes
