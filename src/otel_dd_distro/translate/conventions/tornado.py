"""Requests that Tornado serves and sends, and its templates."""

from __future__ import annotations

from typing import Any

from ..every_span.attributes import Meta, Targets, text_of
from ..every_span.errors import failed_request
from . import http_client, http_server
from .operation import MEASURED, Operation, Operations
from .urls import Urls

_HANDLER = "tornado.handler"
_TEMPLATE = "tornado.template_name"
_NO_ROUTE = "^$"
_FROM_TEXT = "<string>"


def _handler(attributes: dict[str, Any], meta: Meta, method: str) -> str:
    meta.setdefault("http.route", _NO_ROUTE)
    return text_of(attributes, _HANDLER)


def _rendered(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    if _FROM_TEXT in meta.get(_TEMPLATE, ""):
        meta[_TEMPLATE] = "render_string"
    return meta.get(_TEMPLATE, "")


SERVED = Operations(
    http_server.requests(
        "tornado", _handler, source="tornado", targets={_HANDLER: ""}, made=("http.route",), quoted=True
    ),
    {
        "render": Operation(
            "tornado.template",
            type="template",
            component="tornado",
            source="tornado",
            targets=Targets(
                {"template.name": _TEMPLATE, "template.engine": "", "template.operation": "", "error.type": ""}
            ),
            describe=_rendered,
        )
    },
    key="template.operation",
)

# ddtrace knows no such span: it is described as those of the other clients are.
SENT = Operations(
    Operation(
        "tornado.fetch",
        v1="http.client.request",
        type="http",
        kind="client",
        component="tornado_client",
        metrics=MEASURED,
        targets=Targets(http_client.TARGETS, made=("http.url",)),
        describe=http_client.describe,
        failed=failed_request,
    )
)
