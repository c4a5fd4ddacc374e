"""Django's requests and what is below them."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import SpanKind, Status, StatusCode

from otel_dd_distro import settings
from otel_dd_distro.translate import Translator

from ..spans import chunk, ours

REQUEST = {
    "http.request.method": "GET",
    "url.scheme": "http",
    "url.path": "/items/3/",
    "url.query": "token=abc",
    "server.address": "shop.example",
    "server.port": 8080,
    "client.address": "127.0.0.1",
    "network.protocol.version": "1.1",
    "http.response.status_code": 200,
    "code.function.name": "shop.views.item",
    "django.request.class": "django.core.handlers.wsgi.WSGIRequest",
    "django.response.class": "django.http.response.HttpResponse",
    "django.view": "item",
}
ROUTED = {**REQUEST, "http.route": "items/<int:n>/"}
STATEMENT = {
    "django.step": "statement",
    "django.db.alias": "replica",
    "django.db.vendor": "postgresql",
    "db.system.name": "postgresql",
    "db.driver.call": "execute",
    "db.query.text": "SELECT 1",
    "db.namespace": "shop",
    "db.user": "me",
    "server.address": "db.example",
    "server.port": 5432,
    "db.row_count": 1,
}
CACHE = {
    "django.step": "cache",
    "django.cache.backend": "django.core.cache.backends.locmem.LocMemCache",
    "django.cache.key": "a b",
    "django.cache.key_prefix": "Tea",
    "code.function.name": "django.core.cache.backends.base.get_many",
    "db.row_count": 1,
}


def translated(attributes: dict[str, Any], *, plugin: str = "django", kind: SpanKind, **variables: str) -> Any:
    read = settings.read({"DD_SERVICE": "shop", **variables}, argv=())
    (entry,) = Translator(read).chunk(chunk(ours(plugin, attributes, kind=kind)), native_events=True)
    return entry


def request(attributes: dict[str, Any], **variables: str) -> Any:
    return translated(attributes, kind=SpanKind.SERVER, **variables)


def step(attributes: dict[str, Any], **variables: str) -> Any:
    return translated(attributes, kind=SpanKind.INTERNAL, **variables)


def tags(entry: Any) -> dict[str, Any]:
    """Without what every chunk says."""
    chunks = ("_dd.p.", "_dd.tags", "runtime-id", "language", "_sampling", "process_id", "_dd.top_level", "_dd.agent")
    both = {**entry["meta"], **entry["metrics"]}
    return {key: value for key, value in both.items() if not key.startswith(chunks)}


def test_a_request_is_named_by_its_route() -> None:
    entry = request({**ROUTED, "django.user.is_authenticated": True, "django.user.id": "7"})
    assert [entry[key] for key in ("name", "service", "resource", "type")] == [
        "django.request",
        "shop",
        "GET items/<int:n>/",
        "web",
    ]
    assert tags(entry) == {
        "component": "django",
        "span.kind": "server",
        "http.method": "GET",
        "http.route": "items/<int:n>/",
        "http.status_code": "200",
        "http.url": "http://shop.example:8080/items/3/?<redacted>",
        "django.request.class": "django.core.handlers.wsgi.WSGIRequest",
        "django.response.class": "django.http.response.HttpResponse",
        "django.user.id": "7",
        "django.user.is_authenticated": "True",
        "django.view": "item",
        "usr.id": "7",
        "_dd.measured": 1,
        "_dd.svc_src": "m",
    }


@pytest.mark.parametrize(
    ("changed", "resource"),
    [
        ({"http.route": "/"}, "GET ^/"),
        ({"http.request.method": "_OTHER", "http.request.method_original": "BREW"}, "BREW items/<int:n>/"),
        ({"http.route": None}, "GET shop.views.item"),
        ({"http.route": None, "code.function.name": None}, "GET 404"),
        ({"http.route": None, "code.function.name": None, "django.request.class": None}, "GET"),
    ],
)
def test_a_request_without_a_route_is_named_as_ddtrace_names_it(changed: dict[str, Any], resource: str) -> None:
    attributes = {key: value for key, value in {**ROUTED, **changed}.items() if value is not None}
    entry = request(attributes)
    assert entry["resource"] == resource
    assert entry["meta"]["http.method"] == resource.partition(" ")[0]


@pytest.mark.parametrize(
    ("variables", "resource"),
    [
        ({"DD_DJANGO_USE_HANDLER_RESOURCE_FORMAT": "true"}, "GET shop.views.item"),
        ({"DD_DJANGO_USE_LEGACY_RESOURCE_FORMAT": "true"}, "shop.views.item"),
        (
            {"DD_DJANGO_USE_LEGACY_RESOURCE_FORMAT": "true", "DD_DJANGO_USE_HANDLER_RESOURCE_FORMAT": "true"},
            "GET shop.views.item",
        ),
    ],
)
def test_requests_can_be_named_by_their_view(variables: dict[str, str], resource: str) -> None:
    entry = request(ROUTED, **variables)
    assert (entry["resource"], entry["meta"]["http.route"]) == (resource, "items/<int:n>/")


def test_only_asynchronous_servers_tell_versions() -> None:
    assert "http.version" not in request(ROUTED)["meta"]
    meta = request({**ROUTED, "asgi.version": "3.0", "asgi.spec_version": "2.3"})["meta"]
    assert [meta[key] for key in ("http.version", "asgi.version", "asgi.spec_version")] == ["1.1", "3.0", "2.3"]


def test_several_templates_and_namespaces_are_numbered() -> None:
    meta = request({**ROUTED, "django.namespace": "a", "django.response.template": ["x.html", "y.html"]})["meta"]
    assert (meta["django.namespace"], meta["django.response.template.1"]) == ("a", "y.html")


@pytest.mark.parametrize(
    ("step_of", "name", "resource", "type", "more"),
    [
        ({"django.step": "view", "code.function.name": "shop.item"}, "django.view", "shop.item", None, {}),
        (
            {"django.step": "middleware", "code.function.name": "a.B.__call__"},
            "django.middleware",
            "a.B.__call__",
            None,
            {},
        ),
        (
            {
                "django.step": "render",
                "template.name": "a.html",
                "template.engine": "django",
                "template.operation": "render",
            },
            "django.template.render",
            "a.html",
            "template",
            {"django.template.name": "a.html"},
        ),
        ({"django.step": "render"}, "django.template.render", "django.template.base.Template.render", "template", {}),
    ],
)
def test_steps_are_the_callers(step_of: dict[str, Any], name: str, resource: str, type: Any, more: Any) -> None:
    entry = step(step_of)
    assert [entry["name"], entry["resource"], entry.get("type"), entry["service"]] == [name, resource, type, "shop"]
    assert tags(entry) == {"component": "django", **more}


@pytest.mark.parametrize(
    ("variables", "service", "source"),
    [
        ({}, "django", "django"),
        ({"DD_DJANGO_CACHE_SERVICE": "cups"}, "cups", "m"),
        ({"DD_SERVICE_MAPPING": "django:cups"}, "cups", "opt.service_mapping"),
        ({"DD_TRACE_SPAN_ATTRIBUTE_SCHEMA": "v1"}, "shop", "django"),
    ],
)
def test_a_cache_is_a_service_of_its_own(variables: dict[str, str], service: str, source: str) -> None:
    entry = step(CACHE, **variables)
    assert (entry["name"], entry["resource"]) == ("django.cache", "django.core.cache.backends.base.get_many tea")
    assert (entry["service"], entry["meta"].get("_dd.svc_src")) == (service, source)
    assert entry["meta"]["django.cache.key"] == "a b"
    assert "django.cache.key_prefix" not in entry["meta"]
    assert entry["metrics"]["db.row_count"] == 1


@pytest.mark.parametrize(
    ("variables", "service"),
    [
        ({}, "replicadb"),
        ({"DD_DJANGO_DATABASE_SERVICE_NAME_PREFIX": "my-"}, "my-replicadb"),
        ({"DD_DJANGO_DATABASE_SERVICE": "store"}, "store"),
    ],
)
def test_a_statement_is_of_its_database(variables: dict[str, str], service: str) -> None:
    entry = translated(STATEMENT, kind=SpanKind.CLIENT, **variables)
    assert [entry[key] for key in ("name", "resource", "type", "service")] == [
        "postgres.query",
        "SELECT 1",
        "sql",
        service,
    ]
    assert tags(entry) == {
        "_dd.base_service": "shop",
        "_dd.svc_src": "m",
        "component": "django-database",
        "span.kind": "client",
        "django.db.alias": "replica",
        "django.db.vendor": "postgresql",
        "db.name": "shop",
        "db.user": "me",
        "out.host": "db.example",
        "server.address": "db.example",
        "network.destination.port": 5432,
        "db.row_count": 1,
        "_dd.measured": 1,
    }


def test_many_rows_and_another_vendor() -> None:
    many = {**STATEMENT, "django.db.vendor": "oracle", "db.driver.call": "executemany"}
    entry = translated(many, kind=SpanKind.CLIENT)
    assert (entry["name"], entry["meta"]["sql.executemany"]) == ("oracle.query", "true")
    assert (
        translated(STATEMENT, kind=SpanKind.CLIENT, DD_TRACE_SPAN_ATTRIBUTE_SCHEMA="v1")["name"] == "postgresql.query"
    )


def test_rest_frameworks_dispatch_is_an_error_without_saying_which() -> None:
    made = ours(
        "djangorestframework",
        {
            "code.function.name": "rest_framework.views.APIView.dispatch",
            "http.response.status_code": 503,
            "error.type": "503",
        },
        status=Status(StatusCode.ERROR),
    )
    (entry,) = Translator(settings.read({"DD_SERVICE": "shop"}, argv=())).chunk(chunk(made), native_events=True)
    assert [entry[key] for key in ("name", "resource", "service", "error")] == [
        "django.view.dispatch",
        "rest_framework.views.APIView.dispatch",
        "shop",
        1,
    ]
    assert tags(entry) == {"component": "django"}
