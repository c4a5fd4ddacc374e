"""Requests that aiohttp serves and sends."""

from __future__ import annotations

from typing import Any

from ..every_span.attributes import Meta, Targets
from ..every_span.errors import failed_request
from . import http_client, http_server
from .operation import Operation, Operations
from .urls import Urls


def _resource(attributes: dict[str, Any], meta: Meta, method: str) -> str:
    route = meta.get("http.route")
    return f"{method} {route}" if route else meta.get("http.status_code", "")


def _sent(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    http_client.describe(attributes, meta, urls)
    return ""


# What ddtrace's `trace_app` calls an application is given by name: the source.
SERVED = Operations(http_server.requests("aiohttp", _resource, source="m", quoted=True))

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
