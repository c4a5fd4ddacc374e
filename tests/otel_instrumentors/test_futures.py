"""Threads, thread pools and timers."""

from __future__ import annotations

import contextvars
import gc
import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.pool import ThreadPool
from typing import Any

import pytest
from opentelemetry.baggage import get_baggage, set_baggage
from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.trace import Tracer, get_current_span

from otel_instrumentors.futures import FuturesInstrumentor
from tests.otel_instrumentors.contract import Carrying, Recorder, instrumented, job


class _Own(threading.Thread):
    """A thread that has its work in `run`, as many do."""

    done = ""

    def run(self) -> None:
        self.done = job("a thread with a run of its own")


class TestFuturesContract(Carrying):
    instrumentor = FuturesInstrumentor
    unbreakable = ("Thread._bootstrap_inner", "ThreadPool.__init__")
    parents = dict.fromkeys(
        ["submitted", "mapped", "a thread", "a thread with a run of its own", "a timer", "of a pool"], True
    )

    @staticmethod
    def use() -> Any:
        own = _Own()
        threads = [threading.Thread(target=job, args=("a thread",)), own, threading.Timer(0, job, ("a timer",))]
        for thread in threads:
            thread.start()
        with ThreadPoolExecutor(1) as executor:
            submitted = executor.submit(job, "submitted")
            mapped = list(executor.map(job, ["mapped"]))
        with ThreadPool(1) as pool:
            pooled = pool.map(job, ["of a pool"])
        for thread in threads:
            thread.join()
        return submitted.result(), mapped, own.done, pooled


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(FuturesInstrumentor, recorder.provider):
        yield recorder


@pytest.fixture
def tracer(recorder: Recorder) -> Tracer:
    return recorder.provider.get_tracer("application")


def span_id() -> int:
    """Of the current span, 0 where there is none."""
    return get_current_span().get_span_context().span_id


def found() -> tuple[int, object]:
    """What a job finds: whose span is current, and a baggage."""
    return span_id(), get_baggage("tea")


def test_the_next_job_of_a_worker_finds_nothing_of_the_last(tracer: Tracer) -> None:
    with ThreadPoolExecutor(1) as executor:
        with tracer.start_as_current_span("first") as first:
            token = attach(set_baggage("tea", "green"))
            assert executor.submit(found).result() == (first.get_span_context().span_id, "green")
            detach(token)
        assert executor.submit(found).result() == (0, None)
        assert executor.submit(get_current).result() == {}
        with tracer.start_as_current_span("second") as second:
            assert executor.submit(found).result() == (second.get_span_context().span_id, None)


def test_a_job_that_forgets_to_leave_its_context_leaves_nothing_to_the_next(tracer: Tracer) -> None:
    def forgetful() -> None:
        attach(set_baggage("tea", "forgotten"))

    with ThreadPoolExecutor(1) as executor:
        with tracer.start_as_current_span("caller"):
            executor.submit(forgetful).result()
        assert executor.submit(get_current).result() == {}


@pytest.mark.parametrize("call", ["apply", "apply_async", "map", "map_async", "starmap", "starmap_async", "imap"])
def test_every_way_into_a_thread_pool_of_multiprocessing(tracer: Tracer, call: str) -> None:
    with tracer.start_as_current_span("who makes the pool"):
        pool = ThreadPool(1)
    try:
        with tracer.start_as_current_span("caller") as caller:
            items: tuple[Any, ...] = () if call.startswith("apply") else ([()] if call.startswith("star") else [None],)
            work: Callable[..., int] = lambda *_nothing: span_id()  # noqa: E731
            result = getattr(pool, call)(work, *items)
            result = result.get() if hasattr(result, "get") else result
            result = result if isinstance(result, int) else next(iter(result))
        assert result == caller.get_span_context().span_id
        assert pool.apply(get_current) == {}
    finally:
        pool.close()
        pool.join()


def test_a_worker_that_is_started_by_a_request_serves_others_without_it(tracer: Tracer) -> None:
    started: list[int] = []
    with ThreadPoolExecutor(1, initializer=lambda: started.append(span_id())) as executor:
        with tracer.start_as_current_span("caller"):
            executor.submit(int).result()
        assert started == [0]


def test_a_thread_that_is_to_serve_everybody_can_leave_the_context_behind(tracer: Tracer) -> None:
    results: list[Any] = []
    with tracer.start_as_current_span("caller"):
        thread = threading.Thread(target=lambda: results.append(found()))
        contextvars.Context().run(thread.start)
    thread.join()
    assert results == [(0, None)]


def test_a_child_that_outlives_its_parent_has_it_for_its_parent(recorder: Recorder, tracer: Tracer) -> None:
    may_begin = threading.Event()

    def late() -> None:
        may_begin.wait(60)
        with tracer.start_as_current_span("late"):
            pass

    with ThreadPoolExecutor(1) as executor:
        with tracer.start_as_current_span("caller"):
            executor.submit(late)
        may_begin.set()

    caller, child = recorder.take()
    assert child.parent is not None
    assert (child.name, child.parent.span_id, child.context.trace_id) == (
        "late",
        caller.context.span_id,
        caller.context.trace_id,
    )


