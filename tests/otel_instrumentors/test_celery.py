"""Celery, in one process: a broker in memory, a worker in a thread. The real ones are in tests/test_workers.py."""

from __future__ import annotations

import functools
import itertools
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from otel_instrumentors.celery import CeleryInstrumentor, apply_async
from otel_instrumentors.kernel.call import Call
from otel_instrumentors.kombu import KombuInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented, names


@functools.cache
def application() -> Any:
    """Made once, before anything is instrumented or after: as it comes."""
    from celery import Celery
    from celery.exceptions import Ignore, Reject

    app = Celery("shop", broker="memory://", backend="cache+memory://", set_as_current=False)
    app.conf.update(
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_transport_options={"polling_interval": 0.01},
    )

    @app.task(name="shop.add", shared=False)
    def add(x: int, y: int) -> int:
        return x + y

    @app.task(name="shop.total", shared=False)
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    @app.task(name="shop.current", shared=False)
    def current() -> tuple[str, str]:
        context = trace.get_current_span().get_span_context()
        return f"{context.trace_id:032x}", f"{context.span_id:016x}"

    @app.task(name="shop.fails", shared=False)
    def fails(kind: str = "") -> None:
        raise {"": ValueError("no box"), "reject": Reject("not mine"), "ignore": Ignore()}[kind]

    @app.task(name="shop.fails_as_expected", shared=False, throws=(KeyError,))
    def fails_as_expected() -> None:
        raise KeyError("box")

    @app.task(name="shop.again", shared=False, bind=True)
    def again(self: Any) -> Any:
        if not self.request.retries:
            raise self.retry(countdown=0, exc=ValueError("not yet"))
        return self.request.headers

    @app.task(name="shop.headers", shared=False, bind=True)
    def headers(self: Any) -> Any:
        return self.request.headers

    @app.task(name="shop.nested", shared=False)
    def nested() -> list[str]:
        ids = [current()[1], current.apply().get()[1], current()[1]]
        add(1, 1)
        return ids

    return app


def task(name: str) -> Any:
    return application().tasks[f"shop.{name}"]


def thrown_away() -> None:
    with application().connection_for_write() as connection:
        connection.default_channel.queue_purge("celery")


class TestCeleryContract(Contract):
    instrumentor = CeleryInstrumentor

    @staticmethod
    def use() -> Any:
        from celery.beat import ScheduleEntry, Scheduler
        from celery.worker.consumer import consumer

        sent = task("add").apply_async((1, 2), task_id="1-2")
        scheduler = Scheduler(application(), lazy=True)
        scheduler.tick()
        scheduler.apply_entry(ScheduleEntry("daily", "shop.add", schedule=60.0, args=(1, 2), app=application()))
        thrown_away()
        # As a worker that starts makes it.
        run = consumer.build_tracer("shop.add", task("add"), app=application())
        ran = run("2-3", (5, 6), {}, {"id": "2-3", "ignore_result": True})
        return sent.id, task("add").apply((3, 4)).get(), ran[3]


@pytest.fixture(scope="module")
def worker() -> Iterator[None]:
    """A worker that is ready before anything is instrumented."""
    from celery.contrib.testing.worker import start_worker

    # A worker sets the level of the root logger, even where it is told to leave that alone.
    level = logging.getLogger().level
    with start_worker(application(), pool="solo", perform_ping_check=False, loglevel="CRITICAL"):
        yield
    logging.getLogger().setLevel(level)
    thrown_away()


@pytest.fixture
def recorder(worker: None) -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(CeleryInstrumentor, recorder.provider):
        yield recorder


def spans(recorder: Recorder, number: int) -> list[ReadableSpan]:
    """The spans in the order in which they started, as soon as there are that many: a result is there before them."""
    end = time.monotonic() + 60
    while len(recorder.spans()) < number and time.monotonic() < end:
        time.sleep(0.01)
    return sorted(recorder.take(), key=lambda span: span.start_time or 0)


