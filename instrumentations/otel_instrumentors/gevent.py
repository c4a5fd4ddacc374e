"""gevent: greenlets, and what its thread pools are given to do, run in the caller's context."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from .families import context
from .kernel.imports import forget, when_imported
from .kernel.instrumentor import Instrumentor

_GREENLETS = "gevent.greenlet"


def _follow(greenlets: ModuleType) -> None:
    greenlets.Greenlet.add_spawn_callback(context.follow)


class GeventInstrumentor(Instrumentor):
    hooks = {"gevent.threadpool": {"ThreadPool.spawn": context.carried(0, "func")}}

    # gevent itself tells of every greenlet that starts, whatever its class and whoever imported what: no hook does.
    def _instrument(self, **kwargs: Any) -> None:
        super()._instrument(**kwargs)
        when_imported(_GREENLETS, _follow)

    def _uninstrument(self, **kwargs: Any) -> None:
        super()._uninstrument(**kwargs)
        forget(_GREENLETS, _follow)
        if _GREENLETS in sys.modules:
            sys.modules[_GREENLETS].Greenlet.remove_spawn_callback(context.follow)
