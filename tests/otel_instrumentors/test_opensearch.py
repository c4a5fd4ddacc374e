"""OpenSearch, on a real server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from opensearchpy import ConnectionError, NotFoundError, OpenSearch
from opensearchpy.helpers import bulk
from opentelemetry.sdk.trace import ReadableSpan

from otel_instrumentors.opensearch import OpensearchInstrumentor
from tests.agents import free_port
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented


def url() -> str:
    return os.environ["TEST_OPENSEARCH_URL"]


def address() -> dict[str, Any]:
    host, _, port = url().partition("://")[2].partition(":")
    return {"server.address": host, "server.port": int(port)}


@cache
def kept() -> Any:
    from opensearchpy import OpenSearch

    return OpenSearch([url()])


class TestOpensearchContract(Contract):
    instrumentor = OpensearchInstrumentor
    servers = ("opensearch_server",)

    @staticmethod
    def use() -> Any:
        kept().index(index="exam", id="1", body={"name": "green"})
        return kept().get(index="exam", id="1")["_source"], kept().info()["version"]["number"]


@pytest.fixture
def recorder(opensearch_server: str) -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(OpensearchInstrumentor, recorder.provider):
        yield recorder


@pytest.fixture
def client(recorder: Recorder) -> Any:
    """A client, and an index with one document."""
    kept().index(index="teas", id="1", body={"name": "green", "cups": 3}, refresh=True)
    recorder.take()
    return kept()


def paths(spans: list[ReadableSpan]) -> list[object]:
    return [dict(span.attributes or {})["url.path"] for span in spans]


def test_a_request_is_a_client_span_named_by_the_interface(client: Any, recorder: Recorder) -> None:
    assert client.search(index="teas", body={"query": {"match": {"name": "green"}}}, size=7)["hits"]["hits"]
    (span,) = recorder.take()
    assert (span.name, span.kind.name) == ("POST search", "CLIENT")
    told = dict(span.attributes or {})
    assert told.pop("elasticsearch.took", 1) > 0  # type: ignore[operator]
    assert told == {
        "db.system.name": "opensearch",
        "db.operation.name": "search",
        "db.collection.name": "teas",
        "http.request.method": "POST",
        "url.path": "/teas/_search",
        "url.query": "size=7",
        "db.query.text": '{"query":{"match":{"name":"?"}}}',
        **address(),
    }


def test_writes_in_bulk_are_a_span_for_each_chunk(client: Any, recorder: Recorder) -> None:
    documents = [{"_index": "teas", "_id": str(number), "secret": "hunter2"} for number in range(10, 15)]
    assert bulk(client, documents, chunk_size=3)[0] == 5
    spans = recorder.take()
    assert paths(spans) == ["/_bulk"] * 2
    assert "hunter2" not in "".join(span.to_json() for span in spans)


def test_what_is_refused_is_recorded_and_raised(client: Any, recorder: Recorder) -> None:
    with pytest.raises(NotFoundError):
        client.get(index="teas", id="99")
    (span,) = recorder.take()
    told = dict(span.attributes or {})
    assert (told["http.response.status_code"], told["error.type"]) == (404, "opensearchpy.exceptions.NotFoundError")


def test_a_request_that_is_tried_on_another_node_is_one_span(recorder: Recorder) -> None:
    client = OpenSearch([f"http://127.0.0.1:{free_port()}", url()], randomize_hosts=False)
    assert client.info()["version"]
    (span,) = recorder.take()
    assert span.status.is_unset
    with pytest.raises(ConnectionError):
        OpenSearch([f"http://127.0.0.1:{free_port()}"], max_retries=1).info()
    (span,) = recorder.take()
    assert dict(span.attributes or {})["error.type"] == "opensearchpy.exceptions.ConnectionError"


# It asks aiohttp for what newer Pythons make needless.
@pytest.mark.filterwarnings("ignore:enable_cleanup_closed:DeprecationWarning")
def test_the_asynchronous_clients_requests_are_spans_in_the_callers_context(recorder: Recorder) -> None:
    from opensearchpy import AsyncOpenSearch

    tracer = recorder.provider.get_tracer("application")

    async def visit() -> None:
        client = AsyncOpenSearch([url()])
        try:
            with tracer.start_as_current_span("visit"):
                await client.index(index="cups", id="1", body={"for": "tea"})
                with pytest.raises(NotFoundError):
                    await client.get(index="cups", id="99")
        finally:
            await client.close()

    asyncio.run(visit())
    put, get, outer = recorder.take()
    assert [span.name for span in (put, get)] == ["PUT doc", "GET doc"]
    assert outer.context is not None
    assert {span.parent.span_id for span in (put, get) if span.parent} == {outer.context.span_id}
    assert dict(put.attributes or {}) == {
        "db.system.name": "opensearch",
        "db.operation.name": "doc",
        "db.collection.name": "cups",
        "http.request.method": "PUT",
        "url.path": "/cups/_doc/1",
        **address(),
    }
    assert dict(get.attributes or {})["http.response.status_code"] == 404