def lines(*chain: ReadableSpan) -> bool:
    """Whether each of these spans is the parent of the next one, in one trace."""
    return all(
        below.parent is not None
        and below.parent.span_id == above.context.span_id
        and below.context.trace_id == above.context.trace_id
        for above, below in itertools.pairwise(chain)
    )


def test_a_task_is_sent_and_run_in_one_trace(recorder: Recorder) -> None:
    result = task("add").apply_async((1, 2), task_id="id-1", priority=3)
    assert result.get(timeout=60) == 3

    sent, run = spans(recorder, 2)
    assert lines(sent, run)
    assert (sent.name, sent.kind) == ("apply_async shop.add", SpanKind.PRODUCER)
    told = dict(sent.attributes or {})
    assert "@" in told.pop("celery.hostname")
    assert told == {
        "messaging.system": "memory",
        "messaging.operation.name": "apply_async",
        "messaging.operation.type": "send",
        "messaging.destination.name": "celery",
        "messaging.message.id": "id-1",
        "celery.task": "shop.add",
        "celery.routing_key": "celery",
    }
    assert (run.name, run.kind) == ("run shop.add", SpanKind.CONSUMER)
    told = dict(run.attributes or {})
    assert told.pop("celery.hostname")
    assert told.pop("celery.reply_to")
    # Older releases do not say it of a broker in memory.
    assert told.pop("celery.delivery_info.redelivered", False) is False
    assert told == {
        "messaging.system": "memory",
        "messaging.operation.name": "run",
        "messaging.operation.type": "process",
        "messaging.destination.name": "celery",
        "messaging.message.id": "id-1",
        "messaging.message.conversation_id": "id-1",
        "celery.task": "shop.add",
        "celery.delivery_info.exchange": "",
        "celery.delivery_info.routing_key": "celery",
        "celery.delivery_info.priority": 3,
        "celery.state": "SUCCESS",
    }


@pytest.mark.parametrize("registered", [True, False])
def test_a_task_sent_by_its_name_is_joined_whether_the_sender_knows_it_or_not(
    recorder: Recorder, registered: bool
) -> None:
    from celery import Celery

    app = application()
    if not registered:
        app = Celery("front", broker="memory://", backend="cache+memory://", set_as_current=False)
        assert "shop.add" not in app.tasks
    app.send_task("shop.add", (1, 2))

    sent, run = spans(recorder, 2)
    assert lines(sent, run)
    assert (sent.name, run.name) == ("apply_async shop.add", "run shop.add")


def test_a_failure_is_an_error_of_the_run(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="no box"):
        task("fails").delay().get(timeout=60)

    sent, run = spans(recorder, 2)
    assert sent.status.is_unset
    assert run.status.description == "ValueError: no box"
    assert run.attributes is not None
    assert (run.attributes["error.type"], run.attributes["celery.state"]) == ("ValueError", "FAILURE")
    [event] = run.events
    assert "raise {" in str((event.attributes or {})["exception.stacktrace"]), "where in the task it was raised"


@pytest.mark.parametrize(
    ("name", "arguments", "state"),
    [("fails", ("reject",), "REJECTED"), ("fails", ("ignore",), "IGNORED"), ("fails_as_expected", (), "FAILURE")],
)
def test_what_a_task_raises_on_purpose_is_no_error(
    recorder: Recorder, name: str, arguments: tuple[str, ...], state: str
) -> None:
    task(name).delay(*arguments)

    _, run = spans(recorder, 2)
    assert run.status.is_unset
    assert run.events == ()
    assert (run.attributes or {})["celery.state"] == state


def test_a_retry_is_no_error_and_stays_in_the_trace(recorder: Recorder) -> None:
    headers = task("again").apply_async(headers={"x-cup": "big"}).get(timeout=60)

    sent, run, sent_again, run_again = spans(recorder, 4)
    assert lines(sent, run, sent_again, run_again)
    assert run.status.is_unset
    told, again = run.attributes or {}, run_again.attributes or {}
    assert (told["celery.state"], told["celery.retry.reason"]) == ("RETRY", "Retry in 0s: ValueError('not yet')")
    assert (again["celery.state"], again["celery.retries"]) == ("SUCCESS", 1)
    if headers is not None:
        # Older releases show a task only what is in `headers` of the headers.
        assert headers["x-cup"] == "big"
        assert headers["traceparent"].split("-")[2] == f"{sent_again.context.span_id:016x}"


