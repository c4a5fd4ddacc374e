"""Which of our plugins does what a package of opentelemetry-python-contrib does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

PACKAGE = "opentelemetry.instrumentation"


class Counterpart(NamedTuple):
    """Our plugin for a package of theirs, and which part of it does what theirs does: all of it, or these hooks."""

    plugin: str
    modules: Mapping[str, str] = {}
    """What the modules begin with whose hooks are meant, by the name of theirs; all modules where that is not here."""
    without: tuple[str, ...] = ()
    """Hooks of spans that theirs does not make."""
    plugins: Mapping[str, str] = {}
    """Another plugin of ours, by the name of theirs that it is the counterpart of."""


COUNTERPARTS = {
    "aiohttp_client": Counterpart("aiohttp", {"AioHttpClientInstrumentor": "aiohttp.client"}),
    "aiohttp_server": Counterpart("aiohttp", {"AioHttpServerInstrumentor": "aiohttp.web"}),
    "asyncpg": Counterpart("asyncpg", without=("connect",)),
    "boto3sqs": Counterpart("botocore"),
    "django": Counterpart("django", without=("BaseHandler.make_view_atomic",)),
    "grpc": Counterpart(
        "grpc",
        {
            "GrpcInstrumentorClient": "grpc._channel",
            "GrpcInstrumentorServer": "grpc._server",
            "GrpcAioInstrumentorClient": "grpc.aio._channel",
            "GrpcAioInstrumentorServer": "grpc.aio._server",
        },
    ),
    "httpx": Counterpart("httpx", plugins={"HTTPX2ClientInstrumentor": "httpx2"}),
    "mysql": Counterpart("mysql_connector", without=("commit", "rollback")),
    "mysqlclient": Counterpart("mysqldb", without=("commit", "rollback")),
    "psycopg": Counterpart("psycopg", without=("commit", "rollback")),
    "psycopg2": Counterpart("psycopg", {"Psycopg2Instrumentor": "psycopg2"}, without=("commit", "rollback")),
    "pymysql": Counterpart("pymysql", without=("commit", "rollback")),
    "pyramid": Counterpart("pyramid", without=("RendererHelper.render",)),
    "threading": Counterpart("futures"),
    "tornado": Counterpart("tornado", without=("Template.generate",)),
}
