"""A span that begins in one method of an object and ends in another, in whatever task: a request and its handler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from .. import safety
from ..around import around
from ..call import Call, Incoming, Outcome
from ..hook import Hook, Target, standing_for
from ..recording import Recording
from ..response import Add, propagate_response
from ..scope import Describe, Scope
from ..shape import Shape

Annotate = Callable[[Call], Outcome | None]


class SpanPerObject:
    """The requests of one framework that are being served, by the object that serves each.

    Contexts do not tell whose method is called: one request's code may end another request, and a thread any.

    `add` adds a header to the response of such an object, unless it is there or has been sent.
    """

    def __init__(self, add: Add | None = None) -> None:
        self._add = add
        self._open: WeakKeyDictionary[Any, _Request] = WeakKeyDictionary()

    def start(self, describe: Describe, incoming: Callable[[Call], Incoming], is_over: Callable[[Call], bool]) -> Hook:
        """A hook for the method that serves a request, its span current inside.

        Where the request `is_over` when the method is done (or the future that it returned), so is the span.
        """
        return _Start(self, describe, incoming, is_over)

    def annotate(self, describe: Annotate) -> Hook:
        """A hook for a method whose call tells something of the request: asked before it is called."""
        return _Annotate(self, describe)

    def end(self, describe: Annotate | None = None, *, if_idle: bool = False) -> Hook:
        """A hook for a method with whose return the span ends; `describe` is asked then.

        `if_idle`: only where the method that serves the request is done.
        """
        return _End(self, describe, if_idle)

    def keep(self, server: Any, recording: Recording, is_over: Callable[[Call], bool]) -> _Request | None:
        """From now on `server` serves that request."""
        try:
            request = self._open[server] = _Request(recording, is_over)
        except Exception as error:  # noqa: BLE001
            safety.report("serving a request", error)
            recording.end()
            return None
        return request

    def tell_client(self, server: Any, recording: Recording) -> None:
        """Write the context of the span into the response that `server` is about to give."""
        if self._add is not None:
            propagate_response(server, recording, self._add)

    def of(self, server: Any) -> _Request | None:
        """The request that `server` serves, if it is still open."""
        try:
            request = self._open.get(server)
        except TypeError:
            return None  # not hashable: never kept
        return None if request is None or request.recording.ended else request


class _Request:
    __slots__ = ("is_over", "is_running", "recording")

    def __init__(self, recording: Recording, is_over: Callable[[Call], bool]) -> None:
        self.recording = recording
        self.is_over = is_over
        self.is_running = True

    def returned(self, call: Call) -> None:
        self.is_running = False
        try:
            is_over = self.is_over(call)
        except Exception as error:  # noqa: BLE001
            safety.report(safety.place(self.is_over), error)
            is_over = True
        if is_over:
            self.recording.end()


class _Start:
    __slots__ = ("describe", "incoming", "is_over", "requests")

    def __init__(
        self,
        requests: SpanPerObject,
        describe: Describe,
        incoming: Callable[[Call], Incoming],
        is_over: Callable[[Call], bool],
    ) -> None:
        self.requests = requests
        self.describe = describe
        self.incoming = incoming
        self.is_over = is_over

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function = target.function

        def opened(call: Call) -> _Request | None:
            recording = scope.open(self.describe, call, None, self.incoming) if scope.active else None
            if recording is None:
                return None
            self.requests.tell_client(call.instance, recording)
            return self.requests.keep(call.instance, recording, self.is_over)

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            call = target.call(args, kwargs)
            request = opened(call)
            if request is None:
                return function(*args, **kwargs)
            request.recording.enter()
            try:
                result = function(*args, **kwargs)
            except BaseException as error:
                request.recording.fail(error)
                raise
            request.recording.leave()
            when_done = getattr(result, "add_done_callback", None)
            if when_done is None:
                request.returned(call)
            else:
                when_done(lambda _future: request.returned(call))
            return result

        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            call = target.call(args, kwargs)
            request = opened(call)
            if request is None:
                return await function(*args, **kwargs)
            request.recording.enter()
            try:
                result = await function(*args, **kwargs)
            except BaseException as error:
                request.recording.abandon()
                request.recording.fail(error)
                raise
            request.recording.abandon()
            request.returned(call)
            return result

        return standing_for(function, coroutine if target.shape is Shape.COROUTINE else wrapper)


class _Annotate:
    __slots__ = ("describe", "requests")

    def __init__(self, requests: SpanPerObject, describe: Annotate) -> None:
        self.requests = requests
        self.describe = describe

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        def called(call: Call) -> None:
            request = self.requests.of(call.instance)
            if request is not None:
                request.recording.learn(self.describe, call)

        return around(target, scope, before=called)


class _End:
    __slots__ = ("describe", "if_idle", "requests")

    def __init__(self, requests: SpanPerObject, describe: Annotate | None, if_idle: bool) -> None:
        self.requests = requests
        self.describe = describe
        self.if_idle = if_idle

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        def called(call: Call) -> None:
            # Once more: who answers with an error begins with headers of its own.
            request = self.requests.of(call.instance)
            if request is not None:
                self.requests.tell_client(call.instance, request.recording)

        def returned(call: Call, result: Any) -> Any:
            request = self.requests.of(call.instance)
            if request is not None and not (self.if_idle and request.is_running):
                recording = request.recording
                if self.describe is not None:
                    recording.learn(self.describe, call)
                # Perhaps in another task than the one that entered.
                recording.abandon()
                recording.end()
            return result

        return around(target, scope, before=called if self.describe is not None else None, returned=returned)
