from __future__ import annotations

import gc
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from otel_dd_distro.export import Agent, AgentInfo, agent, connection
from otel_dd_distro.export.agent import Unreached
from otel_dd_distro.export.packing import array_header
from tests.agents import (
    Reply,
    RunningAgent,
    ScriptedAgent,
    drips,
    hangs,
    resets,
    says,
    sends,
    waits,
)
from tests.otel_dd_distro.export.made import chunk, encode
from tests.ports import free_port


@pytest.fixture
def socket_path() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="s") as folder:
        yield f"{folder}/apm.socket"


def send(client: Agent, spans: int = 1) -> agent.Answer:
    try:
        return client.send_traces([array_header(1), encode(chunk(spans), AgentInfo())], 1, "0")
    finally:
        client.close()


def headers_of(request: dict[str, object]) -> dict[str, str]:
    headers = request["headers"]
    assert isinstance(headers, dict)
    return {name.lower(): value for name, value in headers.items()}


@pytest.mark.parametrize("over", ["http", "unix"])
def test_the_test_agent_takes_a_payload_with_all_its_checks_on(test_agent: RunningAgent, over: str) -> None:
    session = test_agent.session({"service:,env:": 0.25})
    url = test_agent.url if over == "http" else test_agent.socket_url
    answer = send(Agent(url, headers=session.headers, external_env="it-false,cn-web"))
    assert answer.status == 200
    assert b"0.25" in answer.body
    assert len(session.spans()) == 1
    (request,) = session.requests()
    headers = headers_of(request)
    assert headers["content-type"] == "application/msgpack"
    assert headers["content-length"] == str(len(request["body"]))
    assert headers["x-datadog-trace-count"] == "1"
    assert headers["datadog-meta-lang"] == "python"
    assert headers["datadog-meta-lang-version"] == ".".join(map(str, sys.version_info[:3]))
    assert headers["datadog-meta-lang-interpreter"] == "CPython"
    assert headers["datadog-meta-tracer-version"][0].isdigit()
    assert headers["datadog-client-computed-top-level"] == "yes"
    assert headers["datadog-send-real-http-status"] == "1"
    assert headers["datadog-rates-payload-version"] == "0"
    assert headers["datadog-external-env"] == "it-false,cn-web"
    assert "transfer-encoding" not in headers


def test_the_agents_checks_are_on(test_agent: RunningAgent) -> None:
    client = Agent(test_agent.url)
    answer = client.send_traces([array_header(0)], 3, "0")
    client.close()
    assert answer.status == 400
    assert b"trace_count_header" in answer.body


def test_the_test_agents_own_description_is_read(test_agent: RunningAgent) -> None:
    client = Agent(test_agent.url)
    info = client.read_info()
    client.close()
    assert "/v0.4/traces" in info.endpoints
    assert info.span_events is True


def test_a_path_prefix_is_kept() -> None:
    with ScriptedAgent() as there:
        client = Agent(there.url + "/proxy/apm/")
        client.read_info()
        send(client)
        assert [request.path for request in there.requests] == ["/proxy/apm/info", "/proxy/apm/v0.4/traces"]


def test_a_unix_socket_is_asked_as_localhost(socket_path: str) -> None:
    with ScriptedAgent(unix=socket_path) as there:
        assert send(Agent(there.url)).status == 200
        assert there.requests[0].headers["host"] == "localhost"


def test_an_ipv6_address_is_spoken_to() -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        # This machine has no IPv6: then the connection fails, but the address has been understood.
        with pytest.raises(Unreached, match="Errno"):
            send(Agent("http://[::1]:8126"))
        return
    heard: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            heard.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    thread = threading.Thread(target=serve)
    thread.start()
    port = listener.getsockname()[1]
    with listener:
        client = Agent(f"http://[::1]:{port}", timeout_s=1)
        assert client.read_info() == AgentInfo()
        client.close()
        thread.join()
    assert f"Host: [::1]:{port}".encode() in heard[0]


def test_one_connection_serves_many_requests() -> None:
    with ScriptedAgent() as there:
        client = Agent(there.url)
        for _ in range(5):
            client.send_traces([array_header(0)], 0, "0")
        client.close()
        assert there.connections == 1


def test_a_kept_connection_that_the_agent_closed_is_replaced_unnoticed() -> None:
    with ScriptedAgent() as there:
        client = Agent(there.url)
        for _ in range(3):
            assert client.send_traces([array_header(0)], 0, "0").status == 200
            there.close_connections()
        client.close()
        assert there.connections == 3
        assert len(there.payloads()) == 3


