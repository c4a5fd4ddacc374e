"""pymemcache, on a real server."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from pymemcache.client.base import Client, PooledClient
from pymemcache.client.hash import HashClient
from pymemcache.exceptions import MemcacheClientError

from otel_instrumentors.pymemcache import PymemcacheInstrumentor, shows_keys
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented


def address() -> tuple[str, int]:
    host, _, port = os.environ["TEST_MEMCACHED_URL"].partition("://")[2].partition(":")
    return host, int(port)


class TestPymemcacheContract(Contract):
    instrumentor = PymemcacheInstrumentor
    servers = ("memcached",)

    @staticmethod
    def use() -> Any:
        client = Client(address(), no_delay=True)
        try:
            client.set("contract", "1", noreply=False)
            client.set_many({"a": "2", "b": "3"})
            return [client.get("contract"), client.get_many(["a", "none", "b"]), client.incr("contract", 0)]
        finally:
            client.close()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(PymemcacheInstrumentor, recorder.provider):
        yield recorder


@pytest.fixture
def client(memcached: str, recorder: Recorder) -> Iterator[Client]:
    """A client of an empty server."""
    client = Client(address())
    client.flush_all(noreply=False)
    recorder.take()
    yield client
    client.close()


def counted(recorder: Recorder) -> list[tuple[str, object]]:
    return [(span.name, (span.attributes or {}).get("db.row_count")) for span in recorder.take()]


def test_a_command_is_a_client_span_named_by_the_method(client: Client, recorder: Recorder) -> None:
    client.set("tea", "green", noreply=False)
    assert client.get("tea") == b"green"
    setting, getting = recorder.take()
    host, port = address()
    common = {"db.system.name": "memcached", "server.address": host, "server.port": port}
    assert (setting.name, setting.kind.name) == ("set", "CLIENT")
    assert dict(setting.attributes or {}) == {**common, "db.operation.name": "set", "db.driver.call": "set"}
    assert dict(getting.attributes or {}) == {
        **common,
        "db.operation.name": "get",
        "db.driver.call": "get",
        "db.row_count": 1,
    }


def test_values_found_are_counted_and_misses_are_none(client: Client, recorder: Recorder) -> None:
    client.set_many({"a": "1", "b": "2"}, noreply=False)
    client.get("none")
    client.get_many(["a", "none", "b"])
    client.get_multi(["none"])
    client.gets("a")
    client.gets("none")
    client.gets_many(["a", "none"])
    client.get_many([])
    assert counted(recorder) == [
        ("set_many", None),
        ("get", 0),
        ("get_many", 2),
        ("get_many", 0),
        ("gets", 1),
        ("gets", 0),
        ("gets_many", 1),
        ("get_many", 0),
    ]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("add", ("a", "1")),
        ("replace", ("a", "1")),
        ("append", ("a", "1")),
        ("prepend", ("a", "1")),
        ("delete", ("a",)),
        ("delete_many", (["a", "b"],)),
        ("incr", ("a", 1)),
        ("decr", ("a", 1)),
        ("touch", ("a", 1)),
        ("stats", ()),
        ("flush_all", ()),
        ("quit", ()),
    ],
)
def test_every_command_is_one_span(client: Client, recorder: Recorder, name: str, arguments: tuple[Any, ...]) -> None:
    getattr(client, name)(*arguments)
    assert counted(recorder) == [(name, None)]


def test_the_client_as_a_mapping_is_traced_too(client: Client, recorder: Recorder) -> None:
    client["tea"] = "green"
    assert client["tea"] == b"green"
    del client["tea"]
    with pytest.raises(KeyError):
        client["none"]
    assert counted(recorder) == [("set", None), ("get", 1), ("delete", None), ("get", 0)]


def test_an_error_is_recorded_and_raised(client: Client, recorder: Recorder) -> None:
    client.set("text", "tea", noreply=False)
    recorder.take()
    with pytest.raises(MemcacheClientError):
        client.incr("text", 1)
    (span,) = recorder.take()
    assert span.status.status_code.name == "ERROR"
    assert dict(span.attributes or {})["error.type"] == "pymemcache.exceptions.MemcacheClientError"
    (event,) = span.events
    assert "non-numeric" in str(dict(event.attributes or {})["exception.message"])


def test_a_server_that_is_not_there_is_an_error(recorder: Recorder) -> None:
    with pytest.raises(ConnectionRefusedError):
        Client(("127.0.0.1", 1)).get("tea")
    (span,) = recorder.take()
    attributes = dict(span.attributes or {})
    assert (attributes["server.port"], attributes["error.type"]) == (1, "ConnectionRefusedError")


def test_a_pooled_clients_commands_are_traced_once(client: Client, recorder: Recorder) -> None:
    pooled = PooledClient(address(), max_pool_size=2)
    pooled.set("a", "1", noreply=False)
    pooled.get_many(["a"])
    pooled.close()
    spans = recorder.spans()
    assert counted(recorder) == [("set", None), ("get_many", 1)]
    assert {dict(span.attributes or {})["server.port"] for span in spans} == {address()[1]}


@pytest.mark.parametrize("pooling", [False, True])
def test_a_hash_clients_commands_are_those_that_it_sends(client: Client, recorder: Recorder, pooling: bool) -> None:
    many = HashClient([address()], use_pooling=pooling)
    many.set("a", "1", noreply=False)
    assert many.get("a") == b"1"
    assert many.get_many(["a", "none"]) == {"a": b"1"}
    many.delete("a", noreply=False)
    for sending in many.clients.values():
        sending.close()
    assert counted(recorder) == [("set", None), ("get", 1), ("get_many", 1), ("delete", None)]


def test_a_client_made_before_instrumenting_is_traced(memcached: str) -> None:
    recorder, client = Recorder(), Client(address())
    with instrumented(PymemcacheInstrumentor, recorder.provider):
        client.get("tea")
    client.close()
    assert [span.name for span in recorder.take()] == ["get"]


def test_a_clients_own_class_is_traced(memcached: str, recorder: Recorder) -> None:
    class Counting(Client):  # type: ignore[misc]
        asked = 0

        def get(self, key: str) -> Any:
            self.asked += 1
            return super().get(key)

    client = Counting(address())
    client.get("tea")
    client.close()
    assert client.asked == 1
    assert counted(recorder) == [("get", 0)]


def test_commands_are_children_of_the_span_around_them_in_every_thread(client: Client, recorder: Recorder) -> None:
    tracer = recorder.provider.get_tracer("application")

    def visit() -> None:
        own = Client(address())
        with tracer.start_as_current_span("visit") as span:
            own.get("tea")
            assert trace.get_current_span() is span
        own.close()

    threads = [threading.Thread(target=visit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spans = recorder.take()
    visits = {span.context.span_id for span in spans if span.name == "visit" and span.context}
    assert {span.parent.span_id for span in spans if span.name == "get" and span.parent} == visits
    assert len(visits) == 4


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "text"),
    [
        ("get", ("tea",), {}, "get tea"),
        ("get", (b"tea",), {}, "get tea"),
        ("get", (), {"key": "tea"}, "get tea"),
        ("set", ("tea", "secret"), {}, "set tea"),
        ("set_many", ({"a": "secret", b"b": "secret"},), {}, "set_many a b"),
        ("get_many", (["a", "b"],), {}, "get_many a b"),
        ("get_many", ([],), {}, "get_many"),
        ("stats", (), {}, "stats"),
        ("flush_all", (0,), {}, "flush_all"),
    ],
)
def test_keys_are_shown_where_they_are_asked_for(
    client: Client,
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    text: str,
) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_MEMCACHED_KEYS", "true")
    shows_keys.cache_clear()
    try:
        getattr(client, name)(*args, **kwargs)
    finally:
        shows_keys.cache_clear()
    (span,) = recorder.take()
    assert dict(span.attributes or {})["db.query.text"] == text
