"""Pika, over a real RabbitMQ: blocking channels, those of an event loop, and what goes through them."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from otel_instrumentors.pika import PikaInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented, names


def parameters(url: str) -> Any:
    """Those of a URL; Pika wants the name of the host `/` in writing."""
    import pika

    return pika.URLParameters(f"{url.rstrip('/')}/%2F")


@contextmanager
def blocking(url: str) -> Iterator[Any]:
    """A blocking channel."""
    import pika

    with pika.BlockingConnection(parameters(url)) as connection:
        yield connection.channel()


def declared(channel: Any, prefix: str = "cups") -> str:
    """The name of a new queue, which goes with the connection."""
    name = f"{prefix}-{uuid.uuid4().hex}"
    channel.queue_declare(name, exclusive=True)
    return name


def properties(**given: Any) -> Any:
    import pika

    return pika.BasicProperties(**given)


def consumed(channel: Any, queue: str, number: int = 1, callback: Callable[..., Any] | None = None) -> list[Any]:
    """The messages that a consumer's callback was called with: method, properties, body."""
    found: list[Any] = []

    def on_message(channel: Any, method: Any, given: Any, body: Any) -> None:
        found.append((method, given, body))
        channel.basic_ack(method.delivery_tag)
        if len(found) == number:
            channel.stop_consuming()
        if callback is not None:
            callback()

    channel.basic_consume(queue, on_message)
    channel.start_consuming()
    return found


def generated(channel: Any, queue: str) -> Any:
    """The body of a message that the channel's generator yields."""
    for method, _properties, body in channel.consume(queue):
        channel.basic_ack(method.delivery_tag)
        channel.cancel()
        return body
    return None


def got(channel: Any, queue: str) -> Any:
    """The parts of a message that is there already."""
    for _ in range(600):
        parts = channel.basic_get(queue, auto_ack=True)
        if parts[0] is not None:
            return parts
        channel.connection.sleep(0.05)
    raise AssertionError("no message came")


class TestPikaContract(Contract):
    instrumentor = PikaInstrumentor
    servers = ("rabbitmq",)

    @staticmethod
    def use() -> Any:
        with blocking(os.environ["TEST_RABBITMQ_URL"]) as channel:
            queue = declared(channel)
            channel.basic_publish("", queue, b"green")
            [(_, _, body)] = consumed(channel, queue)
            channel.basic_publish("", queue, b"black")
            channel.basic_publish("", queue, b"white")
            return body, generated(channel, queue), got(channel, queue)[2]

    @classmethod
    def traces(cls, recorder: Recorder) -> list[str]:
        cls.use()
        # Queues have new names each time.
        return [name.split("-")[0] for name in names(recorder.take())]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(PikaInstrumentor, recorder.provider):
        yield recorder


@pytest.fixture
def channel(rabbitmq: str) -> Iterator[Any]:
    with blocking(rabbitmq) as channel:
        yield channel


def is_child(child: ReadableSpan, parent: ReadableSpan) -> bool:
    return child.parent is not None and (child.parent.trace_id, child.parent.span_id) == (
        parent.context.trace_id,
        parent.context.span_id,
    )


def test_a_message_is_published_and_consumed_in_one_trace(recorder: Recorder, channel: Any, rabbitmq: str) -> None:
    queue = declared(channel)
    channel.exchange_declare(f"tea-{queue}", "topic", auto_delete=True)
    channel.queue_bind(queue, f"tea-{queue}", "leaf.*")
    given = properties(message_id="m-1", correlation_id="c-1", headers={"x-cup": "big"})
    channel.basic_publish(f"tea-{queue}", "leaf.green", b"tea", given)
    [(_, arrived, body)] = consumed(channel, queue)

    published, processed = recorder.take()
    common = {
        "messaging.system": "rabbitmq",
        "messaging.destination.name": f"tea-{queue}",
        "messaging.rabbitmq.destination.routing_key": "leaf.green",
        "messaging.message.id": "m-1",
        "messaging.message.conversation_id": "c-1",
        "messaging.message.body.size": 3,
        "server.address": urlsplit(rabbitmq).hostname,
        "server.port": urlsplit(rabbitmq).port,
    }
    assert (published.name, published.kind) == (f"publish tea-{queue}", SpanKind.PRODUCER)
    assert dict(published.attributes or {}) == {
        **common,
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
    }
    assert (processed.name, processed.kind) == (f"consume tea-{queue}", SpanKind.CONSUMER)
    assert dict(processed.attributes or {}) == {
        **common,
        "messaging.operation.name": "consume",
        "messaging.operation.type": "process",
        "messaging.rabbitmq.message.delivery_tag": 1,
    }
    assert is_child(processed, published)
    assert body == b"tea"
    assert arrived.headers["x-cup"] == "big"
    assert arrived.headers["traceparent"].split("-")[2] == f"{published.context.span_id:016x}"