def test_an_agent_that_says_close_is_obeyed() -> None:
    with ScriptedAgent(says(headers={"Connection": "close"}, then_close=True)) as there:
        client = Agent(there.url)
        for _ in range(2):
            assert client.send_traces([array_header(0)], 0, "0").status == 200
        client.close()
        assert there.connections == 2


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (resets(), "network"),
        (resets(b"HTTP/1.1 200 OK\r\nContent-Le"), "network"),
        (sends(b""), "network"),
        (sends(b"what?\r\n\r\n"), "network"),
        (sends(b"\x00\xff" * 50_000), "network"),
        (sends(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n"), "network"),
        (sends(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500 + b"\r\n"), "network"),
        (sends(b"HTTP/1.1 two hundred\r\n\r\n"), "network"),
        (hangs(), "timeout"),
        (waits(1000, says()), "timeout"),
        (drips(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" + b" " * 1000, 0.1), "timeout"),
    ],
)
def test_no_usable_answer_is_one_clear_reason_in_good_time(reply: Reply, reason: str) -> None:
    with ScriptedAgent(reply) as there:
        began = time.monotonic()
        with pytest.raises(Unreached) as raised:
            send(Agent(there.url, timeout_s=0.4))
        assert time.monotonic() - began < 30
        assert raised.value.reason == reason


@pytest.mark.parametrize(
    "reply",
    [
        resets(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"rate'),
        sends(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"),
        sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        sends(b"HTTP/1.0 200 OK\r\n\r\n{}"),
        sends(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 6_000_000),
        drips(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n".ljust(99), 0.008),
    ],
)
def test_a_payload_counts_as_taken_once_the_status_was_read(reply: Reply) -> None:
    with ScriptedAgent(reply) as there:
        assert send(Agent(there.url, timeout_s=60)).status == 200


def test_a_chunked_answer_is_read() -> None:
    with ScriptedAgent(says(body=b'{"a": 1}', chunked=True)) as there:
        assert send(Agent(there.url)).body == b'{"a": 1}'


def test_an_agent_that_refuses_before_it_has_read_the_body_is_understood() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1 << 20):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        client = Agent(f"http://127.0.0.1:{listener.getsockname()[1]}")
        answer = client.send_traces([array_header(1), *[b"x" * 1_000_000] * 20], 1, "0")
        client.close()
        thread.join()
    assert answer.status == 413


def test_an_answer_that_never_begins_is_let_go_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)

    class Gone(socket.socket):
        def makefile(self, *arguments: object) -> NoReturn:  # type: ignore[override]
            raise OSError

    with Gone() as gone, pytest.raises(OSError):  # noqa: PT011
        connection._Answer(gone)
    gc.collect()
    assert told == []


def test_nobody_listening_is_refused(socket_path: str) -> None:
    for url in (f"http://127.0.0.1:{free_port()}", f"unix://{socket_path}"):
        with pytest.raises(Unreached) as raised:
            send(Agent(url))
        assert raised.value.reason == "refused"


@pytest.mark.parametrize("url", ["", "http://", "ftp://host", "http://host:port", "http://[::1", "unix://" + "x" * 300])
def test_an_address_that_cannot_be_used_is_unreached_like_any_other(url: str) -> None:
    with pytest.raises(Unreached):
        send(Agent(url))


def test_a_header_that_cannot_be_sent_is_unreached_too() -> None:
    with ScriptedAgent() as there, pytest.raises(Unreached, match="header"):
        send(Agent(there.url, headers={"X-A": "a\r\nX-B: b"}))


def test_a_certificate_that_nobody_signed_is_refused_by_us(tmp_path: Path) -> None:
    pem, signed = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    subprocess.run([*command, "-keyout", pem, "-out", signed], check=True, capture_output=True)
    pem.write_text(pem.read_text() + signed.read_text())
    with ScriptedAgent(certificate=pem) as there:
        with pytest.raises(Unreached) as raised:
            send(Agent(there.url))
        assert raised.value.reason == "tls"


def test_credentials_are_never_shown() -> None:
    assert Agent("https://me:secret@host:1/p@th").url == "https://host:1/p@th"
    assert Agent("http://host:8126").url == "http://host:8126"
    assert Agent("unix:///var/run/apm.socket").url == "unix:///var/run/apm.socket"
