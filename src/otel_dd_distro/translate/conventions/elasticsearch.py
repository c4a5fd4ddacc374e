"""Requests for Elasticsearch and OpenSearch."""

from __future__ import annotations

import re
from typing import Any

from ..every_span.attributes import Meta, Targets, text_of
from ..every_span.errors import status_text
from .operation import MEASURED, Operation, Operations
from .urls import Urls

_ID = re.compile(r"/[0-9]+([/?]|$)")
_NUMBER = re.compile(r"[0-9]{2,}")
_WITH_BODY = ("GET", "POST")


def requests(component: str) -> Operations:
    """`elasticsearch.query`, whose resource is the method and the path without its numbers."""
    return Operations(
        Operation(
            f"{component}.query",
            type="elasticsearch",
            kind="client",
            component=component,
            metrics=MEASURED,
            targets=Targets(
                {
                    "db.query.text": "elasticsearch.body",
                    "http.request.method": "elasticsearch.method",
                    "url.path": "elasticsearch.url",
                    # The parameters, the status, and what the path says
                    "db.collection.name": "",
                    "db.operation.name": "",
                    "db.system.name": "",
                    "error.type": "",
                    "http.response.status_code": "",
                    "server.port": "",
                    "url.query": "",
                },
                made=("elasticsearch.body", "elasticsearch.params", "http.status_code", "out.host"),
            ),
            describe=_describe,
        )
    )


def _describe(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    method, path = text_of(attributes, "http.request.method"), text_of(attributes, "url.path")
    meta["elasticsearch.params"] = urls.obfuscated(text_of(attributes, "url.query"))
    if method in _WITH_BODY:
        # As the client's serializer has it: no body is `null`.
        meta.setdefault("elasticsearch.body", "null")
    address = meta.get("server.address")
    if address:
        meta["out.host"] = address
    status = attributes.get("http.response.status_code")
    if status is not None:
        meta["http.status_code"] = status_text(status)
    return f"{method} {quantized(path)}"


def quantized(path: str) -> str:
    """The path with `?` for ids that are numbers, and for what may be the date of an index."""
    return _NUMBER.sub("?", _ID.sub(r"/?\1", path))
