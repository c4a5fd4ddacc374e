"""Exceptions that a signal handler of the application raises while our code runs: they reach the application."""

from __future__ import annotations

import functools
import gc
import random
import signal
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry.context import get_current

from otel_instrumentors.kernel import safety
from otel_instrumentors.kernel.call import Call, Outcome, SpanSpec
from otel_instrumentors.kernel.hook import Hook, Target
from otel_instrumentors.kernel.hooks.suppress import suppress
from otel_instrumentors.kernel.hooks.traced import traced
from otel_instrumentors.kernel.hooks.traced_handler import traced_handler
from otel_instrumentors.kernel.hooks.traced_result import traced_result
from otel_instrumentors.kernel.hooks.traced_unless_below import traced_unless_below
from otel_instrumentors.kernel.interruptions import pass_on
from otel_instrumentors.kernel.scope import Scope
from otel_instrumentors.sqlite3 import Sqlite3Instrumentor
from tests.otel_instrumentors.contract import Recorder, instrumented, light_provider, said_by_us


class TooLong(Exception):
    """As RQ and Celery end a job that takes too long."""


def limit(*_: Any) -> None:
    raise TooLong


class Limit:
    def method(self, *_: Any) -> None:
        raise TooLong

    __call__ = method


class Limits:
    """Time limits that meet a job at many places."""

    MANY = 400

    def __init__(self) -> None:
        self.raised = self.arrived = 0
        self._armed = False

    def handle(self, *_: Any) -> None:
        if self._armed:
            self._armed = False
            self.raised += 1
            raise TooLong

    def storm(self, call: Callable[[], object]) -> None:
        """Calls until each limit has come; after it the context is as before."""
        draw, before = random.Random(7), get_current()
        for _ in range(self.MANY):
            try:
                self._armed = True
                signal.setitimer(signal.ITIMER_REAL, draw.uniform(1e-5, 5e-4))
                self._until_it_comes(call)
            except TooLong:
                self.arrived += 1
            assert get_current() is before

    def _until_it_comes(self, call: Callable[[], object]) -> None:
        # Apart: of what comes as a loop begins again, Python 3.13 does not say that it is inside a `try` around it.
        while self._armed:
            call()


HANDLERS: dict[str, Callable[..., Any]] = {
    "function": limit,
    "method": Limit().method,
    "partial": functools.partial(limit, 1),
    "object": Limit(),
}


@pytest.fixture(params=HANDLERS)
def interrupt(request: pytest.FixtureRequest) -> Iterator[Callable[[], None]]:
    before = signal.signal(signal.SIGUSR1, HANDLERS[request.param])
    yield lambda: signal.raise_signal(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def described(_call: Call) -> SpanSpec:
    return SpanSpec("span")


def test_what_comes_while_a_value_is_made_text_reaches_the_application(interrupt: Callable[[], None]) -> None:
    class Odd:
        def __str__(self) -> str:
            interrupt()
            return "odd"

    with pytest.raises(TooLong):
        safety.text(Odd())


@pytest.mark.parametrize("hook", [traced, traced_handler])
@pytest.mark.parametrize("step", ["describing", "finishing"])
def test_what_comes_while_we_describe_or_finish_reaches_the_application_and_leaves_no_span_current(
    hook: Callable[..., Hook],
    step: str,
    interrupt: Callable[[], None],
    recorder: Recorder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    called = []

    def describe(call: Call) -> SpanSpec:
        if step == "describing":
            interrupt()
        return described(call)

    def finish(_call: Call, _result: Any) -> Outcome:
        interrupt()
        raise AssertionError("interrupted")

    scope = Scope(recorder.provider.get_tracer("test"))
    wrapped = hook(describe, finish).wrap(Target(lambda: called.append(1), None, False), scope)
    before = get_current()
    with pytest.raises(TooLong):
        wrapped()
    assert get_current() is before
    assert called == ([1] if step == "finishing" else [])
    assert [span.attributes["error.type"] for span in recorder.take() if span.attributes] == (
        [f"{__name__}.TooLong"] if step == "finishing" else []
    )
    assert said_by_us(caplog) == []


def test_an_error_of_another_thread_or_of_nobodys_handler_is_not_passed_on(interrupt: Callable[[], None]) -> None:
    try:
        limit_of_ours()
    except TooLong as error:
        pass_on(error)
    with pytest.raises(TooLong) as caught:
        interrupt()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(pass_on, caught.value).result()


def limit_of_ours() -> None:
    raise TooLong


@pytest.fixture
def limits() -> Iterator[Limits]:
    limits = Limits()
    # Python itself swallows what comes while it calls the finalizers of other tests' garbage.
    gc.collect()
    gc.disable()
    before = signal.signal(signal.SIGALRM, limits.handle)
    yield limits
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
    gc.enable()


def test_wherever_time_limits_meet_us_each_arrives_and_the_next_job_begins_with_no_span(
    limits: Limits, caplog: pytest.LogCaptureFixture
) -> None:
    # The SDK's own processors and exporters swallow what comes while they run.
    provider, _chunks = light_provider()
    with instrumented(Sqlite3Instrumentor, provider):
        connection = sqlite3.connect(":memory:")
        caplog.clear()  # another test may have left a connection that is told of
        limits.storm(lambda: connection.execute("SELECT 1").fetchall())
    assert (limits.raised, limits.arrived) == (Limits.MANY, Limits.MANY)
    assert [line for line in caplog.messages if "detach" in line] == said_by_us(caplog) == []


HOOKS: dict[str, Callable[[], Hook]] = {
    "suppress": lambda: suppress("quiet"),
    "traced_result": lambda: traced_result(described, silences="quiet"),
    "traced_unless_below": lambda: traced_unless_below(described, claim="claim"),
}


@pytest.mark.parametrize("hook", HOOKS)
def test_nor_does_any_other_hook_swallow_one_or_leave_its_context_behind(
    hook: str, limits: Limits, caplog: pytest.LogCaptureFixture
) -> None:
    provider, _chunks = light_provider()
    scope = Scope(provider.get_tracer("test"))
    limits.storm(HOOKS[hook]().wrap(Target(lambda: None, None, False), scope))
    assert (limits.raised, limits.arrived) == (Limits.MANY, Limits.MANY)
    assert [line for line in caplog.messages if "detach" in line] == said_by_us(caplog) == []