def test_a_chain_is_one_trace_each_step_below_the_one_before(recorder: Recorder) -> None:
    add = task("add")
    assert (add.s(1, 2) | add.s(3) | add.s(4)).delay().get(timeout=60) == 10
    assert lines(*spans(recorder, 6))


def test_a_group_is_one_trace_below_what_sends_it(recorder: Recorder) -> None:
    from celery import group

    tracer = recorder.provider.get_tracer("shop")
    with tracer.start_as_current_span("order") as order:
        assert group(task("add").s(number, 1) for number in range(3)).delay().get(timeout=60) == [1, 2, 3]
    found = spans(recorder, 7)
    assert {span.context.trace_id for span in found} == {order.get_span_context().trace_id}
    assert sorted(span.name for span in found) == ["apply_async shop.add"] * 3 + ["order"] + ["run shop.add"] * 3


def test_the_spans_of_a_task_are_below_its_run_and_the_next_task_is_not(recorder: Recorder) -> None:
    seen = [task("current").delay().get(timeout=60) for _ in range(3)]

    runs = [span for span in spans(recorder, 6) if span.name == "run shop.current"]
    assert [tuple(pair) for pair in seen] == [
        (f"{run.context.trace_id:032x}", f"{run.context.span_id:016x}") for run in runs
    ]
    assert len({trace_id for trace_id, _ in seen}) == 3
    assert not trace.get_current_span().get_span_context().is_valid


def test_a_task_applied_here_runs_below_what_applies_it(recorder: Recorder) -> None:
    outer, inner, after = task("nested").apply().get()

    run, nested = spans(recorder, 2)
    assert lines(run, nested)
    assert (run.name, nested.name) == ("run shop.nested", "run shop.current")
    assert [outer, inner, after] == [f"{span.context.span_id:016x}" for span in (run, nested, run)], (
        "each is current inside its own body"
    )
    assert (run.attributes or {})["celery.delivery_info.is_eager"] is True


def test_an_eager_application_sends_nothing_and_shows_the_run(recorder: Recorder) -> None:
    application().conf.task_always_eager = True
    try:
        assert task("add").delay(1, 2).get() == 3
    finally:
        application().conf.task_always_eager = False
    assert names(recorder.take()) == ["run shop.add"]


def test_an_exception_that_the_caller_of_an_eager_task_gets_is_recorded(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="no box"):
        task("fails").apply(throw=True)
    [run] = recorder.take()
    assert run.status.description == "ValueError: no box"
    assert (run.attributes or {})["celery.state"] == "FAILURE"


@pytest.mark.parametrize(("name", "state"), [("again", "RETRY"), ("fails_as_expected", "FAILURE")])
def test_what_an_eager_task_raises_on_purpose_is_no_error(recorder: Recorder, name: str, state: str) -> None:
    from celery.exceptions import Retry

    with pytest.raises((Retry, KeyError)):
        task(name).apply(throw=True)
    [run] = recorder.take()
    assert run.status.is_unset
    assert (run.attributes or {})["celery.state"] == state


def test_a_broker_that_is_not_there_is_an_error_of_the_sender(recorder: Recorder) -> None:
    from celery import Celery
    from kombu.exceptions import OperationalError

    app = Celery("shop", broker="amqp://guest:secret@127.0.0.1:1//", set_as_current=False)
    app.conf.update(task_publish_retry=False, broker_transport_options={"max_retries": 1, "interval_start": 0})
    with pytest.raises(OperationalError):
        app.send_task("shop.add")

    [sent] = recorder.take()
    told = dict(sent.attributes or {})
    assert (told["messaging.system"], told["server.address"], told["server.port"]) == ("rabbitmq", "127.0.0.1", 1)
    assert told["error.type"]
    assert "secret" not in sent.to_json()


