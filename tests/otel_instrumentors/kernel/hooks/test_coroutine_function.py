"""Hooks of coroutine functions that do not say that they are."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from types import ModuleType
from typing import Any

import pytest

from otel_instrumentors.kernel.call import Outcome, SpanSpec
from otel_instrumentors.kernel.hook import Target
from otel_instrumentors.kernel.hooks.coroutine_function import coroutine_function
from otel_instrumentors.kernel.hooks.traced import traced
from otel_instrumentors.kernel.scope import Scope
from tests.otel_instrumentors.contract import Boom, Recorder


class Compiled:
    """What an older Cython makes of `async def`: an object that can be awaited, of a function like any other."""

    def __init__(self, result: Any) -> None:
        self.result = result

    def __await__(self) -> Generator[Any, None, Any]:
        yield from asyncio.sleep(0).__await__()
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def fetch(result: Any) -> Compiled:
    return Compiled(result)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def wrapped(recorder: Recorder) -> Any:
    scope = Scope(recorder.provider.get_tracer("test"))
    hook = coroutine_function(traced(lambda _call: SpanSpec("fetch"), lambda _call, result: Outcome({"got": result})))
    return hook.wrap(Target(fetch, ModuleType("library"), is_method=False), scope)


def test_the_span_lasts_until_the_result_is_there(recorder: Recorder) -> None:
    async def used() -> Any:
        awaited = wrapped(recorder)("tea")
        assert recorder.spans() == []
        return await awaited

    assert asyncio.run(used()) == "tea"
    (span,) = recorder.take()
    assert (span.name, dict(span.attributes or {})) == ("fetch", {"got": "tea"})


def test_what_it_raises_is_recorded_and_raised(recorder: Recorder) -> None:
    async def used() -> Any:
        return await wrapped(recorder)(Boom("broken"))

    with pytest.raises(Boom, match="broken"):
        asyncio.run(used())
    (span,) = recorder.take()
    assert not span.status.is_unset
