"""MongoEngine, on a server of MongoDB's protocol."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from pymongo import MongoClient

from otel_instrumentors.mongoengine import MongoengineInstrumentor
from otel_instrumentors.pymongo import PymongoInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented

GREETINGS = ("hello", "ismaster")
OURS = "otel_instrumentors.mongoengine"
THE_DRIVERS = "otel_instrumentors.pymongo"


def url(database: str) -> str:
    return f"{os.environ['TEST_MONGODB_URL']}/{database}"


def connect(database: str, alias: str, **more: Any) -> None:
    import mongoengine

    mongoengine.connect(alias=alias, host=url(database), uuidRepresentation="standard", **more)


def tea_of(alias: str) -> Any:
    """A class of documents that are kept where the alias leads."""
    import mongoengine

    class Tea(mongoengine.Document):  # type: ignore[misc]
        name = mongoengine.StringField(required=True)
        cups = mongoengine.IntField()
        meta = {"db_alias": alias, "collection": "teas", "auto_create_index": False}

    return Tea


def disconnected(alias: str) -> None:
    import mongoengine

    # Old releases do not end the connection.
    client = mongoengine.connection._connections.get(alias)
    mongoengine.connection.disconnect(alias)
    if client is not None:
        client.close()


class TestMongoengineContract(Contract):
    instrumentor = MongoengineInstrumentor
    servers = ("mongodb_server",)
    # Where these fail, the client's monitor finds no server, and the client waits for one.
    unbreakable = ("Connection.command", "SocketInfo.command", "Pool.checkout", "Pool.get_socket")

    tea: Any = None

    @classmethod
    def _tea(cls) -> Any:
        """Connected once: each client that is made leaves garbage of its own. Its monitor asks once."""
        if TestMongoengineContract.tea is None:
            connect("exam", "exam", heartbeatFrequencyMS=600_000)
            TestMongoengineContract.tea = tea_of("exam")
        return TestMongoengineContract.tea

    @classmethod
    def use(cls) -> Any:  # type: ignore[override]
        tea = cls._tea()
        tea.objects.delete()
        tea(name="green").save()
        tea.objects.insert([tea(name="black"), tea(name="white")])
        tea.objects(name="green").update_one(set__cups=3)
        return [(found.name, found.cups) for found in tea.objects.order_by("name")]

    @classmethod
    def traces(cls, recorder: Recorder) -> list[str]:
        """A connection that is made says hello, one that is kept does not."""
        return [name for name in super().traces(recorder) if name not in GREETINGS]


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    disconnected("exam")


@contextlib.contextmanager
def connected(database: str, alias: str) -> Iterator[Any]:
    connect(database, alias)
    try:
        yield tea_of(alias)
    finally:
        disconnected(alias)


@pytest.fixture
def recorder(mongodb_server: str) -> Iterator[Recorder]:
    """Of both, as they are where MongoEngine is used."""
    recorder = Recorder()
    with (
        instrumented(PymongoInstrumentor, recorder.provider),
        instrumented(MongoengineInstrumentor, recorder.provider),
    ):
        yield recorder


def told(spans: list[ReadableSpan]) -> list[tuple[str, str]]:
    """Each command, and whose it is."""
    found = ((span.name, span.instrumentation_scope) for span in spans if span.name not in ("checkout", *GREETINGS))
    return [(name, scope.name) for name, scope in found if scope]


def test_a_query_is_pymongos_span_under_mongoengines_name(recorder: Recorder) -> None:
    with connected("shop", "shop") as tea:
        tea.objects.delete()
        tea(name="green", cups=2).save()
        recorder.take()
        assert tea.objects.get(name="green").cups == 2
        find, checkout = recorder.take()
    host, _, port = os.environ["TEST_MONGODB_URL"].partition("://")[2].partition(":")
    assert {scope.name for scope in (find.instrumentation_scope, checkout.instrumentation_scope) if scope} == {OURS}
    assert (find.name, find.kind.name) == ("find teas", "CLIENT")
    assert dict(find.attributes or {}) == {
        "db.system.name": "mongodb",
        "db.operation.name": "find",
        "db.namespace": "shop",
        "db.collection.name": "teas",
        "db.driver.call": "run_operation",
        "db.query.text": '{"name": "?"}',
        "db.row_count": 1,
        "server.address": host,
        "server.port": int(port),
    }
    assert checkout.context is not None
    assert find.parent is not None
    assert find.parent.span_id == checkout.context.span_id


@pytest.mark.parametrize("first", [PymongoInstrumentor, MongoengineInstrumentor])
def test_each_command_is_one_span_whichever_is_instrumented_first(mongodb_server: str, first: Any) -> None:
    recorder = Recorder()
    second = MongoengineInstrumentor if first is PymongoInstrumentor else PymongoInstrumentor
    with (
        instrumented(first, recorder.provider),
        instrumented(second, recorder.provider),
        connected("shop", "shop") as tea,
        MongoClient(mongodb_server) as client,
    ):
        tea.objects.delete()
        client.shop.teas.find_one()
        assert told(recorder.take()) == [("delete teas", OURS), ("find teas", THE_DRIVERS)]


def test_aliases_lead_to_several_databases(recorder: Recorder) -> None:
    with connected("green", "here") as here, connected("black", "there") as there:
        here.objects.delete()
        there.objects.delete()
        spans = recorder.take()
    assert told(spans) == [("delete teas", OURS)] * 2
    attributes = [dict(span.attributes or {}) for span in spans]
    assert [
        known["db.namespace"]
        for known in attributes
        if "db.namespace" in known and "mongodb.command.argument" not in known
    ] == ["green", "black"]


def test_connections_made_before_instrumenting_are_traced_and_silent_after(mongodb_server: str) -> None:
    recorder = Recorder()
    with connected("shop", "shop") as tea:
        tea.objects.delete()
        with instrumented(PymongoInstrumentor, recorder.provider):
            with instrumented(MongoengineInstrumentor, recorder.provider):
                tea(name="green").save()
            assert told(recorder.take()) == [("insert teas", OURS)]
            tea.objects.delete()
            assert told(recorder.take()) == [("delete teas", THE_DRIVERS)]
        tea.objects.delete()
    assert recorder.take() == []


def test_an_error_is_recorded_and_raised(recorder: Recorder) -> None:
    import mongoengine

    with connected("shop", "shop") as tea:
        tea.objects.delete()
        saved = tea(name="green").save()
        recorder.take()
        with pytest.raises(mongoengine.NotUniqueError):
            tea(id=saved.id, name="black").save(force_insert=True)
        insert, checkout = recorder.take()
    assert insert.name == "insert teas"
    assert dict(checkout.attributes or {})["error.type"] == "pymongo.errors.DuplicateKeyError"


def test_a_client_that_is_none_of_pymongos_does_no_harm(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    import mongoengine

    mongoengine.connection._connections["mock"] = object()
    try:
        with connected("shop", "shop") as tea:
            tea.objects.delete()
    finally:
        del mongoengine.connection._connections["mock"]
    assert ("delete teas", OURS) in told(recorder.take())
    assert caplog.records == []
