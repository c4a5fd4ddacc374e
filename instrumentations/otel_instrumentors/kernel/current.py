"""The current context, by the shortest way: what `opentelemetry.context` comes to where it is kept as it usually is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import Token
from typing import Any

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.context.contextvars_context import ContextVarsRuntimeContext
from opentelemetry.trace import Span
from opentelemetry.trace.propagation import _SPAN_KEY

from .interruptions import pass_on

_put = dict.__setitem__  # a Context refuses to be written

_runtime: Any = context_api._RUNTIME_CONTEXT
# OTEL_PYTHON_CONTEXT may name another way to keep it.
_variable = _runtime._current_context if type(_runtime) is ContextVarsRuntimeContext else None

get_current: Callable[[], Context] = context_api.get_current if _variable is None else _variable.get
attach: Callable[[Context], Token[Context]] = context_api.attach if _variable is None else _variable.set


def set_span_in_context(span: Span, context: Context) -> Context:
    """As OpenTelemetry's, with one copy in place of two."""
    made = Context(context)
    _put(made, _SPAN_KEY, span)
    return made


def detach(token: Token[Context]) -> None:
    """Give back the context that was current before `token` was had. Never raises; what is wrong is logged.

    A signal handler may raise from here, before or after: who asks again gives it back, if it was not yet.
    """
    try:
        token.var.reset(token)
    except RuntimeError as error:
        pass_on(error)  # else it was given back already
    except Exception as error:  # noqa: BLE001
        pass_on(error)
        context_api.detach(token)  # which says it, or knows the token of another way


def call_within(
    context: Context, before: Context, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """Call `function` with `context` current; then `before` is again, which is so now, wherever somebody raises."""
    token = None
    try:
        token = attach(context)
        result = function(*args, **kwargs)
        detach(token)
    except BaseException:
        _give_back(token, context, before)
        raise
    return result


def _give_back(token: Token[Context] | None, made: Context, before: Context) -> None:
    """After a call that raised: `made` is current no longer, and `before` is. In another context nothing is changed.

    There a call is broken off by the garbage collector. There is no token where a signal handler of the application has
    raised before we had it.
    """
    if token is not None:
        try:
            token.var.reset(token)
        except (AttributeError, RuntimeError, ValueError) as error:
            pass_on(error)
        else:
            return
    if get_current() is made:
        attach(before)
