"""OpenTelemetry's own instrumentors beside ours: where one of them makes the span of a call, ours makes none.

They may be at work for a library, which is known by their class; for one object, which they mark; or around a call,
whose current span is then theirs. Nothing of this is asked where none is installed that watches the same library.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation import _SPAN_KEY

from .call import Call, SpanSpec
from .current import get_current

PACKAGE = "opentelemetry.instrumentation"

MARK = "_is_instrumented_by_opentelemetry"
"""The attribute by which they know an object that one of them is at work for already."""

_NAMED_OTHERWISE = {
    "MySQLdb": ("mysqlclient",),
    "aiobotocore": ("botocore",),
    "aiohttp": ("aiohttp_server",),
    "aiohttp.client": ("aiohttp_client",),
    "botocore": ("botocore", "boto3sqs"),
    "elastic_transport": ("elasticsearch",),
    "fastapi": ("fastapi", "starlette"),
    "httpx2": ("httpx",),
    "mysql": ("mysql",),
    "starlette": ("starlette", "fastapi"),
}
"""What their packages are called that watch a module, or those below it, where that is not its first word."""

_BY_CLASS = {
    "AiobotocoreInstrumentor": "aiobotocore",
    "BotocoreInstrumentor": "botocore",
    "GrpcAioInstrumentorClient": "grpc.aio._channel",
    "GrpcAioInstrumentorServer": "grpc.aio._server",
    "GrpcInstrumentorClient": "grpc._channel",
    "GrpcInstrumentorServer": "grpc._server",
    "HTTPX2ClientInstrumentor": "httpx2",
    "HTTPXClientInstrumentor": "httpx",
}
"""Which module each of theirs watches, where several are in one package."""

_BELOW = {"celery": "kombu"}
"""Libraries in which one of our plugins hooks what a package of theirs watches that is called like the plugin."""

_SERVERS = ("asgi", "wsgi")
"""Their middleware, which any server may have around any application."""

_CLIENTS = frozenset(("grpc._channel", "grpc.aio._channel"))
"""Modules of clients that are watched apart from the servers of the same library."""

_FOR_OBJECTS = frozenset(("boto3sqs", "falcon", "fastapi", "flask", "starlette", *_SERVERS))
"""Of these `instrument()` is only for some calls of the library; which ones is known by mark or span."""


_STEPPING_BACK = frozenset(("pymemcache",))
"""Of these, what has been wrapped before is left to who has wrapped it: ours, where theirs is started later."""


class Company:
    """Those who may watch the same calls as the hooks of a plugin in one module, by the names of their packages."""

    __slots__ = ("_for_all", "_module", "_others", "_prefixes")

    def __init__(self, names: Iterable[str], module: str) -> None:
        names = tuple(names)
        self._module = module
        self._for_all = tuple(f"{PACKAGE}.{name}" for name in names if name not in _FOR_OBJECTS)
        self._prefixes = tuple(f"{PACKAGE}.{name}" for name in names)
        # The spans of a package's server say nothing of a client that is another one's, or ours.
        self._others = SpanKind.SERVER if module in _CLIENTS else None

    def traces(self, call: Call) -> bool:
        """Whether one of them makes the span of a call."""
        if call.instance is not None and getattr(call.instance, MARK, None) is True:
            return True
        span: Any = get_current().get(_SPAN_KEY)
        by: Any = getattr(span, "instrumentation_scope", None)
        if by is not None and by.name.startswith(self._prefixes) and span.end_time is None:
            return span.kind is not self._others
        return any(_is_started(name, self._module) for name in self._for_all)

    @staticmethod
    def serves(spec: SpanSpec) -> bool:
        """Whether the request that `spec` is of has a span of theirs already: of middleware around the application."""
        if spec.kind is not SpanKind.SERVER:
            return False
        span: Any = get_current().get(_SPAN_KEY)
        by: Any = getattr(span, "instrumentation_scope", None)
        is_theirs = by is not None and by.name.startswith(PACKAGE)
        return is_theirs and span.kind is SpanKind.SERVER and span.end_time is None


def company_of(plugin: str, module: str, *, is_server: bool) -> Company | None:
    """Those who may watch the same calls as the hooks of a plugin in a module; None where none is installed."""
    watching = (plugin,) if module.partition(".")[0] == _BELOW.get(plugin) else _watching(module)
    names = {name for name in (*watching, *(_SERVERS if is_server else ())) if _is_installed(name)}
    names = {name for name in names if name not in _STEPPING_BACK or _is_started(f"{PACKAGE}.{name}", module)}
    return Company(sorted(names), module) if names else None


def _watching(module: str) -> tuple[str, ...]:
    path = module
    while path not in _NAMED_OTHERWISE and "." in path:
        path = path.rpartition(".")[0]
    return _NAMED_OTHERWISE.get(path, (path,))


@lru_cache
def _is_installed(name: str) -> bool:
    return find_spec(f"{PACKAGE}.{name}") is not None


def _is_started(name: str, watched: str) -> bool:
    module = sys.modules.get(name)
    return module is not None and _is_at_work(module, watched)


def _is_at_work(module: ModuleType, watched: str) -> bool:
    made = (each._instance for each in _all_of(module, watched))
    return any(each is not None and each._is_instrumented_by_opentelemetry for each in made)


@lru_cache
def _all_of(module: ModuleType, watched: str) -> tuple[Any, ...]:
    """The instrumentors in a package of theirs that may be for a module."""
    return tuple(each for each in _instrumentors(module) if _may_watch(each.__name__, watched))


def _may_watch(name: str, watched: str) -> bool:
    path = _BY_CLASS.get(name, watched)
    return f"{watched}.".startswith(f"{path}.")


def _instrumentors(module: ModuleType) -> Iterator[Any]:
    for value in vars(module).values():
        # Not `isinstance`, which has a lazy object of theirs loaded (Django's settings).
        if (
            issubclass(type(value), type)
            and issubclass(value, BaseInstrumentor)
            and value.__module__.startswith(PACKAGE)
        ):
            yield value
