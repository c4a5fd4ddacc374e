"""aio-pika, over a real RabbitMQ."""

from __future__ import annotations

import asyncio
import os
import uuid
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from otel_instrumentors.aio_pika import AioPikaInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented, names

PATIENCE = 60


@asynccontextmanager
async def opened(*, robust: bool = False, **options: Any) -> AsyncIterator[Any]:
    """A channel."""
    import aio_pika

    connect = aio_pika.connect_robust if robust else aio_pika.connect
    async with await connect(os.environ["TEST_RABBITMQ_URL"]) as connection:
        yield await connection.channel(**options)


async def declared(channel: Any, prefix: str = "cups") -> Any:
    """A queue of a new name, which goes with the connection."""
    return await channel.declare_queue(f"{prefix}-{uuid.uuid4().hex}", exclusive=True)


def message(body: bytes = b"tea", **given: Any) -> Any:
    import aio_pika

    return aio_pika.Message(body, **given)


async def consumed(queue: Any, number: int = 1, act: Callable[[Any], Any] | None = None) -> list[Any]:
    """The messages that a consumer's callback was called with."""
    found: list[Any] = []
    done = asyncio.Event()

    async def on_message(incoming: Any) -> None:
        try:
            async with incoming.process(requeue=False):
                found.append(incoming)
                if act is not None:
                    act(incoming)
        finally:
            if len(found) == number:
                done.set()

    tag = await queue.consume(on_message)
    await asyncio.wait_for(done.wait(), PATIENCE)
    await queue.cancel(tag)
    # Until the library is done with the last one.
    await asyncio.sleep(0.05)
    return found


async def iterated(queue: Any) -> Any:
    async with queue.iterator() as iterator:
        async for incoming in iterator:
            await incoming.ack()
            return incoming
    return None


async def got(queue: Any) -> Any:
    """A message that is there already."""
    for _ in range(600):
        found = await queue.get(fail=False)
        if found is not None:
            await found.ack()
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("no message came")


def run(program: Callable[[Any], Awaitable[Any]], **options: Any) -> Any:
    """What a program gives that works with a channel."""

    async def main() -> Any:
        async with opened(**options) as channel:
            return await program(channel)

    return asyncio.run(main())


class TestAioPikaContract(Contract):
    instrumentor = AioPikaInstrumentor
    servers = ("rabbitmq",)
    # Nothing tells who waits that the library's own task for a message has failed.
    unbreakable = ("consumer",)

    @staticmethod
    def use() -> Any:
        async def program(channel: Any) -> Any:
            queue = await declared(channel)
            publish = channel.default_exchange.publish
            await publish(message(b"green"), queue.name)
            [first] = await consumed(queue)
            await publish(message(b"black"), queue.name)
            second = await iterated(queue)
            await publish(message(b"white"), queue.name)
            return first.body, second.body, (await got(queue)).body

        return run(program)

    @classmethod
    def traces(cls, recorder: Recorder) -> list[str]:
        cls.use()
        # Queues have new names each time.
        return [name.split("-")[0] for name in names(recorder.take())]


@pytest.fixture
def recorder(rabbitmq: str) -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(AioPikaInstrumentor, recorder.provider):
        yield recorder


def is_child(child: ReadableSpan, parent: ReadableSpan) -> bool:
    return child.parent is not None and (child.parent.trace_id, child.parent.span_id) == (
        parent.context.trace_id,
        parent.context.span_id,
    )


