"""MongoDB: a span for each command, and one around the use of the connection that it is sent on."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.util.types import AttributeValue

from ..kernel import safety
from ..kernel.call import Arguments, Call, Outcome, SpanSpec
from ..kernel.current import get_current
from ..kernel.hook import Hook, Target
from ..kernel.hooks.change_arguments import change_arguments
from ..kernel.hooks.opt_in import where_asked
from ..kernel.hooks.traced import traced
from ..kernel.hooks.traced_block import traced_block
from ..kernel.scope import Scope
from ..kernel.scope_with_options import OTHERS
from ..semconv import db, mongodb
from ..semconv.db import DB_ROW_COUNT
from .context import apart

Owns = Callable[[Any], bool]
"""Whether a client is one's own, given the options of its connection pools."""

_GREETINGS = frozenset(("hello", "ismaster", "isMaster"))
_ANY_OF = ("$in", "$nin")
_HIDDEN = "?"
_MOST_PARTS = 1_000
_MOST_DEPTH = 50
_BATCHES = ("firstBatch", "nextBatch")

_layers: dict[Owns, Scope] = {}
"""Those above the driver that are instrumented and have some of its clients for their own."""


LISTENERS = {
    "request_hook": "mongodb.started",
    "response_hook": "mongodb.succeeded",
    "failed_hook": "mongodb.failed",
}
"""What may be asked for (`Options.others`): functions that are called with a command's span and the driver's event."""


def driver() -> dict[str, dict[str, Hook]]:
    """The hooks for the driver: of all clients but those that an instrumented layer above it has for its own."""
    listening = where_asked(change_arguments(_with_listener), *LISTENERS.values())
    return {**_hooks(_is_nobodys), "pymongo.monitoring": {"_EventListeners.__init__": listening}}


def _with_listener(call: Call) -> Arguments:
    """One of ours among the listeners of a client that is made: the driver tells it of each command."""
    theirs, base = call.arg(0, "listeners"), sys.modules["pymongo.monitoring"].CommandListener
    tell = {name.partition(".")[2]: _telling(name) for name in LISTENERS.values()}
    return ([*(theirs or ()), type("Listener", (base,), tell)()],), {}


def _telling(name: str) -> Callable[[Any, Any], None]:
    def tell(_listener: Any, event: Any) -> None:
        asked: Any = get_current().get(OTHERS)
        function = asked.get(name) if asked else None
        if function is not None:
            try:
                function(trace.get_current_span(), event)
            except Exception as error:  # noqa: BLE001
                safety.report(safety.place(function), error)

    return tell


def layer(owns: Owns) -> dict[str, dict[str, Hook]]:
    """The hooks for a layer above the driver: of the clients that it `owns`."""
    return {
        module: {path: _OfLayer(hook, owns) for path, hook in hooks.items()} for module, hooks in _hooks(owns).items()
    }


class _OfLayer:
    __slots__ = ("hook", "owns")

    def __init__(self, hook: Hook, owns: Owns) -> None:
        self.hook = hook
        self.owns = owns

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        _layers[self.owns] = scope
        return self.hook.wrap(target, scope)


def _is_nobodys(options: Any) -> bool:
    return not any(scope.active and owns(options) for owns, scope in _layers.items())


def _hooks(owns: Owns) -> dict[str, dict[str, Hook]]:
    command = traced(_sent(owns))
    operation = traced(_run(owns), _answered)
    acknowledged, unacknowledged = traced(_batch(owns, "write_command"), _written), traced(_batch(owns, "unack_write"))
    checkout = traced_block(_checked_out(owns, "checkout"))
    return {
        # What watches servers and closes cursors works for everybody, whoever makes the client start it.
        "pymongo.periodic_executor": {"PeriodicExecutor.open": apart(), "AsyncPeriodicExecutor.open": apart()},
        "pymongo.synchronous.pool": {"Connection.command": command, "Pool.checkout": checkout},
        "pymongo.asynchronous.pool": {"AsyncConnection.command": command, "Pool.checkout": checkout},
        "pymongo.synchronous.cursor_base": {"_CursorBase._run_with_conn": operation},
        "pymongo.asynchronous.cursor_base": {"_AsyncCursorBase._run_with_conn": operation},
        **{
            f"pymongo.{way}.{module}": {
                f"{cls}.write_command": acknowledged,
                f"{cls}.unack_write": unacknowledged,
            }
            for way, module, cls in (
                ("synchronous", "bulk", "_Bulk"),
                ("synchronous", "client_bulk", "_ClientBulk"),
                ("asynchronous", "bulk", "_AsyncBulk"),
                ("asynchronous", "client_bulk", "_AsyncClientBulk"),
            )
        },
        # Before 4.18
        "pymongo.synchronous.server": {"Server.run_operation": operation},
        "pymongo.asynchronous.server": {"Server.run_operation": operation},
        # Before 4.9
        "pymongo.pool": {
            "Connection.command": command,
            "SocketInfo.command": command,
            "Pool.checkout": checkout,
            "Pool.get_socket": traced_block(_checked_out(owns, "get_socket")),
        },
        "pymongo.server": {
            "Server.run_operation": operation,
            "Server.run_operation_with_response": operation,
            "Server.send_message_with_response": traced(_run_by_server(owns)),
        },
        "pymongo.bulk": {
            "_BulkWriteContext.write_command": acknowledged,
            "_BulkWriteContext.unack_write": unacknowledged,
            "_BulkWriteContext.legacy_write": unacknowledged,
        },
    }