@pytest.mark.parametrize("confirmed", [False, True])
def test_a_message_that_is_got_or_generated_is_a_span_at_once_below_its_sender(
    recorder: Recorder, channel: Any, confirmed: bool
) -> None:
    if confirmed:
        channel.confirm_delivery()
    queue = declared(channel)
    for fetch in (got, generated):
        channel.basic_publish("", queue, b"tea")
        fetch(channel, queue)
        assert not trace.get_current_span().get_span_context().is_valid
        published, received = recorder.take()
        told = dict(received.attributes or {})
        assert (received.kind, told["messaging.operation.type"]) == (SpanKind.CONSUMER, "receive")
        assert told["messaging.operation.name"] == ("get" if fetch is got else "consume")
        assert told["messaging.destination.name"] == queue
        assert is_child(received, published)
        assert published.name == f"publish {queue}"


def test_a_message_that_is_got_inside_of_a_span_is_below_that_and_linked_to_its_sender(
    recorder: Recorder, channel: Any
) -> None:
    queue = declared(channel)
    for fetch in (got, generated):
        channel.basic_publish("", queue, b"tea")
        with recorder.provider.get_tracer("application").start_as_current_span("request"):
            fetch(channel, queue)
        published, received, request = recorder.take()
        assert is_child(received, request)
        assert [link.context.span_id for link in received.links] == [published.context.span_id]


def test_an_empty_queue_makes_no_span(recorder: Recorder, channel: Any) -> None:
    queue = declared(channel)
    assert channel.basic_get(queue) == (None, None, None)
    assert next(channel.consume(queue, inactivity_timeout=0.01)) == (None, None, None)
    channel.cancel()
    assert recorder.take() == []


def test_a_generator_takes_what_it_is_sent_and_thrown_as_without_us(recorder: Recorder, channel: Any) -> None:
    queue = declared(channel)
    for body in (b"1", b"2"):
        channel.basic_publish("", queue, body)
    generator = channel.consume(queue, auto_ack=True)
    assert next(generator)[2] == b"1"
    assert generator.send("whatever")[2] == b"2"
    with pytest.raises(ValueError, match="no cup"):
        generator.throw(ValueError("no cup"))
    with pytest.raises(StopIteration):
        next(generator)
    channel.cancel()
    assert len([span for span in recorder.take() if span.name.startswith("consume")]) == 2


def test_the_span_is_current_while_the_callback_runs_and_gone_after(recorder: Recorder, channel: Any) -> None:
    queue = declared(channel)
    channel.basic_publish("", queue, b"tea")
    seen: list[int] = []
    consumed(channel, queue, callback=lambda: seen.append(trace.get_current_span().get_span_context().span_id))
    _, processed = recorder.take()
    assert seen == [processed.context.span_id]
    assert not trace.get_current_span().get_span_context().is_valid


def test_a_callback_that_raises_is_an_error_and_raised(recorder: Recorder, channel: Any) -> None:
    queue = declared(channel)
    channel.basic_publish("", queue, b"tea")

    def breaks() -> None:
        raise ValueError("no cup")

    with pytest.raises(ValueError, match="no cup"):
        consumed(channel, queue, callback=breaks)
    published, processed = recorder.take()
    assert published.status.is_unset
    assert processed.status.description == "ValueError: no cup"


def test_what_cannot_be_routed_or_got_is_an_error(recorder: Recorder, channel: Any) -> None:
    import pika.exceptions

    channel.confirm_delivery()
    with pytest.raises(pika.exceptions.UnroutableError):
        channel.basic_publish("", "nobody", b"tea", mandatory=True)
    with pytest.raises(pika.exceptions.ChannelClosedByBroker):
        channel.basic_get("nowhere")
    published, received = recorder.take()
    assert (published.name, (published.attributes or {})["error.type"]) == (
        "publish nobody",
        "pika.exceptions.UnroutableError",
    )
    assert (received.name, (received.attributes or {})["error.type"]) == (
        "get nowhere",
        "pika.exceptions.ChannelClosedByBroker",
    )