def told(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def current() -> int:
    return trace.get_current_span().get_span_context().span_id


@pytest.mark.parametrize("robust", [False, True], ids=["plain", "robust"])
def test_a_message_is_published_and_consumed_in_one_trace(recorder: Recorder, rabbitmq: str, robust: bool) -> None:
    seen: list[int] = []

    async def program(channel: Any) -> Any:
        queue = await declared(channel)
        exchange = await channel.declare_exchange(f"tea-{queue.name}", "topic", auto_delete=True)
        await queue.bind(exchange, "leaf.*")
        given = message(message_id="m-1", correlation_id="c-1", headers={"x-cup": "big"})
        await exchange.publish(given, routing_key="leaf.green")
        [incoming] = await consumed(queue, act=lambda _incoming: seen.append(current()))
        return exchange.name, dict(incoming.headers)

    name, headers = run(program, robust=robust)
    published, processed = recorder.take()
    common = {
        "messaging.system": "rabbitmq",
        "messaging.destination.name": name,
        "messaging.rabbitmq.destination.routing_key": "leaf.green",
        "messaging.message.id": "m-1",
        "messaging.message.conversation_id": "c-1",
        "messaging.message.body.size": 3,
        "server.address": urlsplit(rabbitmq).hostname,
        "server.port": urlsplit(rabbitmq).port,
    }
    assert (published.name, published.kind) == (f"publish {name}", SpanKind.PRODUCER)
    assert told(published) == {
        **common,
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
    }
    assert (processed.name, processed.kind) == (f"consume {name}", SpanKind.CONSUMER)
    assert told(processed) == {
        **common,
        "messaging.operation.name": "consume",
        "messaging.operation.type": "process",
        "messaging.rabbitmq.message.delivery_tag": 1,
    }
    assert is_child(processed, published)
    assert seen == [processed.context.span_id]
    assert headers["x-cup"] in ("big", b"big")
    assert f"{published.context.span_id:016x}" in str(headers["traceparent"])


@pytest.mark.parametrize("robust", [False, True], ids=["plain", "robust"])
@pytest.mark.parametrize("fetch", [got, iterated])
def test_a_message_that_is_got_or_iterated_is_a_span_at_once_below_its_sender(
    recorder: Recorder, fetch: Any, robust: bool
) -> None:
    async def program(channel: Any) -> None:
        queue = await declared(channel)
        await channel.default_exchange.publish(message(), queue.name)
        await fetch(queue)
        assert current() == 0
        await channel.default_exchange.publish(message(), queue.name)
        with recorder.provider.get_tracer("application").start_as_current_span("request"):
            await fetch(queue)

    run(program, robust=robust)
    first, received, second, inside, request = recorder.take()
    assert (received.kind, told(received)["messaging.operation.type"]) == (SpanKind.CONSUMER, "receive")
    assert told(received)["messaging.operation.name"] == ("get" if fetch is got else "consume")
    assert "server.port" in told(received)
    assert is_child(received, first)
    assert is_child(inside, request)
    assert [link.context.span_id for link in inside.links] == [second.context.span_id]


def test_an_empty_queue_makes_no_span(recorder: Recorder) -> None:
    async def program(channel: Any) -> None:
        from aio_pika.exceptions import QueueEmpty

        queue = await declared(channel)
        assert await queue.get(fail=False) is None
        with pytest.raises(QueueEmpty):
            await queue.get()
        async with queue.iterator(timeout=0.05) as iterator:
            with pytest.raises(asyncio.TimeoutError):
                await iterator.__anext__()

    run(program)
    assert recorder.take() == []


def test_an_iteration_that_is_cancelled_makes_no_span(recorder: Recorder) -> None:
    async def program(channel: Any) -> None:
        queue = await declared(channel)
        waiting = asyncio.ensure_future(iterated(queue))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    run(program)
    assert recorder.take() == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["coroutine", "function", "partial", "method"])
