"""Dramatiq, over a real Redis and a real RabbitMQ."""

from __future__ import annotations

import logging
import os
import queue as queues
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from otel_instrumentors.dramatiq import DramatiqInstrumentor
from otel_instrumentors.pika import PikaInstrumentor
from otel_instrumentors.redis import RedisInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented, names

PATIENCE_MS = 60_000


def redis_broker(url: str) -> Any:
    from dramatiq.brokers.redis import RedisBroker

    # In old releases it counts for a server that is started by the command of a worker alone.
    return without("Prometheus", RedisBroker(url=url, namespace=f"cups-{uuid.uuid4().hex}"))


def rabbitmq_broker(url: str) -> Any:
    from dramatiq.brokers.rabbitmq import RabbitmqBroker

    # Pika wants the name of the host `/` in writing.
    return without("Prometheus", RabbitmqBroker(url=f"{url.rstrip('/')}/%2F"))


def without(middleware: str, broker: Any) -> Any:
    broker.middleware[:] = [each for each in broker.middleware if type(each).__name__ != middleware]
    return broker


def closed(broker: Any) -> None:
    broker.close()
    if hasattr(broker, "client"):
        broker.client.connection_pool.disconnect()


def actor_of(broker: Any, function: Any, **options: Any) -> Any:
    """An actor that is called by the name of its function, with a queue of a new name."""
    import dramatiq

    options.setdefault("queue_name", f"cups-{uuid.uuid4().hex}")
    return dramatiq.actor(function, broker=broker, actor_name=function.__name__.strip("_"), **options)


def process(broker: Any, queue: str) -> None:
    """Processes a message as a worker's thread does, in this one."""
    from dramatiq import worker

    consumer_kind: Any = getattr(worker, "ConsumerThread", None) or vars(worker)["_ConsumerThread"]
    worker_kind: Any = getattr(worker, "WorkerThread", None) or vars(worker)["_WorkerThread"]
    work_queue: Any = queues.Queue()
    work_queue.put(None)
    consumer = consumer_kind(broker=broker, queue_name=queue, prefetch=1, work_queue=work_queue, worker_timeout=100)
    consumer.consumer = broker.consume(queue, prefetch=1, timeout=100)
    thread = worker_kind(broker=broker, consumers={queue: consumer}, work_queue=work_queue, worker_timeout=100)
    for _ in range(600):
        message = next(consumer.consumer)
        if message is not None:
            thread.process_message(message)
            break
    else:
        raise AssertionError("no message came")
    consumer.consumer.close()


def work(broker: Any, *actors: Any) -> None:
    """A worker with its threads, until all is done."""
    import dramatiq

    worker = dramatiq.Worker(broker, worker_timeout=10, worker_threads=2)
    worker.start()
    try:
        for actor in actors:
            broker.join(actor.queue_name, timeout=PATIENCE_MS)
        worker.join()
    finally:
        worker.stop()


_current: list[int] = []


def brew(cups: int = 1) -> None:
    _current.append(trace.get_current_span().get_span_context().span_id)


def pour(*_given: Any) -> None:
    """Takes what the actor before it gives."""


def spill() -> None:
    raise ValueError("spilt")


class TestDramatiqContract(Contract):
    instrumentor = DramatiqInstrumentor
    servers = ("redis_server",)

    @staticmethod
    def use() -> Any:
        broker = redis_broker(os.environ["TEST_REDIS_URL"])
        actor = actor_of(broker, brew)
        sent = actor.send(2)
        process(broker, actor.queue_name)
        closed(broker)
        _current.clear()
        return sent.args, actor.actor_name

    # Dramatiq itself keeps something of each broker.
    def test_nothing_is_left_in_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[override]
        broker = redis_broker(os.environ["TEST_REDIS_URL"])
        actor = actor_of(broker, brew)

        def use() -> Any:
            actor.send(2)
            process(broker, actor.queue_name)
            _current.clear()

        monkeypatch.setattr(type(self), "use", staticmethod(use))
        super().test_nothing_is_left_in_memory()
        closed(broker)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(DramatiqInstrumentor, recorder.provider):
        yield recorder


@pytest.fixture
def broker(redis_server: str) -> Iterator[Any]:
    broker = redis_broker(redis_server)
    yield broker
    closed(broker)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """What a worker says of messages that fail."""
    logger = logging.getLogger("dramatiq")
    before, logger.disabled = logger.disabled, True
    yield
    logger.disabled = before


