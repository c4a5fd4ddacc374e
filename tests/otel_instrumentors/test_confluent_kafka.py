"""confluent-kafka, over a real broker."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import uuid
from abc import ABC
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import files, version
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from otel_instrumentors.confluent_kafka import ConfluentKafkaInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented, names

PATIENCE = 60
"""Seconds that a client waits for the broker."""
TOPIC = "confluent-kafka"

VERSION = tuple(int(part) for part in version("confluent-kafka").split(".")[:2])

since_2_12 = pytest.mark.skipif(VERSION < (2, 12), reason="asynchronous clients are of 2.12")


def broker() -> str:
    return urlsplit(os.environ["TEST_KAFKA_URL"]).netloc


def producer(kind: str = "Producer", **settings: Any) -> Any:
    import confluent_kafka

    return getattr(confluent_kafka, kind)({"bootstrap.servers": broker(), "linger.ms": 0, **settings})


def consumer(kind: str = "Consumer", **settings: Any) -> Any:
    import confluent_kafka

    quick = {"fetch.wait.max.ms": 20, "enable.auto.commit": False, "auto.offset.reset": "earliest"}
    return getattr(confluent_kafka, kind)({"bootstrap.servers": broker(), "group.id": "tea", **quick, **settings})


def sent(sender: Any, topic: str, *args: Any, **kwargs: Any) -> Any:
    """Produce a message and wait for its delivery; the partition and offset that it got."""
    from confluent_kafka import TopicPartition

    delivered: list[Any] = []

    def on_delivery(error: Any, message: Any) -> None:
        assert error is None
        delivered.append(TopicPartition(topic, message.partition(), message.offset()))

    sender.produce(topic, *args, on_delivery=on_delivery, **kwargs)
    assert sender.flush(PATIENCE) == 0
    return delivered[0]


def polled(receiver: Any, at: Any = None) -> Any:
    """The next message, from `at` on if given."""
    if at is not None:
        receiver.assign([at])
    return receiver.poll(PATIENCE)


def headers_of(message: Any) -> dict[str, Any]:
    return dict(message.headers() or ())


def exchanged() -> Any:
    receiver = consumer()
    try:
        message = polled(receiver, sent(producer(), TOPIC, b"tea", b"leaf"))
        return message.key(), message.value()
    finally:
        receiver.close()


class TestConfluentKafkaContract(Contract):
    instrumentor = ConfluentKafkaInstrumentor
    servers = ("kafka_server",)

    @staticmethod
    def use() -> Any:
        return exchanged()

    def test_nothing_is_left_in_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[override]
        """Of messages; a client of its own for each would start ten threads each time."""
        kept: list[Any] = []

        def use() -> Any:
            if not kept:
                kept.extend((producer(), consumer()))
            return polled(kept[1], sent(kept[0], TOPIC, b"tea")).value()

        monkeypatch.setattr(type(self), "use", staticmethod(use))
        super().test_nothing_is_left_in_memory()
        kept[1].close()


@pytest.fixture
def recorder(kafka_server: str) -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(ConfluentKafkaInstrumentor, recorder.provider):
        yield recorder


@pytest.fixture
def topic() -> str:
    return f"confluent-kafka-{uuid.uuid4().hex}"


@pytest.fixture
def receiver(recorder: Recorder) -> Iterator[Any]:
    made = consumer()
    yield made
    made.close()


def told(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def parent(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent is not None else None


def test_a_message_is_produced_and_polled_in_one_trace(recorder: Recorder, receiver: Any, topic: str) -> None:
    at = sent(producer(), topic, b"green", key=b"leaf", headers=[("x-cup", b"big")])
    message = polled(receiver, at)

    made, received = recorder.take()
    host, _, port = broker().partition(":")
    common = {
        "messaging.system": "kafka",
        "messaging.destination.name": topic,
        "messaging.kafka.message.key": "leaf",
        "messaging.kafka.message.tombstone": False,
        "messaging.kafka.bootstrap.servers": broker(),
        "server.address": host,
        "server.port": int(port),
    }
    assert (made.name, made.kind, told(made)) == (
        f"produce {topic}",
        SpanKind.PRODUCER,
        {**common, "messaging.operation.name": "produce", "messaging.operation.type": "send"},
    )
    assert (received.name, received.kind, told(received)) == (
        f"poll {topic}",
        SpanKind.CONSUMER,
        {
            **common,
            "messaging.operation.name": "poll",
            "messaging.operation.type": "receive",
            "messaging.destination.partition.id": "0",
            "messaging.kafka.offset": 0,
            "messaging.consumer.group.name": "tea",
        },
    )
    assert (received.context.trace_id, parent(received)) == (made.context.trace_id, made.context.span_id)
    assert not received.links
    headers = headers_of(message)
    assert headers.pop("x-cup") == b"big"
    assert headers.pop("traceparent").startswith(
        f"00-{made.context.trace_id:032x}-{made.context.span_id:016x}".encode()
    )
    assert headers == {}


def test_a_batch_is_a_child_of_its_first_sender_and_linked_to_the_others(
    recorder: Recorder, receiver: Any, topic: str
) -> None:
    sender = producer()
    at = sent(sender, topic, "first")
    for value in ("second", "third"):
        sent(sender, topic, value, key=value)
    senders = recorder.take()
    receiver.assign([at])
    batch: list[Any] = []
    while len(batch) < 3:
        batch += receiver.consume(3 - len(batch), PATIENCE)

    spans = recorder.take()
    assert sum(told(span)["messaging.batch.message_count"] for span in spans) == len(batch) == 3
    linked = [parent(spans[0]), *(link.context.span_id for link in spans[0].links)]
    assert spans[0].name == f"consume {topic}"
    assert linked == [each.context.span_id for each in senders[: len(linked)]]


@since_2_12
def test_messages_that_are_produced_together_are_one_span_and_stay_as_they_are(recorder: Recorder, topic: str) -> None:
    sender, given = producer(), [{"value": b"green", "key": b"leaf"}, {"value": b"black"}]
    assert sender.produce_batch(topic, given) == 2
    assert sender.flush(PATIENCE) == 0
    with pytest.raises(TypeError):
        sender.produce_batch(topic, "no list")
    assert given == [{"value": b"green", "key": b"leaf"}, {"value": b"black"}]
    made, refused = recorder.take()
    host, _, port = broker().partition(":")
    assert (made.name, made.kind, told(made)) == (
        f"produce_batch {topic}",
        SpanKind.PRODUCER,
        {
            "messaging.system": "kafka",
            "messaging.operation.name": "produce_batch",
            "messaging.operation.type": "send",
            "messaging.destination.name": topic,
            "messaging.batch.message_count": 2,
            "messaging.kafka.bootstrap.servers": broker(),
            "server.address": host,
            "server.port": int(port),
        },
    )
    assert told(refused)["error.type"] == "TypeError"
    receiver = consumer(**{"group.id": topic})
    receiver.subscribe([topic])
    values = [receiver.poll(PATIENCE).value() for _ in range(2)]
    receiver.close()
    assert values == [b"green", b"black"]


def test_waiting_in_vain_and_the_end_of_a_partition_are_no_spans(recorder: Recorder, receiver: Any, topic: str) -> None:
    at = sent(producer(), topic, "tea")
    at.offset += 1
    receiver.assign([at])
    recorder.take()
    for _ in range(20):
        assert receiver.poll(0) is None
        assert receiver.consume(10, 0) == []
    at_end = consumer(**{"enable.partition.eof": True})
    at_end.assign([at])
    assert at_end.poll(PATIENCE).error().name() == "_PARTITION_EOF"
    at_end.close()
    assert recorder.take() == []


def test_an_event_that_is_an_error_is_one(recorder: Recorder, topic: str) -> None:
    at = sent(producer(), topic, "tea")
    at.offset = 1_000
    recorder.take()
    lost = consumer(**{"auto.offset.reset": "error"})
    assert polled(lost, at).error().name() == "_AUTO_OFFSET_RESET"
    lost.close()
    [received] = recorder.take()
    assert (received.name, told(received)["error.type"]) == ("poll", "_AUTO_OFFSET_RESET")
    assert not received.status.is_ok


def test_a_tombstone_is_told(recorder: Recorder, receiver: Any, topic: str) -> None:
    assert polled(receiver, sent(producer(), topic, key=b"leaf")).value() is None
    for span in recorder.take():
        assert told(span)["messaging.kafka.message.tombstone"] is True


@pytest.mark.parametrize(
    "headers",
    [
        None,
        [],
        {},
        {"x-cup": "big", "x-none": None},
        [("x-cup", "big"), ("x-cup", b"bigger"), ("x-none", None)],
        [("traceparent", b"00-0000000000000000000000000000000a-000000000000000b-01"), ("x-cup", b"big")],
        {"traceparent": b"00-0000000000000000000000000000000a-000000000000000b-01"},
    ],
    ids=["none", "empty list", "empty dict", "dict", "list", "passed on", "passed on in a dict"],
)
@pytest.mark.parametrize("way", ["by name", "by position"])
def test_headers_in_every_form_are_kept_and_the_context_is_among_them(
    recorder: Recorder, receiver: Any, topic: str, headers: Any, way: str
) -> None:
    before = headers.copy() if headers is not None else None
    sender = producer()
    delivered: list[Any] = []
    if way == "by name":
        at = sent(sender, topic, "tea", headers=headers)
    else:
        sender.produce(topic, "tea", None, -1, lambda _, message: delivered.append(message), None, 0, headers)
        sender.flush(PATIENCE)
        from confluent_kafka import TopicPartition

        at = TopicPartition(topic, delivered[0].partition(), delivered[0].offset())
    message = polled(receiver, at)

    made, received = recorder.take()
    assert headers == before
    assert parent(received) == made.context.span_id
    pairs = list(headers.items()) if isinstance(headers, dict) else headers or []
    kept = [(key, value.encode() if isinstance(value, str) else value) for key, value in pairs if key != "traceparent"]
    assert [pair for pair in message.headers() if pair[0] != "traceparent"] == kept
    assert [key for key, _ in message.headers()].count("traceparent") == 1


@pytest.mark.parametrize("headers", [(("x-cup", b"big"),), "text", 7, [7], [("x-cup", 7)]], ids=repr)
def test_headers_that_are_none_fail_as_without_us(recorder: Recorder, topic: str, headers: Any) -> None:
    with pytest.raises((TypeError, ValueError)) as traced:
        producer().produce(topic, "tea", headers=headers)
    ConfluentKafkaInstrumentor().uninstrument()
    with pytest.raises((TypeError, ValueError)) as untraced:
        producer().produce(topic, "tea", headers=headers)
    assert (type(traced.value), str(traced.value)) == (type(untraced.value), str(untraced.value))
    [made] = recorder.take()
    assert told(made)["error.type"] in ("TypeError", "ValueError")


@pytest.mark.parametrize("options", [{"propagate": False}, {"inject": False}], ids=str)
def test_without_propagation_no_headers_are_added(kafka_server: str, topic: str, options: dict[str, Any]) -> None:
    recorder = Recorder()
    with instrumented(ConfluentKafkaInstrumentor, recorder.provider, **options):
        receiver = consumer()
        message = polled(receiver, sent(producer(), topic, "tea"))
        receiver.close()
    assert message.headers() is None
    made, received = recorder.take()
    assert made.context.trace_id != received.context.trace_id
    assert not received.links


def test_messages_are_linked_to_their_senders_in_place_of_being_children(kafka_server: str, topic: str) -> None:
    recorder = Recorder()
    with instrumented(ConfluentKafkaInstrumentor, recorder.provider, use_span_links=True):
        receiver = consumer()
        polled(receiver, sent(producer(), topic, "tea"))
        receiver.close()
    made, received = recorder.take()
    assert received.parent is None
    assert [link.context.span_id for link in received.links] == [made.context.span_id]


def test_the_broker_is_asked_for_nothing(recorder: Recorder, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our subclasses, and not the classes in C, can be patched."""
    import confluent_kafka

    asked: list[str] = []
    for kind in (confluent_kafka.Producer, confluent_kafka.Consumer):
        for name in ("list_topics", "cluster_id", "committed", "position"):
            monkeypatch.setattr(kind, name, lambda *_, name=name, **__: asked.append(name), raising=False)
    assert exchanged() == (b"leaf", b"tea")
    assert len(recorder.take()) == 2
    assert asked == []


