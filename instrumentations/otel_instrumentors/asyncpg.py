"""asyncpg: a span for each statement, COPY and fetch from a cursor, and for each call of `asyncpg.connect()`."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from opentelemetry.context import Context

from .kernel.call import Arguments, Call, Outcome, SpanSpec
from .kernel.hook import Hook
from .kernel.hooks.change_arguments import change_arguments
from .kernel.hooks.coroutine_function import coroutine_function
from .kernel.hooks.traced import traced
from .kernel.instrumentor import Instrumentor
from .kernel.options import Options
from .semconv import db
from .semconv.db import Comments

_SYSTEM = "postgresql"

_known: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()
"""Of a connection, by its protocol: that is what statements are sent with, and it does not tell."""


def made(call: Call) -> None:
    _known[call.arg(0, "protocol")] = _of(call.arg(3, "addr"), call.arg(5, "params"))


def _of(address: Any, parameters: Any) -> dict[str, Any]:
    host, port = address if isinstance(address, tuple) else (None, None)  # else the path of a socket
    return db.connection(parameters.database, host, port, parameters.user)


def connect(_call: Call) -> SpanSpec:
    return db.connect(_SYSTEM, "connect")


def connected(_call: Call, connection: Any) -> Outcome:
    return Outcome(_of(connection._addr, connection._params))


def _statement(name: str, argument: str) -> Hook:
    """A hook for the protocol's method `name` that sends `argument`: a statement, as text or as it was prepared."""

    def statement(call: Call) -> SpanSpec:
        sent = call.arg(0, argument)
        return db.query(_SYSTEM, getattr(sent, "query", sent), name, _known.get(call.instance))

    return coroutine_function(
        traced(statement, suppressed_by=db.SUPPRESSED, prepare=commented if name == "query" else None)
    )


def commented(call: Call, context: Context) -> Arguments | None:
    """Of a prepared statement the server knows the text already: there is no place for a comment."""
    comment = db.comment(context, Comments.PLAIN)
    if not comment or not call.args:
        return None
    return (comment + call.args[0], *call.args[1:]), call.kwargs


class AsyncpgInstrumentor(Instrumentor):
    options = Options(client=db.CLIENT)
    hooks = {
        # Not asyncpg.connection's: a pool, which makes its connections when it likes, takes that one.
        "asyncpg": {"connect": traced(connect, connected, suppressed_by=db.SUPPRESSED)},
        "asyncpg.connection": {"Connection.__init__": change_arguments(made)},
        "asyncpg.protocol": {
            f"Protocol.{name}": _statement(name, argument)
            for name, argument in {
                "query": "query",
                "bind_execute": "state",
                "bind_execute_many": "state",
                "execute": "state",
                "copy_in": "copy_stmt",
                "copy_out": "copy_stmt",
            }.items()
        },
    }