def test_callbacks_of_every_kind_have_the_span_current(recorder: Recorder, kind: str) -> None:
    import functools

    seen: list[int] = []

    async def program(channel: Any) -> None:
        queue, done = await declared(channel), asyncio.Event()

        def plain(incoming: Any) -> None:
            seen.append(current())
            done.set()

        async def coroutine(incoming: Any) -> None:
            await asyncio.sleep(0)
            plain(incoming)

        class Shop:
            async def sell(self, incoming: Any) -> None:
                await coroutine(incoming)

        kinds = {"coroutine": coroutine, "function": plain, "partial": functools.partial(coroutine)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            await queue.consume(kinds.get(kind) or Shop().sell, no_ack=True)
            await channel.default_exchange.publish(message(), queue.name)
            await asyncio.wait_for(done.wait(), PATIENCE)
            await asyncio.sleep(0.05)

    run(program)
    # The message may be there before the broker has confirmed it.
    assert seen == [span.context.span_id for span in recorder.take() if span.kind is SpanKind.CONSUMER]


def test_a_callback_that_raises_is_an_error(recorder: Recorder) -> None:
    def breaks(_incoming: Any) -> None:
        raise ValueError("no cup")

    async def program(channel: Any) -> None:
        # As it is told of a task that nobody waits for.
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        queue = await declared(channel)
        await channel.default_exchange.publish(message(), queue.name)
        await consumed(queue, act=breaks)

    run(program)
    published, processed = recorder.take()
    assert published.status.is_unset
    assert processed.status.description == "ValueError: no cup"


def test_many_at_once_are_each_below_their_sender(recorder: Recorder) -> None:
    async def program(channel: Any) -> None:
        queue = await declared(channel)
        tracer = recorder.provider.get_tracer("application")

        async def send(number: int) -> None:
            with tracer.start_as_current_span(f"request {number}"):
                await channel.default_exchange.publish(message(str(number).encode()), queue.name)

        await asyncio.gather(*(send(number) for number in range(10)))
        await consumed(queue, 10)

    run(program)
    spans = recorder.take()
    senders = {span.context.span_id for span in spans if span.kind is SpanKind.PRODUCER}
    processed = [span for span in spans if span.kind is SpanKind.CONSUMER]
    assert len(senders) == len(processed) == 10
    assert {span.parent.span_id for span in processed if span.parent is not None} == senders
    assert len({span.context.trace_id for span in spans}) == 10


def test_what_cannot_be_routed_or_got_is_an_error(recorder: Recorder) -> None:
    async def program(channel: Any) -> None:
        import aiormq.exceptions

        with pytest.raises(aiormq.exceptions.PublishError):
            await channel.default_exchange.publish(message(), "nobody")
        queue = await declared(channel)
        await queue.delete()
        with pytest.raises(aiormq.exceptions.ChannelNotFoundEntity):
            await queue.get()

    run(program, on_return_raises=True)
    published, received = recorder.take()
    assert (published.name, told(published)["error.type"]) == ("publish nobody", "aiormq.exceptions.PublishError")
    assert received.name.startswith("get cups-")
    assert told(received)["error.type"] == "aiormq.exceptions.ChannelNotFoundEntity"


EVERYTHING: dict[str, Any] = {
    "headers": {"x-cup": "big", "x-number": 7},
    "content_type": "text/plain",
    "content_encoding": "utf-8",
    "delivery_mode": 2,
    "priority": 3,
    "correlation_id": "c-1",
    "reply_to": "here",
    "expiration": 60,
    "message_id": "m-1",
    "timestamp": 1_700_000_000,
    "type": "tea",
    "user_id": "guest",
    "app_id": "shop",
}


def test_the_message_given_is_left_as_it_is_and_arrives_with_all_that_it_has(recorder: Recorder) -> None:
    async def program(channel: Any) -> Any:
        queue = await declared(channel)
        mine = message(**EVERYTHING)
        for _ in range(2):
            await channel.default_exchange.publish(mine, queue.name)
        AioPikaInstrumentor().uninstrument()
        await channel.default_exchange.publish(message=mine, routing_key=queue.name)
        return mine, await consumed(queue, 3)

    mine, (first, second, untraced) = run(program)
    assert dict(mine.headers) in (EVERYTHING["headers"], {"x-cup": b"big", "x-number": 7})
    assert first.headers["traceparent"] != second.headers["traceparent"]
    for name in (*EVERYTHING, "body"):
        if name != "headers":
            assert getattr(first, name) == getattr(untraced, name), name
    assert set(first.headers) - set(untraced.headers) == {"traceparent"}


def test_a_message_that_came_is_sent_on(recorder: Recorder) -> None:
    async def program(channel: Any) -> bytes:
        first, second = await declared(channel), await declared(channel)
        await channel.default_exchange.publish(message(), first.name)
        incoming = await got(first)
        await channel.default_exchange.publish(incoming, second.name)
        body: bytes = (await got(second)).body
        return body

    assert run(program) == b"tea"
    published, _, again, received = recorder.take()
    assert is_child(received, again)
    assert again.context.trace_id != published.context.trace_id


@pytest.mark.parametrize(
    "headers", [None, {}, {"traceparent": 7}, {"traceparent": bytearray(b"\xff")}, {"traceparent": "not one"}], ids=repr
)
def test_headers_of_any_type_change_nothing(recorder: Recorder, headers: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def program(channel: Any) -> None:
        queue = await declared(channel)
        AioPikaInstrumentor().uninstrument()
        await channel.default_exchange.publish(message(b"", headers=headers), queue.name)
        AioPikaInstrumentor().instrument(tracer_provider=recorder.provider, skip_dep_check=True)
        await consumed(queue)

    run(program)
    [processed] = recorder.take()
    assert processed.parent is None
    assert told(processed)["messaging.message.body.size"] == 0
    assert [record.getMessage() for record in caplog.records if record.name == "otel_instrumentors"] == []


def test_an_rpc_is_one_trace(recorder: Recorder) -> None:
    """By the library's own pattern, whose replies go to a queue with a name that the broker made up."""

    async def program(channel: Any) -> Any:
        from aio_pika.patterns import RPC

        async def double(*, number: int) -> int:
            return number * 2

        rpc = await RPC.create(channel)
        name = f"rpc-{uuid.uuid4().hex}"
        await rpc.register(name, double, auto_delete=True)
        with recorder.provider.get_tracer("application").start_as_current_span("request"):
            answer = await asyncio.wait_for(rpc.call(name, {"number": 7}), PATIENCE)
        await asyncio.sleep(0.05)
        await rpc.close()
        return answer

    assert run(program) == 14
    spans = sorted(recorder.take(), key=lambda span: span.start_time or 0)
    assert [span.name.split("-")[0] for span in spans] == [
        "request",
        "publish rpc",
        "consume rpc",
        "publish (temporary)",
        "consume (temporary)",
    ]
    for child, parent in zip(spans[1:], spans, strict=False):
        assert is_child(child, parent)


def test_without_propagation_no_headers_are_added(rabbitmq: str) -> None:
    async def program(channel: Any) -> Any:
        queue = await declared(channel)
        await channel.default_exchange.publish(message(), queue.name)
        [incoming] = await consumed(queue)
        return dict(incoming.headers)

    recorder = Recorder()
    with instrumented(AioPikaInstrumentor, recorder.provider, propagate=False):
        assert run(program) == {}
    published, processed = recorder.take()
    assert published.context.trace_id != processed.context.trace_id
