"""Two Agents to test against: Datadog's own test agent in a process, and one of sockets that misbehaves as scripted."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ormsgpack

from tests.ports import free_port

CHECKS = "trace_count_header,meta_tracer_version_header,trace_content_length,meta_events_is_valid_json"


def until(happened: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Waits for something that another thread or process does; raises TimeoutError where it does not."""
    end = time.monotonic() + timeout_s
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError(f"not after {timeout_s} s")
        time.sleep(0.01)


# On a busy machine the Agent may take longer than the two seconds that it is given.
PATIENT = {"DD_TRACE_AGENT_TIMEOUT_SECONDS": "60", "OTEL_DD_SHUTDOWN_TIMEOUT_SECONDS": "60"}


def clean_environ(**more: str) -> dict[str, str]:
    """This process's environment without what would configure a tracer, plus `PATIENT` and `more`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("DD_", "_DD_", "OTEL_"))}
    return {**kept, **PATIENT, **more}


# --- Datadog's test agent ---


@dataclass
class Session:
    """What the test agent has received under one token: give `headers` to the exporter under test."""

    agent: RunningAgent
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"X-Datadog-Test-Session-Token": self.token}

    def traces(self) -> list[list[dict[str, Any]]]:
        traces: list[list[dict[str, Any]]] = json.loads(self.agent.get("/test/session/traces", self.token))
        return traces

    def spans(self) -> list[dict[str, Any]]:
        return [span for trace in self.traces() for span in trace]

    def otlp_traces(self) -> list[dict[str, Any]]:
        """The OTLP requests for traces, as JSON."""
        payloads: list[dict[str, Any]] = json.loads(self.agent.get("/test/session/traces", self.token, otlp=True))
        return payloads

    def requests(self, path: str = "/v0.4/traces") -> list[dict[str, Any]]:
        """Requests to one path: method, url, headers, body (bytes)."""
        requests = json.loads(self.agent.get("/test/session/requests", self.token))
        return [
            {**request, "body": base64.b64decode(request["body"])}
            for request in requests
            if urllib.parse.urlsplit(request["url"]).path == path
        ]

    def stats(self) -> list[dict[str, Any]]:
        """The payloads of client stats, as far as the test agent reads them."""
        payloads: list[dict[str, Any]] = json.loads(self.agent.get("/test/session/stats", self.token))
        return payloads

    def wait_for_spans(self, number: int, timeout_s: float = 60.0) -> list[dict[str, Any]]:
        """The spans, as soon as there are that many; whatever is there when time is over."""
        end = time.monotonic() + timeout_s
        while len(spans := self.spans()) < number and time.monotonic() < end:
            time.sleep(0.05)
        return spans


@dataclass
class RunningAgent:
    url: str
    socket_url: str
    otlp_url: str
    process: subprocess.Popen[bytes]
    log: Path

    def get(self, path: str, token: str = "", otlp: bool = False, **query: str) -> bytes:
        if token:
            query["test_session_token"] = token
        url = self.otlp_url if otlp else self.url
        with urllib.request.urlopen(f"{url}{path}?{urllib.parse.urlencode(query)}", timeout=60) as answer:
            body: bytes = answer.read()
            return body

    def session(self, rates: Mapping[str, float] | None = None) -> Session:
        """A new session; `rates` are what it will return as `rate_by_service`."""
        token = uuid.uuid4().hex
        query = {} if rates is None else {"agent_sample_rate_by_service": json.dumps(rates)}
        self.get("/test/session/start", token, **query)
        return Session(self, token)


@contextlib.contextmanager
def running_test_agent() -> Iterator[RunningAgent]:
    """ddapm-test-agent from this environment, over HTTP and a unix socket, with its checks on."""
    command = Path(sys.executable).with_name("ddapm-test-agent")
    if not command.exists():
        raise RuntimeError(f"the test agent is missing: {sys.executable} -m pip install ddapm-test-agent==1.69.1")
    # Not pytest's own directory: the path of a unix socket must be short.
    folder = Path(tempfile.mkdtemp(prefix="agent"))
    port, otlp_port, log = free_port(), free_port(), folder / "log"
    arguments = ["--port", port, "--otlp-http-port", otlp_port, "--otlp-grpc-port", free_port()]
    arguments += ["--snapshot-dir", folder / "snapshots", "--trace-uds-socket", folder / "apm.socket"]
    (folder / "snapshots").mkdir()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(command), *map(str, arguments)],
            env=clean_environ(ENABLED_CHECKS=CHECKS),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    agent = RunningAgent(
        f"http://127.0.0.1:{port}", f"unix://{folder / 'apm.socket'}", f"http://127.0.0.1:{otlp_port}", process, log
    )
    try:
        _wait_until_ready(agent)
        yield agent
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder)


def _wait_until_ready(agent: RunningAgent) -> None:
    end = time.monotonic() + 300
    while True:
        try:
            agent.get("/info")
        except OSError:
            if agent.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the test agent does not start:\n{agent.log.read_text()}") from None
            time.sleep(0.05)
        else:
            return


# --- an Agent that does what a test tells it ---


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    connection: int
    """Which connection it came on, counted from 0."""
    at: float = field(default_factory=time.monotonic)

    def traces(self) -> list[list[dict[str, Any]]]:
        traces: list[list[dict[str, Any]]] = ormsgpack.unpackb(self.body)
        return traces


Reply = Callable[[socket.socket, "Request | None"], None]
"""Answers one request on its connection; raises ConnectionError to close it afterwards."""


class Closed(ConnectionError):
    """The script says that the connection ends here."""


def says(
    status: int = 200,
    body: bytes = b"{}",
    headers: Mapping[str, str] | None = None,
    *,
    chunked: bool = False,
    then_close: bool = False,
) -> Reply:
    def reply(connection: socket.socket, request: Request | None) -> None:
        lines = [f"HTTP/1.1 {status} said", *(f"{name}: {value}" for name, value in (headers or {}).items())]
        lines.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}")
        sent = b"".join(b"%x\r\n%b\r\n" % (1, body[i : i + 1]) for i in range(len(body))) + b"0\r\n\r\n"
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + (sent if chunked else body))
        if then_close:
            raise Closed

    return reply


def sends(data: bytes) -> Reply:
    """These bytes, then the end of the connection."""

    def reply(connection: socket.socket, request: Request | None) -> None:
        connection.sendall(data)
        raise Closed

    return reply


def resets(after: bytes = b"") -> Reply:
    """These bytes, then a reset instead of an orderly end."""

    def reply(connection: socket.socket, request: Request | None) -> None:
        if after:
            connection.sendall(after)
            time.sleep(0.05)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Closed

    return reply


def hangs() -> Reply:
    """Takes the request and never answers."""

    def reply(connection: socket.socket, request: Request | None) -> None:
        connection.recv(1)
        raise Closed

    return reply


def waits(seconds: float, then: Reply) -> Reply:
    """Answers later, if the client is still there."""

    def reply(connection: socket.socket, request: Request | None) -> None:
        if select.select([connection], [], [], seconds)[0]:
            raise Closed
        then(connection, request)

    return reply


def drips(data: bytes, every_s: float) -> Reply:
    """One byte at a time, so that every single read is in time."""

    def reply(connection: socket.socket, request: Request | None) -> None:
        for i in range(len(data)):
            connection.sendall(data[i : i + 1])
            time.sleep(every_s)
        raise Closed

    return reply


class ScriptedAgent:
    """Listens on a port or a unix socket; each payload gets the script's next reply, the last one again and again."""

    def __init__(
        self,
        *script: Reply,
        info: Reply | None = None,
        unix: str = "",
        port: int = 0,
        certificate: Path | None = None,
        silent: bool = False,
    ) -> None:
        self._script = list(script) or [says()]
        self._info = info or says(404)
        self._silent = silent
        self.requests: list[Request] = []
        self.connections = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._stopping = threading.Event()
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate)
        if unix:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(unix)
            self.url = f"unix://{unix}"
        else:
            self._listener = socket.create_server(("127.0.0.1", port))
            scheme = "https" if certificate else "http"
            self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._listener.listen(64)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def payloads(self) -> list[Request]:
        with self._lock:
            return [request for request in self.requests if request.path.endswith("/v0.4/traces")]

    def infos(self) -> int:
        with self._lock:
            return sum(request.path.endswith("/info") for request in self.requests)

    def spans(self) -> list[int]:
        """Ids of the spans in all payloads received, repetitions and all."""
        return [span["span_id"] for payload in self.payloads() for trace in payload.traces() for span in trace]

    def close(self) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.close_connections()
        for thread in self._threads:
            thread.join(60)

    def close_connections(self) -> None:
        """Close what clients keep open, as an Agent does that restarts."""
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> ScriptedAgent:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._stopping.is_set():  # It came too late to be closed with the others.
                    connection.close()
                    return
                number, self.connections = self.connections, self.connections + 1
                self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection, number), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        plain = connection
        try:
            if self._silent:
                self._stopping.wait()
                return
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection.makefile("rb") as reader:
                while request := _read(reader, number):
                    with self._lock:
                        self.requests.append(request)
                        if request.path.endswith("/info"):
                            reply = self._info
                        else:
                            reply = self._script.pop(0) if len(self._script) > 1 else self._script[0]
                    reply(connection, request)
        except (OSError, ValueError):
            # The client left, or the script says so.
            pass
        finally:
            with self._lock:
                self._open.discard(plain)
            connection.close()
            plain.close()


def _read(reader: Any, number: int) -> Request | None:
    first = reader.readline()
    if not first:
        return None
    method, path, _ = first.decode().split()
    headers = {}
    while (line := reader.readline().decode().strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = reader.read(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body, number)
