"""Commands for key-value stores."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from otel_dd_distro import settings
from otel_dd_distro.translate import Translator

from ..spans import chunk, ours

SERVER = {"server.address": "cache.example", "server.port": 6379}
GET = {
    "db.system.name": "redis",
    "db.operation.name": "GET",
    "db.driver.call": "execute_command",
    "db.query.text": "GET tea",
    "db.command.length": 2,
    "db.row_count": 1,
    "db.namespace": "3",
    "db.client.name": "waiter",
    **SERVER,
}
BATCH = {
    "db.system.name": "redis",
    "db.operation.name": "MULTI",
    "db.driver.call": "execute",
    "db.query.text": "SET tea two words\nGET tea",
    "db.query.summary": "SET GET",
    "db.operation.batch.size": 2,
    "db.namespace": "0",
    **SERVER,
}


def translated(plugin: str, attributes: dict[str, Any], **variables: str) -> dict[str, Any]:
    made = ours(plugin, attributes, kind=SpanKind.CLIENT)
    [entry] = Translator(settings.read(variables, argv=["-"])).chunk(chunk(made), native_events=True)
    return entry


def own(entry: dict[str, Any]) -> dict[str, Any]:
    """Without what every local root has."""
    common = {"_dd.p.tid", "_dd.p.dm", "_dd.tags.process", "language", "runtime-id", "_dd.base_service"}
    numbers = {"_dd.top_level", "process_id", "_sampling_priority_v1"}
    return {
        **{key: value for key, value in entry["meta"].items() if key not in common},
        **{key: value for key, value in entry["metrics"].items() if key not in numbers},
    }


def test_a_command_for_redis() -> None:
    entry = translated("redis", GET)
    fields = [entry[key] for key in ("name", "resource", "type", "service")]
    assert fields == ["redis.command", "GET", "redis", "redis"]
    assert own(entry) == {
        "_dd.measured": 1,
        "_dd.svc_src": "redis",
        "component": "redis",
        "db.row_count": 1,
        "db.system": "redis",
        "network.destination.port": 6379,
        "out.host": "cache.example",
        "out.redis_db": 3,
        "redis.args_length": 2,
        "redis.client_name": "waiter",
        "redis.raw_command": "GET tea",
        "server.address": "cache.example",
        "span.kind": "client",
    }


def test_a_batch_for_redis() -> None:
    entry = translated("redis", BATCH)
    assert (entry["name"], entry["resource"]) == ("redis.command", "SET\nGET")
    assert own(entry) == {
        "_dd.measured": 1,
        "_dd.svc_src": "redis",
        "component": "redis",
        "db.system": "redis",
        "network.destination.port": 6379,
        "out.host": "cache.example",
        "out.redis_db": 0,
        "redis.pipeline_length": 2,
        "redis.raw_command": "SET tea two words\nGET tea",
        "server.address": "cache.example",
        "span.kind": "client",
    }


def test_a_batch_of_one_says_so() -> None:
    one = {key: value for key, value in BATCH.items() if key != "db.operation.batch.size"}
    assert translated("redis", one)["metrics"]["redis.pipeline_length"] == 1


@pytest.mark.parametrize(("attributes", "text"), [(GET, "GET tea"), (BATCH, "SET tea two words\nGET tea")])
def test_all_of_a_command_is_its_resource_where_that_is_asked_for(attributes: dict[str, Any], text: str) -> None:
    assert translated("redis", attributes, DD_REDIS_RESOURCE_ONLY_COMMAND="false")["resource"] == text


@pytest.mark.parametrize("namespace", [None, "", "-1", "٣", "main", 3.5])
def test_a_database_that_is_no_number_is_left_out(namespace: object) -> None:
    assert "out.redis_db" not in translated("redis", {**GET, "db.namespace": namespace})["metrics"]


def test_a_tag_that_the_user_wrote_stays() -> None:
    assert translated("redis", {**GET, "out.host": "mine"})["meta"]["out.host"] == "mine"


def test_a_command_for_memcached() -> None:
    entry = translated(
        "pymemcache",
        {
            "db.system.name": "memcached",
            "db.operation.name": "get_many",
            "db.driver.call": "get_many",
            "db.query.text": "get_many tea cup",
            "db.row_count": 2,
            **SERVER,
        },
    )
    fields = [entry[key] for key in ("name", "resource", "type", "service")]
    assert fields == ["memcached.command", "get_many", "cache", "memcached"]
    assert own(entry) == {
        "_dd.measured": 1,
        "_dd.svc_src": "pymemcache",
        "component": "pymemcache",
        "db.row_count": 2,
        "db.system": "memcached",
        "memcached.query": "get_many tea cup",
        "network.destination.port": 6379,
        "out.host": "cache.example",
        "server.address": "cache.example",
        "span.kind": "client",
    }


@pytest.mark.parametrize(("plugin", "own_name"), [("redis", "REDIS"), ("pymemcache", "PYMEMCACHE")])
def test_the_service_is_the_stores_unless_somebody_names_one(plugin: str, own_name: str) -> None:
    service = "redis" if plugin == "redis" else "memcached"
    assert translated(plugin, GET, DD_SERVICE="shop")["service"] == service
    assert translated(plugin, GET, **{f"DD_{own_name}_SERVICE": "cups"})["service"] == "cups"
    assert translated(plugin, GET, DD_SERVICE="shop", DD_TRACE_SPAN_ATTRIBUTE_SCHEMA="v1")["service"] == "shop"


GET_MANY = {
    "flask_cache.operation": "get_many",
    "flask_cache.backend": "RedisCache",
    "flask_cache.key": ("tea", "cup"),
    "db.namespace": "3",
    "db.row_count": 1,
    **SERVER,
}


def test_an_operation_of_a_cache_of_flasks() -> None:
    entry = translated("flask_cache", GET_MANY, DD_SERVICE="shop")
    fields = [entry[key] for key in ("name", "resource", "type", "service")]
    assert fields == ["flask_cache.cmd", "get_many", "cache", "shop"]
    assert own(entry) == {
        "_dd.measured": 1,
        "_dd.svc_src": "m",
        "component": "flask_cache",
        "db.row_count": 1,
        "flask_cache.backend": "RedisCache",
        "flask_cache.key": "['tea', 'cup']",
        "network.destination.port": 6379,
        "out.host": "cache.example",
        "out.redis_db": 3,
        "server.address": "cache.example",
    }


V1 = {"DD_TRACE_SPAN_ATTRIBUTE_SCHEMA": "v1"}


@pytest.mark.parametrize(
    ("variables", "service", "source"),
    [
        ({}, "unnamed-python-service", "flask_cache"),
        ({"DD_SERVICE": "shop"}, "shop", "m"),
        ({"DD_SERVICE": "shop", "DD_SERVICE_MAPPING": "shop:store"}, "store", "opt.service_mapping"),
        (V1, "unnamed-python-service", "flask_cache"),
        ({"DD_SERVICE": "shop", **V1}, "shop", "flask_cache"),
    ],
)
def test_whose_service_a_cache_of_flasks_bears(variables: dict[str, str], service: str, source: str) -> None:
    """As ddtrace 4.16 sends it."""
    entry = translated("flask_cache", GET_MANY, **variables)
    assert (entry["service"], entry["meta"]["_dd.svc_src"]) == (service, source)
    assert entry["name"] == ("flask_cache.command" if V1.items() <= variables.items() else "flask_cache.cmd")


GOT = {"db.system.name": "memcached", "db.operation.name": "get", "db.driver.call": "get", **SERVER}
QUERY = {"db.system.name": "mysql", "db.query.text": "SELECT 1", "db.driver.call": "execute"}
MAPPED = {"DD_SERVICE_MAPPING": "redis:store,memcached:store,mysql:store"}


@pytest.mark.parametrize(
    ("plugin", "attributes", "variables", "service", "source", "version"),
    [
        ("redis", GET, {}, "redis", "redis", None),
        ("redis", GET, MAPPED, "store", "opt.service_mapping", None),
        ("pymemcache", GOT, {}, "memcached", "pymemcache", "1"),
        ("pymemcache", GOT, MAPPED, "store", "opt.service_mapping", "1"),
        ("sqlalchemy", QUERY, {}, "mysql", "sqlalchemy", "1"),
        ("sqlalchemy", QUERY, MAPPED, "store", "opt.service_mapping", "1"),
        ("pymemcache", GOT, {"DD_SERVICE_MAPPING": "shop:x"}, "memcached", "pymemcache", None),
    ],
)
def test_a_service_that_was_mapped_says_so_and_one_that_was_named_late_has_the_version(
    plugin: str,
    attributes: dict[str, Any],
    variables: dict[str, str],
    service: str,
    source: str,
    version: str | None,
) -> None:
    """As ddtrace 4.16 sends it."""
    entry = translated(plugin, attributes, DD_SERVICE="shop", DD_VERSION="1", **variables)
    meta = entry["meta"]
    assert (entry["service"], meta["_dd.svc_src"], meta.get("version")) == (service, source, version)


def test_a_command_for_valkey() -> None:
    entry = translated("valkey", {**GET, "db.system.name": "valkey"})
    fields = [entry[key] for key in ("name", "resource", "type", "service")]
    assert fields == ["valkey.command", "GET", "valkey", "valkey"]
    assert own(entry) == {
        "_dd.measured": 1,
        "_dd.svc_src": "valkey",
        "component": "valkey",
        "db.row_count": 1,
        "db.system": "valkey",
        "network.destination.port": 6379,
        "out.host": "cache.example",
        "out.valkey_db": 3,
        "server.address": "cache.example",
        "span.kind": "client",
        "valkey.args_length": 2,
        "valkey.client_name": "waiter",
        "valkey.raw_command": "GET tea",
    }
    whole = translated("valkey", GET, DD_VALKEY_RESOURCE_ONLY_COMMAND="false")
    assert whole["resource"] == "GET tea"


def test_a_pipeline_of_redis_py_cluster_is_all_of_its_commands() -> None:
    entry = translated("rediscluster", BATCH, DD_SERVICE="shop")
    fields = [entry[key] for key in ("name", "resource", "service")]
    assert fields == ["redis.command", "SET tea two words\nGET tea", "rediscluster"]
    assert own(entry)["redis.pipeline_length"] == 2
    assert translated("rediscluster", GET)["resource"] == "GET"
