"""What Kafka's clients have in common."""

from __future__ import annotations

from typing import Any

import pytest

from otel_instrumentors.families import kafka
from otel_instrumentors.families.kafka import HEADERS


@pytest.mark.parametrize(
    ("given", "address", "port"),
    [
        ("broker:9092", "broker", 9092),
        ("broker", "broker", None),
        ("one:9092,two:9093", "one", 9092),
        (["one:9092", "two:9093"], "one", 9092),
        ("PLAINTEXT://one:9092", "one", 9092),
        ("[::1]:9092", "::1", 9092),
        ("broker:99999", "broker:99999", None),
    ],
)
def test_the_first_server_is_told_and_all_of_them(given: Any, address: str, port: int | None) -> None:
    told = kafka.servers(given)
    assert (told["server.address"], told.get("server.port")) == (address, port)
    assert told["messaging.kafka.bootstrap.servers"] == (given if isinstance(given, str) else ",".join(given))


@pytest.mark.parametrize("given", [None, "", [], ()])
def test_without_servers_nothing_is_told(given: Any) -> None:
    assert kafka.servers(given) == {}


def test_what_is_told_of_servers_is_not_shared_between_spans_and_has_an_end() -> None:
    kafka.servers("broker:9092")["mine"] = 1
    assert "mine" not in kafka.servers("broker:9092")
    assert len(str(kafka.servers("b" * 10_000)["server.address"])) == 1_000


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("leaf", "leaf"),
        (b"leaf", "leaf"),
        (b"\xff", "�"),
        ("", ""),
        (None, None),
        (7, None),
        ("x" * 10_000, "x" * 5_000),
        (b"x" * 10_000, "x" * 5_000),
    ],
    ids=str,
)
def test_a_key_is_told_as_far_as_it_is_text(key: Any, told: str | None) -> None:
    spec = kafka.send("send", {}, "tea", key, b"", None)
    assert (spec.attributes or {}).get("messaging.kafka.message.key") == told


@pytest.mark.parametrize(("partition", "told"), [(0, "0"), (7, "7"), (-1, None), (None, None), ("x", None)])
def test_a_partition_is_told_where_there_is_one(partition: Any, told: str | None) -> None:
    spec = kafka.send("send", {}, "tea", None, None, partition)
    assert (spec.attributes or {}).get("messaging.destination.partition.id") == told


def test_a_topic_that_is_none_is_not_told() -> None:
    assert kafka.send("send", {}, 7, None, None, None).name == "send"


def pair(span_id: int) -> tuple[str, bytes]:
    return ("traceparent", f"00-0000000000000000000000000000000a-{span_id:016x}-01".encode())


@pytest.mark.parametrize("broken", [None, (), [], [("traceparent", None)], [("traceparent", b"\xff")], [("x", b"y")]])
def test_links_lead_to_each_sender_once(broken: Any) -> None:
    links = kafka.links([[pair(1)], [pair(2)], broken, [pair(1)]])
    assert [link.context.span_id for link in links] == [1, 2]


def test_of_many_messages_no_more_are_read_than_a_span_keeps_links() -> None:
    batch = iter([[pair(number)] for number in range(1, 1_000)])
    assert len(kafka.links(batch)) == 128
    assert len(list(batch)) == 999 - 128


def test_of_several_headers_of_one_name_the_last_is_read() -> None:
    assert HEADERS.get([("a", b"1"), ("b", b"2"), ("a", b"3")], "a") == ["3"]
    assert HEADERS.get({"a": "1"}, "a") == ["1"]
    assert HEADERS.get(None, "a") is None
    assert HEADERS.keys([("a", b"1"), ("b", None)]) == ["a", "b"]
