"""kafka-python, over a real broker."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from otel_instrumentors.kafka import KafkaInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented, names

PATIENCE = 60
"""Seconds that a client waits for the broker."""
VERSION = int(version("kafka-python").split(".")[0])

# The library uses what Python has deprecated, and warns of functions that are serializers.
# A client that is closed while it connects leaves its socket to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

since_3 = pytest.mark.skipif(VERSION < 3, reason="transactions are of 2.1")


def broker() -> str:
    return urlsplit(os.environ["TEST_KAFKA_URL"]).netloc


def producer(**settings: Any) -> Any:
    from kafka import KafkaProducer

    return KafkaProducer(bootstrap_servers=broker(), **settings)


def consumer(*topics: str, **settings: Any) -> Any:
    from kafka import KafkaConsumer

    usual = {"group_id": "tea", "auto_offset_reset": "earliest", "enable_auto_commit": False, "fetch_max_wait_ms": 20}
    return KafkaConsumer(
        *topics, bootstrap_servers=broker(), **{"consumer_timeout_ms": PATIENCE * 1000, **usual, **settings}
    )


def sent(sender: Any, topic: str, *args: Any, **kwargs: Any) -> Any:
    """Send a message and wait until the broker has it; what that says of it."""
    return sender.send(topic, *args, **kwargs).get(PATIENCE)


def at(receiver: Any, metadata: Any) -> Any:
    """The consumer, about to get that message next."""
    from kafka import TopicPartition

    place = TopicPartition(metadata.topic, metadata.partition)
    receiver.assign([place])
    receiver.seek(place, metadata.offset)
    return receiver


def exchanged() -> Any:
    with ExitStack() as stack:
        sender, receiver = producer(), consumer()
        stack.callback(receiver.close)
        stack.callback(sender.close)
        record = next(at(receiver, sent(sender, "kafka-python", b"tea", b"leaf")))
        return record.key, record.value


class TestKafkaContract(Contract):
    instrumentor = KafkaInstrumentor
    servers = ("kafka_server",)

    @staticmethod
    def use() -> Any:
        return exchanged()

    def test_nothing_is_left_in_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[override]
        """Of messages; what a client keeps for itself is as much after the first ones."""
        kept: list[Any] = []

        def use() -> Any:
            if not kept:
                kept.extend((producer(), consumer()))
            return next(at(kept[1], sent(kept[0], "kafka-python", b"tea"))).value

        monkeypatch.setattr(type(self), "use", staticmethod(use))
        for _ in range(100):
            use()
        super().test_nothing_is_left_in_memory()
        for client in kept:
            client.close()


@pytest.fixture
def recorder(kafka_server: str) -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(KafkaInstrumentor, recorder.provider):
        yield recorder


@pytest.fixture
def topic() -> str:
    return f"kafka-python-{uuid.uuid4().hex}"


@pytest.fixture
def sender(kafka_server: str) -> Iterator[Any]:
    made = producer()
    yield made
    made.close()


@pytest.fixture
def receiver(kafka_server: str) -> Iterator[Any]:
    made = consumer()
    yield made
    made.close()


def told(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def parent(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent is not None else None


def test_a_message_is_sent_and_iterated_over_in_one_trace(
    recorder: Recorder, sender: Any, receiver: Any, topic: str
) -> None:
    metadata = sent(sender, topic, b"green", key=b"leaf", headers=[("x-cup", b"big")])
    record = next(at(receiver, metadata))

    made, received = recorder.take()
    host, _, port = broker().partition(":")
    common = {
        "messaging.system": "kafka",
        "messaging.destination.name": topic,
        "messaging.destination.partition.id": "0",
        "messaging.kafka.message.key": "leaf",
        "messaging.kafka.message.tombstone": False,
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
        f"next {topic}",
        SpanKind.CONSUMER,
        {
            **common,
            "messaging.operation.name": "next",
            "messaging.operation.type": "receive",
            "messaging.kafka.offset": 0,
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


def test_a_batch_is_a_child_of_its_first_sender_and_linked_to_the_others(
    recorder: Recorder, sender: Any, receiver: Any, topic: str
) -> None:
    first, *_ = (sent(sender, topic, value) for value in (b"first", b"second", b"third"))
    senders = recorder.take()
    at(receiver, first)
    batch: list[Any] = []
    while len(batch) < 3:
        for records in receiver.poll(PATIENCE * 1000).values():
            batch += records

    spans = recorder.take()
    assert sum(told(span)["messaging.batch.message_count"] for span in spans) == 3
    linked = [parent(spans[0]), *(link.context.span_id for link in spans[0].links)]
    assert spans[0].name == f"poll {topic}"
    assert linked == [each.context.span_id for each in senders[: len(linked)]]
    assert [record.value for record in batch] == [b"first", b"second", b"third"]


def test_messages_that_are_iterated_over_have_a_span_each(recorder: Recorder, sender: Any, topic: str) -> None:
    for value in (b"first", b"second", b"third"):
        sent(sender, topic, value)
    senders = recorder.take()
    receiver = consumer(topic, group_id=None, consumer_timeout_ms=3_000)
    assert [record.value for record in receiver] == [b"first", b"second", b"third"]
    receiver.close()
    spans = recorder.take()
    assert [parent(span) for span in spans] == [each.context.span_id for each in senders]
    assert {span.name for span in spans} == {f"next {topic}"}


def test_waiting_in_vain_is_no_span(recorder: Recorder, sender: Any, topic: str) -> None:
    metadata = sent(sender, topic, b"tea")
    recorder.take()
    receiver = at(consumer(consumer_timeout_ms=50), metadata._replace(offset=metadata.offset + 1))
    for _ in range(5):
        assert receiver.poll(0) == {}
    assert list(receiver) == []
    receiver.close()
    assert recorder.take() == []


def test_a_tombstone_is_told(recorder: Recorder, sender: Any, receiver: Any, topic: str) -> None:
    assert next(at(receiver, sent(sender, topic, key=b"leaf"))).value is None
    for span in recorder.take():
        assert told(span)["messaging.kafka.message.tombstone"] is True


@pytest.mark.parametrize(
    "headers",
    [
        None,
        [],
        [("x-cup", b"big"), ("x-cup", b"bigger")],
        [("traceparent", b"00-0000000000000000000000000000000a-000000000000000b-01"), ("x-cup", b"big")],
    ],
    ids=["none", "empty", "of one name", "passed on"],
)
@pytest.mark.parametrize("way", ["by name", "by position"])
def test_headers_in_every_form_are_kept_and_the_context_is_among_them(
    recorder: Recorder, sender: Any, receiver: Any, topic: str, headers: Any, way: str
) -> None:
    before = headers.copy() if headers is not None else None
    if way == "by name":
        metadata = sent(sender, topic, b"tea", headers=headers)
    else:
        metadata = sent(sender, topic, b"tea", None, headers)
    record = next(at(receiver, metadata))

    made, received = recorder.take()
    assert headers == before
    assert parent(received) == made.context.span_id
    kept = [pair for pair in headers or [] if pair[0] != "traceparent"]
    assert [pair for pair in record.headers if pair[0] != "traceparent"] == kept
    assert [key for key, _ in record.headers].count("traceparent") == 1


@pytest.mark.parametrize("headers", [{"x-cup": b"big"}, (("x-cup", b"big"),), "text", [7], [("x-cup", None)]], ids=repr)
def test_headers_that_are_none_fail_as_without_us(recorder: Recorder, sender: Any, topic: str, headers: Any) -> None:
    with pytest.raises((TypeError, AssertionError)) as traced:
        sender.send(topic, b"tea", headers=headers)
    KafkaInstrumentor().uninstrument()
    with pytest.raises((TypeError, AssertionError)) as untraced:
        sender.send(topic, b"tea", headers=headers)
    assert (type(traced.value), str(traced.value)) == (type(untraced.value), str(untraced.value))
    [made] = recorder.take()
    assert told(made)["error.type"] == type(untraced.value).__name__


def test_a_broker_that_knows_of_no_headers_gets_none(
    recorder: Recorder, sender: Any, receiver: Any, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sender.config, "api_version", (0, 10, 2))
    assert next(at(receiver, sent(sender, topic, b"tea"))).headers == []
    assert names(recorder.take()) == [f"next {topic}", f"send {topic}"]


@pytest.mark.parametrize("options", [{"propagate": False}, {"inject": False}], ids=str)
def test_without_propagation_no_headers_are_added(
    sender: Any, receiver: Any, topic: str, options: dict[str, Any]
) -> None:
    recorder = Recorder()
    with instrumented(KafkaInstrumentor, recorder.provider, **options):
        record = next(at(receiver, sent(sender, topic, b"tea")))
    assert record.headers == []
    made, received = recorder.take()
    assert made.context.trace_id != received.context.trace_id


def test_messages_are_linked_to_their_senders_in_place_of_being_children(
    sender: Any, receiver: Any, topic: str
) -> None:
    recorder = Recorder()
    with instrumented(KafkaInstrumentor, recorder.provider, use_span_links=True):
        next(at(receiver, sent(sender, topic, b"tea")))
    made, received = recorder.take()
    assert received.parent is None
    assert [link.context.span_id for link in received.links] == [made.context.span_id]


def test_serializers_are_called_once_and_the_key_is_told_as_it_was_given(recorder: Recorder, topic: str) -> None:
    seen: list[Any] = []

    def serialize(value: Any) -> bytes:
        seen.append(value)
        return str(value).encode()

    sender = producer(key_serializer=serialize, value_serializer=serialize)
    receiver = consumer(key_deserializer=bytes.decode, value_deserializer=lambda value: int(value.decode()))
    record = next(at(receiver, sent(sender, topic, 7, key="leaf")))
    assert (record.key, record.value, seen) == ("leaf", 7, ["leaf", 7])
    for span in recorder.take():
        assert told(span)["messaging.kafka.message.key"] == "leaf"
    sender.close()
    receiver.close()


def test_what_cannot_be_sent_or_read_is_an_error(recorder: Recorder, sender: Any, topic: str) -> None:
    def breaks(_value: bytes) -> Any:
        raise ValueError("no cup")

    with pytest.raises((TypeError, AssertionError)):
        sender.send(topic, 7)
    receiver = at(consumer(value_deserializer=breaks), sent(sender, topic, b"tea"))
    with pytest.raises(ValueError, match="no cup"):
        receiver.poll(PATIENCE * 1000)
    receiver.close()
    with pytest.raises((ValueError, AssertionError), match="negative"):
        receiver.poll(-1)
    failed, _, unread, closed = recorder.take()
    assert told(failed)["error.type"] in ("TypeError", "AssertionError")
    assert (unread.name, told(unread)["error.type"]) == ("poll", "ValueError")
    assert told(closed)["messaging.consumer.group.name"] == "tea"


def test_the_broker_is_asked_for_nothing(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    from kafka import KafkaConsumer, KafkaProducer

    asked: list[str] = []
    for kind in (KafkaProducer, KafkaConsumer):
        for name in ("partitions_for", "topics", "partitions_for_topic", "position", "committed"):
            if hasattr(kind, name):
                monkeypatch.setattr(kind, name, lambda *_, name=name, **__: asked.append(name))
    assert exchanged() == (b"leaf", b"tea")
    assert len(recorder.take()) == 2
    assert asked == []


@since_3
def test_what_is_sent_in_a_transaction_is_traced(recorder: Recorder, topic: str) -> None:
    sender = producer(transactional_id=topic)
    receiver = consumer(topic, isolation_level="read_committed")
    sender.init_transactions()
    sender.begin_transaction()
    sender.send(topic, b"dropped").get(PATIENCE)
    sender.abort_transaction()
    sender.begin_transaction()
    sender.send(topic, b"kept")
    sender.send_offsets_to_transaction({}, receiver.group_metadata())
    sender.commit_transaction()
    assert next(receiver).value == b"kept"
    _, kept, received = recorder.take()
    assert (received.name, parent(received)) == (f"next {topic}", kept.context.span_id)
    sender.close()
    receiver.close()


def test_a_rebalance_is_as_without_us(recorder: Recorder, sender: Any, topic: str) -> None:
    from kafka import ConsumerRebalanceListener

    events: list[str] = []

    class Listener(ConsumerRebalanceListener):  # type: ignore[misc]
        def __init__(self, name: str) -> None:
            self.name = name

        def on_partitions_revoked(self, revoked: Any) -> None:
            if revoked:
                events.append(f"{self.name} had {len(revoked)}")

        def on_partitions_assigned(self, assigned: Any) -> None:
            # None, as long as a topic is new to the client.
            if assigned:
                events.append(f"{self.name} has {len(assigned)}")

    one, other = consumer(group_id=topic), consumer(group_id=topic)
    sent(sender, topic, b"first")
    one.subscribe([topic], listener=Listener("one"))
    assert next(one).value == b"first"
    one.commit()
    one.close()
    other.subscribe([topic], listener=Listener("other"))
    sent(sender, topic, b"second")
    assert next(other).value == b"second"
    other.close()
    assert [event for event in events if "has" in event] == ["one has 1", "other has 1"]
    assert names(recorder.take()) == [f"next {topic}"] * 2 + [f"send {topic}"] * 2


def test_functions_of_an_application_get_what_contribs_give_them(sender: Any, receiver: Any, topic: str) -> None:
    seen: list[Any] = []
    recorder = Recorder()
    hooks = {
        "produce_hook": lambda span, args, kwargs: seen.append((span.name, args, sorted(kwargs))),
        "consume_hook": lambda span, record, args, kwargs: seen.append((span.name, record.value, args, kwargs)),
    }
    with instrumented(KafkaInstrumentor, recorder.provider, **hooks):
        next(at(receiver, sent(sender, topic, b"tea", key=b"leaf")))
    assert seen == [(f"send {topic}", (topic, b"tea"), ["key"]), (f"next {topic}", b"tea", (), {})]