def test_the_properties_given_are_left_as_they_are_and_may_serve_twice(recorder: Recorder, channel: Any) -> None:
    queue = declared(channel)
    mine = properties(headers={"x-cup": "big"}, content_type="text/plain")
    for _ in range(2):
        channel.basic_publish(exchange="", routing_key=queue, body="tea", properties=mine)
    assert mine.headers == {"x-cup": "big"}
    arrived = [given for _, given, _ in consumed(channel, queue, 2)]
    assert [given.content_type for given in arrived] == ["text/plain"] * 2
    assert len({given.headers["traceparent"] for given in arrived}) == 2


@pytest.mark.parametrize(
    "headers",
    [
        None,
        {},
        {"traceparent": 7},
        {"traceparent": None},
        {"traceparent": ["a", {"b": 1}]},
        {"traceparent": b"\xff\xfe"},
        {"traceparent": "not one"},
        {"": "no name", "x": 2**40, "nested": {"deep": [True, None]}},
    ],
    ids=repr,
)
def test_headers_of_any_type_change_nothing(
    recorder: Recorder, channel: Any, headers: Any, caplog: pytest.LogCaptureFixture
) -> None:
    queue = declared(channel)
    PikaInstrumentor().uninstrument()
    channel.basic_publish("", queue, b"", properties(headers=headers))
    PikaInstrumentor().instrument(tracer_provider=recorder.provider, skip_dep_check=True)
    [(_, arrived, body)] = consumed(channel, queue)
    [processed] = recorder.take()
    assert processed.parent is None
    assert (processed.attributes or {})["messaging.message.body.size"] == 0
    assert body == b""
    assert arrived.headers == headers
    assert [record.getMessage() for record in caplog.records if record.name == "otel_instrumentors"] == []


@pytest.mark.parametrize("headers", [{"x": object()}, "no table"], ids=["value", "table"])
def test_headers_that_cannot_be_written_raise_as_without_us(recorder: Recorder, rabbitmq: str, headers: Any) -> None:
    def raised() -> Exception:
        with pytest.raises(Exception) as found, blocking(rabbitmq) as channel:  # noqa: PT011
            channel.basic_publish("", "nobody", b"tea", properties(headers=headers))
        return found.value

    traced = raised()
    [published] = recorder.take()
    assert (published.attributes or {})["error.type"].endswith(type(traced).__name__)
    PikaInstrumentor().uninstrument()
    assert type(raised()) is type(traced)


def test_an_rpc_is_one_trace_and_its_reply_queue_gives_no_span_its_name(recorder: Recorder, channel: Any) -> None:
    queue = declared(channel, "rpc")
    reply_to = channel.queue_declare("", exclusive=True).method.queue
    replies: list[bytes] = []

    def serve(channel: Any, _method: Any, given: Any, body: bytes) -> None:
        reply = properties(correlation_id=given.correlation_id)
        channel.basic_publish("", given.reply_to, body.upper(), reply)

    channel.basic_consume(queue, serve, auto_ack=True)
    channel.basic_consume(reply_to, lambda _channel, _method, _given, body: replies.append(body), auto_ack=True)
    asked = properties(reply_to=reply_to, correlation_id="c-7")
    with recorder.provider.get_tracer("application").start_as_current_span("request"):
        channel.basic_publish("", queue, b"tea", asked)
        for _ in range(600):
            channel.connection.process_data_events(0.05)
            if replies:
                break
    assert replies == [b"TEA"]
    spans = sorted(recorder.take(), key=lambda span: span.start_time or 0)
    assert [span.name for span in spans] == [
        "request",
        f"publish {queue}",
        f"consume {queue}",
        "publish (temporary)",
        "consume (temporary)",
    ]
    for child, parent in zip(spans[1:], spans, strict=False):
        assert is_child(child, parent)
    told = dict(spans[3].attributes or {})
    assert (told["messaging.destination.name"], told["messaging.destination.temporary"]) == (reply_to, True)
    assert told["messaging.message.conversation_id"] == "c-7"


