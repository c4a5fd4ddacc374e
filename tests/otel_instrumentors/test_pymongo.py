"""pymongo, on a server of MongoDB's protocol."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from typing import Any

import pymongo
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from pymongo import DeleteMany, InsertOne, MongoClient, UpdateOne, WriteConcern
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, ServerSelectionTimeoutError

from otel_instrumentors.kernel import safety
from otel_instrumentors.pymongo import PymongoInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, boom, instrumented, said_by_us

VERSION = tuple(int(part) for part in version("pymongo").split(".")[:2])
CHECKOUT = "checkout" if VERSION >= (4, 5) else "get_socket"
GREETINGS = ("hello", "ismaster")

without_asynchronous = pytest.mark.skipif(VERSION < (4, 9), reason="the asynchronous client is of 4.9")


def url() -> str:
    return os.environ["TEST_MONGODB_URL"]


def address() -> dict[str, Any]:
    host, _, port = url().partition("://")[2].partition(":")
    return {"server.address": host, "server.port": int(port)}


@cache
def kept() -> Any:
    """One for all uses of the exam: each that is made leaves garbage of its own. Its monitor asks once."""
    from pymongo import MongoClient

    return MongoClient(url(), heartbeatFrequencyMS=600_000)


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    kept().close()


class TestPymongoContract(Contract):
    instrumentor = PymongoInstrumentor
    servers = ("mongodb_server",)
    asked_for = ("_EventListeners.__init__",)
    # Where these fail, the client's monitor finds no server, and the client waits for one.
    unbreakable = ("Connection.command", "SocketInfo.command", "Pool.checkout", "Pool.get_socket")

    @staticmethod
    def use() -> Any:
        teas = kept().contract.teas
        teas.delete_many({})
        teas.insert_one({"_id": 1, "name": "green"})
        teas.insert_many([{"_id": 2}, {"_id": 3}])
        found = list(teas.find({}, batch_size=2).sort("_id"))
        return found, teas.update_one({"_id": 1}, {"$set": {"name": "black"}}).modified_count

    @classmethod
    def traces(cls, recorder: Recorder) -> list[str]:
        """A connection that is made says hello, one that is kept does not."""
        return [name for name in super().traces(recorder) if name not in GREETINGS]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(PymongoInstrumentor, recorder.provider):
        yield recorder


@pytest.fixture
def client(mongodb_server: str, recorder: Recorder) -> Iterator[MongoClient[Any]]:
    """A connected client."""
    with MongoClient(mongodb_server) as client:
        client.admin.command("ping")
        recorder.take()
        yield client


@pytest.fixture
def teas(client: MongoClient[Any], recorder: Recorder) -> Any:
    """A collection of three."""
    teas = client.shop.teas
    teas.drop()
    teas.insert_many([{"_id": 1, "name": "green"}, {"_id": 2, "name": "black"}, {"_id": 3, "name": "black"}])
    recorder.take()
    return teas


def commands(recorder: Recorder) -> list[ReadableSpan]:
    return [span for span in recorder.take() if span.name not in ("checkout", *GREETINGS)]


def told(recorder: Recorder) -> list[tuple[str, object, object]]:
    """Each command: its name, its filter, the number of its documents."""
    attributes = ((span, dict(span.attributes or {})) for span in commands(recorder))
    return [(span.name, known.get("db.query.text"), known.get("db.row_count")) for span, known in attributes]


def test_a_command_is_a_client_span_within_the_checkout_of_its_connection(teas: Any, recorder: Recorder) -> None:
    assert teas.find_one({"name": "green", "_id": {"$lt": 3}}) == {"_id": 1, "name": "green"}
    find, checkout = recorder.take()
    assert (find.name, find.kind.name) == ("find teas", "CLIENT")
    assert dict(find.attributes or {}) == {
        "db.system.name": "mongodb",
        "db.operation.name": "find",
        "db.namespace": "shop",
        "db.collection.name": "teas",
        "db.driver.call": "run_operation",
        "db.query.text": '{"name": "?", "_id": {"$lt": "?"}}',
        "db.row_count": 1,
        **address(),
    }
    assert (checkout.name, checkout.kind.name) == ("checkout", "INTERNAL")
    assert dict(checkout.attributes or {}) == {"db.system.name": "mongodb", "db.driver.call": CHECKOUT, **address()}
    assert checkout.parent is None
    assert find.parent is not None
    assert checkout.context is not None
    assert find.parent.span_id == checkout.context.span_id


def test_a_command_that_is_about_no_collection(client: MongoClient[Any], recorder: Recorder) -> None:
    client.admin.command("ping")
    (ping,) = commands(recorder)
    assert ping.name == "ping"
    assert dict(ping.attributes or {}) == {
        "db.system.name": "mongodb",
        "db.operation.name": "ping",
        "db.namespace": "admin",
        "db.driver.call": "command",
        "mongodb.command.argument": 1,
        **address(),
    }


def test_writes_are_named_by_whom_they_concern_and_never_by_values(teas: Any, recorder: Recorder) -> None:
    teas.insert_one({"_id": 9, "secret": "hunter2"})
    teas.update_one({"_id": 9, "owner": "hunter2"}, {"$set": {"secret": "hunter2"}})
    teas.replace_one({"$or": [{"_id": 9}, {"_id": {"$in": [1, 2]}}]}, {"secret": "hunter2"})
    teas.delete_many({"secret": "hunter2"})
    spans = commands(recorder)
    assert [span.name for span in spans] == ["insert teas", "update teas", "update teas", "delete teas"]
    inserted, updated, replaced, deleted = (dict(span.attributes or {}) for span in spans)
    assert (inserted["mongodb.documents"], inserted["mongodb.command.ordered"]) == (1, True)
    assert updated["db.query.text"] == '{"_id": "?", "owner": "?"}'
    assert replaced["db.query.text"] == '{"$or": [{"_id": "?"}, {"_id": {"$in": "?"}}]}'
    assert deleted["db.query.text"] == '{"secret": "?"}'
    assert "hunter2" not in "".join(span.to_json() for span in spans)


def test_each_batch_of_a_cursor_is_a_span(teas: Any, recorder: Recorder) -> None:
    assert len(list(teas.find({}, batch_size=2))) == 3
    assert told(recorder) == [("find teas", None, 2), ("getMore teas", None, 1)]


def test_writes_in_bulk_are_a_span_for_each_message(teas: Any, recorder: Recorder) -> None:
    writes = [InsertOne({"_id": 10}), InsertOne({"_id": 11}), UpdateOne({"_id": 10}, {"$set": {"a": 1}})]
    result = teas.bulk_write([*writes, DeleteMany({"_id": {"$gt": 9}})])
    assert (result.inserted_count, result.modified_count, result.deleted_count) == (2, 1, 2)
    spans = commands(recorder)
    assert [span.name for span in spans] == ["insert teas", "update teas", "delete teas"]
    inserted = dict(spans[0].attributes or {})
    assert inserted.pop("mongodb.message.size") > 50  # type: ignore[operator]
    assert inserted == {
        "db.system.name": "mongodb",
        "db.operation.name": "insert",
        "db.namespace": "shop",
        "db.collection.name": "teas",
        "db.driver.call": "write_command",
        "db.row_count": 2,
        "mongodb.command.ordered": True,
        **address(),
    }
    assert [dict(span.attributes or {})["db.row_count"] for span in spans] == [2, 1, 2]


def test_a_transaction_and_its_end(client: MongoClient[Any], teas: Any, recorder: Recorder) -> None:
    with client.start_session() as session:
        with session.start_transaction():
            teas.insert_one({"_id": 20}, session=session)
        session.start_transaction()
        teas.insert_one({"_id": 21}, session=session)
        session.abort_transaction()
    assert [span.name for span in commands(recorder)] == [
        "insert teas",
        "commitTransaction",
        "insert teas",
        "abortTransaction",
    ]


@pytest.mark.skipif(VERSION < (3, 12), reason="before 3.12 a write without an answer is no command")
def test_a_write_that_nobody_answers_is_a_span(mongodb_server: str, recorder: Recorder) -> None:
    # A client of its own: the server of these tests ends the connection after such a write.
    with MongoClient(mongodb_server) as client:
        teas = client.shop.get_collection("teas", write_concern=WriteConcern(w=0))
        teas.insert_many([{"_id": 30}, {"_id": 31}], ordered=False)
        (span,) = commands(recorder)
    assert (span.name, dict(span.attributes or {})["db.driver.call"]) == ("insert teas", "unack_write")


def test_an_error_is_recorded_and_raised(client: MongoClient[Any], recorder: Recorder) -> None:
    with pytest.raises(OperationFailure):
        client.shop.command("brew", "teas")
    brew, checkout = recorder.take()
    for span in (brew, checkout):
        assert span.status.status_code.name == "ERROR"
        assert dict(span.attributes or {})["error.type"] == "pymongo.errors.OperationFailure"
        (event,) = span.events
        assert "no such command" in str(dict(event.attributes or {})["exception.message"])
    assert brew.name == "brew teas"


def test_what_could_not_be_written_is_told_by_the_checkout_around_it(teas: Any, recorder: Recorder) -> None:
    with pytest.raises(DuplicateKeyError):
        teas.insert_one({"_id": 1})
    insert, checkout = recorder.take()
    assert insert.status.is_unset, "the server's answer was one"
    assert dict(checkout.attributes or {})["error.type"] == "pymongo.errors.DuplicateKeyError"
    with pytest.raises(BulkWriteError):
        teas.insert_many([{"_id": 40}, {"_id": 1}, {"_id": 41}])
    assert [span.name for span in commands(recorder)] == ["insert teas"]


def test_where_no_server_is_found_there_is_no_span_and_the_application_is_told(recorder: Recorder) -> None:
    with (
        MongoClient("127.0.0.1", 1, serverSelectionTimeoutMS=100) as client,
        pytest.raises(ServerSelectionTimeoutError),
    ):
        client.shop.teas.find_one()
    assert recorder.take() == []


class Heartbeats(pymongo.monitoring.ServerHeartbeatListener):
    def __init__(self) -> None:
        self.number = 0

    def started(self, event: Any) -> None: ...

    def succeeded(self, event: Any) -> None:
        self.number += 1

    def failed(self, event: Any) -> None: ...


def parents(spans: list[ReadableSpan]) -> set[tuple[str, str]]:
    """The name of each span, and that of the one around it."""
    names = {span.context.span_id: span.name for span in spans if span.context}
    return {(span.name, names[span.parent.span_id] if span.parent else "") for span in spans}


def test_what_a_client_asks_by_itself_is_no_trace(mongodb_server: str, recorder: Recorder) -> None:
    heartbeats = Heartbeats()
    with MongoClient(mongodb_server, heartbeatFrequencyMS=500, event_listeners=[heartbeats]) as client:
        client.admin.command("ping")
        end = time.monotonic() + 30
        while heartbeats.number < 3 and time.monotonic() < end:
            time.sleep(0.05)
    assert heartbeats.number >= 3
    greetings = {pair for pair in parents(recorder.take()) if pair[0] in GREETINGS}
    assert {around for _, around in greetings} == {"checkout"}, "of the connection that was made"


def test_commands_are_children_of_the_span_around_them_in_every_thread(teas: Any, recorder: Recorder) -> None:
    tracer = recorder.provider.get_tracer("application")

    def visit() -> None:
        with tracer.start_as_current_span("visit") as span:
            teas.find_one()
            assert trace.get_current_span() is span

    threads = [threading.Thread(target=visit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spans = recorder.take()
    visits = {span.context.span_id for span in spans if span.name == "visit" and span.context}
    assert {span.parent.span_id for span in spans if span.name == "checkout" and span.parent} == visits
    assert len(visits) == 4


def test_a_client_made_before_instrumenting_is_traced(mongodb_server: str) -> None:
    recorder = Recorder()
    with MongoClient(mongodb_server) as client:
        client.admin.command("ping")
        with instrumented(PymongoInstrumentor, recorder.provider):
            client.shop.teas.find_one()
        client.shop.teas.find_one()
    assert [span.name for span in recorder.take()] == ["find teas", "checkout"]


def test_the_applications_listeners_hear_what_they_heard_and_ours_are_none(mongodb_server: str) -> None:
    class Heard(pymongo.monitoring.CommandListener):
        def __init__(self) -> None:
            self.names: list[str] = []

        def started(self, event: Any) -> None:
            self.names.append(event.command_name)

        succeeded = failed = lambda self, event: None

    heard = Heard()
    with instrumented(PymongoInstrumentor, Recorder().provider):
        assert not pymongo.monitoring._LISTENERS.command_listeners
        with MongoClient(mongodb_server, event_listeners=[heard]) as client:
            client.shop.teas.find_one()
    assert heard.names == ["find", "endSessions"]


def test_hooks_are_called_with_the_span_of_a_command_and_the_drivers_events(mongodb_server: str) -> None:
    called: list[Any] = []
    recorder = Recorder()

    def hook(span: Any, event: Any) -> None:
        called.append((span.name, event.command_name, type(event).__name__))

    with (
        instrumented(PymongoInstrumentor, recorder.provider, request_hook=hook, response_hook=hook, failed_hook=hook),
        MongoClient(mongodb_server) as client,
    ):
        client.shop.teas.find_one()
        with pytest.raises(pymongo.errors.OperationFailure):
            client.shop.command("nonsense")
    by_command = {name: [call for call in called if call[1] == name] for name in ("find", "nonsense")}
    assert by_command == {
        "find": [("find teas", "find", "CommandStartedEvent"), ("find teas", "find", "CommandSucceededEvent")],
        "nonsense": [("nonsense", "nonsense", "CommandStartedEvent"), ("nonsense", "nonsense", "CommandFailedEvent")],
    }


def test_a_hook_that_raises_is_told_and_the_command_is_sent(
    mongodb_server: str, caplog: pytest.LogCaptureFixture
) -> None:
    safety._last_said.clear()
    with (
        instrumented(PymongoInstrumentor, Recorder().provider, request_hook=boom),
        MongoClient(mongodb_server) as client,
    ):
        assert client.shop.command("ping")["ok"] == 1
    assert [line for line in said_by_us(caplog) if "contract.boom" in line]


def test_the_applications_own_documents_are_not_touched(teas: Any, recorder: Recorder) -> None:
    query = {"name": "black", "$or": [{"_id": 2}, {"_id": 3}]}
    command = {"count": "teas", "query": query}
    assert len(list(teas.find(query))) == 2
    assert teas.database.command(command)["n"] == 2
    assert query == {"name": "black", "$or": [{"_id": 2}, {"_id": 3}]}
    assert list(command) == ["count", "query"]


def of_asynchronous(visit: Any, url: str) -> Any:
    async def visited() -> Any:
        client = pymongo.AsyncMongoClient(url)
        try:
            await client.admin.command("ping")
            return await visit(client)
        finally:
            await client.close()

    return asyncio.run(visited())


@without_asynchronous
class TestAsynchronousClient:
    def visited(self, recorder: Recorder, visit: Any) -> list[ReadableSpan]:
        async def visit_alone(client: Any) -> list[ReadableSpan]:
            await client.shop.cups.delete_many({})
            await client.shop.cups.insert_many([{"_id": 1}, {"_id": 2}, {"_id": 3}])
            recorder.take()
            await visit(client)
            return recorder.take()

        found: list[ReadableSpan] = of_asynchronous(visit_alone, url())
        return found

    @pytest.fixture(autouse=True)
    def _server(self, mongodb_server: str) -> None: ...

    def test_a_command_is_a_client_span_within_the_checkout_of_its_connection(self, recorder: Recorder) -> None:
        async def visit(client: Any) -> None:
            assert await client.shop.cups.find_one({"_id": 1}) == {"_id": 1}

        find, checkout = self.visited(recorder, visit)
        assert (find.name, find.kind.name) == ("find cups", "CLIENT")
        assert dict(find.attributes or {}) == {
            "db.system.name": "mongodb",
            "db.operation.name": "find",
            "db.namespace": "shop",
            "db.collection.name": "cups",
            "db.driver.call": "run_operation",
            "db.query.text": '{"_id": "?"}',
            "db.row_count": 1,
            **address(),
        }
        assert checkout.context is not None
        assert find.parent is not None
        assert find.parent.span_id == checkout.context.span_id

    def test_cursors_writes_in_bulk_and_errors(self, recorder: Recorder) -> None:
        async def visit(client: Any) -> None:
            cups = client.shop.cups
            assert len([cup async for cup in cups.find({}, batch_size=2)]) == 3
            await cups.bulk_write([InsertOne({"_id": 9}), DeleteMany({"_id": 9})])
            with pytest.raises(OperationFailure):
                await client.shop.command("brew", "cups")

        spans = self.visited(recorder, visit)
        assert [span.name for span in spans if span.name != "checkout"] == [
            *("find cups", "getMore cups", "insert cups", "delete cups", "brew cups")
        ]
        failed = [span.name for span in spans if not span.status.is_unset]
        assert failed == ["brew cups", "checkout"]

    def test_tasks_at_once_keep_their_parents(self, recorder: Recorder) -> None:
        tracer = recorder.provider.get_tracer("application")

        async def visit(client: Any) -> None:
            async def one(number: int) -> None:
                with tracer.start_as_current_span(f"visit {number}") as span:
                    await client.shop.cups.find_one({"_id": number})
                    assert trace.get_current_span() is span

            await asyncio.gather(*map(one, range(4)))

        spans = self.visited(recorder, visit)
        by_id = {span.context.span_id: span for span in spans if span.context}
        found = [span for span in spans if span.name == "find cups"]
        chains = {by_id[by_id[span.parent.span_id].parent.span_id].name for span in found if span.parent}  # type: ignore[union-attr]
        assert chains == {f"visit {number}" for number in range(4)}

    def test_what_a_client_asks_by_itself_is_not_part_of_the_span_in_which_it_was_first_used(
        self, recorder: Recorder
    ) -> None:
        heartbeats = Heartbeats()
        tracer = recorder.provider.get_tracer("application")

        async def visit() -> None:
            with tracer.start_as_current_span("visit"):
                client = pymongo.AsyncMongoClient(url(), heartbeatFrequencyMS=500, event_listeners=[heartbeats])
                await client.admin.command("ping")
                end = time.monotonic() + 30
                while heartbeats.number < 3 and time.monotonic() < end:
                    await asyncio.sleep(0.05)
                await client.close()

        asyncio.run(visit())
        assert heartbeats.number >= 3
        greetings = {pair for pair in parents(recorder.take()) if pair[0] in GREETINGS}
        assert {around for _, around in greetings} == {"checkout"}, "of the connection that was made"


def test_motor_calls_it_in_the_callers_context(mongodb_server: str, recorder: Recorder) -> None:
    motor = pytest.importorskip("motor.motor_asyncio")
    tracer = recorder.provider.get_tracer("application")

    async def visit() -> None:
        client = motor.AsyncIOMotorClient(mongodb_server)
        with tracer.start_as_current_span("visit"):
            await client.shop.teas.find_one()
            client.close()

    asyncio.run(visit())
    spans = recorder.take()
    (root,) = (span for span in spans if span.parent is None)
    assert root.name == "visit"
    assert {"find teas", "checkout", "visit"} <= {span.name for span in spans}
