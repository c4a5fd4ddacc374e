"""RQ, over a real Redis."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from otel_instrumentors.redis import RedisInstrumentor
from otel_instrumentors.rq import RqInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented

_current: list[int] = []


def brew(cups: int = 1) -> int:
    _current.append(trace.get_current_span().get_span_context().span_id)
    return cups


def spill(cups: int = 1) -> None:
    raise ValueError("spilt")


class Pot:
    def pour(self, cups: int) -> int:
        return cups


def connected(url: str) -> Any:
    from redis import Redis

    return Redis.from_url(url)


def queue_of(url: str, **options: Any) -> Any:
    """A queue of a new name."""
    from rq import Queue

    return Queue(f"cups-{uuid.uuid4().hex}", connection=connected(url), **options)


@contextmanager
def signals_kept() -> Iterator[None]:
    """A worker takes them all, and gives none back."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def work(queue: Any, **options: Any) -> None:
    """Performs in this process what is in the queue."""
    from rq import SimpleWorker

    worker = SimpleWorker([queue], connection=queue.connection, **options)
    with signals_kept():
        try:
            worker.work(burst=True, logging_level="CRITICAL")
        finally:
            # It may have failed half-way: the process would wait for a thread of old releases.
            thread = getattr(worker, "pubsub_thread", None)
            if thread is not None and thread.is_alive() and not thread.daemon:
                thread.stop()
                thread.join(60)


class TestRqContract(Contract):
    instrumentor = RqInstrumentor
    servers = ("redis_server",)

    @staticmethod
    def use() -> Any:
        queue = queue_of(os.environ["TEST_REDIS_URL"])
        job = queue.enqueue("operator.add", 1, 2)
        work(queue)
        status = job.get_status()
        queue.connection.close()
        return job.args, status

    # RQ itself keeps something of each worker: its threads, its names.
    def test_nothing_is_left_in_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[override]
        queue = queue_of(os.environ["TEST_REDIS_URL"])

        def use() -> Any:
            queue.enqueue("operator.add", 1, 2).perform()

        monkeypatch.setattr(type(self), "use", staticmethod(use))
        super().test_nothing_is_left_in_memory()
        queue.connection.close()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(RqInstrumentor, recorder.provider):
        yield recorder


@pytest.fixture
def queue(redis_server: str) -> Iterator[Any]:
    queue = queue_of(redis_server)
    yield queue
    queue.connection.close()


def is_child(child: ReadableSpan, parent: ReadableSpan) -> bool:
    return child.parent is not None and child.parent.span_id == parent.context.span_id


