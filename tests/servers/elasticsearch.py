"""Elasticsearch 7.17, which serves the clients 5.5 to 9, and a stand-in for older ones; OpenSearch."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.ports import free_port

from .maven import java
from .processes import PROGRAMS, answers, folder, process

HEALTH = b"GET /_cluster/health?wait_for_status=green&timeout=1s HTTP/1.0\r\n\r\n"


@contextmanager
def elasticsearch() -> Iterator[str]:
    with _node("elasticsearch", "EmbeddedElasticsearch.java", "-Des.networkaddress.cache.ttl=60") as url:
        yield url


@contextmanager
def opensearch() -> Iterator[str]:
    with _node("opensearch", "EmbeddedOpenSearch.java", "-Dopensearch.networkaddress.cache.ttl=60") as url:
        yield url


@contextmanager
def elasticsearch_stub() -> Iterator[str]:
    port = free_port()
    command = [sys.executable, PROGRAMS / "elasticsearch_stub.py", port]
    with folder() as place, process(command, place / "log") as started:
        answers(
            started, place / "log", port, b"GET / HTTP/1.0\r\n\r\n", lambda answer: answer.startswith(b"HTTP/1.1 200")
        )
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _node(name: str, main: str, *options: str) -> Iterator[str]:
    # Unset, they look for what manages Java, and for memory that is not Java's.
    options = ("-Dlog4j2.disable.jmx=true", "-Dio.netty.noUnsafe=true", *options)
    with folder() as place:
        (place / "config").mkdir()
        port, log = free_port(), place / "log"
        command = [*java(name, *options, heap="512m"), PROGRAMS / main, place, port, free_port()]
        with process(command, log, end=signal.SIGKILL, cwd=place) as started:
            answers(started, log, port, HEALTH, lambda answer: answer.startswith((b"HTTP/1.0 200", b"HTTP/1.1 200")))
            yield f"http://127.0.0.1:{port}"
