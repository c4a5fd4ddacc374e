"""Kombu, over a real RabbitMQ, a real Redis and in memory."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from otel_instrumentors.kombu import KombuInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented, names


def exchanged(
    url: str, body: Any = "tea", headers: dict[str, Any] | None = None, callback: Any = None, **options: Any
) -> Any:
    """Publish one message and receive it; what the consumer saw: the body and the headers."""
    from kombu import Connection, Consumer, Exchange, Queue

    name = f"cups-{uuid.uuid4().hex}"
    exchange = Exchange(name, "direct", auto_delete=True)
    queue = Queue(name, exchange, routing_key="green", auto_delete=True)
    seen: list[Any] = []

    def received(body: Any, message: Any) -> None:
        message.ack()
        seen.append((body, dict(message.headers)))
        if callback is not None:
            callback()

    with Connection(url, transport_options={"polling_interval": 0.01}) as connection:
        producer = connection.Producer(serializer="json")
        producer.publish(body, headers=headers, exchange=exchange, routing_key="green", declare=[queue], **options)
        with Consumer(connection.channel(), [queue], callbacks=[received]):
            connection.drain_events(timeout=60)
        queue(connection.channel()).delete()
    return seen[0]


class TestKombuContract(Contract):
    instrumentor = KombuInstrumentor
    servers = ("rabbitmq",)

    @staticmethod
    def use() -> Any:
        return exchanged(os.environ["TEST_RABBITMQ_URL"])[0]

    @classmethod
    def traces(cls, recorder: Recorder) -> list[str]:
        cls.use()
        # Queues have new names each time.
        return [name.split("-")[0] for name in names(recorder.take())]

    # Kombu itself keeps something of each connection and of each name.
    def test_nothing_is_left_in_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[override]
        from kombu import Connection

        with Connection(os.environ["TEST_RABBITMQ_URL"]) as connection, connection.SimpleQueue("leaves") as queue:

            def use() -> Any:
                queue.put("tea")
                message = queue.get(timeout=60)
                message.ack()
                return message.payload

            monkeypatch.setattr(type(self), "use", staticmethod(use))
            super().test_nothing_is_left_in_memory()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(KombuInstrumentor, recorder.provider):
        yield recorder


def test_a_message_over_rabbitmq_is_published_and_received_in_one_trace(recorder: Recorder, rabbitmq: str) -> None:
    _, headers = exchanged(rabbitmq, {"leaf": "green"}, {"x-cup": "big"})

    published, received = recorder.take()
    host, port = urlsplit(rabbitmq).hostname, urlsplit(rabbitmq).port
    exchange = str((published.attributes or {})["kombu.exchange"])
    assert (published.name, published.kind) == (f"publish {exchange}", SpanKind.PRODUCER)
    common = {
        "messaging.system": "rabbitmq",
        "messaging.destination.name": exchange,
        "server.address": host,
        "server.port": port,
        "kombu.virtual_host": "/",
        "kombu.exchange": exchange,
        "kombu.routing_key": "green",
    }
    assert dict(published.attributes or {}) == {
        **common,
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.message.body.size": 17,
    }
    assert (received.name, received.kind) == (f"receive {exchange}", SpanKind.CONSUMER)
    assert dict(received.attributes or {}) == {
        **common,
        "messaging.operation.name": "receive",
        "messaging.operation.type": "process",
    }
    assert received.parent is not None
    assert received.parent.span_id == published.context.span_id
    assert headers["x-cup"] == "big"
    assert headers["traceparent"].split("-")[2] == f"{published.context.span_id:016x}"


@pytest.mark.parametrize("broker", ["redis", "memory"])
def test_over_other_brokers_as_well(recorder: Recorder, request: pytest.FixtureRequest, broker: str) -> None:
    url = "memory://" if broker == "memory" else request.getfixturevalue("redis_server")
    exchanged(url)

    published, received = recorder.take()
    assert received.parent is not None
    assert received.parent.span_id == published.context.span_id
    for span in (published, received):
        told = dict(span.attributes or {})
        assert told["messaging.system"] == broker
        assert told.get("server.port") == urlsplit(url).port


def test_the_span_is_current_while_the_callbacks_run_and_gone_after(recorder: Recorder) -> None:
    seen: list[int] = []
    exchanged("memory://", callback=lambda: seen.append(trace.get_current_span().get_span_context().span_id))

    _, received = recorder.take()
    assert seen == [received.context.span_id]
    assert not trace.get_current_span().get_span_context().is_valid


def test_the_headers_given_are_left_as_they_are(recorder: Recorder) -> None:
    mine = {"x-cup": "big"}
    _, headers = exchanged("memory://", headers=mine)
    assert mine == {"x-cup": "big"}
    assert "traceparent" in headers


def test_a_callback_that_fails_is_an_error_and_raised(recorder: Recorder) -> None:
    def breaks() -> None:
        raise ValueError("no cup")

    with pytest.raises(ValueError, match="no cup"):
        exchanged("memory://", callback=breaks)
    published, received = recorder.take()
    assert published.status.is_unset
    assert received.status.description == "ValueError: no cup"


def test_a_consumer_without_callbacks_is_an_error(recorder: Recorder) -> None:
    from kombu import Connection, Consumer, Message

    with Connection("memory://") as connection:
        channel = connection.channel()
        message = Message(channel=channel, body="x", delivery_info={"exchange": "", "routing_key": "green"})
        with pytest.raises(NotImplementedError):
            Consumer(channel, [], auto_declare=False).receive("x", message)
    [received] = recorder.take()
    assert (received.name, (received.attributes or {})["error.type"]) == ("receive green", "NotImplementedError")


@pytest.mark.parametrize("retry", [False, True])
def test_a_broker_that_is_not_there_is_an_error_each_time_it_is_tried(recorder: Recorder, retry: bool) -> None:
    from kombu import Connection
    from kombu.exceptions import OperationalError

    policy = {"max_retries": 1, "interval_start": 0, "interval_step": 0}
    producer = Connection("amqp://guest:secret@127.0.0.1:1//", transport_options=policy).Producer()
    with pytest.raises((OperationalError, OSError)):
        producer.publish("tea", routing_key="green", retry=retry, retry_policy=policy)
    spans = recorder.take()
    assert spans
    for span in spans:
        told = dict(span.attributes or {})
        assert (span.name, told["server.address"], told["server.port"]) == ("publish green", "127.0.0.1", 1)
        assert told["error.type"]
        assert "secret" not in span.to_json()


def test_simple_queues_and_pools_are_traced_by_the_same_way(recorder: Recorder) -> None:
    from kombu import Connection, producers

    with Connection("memory://", transport_options={"polling_interval": 0.01}) as connection:
        with connection.SimpleQueue("simple") as queue:
            queue.put({"cup": 1})
            assert queue.get(timeout=60).payload == {"cup": 1}
        with producers[connection].acquire(block=True) as producer:
            producer.publish("tea", routing_key="pooled")
    assert names(recorder.take()) == ["publish pooled", "publish simple", "receive simple"]


def test_without_propagation_no_headers_are_added(rabbitmq: str) -> None:
    recorder = Recorder()
    with instrumented(KombuInstrumentor, recorder.provider, propagate=False):
        _, headers = exchanged(rabbitmq)
    published, received = recorder.take()
    assert "traceparent" not in headers
    assert published.context.trace_id != received.context.trace_id
