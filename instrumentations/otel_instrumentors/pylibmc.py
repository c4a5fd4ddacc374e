"""pylibmc: a span for each command, by clients, their clones and those of pools."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from opentelemetry.context import create_key
from opentelemetry.util.types import AttributeValue

from .kernel.call import Call, Outcome, SpanSpec
from .kernel.hook import Hook
from .kernel.hooks.traced import traced
from .kernel.instrumentor import Instrumentor
from .kernel.options import Options
from .kernel.recording import Finish
from .semconv import db, stores

_SENDING = create_key("otel_instrumentors.pylibmc.sending")
"""`delete_multi` deletes one key after the other."""

_PORT = 11211
_LONGEST_KEY = 1_000
_WITH_A_KEY = ("get", "gets", "set", "add", "replace", "append", "prepend", "cas", "delete", "incr", "decr", "touch")
_WITH_KEYS = ("get_multi", "set_multi", "add_multi", "delete_multi", "incr_multi")
_OTHERS = ("flush_all", "get_stats")


def sent(name: str) -> Hook:
    """A hook for the client's method `name`."""

    def described(call: Call) -> SpanSpec:
        shown = call.arg(0, "key") if name in _WITH_A_KEY else call.kwargs.get("key_prefix")
        text = f"{name} {_text(shown)}" if shown else ""
        spec = stores.command("memcached", name, name, server(call.instance.addresses), text=text)
        spec.silences = _SENDING
        return spec

    return traced(described, _found.get(name), suppressed_by=_SENDING)


def server(addresses: Any) -> dict[str, AttributeValue]:
    """The server of a client that has one: which of several gets a command is decided where Python does not see it."""
    if len(addresses) != 1:
        return {}
    (address,) = addresses
    host, port = address[1:3] if isinstance(address, tuple) else parsed(address)
    return db.connection(address=host, port=port)


@lru_cache(1_024)
def parsed(address: str) -> tuple[str, int | None]:
    """Host and port of `[udp:]host[:port[:weight]]`; the path of a socket, which has none."""
    if address.startswith("/"):
        return address, None
    address = address.removeprefix("udp:")
    host, _, rest = address[1:].partition("]") if address.startswith("[") else address.partition(":")
    port = rest.removeprefix(":").partition(":")[0]
    return host, int(port) if port.isdecimal() else _PORT


def _text(key: Any) -> str:
    return (key.decode(errors="backslashreplace") if isinstance(key, bytes) else str(key))[:_LONGEST_KEY]


def _one(call: Call, value: Any) -> Outcome | None:
    return db.rows(int(value is not call.arg(1, "default")))


def _one_and_its_version(_call: Call, result: Any) -> Outcome | None:
    return db.rows(int(result[1] is not None))


def _several(_call: Call, values: Any) -> Outcome | None:
    return db.rows(len(values))


_found: dict[str, Finish] = {"get": _one, "gets": _one_and_its_version, "get_multi": _several}


class PylibmcInstrumentor(Instrumentor):
    options = Options(client=db.CLIENT)
    # The class in Python, which inherits its commands from one in C.
    hooks = {"pylibmc.client": {f"Client.{name}": sent(name) for name in (*_WITH_A_KEY, *_WITH_KEYS, *_OTHERS)}}
