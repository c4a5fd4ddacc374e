"""Requests that aiohttp serves and sends."""

from __future__ import annotations

from typing import Any

from ..every_span.attributes import Meta, Targets, text_of
from ..every_span.errors import failed_request, status_text
from ..every_span.text import value
from . import http_client, http_server
from .operation import MEASURED, Operation, Operations
from .urls import Urls


def _served(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    method = meta.get("http.method", "")
    original = text_of(attributes, "http.request.method_original")
    if original:
        meta["http.method"] = method = original
    code = attributes.get("http.response.status_code")
    if code is not None:
        meta["http.status_code"] = status_text(code)
    meta["http.url"] = value(urls.served(attributes, quoted=True))
    route = meta.get("http.route")
    return f"{method} {route}" if route else meta.get("http.status_code", "")


def _sent(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    http_client.describe(attributes, meta, urls)
    return ""


SERVED = Operations(
    Operation(
        "aiohttp.request",
        v1="http.server.request",
        type="web",
        kind="server",
        component="aiohttp",
        # What ddtrace's `trace_app` calls an application is given by name.
        source="m",
        metrics=MEASURED,
        targets=Targets(http_server.TARGETS, made=("http.url",)),
        describe=_served,
        failed=failed_request,
    )
)

SENT = Operations(
    Operation(
        "aiohttp.request",
        v1="http.client.request",
        type="http",
        kind="client",
        component="aiohttp_client",
        targets=Targets({**http_client.TARGETS, "user_agent.original": ""}, made=("http.url",)),
        describe=_sent,
        failed=failed_request,
    )
)