def _checked_out(owns: Owns, name: str) -> Callable[[Call], SpanSpec | None]:
    def described(call: Call) -> SpanSpec | None:
        pool = call.instance
        is_monitors = getattr(pool, "is_sdam", False) or not getattr(pool, "handshake", True)
        if is_monitors or not owns(pool.opts):
            return None
        return mongodb.checkout(name, _server(pool))

    return described


def _sent(owns: Owns) -> Callable[[Call], SpanSpec | None]:
    def described(call: Call) -> SpanSpec | None:
        connection, document = call.instance, call.arg(1, "spec")
        if not owns(_options(connection)):
            return None
        name = next(iter(document))
        # Those of monitors, which ask each server every few seconds, are part of nobody's work.
        if name in _GREETINGS and not trace.get_current_span().get_span_context().is_valid:
            return None
        return _command(document, call.arg(0, "dbname"), "command", connection, _filter(document))

    return described


def _run(owns: Owns) -> Callable[[Call], SpanSpec | None]:
    def described(call: Call) -> SpanSpec | None:
        """Queries, and what fetches more of their results."""
        return _operation(owns, call.arg(1, "operation"), call.arg(0, "conn"))

    return described


def _run_by_server(owns: Owns) -> Callable[[Call], SpanSpec | None]:
    def described(call: Call) -> SpanSpec | None:
        return _operation(owns, call.arg(0, "operation"), call.instance.pool)

    return described


def _operation(owns: Owns, operation: Any, connection: Any) -> SpanSpec | None:
    if not owns(_options(connection)):
        return None
    query = getattr(operation, "spec", None)
    text = without_values(query) if query else ""
    if hasattr(operation, "coll"):
        database, collection = operation.db, operation.coll
    else:
        # Of 3.1
        database, _, collection = operation.ns.partition(".")
    return mongodb.command(operation.name, collection, database, "run_operation", _server(connection), text)


def _batch(owns: Owns, name: str) -> Callable[[Call], SpanSpec | None]:
    def described(call: Call) -> SpanSpec | None:
        args = call.args
        # Before 4.9 this is a method of the context, before 3.12 that has the command.
        context = args[0] if hasattr(args[0], "db_name") else call.instance
        connection = getattr(context, "conn", None) or context.sock_info
        if not owns(_options(connection)):
            return None
        command = getattr(context, "command", None) or next(given for given in args if isinstance(given, dict))
        spec = _command(command, context.db_name, name, connection)
        message = next((given for given in args if isinstance(given, bytes)), None)
        if message is not None:
            spec.attributes[mongodb.MONGODB_MESSAGE_SIZE] = len(message)  # type: ignore[index]
        return spec

    return described


def _command(document: Mapping[str, Any], database: str, call: str, connection: Any, query: str = "") -> SpanSpec:
    name, target = next(iter(document.items()))
    spec = mongodb.command(name, target, database, call, _server(connection), query)
    attributes: dict[str, AttributeValue] = spec.attributes  # type: ignore[assignment]
    if "ordered" in document:
        attributes[mongodb.MONGODB_ORDERED] = document["ordered"]
    if name == "insert" and "documents" in document:
        attributes[mongodb.MONGODB_DOCUMENTS] = len(document["documents"])
    return spec


def _filter(document: Mapping[str, Any]) -> str:
    """Which documents are changed or deleted: what the first of the statements says."""
    statements = document.get("updates") or document.get("deletes")
    query = statements[0].get("q") if statements else None
    return without_values(query) if query else ""


def _options(connection: Any) -> Any:
    return getattr(connection, "opts", None)


def _server(of: Any) -> dict[str, AttributeValue]:
    """Where a pool or connection of the driver leads to."""
    host, port = of.address
    return db.connection(address=host, port=port)


def _answered(_call: Call, response: Any) -> Outcome | None:
    """How many documents there were in the answer, which may not be all."""
    first = next(iter(response.docs), None)
    cursor = first.get("cursor") if isinstance(first, dict) else None
    if not cursor:
        return None
    return Outcome({DB_ROW_COUNT: sum(len(cursor[batch]) for batch in _BATCHES if batch in cursor)})


def _written(_call: Call, answer: Mapping[str, Any]) -> Outcome | None:
    return Outcome({DB_ROW_COUNT: answer.get("n", -1)}) if answer else None


def without_values(query: Any) -> str:
    """A filter as JSON with `?` for each value: its keys and operators, a thousand of them at most."""
    return json.dumps(_shape(query, 0, [_MOST_PARTS]))


def _shape(part: Any, depth: int, left: list[int]) -> Any:
    if depth > _MOST_DEPTH:
        return _HIDDEN
    if isinstance(part, dict):
        shape = {}
        for key, value in part.items():
            if not left[0]:
                break
            left[0] -= 1
            is_nested = isinstance(value, (dict, list)) and key not in _ANY_OF
            shape[key] = _shape(value, depth + 1, left) if is_nested else _HIDDEN
        return shape
    shapes = []
    for value in part if isinstance(part, list) else ():
        if not left[0]:
            break
        left[0] -= 1
        shapes.append(_shape(value, depth + 1, left) if isinstance(value, (dict, list)) else {})
    return shapes
