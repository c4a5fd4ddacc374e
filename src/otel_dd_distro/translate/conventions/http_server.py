"""Requests that a web framework serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..every_span.attributes import Meta, Targets, text_of
from ..every_span.errors import failed_request, status_text
from ..every_span.text import value
from .operation import MEASURED, Operation
from .urls import Urls

Name = Callable[[dict[str, Any], Meta, str], str]
"""The resource of a request, from its attributes, its tags (to be completed) and its method."""

TARGETS = {
    "http.request.method": "http.method",
    "http.route": "http.route",
    "http.request.referrer_host": "http.referrer_hostname",
    "user_agent.original": "http.useragent",
    # Parts of http.url and http.status_code
    "http.request.method_original": "",
    "http.response.status_code": "",
    "server.address": "",
    "server.port": "",
    "url.path": "",
    "url.query": "",
    "url.scheme": "",
    # Not sent by ddtrace unless asked for
    "client.address": "",
    "network.protocol.version": "",
    "error.type": "",
}


def requests(
    framework: str,
    name: Name,
    *,
    source: str = "",
    targets: Mapping[str, str] = {},
    made: tuple[str, ...] = (),
    quoted: bool = False,
    unanswered: str = "",
    measured: bool = True,
) -> Operation:
    """A framework's operation `<framework>.request`.

    `source`, `targets` and `made` are what the framework adds to those of any; `quoted` as for `served`. `unanswered`
    is the status of a request that an exception left to the server to answer. Frameworks of ASGI are not `measured`.
    """

    def describe(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
        method = served(attributes, meta, urls, quoted=quoted)
        if unanswered and "error.type" in attributes:
            meta.setdefault("http.status_code", unanswered)
        return name(attributes, meta, method)

    return Operation(
        f"{framework}.request",
        v1="http.server.request",
        type="web",
        kind="server",
        component=framework,
        source=source,
        metrics=MEASURED if measured else {},
        targets=Targets({**TARGETS, **targets}, made=("http.upgraded", "http.url", *made)),
        describe=describe,
        failed=failed_request,
    )


def served(attributes: dict[str, Any], meta: Meta, urls: Urls, *, quoted: bool = False) -> str:
    """Completes the tags of any request that was served; its method, as the client sent it, or `websocket`.

    `quoted` leaves the path of its URL as the client sent it, too.
    """
    original = text_of(attributes, "http.request.method_original")
    if original:
        meta["http.method"] = original
    code = attributes.get("http.response.status_code")
    if code is not None:
        meta["http.status_code"] = status_text(code)
    meta["http.url"] = value(urls.served(attributes, quoted=quoted))
    if attributes.get("url.scheme") in _WEBSOCKETS:
        meta["http.upgraded"] = "websocket"
        return "websocket"
    return meta.get("http.method", "")


_WEBSOCKETS = ("ws", "wss")


def by_route(attributes: dict[str, Any], meta: Meta, method: str) -> str:
    """Method and route; where there is no route, method and status.

    Without a status, too, the path would make a resource of every URL that is tried.
    """
    name = meta.get("http.route") or meta.get("http.status_code")
    return f"{method} {name}" if name else method