def test_what_is_sent_in_a_transaction_is_traced(recorder: Recorder, receiver: Any, topic: str) -> None:
    transactional = producer(**{"transactional.id": topic})
    transactional.init_transactions(PATIENCE)
    transactional.begin_transaction()
    transactional.produce(topic, "dropped")
    transactional.flush(PATIENCE)
    transactional.abort_transaction(PATIENCE)
    transactional.begin_transaction()
    transactional.produce(topic, "kept")
    transactional.send_offsets_to_transaction([], receiver.consumer_group_metadata(), PATIENCE)
    transactional.commit_transaction(PATIENCE)
    from confluent_kafka import TopicPartition

    assert polled(receiver, TopicPartition(topic, 0, 0)).value() == b"kept"
    _, kept, received = recorder.take()
    assert names([kept, received]) == [f"poll {topic}", f"produce {topic}"]
    assert parent(received) == kept.context.span_id


def test_a_rebalance_is_as_without_us(recorder: Recorder, topic: str) -> None:
    sender = producer()
    sent(sender, topic, "first")
    events: list[str] = []
    settings = {"group.id": topic, "session.timeout.ms": 6_000, "heartbeat.interval.ms": 500}
    one, other = consumer(**settings), consumer(**settings)
    one.subscribe(
        [topic],
        on_assign=lambda _, partitions: events.append(f"one has {len(partitions)}"),
        on_revoke=lambda _, partitions: events.append(f"one had {len(partitions)}"),
    )
    assert polled(one).value() == b"first"
    one.commit(asynchronous=False)
    one.close()
    other.subscribe([topic], on_assign=lambda _, partitions: events.append(f"other has {len(partitions)}"))
    sent(sender, topic, "second")
    assert polled(other).value() == b"second"
    other.close()
    assert events == ["one has 1", "one had 1", "other has 1"]
    assert names(recorder.take()) == [f"poll {topic}"] * 2 + [f"produce {topic}"] * 2


