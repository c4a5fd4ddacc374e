"""The table of names: Datadog's name of each of our plugins, of its service and of its operations.

A plugin that is added is one row here, in alphabetical order. What a row may say stands in `plugin.py`, the operations
of each domain in `conventions/`.
"""

from __future__ import annotations

from collections.abc import Iterator

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from ..local_trace import reading
from .conventions import (
    aiohttp,
    aws,
    cassandra,
    django,
    elasticsearch,
    frameworks,
    http_client,
    key_value,
    messaging,
    mongodb,
    rpc,
    sql,
    templates,
    tornado,
)
from .plugin import Belongs, Plugin

# fmt: off
PLUGINS: dict[str, Plugin] = {
    "aio_pika": Plugin("aio_pika", Belongs.CALLER,      messaging.amqp("aio_pika")),
    "aiobotocore": Plugin("aiobotocore", Belongs.APPLICATION, aws.awaited_calls("aiobotocore"), renaming_told=True,
                          named_late=True, default="aws", part=aws.PREFIX),
    "aiohttp":  Plugin("aiohttp",  Belongs.APPLICATION, aiohttp.SERVED, renaming_told=True, default="aiohttp-web",
                       client=Plugin("aiohttp_client", Belongs.CALLER, aiohttp.SENT, renaming_told=True,
                                     inherited_told=True, domain=http_client.host)),
    "aiohttp_jinja2": Plugin("aiohttp_jinja2", Belongs.CALLER, templates.OF_AIOHTTP),
    "aiokafka": Plugin("aiokafka", Belongs.LIBRARY,     messaging.awaited_kafka("aiokafka"), default="kafka"),
    "aiomysql": Plugin("aiomysql", Belongs.LIBRARY,     sql.driver("mysql", "mysql.connection", component="aiomysql",
                       metrics={"db.rownumber": 0}), renaming_told=True, told_late=True, default="mysql"),
    "aiopg":    Plugin("aiopg",    Belongs.LIBRARY,     sql.driver("postgres", "postgres.connection",
                       component="aiopg", v1="postgresql"), renaming_told=True, told_late=True,
                       default="postgres"),
    "asgi":     Plugin("asgi",     Belongs.APPLICATION, frameworks.ASGI, renaming_told=True),
    "asyncmy":  Plugin("asyncmy",  Belongs.LIBRARY,     sql.driver("mysql", "mysql.connection", component="asyncmy"),
                       renaming_told=True, default="mysql"),
    "asyncpg":  Plugin("asyncpg",  Belongs.LIBRARY,     sql.asyncpg(), renaming_told=True, told_late=True,
                       default="postgres"),
    "boto":     Plugin("boto",     Belongs.LIBRARY,     aws.requests("boto"), renaming_told=True,
                       named_late=True, default="aws", part=aws.PREFIX),
    "botocore": Plugin("botocore", Belongs.CALLER,      aws.parsing("botocore"),
                       client=Plugin("botocore", Belongs.LIBRARY, aws.calls("botocore"), renaming_told=True,
                                     default="aws", part=aws.PREFIX)),
    "bottle":   Plugin("bottle",   Belongs.APPLICATION, frameworks.BOTTLE, renaming_told=True),
    "cassandra": Plugin("cassandra", Belongs.LIBRARY,   cassandra.statements("cassandra")),
    "celery":   Plugin("celery",   Belongs.APPLICATION, messaging.run_tasks(), told_late=True, default="celery-worker",
                       variable="celery_worker",
                       client=Plugin("celery", Belongs.APPLICATION, messaging.sent_tasks(), told_late=True,
                                     default="celery-producer", variable="celery_producer")),
    "confluent_kafka": Plugin("kafka", Belongs.LIBRARY, messaging.kafka("kafka"), told_late=True),
    "django":   Plugin("django",   Belongs.APPLICATION, django.REQUESTS, renaming_told=True, own=django.service,
                       client=Plugin("django-database", Belongs.LIBRARY, django.STATEMENTS, own=django.service,
                                     variable=django.DATABASE)),
    "djangorestframework": Plugin("django", Belongs.CALLER, django.REST),
    "dramatiq": Plugin("dramatiq", Belongs.CALLER,      messaging.actors(), inherited_told=True, told_late=True),
    "elasticsearch": Plugin("elasticsearch", Belongs.LIBRARY, elasticsearch.requests("elasticsearch"),
                       told_late=True),
    "falcon":   Plugin("falcon",   Belongs.LIBRARY,     frameworks.FALCON, renaming_told=True),
    "fastapi":  Plugin("fastapi",  Belongs.LIBRARY,     frameworks.FASTAPI, renaming_told=True),
    "flask":    Plugin("flask",    Belongs.APPLICATION, frameworks.FLASK, renaming_told=True),
    "flask_cache": Plugin("flask_cache", Belongs.PROCESS, key_value.flask_cache("flask_cache"), renaming_told=True,
                          default="flask-cache"),
    "grpc":     Plugin("grpc",     Belongs.LIBRARY,     rpc.calls("grpc", "client"), renaming_told=True,
                       named_late=True, default="grpc-client",
                       asynchronous=Plugin("grpc_aio_client", Belongs.LIBRARY, rpc.calls("grpc_aio_client", "client"),
                                           renaming_told=True, named_late=True, default="grpc-aio-client"),
                       server=Plugin("grpc_server", Belongs.APPLICATION, rpc.calls("grpc_server", "server"),
                                     renaming_told=True, named_late=True, default="grpc-server",
                                     asynchronous=Plugin("grpc_aio_server", Belongs.APPLICATION,
                                                         rpc.calls("grpc_aio_server", "server"), renaming_told=True,
                                                         named_late=True, default="grpc-aio-server"))),
    "httplib":  Plugin("httplib",  Belongs.CALLER,      http_client.plain("httplib")),
    "httpx":    Plugin("httpx",    Belongs.CALLER,      http_client.httpx("httpx"), inherited_told=True),
    "httpx2":   Plugin("httpx2",   Belongs.CALLER,      http_client.httpx("httpx2"), inherited_told=True),
    "jinja2":   Plugin("jinja2",   Belongs.CALLER,      templates.engine("jinja2")),
    "kafka":    Plugin("kafka",    Belongs.CALLER,      messaging.sent_and_received("kafka", "kafka")),
    "kombu":    Plugin("kombu",    Belongs.CALLER,      messaging.messages(), told_late=True),
    "mako":     Plugin("mako",     Belongs.APPLICATION, templates.files("mako")),
    "molten":   Plugin("molten",   Belongs.APPLICATION, frameworks.MOLTEN, renaming_told=True),
    "mongoengine": Plugin("pymongo", Belongs.LIBRARY,   mongodb.driver("pymongo"), told_late=True, default="mongodb"),
    "mysql_connector": Plugin("mysql", Belongs.LIBRARY, sql.driver("mysql", "mysql.connection")),
    "mysqldb":  Plugin("mysqldb",  Belongs.LIBRARY,     sql.driver("mysql", "MySQLdb.connection", component="mysqldb",
                       connecting={"connect": "MySQLdb.connection.connect"}, unsaid=("db.system.name",)),
                       default="mysql"),
    "opensearch": Plugin("elasticsearch", Belongs.LIBRARY, elasticsearch.requests("elasticsearch"),
                       told_late=True),
    "pika":     Plugin("pika",     Belongs.CALLER,      messaging.amqp("pika")),
    "psycopg":  Plugin("psycopg",  Belongs.LIBRARY,     sql.driver("postgres",
                       {"": "postgres.connection", "psycopg.": "psycopg.connection"}, component="psycopg",
                       v1="postgresql", connecting={"connect": "psycopg2.connect",
                       "psycopg.connect": "psycopg.connection.connect",
                       "psycopg.AsyncConnection.connect": "psycopg.connection_async.connect"}), default="postgres"),
    "pylibmc":  Plugin("pylibmc",  Belongs.LIBRARY,     key_value.memcached("pylibmc", "memcached.cmd"),
                       renaming_told=True, named_late=True, default="memcached"),
    "pylons":   Plugin("pylons",   Belongs.APPLICATION, frameworks.PYLONS, renaming_told=True),
    "pymemcache": Plugin("pymemcache", Belongs.LIBRARY, key_value.memcached("pymemcache"),
                       renaming_told=True, named_late=True, default="memcached"),
    "pymongo":  Plugin("pymongo",  Belongs.LIBRARY,     mongodb.driver("pymongo"), told_late=True),
    "pymysql":  Plugin("pymysql",  Belongs.LIBRARY,     sql.driver("pymysql", "pymysql.connection", v1="mysql")),
    "pyramid":  Plugin("pyramid",  Belongs.APPLICATION, frameworks.PYRAMID, renaming_told=True),
    "redis":    Plugin("redis",    Belongs.LIBRARY,     key_value.redis("redis"), renaming_told=True),
    "rediscluster": Plugin("rediscluster", Belongs.LIBRARY, key_value.redis("rediscluster", shortens_batches=False),
                           renaming_told=True, told_late=True),
    "requests": Plugin("requests", Belongs.LIBRARY,     http_client.requests("requests"), renaming_told=True),
    "rq":       Plugin("rq",       Belongs.APPLICATION, messaging.performed_jobs(), default="rq-worker",
                       variable="rq_worker", own=messaging.job_service,
                       client=Plugin("rq", Belongs.APPLICATION, messaging.enqueued_jobs())),
    "sqlalchemy": Plugin("sqlalchemy", Belongs.LIBRARY, sql.toolkit("sqlalchemy"), own=sql.vendor,
                       renaming_told=True, named_late=True),
    "sqlite3":  Plugin("sqlite",   Belongs.LIBRARY,     sql.driver("sqlite", "sqlite.connection")),
    "starlette": Plugin("starlette", Belongs.LIBRARY, frameworks.STARLETTE, renaming_told=True),
    "tornado":  Plugin("tornado",  Belongs.APPLICATION, tornado.SERVED, renaming_told=True, default="tornado-web",
                       client=Plugin("tornado_client", Belongs.CALLER, tornado.SENT, renaming_told=True,
                                     inherited_told=True, domain=http_client.host)),
    "urllib3":  Plugin("urllib3",  Belongs.LIBRARY,     http_client.URLLIB3, renaming_told=True),
    "valkey":   Plugin("valkey",   Belongs.LIBRARY,     key_value.redis("valkey", "valkey")),
    "vertica":  Plugin("vertica",  Belongs.LIBRARY,     sql.fetching_driver("vertica", "copy", "fetchall", "fetchmany",
                       "fetchone", "iterate", "nextset"), told_late=True),
    "wsgi":     Plugin("wsgi",     Belongs.LIBRARY,     frameworks.WSGI, renaming_told=True),
}
# fmt: on

