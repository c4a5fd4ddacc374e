"""Elasticsearch and OpenSearch: requests of their HTTP interface.

Source: OpenTelemetry semantic conventions for Elasticsearch (in development), on those for database client spans,
stable since 1.33.
"""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.semconv.attributes.db_attributes import (
    DB_COLLECTION_NAME,
    DB_OPERATION_NAME,
    DB_QUERY_TEXT,
    DB_SYSTEM_NAME,
)
from opentelemetry.semconv.attributes.http_attributes import HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS, SERVER_PORT
from opentelemetry.semconv.attributes.url_attributes import URL_PATH, URL_QUERY
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue

from ..kernel.call import SpanSpec
from . import http

ELASTICSEARCH_TOOK = "elasticsearch.took"
"""How long the server worked on it, in milliseconds, as it says. The conventions have no key for it."""


def request(
    system: str, method: str, path: str, query: str, known: Mapping[str, AttributeValue], body: str = ""
) -> SpanSpec:
    """The span of a request, named by the interface that its path leads to.

    `known` is what is known of the server, `body` the body without its values. HTTP clients below stay silent: it is
    their request.
    """
    attributes: dict[str, AttributeValue] = {
        DB_SYSTEM_NAME: system,
        HTTP_REQUEST_METHOD: method,
        URL_PATH: path,
        **known,
    }
    index, operation = _named(path)
    if index:
        attributes[DB_COLLECTION_NAME] = index
    if operation:
        attributes[DB_OPERATION_NAME] = operation
    if query:
        attributes[URL_QUERY] = http.redacted_query(query)
    if body:
        attributes[DB_QUERY_TEXT] = body
    name = f"{method} {operation}" if operation else method
    return SpanSpec(name, SpanKind.CLIENT, attributes, silences=http.SUPPRESSED)


def response(status: int | None, took: int | None, address: str = "", port: int = 0) -> dict[str, AttributeValue]:
    """What is known with the answer: its status, how long it took, and which server gave it."""
    attributes: dict[str, AttributeValue] = {}
    if status is not None:
        attributes[HTTP_RESPONSE_STATUS_CODE] = status
    if took is not None:
        attributes[ELASTICSEARCH_TOOK] = took
    if address:
        attributes[SERVER_ADDRESS] = address
        attributes[SERVER_PORT] = port
    return attributes


def _named(path: str) -> tuple[str, str]:
    """The index (or several, or a pattern) and the interface in a path such as `/teas/_search`."""
    index = ""
    for segment in path.split("/"):
        if segment.startswith("_"):
            return index, segment[1:]
        index = index or segment
    return index, ""
