"""Requests that an HTTP client sends."""

from __future__ import annotations

from typing import Any

from ..every_span.attributes import Meta, Targets, text_of
from ..every_span.errors import failed_request, status_text
from .operation import MEASURED, Operation, Operations
from .urls import Urls

TARGETS = {
    "http.request.method": "http.method",
    "http.response.reason_phrase": "http.status_msg",
    "server.address": "out.host",
    "user_agent.original": "http.useragent",
    # Parts of http.url and http.status_code
    "http.request.method_original": "",
    "http.response.status_code": "",
    "server.port": "",
    "url.full": "",
    "error.type": "",
}


def requests(library: str) -> Operations:
    """The one operation of a client: `<library>.request`."""
    return Operations(
        Operation(
            f"{library}.request",
            v1="http.client.request",
            type="http",
            kind="client",
            component=library,
            metrics=MEASURED,
            targets=Targets(TARGETS, made=("http.url",)),
            describe=describe,
            failed=failed_request,
        )
    )


def _unnamed(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    """Completes the tags; the resource is the operation's name."""
    describe(attributes, meta, urls)
    return ""


def plain(library: str) -> Operations:
    """A client that is not a layer of its own: `http.client.request`, with no resource and not measured."""
    return Operations(
        Operation(
            "http.client.request",
            type="http",
            kind="client",
            component=library,
            targets=Targets(TARGETS, made=("http.url",)),
            describe=_unnamed,
            failed=failed_request,
        )
    )


def httpx(library: str) -> Operations:
    """A client of HTTPX or of its successor: `http.request`, with no resource and no reason phrase."""
    return Operations(
        Operation(
            "http.request",
            v1="http.client.request",
            type="http",
            kind="client",
            component=library,
            metrics=MEASURED,
            targets=Targets({**TARGETS, "http.response.reason_phrase": ""}, made=("http.url",)),
            describe=_unnamed,
            failed=failed_request,
        )
    )


def _pooled(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    """As `_unnamed`, with the server's name twice, and how many retries are left as text."""
    host = meta.get("server.address")
    if host:
        meta["out.host"] = host
    left = attributes.get("urllib3.retries_remaining")
    if left is not None:
        meta["http.retries_remain"] = str(left)
    return _unnamed(attributes, meta, urls)


URLLIB3 = Operations(
    Operation(
        "urllib3.request",
        v1="http.client.request",
        type="http",
        kind="client",
        component="urllib3",
        targets=Targets(
            {**TARGETS, "server.address": "server.address", "urllib3.retries_remaining": ""},
            made=("http.url", "http.retries_remain", "out.host"),
        ),
        describe=_pooled,
        failed=failed_request,
    )
)


def describe(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    method = meta.get("http.method", "")
    original = text_of(attributes, "http.request.method_original")
    if original:
        meta["http.method"] = method = original
    code = attributes.get("http.response.status_code")
    if code is not None:
        meta["http.status_code"] = status_text(code)
    url = text_of(attributes, "url.full")
    if not url:
        return method
    target = urls.requested(url)
    meta["http.url"] = target.url
    return f"{method.upper()} {target.path}"


def domain(attributes: dict[str, Any], urls: Urls) -> str:
    """`host[:port]` of the URL requested, the service where it is split by domain."""
    url = text_of(attributes, "url.full")
    return urls.requested(url).domain if url else ""


def host(attributes: dict[str, Any], urls: Urls) -> str:
    """The host alone."""
    return text_of(attributes, "server.address")