def serializing() -> Any:
    from confluent_kafka.serialization import StringSerializer

    return producer(
        "SerializingProducer", **{"key.serializer": StringSerializer(), "value.serializer": StringSerializer()}
    )


def deserializing(value: Any = None) -> Any:
    from confluent_kafka.serialization import StringDeserializer

    of_value = value or StringDeserializer()
    return consumer(
        "DeserializingConsumer", **{"key.deserializer": StringDeserializer(), "value.deserializer": of_value}
    )


def test_what_is_serialized_has_one_span_each_way(recorder: Recorder, topic: str) -> None:
    at = sent(serializing(), topic, key="leaf", value="green", headers={"x-cup": "big"})
    receiver = deserializing()
    message = polled(receiver, at)
    receiver.close()

    assert (message.key(), message.value(), headers_of(message)["x-cup"]) == ("leaf", "green", b"big")
    made, received = recorder.take()
    assert (made.name, received.name) == (f"produce {topic}", f"poll {topic}")
    assert told(made)["messaging.kafka.message.key"] == told(received)["messaging.kafka.message.key"] == "leaf"
    assert told(made)["messaging.kafka.bootstrap.servers"] == broker()
    assert told(received)["messaging.consumer.group.name"] == "tea"
    assert parent(received) == made.context.span_id


