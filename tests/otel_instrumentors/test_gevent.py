"""gevent: greenlets, pools of them, and its pools of threads."""

from __future__ import annotations

import contextvars
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import gevent.pool
import gevent.threadpool
import pytest
from gevent import Greenlet, spawn
from opentelemetry.baggage import get_baggage, set_baggage
from opentelemetry.context import attach, detach, get_current
from opentelemetry.trace import Tracer, get_current_span

from otel_instrumentors.gevent import GeventInstrumentor
from tests.otel_instrumentors.contract import Carrying, Recorder, instrumented, job


class TestGeventContract(Carrying):
    instrumentor = GeventInstrumentor
    parents = dict.fromkeys(["spawned", "spawned for later", "of a pool", "of a thread pool"], True)

    @staticmethod
    def use() -> Any:
        import gevent
        from gevent.pool import Pool

        greenlets = [gevent.spawn(job, "spawned"), gevent.spawn_later(0, job, "spawned for later")]
        gevent.joinall(greenlets)
        threads = gevent.get_hub().threadpool
        return (
            [greenlet.value for greenlet in greenlets],
            Pool(1).map(job, ["of a pool"]),
            threads.spawn(job, "of a thread pool").get(),
        )


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(GeventInstrumentor, recorder.provider):
        yield recorder


@pytest.fixture
def tracer(recorder: Recorder) -> Tracer:
    return recorder.provider.get_tracer("application")


def found(*_: object) -> tuple[int, object]:
    """What a job finds: whose span is current, and a baggage."""
    gevent.sleep(0)
    return get_current_span().get_span_context().span_id, get_baggage("tea")


class _Own(Greenlet):  # type: ignore[misc]
    """A class from before instrumenting, with its work in `_run`."""

    def _run(self) -> tuple[int, object]:
        return found()


def by_a_class_of_ones_own() -> Any:
    greenlet = _Own()
    greenlet.start()
    return greenlet.get()


def by_start_later() -> Any:
    greenlet = Greenlet(found)
    greenlet.start_later(0.001)
    return greenlet.get()


