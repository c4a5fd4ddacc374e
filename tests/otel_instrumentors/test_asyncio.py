"""asyncio: what it carries by itself, and what it needs us for."""

from __future__ import annotations

import asyncio
import contextvars
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Any

import pytest
from opentelemetry.baggage import get_baggage, set_baggage
from opentelemetry.context import attach, detach
from opentelemetry.trace import Tracer, get_current_span

from otel_instrumentors.asyncio import AsyncioInstrumentor
from otel_instrumentors.futures import FuturesInstrumentor
from tests.otel_instrumentors.contract import Carrying, Recorder, instrumented, job

HAS_RUNNER = sys.version_info >= (3, 11)
PREFIX = "OTEL_PYTHON_ASYNCIO_"
HAS_EAGER_TASKS = sys.version_info >= (3, 12)


class TestAsyncioContract(Carrying):
    instrumentor = AsyncioInstrumentor
    parents = {"a task": True, "a connection": False, **({"a later run": True} if HAS_RUNNER else {})}

    @pytest.fixture(autouse=True)
    def _all_hooks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Those that are off unless something is named."""
        monkeypatch.setenv(f"{PREFIX}COROUTINE_NAMES_TO_TRACE", "nothing")
        monkeypatch.setenv(f"{PREFIX}TO_THREAD_FUNCTION_NAMES_TO_TRACE", "nothing")

    @staticmethod
    def use() -> Any:
        with closing(_served()) as served:
            return asyncio.run(served), _run_twice() if HAS_RUNNER else ""


async def _served() -> tuple[str, bytes]:
    """A task, and a connection to a server that is started here."""

    async def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(job("a connection").encode())
        writer.close()

    async def task() -> str:
        return job("a task")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = await asyncio.start_server(connected, sock=listening)
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
    # Not `asyncio.create_task`: where the exam has that break, the coroutine would never be awaited.
    return await asyncio.get_running_loop().create_task(task()), answer


def _run_twice() -> str:
    """The second time as anybody: the runner keeps the context in which it is first used."""

    async def nothing() -> None:
        """Nothing."""

    async def run() -> str:
        return job("a later run")

    with asyncio.Runner() as runner:
        contextvars.Context().run(runner.run, nothing())
        return runner.run(run())


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(FuturesInstrumentor, recorder.provider), instrumented(AsyncioInstrumentor, recorder.provider):
        yield recorder


@pytest.fixture
def tracer(recorder: Recorder) -> Tracer:
    return recorder.provider.get_tracer("application")


def found() -> tuple[int, object]:
    """What a job finds: whose span is current, and a baggage."""
    return get_current_span().get_span_context().span_id, get_baggage("tea")


async def find() -> tuple[int, object]:
    await asyncio.sleep(0)
    return found()


async def by_create_task() -> Any:
    return await asyncio.create_task(find())


async def by_gather() -> Any:
    one, other = await asyncio.gather(find(), find())
    assert one == other
    return one


async def by_a_task_group() -> Any:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(find())
    return task.result()


async def by_an_eager_task() -> Any:
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    return await asyncio.create_task(find())


async def by_wait_for() -> Any:
    return await asyncio.wait_for(find(), 10)


async def by_run_in_executor() -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, found)


async def by_an_executor_of_ones_own() -> Any:
    with ThreadPoolExecutor(1) as executor:
        return await asyncio.get_running_loop().run_in_executor(executor, found)


async def by_to_thread() -> Any:
    return await asyncio.to_thread(found)


async def by_run_coroutine_threadsafe() -> Any:
    loop = asyncio.get_running_loop()
    return await asyncio.to_thread(lambda: asyncio.run_coroutine_threadsafe(find(), loop).result(10))


async def _told(tell: Callable[[asyncio.AbstractEventLoop, Callable[[], None]], Any]) -> Any:
    loop = asyncio.get_running_loop()
    told = loop.create_future()
    handle = tell(loop, lambda: told.set_result(found()))
    if isinstance(handle, threading.Thread):
        handle.start()
    return await told


async def by_call_soon() -> Any:
    return await _told(lambda loop, callback: loop.call_soon(callback))


async def by_call_later() -> Any:
    return await _told(lambda loop, callback: loop.call_later(0.001, callback))


async def by_call_soon_threadsafe() -> Any:
    return await _told(lambda loop, callback: threading.Thread(target=loop.call_soon_threadsafe, args=(callback,)))


async def by_a_callback_of_a_task() -> Any:
    task = asyncio.create_task(asyncio.sleep(0))
    return await _told(lambda _loop, callback: task.add_done_callback(lambda _: callback()))


WAYS = [
    by_create_task,
    by_gather,
    by_wait_for,
    by_run_in_executor,
    by_an_executor_of_ones_own,
    by_to_thread,
    by_run_coroutine_threadsafe,
    by_call_soon,
    by_call_later,
    by_call_soon_threadsafe,
    by_a_callback_of_a_task,
    *([by_a_task_group] if HAS_RUNNER else []),
    *([by_an_eager_task] if HAS_EAGER_TASKS else []),
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_what_is_done_elsewhere_or_later_is_the_callers(tracer: Tracer, way: Callable[[], Awaitable[Any]]) -> None:
    async def main() -> None:
        token = attach(set_baggage("tea", "green"))
        with tracer.start_as_current_span("caller") as caller:
            assert await way() == (caller.get_span_context().span_id, "green")
        detach(token)
        assert await way() == (0, None)

    asyncio.run(main())


def test_two_tasks_at_once_keep_their_children_apart(recorder: Recorder, tracer: Tracer) -> None:
    async def request(name: str) -> None:
        with tracer.start_as_current_span(name):
            await asyncio.sleep(0.001)
            with tracer.start_as_current_span(f"child of {name}"):
                await asyncio.sleep(0.001)

    async def main() -> None:
        await asyncio.gather(request("one"), request("other"))

    asyncio.run(main())
    spans = {span.name: span for span in recorder.take()}
    for name in ("one", "other"):
        parent = spans[f"child of {name}"].parent
        assert parent is not None
        assert parent.span_id == spans[name].context.span_id


def test_a_child_that_outlives_its_parent_has_it_for_its_parent(recorder: Recorder, tracer: Tracer) -> None:
    async def late(may_begin: asyncio.Event) -> None:
        await may_begin.wait()
        with tracer.start_as_current_span("late"):
            pass

    async def main() -> None:
        may_begin = asyncio.Event()
        with tracer.start_as_current_span("caller"):
            task = asyncio.create_task(late(may_begin))
        may_begin.set()
        await task

    asyncio.run(main())
    caller, child = recorder.take()
    assert child.parent is not None
    assert (child.parent.span_id, child.context.trace_id) == (caller.context.span_id, caller.context.trace_id)


def test_a_task_that_is_to_serve_everybody_can_leave_the_context_behind(tracer: Tracer) -> None:
    async def main() -> None:
        with tracer.start_as_current_span("caller"):
            task = contextvars.Context().run(asyncio.create_task, find())
        assert await task == (0, None)

    asyncio.run(main())


def test_a_cancelled_task_leaves_the_callers_context_as_it_was(tracer: Tracer) -> None:
    async def main() -> None:
        with tracer.start_as_current_span("caller") as caller:
            task = asyncio.create_task(asyncio.sleep(60))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            assert found()[0] == caller.get_span_context().span_id
        assert found()[0] == 0

    asyncio.run(main())


@pytest.mark.parametrize("start", ["at once", "later"])
def test_no_connection_belongs_to_who_started_the_server(tracer: Tracer, start: str) -> None:
    async def main() -> None:
        seen: list[object] = []

        class Protocol(asyncio.Protocol):
            def connection_made(self, transport: Any) -> None:
                seen.append(found())

            def data_received(self, data: bytes) -> None:
                seen.append(found())

            def connection_lost(self, _error: object) -> None:
                closed.set()

        closed = asyncio.Event()
        loop = asyncio.get_running_loop()
        with tracer.start_as_current_span("start"):
            server = await loop.create_server(Protocol, "127.0.0.1", 0, start_serving=start == "at once")
            await server.start_serving()
        address = server.sockets[0].getsockname()

        def visit() -> None:
            with socket.create_connection(address) as connection:
                connection.sendall(b"hello")

        await asyncio.to_thread(visit)
        await closed.wait()
        server.close()
        await server.wait_closed()
        assert seen == [(0, None), (0, None)]

    asyncio.run(main())


if HAS_RUNNER:

    def test_each_run_of_a_runner_is_its_callers(tracer: Tracer) -> None:
        with asyncio.Runner() as runner:
            with tracer.start_as_current_span("first") as first:
                assert runner.run(find())[0] == first.get_span_context().span_id
            assert runner.run(find()) == (0, None)
            with tracer.start_as_current_span("second") as second:
                assert runner.run(find())[0] == second.get_span_context().span_id

    def test_a_runner_keeps_the_applications_own_variables_from_run_to_run(tracer: Tracer) -> None:
        variable = contextvars.ContextVar[int]("variable", default=0)

        async def count() -> int:
            variable.set(variable.get() + 1)
            return variable.get()

        with asyncio.Runner() as runner, tracer.start_as_current_span("caller"):
            assert [runner.run(count()), runner.run(count())] == [1, 2]
        assert variable.get() == 0

    def test_a_run_in_a_context_that_the_application_names_is_left_alone(tracer: Tracer) -> None:
        with asyncio.Runner() as runner, tracer.start_as_current_span("caller"):
            assert runner.run(find(), context=contextvars.Context()) == (0, None)


@pytest.fixture
def bare() -> Recorder:
    return Recorder()


def told(bare: Recorder) -> list[tuple[str, str]]:
    return sorted((span.name, span.status.status_code.name) for span in bare.take())


async def brew(fails: bool = False) -> str:
    await asyncio.sleep(0)
    if fails:
        raise ValueError("no water")
    return "brew"


async def other() -> str:
    return "other"


async def wait_for_all(given: Any) -> list[Any]:
    done, _ = await asyncio.wait([asyncio.create_task(item) for item in given])
    return [task.result() for task in done]


async def in_any_order(given: Any) -> list[Any]:
    return sorted([await item for item in asyncio.as_completed(given)])


async def from_elsewhere(given: Any) -> list[Any]:
    loop = asyncio.get_running_loop()
    return [await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(item, loop)) for item in given]


async def in_a_group(given: Any) -> list[Any]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(item) for item in given]
    return [task.result() for task in tasks]


async def one_by_one(start: Callable[[Any], Awaitable[Any]], given: Any) -> list[Any]:
    return [await start(item) for item in given]


WAYS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "create_task": lambda given: one_by_one(lambda item: asyncio.create_task(item), given),
    "ensure_future": lambda given: one_by_one(lambda item: asyncio.ensure_future(item), given),
    "wait_for": lambda given: one_by_one(lambda item: asyncio.wait_for(item, 60), given),
    "wait": wait_for_all,
    "as_completed": in_any_order,
    "gather": lambda given: asyncio.gather(*given),
    "run_coroutine_threadsafe": from_elsewhere,
    **({"a group": in_a_group} if HAS_RUNNER else {}),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_coroutine_that_is_named_has_a_span_whichever_way_it_is_started(
    way: str, bare: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}COROUTINE_NAMES_TO_TRACE", "brew, pour")

    async def main() -> Any:
        return list(await WAYS[way]([brew(), other()]))

    with instrumented(AsyncioInstrumentor, bare.provider):
        results = asyncio.run(main())
    assert sorted(results) == ["brew", "other"]
    assert told(bare) == [("asyncio coro-brew", "UNSET")]


def test_a_coroutine_that_is_named_runs_in_its_span_and_fails_with_its_own_exception(
    bare: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}COROUTINE_NAMES_TO_TRACE", "brew,seen")

    async def seen() -> int:
        return get_current_span().get_span_context().span_id

    async def main() -> int:
        with pytest.raises(ValueError, match="no water"):
            await asyncio.create_task(brew(fails=True))
        task = asyncio.create_task(seen())
        assert task.get_coro().__name__ == "seen"  # type: ignore[union-attr]
        return await task

    with instrumented(AsyncioInstrumentor, bare.provider):
        inside = asyncio.run(main())
    failed, span = bare.take()
    assert (failed.name, failed.status.status_code.name) == ("asyncio coro-brew", "ERROR")
    assert (span.name, span.context.span_id) == ("asyncio coro-seen", inside)


def test_a_coroutine_that_is_given_twice_runs_once(bare: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}COROUTINE_NAMES_TO_TRACE", "brew")

    async def main() -> Any:
        given = brew()
        return await asyncio.gather(given, given)

    with instrumented(AsyncioInstrumentor, bare.provider):
        assert asyncio.run(main()) == ["brew", "brew"]
    assert told(bare) == [("asyncio coro-brew", "UNSET")]


def test_a_coroutine_that_never_runs_is_closed_with_what_stands_for_it(
    bare: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}COROUTINE_NAMES_TO_TRACE", "brew")
    given = brew()

    async def main() -> None:
        asyncio.create_task(given).cancel()
        await asyncio.sleep(0)

    with instrumented(AsyncioInstrumentor, bare.provider):
        asyncio.run(main())
    with pytest.raises(RuntimeError, match="cannot reuse"):
        given.send(None)
    assert told(bare) == []


def test_a_function_that_is_named_has_a_span_in_its_thread(bare: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}TO_THREAD_FUNCTION_NAMES_TO_TRACE", "stir")

    def stir(times: int, *, well: bool) -> tuple[int, bool, int]:
        return times, well, get_current_span().get_span_context().span_id

    async def main() -> Any:
        assert await asyncio.to_thread(str, 1) == "1"
        return await asyncio.to_thread(stir, 3, well=True), await asyncio.to_thread(partial(stir, 3), well=True)

    with instrumented(AsyncioInstrumentor, bare.provider):
        results = asyncio.run(main())
    spans = bare.take()
    assert [span.name for span in spans] == ["asyncio to_thread-stir"] * 2
    assert list(results) == [(3, True, span.context.span_id) for span in spans]


@pytest.mark.parametrize("fails", [False, True])
def test_a_future_has_a_span_until_it_is_done_where_that_is_asked(
    fails: bool, bare: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}FUTURE_TRACE_ENABLED", "True")

    async def main() -> Any:
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(
            *((future.set_exception, ValueError("no")) if fails else (future.set_result, 1))
        )
        task = asyncio.ensure_future(asyncio.create_task(other()))
        (result,) = await asyncio.gather(asyncio.ensure_future(future), return_exceptions=True)
        await task
        return result

    with instrumented(AsyncioInstrumentor, bare.provider):
        result = asyncio.run(main())
    assert isinstance(result, ValueError) is fails
    # `ensure_future` and `gather` are given it: each waits for itself.
    assert told(bare) == [("asyncio future", "ERROR" if fails else "UNSET")] * 2


def test_nothing_is_wrapped_where_nothing_is_named() -> None:
    names = ("create_task", "ensure_future", "gather", "to_thread", "wait", "wait_for")
    untraced = [getattr(asyncio, name) for name in names]
    with instrumented(AsyncioInstrumentor, Recorder().provider):
        assert [getattr(asyncio, name) for name in names] == untraced