@pytest.mark.parametrize(
    "headers",
    [
        {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        {"headers": {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}},
        {
            "traceparent": "00-11111111111111111111111111111111-1111111111111111-01",
            "headers": {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        },
    ],
    ids=["among the headers", "in the headers' headers", "in both, the outer ones copied"],
)
def test_the_context_is_found_wherever_other_tracers_put_it(recorder: Recorder, headers: dict[str, Any]) -> None:
    recorder.take()
    with instrumented_elsewhere():
        task("add").apply_async((1, 2), headers=headers)
    [run] = spans(recorder, 1)
    assert run.parent is not None
    assert (run.context.trace_id, run.parent.span_id) == (0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331)


def instrumented_elsewhere() -> Any:
    """Nothing is traced here: the sender is a process of somebody else's."""
    from opentelemetry.instrumentation.utils import suppress_instrumentation  # type: ignore[attr-defined]

    return suppress_instrumentation()


def test_headers_that_the_application_nests_are_seen_by_the_task_as_they_were(recorder: Recorder) -> None:
    inner = {"x-cup": "big"}
    headers = task("headers").apply_async(headers={"headers": inner}).get(timeout=60)
    assert headers["x-cup"] == "big"
    assert inner == {"x-cup": "big"}, "the application's own dictionary"
    assert lines(*spans(recorder, 2))


def test_without_propagation_each_side_is_a_trace_of_its_own(worker: None) -> None:
    recorder = Recorder()
    with instrumented(CeleryInstrumentor, recorder.provider, propagate=False):
        task("add").delay(1, 2).get(timeout=60)
        sent, run = spans(recorder, 2)
    assert sent.context.trace_id != run.context.trace_id
    assert run.parent is None


def test_with_kombu_watched_as_well_a_task_is_still_two_spans(recorder: Recorder) -> None:
    with instrumented(KombuInstrumentor, recorder.provider):
        task("add").delay(1, 2).get(timeout=60)
        found = spans(recorder, 2)
    assert [span.name for span in found if "celeryev" not in span.name] == ["apply_async shop.add", "run shop.add"]


def test_what_the_beat_sends_is_below_its_entry(recorder: Recorder) -> None:
    from celery.beat import ScheduleEntry, Scheduler

    scheduler = Scheduler(application(), lazy=True)
    entry = ScheduleEntry("daily", "shop.add", schedule=60.0, args=(1, 2), app=application())
    scheduler.apply_entry(entry)
    assert scheduler.tick() > 0

    found = {span.name: span for span in spans(recorder, 4)}
    assert lines(found["apply_entry daily"], found["apply_async shop.add"], found["run shop.add"])
    assert dict(found["apply_entry daily"].attributes or {}) == {
        "messaging.operation.name": "apply_entry",
        "celery.entry": "daily",
    }
    assert found["tick"].parent is None


class _Producer:
    """As much of a producer as is looked at."""

    __connection__ = None
    _channel = None


@pytest.mark.parametrize(
    ("body", "headers", "name"),
    [
        # Protocol 1: what to do is in the body.
        ({"task": "shop.add", "id": "1", "args": [], "kwargs": {}, "retries": 0}, {}, "apply_async shop.add"),
        (((), {}, {}), {"task": "shop.add", "id": "1", "retries": 2, "timelimit": [5, None]}, "apply_async shop.add"),
        ({"type": "task-sent", "uuid": "1"}, {"hostname": "here"}, None),
        ({"method": "ping"}, {"clock": 1}, None),
        ("text", None, None),
        ({"task": "of somebody's own"}, {}, None),
    ],
)
def test_only_messages_of_celerys_protocol_are_tasks(body: Any, headers: Any, name: str | None) -> None:
    spec = apply_async(Call(_Producer(), (body,), {"headers": headers, "routing_key": "q"}))
    assert (spec.name if spec is not None else None) == name
    if spec is not None and headers:
        assert spec.attributes is not None
        assert (spec.attributes["celery.retries"], spec.attributes["celery.time_limit"]) == (2, 5)
        assert "celery.soft_time_limit" not in spec.attributes
