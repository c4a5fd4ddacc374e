"""Elasticsearch, on a server of 7.17; clients before 5 on a stand-in, which is no server's word."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from typing import Any

import pytest
from elasticsearch import ConflictError, Elasticsearch, NotFoundError
from elasticsearch.helpers import bulk
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan

from otel_instrumentors.elasticsearch import ElasticsearchInstrumentor
from tests.agents import free_port
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented

VERSION = tuple(int(part) for part in version("elasticsearch").split(".")[:2])
IS_STUB = VERSION < (5,)
SERVER = "elasticsearch_stub" if IS_STUB else "elasticsearch_server"

since_8 = pytest.mark.skipif(VERSION < (8,), reason="of 8")
since_8_13 = pytest.mark.skipif(VERSION < (8, 13), reason="its own spans are of 8.13")
on_a_server = pytest.mark.skipif(IS_STUB, reason="not in the stand-in")


def url() -> str:
    return os.environ["TEST_ELASTICSEARCH_STUB_URL" if IS_STUB else "TEST_ELASTICSEARCH_URL"]


def address() -> dict[str, Any]:
    host, _, port = url().partition("://")[2].partition(":")
    return {"server.address": host, "server.port": int(port)}


def put(client: Any, id: str, document: dict[str, Any], index: str = "teas", **more: Any) -> Any:
    kind = {"doc_type": "tea"} if VERSION < (7,) else {}
    return client.index(index=index, id=id, **{"document" if VERSION >= (8,) else "body": document}, **kind, **more)


def got(client: Any, id: str, index: str = "teas") -> Any:
    kind = {"doc_type": "tea"} if VERSION < (7,) else {}
    return client.get(index=index, id=id, **kind)["_source"]


def found(client: Any, query: dict[str, Any], index: str = "teas", **more: Any) -> list[Any]:
    body = {"query": query} if VERSION >= (8,) else {"body": {"query": query}}
    return [hit["_source"] for hit in client.search(index=index, **body, **more)["hits"]["hits"]]


def documents(numbers: range, index: str = "teas") -> list[dict[str, Any]]:
    kind = {"_type": "tea"} if VERSION < (7,) else {}
    return [{"_index": index, "_id": str(number), **kind, "cups": number} for number in numbers]


@cache
def kept() -> Any:
    from elasticsearch import Elasticsearch

    return Elasticsearch([url()])


class TestElasticsearchContract(Contract):
    instrumentor = ElasticsearchInstrumentor
    servers = (SERVER,)

    @staticmethod
    def use() -> Any:
        put(kept(), "1", {"name": "green"}, "exam")
        return got(kept(), "1", "exam"), kept().info()["version"]["number"]


@pytest.fixture(autouse=True)
def _server(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(SERVER)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(ElasticsearchInstrumentor, recorder.provider):
        yield recorder


@pytest.fixture
def client(recorder: Recorder) -> Any:
    """A client, and an index with one document."""
    client = kept()
    put(client, "1", {"name": "green", "cups": 3}, refresh=True)
    recorder.take()
    return client


def attributes(recorder: Recorder) -> list[dict[str, Any]]:
    return [dict(span.attributes or {}) for span in recorder.take()]


def paths(spans: list[ReadableSpan]) -> list[object]:
    return [dict(span.attributes or {})["url.path"] for span in spans]


def test_a_request_is_a_client_span_named_by_the_interface(client: Any, recorder: Recorder) -> None:
    assert {"name": "green", "cups": 3} in found(client, {"match": {"name": "green"}}, size=7)
    (span,) = recorder.take()
    method = "POST" if VERSION >= (7, 8) else "GET"
    assert (span.name, span.kind.name) == (f"{method} search", "CLIENT")
    told = dict(span.attributes or {})
    assert told.pop("elasticsearch.took", 1) > 0  # type: ignore[operator]
    status = {} if (2, 4) <= VERSION < (8,) else {"http.response.status_code": 200}
    text = {"url.query": "size=7"} if VERSION < (8,) else {}
    assert told == {
        "db.system.name": "elasticsearch",
        "db.operation.name": "search",
        "db.collection.name": "teas",
        "http.request.method": method,
        "url.path": told["url.path"],
        "db.query.text": '{"query":{"match":{"name":"?"}}%s}' % (',"size":"?"' if VERSION >= (8,) else ""),
        **text,
        **status,
        **address(),
    }
    assert told["url.path"] == "/teas/_search"


def test_no_value_of_a_document_or_a_query_is_recorded(client: Any, recorder: Recorder) -> None:
    put(client, "2", {"secret": "hunter2"}, refresh=True)
    found(client, {"match": {"secret": "hunter2"}})
    bulk(client, [{**document, "secret": "hunter2"} for document in documents(range(3, 5))])
    assert "hunter2" not in "".join(span.to_json() for span in recorder.take())


def test_parameters_are_recorded(client: Any, recorder: Recorder) -> None:
    client.search(index="teas", q="name:green")
    (told,) = attributes(recorder)
    assert told["url.query"] == "q=name%3Agreen"
    assert "db.query.text" not in told


def test_writes_in_bulk_are_a_span_for_each_chunk(client: Any, recorder: Recorder) -> None:
    assert bulk(client, documents(range(10, 15)), chunk_size=3)[0] == 5
    spans = recorder.take()
    assert paths(spans) == ["/_bulk"] * 2
    assert {span.name.partition(" ")[2] for span in spans} == {"bulk"}


def test_what_is_refused_has_its_status_and_is_raised(client: Any, recorder: Recorder) -> None:
    with pytest.raises(NotFoundError):
        got(client, "99")
    (span,) = recorder.take()
    told = dict(span.attributes or {})
    assert told["http.response.status_code"] == 404
    # From 8 on the transport answers, and the client raises.
    assert span.status.is_unset is (VERSION >= (8,))
    if VERSION < (8,):
        assert told["error.type"] == "elasticsearch.exceptions.NotFoundError"


@on_a_server
def test_a_conflict_has_its_status(client: Any, recorder: Recorder) -> None:
    kind = {"doc_type": "tea"} if VERSION < (7,) else {}
    with pytest.raises(ConflictError):
        client.create(index="teas", id="1", **{"document" if VERSION >= (8,) else "body": {}}, **kind)
    (told,) = attributes(recorder)
    assert told["http.response.status_code"] == 409


def test_where_nobody_answers_the_error_is_recorded(recorder: Recorder) -> None:
    port = free_port()
    client = Elasticsearch([f"http://127.0.0.1:{port}"], max_retries=1)
    with pytest.raises(Exception, match="onnection") as raised:
        client.info()
    (span,) = recorder.take()
    told = dict(span.attributes or {})
    assert (told["server.address"], told["server.port"]) == ("127.0.0.1", port)
    assert told["error.type"] == f"{type(raised.value).__module__}.{type(raised.value).__qualname__}"
    assert "http.response.status_code" not in told


def two_nodes() -> Any:
    """A client of a node that is not there and one that is, in this order."""
    order = "randomize_nodes_in_pool" if VERSION >= (8,) else "randomize_hosts"
    return Elasticsearch([f"http://127.0.0.1:{free_port()}", url()], max_retries=3, **{order: False})


def test_a_request_that_is_tried_on_another_node_is_one_span(recorder: Recorder) -> None:
    client = two_nodes()
    for _ in range(2):
        assert client.info()["version"]
    spans = recorder.take()
    assert paths(spans) == ["/", "/"]
    assert all(span.status.is_unset for span in spans)
    if VERSION >= (8,):
        told = [dict(span.attributes or {}) for span in spans]
        assert [(each["server.address"], each["server.port"]) for each in told] == [tuple(address().values())] * 2


def test_looking_for_nodes_is_no_part_of_a_request(recorder: Recorder) -> None:
    client = Elasticsearch([url()], sniff_on_start=True)
    found = recorder.take()
    assert set(paths(found)) <= {"/_nodes/_all/http"}, "from 8 on a request of its own"
    assert client.info()["version"]
    assert paths(recorder.take()) == ["/"]


def test_a_span_is_the_child_of_the_one_around_it(client: Any, recorder: Recorder) -> None:
    with recorder.provider.get_tracer("application").start_as_current_span("visit") as visit:
        got(client, "1")
        assert trace.get_current_span() is visit
    request, _ = recorder.take()
    assert request.parent is not None
    assert request.parent.span_id == visit.get_span_context().span_id


@since_8_13
def test_its_own_spans_are_not_made_beside_ours(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("elasticsearch._otel._tracer", recorder.provider.get_tracer("elasticsearch-api"))
    client = Elasticsearch([url()])
    bulk(client, documents(range(3)))
    client.info()
    spans = recorder.take()
    assert paths(spans) == ["/_bulk", "/"]
    ElasticsearchInstrumentor().uninstrument()
    client.info()
    assert [span.name for span in recorder.take()] == ["info"], "those of its own, as it is told to make them"


@since_8
def test_the_clients_settings_for_its_own_spans_stay_as_they_are(recorder: Recorder) -> None:
    client = Elasticsearch([url()])
    before = {name: value for name, value in vars(client).items() if name == "_otel"}
    settings = [vars(value).copy() for value in before.values()]
    client.info()
    assert [vars(value) for value in before.values()] == settings


def in_loop(recorder: Recorder, visit: Any) -> list[ReadableSpan]:
    """What a visit by an asynchronous client leaves."""
    elasticsearch = pytest.importorskip("elasticsearch")

    async def visited() -> None:
        client = elasticsearch.AsyncElasticsearch([url()])
        try:
            await client.index(index="cups", id="1", **{"document" if VERSION >= (8,) else "body": {"for": "tea"}})
            recorder.take()
            await visit(client)
        finally:
            await client.close()

    asyncio.run(visited())
    return recorder.take()


@pytest.mark.skipif(VERSION < (7, 8), reason="the asynchronous client is of 7.8")
class TestAsynchronousClient:
    def test_a_request_is_a_client_span(self, recorder: Recorder) -> None:
        async def visit(client: Any) -> None:
            assert (await client.get(index="cups", id="1"))["_source"] == {"for": "tea"}

        (span,) = in_loop(recorder, visit)
        assert (span.name, span.kind.name) == ("GET doc", "CLIENT")
        status = {"http.response.status_code": 200} if VERSION >= (8,) else {}
        assert dict(span.attributes or {}) == {
            "db.system.name": "elasticsearch",
            "db.operation.name": "doc",
            "db.collection.name": "cups",
            "http.request.method": "GET",
            "url.path": "/cups/_doc/1",
            **status,
            **address(),
        }

    def test_what_is_refused_is_raised_and_requests_at_once_keep_their_parents(self, recorder: Recorder) -> None:
        tracer = recorder.provider.get_tracer("application")

        async def visit(client: Any) -> None:
            async def one(number: int) -> None:
                with tracer.start_as_current_span(f"visit {number}"), pytest.raises(NotFoundError):
                    await client.get(index="cups", id=f"none {number}")

            await asyncio.gather(*map(one, range(3)))

        spans = in_loop(recorder, visit)
        names = {span.context.span_id: span.name for span in spans if span.context}
        requests = [span for span in spans if span.parent]
        assert {names[span.parent.span_id] for span in requests if span.parent} == {f"visit {n}" for n in range(3)}
        assert {dict(span.attributes or {})["http.response.status_code"] for span in requests} == {404}
