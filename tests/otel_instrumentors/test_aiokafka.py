"""aiokafka, over a real broker."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import pytest
from opentelemetry import baggage, trace
from opentelemetry.context import attach, detach
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from otel_instrumentors.aiokafka import AiokafkaInstrumentor
from otel_instrumentors.kernel import safety
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented, names

PATIENCE = 60
"""Seconds that a client waits for the broker."""
VERSION = tuple(int(part) for part in version("aiokafka").split(".")[:2])

since_0_9 = pytest.mark.skipif(VERSION < (0, 9), reason="before 0.9 headers have to be a list")


def broker() -> str:
    return urlsplit(os.environ["TEST_KAFKA_URL"]).netloc


@asynccontextmanager
async def producer(**settings: Any) -> AsyncIterator[Any]:
    from aiokafka import AIOKafkaProducer

    made = AIOKafkaProducer(bootstrap_servers=broker(), **settings)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


@asynccontextmanager
async def consumer(*topics: str, at: Any = None, **settings: Any) -> AsyncIterator[Any]:
    """A consumer, about to get the message that `at` tells of next."""
    from aiokafka import AIOKafkaConsumer, TopicPartition

    usual = {"auto_offset_reset": "earliest", "enable_auto_commit": False, "fetch_max_wait_ms": 20}
    made = AIOKafkaConsumer(*topics, bootstrap_servers=broker(), **{**usual, **settings})
    await made.start()
    try:
        if at is not None:
            place = TopicPartition(at.topic, at.partition)
            made.assign([place])
            made.seek(place, at.offset)
        # One that is stopped before its tasks have begun is cancelled itself.
        await asyncio.sleep(0)
        yield made
    finally:
        await made.stop()


async def got(receiver: Any) -> Any:
    return await asyncio.wait_for(receiver.getone(), PATIENCE)


def run(main: Callable[[], Awaitable[Any]]) -> Any:
    async def bounded() -> Any:
        return await asyncio.wait_for(main(), 3 * PATIENCE)

    return asyncio.run(bounded())


async def exchanged(topic: str, *args: Any, **kwargs: Any) -> Any:
    """Send a message, and get it; what is got."""
    async with producer() as sender:
        metadata = await sender.send_and_wait(topic, *args, **kwargs)
    async with consumer(at=metadata) as receiver:
        return await got(receiver)


class TestAiokafkaContract(Contract):
    instrumentor = AiokafkaInstrumentor
    servers = ("kafka_server",)

    @staticmethod
    def use() -> Any:
        record = run(lambda: exchanged("aiokafka", b"tea", b"leaf"))
        return record.key, record.value

    def test_nothing_is_left_in_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[override]
        """Of messages, by one client: a loop of its own for each would take minutes."""
        loop = asyncio.new_event_loop()
        kept: list[Any] = []

        async def exchange() -> Any:
            if not kept:
                kept.append(producer())
                kept.append(await kept[0].__aenter__())
                kept.append(consumer(at=await kept[1].send_and_wait("aiokafka", b"first")))
                kept.append(await kept[2].__aenter__())
            await kept[1].send_and_wait("aiokafka", b"tea")
            return (await got(kept[3])).topic

        monkeypatch.setattr(type(self), "use", staticmethod(lambda: loop.run_until_complete(exchange())))
        for _ in range(100):
            self.use()
        super().test_nothing_is_left_in_memory()
        for made in kept[::2]:
            loop.run_until_complete(made.__aexit__(None, None, None))
        loop.close()


@pytest.fixture
def recorder(kafka_server: str) -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(AiokafkaInstrumentor, recorder.provider):
        yield recorder


@pytest.fixture
def topic() -> str:
    return f"aiokafka-{uuid.uuid4().hex}"


def told(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def parent(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent is not None else None


def test_a_message_is_sent_and_got_in_one_trace(recorder: Recorder, topic: str) -> None:
    async def main() -> Any:
        async with producer() as sender:
            metadata = await sender.send_and_wait(topic, b"green", key=b"leaf", headers=[("x-cup", b"big")])
        async with consumer(at=metadata, group_id="tea") as receiver:
            return await got(receiver)

    record = run(main)
    made, received = recorder.take()
    host, _, port = broker().partition(":")
    common = {
        "messaging.system": "kafka",
        "messaging.destination.name": topic,
        "messaging.destination.partition.id": "0",
        "messaging.kafka.message.key": "leaf",
        "messaging.kafka.message.tombstone": False,
        "messaging.kafka.offset": 0,
        "messaging.kafka.bootstrap.servers": broker(),
        "server.address": host,
        "server.port": int(port),
    }
    assert (made.name, made.kind, told(made)) == (
        f"send {topic}",
        SpanKind.PRODUCER,
        {**common, "messaging.operation.name": "send", "messaging.operation.type": "send"},
    )
    assert (received.name, received.kind, told(received)) == (
        f"getone {topic}",
        SpanKind.CONSUMER,
        {
            **common,
            "messaging.operation.name": "getone",
            "messaging.operation.type": "receive",
            "messaging.consumer.group.name": "tea",
        },
    )
    assert (received.context.trace_id, parent(received)) == (made.context.trace_id, made.context.span_id)
    headers = dict(record.headers)
    assert headers.pop("x-cup") == b"big"
    assert headers.pop("traceparent").startswith(
        f"00-{made.context.trace_id:032x}-{made.context.span_id:016x}".encode()
    )
    assert headers == {}


def test_messages_that_are_got_together_are_linked_to_their_senders(recorder: Recorder, topic: str) -> None:
    async def main() -> list[bytes]:
        async with producer() as sender:
            first, *_ = [await sender.send_and_wait(topic, value) for value in (b"first", b"second", b"third")]
        found: list[bytes] = []
        async with consumer(at=first) as receiver:
            while len(found) < 3:
                for records in (await receiver.getmany(timeout_ms=PATIENCE * 1000)).values():
                    found += [record.value for record in records]
        return found

    assert run(main) == [b"first", b"second", b"third"]
    spans = recorder.take()
    senders, receivers = spans[:3], spans[3:]
    linked = [link.context.span_id for span in receivers for link in span.links]
    assert linked == [each.context.span_id for each in senders]
    assert sum(told(span)["messaging.batch.message_count"] for span in receivers) == 3
    for span in receivers:
        assert (span.name, span.parent) == (f"getmany {topic}", None)
        assert told(span)["aiokafka.partitions"] == (f"{topic}:0",)


def test_a_span_lasts_until_the_message_is_acknowledged_and_is_not_current_meanwhile(
    recorder: Recorder, topic: str
) -> None:
    async def main() -> None:
        async with producer() as sender:
            first = await sender.send(topic, b"first")
            assert not trace.get_current_span().get_span_context().is_valid
            assert recorder.spans() == []
            second = await sender.send(topic, b"second")
            await asyncio.wait_for(asyncio.gather(first, second), PATIENCE)

    run(main)
    spans = recorder.take()
    assert [(span.parent, told(span)["messaging.kafka.offset"]) for span in spans] == [(None, 0), (None, 1)]


def test_messages_that_are_sent_together_are_one_span_until_they_are_acknowledged(
    recorder: Recorder, topic: str
) -> None:
    async def main() -> list[Any]:
        async with producer() as sender:
            batch = sender.create_batch()
            for value in (b"green", b"black"):
                batch.append(key=b"leaf", value=value, timestamp=None)
            future = await sender.send_batch(batch, topic, partition=0)
            assert recorder.spans() == []
            metadata = await asyncio.wait_for(future, PATIENCE)
        async with consumer(at=metadata) as receiver:
            return [(await got(receiver)).value for _ in range(2)]

    assert run(main) == [b"green", b"black"]
    made, *received = recorder.take()
    assert (made.name, made.kind) == (f"send_batch {topic}", SpanKind.PRODUCER)
    batch = {key: told(made)[f"messaging.{key}"] for key in ("batch.message_count", "destination.partition.id")}
    assert batch == {"batch.message_count": 2, "destination.partition.id": "0"}
    assert told(made)["messaging.kafka.offset"] == 0
    assert [span.parent for span in received] == [None, None]


def test_a_message_that_is_not_acknowledged_is_an_error_and_asyncio_says_as_before_that_nobody_asked(
    recorder: Recorder, topic: str
) -> None:
    unasked: list[Any] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unasked.append(context["message"]))
        async with producer() as sender:
            future = await sender.send(topic, b"tea")
            batches = [batch for queue in sender._message_accumulator._batches.values() for batch in queue]
            for batch in batches:
                batch.failure(exception=OSError("no broker"))
            del batches, batch
            await asyncio.sleep(0)
            assert future.done()
            del future

    run(main)
    made = recorder.take()[0]
    assert told(made)["error.type"] == "OSError"
    assert "Future exception was never retrieved" in unasked


def test_waiting_in_vain_and_the_end_of_an_iteration_are_no_spans(recorder: Recorder, topic: str) -> None:
    async def main() -> None:
        async with producer() as sender:
            metadata = await sender.send_and_wait(topic, b"tea")
        async with consumer(at=metadata._replace(offset=metadata.offset + 1)) as receiver:
            for _ in range(5):
                assert await receiver.getmany() == {}
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(receiver.getone(), 0.05)
            waiting = asyncio.ensure_future(receiver.__anext__())
            await asyncio.sleep(0.05)
            await receiver.stop()
            with pytest.raises(StopAsyncIteration):
                await waiting

    run(main)
    assert names(recorder.take()) == [f"send {topic}"]


def test_messages_that_are_iterated_over_have_a_span_each(recorder: Recorder, topic: str) -> None:
    async def main() -> list[bytes]:
        found: list[bytes] = []
        async with producer() as sender:
            for value in (b"first", b"second"):
                await sender.send_and_wait(topic, value)
        async with consumer(topic) as receiver:
            async for record in receiver:
                found.append(record.value)
                if len(found) == 2:
                    return found
        return []

    assert run(main) == [b"first", b"second"]
    first, second, *received = recorder.take()
    assert [(span.name, parent(span)) for span in received] == [
        (f"getone {topic}", each.context.span_id) for each in (first, second)
    ]


def test_a_tombstone_is_told(recorder: Recorder, topic: str) -> None:
    assert run(lambda: exchanged(topic, None, b"leaf")).value is None
    for span in recorder.take():
        assert told(span)["messaging.kafka.message.tombstone"] is True


PASSED_ON = ("traceparent", b"00-0000000000000000000000000000000a-000000000000000b-01")


@pytest.mark.parametrize(
    "headers",
    [
        None,
        [],
        [("x-cup", b"big"), ("x-cup", b"bigger"), ("x-none", None)],
        [PASSED_ON],
        pytest.param((), marks=since_0_9),
        pytest.param({}, marks=since_0_9),
    ],
    ids=["none", "empty", "list", "passed on", "empty tuple", "empty dict"],
)
@pytest.mark.parametrize("way", ["by name", "by position"])
def test_headers_in_every_form_are_kept_and_the_context_is_among_them(
    recorder: Recorder, topic: str, headers: Any, way: str
) -> None:
    before = list(headers) if headers is not None else None
    if way == "by name":
        record = run(lambda: exchanged(topic, b"tea", headers=headers))
    else:
        record = run(lambda: exchanged(topic, b"tea", None, None, None, headers))
    made, received = recorder.take()
    assert (list(headers) if headers is not None else None) == before
    kept = [pair for pair in headers or () if pair[0] != "traceparent"]
    assert [pair for pair in record.headers if pair[0] != "traceparent"] == kept
    # Of these only empty ones are taken: they stay as they are.
    is_told = not isinstance(headers, (dict, tuple))
    assert [key for key, _ in record.headers].count("traceparent") == is_told
    assert (parent(received) == made.context.span_id) is is_told


@pytest.mark.parametrize("headers", [{"x-cup": b"big"}, (("x-cup", b"big"),), "text", 7, [7]], ids=repr)
def test_headers_that_are_none_fail_as_without_us(recorder: Recorder, topic: str, headers: Any) -> None:
    def failure() -> tuple[type, str]:
        with pytest.raises((TypeError, ValueError)) as raised:
            run(lambda: exchanged(topic, b"tea", headers=headers))
        return type(raised.value), str(raised.value)

    traced = failure()
    [made] = recorder.take()
    AiokafkaInstrumentor().uninstrument()
    assert traced == failure()
    assert told(made)["error.type"] == traced[0].__name__


@pytest.mark.parametrize("options", [{"propagate": False}, {"inject": False}], ids=str)
def test_without_propagation_no_headers_are_added(kafka_server: str, topic: str, options: dict[str, Any]) -> None:
    recorder = Recorder()
    with instrumented(AiokafkaInstrumentor, recorder.provider, **options):
        record = run(lambda: exchanged(topic, b"tea"))
    assert not record.headers
    made, received = recorder.take()
    assert made.context.trace_id != received.context.trace_id


def test_a_message_is_linked_to_its_sender_in_place_of_being_its_child(kafka_server: str, topic: str) -> None:
    recorder = Recorder()
    with instrumented(AiokafkaInstrumentor, recorder.provider, use_span_links=True):
        run(lambda: exchanged(topic, b"tea"))
    made, received = recorder.take()
    assert received.parent is None
    assert [link.context.span_id for link in received.links] == [made.context.span_id]


def test_what_cannot_be_sent_or_read_is_an_error(recorder: Recorder, topic: str) -> None:
    def breaks(_value: bytes) -> Any:
        raise ValueError("no cup")

    async def main() -> None:
        async with producer() as sender:
            with pytest.raises(AssertionError):
                await sender.send(topic)
            metadata = await sender.send_and_wait(topic, b"tea")
        async with consumer(at=metadata, value_deserializer=breaks) as receiver:
            with pytest.raises(ValueError, match="no cup"):
                await got(receiver)
            with pytest.raises(ValueError, match="positive"):
                await receiver.getmany(max_records=-1)

    run(main)
    failed, _, unread, refused = recorder.take()
    assert told(failed)["error.type"] == "AssertionError"
    assert (unread.name, told(unread)["error.type"]) == ("getone", "ValueError")
    assert (refused.name, told(refused)["error.type"]) == ("getmany", "ValueError")


def test_serializers_are_called_once_and_the_key_is_told_as_it_was_given(recorder: Recorder, topic: str) -> None:
    seen: list[Any] = []

    def serialize(value: Any) -> bytes:
        seen.append(value)
        return str(value).encode()

    async def main() -> Any:
        async with producer(key_serializer=serialize, value_serializer=serialize) as sender:
            metadata = await sender.send_and_wait(topic, 7, "leaf")
        async with consumer(at=metadata, key_deserializer=bytes.decode, value_deserializer=int) as receiver:
            return await got(receiver)

    record = run(main)
    assert (record.key, record.value, seen) == ("leaf", 7, ["leaf", 7])
    for span in recorder.take():
        assert told(span)["messaging.kafka.message.key"] == "leaf"


def test_the_broker_is_asked_for_nothing(recorder: Recorder, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from aiokafka.client import AIOKafkaClient

    asked: list[str] = []
    send = AIOKafkaClient.send

    async def counting(self: Any, node: Any, request: Any, **options: Any) -> Any:
        asked.append(type(request).__name__)
        return await send(self, node, request, **options)

    monkeypatch.setattr(AIOKafkaClient, "send", counting)

    async def main() -> list[str]:
        async with producer() as sender:
            await sender.send_and_wait(topic, b"first")
            asked.clear()
            await sender.send_and_wait(topic, b"tea")
            return list(asked)

    traced = run(main)
    AiokafkaInstrumentor().uninstrument()
    assert traced == run(main)
    assert len(traced) == 1


def test_what_is_sent_in_a_transaction_is_traced(recorder: Recorder, topic: str) -> None:
    async def main() -> Any:
        async with producer(transactional_id=topic) as sender:
            await sender.begin_transaction()
            await sender.send_and_wait(topic, b"dropped")
            await sender.abort_transaction()
            async with sender.transaction():
                await sender.send(topic, b"kept")
        async with consumer(topic, isolation_level="read_committed") as receiver:
            return await got(receiver)

    assert run(main).value == b"kept"
    _, kept, received = recorder.take()
    assert (received.name, parent(received)) == (f"getone {topic}", kept.context.span_id)


def test_a_rebalance_is_as_without_us(recorder: Recorder, topic: str) -> None:
    from aiokafka import ConsumerRebalanceListener

    events: list[str] = []

    class Listener(ConsumerRebalanceListener):  # type: ignore[misc]
        def __init__(self, name: str) -> None:
            self.name = name

        def on_partitions_revoked(self, revoked: Any) -> None:
            """Not looked at."""

        def on_partitions_assigned(self, assigned: Any) -> None:
            # None, as long as a topic is new to the client.
            if assigned:
                events.append(f"{self.name} has {len(assigned)}")

    async def drink(name: str) -> bytes:
        async with consumer(group_id=topic) as receiver:
            receiver.subscribe([topic], listener=Listener(name))
            record = await got(receiver)
            await receiver.commit()
            return bytes(record.value)

    async def main() -> list[bytes]:
        async with producer() as sender:
            await sender.send_and_wait(topic, b"first")
            first = await drink("one")
            await sender.send_and_wait(topic, b"second")
            return [first, await drink("other")]

    assert run(main) == [b"first", b"second"]
    assert events == ["one has 1", "other has 1"]
    assert names(recorder.take()) == [f"getone {topic}"] * 2 + [f"send {topic}"] * 2


def test_the_applications_coroutine_functions_are_awaited_where_a_message_is_sent_and_where_it_is_got(
    kafka_server: str,
) -> None:
    """By the names and with the arguments of OpenTelemetry's own; getting several, with the first of them."""
    recorder, told = Recorder(), []

    async def produced(span: Any, args: Any, kwargs: Any) -> None:
        await asyncio.sleep(0)
        span.set_attribute("tea", "green")
        told.append(("sending", trace.get_current_span() is span, args, sorted(kwargs)))

    async def consumed(span: Any, record: Any, args: Any, kwargs: Any) -> None:
        await asyncio.sleep(0)
        span.set_attribute("tea", record.value.decode())
        told.append(("got", record.value, trace.get_current_span() is span, baggage.get_all().get("tea")))

    async def both() -> None:
        async with producer() as sender:
            token = attach(baggage.set_baggage("tea", "oolong"))
            metadata = await sender.send_and_wait("hooked", b"one", partition=0)
            detach(token)
            await sender.send_and_wait("hooked", b"two", partition=0)
        async with consumer(at=metadata) as receiver:
            assert (await got(receiver)).value == b"one"
            found = await receiver.getmany(timeout_ms=1000 * PATIENCE)
            assert [record.value for records in found.values() for record in records] == [b"two"]

    hooks = {"async_produce_hook": produced, "async_consume_hook": consumed}
    with instrumented(AiokafkaInstrumentor, recorder.provider, **hooks):
        run(both)
    assert [entry for entry in told if entry[0] == "sending"] == [
        ("sending", True, ("hooked", value, None, 0, None, None), []) for value in (b"one", b"two")
    ]
    # What the sender told is there, too.
    assert [entry for entry in told if entry[0] == "got"] == [
        ("got", b"one", True, "oolong"),
        ("got", b"two", True, None),
    ]
    teas = [(span.kind.name, (span.attributes or {})["tea"]) for span in recorder.take()]
    assert teas == [("PRODUCER", "green")] * 2 + [("CONSUMER", "one"), ("CONSUMER", "two")]


def test_what_a_coroutine_function_of_the_application_raises_changes_nothing(
    kafka_server: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_args: Any) -> None:
        await asyncio.sleep(0)
        raise ValueError("broken")

    recorder = Recorder()
    safety._last_said.clear()
    hooks = {"async_produce_hook": broken, "async_consume_hook": broken}
    with instrumented(AiokafkaInstrumentor, recorder.provider, **hooks):
        assert run(lambda: exchanged("hooked", b"tea")).value == b"tea"
    assert [span.kind.name for span in recorder.take()] == ["PRODUCER", "CONSUMER"]
    assert "broken, the application's call goes on without it: ValueError" in caplog.text
