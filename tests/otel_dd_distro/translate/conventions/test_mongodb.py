"""Commands for MongoDB."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from otel_dd_distro import settings
from otel_dd_distro.translate import Translator

from ..spans import chunk, ours

SERVER = {"server.address": "db.example", "server.port": 27017}
FIND = {
    "db.system.name": "mongodb",
    "db.operation.name": "find",
    "db.namespace": "shop",
    "db.collection.name": "teas",
    "db.driver.call": "run_operation",
    "db.query.text": '{"name": "?"}',
    "db.row_count": 2,
    **SERVER,
}
INSERT = {
    "db.system.name": "mongodb",
    "db.operation.name": "insert",
    "db.namespace": "shop",
    "db.collection.name": "teas",
    "db.driver.call": "write_command",
    "mongodb.command.ordered": False,
    "mongodb.documents": 3,
    "mongodb.message.size": 120,
    **SERVER,
}
PING = {
    "db.system.name": "mongodb",
    "db.operation.name": "ping",
    "db.namespace": "admin",
    "db.driver.call": "command",
    "mongodb.command.argument": 1,
    **SERVER,
}


def translated(plugin: str, attributes: dict[str, Any], **variables: str) -> dict[str, Any]:
    made = ours(plugin, attributes, kind=SpanKind.CLIENT)
    [entry] = Translator(settings.read(variables, argv=["-"])).chunk(chunk(made), native_events=True)
    return entry


def own(entry: dict[str, Any]) -> dict[str, Any]:
    """Without what every local root, and every span of the driver has."""
    common = {"_dd.p.tid", "_dd.p.dm", "_dd.tags.process", "language", "runtime-id", "_dd.base_service"}
    common |= {"component", "db.system", "out.host", "server.address", "span.kind"}
    numbers = {"_dd.measured", "_dd.top_level", "process_id", "_sampling_priority_v1", "network.destination.port"}
    return {
        **{key: value for key, value in entry["meta"].items() if key not in common},
        **{key: value for key, value in entry["metrics"].items() if key not in numbers},
    }


def test_what_every_command_has() -> None:
    entry = translated("pymongo", PING)
    assert [entry[key] for key in ("name", "type", "service")] == ["pymongo.cmd", "mongodb", "pymongo"]
    meta, metrics = entry["meta"], entry["metrics"]
    assert {key: meta[key] for key in ("component", "db.system", "out.host", "server.address", "span.kind")} == {
        "component": "pymongo",
        "db.system": "mongodb",
        "out.host": "db.example",
        "server.address": "db.example",
        "span.kind": "client",
    }
    assert (metrics["_dd.measured"], metrics["network.destination.port"]) == (1, 27017)


@pytest.mark.parametrize(
    ("attributes", "resource", "tags"),
    [
        (
            FIND,
            'find teas {"name": "?"}',
            {"mongodb.collection": "teas", "mongodb.db": "shop", "mongodb.query": '{"name": "?"}', "db.row_count": 2},
        ),
        (
            INSERT,
            "insert teas",
            {
                "mongodb.collection": "teas",
                "mongodb.db": "shop",
                "mongodb.documents": 3,
                "mongodb.ordered": "False",
                "net.out.bytes": 120,
            },
        ),
        (PING, "ping 1", {"mongodb.collection": 1, "mongodb.db": "admin"}),
    ],
    ids=["find", "insert", "ping"],
)
def test_commands(attributes: dict[str, Any], resource: str, tags: dict[str, Any]) -> None:
    entry = translated("pymongo", attributes)
    assert entry["resource"] == resource
    assert own(entry) == {"_dd.svc_src": "pymongo", **tags}


@pytest.mark.parametrize("call", ["checkout", "get_socket"])
def test_the_use_of_a_connection_bears_the_name_of_the_call(call: str) -> None:
    entry = translated("pymongo", {"db.system.name": "mongodb", "db.driver.call": call, **SERVER})
    assert [entry[key] for key in ("name", "resource", "type")] == [f"pymongo.{call}", f"pymongo.{call}", "mongodb"]
    assert own(entry) == {"_dd.svc_src": "pymongo"}


def test_mongoengines_connections_have_a_service_of_their_own() -> None:
    entry = translated("mongoengine", FIND)
    assert [entry[key] for key in ("name", "service")] == ["pymongo.cmd", "mongodb"]
    assert entry["meta"]["component"] == "pymongo"


def test_schema_v1() -> None:
    entry = translated("pymongo", FIND, DD_TRACE_SPAN_ATTRIBUTE_SCHEMA="v1")
    assert entry["name"] == "mongodb.query"


def test_a_tag_that_the_user_set_stays() -> None:
    entry = translated("pymongo", {**INSERT, "mongodb.ordered": "mine"})
    assert entry["meta"]["mongodb.ordered"] == "mine"
