"""Warns of objects that were made before the hook was placed: they cannot be traced."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from typing import Any

from ..hook import Hook, Target
from ..scope import Scope

_logger = logging.getLogger("otel_instrumentors")


def warn_of_existing(hook: Hook, cls: str, what: str) -> Hook:
    """`hook`, for a function of a module that makes what is traced from then on.

    Where objects of the module's class `cls` are there already, one line says that they are not traced: `what` names
    them, in the plural.
    """
    return _WarnOfExisting(hook, cls, what)


class _WarnOfExisting:
    __slots__ = ("cls", "hook", "what")

    def __init__(self, hook: Hook, cls: str, what: str) -> None:
        self.hook = hook
        self.cls = cls
        self.what = what

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        # While a module is being imported nobody can have made any: the search would cost each start its time.
        if not getattr(getattr(target.owner, "__spec__", None), "_initializing", False):
            cls = getattr(target.owner, self.cls)
            number = sum(issubclass(type(found), cls) for found in gc.get_objects())
            if number:
                _logger.warning("%s %s made before they were instrumented are not traced", number, self.what)
        return self.hook.wrap(target, scope)
