"""Our plugins by Datadog's names: the table. A plugin that is added there is a row here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from ..settings import Settings
from . import aiohttp, aws, django, http_client, messaging, reading, rpc, sql, stores, templates, tornado, web
from .operations import Operations
from .urls import Urls

SCOPE = "otel_instrumentors."
"""What the names of our plugins' instrumentation scopes begin with; the rest is the plugin's name."""


class Belongs(Enum):
    """Whose service the spans of a library bear by default (`DD_<COMPONENT>_SERVICE` goes before all of them)."""

    APPLICATION = "the user's DD_SERVICE, else the library's name"
    LIBRARY = "the library's name, whatever DD_SERVICE says"
    CALLER = "the service of the span around it"


# Compared by identity, like the operations.
@dataclass(frozen=True, slots=True, eq=False)
class Plugin:
    component: str
    """Datadog's name of the library: its tag, its default service, the middle of its variables."""
    service: Belongs
    operations: Operations
    renaming_told: bool = False
    """Whether `_dd.svc_src` tells of a service that DD_SERVICE_MAPPING renamed."""
    named_late: bool = False
    """Whether ddtrace names the service of a span that has started already as one of the application's."""
    default: str = ""
    """The default service where that is not the component's name."""
    part: str = ""
    """The attribute that tells a part of the service, whose name follows after a dot."""
    inherited_told: bool = False
    """Whether `_dd.svc_src` of a service that was inherited names this component."""
    domain: Callable[[dict[str, Any], Urls], str] = http_client.domain
    """The service of a request where it is split by domain."""
    variable: str = ""
    """The middle of the variable that names its service, where that is not the component's name."""
    client: Plugin | None = None
    """What its spans of kind client and producer are by, where their service or name is another than the server's."""
    server: Plugin | None = None
    """What its spans of kind server are by, where it is the client that bears the library's name."""
    asynchronous: Plugin | None = None
    """What the spans of its asynchronous API are by, where Datadog has another name for that."""
    own: Callable[[dict[str, Any], Settings], str | None] | None = None
    """The service of one span where that is not the plugin's; "" where it is, None for that of the span around it."""


# fmt: off
PLUGINS: dict[str, Plugin] = {
    "aiohttp":  Plugin("aiohttp",  Belongs.APPLICATION, aiohttp.SERVED, renaming_told=True, default="aiohttp-web",
                       client=Plugin("aiohttp_client", Belongs.CALLER, aiohttp.SENT, renaming_told=True,
                                     inherited_told=True, domain=http_client.host)),
    "botocore": Plugin("botocore", Belongs.LIBRARY,     aws.calls("botocore"), renaming_told=True,
                       default="aws", part=aws.PREFIX),
    "django":   Plugin("django",   Belongs.APPLICATION, django.REQUESTS, renaming_told=True, own=django.service,
                       client=Plugin("django-database", Belongs.LIBRARY, django.STATEMENTS, own=django.service)),
    "djangorestframework": Plugin("django", Belongs.CALLER, django.REST),
    "celery":   Plugin("celery",   Belongs.APPLICATION, messaging.run_tasks(), default="celery-worker",
                       variable="celery_worker",
                       client=Plugin("celery", Belongs.APPLICATION, messaging.sent_tasks(), default="celery-producer",
                                     variable="celery_producer")),
    "flask":    Plugin("flask",    Belongs.APPLICATION, web.requests("flask"), renaming_told=True),
    "grpc":     Plugin("grpc",     Belongs.LIBRARY,     rpc.calls("grpc", "client"), renaming_told=True,
                       named_late=True, default="grpc-client",
                       asynchronous=Plugin("grpc_aio_client", Belongs.LIBRARY, rpc.calls("grpc_aio_client", "client"),
                                           renaming_told=True, named_late=True, default="grpc-aio-client"),
                       server=Plugin("grpc_server", Belongs.APPLICATION, rpc.calls("grpc_server", "server"),
                                     renaming_told=True, named_late=True, default="grpc-server",
                                     asynchronous=Plugin("grpc_aio_server", Belongs.APPLICATION,
                                                         rpc.calls("grpc_aio_server", "server"), renaming_told=True,
                                                         named_late=True, default="grpc-aio-server"))),
    "jinja2":   Plugin("jinja2",   Belongs.CALLER,      templates.engine("jinja2")),
    "kombu":    Plugin("kombu",    Belongs.CALLER,      messaging.messages()),
    "mako":     Plugin("mako",     Belongs.APPLICATION, templates.files("mako")),
    "mysql_connector": Plugin("mysql", Belongs.LIBRARY, sql.driver("mysql", "mysql.connection")),
    "mysqldb":  Plugin("mysqldb",  Belongs.LIBRARY,     sql.driver("mysql", "MySQLdb.connection", component="mysqldb"),
                       default="mysql"),
    "psycopg":  Plugin("psycopg",  Belongs.LIBRARY,     sql.driver("postgres",
                       {"": "postgres.connection", "psycopg.": "psycopg.connection"},
                       component="psycopg", v1="postgresql"), default="postgres"),
    "pymemcache": Plugin("pymemcache", Belongs.LIBRARY, stores.memcached("pymemcache"), default="memcached"),
    "redis":    Plugin("redis",    Belongs.LIBRARY,     stores.redis("redis")),
    "requests": Plugin("requests", Belongs.LIBRARY,     http_client.requests("requests"), renaming_told=True),
    "sqlalchemy": Plugin("sqlalchemy", Belongs.LIBRARY, sql.toolkit("sqlalchemy"), own=sql.vendor),
    "sqlite3":  Plugin("sqlite",   Belongs.LIBRARY,     sql.driver("sqlite", "sqlite.connection")),
    "tornado":  Plugin("tornado",  Belongs.APPLICATION, tornado.SERVED, renaming_told=True, default="tornado-web",
                       client=Plugin("tornado_client", Belongs.CALLER, tornado.SENT, renaming_told=True,
                                     inherited_told=True, domain=http_client.host)),
}
# fmt: on

BY_SCOPE: dict[str, Plugin] = {SCOPE + name: plugin for name, plugin in PLUGINS.items()}


def _others(plugin: Plugin) -> Iterator[tuple[str, Plugin]]:
    for other in (plugin.client, plugin.server, plugin.asynchronous):
        if other is not None:
            yield other.variable or other.component, other
            yield from _others(other)


BY_NAME: dict[str, Plugin] = {**PLUGINS, **dict(pair for plugin in PLUGINS.values() for pair in _others(plugin))}
"""All of them, the other sides' as well."""


_OUTWARD = (SpanKind.CLIENT, SpanKind.PRODUCER)


def plugin_of(span: ReadableSpan) -> Plugin | None:
    """The plugin that made a span, None where it was not one of ours."""
    scope = span.instrumentation_scope
    plugin = BY_SCOPE.get(scope.name) if scope is not None else None
    if plugin is None:
        return None
    if plugin.client is not None and span.kind in _OUTWARD:
        return plugin.client
    if plugin.server is not None and span.kind is SpanKind.SERVER:
        plugin = plugin.server
    if plugin.asynchronous is not None and reading.attributes(span).get(rpc.API) == rpc.ASYNCHRONOUS:
        return plugin.asynchronous
    return plugin
