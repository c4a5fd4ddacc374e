"""Requests for Elasticsearch and OpenSearch."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from otel_dd_distro import settings
from otel_dd_distro.translate import Translator
from otel_dd_distro.translate.conventions.elasticsearch import quantized

from ..spans import chunk, error, ours, raised

SEARCH = {
    "db.system.name": "elasticsearch",
    "db.operation.name": "search",
    "db.collection.name": "teas-2026.11",
    "http.request.method": "POST",
    "url.path": "/teas-2026.11/_search",
    "url.query": "size=7&password=hunter2",
    "db.query.text": '{"query":{"match":{"name":"?"}}}',
    "http.response.status_code": 200,
    "elasticsearch.took": 3,
    "server.address": "search.example",
    "server.port": 9200,
}


def translated(plugin: str, attributes: dict[str, Any], **more: Any) -> dict[str, Any]:
    made = ours(plugin, attributes, kind=SpanKind.CLIENT, **more)
    [entry] = Translator(settings.read({}, argv=["-"])).chunk(chunk(made), native_events=True)
    return entry


@pytest.mark.parametrize("plugin", ["elasticsearch", "opensearch"])
def test_a_search(plugin: str) -> None:
    entry = translated(plugin, SEARCH)
    assert [entry[key] for key in ("name", "resource", "type", "service")] == [
        "elasticsearch.query",
        "POST /teas-?.?/_search",
        "elasticsearch",
        "elasticsearch",
    ]
    of_every_root = {"_dd.p.tid", "_dd.p.dm", "_dd.tags.process", "language", "runtime-id", "_dd.base_service"}
    assert {key: value for key, value in entry["meta"].items() if key not in of_every_root} == {
        "_dd.svc_src": "elasticsearch",
        "component": "elasticsearch",
        "elasticsearch.body": '{"query":{"match":{"name":"?"}}}',
        "elasticsearch.method": "POST",
        "elasticsearch.params": "size=7&<redacted>",
        "elasticsearch.url": "/teas-2026.11/_search",
        "http.status_code": "200",
        "out.host": "search.example",
        "server.address": "search.example",
        "span.kind": "client",
    }
    numbers = {"_dd.top_level", "process_id", "_sampling_priority_v1"}
    assert {key: value for key, value in entry["metrics"].items() if key not in numbers} == {
        "_dd.measured": 1,
        "elasticsearch.took": 3,
    }


@pytest.mark.parametrize(("method", "body"), [("GET", "null"), ("POST", "null"), ("PUT", None), ("HEAD", None)])
def test_a_request_without_parameters_and_body(method: str, body: str | None) -> None:
    meta = translated("elasticsearch", {"http.request.method": method, "url.path": "/"})["meta"]
    assert meta["elasticsearch.params"] == ""
    assert meta.get("elasticsearch.body") == body
    assert "http.status_code" not in meta


def test_a_refusal_is_an_error_where_the_client_raises_it() -> None:
    answered = translated("elasticsearch", {**SEARCH, "http.response.status_code": 404})
    assert "error" not in answered
    refused = {**SEARCH, "http.response.status_code": 404, "error.type": "elasticsearch.exceptions.NotFoundError"}
    told = raised("elasticsearch.exceptions.NotFoundError", "not found")
    entry = translated("elasticsearch", refused, status=error(), events=[told])
    assert entry["error"] == 1
    assert entry["meta"]["http.status_code"] == "404"
    assert entry["meta"]["error.type"] == "elasticsearch.exceptions.NotFoundError"


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/", "/"),
        ("/teas/_doc/1", "/teas/_doc/?"),
        ("/teas/_doc/1a", "/teas/_doc/1a"),
        ("/1/2/3", "/?/2/?"),
        ("/teas-2026.11.28/_search", "/teas-?.?.?/_search"),
        ("/teas/_doc/a%20b", "/teas/_doc/a%?b"),
        ("/teas1/_doc/7f3", "/teas1/_doc/7f3"),
    ],
)
def test_paths_without_numbers_as_ddtrace_has_them(path: str, template: str) -> None:
    assert quantized(path) == template