def test_serializers_are_called_once_and_may_add_headers(recorder: Recorder, receiver: Any, topic: str) -> None:
    seen: list[Any] = []

    def serializer(value: Any, context: Any) -> bytes:
        seen.append(trace.get_current_span().get_span_context().span_id)
        context.headers.append(("x-schema", b"7"))
        return str(value).encode()

    sender = producer("SerializingProducer", **{"value.serializer": serializer})
    message = polled(receiver, sent(sender, topic, value=7, headers=[("x-cup", b"big")]))
    made, _ = recorder.take()
    assert seen == [made.context.span_id]
    assert [key for key, _ in message.headers()] == ["x-cup", "traceparent", "x-schema"]


def test_what_cannot_be_serialized_or_read_is_an_error(recorder: Recorder, topic: str) -> None:
    from confluent_kafka.error import ValueDeserializationError, ValueSerializationError

    def breaks(_value: Any, _context: Any) -> Any:
        raise ValueError("no cup")

    with pytest.raises(ValueSerializationError, match="encode"):
        serializing().produce(topic, value=7)
    at = sent(producer(), topic, "tea")
    receiver = deserializing(breaks)
    with pytest.raises(ValueDeserializationError, match="no cup"):
        polled(receiver, at)
    receiver.close()
    made, _, received = recorder.take()
    kinds = [told(span)["error.type"] for span in (made, received)]
    assert kinds == [
        "confluent_kafka.error.ValueSerializationError",
        "confluent_kafka.error.ValueDeserializationError",
    ]


