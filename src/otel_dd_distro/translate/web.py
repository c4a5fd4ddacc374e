"""Requests that a web framework serves."""

from __future__ import annotations

from typing import Any

from .attributes import Meta, Targets, as_text, text_of
from .errors import failed_request, status_text
from .operations import MEASURED, Operation, Operations
from .text import value
from .urls import Urls

TARGETS = {
    "http.request.method": "http.method",
    "http.route": "http.route",
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


def requests(framework: str) -> Operations:
    """The one operation of a framework: `<framework>.request`, its route also in the framework's own tag."""
    rule, endpoint = f"{framework}.url_rule", f"{framework}.endpoint"

    def describe(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
        method = meta.get("http.method", "")
        original = text_of(attributes, "http.request.method_original")
        if original:
            meta["http.method"] = method = original
        code = attributes.get("http.response.status_code")
        if code is not None:
            code = meta["http.status_code"] = status_text(code)
        meta["http.url"] = value(urls.served(attributes))
        referrer = attributes.get("http.request.header.referer")
        if referrer:
            name_referrer(meta, referrer)
        route = meta.get("http.route")
        if route:
            meta[rule] = route
            return f"{method} {route}"
        # Without a route, and even without a status, the path would make a resource of every URL that is tried.
        name = meta.get(endpoint) or code
        return f"{method} {name}" if name else method

    return Operations(
        Operation(
            f"{framework}.request",
            v1="http.server.request",
            type="web",
            kind="server",
            component=framework,
            metrics=MEASURED,
            targets=Targets(TARGETS, made=("http.url", "http.referrer_hostname", rule)),
            describe=describe,
            failed=failed_request,
        )
    )


def name_referrer(meta: Meta, referrer: Any) -> None:
    """Tag the host of a captured `Referer` header."""
    url = as_text(referrer[0] if isinstance(referrer, (list, tuple)) else referrer)
    host = url.partition("://")[2].partition("/")[0].partition("?")[0].partition("#")[0].rpartition("@")[2].lower()
    host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if host:
        meta["http.referrer_hostname"] = value(host)
