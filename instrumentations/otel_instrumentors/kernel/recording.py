"""An open span: current while the application's code runs, ended once."""

from __future__ import annotations

import contextvars
import weakref
from collections.abc import Callable
from typing import Any, ClassVar

from opentelemetry.context import Context, create_key, set_value
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.trace import Span, Status, StatusCode

from . import safety
from .call import Call, Outcome
from .current import attach, detach, get_current

_ENTRY = create_key("otel_instrumentors.entry")
"""The context key of the recording of the request that is being served: a weak reference to it.

A recording holds its context. With a strong one every request would leave a circle to the garbage collector.
"""

Finish = Callable[[Call, Any], Outcome | None]
Explain = Callable[[Call, Exception], Outcome | None]


class Recording:
    """The span of one call. Whatever the tracer or a finisher does, its methods do not raise."""

    __slots__ = ("__weakref__", "_cause", "_error_id", "_outside", "_token", "context", "ended", "known_of", "span")

    is_attended: ClassVar[bool] = False
    """Whether options ask for something beside the span."""

    def __init__(self, span: Span, context: Context, before: Context | None = None) -> None:
        """`before` is the context that is current now, if `enter` is to be called in it."""
        self.span = span
        self.context = context
        self.ended = False
        # Set by those who see one call several times, and would learn the same.
        self.known_of: object = None
        # Not the exception: its traceback holds what the application wants to be rid of.
        self._error_id = 0
        # Held no longer than until the answer is known, for the same reason.
        self._cause: BaseException | None = None
        self._token: Any = None
        self._outside = before

    def enter(self) -> None:
        """Make the span current here."""
        self._token = attach(self.context)

    def leave(self) -> None:
        """Give back the context that was current before `enter`."""
        if self._token is not None:
            detach(self._token)
            self._token = self._outside = None

    def abandon(self) -> None:
        """Leave from a coroutine or generator that is being closed, perhaps by another task or the garbage collector.

        Only the context that entered can go back; elsewhere there is nothing to restore.
        """
        token, self._token = self._token, None
        if token is not None:
            self._outside = None
            try:
                token.var.reset(token)
            except (AttributeError, ValueError):
                return

    def finish(self, finisher: Finish | None, call: Call, result: Any) -> None:
        """End the span of a call that returned `result`."""
        if finisher is not None:
            self.learn(finisher, call, result)
        self.end()

    async def settle(self) -> None:
        """Wait for what the application asked to be called with the span, where that has to be awaited."""

    async def finish_settled(self, finisher: Finish | None, call: Call, result: Any) -> None:
        """As `finish`, once that has been awaited which is called with the result."""
        self.finish(finisher, call, result)

    def fail(self, error: BaseException, explain: Explain | None = None, call: Any = None) -> None:
        """End the span of a call that raised. Control flow (exit, cancellation, a closed generator) is no error.

        `explain` says what the exception means for the call: it is on the span in any case, but a failure only where
        the outcome names an error. Where it says nothing, the exception is the failure.
        """
        if self._token is None and self._outside is not None and get_current() is self.context:
            # A signal handler raised between the two steps of `enter`: there is nothing else to leave by.
            attach(self._outside)
        if isinstance(error, Exception) and not self.ended:
            outcome = _explained(explain, call, error) if explain is not None else None
            try:
                if outcome is None:
                    self._record(error)
                else:
                    self._note(outcome)
                    if outcome.error is not error:
                        self.span.record_exception(error)
            except Exception as broken:  # noqa: BLE001
                safety.report("recording an exception", broken)
        if isinstance(error, GeneratorExit):
            self.end_apart()
        else:
            self.end()

    def learn(self, describe: Callable[..., Outcome | None], *subject: Any) -> None:
        """Put on the span what `describe` says of the subject, if it is still open."""
        if self.ended:
            return
        try:
            outcome = describe(*subject)
            if outcome is not None:
                self._note(outcome)
        except Exception as error:  # noqa: BLE001
            safety.report(safety.place(describe), error)

    def _note(self, outcome: Outcome) -> None:
        span = self.span
        if outcome.name is not None:
            span.update_name(outcome.name)
        if outcome.attributes:
            span.set_attributes(outcome.attributes)
        failure = outcome.error
        if outcome.cause is not None:
            self._cause = outcome.cause
        elif self._cause is not None and isinstance(failure, str):
            failure, self._cause = self._cause, None
        if isinstance(failure, BaseException):
            self._record(failure)
        elif failure is not None and not self._error_id:
            span.set_attribute(ERROR_TYPE, failure)
            span.set_status(Status(StatusCode.ERROR))

    def _record(self, error: BaseException) -> None:
        """An exception that is seen twice, by a framework and on its way out, is recorded once."""
        if id(error) == self._error_id:
            return
        self._error_id = id(error)
        span = self.span
        span.set_attribute(ERROR_TYPE, error_type(error))
        span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {safety.text(error)}"))
        span.record_exception(error)

    def end(self) -> None:
        """Leave, and end the span; the second time nothing happens."""
        self.leave()
        if self.ended:
            return
        self.ended = True
        self._cause = None
        try:
            self.span.end()
        except Exception as error:  # noqa: BLE001
            safety.report("ending a span", error)

    def end_apart(self) -> None:
        """`end` for what the garbage collector may call: finalizers, generators and connections that are closed.

        Up to Python 3.11 it works in the midst of anybody's `ContextVar.set`, whose memory is freed if the same context
        is changed meanwhile, by a span processor say. So the span ends in a context of its own.
        """
        # Closed within the call that entered, by a library that gives up a connection: the context is that of this one.
        self.leave()
        if not self.ended:
            contextvars.Context().run(self.end)


def as_entry(recording: Recording, context: Context) -> Context:
    """`context`, in which `recording` is that of the request being served."""
    return set_value(_ENTRY, weakref.ref(recording), context)


def entry_of(context: Context) -> Recording | None:
    """The recording of the request that is being served in `context`, while it is open."""
    reference: Any = context.get(_ENTRY)
    entry: Recording | None = None if reference is None else reference()
    return None if entry is None or entry.ended else entry


def is_of_a_request_that_is_over(context: Context) -> bool:
    return _ENTRY in context and entry_of(context) is None


def _explained(explain: Explain, call: Call, error: Exception) -> Outcome | None:
    try:
        return explain(call, error)
    except Exception as broken:  # noqa: BLE001
        safety.report(safety.place(explain), broken)
        return None


def error_type(error: BaseException) -> str:
    """The `error.type` of an exception: its qualified class name, without the module for a builtin one."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
