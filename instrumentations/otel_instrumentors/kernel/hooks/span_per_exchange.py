"""A span that begins when a connection sends a request, and ends when the response that it gave is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from .. import safety
from ..hook import Hook, Target, standing_for
from ..recording import Finish, Recording
from ..scope import Describe, Scope

IsOver = Callable[[Any], bool]


class SpanPerExchange:
    """The requests of one protocol that wait for their response, by connection, and the responses that are being read.

    All hooks are for methods that are plain functions. `is_read` says of a response whether nothing is left to read. A
    span ends, too, when its connection or response is forgotten without having been closed.
    """

    def __init__(self, is_read: IsOver) -> None:
        self._is_read = is_read
        self._open: WeakKeyDictionary[Any, _Exchange] = WeakKeyDictionary()

    def begin(self, describe: Describe, *, suppressed_by: str | None = None) -> Hook:
        """A hook for the connection's method that sends a request, its span current inside; as `traced` otherwise."""
        return _Begin(self, describe, suppressed_by)

    def send(self) -> Hook:
        """A hook for the connection's method that sends more of the request: what it raises is the span's failure."""
        return _Step(self)

    def answer(self, finish: Finish) -> Hook:
        """A hook for the connection's method that returns the response, which has the span from then on.

        `finish` is asked with the response.
        """
        return _Answer(self, finish)

    def read(self) -> Hook:
        """A hook for the response's methods that read it: what they raise is the span's failure."""
        return _Step(self, is_over=self.is_read)

    def close(self) -> Hook:
        """A hook for the methods that close a connection or a response."""
        return _Step(self, closes=True)

    def of(self, holder: Any) -> _Exchange | None:
        """The exchange that a connection or a response is busy with."""
        try:
            return self._open.get(holder)
        except TypeError:
            return None  # not hashable: never kept

    def keep(self, holder: Any, exchange: _Exchange) -> None:
        try:
            self._open[holder] = exchange
        except TypeError as error:
            safety.report("sending a request", error)
            exchange.recording.end()

    def release(self, holder: Any) -> None:
        self._open.pop(holder, None)

    def is_read(self, response: Any) -> bool:
        """Whether a response is read; one that does not tell is."""
        try:
            return self._is_read(response)
        except Exception as error:  # noqa: BLE001
            safety.report(safety.place(self._is_read), error)
            return True


class _Exchange:
    """An open span; whoever forgets it ends it."""

    __slots__ = ("recording",)

    def __init__(self, recording: Recording) -> None:
        self.recording = recording

    def __del__(self) -> None:
        self.recording.end_apart()


class _Begin:
    __slots__ = ("describe", "exchanges", "suppressed_by")

    def __init__(self, exchanges: SpanPerExchange, describe: Describe, suppressed_by: str | None) -> None:
        self.exchanges = exchanges
        self.describe = describe
        self.suppressed_by = suppressed_by

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, exchanges, describe, suppressed_by = (
            target.function,
            self.exchanges,
            self.describe,
            self.suppressed_by,
        )

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            call = target.call(args, kwargs)
            recording = scope.open(describe, call, suppressed_by) if scope.active else None
            if recording is None:
                return function(*args, **kwargs)
            exchange = _Exchange(recording)
            exchanges.keep(call.instance, exchange)
            try:
                recording.enter()
                result = function(*args, **kwargs)
                recording.leave()
            except BaseException as error:
                exchanges.release(call.instance)
                recording.fail(error)
                raise
            return result

        return standing_for(function, wrapper)


class _Answer:
    __slots__ = ("exchanges", "finish")

    def __init__(self, exchanges: SpanPerExchange, finish: Finish) -> None:
        self.exchanges = exchanges
        self.finish = finish

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, exchanges, finish = target.function, self.exchanges, self.finish

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            call = target.call(args, kwargs)
            exchange = exchanges.of(call.instance)
            if exchange is None:
                return function(*args, **kwargs)
            # Before the call: a connection that is not used again closes itself when it has the response.
            exchanges.release(call.instance)
            try:
                response = function(*args, **kwargs)
            except BaseException as error:
                exchange.recording.fail(error)
                raise
            exchange.recording.learn(finish, call, response)
            if exchanges.is_read(response):
                exchange.recording.end()
            else:
                exchanges.keep(response, exchange)
            return response

        return standing_for(function, wrapper)


class _Step:
    __slots__ = ("closes", "exchanges", "is_over")

    def __init__(self, exchanges: SpanPerExchange, *, is_over: IsOver | None = None, closes: bool = False) -> None:
        self.exchanges = exchanges
        self.is_over = is_over
        self.closes = closes

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, exchanges, is_over, closes = target.function, self.exchanges, self.is_over, self.closes

        def wrapper(holder: Any, *args: Any, **kwargs: Any) -> Any:
            exchange = exchanges.of(holder)
            if exchange is None:
                return function(holder, *args, **kwargs)
            try:
                result = function(holder, *args, **kwargs)
            except BaseException as error:
                exchanges.release(holder)
                exchange.recording.fail(error)
                raise
            if closes:
                exchanges.release(holder)
                exchange.recording.end_apart()
            elif is_over is not None and is_over(holder):
                exchanges.release(holder)
                exchange.recording.end()
            return result

        return standing_for(function, wrapper)
