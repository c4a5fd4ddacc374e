"""What a library does for itself is not traced; what it does for a caller is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from otel_instrumentors.kernel.call import SpanSpec
from otel_instrumentors.kernel.hook import Target
from otel_instrumentors.kernel.hooks.suppress_outside import suppress_outside
from otel_instrumentors.kernel.hooks.traced import traced
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Boom, Recorder, names


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def scope(recorder: Recorder) -> Scope:
    return Scope(recorder.provider.get_tracer("test"))


@pytest.fixture
def work(scope: Scope) -> Any:
    """What is traced, and may break."""

    def send(breaks: bool = False) -> str:
        if breaks:
            raise Boom("broken on purpose")
        return "sent"

    return traced(lambda _call: SpanSpec("send")).wrap(Target(send, None, False), scope)


@contextmanager
def opened(name: str) -> Iterator[str]:
    yield name


def asked(work: Any, scope: Scope, block: bool, **how: Any) -> Any:
    if block:
        wrapper = suppress_outside(block=True).wrap(Target(opened, None, False), scope)
        with wrapper("tea") as name:
            assert name == "tea"
            return work(**how)
    return suppress_outside().wrap(Target(lambda: work(**how), None, False), scope)()


@pytest.mark.parametrize("block", [False, True], ids=["call", "block"])
def test_outside_of_a_span_nothing_is_traced_and_inside_all(
    block: bool, work: Any, scope: Scope, recorder: Recorder
) -> None:
    assert asked(work, scope, block) == "sent"
    assert recorder.take() == []
    with recorder.provider.get_tracer("application").start_as_current_span("work"):
        assert asked(work, scope, block) == "sent"
    assert names(recorder.take()) == ["send", "work"]


@pytest.mark.parametrize("block", [False, True], ids=["call", "block"])
def test_what_comes_after_is_traced_also_where_the_call_broke(
    block: bool, work: Any, scope: Scope, recorder: Recorder
) -> None:
    with pytest.raises(Boom):
        asked(work, scope, block, breaks=True)
    assert work() == "sent"
    assert names(recorder.take()) == ["send"]


@pytest.mark.parametrize("block", [False, True], ids=["call", "block"])
def test_silent_it_suppresses_nothing(block: bool, work: Any, recorder: Recorder) -> None:
    gone = Scope(recorder.provider.get_tracer("test"))
    gone.active = False
    assert asked(work, gone, block) == "sent"
    assert names(recorder.take()) == ["send"]
