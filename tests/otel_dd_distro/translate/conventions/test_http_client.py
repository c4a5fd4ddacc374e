"""HTTP clients by Datadog's names: what the parity scenarios, with nothing set, do not show."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from otel_dd_distro import settings
from otel_dd_distro.translate import Translator

from ..spans import chunk, ours

SENT = {
    "http.request.method": "GET",
    "url.full": "http://cup:81/green?token=abc&x=1",
    "server.address": "cup",
    "server.port": 81,
    "http.response.status_code": 200,
}


def translated(*spans: Any, **variables: str) -> list[dict[str, Any]]:
    return Translator(settings.read(variables, argv=["-"])).chunk(chunk(*spans), native_events=True)


def sent(plugin: str = "httplib", **variables: str) -> dict[str, Any]:
    [entry] = translated(ours(plugin, SENT, kind=SpanKind.CLIENT), **variables)
    return entry


def test_a_request_of_http_client_has_no_resource_and_is_not_measured() -> None:
    entry = sent(DD_SERVICE="shop")
    assert [entry[key] for key in ("name", "resource", "service", "type")] == [
        "http.client.request",
        "http.client.request",
        "shop",
        "http",
    ]
    assert "_dd.measured" not in entry["metrics"]
    assert {key: text for key, text in entry["meta"].items() if key.startswith(("http.", "out.", "span."))} == {
        "http.method": "GET",
        "http.status_code": "200",
        "http.url": "http://cup:81/green?<redacted>&x=1",
        "out.host": "cup",
        "span.kind": "client",
    }


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_a_request_of_httpx_has_no_resource_and_tells_no_reason(library: str) -> None:
    span = ours(library, {**SENT, "http.response.reason_phrase": "OK"}, kind=SpanKind.CLIENT)
    [entry] = translated(span, DD_SERVICE="shop")
    assert [entry[key] for key in ("name", "resource", "service", "type")] == [
        "http.request",
        "http.request",
        "shop",
        "http",
    ]
    assert entry["metrics"]["_dd.measured"] == 1
    assert (entry["meta"]["_dd.svc_src"], entry["meta"]["component"]) == (library, library)
    assert "http.status_msg" not in entry["meta"]


def test_a_request_of_urllib3_tells_how_many_retries_it_has_left() -> None:
    span = ours("urllib3", {**SENT, "urllib3.retries_remaining": 0}, kind=SpanKind.CLIENT)
    [entry] = translated(span, DD_SERVICE="shop")
    assert [entry[key] for key in ("name", "resource", "service")] == ["urllib3.request", "urllib3.request", "urllib3"]
    assert "_dd.measured" not in entry["metrics"]
    assert {
        key: text for key, text in entry["meta"].items() if key.startswith(("http.", "out.", "server.", "urll"))
    } == {
        "http.method": "GET",
        "http.retries_remain": "0",
        "http.status_code": "200",
        "http.url": "http://cup:81/green?<redacted>&x=1",
        "out.host": "cup",
        "server.address": "cup",
    }


@pytest.mark.parametrize(
    ("variables", "service", "source"),
    [
        ({}, "unnamed-python-service", "httplib"),
        ({"DD_SERVICE": "shop"}, "shop", None),
        ({"DD_SERVICE": "shop", "DD_SERVICE_MAPPING": "shop:store"}, "store", None),
    ],
)
def test_whose_service_a_request_of_http_client_bears(
    variables: dict[str, str], service: str, source: str | None
) -> None:
    entry = sent(**variables)
    assert (entry["service"], entry["meta"].get("_dd.svc_src")) == (service, source)


def test_it_is_the_callers() -> None:
    entries = translated(
        ours("sqlite3", {"db.query.text": "SELECT 1"}, id=1),
        ours("httplib", SENT, kind=SpanKind.CLIENT, id=2, parent=1),
        DD_SERVICE="shop",
    )
    assert [entry["service"] for entry in entries] == ["sqlite", "sqlite"]
