"""Flask-Caching and Flask-Cache: a span for each operation of a cache, those of cached views and functions as well."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opentelemetry.context import create_key
from opentelemetry.util.types import AttributeValue

from .kernel.call import Call, Outcome, SpanSpec
from .kernel.hook import Hook
from .kernel.hooks.traced import traced
from .kernel.hooks.traced_unless_below import traced_unless_below
from .kernel.instrumentor import Instrumentor
from .kernel.recording import Finish
from .semconv import db

OPERATION = "flask_cache.operation"
BACKEND = "flask_cache.backend"
"""The class of the cache, or what the settings call it where that is a class of the application's."""
KEY = "flask_cache.key"
"""The key of an operation; of one with many keys a list of them."""

_AT_WORK = create_key("otel_instrumentors.flask_cache.at_work")
"""A cache asks for many keys by asking for one after the other."""
_CLAIM = create_key("otel_instrumentors.flask_cache.claim")

_MOST_SHOWN = 25_000

_WITH_A_KEY = ("get", "has", "set", "add", "delete", "inc", "dec")
_WITH_KEYS = ("get_many", "get_dict", "delete_many", "unlink")
_OPERATIONS = (*_WITH_A_KEY, *_WITH_KEYS, "set_many", "clear")


def operation(name: str) -> Hook:
    """A hook for the method `name` of a cache."""

    def described(call: Call) -> SpanSpec:
        attributes = {OPERATION: name, BACKEND: type(call.instance).__name__, **keys(name, call), **server(call)}
        return SpanSpec(f"cache {name}", attributes=attributes, silences=_AT_WORK, claims=_CLAIM)

    return traced(described, found(name), suppressed_by=_AT_WORK)


def operation_of_extension(name: str) -> Hook:
    """A hook for the method `name` of the extension, which asks a cache: one that is not hooked, perhaps."""

    def described(call: Call) -> SpanSpec:
        backend = (call.instance.config or {}).get("CACHE_TYPE")
        attributes: dict[str, AttributeValue] = {OPERATION: name, **keys(name, call)}
        if isinstance(backend, str):
            attributes[BACKEND] = backend
        return SpanSpec(f"cache {name}", attributes=attributes)

    return traced_unless_below(described, found(name), claim=_CLAIM)


def keys(name: str, call: Call) -> dict[str, AttributeValue]:
    """The key or the keys of a call, as far as they go."""
    if name in _WITH_A_KEY:
        key = call.arg(0, "key")
        return {KEY: str(key)[:_MOST_SHOWN]} if key is not None else {}
    if name in _WITH_KEYS:
        return {KEY: _shown(call.args)}
    given = call.arg(0, "mapping") if name == "set_many" else None
    return {KEY: _shown(given)} if isinstance(given, dict) else {}


def _shown(given: Iterable[Any]) -> tuple[str, ...]:
    shown: list[str] = []
    room = _MOST_SHOWN
    for key in given:
        shown.append(str(key)[:room])
        room -= len(shown[-1])
        if room <= 0:
            break
    return tuple(shown)


def server(call: Call) -> dict[str, AttributeValue]:
    """Where the values are, if a client of the cache's knows: the first of several servers."""
    cache = vars(call.instance)
    client = cache.get("_write_client") or cache.get("_client")
    pool = getattr(client, "connection_pool", None)
    if pool is not None:
        settings = pool.connection_kwargs
        return db.connection(str(settings.get("db") or 0), settings.get("host"), settings.get("port"))
    addresses = getattr(client, "addresses", None) or [each.address for each in getattr(client, "servers", ())]
    if not addresses:
        return {}
    address = addresses[0]
    host, port = address if isinstance(address, tuple) else address.rpartition(":")[::2]
    return db.connection(address=host, port=int(port)) if host and str(port).isdecimal() else {}


def found(name: str) -> Finish | None:
    """Counts the values that an operation found; None for one that looks for none."""

    def counted(_call: Call, result: Any) -> Outcome | None:
        if name == "get":
            return db.rows(int(result is not None))
        values = result.values() if isinstance(result, dict) else result
        return db.rows(sum(value is not None for value in values))

    return counted if name in ("get", "get_many", "get_dict") else None


_backend = {name: operation(name) for name in _OPERATIONS}
_BACKENDS = {
    "flask_caching.backends.filesystemcache": ("FileSystemCache",),
    "flask_caching.backends.memcache": ("MemcachedCache", "SpreadSASLMemcachedCache"),
    "flask_caching.backends.nullcache": ("NullCache",),
    "flask_caching.backends.rediscache": ("RedisCache",),
    "flask_caching.backends.simplecache": ("SimpleCache",),
    "flask_caching.backends.uwsgicache": ("UWSGICache",),
    # Before 1.10
    "flask_caching.backends.filesystem": ("FileSystemCache",),
    "flask_caching.backends.null": ("NullCache",),
    "flask_caching.backends.simple": ("SimpleCache",),
    "flask_cache.backends": (
        *("FileSystemCache", "GAEMemcachedCache", "MemcachedCache", "NullCache", "RedisCache", "SimpleCache"),
        "SpreadSASLMemcachedCache",
    ),
}
# `unlink` asks the extension itself to delete.
_extension = {f"Cache.{name}": operation_of_extension(name) for name in _OPERATIONS if name != "unlink"}


class FlaskCacheInstrumentor(Instrumentor):
    hooks = {
        "flask_caching": _extension,
        "flask_cache": _extension,
        # Cached views and functions ask these without the extension.
        **{
            module: {f"{cls}.{name}": hook for cls in classes for name, hook in _backend.items()}
            for module, classes in _BACKENDS.items()
        },
    }
