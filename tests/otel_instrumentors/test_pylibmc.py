"""pylibmc, on a real server."""

from __future__ import annotations

import os
import pickle
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pylibmc
import pytest
from opentelemetry import trace

from otel_instrumentors.pylibmc import PylibmcInstrumentor, parsed, server
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented


def address() -> str:
    return os.environ["TEST_MEMCACHED_URL"].partition("://")[2]


def known() -> dict[str, Any]:
    """What spans tell of the server."""
    host, _, port = address().partition(":")
    return {"db.system.name": "memcached", "server.address": host, "server.port": int(port)}


class TestPylibmcContract(Contract):
    instrumentor = PylibmcInstrumentor
    servers = ("memcached",)

    @staticmethod
    def use() -> Any:
        client = pylibmc.Client([address()])
        client.set("contract", 1)
        client.set_multi({"a": "2", "b": "3"})
        return [client.get("contract"), client.get_multi(["a", "none", "b"]), client.delete_multi(["a", "b"])]


@pytest.fixture(autouse=True)
def _as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Python 3.13 pylibmc's part in C complains at each client, which pytest would keep."""
    monkeypatch.setattr(sys, "unraisablehook", lambda complaint: None)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(PylibmcInstrumentor, recorder.provider):
        yield recorder


@pytest.fixture
def client(memcached: str, recorder: Recorder) -> Any:
    """A client of an empty server."""
    client = pylibmc.Client([address()], behaviors={"cas": True})
    client.flush_all()
    recorder.take()
    return client


def counted(recorder: Recorder) -> list[tuple[str, object]]:
    return [(span.name, (span.attributes or {}).get("db.row_count")) for span in recorder.take()]


def test_a_command_is_a_client_span_named_by_the_method(client: Any, recorder: Recorder) -> None:
    client.set("tea", "green")
    assert client.get(b"tea") == "green"
    setting, getting = recorder.take()
    assert (setting.name, setting.kind.name) == ("set", "CLIENT")
    assert dict(setting.attributes or {}) == {
        **known(),
        "db.operation.name": "set",
        "db.driver.call": "set",
        "db.query.text": "set tea",
    }
    assert dict(getting.attributes or {}) == {
        **known(),
        "db.operation.name": "get",
        "db.driver.call": "get",
        "db.query.text": "get tea",
        "db.row_count": 1,
    }


def test_values_found_are_counted_and_misses_are_none(client: Any, recorder: Recorder) -> None:
    client.set_multi({"a": "1", "zero": 0})
    assert client.get("zero") == 0
    assert client.get("none") is None
    assert client.get("none", "green") == "green"
    client.get_multi(["a", "none", "zero"])
    client.get_multi(["none"])
    client.gets("a")
    client.gets("none")
    assert counted(recorder) == [
        ("set_multi", None),
        ("get", 1),
        ("get", 0),
        ("get", 0),
        ("get_multi", 2),
        ("get_multi", 0),
        ("gets", 1),
        ("gets", 0),
    ]


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("add", ("a", "1"), "add a"),
        ("add_multi", ({"b": 1, "c": 2},), None),
        ("replace", ("number", "1"), "replace number"),
        ("append", ("text", "1"), "append text"),
        ("prepend", ("text", "1"), "prepend text"),
        ("delete", ("number",), "delete number"),
        ("delete_multi", (["number", "text"],), None),
        ("incr", ("number", 1), "incr number"),
        ("incr_multi", (["number"],), None),
        ("decr", ("number", 1), "decr number"),
        ("touch", ("number", 60), "touch number"),
        ("get_stats", (), None),
        ("flush_all", (), None),
    ],
)
def test_every_command_is_one_span(
    client: Any, recorder: Recorder, name: str, arguments: tuple[Any, ...], text: str | None
) -> None:
    client.set("number", 1)
    client.set("text", "tea")
    recorder.take()
    getattr(client, name)(*arguments)
    (span,) = recorder.take()
    assert span.name == name
    assert (span.attributes or {}).get("db.query.text") == text


def test_a_value_is_changed_if_nobody_else_has(client: Any, recorder: Recorder) -> None:
    client.set("tea", "green")
    _, version = client.gets("tea")
    assert client.cas("tea", "black", version)
    assert [name for name, _ in counted(recorder)] == ["set", "gets", "cas"]


def test_the_client_as_a_mapping_is_traced_too(client: Any, recorder: Recorder) -> None:
    client["tea"] = "green"
    assert client["tea"] == "green"
    assert "tea" in client
    del client["tea"]
    with pytest.raises(KeyError):
        client["tea"]
    assert counted(recorder) == [("set", None), ("get", 1), ("get", 1), ("delete", None), ("get", 0)]


def test_the_prefix_of_many_keys_is_told(client: Any, recorder: Recorder) -> None:
    client.set_multi({"a": 1}, key_prefix="cups:")
    assert client.get_multi(["a"], key_prefix="cups:") == {"a": 1}
    texts = [(span.attributes or {})["db.query.text"] for span in recorder.take()]
    assert texts == ["set_multi cups:", "get_multi cups:"]