def test_a_failing_job_shows_its_own_function_and_the_exception_itself(tracer: Tracer) -> None:
    error = ValueError("of the job")

    def failing() -> None:
        raise error

    with ThreadPoolExecutor(1) as executor, tracer.start_as_current_span("caller"):
        future = executor.submit(failing)
        assert future.exception() is error
    assert traceback.extract_tb(error.__traceback__)[-1].name == "failing"


@pytest.mark.parametrize("thread", [threading.Thread(target=None), threading.Thread(daemon=True, target=int)])
def test_odd_threads_run(tracer: Tracer, thread: threading.Thread) -> None:
    with tracer.start_as_current_span("caller"):
        thread.start()
        thread.join()
    with pytest.raises(RuntimeError, match="started once"):
        thread.start()


def test_an_uncaught_exception_is_reported_as_ever(tracer: Tracer, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing() -> None:
        raise ValueError("of the thread")

    reported: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", reported.append)
    with tracer.start_as_current_span("caller"):
        thread = threading.Thread(target=failing)
        thread.start()
        thread.join()
    ((_, error, trace, of),) = reported
    assert (str(error), of) == ("of the thread", thread)
    assert [frame.name for frame in traceback.extract_tb(trace)] == ["_bootstrap_inner", "run", "failing"]


def test_a_thread_that_could_not_start_leaves_nothing_behind(tracer: Tracer, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "_start_joinable_thread" if hasattr(threading, "_start_joinable_thread") else "_start_new_thread"

    def no_more(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError("can't start new thread")

    thread = threading.Thread(target=int)
    gone = weakref.ref(thread)
    with monkeypatch.context() as patch, tracer.start_as_current_span("caller"):
        patch.setattr(threading, name, no_more)
        with pytest.raises(RuntimeError, match="can't start"):
            thread.start()
    del thread
    gc.collect()
    assert gone() is None


def test_a_job_that_is_never_run_leaves_nothing_behind(tracer: Tracer) -> None:
    class Argument:
        """Something that can be missed."""

    may_end = threading.Event()
    argument = Argument()
    gone = weakref.ref(argument)
    with ThreadPoolExecutor(1) as executor:
        executor.submit(may_end.wait, 10)
        with tracer.start_as_current_span("caller") as caller:
            context_gone = weakref.ref(caller)
            never: Future[Any] = executor.submit(lambda _: None, argument)
        assert never.cancel()
        del argument, caller
        may_end.set()
    gc.collect()
    assert (gone(), context_gone()) == (None, None)


def test_a_process_pool_gets_its_jobs_as_they_are_and_calls_back_in_nobodys_context(tracer: Tracer) -> None:
    called_back: list[Context] = []
    with ProcessPoolExecutor(1, get_context("spawn")) as executor:
        with tracer.start_as_current_span("caller"):
            first = executor.submit(pow, 2, 5)
            first.add_done_callback(lambda _: called_back.append(get_current()))
        assert first.result(60) == 32
        assert list(executor.map(abs, [-1, -2])) == [1, 2]
    assert called_back == [{}]


def test_without_a_context_a_job_is_left_alone(recorder: Recorder) -> None:
    def work() -> None:
        """Nothing."""

    may_end = threading.Event()
    with ThreadPoolExecutor(1) as executor:
        executor.submit(may_end.wait, 10)
        executor.submit(work)
        item = executor._work_queue.queue[0] if hasattr(executor._work_queue, "queue") else executor._work_queue.get()
        # From Python 3.14 on the function stands in a task.
        assert (item.fn if hasattr(item, "fn") else item.task[0]) is work
        may_end.set()


def test_an_executor_made_before_carries_and_falls_silent_after() -> None:
    recorder = Recorder()
    tracer = recorder.provider.get_tracer("application")
    with ThreadPoolExecutor(1) as executor, tracer.start_as_current_span("caller") as caller:
        assert executor.submit(span_id).result() == 0
        with instrumented(FuturesInstrumentor, recorder.provider):
            assert executor.submit(span_id).result() == caller.get_span_context().span_id
        assert executor.submit(span_id).result() == 0


if sys.version_info >= (3, 14):

    def test_a_thread_that_is_given_a_context_keeps_it(tracer: Tracer) -> None:
        found: list[int] = []
        with tracer.start_as_current_span("caller") as caller:
            for given in (None, contextvars.Context(), contextvars.copy_context()):
                thread = threading.Thread(target=lambda: found.append(span_id()), context=given)
                thread.start()
                thread.join()
        own = caller.get_span_context().span_id
        assert found == [own, 0, own]
