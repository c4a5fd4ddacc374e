"""Rules of services that no recording shows: SDK resources, other people's variables."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource

from otel_dd_distro import settings
from otel_dd_distro.translate import Translator
from otel_dd_distro.translate.names import BY_SCOPE, PLUGINS

from .spans import chunk, ours, span

QUERY = {"db.driver.call": "execute"}


def translated(made: Any, **variables: str) -> dict[str, Any]:
    [entry] = Translator(settings.read(variables, argv=["-"])).chunk(chunk(made), native_events=True)
    return entry


def test_the_resources_service_is_the_global_one_where_none_was_configured() -> None:
    resource = Resource({"service.name": "teashop", "service.version": "7"})
    entry = translated(span(resource=resource))
    assert (entry["service"], entry["meta"]["version"]) == ("teashop", "7")
    entry = translated(ours("flask", {}, resource=resource))
    assert (entry["service"], entry["meta"]["_dd.svc_src"]) == ("teashop", "m")
    entry = translated(ours("sqlite3", QUERY, resource=resource))
    assert (entry["service"], entry["meta"]["_dd.base_service"]) == ("sqlite", "teashop")


def test_dd_service_env_and_version_go_before_the_resources() -> None:
    resource = Resource({"service.name": "a", "service.version": "1", "deployment.environment": "b"})
    entry = translated(span(resource=resource), DD_SERVICE="shop", DD_VERSION="2", DD_ENV="prod")
    assert (entry["service"], entry["meta"]["version"], entry["meta"]["env"]) == ("shop", "2", "prod")


@pytest.mark.parametrize("name", ["unknown_service", "unknown_service:python", "unnamed-python-service"])
def test_a_resource_that_nobody_named_does_not_hide_a_librarys_name(name: str) -> None:
    entry = translated(ours("flask", {}, resource=Resource({"service.name": name})))
    assert (entry["service"], entry["meta"]["_dd.base_service"]) == ("flask", "unnamed-python-service")


def test_our_plugins_spans_bear_what_users_put_on_the_resource_but_not_what_detectors_find() -> None:
    resource = Resource({"team": "tea", "host.name": "h", "process.pid": 1, "telemetry.sdk.name": "o", "n": 5})
    meta = translated(ours("sqlite3", QUERY, resource=resource))["meta"]
    assert meta.items() >= {"team": "tea", "n": "5"}.items()
    assert not {"host.name", "process.pid", "telemetry.sdk.name"} & meta.keys()
    assert translated(span(resource=resource))["meta"].items() >= {"host.name": "h", "process.pid": "1"}.items()


def test_dd_tags_hide_otel_resource_attributes_on_our_plugins_spans() -> None:
    resource = Resource({"team": "tea", "region": "eu"})
    variables = {"OTEL_RESOURCE_ATTRIBUTES": "team=tea", "DD_TAGS": "region:eu"}
    assert "team" not in translated(ours("sqlite3", QUERY, resource=resource), **variables)["meta"]
    assert translated(ours("sqlite3", QUERY, resource=resource), **variables)["meta"]["region"] == "eu"
    del variables["DD_TAGS"]
    assert translated(ours("sqlite3", QUERY, resource=resource), **variables)["meta"]["team"] == "tea"


def test_a_librarys_variable_is_found_by_datadogs_name_and_by_ours() -> None:
    for name in ("DD_SQLITE_SERVICE", "DD_SQLITE3_SERVICE"):
        assert translated(ours("sqlite3", QUERY), **{name: "books"})["service"] == "books"


def test_a_mapping_renames_what_a_user_named() -> None:
    made = span(attributes={"service.name": "billing"})
    assert translated(made, DD_SERVICE_MAPPING="billing:bills")["service"] == "bills"


def test_a_request_to_nowhere_is_not_split_by_domain() -> None:
    assert translated(ours("requests", {}), DD_REQUESTS_SPLIT_BY_DOMAIN="1")["service"] == "requests"


def test_the_table_has_a_row_for_each_plugin_and_scope() -> None:
    assert set(BY_SCOPE) == {f"otel_instrumentors.{name}" for name in PLUGINS}
    for plugin in PLUGINS.values():
        for operation in (plugin.operations.otherwise, *plugin.operations.by_value.values()):
            assert operation.component in (plugin.component, "")


LATE = {
    "aiomysql": "DD_AIOMYSQL_SERVICE",
    "aiopg": "DD_AIOPG_SERVICE",
    "asyncpg": "DD_ASYNCPG_SERVICE",
    "celery": "DD_CELERY_WORKER_SERVICE",
    "confluent_kafka": "DD_KAFKA_SERVICE",
    "dramatiq": "DD_DRAMATIQ_SERVICE",
    "elasticsearch": "DD_ELASTICSEARCH_SERVICE",
    "kombu": "DD_KOMBU_SERVICE",
    "mongoengine": "DD_PYMONGO_SERVICE",
    "pymemcache": "DD_PYMEMCACHE_SERVICE",
    "pymongo": "DD_PYMONGO_SERVICE",
    "rediscluster": "DD_REDISCLUSTER_SERVICE",
    "sqlalchemy": "DD_SQLALCHEMY_SERVICE",
    "vertica": "DD_VERTICA_SERVICE",
}
"""Where ddtrace says who named a service only when it knows the application's."""


@pytest.mark.parametrize("plugin", [*LATE, "pymysql", "redis"])
def test_who_named_a_service_is_told_as_ddtrace_tells_it(plugin: str) -> None:
    variables = {LATE.get(plugin, f"DD_{plugin.upper()}_SERVICE"): "own"}
    entry = translated(ours(plugin, {}), **variables)
    assert (entry["service"], entry["meta"].get("_dd.svc_src")) == ("own", None if plugin in LATE else "m")
    assert translated(ours(plugin, {}), DD_SERVICE="shop", **variables)["meta"]["_dd.svc_src"] == "m"
