"""Warns of objects whose method was kept before the hook was placed: whoever kept it calls the function untraced."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable
from types import MethodType
from typing import Any

from ..hook import Hook, Target
from ..scope import Scope

_logger = logging.getLogger("otel_instrumentors")


def warn_of_bound(hook: Hook, what: str) -> Hook:
    """`hook`, for a method that applications keep to wrap it, such as `app.wsgi_app = Middleware(app.wsgi_app)`.

    Where that was done already, one line says so: `what` names the objects, in the plural.
    """
    return _WarnOfBound(hook, what)


class _WarnOfBound:
    __slots__ = ("hook", "what")

    def __init__(self, hook: Hook, what: str) -> None:
        self.hook = hook
        self.what = what

    def wrap(self, target: Target, scope: Scope) -> Callable[..., Any]:
        function, module = target.function, sys.modules.get(target.owner.__module__)
        # While a module is being imported nobody can have kept any: the search would cost each start its time.
        if not getattr(getattr(module, "__spec__", None), "_initializing", False):
            kept = {
                id(found.__self__)
                for found in gc.get_referrers(function)
                if type(found) is MethodType and found.__func__ is function
            }
            if kept:
                _logger.warning(
                    "%s %s whose %s was wrapped before they were instrumented are not traced",
                    len(kept),
                    self.what,
                    getattr(function, "__name__", "method"),
                )
        return self.hook.wrap(target, scope)
