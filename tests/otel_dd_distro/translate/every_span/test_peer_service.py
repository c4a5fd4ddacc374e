"""Whom calls went to."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from otel_dd_distro import settings
from otel_dd_distro.translate import Translator

from ..spans import chunk, ours, span

SOURCE, BEFORE = "_dd.peer.service.source", "_dd.peer.service.remapped_from"
DEFAULTS = {"DD_TRACE_PEER_SERVICE_DEFAULTS_ENABLED": "true"}
CALLED = {"server.address": "books.example", "url.full": "http://books.example/"}


def told(made: Any, **variables: str) -> dict[str, str]:
    translator = Translator(settings.read({"DD_SERVICE": "shop", **variables}, argv=["-"]))
    meta = translator.chunk(chunk(made), native_events=True)[0]["meta"]
    return {key: meta[key] for key in ("peer.service", SOURCE, BEFORE) if key in meta}


@pytest.mark.parametrize(
    ("attributes", "kind", "expected"),
    [
        ({"db.name": "orders", "out.host": "h"}, SpanKind.CLIENT, ("orders", "db.name")),
        ({"db.namespace": "orders", "db.system.name": "mysql"}, SpanKind.CLIENT, ("orders", "db.name")),
        ({"mongodb.db": "m", "rpc.service": "r"}, SpanKind.CLIENT, ("m", "mongodb.db")),
        ({"rpc.service": "r", "out.host": "h"}, SpanKind.CLIENT, ("r", "rpc.service")),
        ({"out.host": "h"}, SpanKind.PRODUCER, ("h", "out.host")),
        (
            {"messaging.kafka.bootstrap.servers": "k:9092", "db.name": "d"},
            SpanKind.PRODUCER,
            ("k:9092", "messaging.kafka.bootstrap.servers"),
        ),
        ({"peer.service": "users", "out.host": "h"}, SpanKind.CLIENT, ("users", "peer.service")),
        ({"peer.service": "users"}, SpanKind.INTERNAL, ("users", "peer.service")),
        ({"peer.service": "", "out.host": "h"}, SpanKind.CLIENT, ("h", "out.host")),
        ({"out.host": "h"}, SpanKind.SERVER, None),
        ({"out.host": "h"}, SpanKind.INTERNAL, None),
        ({"out.host": "h"}, SpanKind.CONSUMER, None),
        ({"x": "y"}, SpanKind.CLIENT, None),
    ],
)
def test_calls_name_the_peer_by_the_first_tag_that_knows_it(
    attributes: dict[str, str], kind: SpanKind, expected: tuple[str, str] | None
) -> None:
    tags = told(span(attributes=attributes, kind=kind), **DEFAULTS)
    assert (tags and (tags["peer.service"], tags[SOURCE])) == (expected or {})


def test_without_the_switch_only_what_the_user_said_is_told() -> None:
    assert told(ours("requests", CALLED)) == {}
    tags = told(ours("requests", {**CALLED, "peer.service": "books"}))
    assert tags == {"peer.service": "books", SOURCE: "peer.service"}


def test_schema_v1_is_that_switch() -> None:
    tags = told(ours("requests", CALLED), DD_TRACE_SPAN_ATTRIBUTE_SCHEMA="v1")
    assert tags == {"peer.service": "books.example", SOURCE: "out.host"}


def test_a_mapping_renames_peers_and_keeps_what_they_were_called() -> None:
    mapping = {"DD_TRACE_PEER_SERVICE_MAPPING": "books.example:books,other:x"}
    assert told(ours("requests", CALLED), **DEFAULTS, **mapping) == {
        "peer.service": "books",
        SOURCE: "out.host",
        BEFORE: "books.example",
    }
    assert told(span(attributes={"peer.service": "other"}), **mapping) == {
        "peer.service": "x",
        SOURCE: "peer.service",
        BEFORE: "other",
    }
    assert told(ours("requests", CALLED), **mapping) == {}