# Names of gevent that were imported before it was instrumented.
WAYS: dict[str, Callable[[], Any]] = {
    "spawn": lambda: spawn(found).get(),
    "gevent.spawn": lambda: gevent.spawn(found).get(),
    "spawn_later": lambda: gevent.spawn_later(0.001, found).get(),
    "Greenlet.spawn": lambda: Greenlet.spawn(found).get(),
    "start_later": by_start_later,
    "a class of one's own": by_a_class_of_ones_own,
    "a greenlet of a greenlet": lambda: spawn(lambda: spawn(found).get()).get(),
    "Group.spawn": lambda: gevent.pool.Group().spawn(found).get(),
    "Group.apply": lambda: gevent.pool.Group().apply(found),
    "Pool.map": lambda: gevent.pool.Pool(2).map(found, [1, 2, 3])[-1],
    "Pool.map_async": lambda: gevent.pool.Pool(2).map_async(found, [1]).get()[0],
    "Pool.apply_async": lambda: gevent.pool.Pool(1).apply_async(found).get(),
    "Pool.imap": lambda: list(gevent.pool.Pool(2).imap(found, [1, 2, 3]))[-1],
    "Pool.imap_unordered": lambda: list(gevent.pool.Pool(2).imap_unordered(found, [1, 2, 3]))[-1],
    "ThreadPool.spawn": lambda: gevent.get_hub().threadpool.spawn(found).get(),
    "ThreadPool.apply": lambda: gevent.get_hub().threadpool.apply(found),
    "ThreadPool.map": lambda: gevent.get_hub().threadpool.map(found, [1, 2])[-1],
    "ThreadPool.imap": lambda: list(gevent.get_hub().threadpool.imap(found, [1, 2]))[-1],
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_done_elsewhere_or_later_is_the_callers_and_no_later_jobs(tracer: Tracer, way: str) -> None:
    token = attach(set_baggage("tea", "green"))
    with tracer.start_as_current_span("caller") as caller:
        assert WAYS[way]() == (caller.get_span_context().span_id, "green")
    detach(token)
    assert WAYS[way]() == (0, None)


def test_an_executor_on_gevents_threads(tracer: Tracer) -> None:
    with gevent.threadpool.ThreadPoolExecutor(1) as executor:
        with tracer.start_as_current_span("caller") as caller:
            assert executor.submit(found).result() == (caller.get_span_context().span_id, None)
        assert executor.submit(get_current).result() == {}


def test_a_greenlet_that_runs_when_its_parent_has_ended_has_it_for_its_parent(
    recorder: Recorder, tracer: Tracer
) -> None:
    def late() -> None:
        with tracer.start_as_current_span("late"):
            pass

    with tracer.start_as_current_span("caller"):
        greenlet = gevent.spawn(late)
    greenlet.get()

    caller, child = recorder.take()
    assert child.parent is not None
    assert (child.parent.span_id, child.context.trace_id) == (caller.context.span_id, caller.context.trace_id)


def test_a_greenlet_that_is_to_serve_everybody_can_leave_the_context_behind(tracer: Tracer) -> None:
    with tracer.start_as_current_span("caller"):
        assert contextvars.Context().run(gevent.spawn, found).get() == (0, None)


def test_what_a_greenlet_makes_current_is_not_its_spawners(tracer: Tracer) -> None:
    with tracer.start_as_current_span("caller") as caller:
        greenlet = gevent.spawn(lambda: attach(set_baggage("tea", "of the greenlet")) and None)
        greenlet.get()
        assert found() == (caller.get_span_context().span_id, None)


def test_a_greenlet_that_is_killed_before_it_runs_ends_as_ever(tracer: Tracer) -> None:
    with tracer.start_as_current_span("caller"):
        greenlet = gevent.spawn(found)
        greenlet.kill()
    assert isinstance(greenlet.value, gevent.GreenletExit)


def test_variables_that_somebody_gave_a_greenlet_stay(tracer: Tracer) -> None:
    variable = contextvars.ContextVar("variable", default="nothing")
    given = contextvars.Context()
    given.run(variable.set, "given")
    greenlet = Greenlet(lambda: (variable.get(), found()[0]))
    greenlet.gr_context = given
    with tracer.start_as_current_span("caller") as caller:
        greenlet.start()
    assert greenlet.get() == ("given", caller.get_span_context().span_id)
    assert len(given) == 1


PATCHED = """
import sys
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import get_current_span
from otel_instrumentors.futures import FuturesInstrumentor
from otel_instrumentors.gevent import GeventInstrumentor

tracer = TracerProvider(shutdown_on_exit=False).get_tracer("application")
if sys.argv[1] == "before":
    from gevent import monkey; monkey.patch_all()
FuturesInstrumentor().instrument()
GeventInstrumentor().instrument()
if sys.argv[1] == "after":
    from gevent import monkey; monkey.patch_all()

import queue, threading
from concurrent.futures import ThreadPoolExecutor
import gevent

def found():
    gevent.sleep(0)
    return get_current_span().get_span_context().span_id

def in_a_thread():
    results = queue.Queue()
    threading.Thread(target=lambda: results.put(found())).start()
    return results.get()

with ThreadPoolExecutor(1) as executor:
    for _ in range(2):
        with tracer.start_as_current_span("caller") as caller:
            expected = caller.get_span_context().span_id
            assert executor.submit(found).result() == expected
            assert in_a_thread() == expected
            assert gevent.spawn(found).get() == expected
        assert [executor.submit(found).result(), in_a_thread(), gevent.spawn(found).get()] == [0, 0, 0]
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_it_does_not_matter_when_the_standard_library_is_patched(when: str) -> None:
    # gevent warns where what it patches is in use already; its old releases warn of themselves, too.
    warnings = ("-W", "ignore", "-W", "error:Monkey-patching")
    done = subprocess.run([sys.executable, *warnings, "-c", PATCHED, when], capture_output=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
