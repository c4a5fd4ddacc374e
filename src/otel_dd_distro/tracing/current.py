"""Makes a span current while a `with` block runs, or each call of a decorated function."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.context.contextvars_context import ContextVarsRuntimeContext
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation import _SPAN_KEY

from ..interruptions import pass_on
from .unprintable import text

if TYPE_CHECKING:
    from contextvars import ContextVar, Token

    from opentelemetry.util import types

_put = dict.__setitem__  # a Context refuses to be written


def variable() -> ContextVar[Context] | None:
    """What the current context is kept in; None where OTEL_PYTHON_CONTEXT names another way to keep it."""
    runtime = context_api._RUNTIME_CONTEXT
    return runtime._current_context if type(runtime) is ContextVarsRuntimeContext else None


_variable = variable()
_attach = context_api.attach if _variable is None else _variable.set
current = context_api.get_current if _variable is None else _variable.get
_detach = context_api.detach if _variable is None else _variable.reset


class CurrentSpan:
    """Starts a span when it is entered and makes it current; ends it when it is left.

    What the generator of the SDK's `start_as_current_span` does, as its decorator too: each call has a span of its own,
    and a coroutine function is left when its coroutine ends.
    """

    __slots__ = (
        "attributes",
        "context",
        "end_on_exit",
        "kind",
        "links",
        "name",
        "record_exception",
        "set_status_on_exception",
        "span",
        "start_time",
        "token",
        "tracer",
    )

    tracer: Tracer
    name: str
    context: Context | None
    kind: SpanKind
    attributes: types.Attributes
    links: Sequence[Link] | None
    start_time: int | None
    record_exception: bool
    set_status_on_exception: bool
    end_on_exit: bool
    span: Span
    token: Token[Context]

    def __enter__(self) -> Span:
        span = self.tracer.start_span(
            self.name,
            self.context,
            self.kind,
            self.attributes,
            self.links,
            self.start_time,
            self.record_exception,
            self.set_status_on_exception,
        )
        self.span = span
        around = current()
        if len(around) < 2 and (not around or _SPAN_KEY in around):
            context = Context({_SPAN_KEY: span})  # what copying it would come to
        else:
            context = Context(around)
            _put(context, _SPAN_KEY, span)
        self.token = _attach(context)
        return span

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            _detach(self.token)
        except Exception as failure:  # noqa: BLE001
            pass_on(failure)
            context_api.detach(self.token)  # which says what is wrong
        span = self.span
        try:
            if error is not None and isinstance(error, Exception) and isinstance(span, Span) and span.is_recording():
                if self.record_exception:
                    span.record_exception(error)
                if self.set_status_on_exception:
                    span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {text(error)}"))
        finally:
            if self.end_on_exit:
                span.end()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaiting(*args: Any, **kwargs: Any) -> Any:
                with self._again():
                    return await function(*args, **kwargs)

            return awaiting

        @functools.wraps(function)
        def calling(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return calling

    def _again(self) -> AbstractContextManager[Span]:
        return self.tracer.start_as_current_span(
            self.name,
            self.context,
            self.kind,
            self.attributes,
            self.links,
            self.start_time,
            self.record_exception,
            self.set_status_on_exception,
            self.end_on_exit,
        )
