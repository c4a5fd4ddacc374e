"""Requests that Django serves, and what their views and middleware, templates, caches and databases do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...settings import Settings
from ..every_span.attributes import Meta, Targets, text_of
from ..every_span.errors import failed_request
from . import http_server, sql
from .operation import MEASURED, Operation, Operations
from .urls import Urls

_FUNCTION = "code.function.name"
_AUTHENTICATED = "django.user.is_authenticated"
_ROOT = {"/": "^/"}
"""The route of the root's own pattern, which Django does not tell: ddtrace shows the resolver's."""

_CONNECTION = {
    "db.namespace": "db.name",
    "server.port": "network.destination.port",
    "db.driver.call": "",
    "db.query.text": "",
    "db.system.name": "",
}
_TARGETS = {_FUNCTION: "", "django.step": "", "error.type": ""}


def _request(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    method = http_server.served(attributes, meta, urls)
    if _AUTHENTICATED in attributes:
        meta[_AUTHENTICATED] = str(attributes[_AUTHENTICATED])
    if "django.user.id" in meta:
        meta["usr.id"] = meta["django.user.id"]
    if "asgi.version" in meta:
        meta["http.version"] = text_of(attributes, "network.protocol.version")
    route = meta.get("http.route")
    if route:
        route = meta["http.route"] = _ROOT.get(route, route)
    view = text_of(attributes, _FUNCTION)
    if view and urls.by_view:
        return view if urls.by_view == "view" else f"{method} {view}"
    # Before Django 2.2 the view is known, its route is not.
    if route or view:
        return f"{method} {route or view}"
    return f"{method} 404" if "django.request.class" in meta else method


def _function(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    return text_of(attributes, _FUNCTION)


def _cache(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    prefix = text_of(attributes, "django.cache.key_prefix")
    return f"{text_of(attributes, _FUNCTION)} {prefix}".strip().lower()


def _template(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    return meta.get("django.template.name") or "django.template.base.Template.render"


def _query(attributes: dict[str, Any], is_v1: bool) -> str:
    vendor = text_of(attributes, "django.db.vendor")
    return "postgres.query" if vendor == "postgresql" and not is_v1 else f"{vendor}.query"


def _step(name: str, describe: Any = _function, type: str = "", targets: Mapping[str, str] = {}) -> Operation:
    return Operation(name, type=type, component="django", targets=Targets({**_TARGETS, **targets}), describe=describe)


REQUESTS = Operations(
    Operation(
        "django.request",
        v1="http.server.request",
        type="web",
        kind="server",
        component="django",
        metrics=MEASURED,
        targets=Targets({**http_server.TARGETS, **_TARGETS}, made=("http.url", "http.version", "usr.id")),
        describe=_request,
        failed=failed_request,
    ),
    {
        "view": _step("django.view"),
        "middleware": _step("django.middleware"),
        "render": _step(
            "django.template.render",
            _template,
            type="template",
            targets={"template.name": "django.template.name", "template.engine": "", "template.operation": ""},
        ),
        "cache": Operation(
            "django.cache",
            type="cache",
            component="django",
            targets=Targets({**_TARGETS, "django.cache.key_prefix": ""}),
            describe=_cache,
        ),
    },
    key="django.step",
)


def _statement(**tags: str) -> Operation:
    return Operation(
        "django.query",
        title=_query,
        type="sql",
        kind="client",
        component="django-database",
        tags=tags,
        metrics={**MEASURED, "db.row_count": -1},
        targets=Targets({**_TARGETS, **_CONNECTION}, made=("out.host",)),
        describe=sql.statement,
    )


STATEMENTS = Operations(_statement(), {"executemany": _statement(**{"sql.executemany": "true"})}, key="db.driver.call")

REST = Operations(
    Operation(
        "django.view.dispatch",
        component="django",
        targets=Targets({**_TARGETS, "http.response.status_code": ""}),
        describe=_function,
    )
)


CACHE = "django_cache"
"""What caches are called in variables: DD_DJANGO_CACHE_SERVICE names their service."""
DATABASE = "django_database"


def service(attributes: dict[str, Any], settings: Settings) -> str | None:
    """The service of a cache or a database, None for what is below a request, "" for the request itself."""
    step = attributes.get("django.step")
    if step == "cache":
        return settings.instrumentor_service.get(CACHE, "django")
    if step == "statement":
        named = settings.instrumentor_service.get(DATABASE)
        return named or f"{settings.django_database_prefix}{text_of(attributes, 'django.db.alias')}db"
    return "" if step is None else None