def test_an_error_is_recorded_and_raised(client: Any, recorder: Recorder) -> None:
    with pytest.raises(pylibmc.NotFound):
        client.incr("none")
    (span,) = recorder.take()
    assert span.status.status_code.name == "ERROR"
    assert dict(span.attributes or {})["error.type"] == "pylibmc.NotFound"


def test_a_server_that_is_not_there_is_an_error(recorder: Recorder) -> None:
    with pytest.raises(pylibmc.Error):
        pylibmc.Client(["127.0.0.1:1"]).get("tea")
    (span,) = recorder.take()
    attributes = dict(span.attributes or {})
    assert attributes["server.port"] == 1
    assert str(attributes["error.type"]).startswith("pylibmc.")


def test_applications_keep_their_class(client: Any, recorder: Recorder) -> None:
    import _pylibmc

    assert type(client) is pylibmc.Client
    assert pylibmc.Client is pylibmc.client.Client
    assert isinstance(client, _pylibmc.client)
    assert isinstance(client.clone(), pylibmc.Client)
    assert repr(client) == f"Client(['{address()}'], binary=False)"


def test_what_is_pickled_and_what_is_stored_is_as_ever(client: Any, memcached: str) -> None:
    assert pickle.loads(pickle.dumps(pylibmc.Client)) is pylibmc.Client
    with pytest.raises(TypeError, match="cannot pickle 'Client' object"):
        pickle.dumps(client)
    plain = pylibmc.Client([address()])
    for value in ("green", b"green", 7, True, None, ["tea"], {"cup": 1}, 1.5):
        client.set("value", value)
        assert plain.get("value") == value
    assert client.serialize("tea") == plain.serialize("tea")


def test_clones_and_pools_are_traced(client: Any, recorder: Recorder) -> None:
    client.clone().set("tea", "green")
    pool = pylibmc.ClientPool(client, 2)
    with pool.reserve() as reserved:
        assert reserved.get("tea") == "green"
    mapped = pylibmc.ThreadMappedPool(client)
    with mapped.reserve() as reserved:
        assert reserved.get("tea") == "green"
    mapped.relinquish()
    spans = recorder.take()
    assert [span.name for span in spans] == ["set", "get", "get"]
    assert {dict(span.attributes or {})["server.port"] for span in spans} == {known()["server.port"]}


def test_a_clients_own_class_is_traced_once(client: Any, recorder: Recorder) -> None:
    class Counting(pylibmc.Client):  # type: ignore[misc]
        asked = 0

        def get(self, key: str, *default: Any) -> Any:
            self.asked += 1
            return super().get(key, *default)

    own = Counting([address()])
    own.get("tea")
    assert own.asked == 1
    assert counted(recorder) == [("get", 0)]


def test_a_client_made_before_instrumenting_is_traced(memcached: str) -> None:
    recorder, client = Recorder(), pylibmc.Client([address()])
    with instrumented(PylibmcInstrumentor, recorder.provider):
        client.get("tea")
    client.get("tea")
    assert [span.name for span in recorder.take()] == ["get"]


def test_commands_are_children_of_the_span_around_them_in_every_thread(client: Any, recorder: Recorder) -> None:
    tracer = recorder.provider.get_tracer("application")

    def visit() -> None:
        own = client.clone()
        with tracer.start_as_current_span("visit") as span:
            own.get("tea")
            assert trace.get_current_span() is span

    threads = [threading.Thread(target=visit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spans = recorder.take()
    visits = {span.context.span_id for span in spans if span.name == "visit" and span.context}
    assert {span.parent.span_id for span in spans if span.name == "get" and span.parent} == visits
    assert len(visits) == 4


def test_of_several_servers_none_is_named() -> None:
    assert server(["tea", "cup"]) == {}
    assert server([(1, "tea", 11211)]) == {"server.address": "tea", "server.port": 11211}


@pytest.mark.parametrize(
    ("given", "host", "port"),
    [
        ("tea", "tea", 11211),
        ("tea:11212", "tea", 11212),
        ("tea:11212:3", "tea", 11212),
        ("udp:tea:11212", "tea", 11212),
        ("[::1]", "::1", 11211),
        ("[::1]:11212:3", "::1", 11212),
        ("/run/memcached.sock", "/run/memcached.sock", None),
    ],
)
def test_addresses_are_read_as_the_library_reads_them(given: str, host: str, port: int | None) -> None:
    assert parsed(given) == (host, port)
    scheme, theirs, at, _ = pylibmc.client.translate_server_spec(given)
    assert (theirs, at or None) == (host, port)
    assert scheme


def test_a_key_that_is_far_too_long_is_cut(client: Any, recorder: Recorder) -> None:
    with pytest.raises((pylibmc.Error, ValueError)):
        client.get("x" * 100_000)
    (span,) = recorder.take()
    assert len(str((span.attributes or {})["db.query.text"])) == 1_004
