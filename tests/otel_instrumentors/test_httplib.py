"""http.client, against real HTTP servers."""

from __future__ import annotations

import gc
import http.client
import io
import shutil
import socket
import ssl
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.context import _SUPPRESS_HTTP_INSTRUMENTATION_KEY, attach, detach, set_value
from opentelemetry.trace import SpanKind, get_current_span

from otel_instrumentors.httplib import HttplibInstrumentor, send
from otel_instrumentors.kernel.call import Call
from otel_instrumentors.semconv import headers
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented


class _Handler(BaseHTTPRequestHandler):
    """Answers as the path says: with a status, in chunks, too little; it is a proxy, too."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers))  # type: ignore[attr-defined]
        path = self.path.partition("?")[0].rpartition("/")[2]
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"green tea\nblack tea\n"
        self.send_response(int(path) if len(path) == 3 and path.isdecimal() else 200)
        if path == "302":
            self.send_header("Location", "/here")
        if path == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        elif path in ("short", "endless"):
            self.send_header("Connection", "close")
        if path == "short":
            self.send_header("Content-Length", "100")
        elif path not in ("chunked", "endless"):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if path == "chunked":
            for line in body.splitlines(keepends=True):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            self.wfile.write(b"0\r\n\r\n")
        elif self.command != "HEAD" and path != "204":
            self.wfile.write(body)

    do_HEAD = do_POST = do_BREW = do_GET

    def do_CONNECT(self) -> None:
        host, _, port = self.path.rpartition(":")
        self.server.seen.append((self.path, self.headers))  # type: ignore[attr-defined]
        with socket.create_connection((host, int(port))) as beyond:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_copied, args=(beyond, self.connection))
            back.start()
            _copied(self.connection, beyond)
            back.join()
        self.close_connection = True

    def log_message(self, *_args: Any) -> None:
        """Quiet."""


def _copied(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, *_args: Any) -> None:
        """A client that has left is no news."""


class Server:
    """A server on a free loopback port, and what it has seen."""

    def __init__(self, certificate: Path | None = None) -> None:
        self._server = _Quiet(("127.0.0.1", 0), _Handler)
        if certificate is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.seen: list[tuple[str, Any]] = []
        self._server.seen = self.seen  # type: ignore[attr-defined]
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def connection(self) -> Any:
        """Of http.client, closed in the end."""
        return closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60))


def asked(server: Server) -> str:
    with server.connection() as connection:
        connection.request("GET", "/path")
        response = connection.getresponse()
        lines = [response.readline(), response.read1(3), bytes(response.readinto(bytearray(3))), response.read()]
    server.seen.clear()
    return repr(lines)


class TestHttplibContract(Contract):
    instrumentor = HttplibInstrumentor
    # Nobody else closes the socket, and the garbage collector asks for the other.
    unbreakable = ("HTTPConnection.close", "HTTPResponse.close")

    @staticmethod
    def use() -> Any:
        with Server() as server:
            return asked(server)

    # Each use starts a server of its own: the threads of the last ones are still being forgotten.
    def test_nothing_is_left_in_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[override]
        with Server() as server:
            monkeypatch.setattr(type(self), "use", staticmethod(lambda: asked(server)))
            super().test_nothing_is_left_in_memory()


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(HttplibInstrumentor, recorder.provider):
        yield recorder


def attributes(span: Any) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_request_is_a_client_span_below_the_current_one(recorder: Recorder, server: Server) -> None:
    with recorder.provider.get_tracer("application").start_as_current_span("work"), server.connection() as connection:
        connection.request("GET", "/item/7?sig=abc&x=1", headers={"User-Agent": "test"})
        response = connection.getresponse()
        assert response.read() == b"green tea\nblack tea\n"

    span, work = recorder.take()
    assert (span.name, span.kind) == ("GET", SpanKind.CLIENT)
    assert span.parent is not None
    assert span.parent.span_id == work.context.span_id
    assert attributes(span) == {
        "http.request.method": "GET",
        "url.full": f"{server.url}/item/7?sig=REDACTED&x=1",
        "server.address": "127.0.0.1",
        "server.port": server.port,
        "user_agent.original": "test",
        "http.response.status_code": 200,
    }


def test_the_called_side_reads_the_span_in_the_headers_once(recorder: Recorder, server: Server) -> None:
    with server.connection() as connection:
        # As a proxy does that passes on what it got.
        connection.request("GET", "/", headers={"TraceParent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01"})
        connection.getresponse().read()

    (span,) = recorder.take()
    (parent,) = server.seen[0][1].get_all("traceparent")
    assert parent.split("-")[1:3] == [f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"]


@pytest.mark.parametrize("path", ["/200", "/chunked", "/endless"])
@pytest.mark.parametrize(
    "read",
    [
        lambda response: response.read(),
        lambda response: list(response),
        lambda response: response.readlines(),
        lambda response: list(iter(lambda: response.read(7), b"")),
        lambda response: list(iter(lambda: response.read1(7), b"")),
        lambda response: list(iter(lambda: response.readinto(bytearray(7)), 0)),
        lambda response: shutil.copyfileobj(response, io.BytesIO()),
        lambda response: io.BufferedReader(response).read(),
        lambda response: io.TextIOWrapper(response).read(),
        lambda response: response.close(),
    ],
    ids=["read", "iterated", "lines", "pieces", "read1", "readinto", "copied", "buffered", "text", "closed"],
)
def test_the_span_ends_when_the_response_is_read_or_closed(
    recorder: Recorder, server: Server, path: str, read: Any
) -> None:
    with server.connection() as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        assert recorder.spans() == []
        assert not get_current_span().is_recording()
        read(response)
        assert len(recorder.take()) == 1


@pytest.mark.parametrize(("method", "path"), [("HEAD", "/200"), ("GET", "/204"), ("GET", "/304")])
def test_a_response_without_a_body_ends_it_at_once(recorder: Recorder, server: Server, method: str, path: str) -> None:
    with server.connection() as connection:
        connection.request(method, path)
        connection.getresponse()
        assert len(recorder.take()) == 1


def test_a_connection_that_is_used_again_makes_a_span_for_each_request(recorder: Recorder, server: Server) -> None:
    with server.connection() as connection:
        for path in ("/a", "/b"):
            connection.request("GET", path)
            connection.getresponse().read()
            sock = connection.sock
        connection.request("GET", "/c")
        assert connection.sock is sock
    urls = [attributes(span)["url.full"] for span in recorder.take()]
    assert urls == [f"{server.url}{path}" for path in ("/a", "/b", "/c")]


def test_a_request_that_is_put_together_line_by_line_is_traced_too(recorder: Recorder, server: Server) -> None:
    with server.connection() as connection:
        connection.putrequest("POST", "/cups", skip_accept_encoding=True)
        connection.putheader("Content-Length", "6")
        connection.putheader("User-Agent", "by hand")
        connection.endheaders()
        connection.send(b"thr")
        connection.send(b"ee!")
        assert connection.getresponse().read() == b"three!"

    (span,) = recorder.take()
    assert (span.name, attributes(span)["user_agent.original"]) == ("POST", "by hand")
    assert f"{span.context.span_id:016x}" in server.seen[0][1]["traceparent"]


def test_urlopen_is_traced_with_each_redirect(recorder: Recorder, server: Server) -> None:
    with urllib.request.urlopen(f"{server.url}/302", timeout=60) as response:
        assert response.read() == b"green tea\nblack tea\n"

    first, second = recorder.take()
    assert attributes(first)["http.response.status_code"] == 302
    assert attributes(second)["url.full"] == f"{server.url}/here"
    assert str(attributes(second)["user_agent.original"]).startswith("Python-urllib/")


@pytest.mark.parametrize(("status", "error"), [(200, None), (404, "404"), (500, "500")])
def test_for_a_client_4xx_and_5xx_are_failures(
    recorder: Recorder, server: Server, status: int, error: str | None
) -> None:
    with server.connection() as connection:
        connection.request("GET", f"/{status}")
        connection.getresponse().read()

    (span,) = recorder.take()
    assert attributes(span).get("error.type") == error
    assert span.status.is_unset == (error is None)


def test_an_error_status_that_urlopen_raises_is_one_span_with_the_status(recorder: Recorder, server: Server) -> None:
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(f"{server.url}/503", timeout=60)
    raised.value.close()
    (span,) = recorder.take()
    assert attributes(span)["http.response.status_code"] == 503


def test_a_refused_connection_is_recorded_and_raised(recorder: Recorder) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", 1)) as connection, pytest.raises(ConnectionRefusedError):
        connection.request("GET", "/x")
    (span,) = recorder.take()
    assert attributes(span)["error.type"] == "ConnectionRefusedError"
    assert attributes(span)["url.full"] == "http://127.0.0.1:1/x"


def test_a_server_that_hangs_up_is_an_error(recorder: Recorder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        connection = http.client.HTTPConnection("127.0.0.1", listening.getsockname()[1], timeout=60)
        connection.request("GET", "/")
        listening.accept()[0].close()
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)) as raised:
            connection.getresponse()
        connection.close()
    (span,) = recorder.take()
    assert attributes(span)["error.type"].endswith(type(raised.value).__name__)


def test_a_body_that_breaks_off_is_an_error(recorder: Recorder, server: Server) -> None:
    with server.connection() as connection:
        connection.request("GET", "/short")
        with pytest.raises(http.client.IncompleteRead):
            connection.getresponse().read()
    (span,) = recorder.take()
    assert attributes(span)["error.type"] == "http.client.IncompleteRead"
    assert attributes(span)["http.response.status_code"] == 200


def test_misuse_makes_no_span_and_is_told_as_ever(recorder: Recorder, server: Server) -> None:
    with server.connection() as connection:
        with pytest.raises(http.client.ResponseNotReady):
            connection.getresponse()
        with pytest.raises(http.client.CannotSendHeader):
            connection.endheaders()
        with pytest.raises(http.client.InvalidURL):
            connection.request("GET", "/two words")
    assert recorder.take() == []
    with server.connection() as connection:
        connection.request("GET", "/a")
        with pytest.raises(http.client.CannotSendRequest):
            connection.request("GET", "/b")
        assert connection.getresponse().read()
    (span,) = recorder.take()
    assert attributes(span)["url.full"] == f"{server.url}/a"


def test_a_response_that_is_forgotten_unread_ends_its_span(recorder: Recorder, server: Server) -> None:
    with server.connection() as connection:
        connection.request("GET", "/endless")
        connection.getresponse()
    gc.collect()
    assert len(recorder.take()) == 1


def test_a_request_that_a_layer_above_traces_is_silent(recorder: Recorder, server: Server) -> None:
    token = attach(set_value(_SUPPRESS_HTTP_INSTRUMENTATION_KEY, True))
    try:
        assert asked(server)
    finally:
        detach(token)
    assert recorder.take() == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this host that nobody else signed, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    pem, signed = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", pem, "-out", signed], check=True, capture_output=True)
    pem.write_text(pem.read_text() + signed.read_text())
    return pem


def test_https_is_traced_and_a_tunnel_is_no_request(recorder: Recorder, server: Server, certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    with Server(certificate) as secure:
        with closing(http.client.HTTPSConnection("127.0.0.1", secure.port, context=trusting, timeout=60)) as connection:
            connection.request("GET", "/direct")
            connection.getresponse().read()
        with closing(http.client.HTTPSConnection("127.0.0.1", server.port, context=trusting, timeout=60)) as connection:
            connection.set_tunnel("127.0.0.1", secure.port)
            connection.request("GET", "/tunnelled")
            connection.getresponse().read()
    spans = recorder.take()
    assert [attributes(span)["url.full"] for span in spans] == [
        f"https://127.0.0.1:{secure.port}/direct",
        f"https://127.0.0.1:{secure.port}/tunnelled",
    ]
    assert [path for path, _ in server.seen] == [f"127.0.0.1:{secure.port}"]
    assert "traceparent" not in server.seen[0][1]
    assert "traceparent" in secure.seen[1][1]


def test_a_request_by_a_proxy_is_one_to_the_server_behind_it(recorder: Recorder, server: Server) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": server.url}))
    with opener.open("http://tea.example:8080/cups/200?x=1", timeout=60) as response:
        response.read()
    (span,) = recorder.take()
    assert attributes(span)["url.full"] == "http://tea.example:8080/cups/200?x=1"
    assert (attributes(span)["server.address"], attributes(span)["server.port"]) == ("tea.example", 8080)
    assert server.seen[0][0] == "http://tea.example:8080/cups/200?x=1"


def described(connection: Any, method: str, target: str) -> dict[str, Any]:
    connection.putrequest(method, target)
    spec = send(Call(connection, (), {}))
    assert spec is not None
    return {"name": spec.name, **dict(spec.attributes or {})}


def test_odd_requests_are_described_as_far_as_they_go() -> None:
    assert described(http.client.HTTPConnection("::1", 8080), "BREW", "/pot?x") == {
        "name": "HTTP",
        "http.request.method": "_OTHER",
        "http.request.method_original": "BREW",
        "url.full": "http://[::1]:8080/pot?x",
        "server.address": "::1",
        "server.port": 8080,
    }
    assert described(http.client.HTTPSConnection("tea.example"), "OPTIONS", "*") == {
        "name": "OPTIONS",
        "http.request.method": "OPTIONS",
        "url.full": "https://tea.example",
        "server.address": "tea.example",
        "server.port": 443,
    }
    moved = described(http.client.HTTPConnection("tea.example"), "GET", "/?to=http://elsewhere/")
    assert moved["url.full"] == "http://tea.example/?to=http://elsewhere/"


def test_headers_that_are_asked_for_are_on_the_span(
    recorder: Recorder, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(headers.VARIABLES + "CLIENT_REQUEST", "x-tea,host")
    monkeypatch.setenv(headers.VARIABLES + "CLIENT_RESPONSE", "content-.*")
    headers.captured.cache_clear()
    try:
        with server.connection() as connection:
            connection.request("GET", "/", headers={"X-Tea": "black"})
            connection.getresponse().read()
    finally:
        headers.captured.cache_clear()

    (span,) = recorder.take()
    captured = {key: value for key, value in attributes(span).items() if ".header." in key}
    assert captured == {
        "http.request.header.x-tea": ("black",),
        "http.request.header.host": (f"127.0.0.1:{server.port}",),
        "http.response.header.content-length": ("20",),
    }


def test_without_propagation_the_called_side_gets_no_headers(server: Server) -> None:
    recorder = Recorder()
    with instrumented(HttplibInstrumentor, recorder.provider, propagate=False), server.connection() as connection:
        connection.request("GET", "/")
        connection.getresponse().read()

    assert len(recorder.take()) == 1
    assert "traceparent" not in server.seen[0][1]
