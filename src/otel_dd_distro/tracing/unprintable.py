"""Exceptions and values whose conversion to text raises: the application does not see that error."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

from opentelemetry.semconv.attributes.exception_attributes import (
    EXCEPTION_ESCAPED,
    EXCEPTION_MESSAGE,
    EXCEPTION_STACKTRACE,
    EXCEPTION_TYPE,
)

from ..interruptions import pass_on

_PLAIN = (str, bool, int, float, bytes, type(None))


def text(value: object) -> str:
    """`value` as text; where making it text raises, what it is instead."""
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001
        pass_on(error)
        return f"<{type(value).__name__} that cannot be made text>"


def attributes(given: Mapping[Any, Any], why: Exception) -> dict[Any, Any]:
    """Attributes some value of which raised `why`: texts in place of whatever is not plain."""
    pass_on(why)
    return {key: value if type(value) in _PLAIN else text(value) for key, value in given.items()}


def event(error: BaseException, escaped: bool, why: Exception) -> dict[str, str]:
    """The attributes of the event of an exception that cannot be made text, as the SDK names them.

    `why` is what was raised when that was tried.
    """
    pass_on(why)
    kind = type(error)
    is_builtin = kind.__module__ == "builtins"
    return {
        EXCEPTION_TYPE: kind.__qualname__ if is_builtin else f"{kind.__module__}.{kind.__qualname__}",
        EXCEPTION_MESSAGE: text(error),
        EXCEPTION_STACKTRACE: "".join(traceback.format_exception(kind, error, error.__traceback__)),
        EXCEPTION_ESCAPED: str(escaped),
    }