def test_a_client_that_is_closed_or_a_queue_that_is_full_is_an_error(recorder: Recorder, topic: str) -> None:
    full = producer(**{"queue.buffering.max.messages": 1, "linger.ms": 60_000})
    full.produce(topic, "first")
    with pytest.raises(BufferError):
        full.produce(topic, "second")
    full.purge()
    closed = consumer()
    closed.close()
    with pytest.raises(RuntimeError):
        closed.poll(0)
    first, second, received = recorder.take()
    assert first.status.is_unset
    assert (told(second)["error.type"], told(received)["error.type"]) == ("BufferError", "RuntimeError")
    assert received.name == "poll"


def test_classes_are_what_they_were_to_the_application(kafka_server: str) -> None:
    import confluent_kafka
    from confluent_kafka import cimpl

    plain, before = confluent_kafka.Producer, producer()
    with instrumented(ConfluentKafkaInstrumentor, Recorder().provider):
        kind = confluent_kafka.Producer
        made = producer()
        assert type(made) is kind is cimpl.Producer is not plain
        assert (kind.__module__, kind.__name__, kind.__doc__) == (plain.__module__, plain.__name__, plain.__doc__)
        assert isinstance(made, plain)
        assert isinstance(before, kind)
        assert issubclass(confluent_kafka.SerializingProducer, kind)
        assert isinstance(serializing(), kind)
        assert not isinstance(consumer(), kind)
        assert not hasattr(made, "__dict__")
        assert bool(made)
        assert len(made) == 0

        class Own(kind, ABC):  # type: ignore[misc, valid-type]
            brewed: ClassVar[list[Any]] = []

            def produce(self, *args: Any, **kwargs: Any) -> None:
                self.brewed.append(args)
                super().produce(*args, **kwargs)

        assert isinstance(Own({"bootstrap.servers": broker()}), kind)
        assert not isinstance(made, Own)
    assert confluent_kafka.Producer is cimpl.Producer is plain
    assert isinstance(made, confluent_kafka.Producer)


def test_single_clients_are_recorded_and_given_back(kafka_server: str, topic: str) -> None:
    recorder = Recorder()
    plain, plain_receiver = producer(), consumer()
    sender = ConfluentKafkaInstrumentor().instrument_producer(plain, recorder.provider)
    receiver = ConfluentKafkaInstrumentor().instrument_consumer(plain_receiver, tracer_provider=recorder.provider)
    assert ConfluentKafkaInstrumentor().instrument_producer(sender) is sender
    assert isinstance(sender, type(plain))
    at = sent(sender, topic, "tea")
    polled(receiver, at)
    made, received = recorder.take()
    assert (made.name, received.name) == (f"produce {topic}", f"poll {topic}")
    assert parent(received) == made.context.span_id
    assert ConfluentKafkaInstrumentor().uninstrument_producer(sender) is plain
    assert ConfluentKafkaInstrumentor().uninstrument_consumer(receiver) is plain_receiver
    receiver.close()


def test_single_clients_of_an_instrumented_library_have_one_span_a_call(recorder: Recorder, topic: str) -> None:
    sender = ConfluentKafkaInstrumentor().instrument_producer(producer(), recorder.provider)
    receiver = ConfluentKafkaInstrumentor().instrument_consumer(consumer(), recorder.provider)
    polled(receiver, sent(sender, topic, "tea"))
    receiver.close()
    assert names(recorder.take()) == [f"poll {topic}", f"produce {topic}"]


