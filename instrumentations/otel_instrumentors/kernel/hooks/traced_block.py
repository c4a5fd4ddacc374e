"""A span for the block of a `with` statement, where a function of the library gives the context manager."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..call import Call
from ..hook import Hook, Target, standing_for
from ..proxy import Proxy, stand_for
from ..recording import Recording
from ..scope import Describe, Scope


def traced_block(describe: Describe) -> Hook:
    """A hook for a function that returns a context manager, an asynchronous one as well.

    The span begins when that is entered, is current in the block, and ends when it is left. An exception that leaves
    the block is its failure.
    """
    return _TracedBlock(describe)


class _TracedBlock:
    __slots__ = ("describe",)

    def __init__(self, describe: Describe) -> None:
        self.describe = describe

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, describe = target.function, self.describe

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            block = function(*args, **kwargs)
            if not scope.active:
                return block
            return stand_for(_Block, block)(block, scope, describe, target.call(args, kwargs))

        return standing_for(function, wrapper)


class _Block(Proxy):
    """A context manager with the span of its block, which is current between entering and leaving."""

    __slots__ = ("_self_call", "_self_describe", "_self_recording", "_self_scope")

    def __init__(self, block: Any, scope: Scope, describe: Describe, call: Call) -> None:
        super().__init__(block)
        self._self_scope = scope
        self._self_describe = describe
        self._self_call = call
        self._self_recording: Recording | None = None

    def _self_begin(self) -> None:
        recording = self._self_recording = self._self_scope.open(self._self_describe, self._self_call)
        if recording is not None:
            recording.enter()

    def _self_finish(self, error: BaseException | None) -> None:
        recording = self._self_recording
        if recording is None:
            return
        # Perhaps in another context than the one that entered: of a generator that is closed elsewhere.
        recording.abandon()
        if error is None:
            recording.end()
        else:
            recording.fail(error)

    def _self_enter(self) -> Any:
        self._self_begin()
        try:
            return self._self_wrapped.__enter__()
        except BaseException as error:
            self._self_finish(error)
            raise

    def _self_exit(self, kind: Any, error: Any, traceback: Any) -> Any:
        try:
            is_handled = self._self_wrapped.__exit__(kind, error, traceback)
        except BaseException as raised:
            self._self_finish(raised)
            raise
        self._self_finish(None if is_handled else error)
        return is_handled

    async def _self_aenter(self) -> Any:
        self._self_begin()
        try:
            return await self._self_wrapped.__aenter__()
        except BaseException as error:
            self._self_finish(error)
            raise

    async def _self_aexit(self, kind: Any, error: Any, traceback: Any) -> Any:
        try:
            is_handled = await self._self_wrapped.__aexit__(kind, error, traceback)
        except BaseException as raised:
            self._self_finish(raised)
            raise
        self._self_finish(None if is_handled else error)
        return is_handled

    special = {
        "__enter__": _self_enter,
        "__exit__": _self_exit,
        "__aenter__": _self_aenter,
        "__aexit__": _self_aexit,
    }