def told(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def by_operation(recorder: Recorder) -> dict[str, ReadableSpan]:
    return {told(span)["messaging.operation.name"]: span for span in recorder.take()}


def test_a_job_is_enqueued_and_performed_in_one_trace(recorder: Recorder, queue: Any) -> None:
    job = queue.enqueue(brew, 2, job_id="one", meta={"cup": "big"})
    work(queue)

    performed_function, enqueued, performed = sorted(recorder.take(), key=lambda span: span.kind.value)
    name = f"{__name__}.brew"
    common = {"messaging.system": "redis", "messaging.message.id": "one", "rq.job.func_name": name}
    assert (enqueued.name, enqueued.kind) == (f"enqueue_job {name}", SpanKind.PRODUCER)
    assert told(enqueued) == {
        **common,
        "messaging.destination.name": queue.name,
        "messaging.operation.name": "enqueue_job",
        "messaging.operation.type": "send",
    }
    assert (performed.name, performed.kind) == (f"perform_job {name}", SpanKind.CONSUMER)
    assert told(performed) == {
        **common,
        "messaging.destination.name": queue.name,
        "messaging.operation.name": "perform_job",
        "messaging.operation.type": "process",
        "rq.job.status": "finished",
    }
    assert (performed_function.name, performed_function.kind) == (f"perform {name}", SpanKind.INTERNAL)
    assert told(performed_function) == {**common, "messaging.operation.name": "perform"}
    assert is_child(performed, enqueued)
    assert is_child(performed_function, performed)
    assert _current.pop() == performed_function.context.span_id
    assert job.meta["cup"] == "big"
    job.refresh()
    assert job.meta["traceparent"].split("-")[2] == f"{enqueued.context.span_id:016x}"


def test_a_job_that_fails_tells_why_on_the_worker_s_span_and_on_its_own(recorder: Recorder, queue: Any) -> None:
    queue.enqueue(spill)
    work(queue)
    spans = by_operation(recorder)
    assert spans["enqueue_job"].status.is_unset
    assert told(spans["perform_job"])["rq.job.status"] == "failed"
    for span in (spans["perform_job"], spans["perform"]):
        assert span.name.endswith(f"{__name__}.spill")
        assert told(span)["error.type"] == "ValueError"
        assert span.status.description == "ValueError: spilt"
        assert [event.name for event in span.events] == ["exception"]


def test_a_job_that_is_tried_again_is_no_failure_until_the_last_time(recorder: Recorder, queue: Any) -> None:
    from rq import Retry

    queue.enqueue(spill, retry=Retry(max=2))
    work(queue)
    spans = recorder.take()
    # Old releases enqueue a job once more as an application does; newer ones leave it below who enqueued it.
    enqueued = {span.context.span_id for span in spans if span.kind is SpanKind.PRODUCER}
    performed = sorted(
        (span for span in spans if span.kind is SpanKind.CONSUMER), key=lambda span: span.start_time or 0
    )
    assert [told(span)["rq.job.status"] for span in performed] == ["queued", "queued", "failed"]
    assert [span.status.is_unset for span in performed] == [True, True, False]
    assert {span.parent.span_id for span in performed if span.parent is not None} == enqueued
    assert len({span.context.trace_id for span in spans}) == 1


@pytest.mark.parametrize("function", ["nowhere.nothing", f"{__name__}.nothing"])
def test_a_job_whose_function_is_not_there_is_an_error_of_that_name(
    recorder: Recorder, queue: Any, function: str, caplog: pytest.LogCaptureFixture
) -> None:
    queue.enqueue(function)
    work(queue)
    spans = by_operation(recorder)
    assert spans["perform"].name == f"perform {function}"
    assert told(spans["perform_job"])["rq.job.status"] == "failed"
    assert [record for record in caplog.records if record.name == "otel_instrumentors"] == []


def test_a_job_that_cannot_be_read_is_an_error_without_a_name(
    recorder: Recorder, queue: Any, caplog: pytest.LogCaptureFixture
) -> None:
    job = queue.enqueue(brew)
    queue.connection.hset(job.key, "data", b"no pickle")
    recorder.take()
    work(queue)
    spans = by_operation(recorder)
    assert spans["perform_job"].name == "perform_job"
    assert not spans["perform_job"].status.is_unset
    assert [record for record in caplog.records if record.name == "otel_instrumentors"] == []


def test_a_method_says_whose_it_is(recorder: Recorder, queue: Any) -> None:
    queue.enqueue(Pot().pour, 2)
    [enqueued] = recorder.take()
    assert enqueued.name == "enqueue_job pour"
    assert told(enqueued)["rq.job.class"] == f"{__name__}.Pot"


def test_a_queue_that_is_not_asynchronous_performs_inside_of_the_span(recorder: Recorder, redis_server: str) -> None:
    queue = queue_of(redis_server, is_async=False)
    job = queue.enqueue(brew, 3, meta={"cup": "big"})
    queue.connection.close()
    function, enqueued = recorder.take()
    assert is_child(function, enqueued)
    assert job.meta == {"cup": "big"}


def test_the_meta_given_may_serve_other_jobs(recorder: Recorder, queue: Any) -> None:
    mine = {"cup": "big"}
    first, second = queue.enqueue(brew, meta=mine), queue.enqueue(brew, meta=mine)
    assert mine == {"cup": "big"}
    assert first.meta["traceparent"] != second.meta["traceparent"]


@pytest.mark.parametrize("value", [7, None, b"\xff", ["a"], "not one"], ids=repr)
def test_a_meta_of_any_type_changes_nothing(
    recorder: Recorder, queue: Any, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    RqInstrumentor().uninstrument()
    queue.enqueue(brew, meta={"traceparent": value})
    RqInstrumentor().instrument(tracer_provider=recorder.provider, skip_dep_check=True)
    work(queue)
    assert by_operation(recorder)["perform_job"].parent is None
    assert [record for record in caplog.records if record.name == "otel_instrumentors"] == []


def test_jobs_that_are_enqueued_together_are_below_one_span(recorder: Recorder, queue: Any) -> None:
    from rq import Queue

    if not hasattr(Queue, "enqueue_many"):
        return
    made = (Queue.prepare_data(brew, (number,), meta={"cup": number}) for number in range(3))
    jobs = queue.enqueue_many(made)
    work(queue)
    assert [job.meta["cup"] for job in jobs] == [0, 1, 2]
    spans = recorder.take()
    sent, performed = spans[0], [span for span in spans if span.kind is SpanKind.CONSUMER]
    assert (sent.name, sent.kind) == (f"enqueue_many {queue.name}", SpanKind.PRODUCER)
    assert len(performed) == 3
    assert all(is_child(span, sent) for span in performed)


def test_what_breaks_while_jobs_are_described_reaches_the_application(recorder: Recorder, queue: Any) -> None:
    from rq import Queue

    if not hasattr(Queue, "enqueue_many"):
        return

    def described() -> Iterator[Any]:
        yield Queue.prepare_data(brew, (1,))
        raise ValueError("no cup")

    with pytest.raises(ValueError, match="no cup"):
        queue.enqueue_many(described())
    [span] = recorder.take()
    assert span.status.description == "ValueError: no cup"
    with pytest.raises(AttributeError):
        queue.enqueue_many([7])
    assert told(recorder.take()[0])["error.type"] == "AttributeError"


@pytest.mark.parametrize("options", [{"unique": True}, {"unique": True, "job_id": "one"}, {"job_id": "with space"}])
def test_what_the_library_refuses_it_refuses_as_without_us(queue: Any, options: dict[str, Any]) -> None:
    """Whether a job has an id is asked, too, and it must not get one by being looked at."""

    def outcome() -> Any:
        try:
            return queue.enqueue("operator.add", 1, 2, **options).get_status()
        except Exception as error:  # noqa: BLE001
            return type(error), str(error)
        finally:
            queue.connection.flushdb()

    untraced = outcome()
    with instrumented(RqInstrumentor, Recorder().provider):
        assert outcome() == untraced


def test_a_job_that_is_scheduled_is_below_who_scheduled_it(recorder: Recorder, queue: Any) -> None:
    from rq.scheduler import RQScheduler

    queue.enqueue_in(timedelta(seconds=-1), brew, 2)
    scheduler = RQScheduler([queue], connection=queue.connection)
    scheduler.acquire_locks()
    scheduler.enqueue_scheduled_jobs()
    scheduler.release_locks()
    work(queue)
    spans = by_operation(recorder)
    assert sorted(spans) == ["perform", "perform_job", "schedule_job"]
    assert spans["schedule_job"].kind is SpanKind.PRODUCER
    assert is_child(spans["perform_job"], spans["schedule_job"])


def test_a_job_is_fetched_or_not(recorder: Recorder, queue: Any) -> None:
    job = queue.enqueue(brew)
    assert queue.fetch_job(job.id).id == job.id
    assert queue.fetch_job("none") is None
    _, *fetched = recorder.take()
    assert [(span.name, span.kind) for span in fetched] == [(f"fetch_job {queue.name}", SpanKind.CLIENT)] * 2
    assert [told(span)["messaging.message.id"] for span in fetched] == [job.id, "none"]


def test_a_redis_that_is_not_there_is_an_error(recorder: Recorder) -> None:
    from redis.exceptions import ConnectionError as Unreachable

    with pytest.raises(Unreachable):
        queue_of("redis://127.0.0.1:1").enqueue(brew, job_id="one")
    [span] = recorder.take()
    assert told(span)["error.type"] == "redis.exceptions.ConnectionError"


def test_what_a_worker_asks_redis_for_itself_makes_no_trace(recorder: Recorder, queue: Any) -> None:
    with instrumented(RedisInstrumentor, recorder.provider):
        queue.enqueue(brew)
        enqueued = recorder.take()
        work(queue)
        worked = recorder.take()
    ids = {span.context.span_id for span in (*enqueued, *worked)}
    roots = [span.name for span in (*enqueued, *worked) if span.parent is None or span.parent.span_id not in ids]
    assert roots == [f"enqueue_job {__name__}.brew"]
    assert len(worked) > 2, "what is done for the job itself is traced"


def test_without_propagation_the_meta_is_left_as_it_is(queue: Any) -> None:
    recorder = Recorder()
    with instrumented(RqInstrumentor, recorder.provider, propagate=False):
        job = queue.enqueue(brew)
        work(queue)
    spans = by_operation(recorder)
    assert job.meta == {}
    assert spans["perform_job"].context.trace_id != spans["enqueue_job"].context.trace_id