SCOPE = "otel_instrumentors."
"""What the names of our plugins' instrumentation scopes begin with; the rest is the plugin's name."""

BY_SCOPE: dict[str, Plugin] = {SCOPE + name: plugin for name, plugin in PLUGINS.items()}


def _others(plugin: Plugin) -> Iterator[tuple[str, Plugin]]:
    for other in (plugin.client, plugin.server, plugin.asynchronous):
        if other is not None:
            yield other.variable or other.component, other
            yield from _others(other)


_OTHERS = dict(pair for plugin in PLUGINS.values() for pair in _others(plugin))
BY_NAME: dict[str, Plugin] = {
    **{plugin.variable if name in _OTHERS else name: plugin for name, plugin in PLUGINS.items()},
    **_OTHERS,
}
"""All of them, the other sides' as well; where one of those has the plugin's name, the plugin has its variable's."""


def in_variables(name: str, plugin: Plugin) -> tuple[str, str]:
    """What a row of `BY_NAME` is called in variables, the first that is set counts.

    By Datadog's name (DD_SQLITE_SERVICE), then by ours (DD_SQLITE3_SERVICE).
    """
    return plugin.variable or plugin.component, name


NAMES_IN_VARIABLES: frozenset[str] = frozenset(
    each for name, plugin in BY_NAME.items() for each in in_variables(name, plugin) if each
)
"""What all rows of `BY_NAME` are called in variables."""


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