def test_the_channels_of_an_event_loop_publish_consume_and_get(recorder: Recorder, rabbitmq: str) -> None:
    """Of all the library's connections; here that of its own loop."""
    import pika

    queue = f"loop-{uuid.uuid4().hex}"
    found: list[tuple[str, bytes, int]] = []

    def current() -> int:
        return trace.get_current_span().get_span_context().span_id

    def opened(connection: Any) -> None:
        connection.channel(on_open_callback=ready)

    def ready(channel: Any) -> None:
        channel.queue_declare(queue, exclusive=True, callback=lambda _frame: published(channel))

    def published(channel: Any) -> None:
        channel.basic_publish("", queue, b"first")
        channel.basic_get(queue, lambda *parts: was_got(*parts), auto_ack=True)

    def was_got(channel: Any, _method: Any, _given: Any, body: bytes) -> None:
        found.append(("get", body, current()))
        channel.basic_publish("", queue, b"second")
        channel.basic_consume(queue, on_message_callback=was_consumed, auto_ack=True)

    def was_consumed(channel: Any, _method: Any, _given: Any, body: bytes) -> None:
        found.append(("consume", body, current()))
        channel.connection.close()

    connection = pika.SelectConnection(
        parameters(rabbitmq),
        on_open_callback=opened,
        on_close_callback=lambda connection, _reason: connection.ioloop.stop(),
    )
    connection.ioloop.start()
    connection.ioloop.close()
    assert [(how, body) for how, body, _ in found] == [("get", b"first"), ("consume", b"second")]
    spans = sorted(recorder.take(), key=lambda span: span.start_time or 0)
    assert [span.name for span in spans] == [f"{verb} {queue}" for verb in ("publish", "consume", "publish", "consume")]
    assert [span_id for _, _, span_id in found] == [spans[1].context.span_id, spans[3].context.span_id]
    for child, parent in zip(spans[1:], spans, strict=False):
        assert is_child(child, parent)


def test_a_consumer_in_a_thread_of_its_own_is_below_the_sender_alone(recorder: Recorder, rabbitmq: str) -> None:
    queue = f"thread-{uuid.uuid4().hex}"
    declared_there, found = threading.Event(), []

    def consumer() -> None:
        with blocking(rabbitmq) as channel:
            channel.queue_declare(queue, auto_delete=True)
            declared_there.set()
            found.extend(consumed(channel, queue, 3))

    thread = threading.Thread(target=consumer)
    thread.start()
    assert declared_there.wait(60)
    with blocking(rabbitmq) as channel:
        for number in range(3):
            with recorder.provider.get_tracer("application").start_as_current_span(f"request {number}"):
                channel.basic_publish("", queue, str(number).encode())
    thread.join(60)
    assert len(found) == 3
    spans = recorder.take()
    senders = {span.context.span_id: span for span in spans if span.kind is SpanKind.PRODUCER}
    processed = [span for span in spans if span.kind is SpanKind.CONSUMER]
    assert len(processed) == 3
    assert {span.parent.span_id for span in processed if span.parent} == set(senders)


def test_what_consumed_before_it_was_uninstrumented_falls_silent(rabbitmq: str) -> None:
    recorder = Recorder()
    with blocking(rabbitmq) as channel:
        queue, found = declared(channel), []
        with instrumented(PikaInstrumentor, recorder.provider):
            channel.basic_consume(queue, lambda *parts: found.append(parts[3]), auto_ack=True)
        channel.basic_publish("", queue, b"tea")
        for _ in range(600):
            channel.connection.process_data_events(0.05)
            if found:
                break
    assert found == [b"tea"]
    assert recorder.take() == []


def test_a_single_channel_is_instrumented_with_functions_of_its_own(rabbitmq: str) -> None:
    recorder = Recorder()
    seen: list[tuple[str, bytes, Any]] = []
    with blocking(rabbitmq) as channel, blocking(rabbitmq) as other:
        queue = declared(channel)
        PikaInstrumentor.instrument_channel(
            channel,
            tracer_provider=recorder.provider,
            publish_hook=lambda _span, body, given: seen.append(("publish", body, given.message_id)),
            consume_hook=lambda _span, body, given: seen.append(("consume", body, given.message_id)),
        )
        channel.basic_publish("", queue, b"tea")
        consumed(channel, queue)
        channel.basic_publish("", queue, b"leaf", properties(message_id="m-2"))
        got(channel, queue)
        other.basic_publish("", "nobody", b"tea")
        PikaInstrumentor.uninstrument_channel(channel)
        channel.basic_publish("", queue, b"silent")
    assert [span.name.split()[0] for span in recorder.take()] == ["publish", "consume", "publish", "get"]
    assert seen == [
        ("publish", b"tea", None),
        ("consume", b"tea", None),
        ("publish", b"leaf", "m-2"),
        ("consume", b"leaf", "m-2"),
    ]


def test_without_propagation_no_headers_are_added(rabbitmq: str) -> None:
    recorder = Recorder()
    with blocking(rabbitmq) as channel, instrumented(PikaInstrumentor, recorder.provider, propagate=False):
        queue = declared(channel)
        channel.basic_publish("", queue, b"tea")
        [(_, arrived, _)] = consumed(channel, queue)
    published, processed = recorder.take()
    assert arrived.headers is None
    assert published.context.trace_id != processed.context.trace_id
