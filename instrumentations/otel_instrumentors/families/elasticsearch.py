"""Clients of Elasticsearch and its forks: a span for each request, however many nodes it is tried on."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from opentelemetry.util.types import AttributeValue

from ..kernel.call import Call, Outcome, SpanSpec
from ..kernel.hook import Hook, Target, standing_for
from ..kernel.hooks.traced import traced
from ..kernel.scope import Scope
from ..semconv import db, elasticsearch

_WITH_BODY = ("GET", "POST")
_HIDDEN = "?"
_MOST_PARTS = 1_000
_MOST_DEPTH = 50
_MOST_TEXT = 25_000


def requests(system: str) -> Hook:
    """A hook for the method of a transport that sends a request: `perform_request(method, target, ...)`."""

    def described(call: Call) -> SpanSpec:
        method, target = call.arg(0, "method"), call.arg(1, "target") or call.kwargs["url"]
        path, _, query = target.partition("?")
        params = call.kwargs.get("params")
        if params:
            query = urlencode(params)
        body = call.kwargs.get("body")
        text = without_values(body) if body is not None and method in _WITH_BODY else ""
        return elasticsearch.request(system, method, path, query, _server(call.instance), text)

    return traced(described, _answered, explain=_refused)


def _server(transport: Any) -> Mapping[str, AttributeValue]:
    """The first of the nodes that are known: which one answers is known later, if ever."""
    pool = getattr(transport, "node_pool", None)
    if pool is not None:
        for node in pool.all():
            return db.connection(address=node.host, port=node.port)
    for connection in transport.connection_pool.connections:
        url = urlsplit(connection.host)
        return db.connection(address=url.hostname, port=url.port)
    # Asynchronous transports connect with their first request.
    for host in transport.hosts or ():
        return db.connection(address=host.get("host"), port=host.get("port"))
    return {}


def _answered(call: Call, result: Any) -> Outcome:
    meta = getattr(result, "meta", None)
    if meta is not None:
        node = meta.node
        return Outcome(elasticsearch.response(meta.status, _took(result.body), node.host, node.port))
    # Before 2.4 there is the status as well.
    status, data = result if isinstance(result, tuple) else (None, result)
    return Outcome(elasticsearch.response(status, _took(data)))


def _took(data: Any) -> int | None:
    took = data.get("took") if isinstance(data, Mapping) else None
    return took if took and isinstance(took, int) else None


def _refused(_call: Call, error: Exception) -> Outcome:
    """Up to version 7 what is refused is raised; where nobody answered there is no status."""
    status = getattr(error, "status_code", None)
    return Outcome(elasticsearch.response(status if isinstance(status, int) else None, None), error=error)


def without_values(body: Any) -> str:
    """A body as JSON with `?` for each value, a thousand of its parts at most; `?` for one that is text already."""
    if isinstance(body, (str, bytes)):
        return _HIDDEN
    return json.dumps(_shape(body, 0, [_MOST_PARTS]), ensure_ascii=False, separators=(",", ":"))[:_MOST_TEXT]


def _shape(part: Any, depth: int, left: list[int]) -> Any:
    if depth <= _MOST_DEPTH and isinstance(part, Mapping):
        shape = {}
        for key, value in part.items():
            if not left[0]:
                break
            left[0] -= 1
            shape[str(key)] = _shape(value, depth + 1, left)
        return shape
    if depth <= _MOST_DEPTH and isinstance(part, (list, tuple)):
        shapes = []
        for value in part:
            if not left[0]:
                break
            left[0] -= 1
            shapes.append(_shape(value, depth + 1, left))
        return shapes
    return _HIDDEN


def without_own_spans() -> Hook:
    """A hook for the methods by which a client makes spans itself: meanwhile it makes none, as if it were told so."""
    return _WithoutOwnSpans()


class _WithoutOwnSpans:
    __slots__ = ()

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function = target.function

        def wrapper(settings: Any, *args: Any, **kwargs: Any) -> Any:
            if scope.active:
                settings = copy.copy(settings)
                settings.enabled = False
            return function(settings, *args, **kwargs)

        return standing_for(function, wrapper)
