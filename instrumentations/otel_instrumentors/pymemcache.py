"""pymemcache: a span for each command that is sent to a server, by plain, pooled and hash clients."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from opentelemetry.context import create_key

from .kernel.call import Call, Outcome, SpanSpec
from .kernel.hook import Hook
from .kernel.hooks.traced import traced
from .kernel.instrumentor import Instrumentor
from .kernel.options import Options
from .kernel.switch import is_on
from .semconv import db, stores
from .semconv.db import DB_ROW_COUNT

_SENDING = create_key("otel_instrumentors.pymemcache.sending")
"""Old releases send many values with the client's own commands for one."""

_STORING = ("set", "set_many", "add", "replace", "append", "prepend", "cas", "delete", "delete_many")
_OTHERS = ("incr", "decr", "touch", "stats", "version", "flush_all", "quit")
_KEYS = ("key", "keys", "values")
_MOST_SHOWN = 25_000
_ALIASES = {"get_multi": "get_many", "set_multi": "set_many", "delete_multi": "delete_many"}


def sent(name: str, found: Callable[[Any], int] | None = None) -> Hook:
    """A hook for the method `name`; `found` counts the values in its result."""
    silences = _SENDING if name.endswith("_many") else None

    def described(call: Call) -> SpanSpec:
        server = call.instance.server
        host, port = server if isinstance(server, tuple) else (None, None)
        text = f"{name} {keys(call)}".rstrip() if shows_keys() else ""
        spec = stores.command("memcached", name, name, db.connection(address=host, port=port), text=text)
        spec.silences = silences
        return spec

    def counted(_call: Call, result: Any) -> Outcome:
        return Outcome({DB_ROW_COUNT: found(result)})  # type: ignore[misc]

    return traced(described, None if found is None else counted, suppressed_by=_SENDING)


@cache
def shows_keys() -> bool:
    """Whether keys are to be on spans: asked when the first command is sent."""
    return is_on("MEMCACHED_KEYS")


def keys(call: Call) -> str:
    """The keys of a command, the one or all of them: its first argument, or those of its pairs."""
    given = call.args[0] if call.args else next((call.kwargs[name] for name in _KEYS if name in call.kwargs), "")
    several = (
        (given,) if isinstance(given, (str, bytes)) else given if isinstance(given, (dict, list, tuple, set)) else ()
    )
    texts = (key.decode(errors="backslashreplace") if isinstance(key, bytes) else key for key in several)
    return " ".join(text for text in texts if isinstance(text, str))[:_MOST_SHOWN]


def _one(value: Any) -> int:
    return 1 if value else 0


def _one_and_its_version(result: Any) -> int:
    return _one(result[0])


_commands = {
    **{name: sent(name) for name in (*_STORING, *_OTHERS)},
    "get": sent("get", _one),
    "gets": sent("gets", _one_and_its_version),
    "get_many": sent("get_many", len),
    "gets_many": sent("gets_many", len),
}


class PymemcacheInstrumentor(Instrumentor):
    options = Options(client=db.CLIENT)
    # Pooled and hash clients send their commands with clients of this class.
    hooks = {
        "pymemcache.client.base": {
            f"Client.{name}": _commands[_ALIASES.get(name, name)] for name in (*_commands, *_ALIASES)
        }
    }
