"""Requests that a web framework serves."""

from __future__ import annotations

from typing import Any

from ..every_span.attributes import Meta, Targets, text_of
from ..every_span.errors import failed_request, status_text
from ..every_span.text import value
from .operation import MEASURED, Operation, Operations
from .urls import Urls

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


def requests(framework: str) -> Operations:
    """The one operation of a framework: `<framework>.request`, its route also in the framework's own tag."""
    rule, endpoint = f"{framework}.url_rule", f"{framework}.endpoint"
    script_root, full = f"{framework}.script_root", f"{framework}.resource.full"

    def describe(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
        method = meta.get("http.method", "")
        original = text_of(attributes, "http.request.method_original")
        if original:
            meta["http.method"] = method = original
        code = attributes.get("http.response.status_code")
        if code is not None:
            code = meta["http.status_code"] = status_text(code)
        meta["http.url"] = value(urls.served(attributes))
        route = meta.get("http.route")
        if route:
            meta[rule] = route
            mount = meta.pop(script_root, "")
            if mount:
                meta[full] = f"{method} {mount}{route}"
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
            targets=Targets(TARGETS, made=("http.url", rule, full)),
            describe=describe,
            failed=failed_request,
        )
    )