def test_clients_may_be_used_by_several_threads(recorder: Recorder, topic: str) -> None:
    sender = producer()
    threads = [threading.Thread(target=lambda: sender.produce(topic, "tea")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sender.flush(PATIENCE) == 0
    assert names(recorder.take()) == [f"produce {topic}"] * 8


@since_2_12
def test_asynchronous_clients_are_traced(recorder: Recorder, topic: str) -> None:
    from confluent_kafka import TopicPartition
    from confluent_kafka.aio import AIOConsumer, AIOProducer

    async def exchange() -> Any:
        sender = AIOProducer({"bootstrap.servers": broker()})
        await asyncio.wait_for(await sender.produce(topic, b"tea", b"leaf"), PATIENCE)
        await sender.close()
        receiver = AIOConsumer({"bootstrap.servers": broker(), "group.id": "tea"})
        await receiver.assign([TopicPartition(topic, 0, 0)])
        message = await receiver.poll(PATIENCE)
        await receiver.close()
        return message.value()

    assert asyncio.run(exchange()) == b"tea"
    made, received = recorder.take()
    assert (made.name, received.name) == (f"produce {topic}", f"poll {topic}")
    assert told(made)["messaging.kafka.bootstrap.servers"] == broker()


if any(file.stem == "_AsyncSerializingProducer" for file in files("confluent-kafka") or ()):  # newer releases

    def test_asynchronous_clients_that_serialize_are_traced_once(recorder: Recorder, topic: str) -> None:
        from confluent_kafka.aio import AsyncDeserializingConsumer, AsyncSerializingProducer

        async def writes(value: str, _context: Any) -> bytes:
            return value.encode()

        async def reads(value: bytes, _context: Any) -> str:
            return value.decode()

        async def exchange() -> Any:
            sender = await AsyncSerializingProducer({"bootstrap.servers": broker(), "value.serializer": writes})
            await asyncio.wait_for(await sender.produce(topic, value="tea"), PATIENCE)
            await sender.close()
            where = {"bootstrap.servers": broker(), "group.id": topic, "auto.offset.reset": "earliest"}
            receiver = await AsyncDeserializingConsumer({**where, "value.deserializer": reads})
            await receiver.subscribe([topic])
            message = await receiver.poll(PATIENCE)
            await receiver.close()
            return message.value()

        assert asyncio.run(exchange()) == "tea"
        assert names(recorder.take()) == [f"poll {topic}", f"produce {topic}"]


SCHEMA = '{"title": "cup", "type": "object", "properties": {"size": {"type": "string"}}}'


class _Registry(BaseHTTPRequestHandler):
    """As much of a schema registry as a client asks for: every schema has the id 7."""

    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({"id": 7})

    def do_GET(self) -> None:
        is_schema = self.path.startswith("/schemas")
        self._answer({"id": 7, "schema": SCHEMA, "schemaType": "JSON"} if is_schema else [])

    def _answer(self, answer: Any) -> None:
        self.asked.append(self.command)
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Quiet."""


@pytest.fixture
def registry() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Registry)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    _Registry.asked.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_a_schema_registry_knows_is_written_and_read_as_without_us(
    recorder: Recorder, topic: str, registry: str
) -> None:
    from confluent_kafka.schema_registry import SchemaRegistryClient
    from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
    from confluent_kafka.serialization import StringSerializer

    writes = JSONSerializer(SCHEMA, SchemaRegistryClient({"url": registry}))
    sender = producer("SerializingProducer", **{"key.serializer": StringSerializer(), "value.serializer": writes})
    at = sent(sender, topic, key="leaf", value={"size": "big"})
    asked = list(_Registry.asked)
    sent(sender, topic, key="leaf", value={"size": "small"})
    assert "POST" in asked
    assert _Registry.asked == asked

    receiver = deserializing(JSONDeserializer(SCHEMA))
    assert polled(receiver, at).value() == {"size": "big"}
    receiver.close()
    assert names(recorder.take()) == [f"poll {topic}", f"produce {topic}", f"produce {topic}"]