def is_child(child: ReadableSpan, parent: ReadableSpan) -> bool:
    return child.parent is not None and child.parent.span_id == parent.context.span_id


def told(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


@pytest.mark.parametrize("system", ["redis", "rabbitmq"])
def test_a_message_is_sent_and_processed_in_one_trace(
    recorder: Recorder, request: pytest.FixtureRequest, system: str
) -> None:
    make, server = {"redis": (redis_broker, "redis_server"), "rabbitmq": (rabbitmq_broker, "rabbitmq")}[system]
    broker = make(request.getfixturevalue(server))
    # Their clients make no spans of their own for what is sent and fetched.
    with instrumented(PikaInstrumentor, recorder.provider):
        actor = actor_of(broker, brew, max_retries=3)
        message = actor.send(2)
        process(broker, actor.queue_name)
    closed(broker)

    sent, processed = recorder.take()
    common = {
        "messaging.system": system,
        "messaging.destination.name": actor.queue_name,
        "dramatiq.actor.name": "brew",
    }
    assert (sent.name, sent.kind) == ("send_with_options brew", SpanKind.PRODUCER)
    assert told(sent) == {
        **common,
        "messaging.operation.name": "send_with_options",
        "messaging.operation.type": "send",
        "dramatiq.actor.options": "{'max_retries': 3}",
    }
    assert (processed.name, processed.kind) == ("process_message brew", SpanKind.CONSUMER)
    assert told(processed) == {
        **common,
        "messaging.operation.name": "process_message",
        "messaging.operation.type": "process",
        "messaging.message.id": message.message_id,
    }
    assert is_child(processed, sent)
    assert _current.pop() == processed.context.span_id
    assert message.options["traceparent"].split("-")[2] == f"{sent.context.span_id:016x}"


def test_a_message_that_fails_is_an_error_once_it_is_given_up(recorder: Recorder, broker: Any) -> None:
    actor = actor_of(broker, spill, max_retries=1, min_backoff=1, max_backoff=1)
    actor.send()
    work(broker, actor)
    sent, first, second = recorder.take()
    assert sent.status.is_unset
    assert (first.status.is_unset, "dramatiq.retries" in told(first)) == (True, False)
    assert told(second)["dramatiq.retries"] == 1
    assert second.status.description == "ValueError: spilt"
    assert [event.name for event in second.events] == ["exception"]
    # Both below who sent it: what enqueues it again is the worker's own.
    assert is_child(first, sent)
    assert is_child(second, sent)


def test_an_exception_that_is_expected_is_no_error(recorder: Recorder, broker: Any) -> None:
    actor = actor_of(broker, spill, throws=ValueError)
    actor.send()
    process(broker, actor.queue_name)
    assert [span.status.is_unset for span in recorder.take()] == [True, True]


def test_without_retries_each_failure_is_an_error(recorder: Recorder, redis_server: str) -> None:
    broker = without("Retries", redis_broker(redis_server))
    actor = actor_of(broker, spill)
    actor.send()
    process(broker, actor.queue_name)
    closed(broker)
    _, processed = recorder.take()
    assert processed.status.description == "ValueError: spilt"


def test_a_message_that_is_sent_late_is_below_who_sent_it(recorder: Recorder, broker: Any) -> None:
    actor = actor_of(broker, brew)
    actor.send_with_options(args=(2,), delay=10)
    work(broker, actor)
    sent, processed = recorder.take()
    assert is_child(processed, sent)


def test_messages_that_are_made_by_hand_are_traced_as_well(recorder: Recorder, broker: Any) -> None:
    actor = actor_of(broker, brew)
    message = actor.message(2)
    enqueued = broker.enqueue(message)
    process(broker, actor.queue_name)
    sent, processed = recorder.take()
    assert (sent.name, sent.kind) == ("enqueue brew", SpanKind.PRODUCER)
    assert told(sent) == {
        "messaging.system": "redis",
        "messaging.destination.name": actor.queue_name,
        "messaging.message.id": message.message_id,
        "messaging.operation.name": "enqueue",
        "messaging.operation.type": "send",
        "dramatiq.actor.name": "brew",
    }
    assert is_child(processed, sent)
    assert "traceparent" not in message.options
    assert "traceparent" in enqueued.options
    broker.enqueue(message=message)
    assert names(recorder.take()) == ["enqueue brew"]


def test_the_messages_of_a_group_and_a_pipeline_are_below_who_sends_them(recorder: Recorder, broker: Any) -> None:
    import dramatiq

    first = actor_of(broker, brew)
    second = actor_of(broker, pour, queue_name=first.queue_name)
    with recorder.provider.get_tracer("application").start_as_current_span("request"):
        dramatiq.group([first.message(1), first.message(2)], broker=broker).run()
        dramatiq.pipeline([first.message(3), second.message()], broker=broker).run()
    work(broker, first)
    spans = recorder.take()
    assert names(spans) == sorted(
        ["request", *(["enqueue brew", "process_message brew"] * 3), "enqueue pour", "process_message pour"]
    )
    assert len({span.context.trace_id for span in spans}) == 1


def test_an_actor_that_is_awaited_has_the_span_current(recorder: Recorder, broker: Any) -> None:
    import dramatiq

    if not hasattr(dramatiq.middleware, "AsyncIO"):
        return

    async def brew_slowly() -> None:
        brew()

    broker.add_middleware(dramatiq.middleware.AsyncIO())
    actor = actor_of(broker, brew_slowly)
    actor.send()
    work(broker, actor)
    _, processed = recorder.take()
    assert _current.pop() == processed.context.span_id


def test_an_actor_that_is_called_is_no_message(recorder: Recorder, broker: Any) -> None:
    actor_of(broker, brew)(2)
    _current.clear()
    assert recorder.take() == []


@pytest.mark.parametrize("value", [7, None, ["a"], {"b": 1}, "not one"], ids=repr)
def test_options_of_any_type_change_nothing(
    recorder: Recorder, broker: Any, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    actor = actor_of(broker, brew)
    broker.enqueue(actor.message_with_options(args=(2,), traceparent=value))
    process(broker, actor.queue_name)
    _current.clear()
    processed = recorder.take()[-1]
    assert processed.name == "process_message brew"
    assert processed.parent is None
    assert [record for record in caplog.records if record.name == "otel_instrumentors"] == []


def test_a_broker_that_is_not_there_is_an_error(recorder: Recorder) -> None:
    broker = redis_broker("redis://127.0.0.1:1")
    actor = actor_of(broker, brew)
    with pytest.raises(Exception, match=r"127\.0\.0\.1"):
        actor.send()
    [span] = recorder.take()
    assert "Connection" in told(span)["error.type"]


@pytest.mark.parametrize("system", ["redis", "rabbitmq"])
def test_what_a_worker_asks_a_broker_for_itself_makes_no_trace(
    recorder: Recorder, request: pytest.FixtureRequest, system: str
) -> None:
    make, server = {"redis": (redis_broker, "redis_server"), "rabbitmq": (rabbitmq_broker, "rabbitmq")}[system]
    broker = make(request.getfixturevalue(server))
    actor = actor_of(broker, brew)
    import dramatiq

    worker = dramatiq.Worker(broker, worker_timeout=10, worker_threads=1)
    clients = (instrumented(RedisInstrumentor, recorder.provider), instrumented(PikaInstrumentor, recorder.provider))
    with clients[0], clients[1]:
        actor.send(2)
        actor.send_with_options(args=(2,), delay=10)
        worker.start()
        for _ in range(600):
            if len(_current) == 2:
                break
            time.sleep(0.1)
        time.sleep(0.2)
        worker.stop()
    closed(broker)
    assert len(_current) == 2
    _current.clear()
    spans = recorder.take()
    ids = {span.context.span_id for span in spans}
    roots = [span.name for span in spans if span.parent is None or span.parent.span_id not in ids]
    assert roots == ["send_with_options brew"] * 2


def test_without_propagation_the_options_are_left_as_they_are(broker: Any) -> None:
    recorder = Recorder()
    with instrumented(DramatiqInstrumentor, recorder.provider, propagate=False):
        actor = actor_of(broker, brew)
        assert "traceparent" not in actor.send(2).options
        process(broker, actor.queue_name)
    _current.clear()
    sent, processed = recorder.take()
    assert sent.context.trace_id != processed.context.trace_id
