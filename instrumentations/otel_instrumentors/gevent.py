"""gevent: greenlets, and functions that are given to its thread pools, run in the caller's context."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from .families import context
from .kernel.imports import forget, when_imported
from .kernel.instrumentor import Instrumentor

_MODULE = "gevent"


def _follow(module: ModuleType) -> None:
    module.Greenlet.add_spawn_callback(context.follow)


class GeventInstrumentor(Instrumentor):
    hooks = {"gevent.threadpool": {"ThreadPool.spawn": context.carried(0, "func")}}

    # gevent itself tells of every greenlet that starts, whatever its class and whoever imported what: no hook does.
    def _instrument(self, **kwargs: Any) -> None:
        super()._instrument(**kwargs)
        when_imported(_MODULE, _follow)

    def _uninstrument(self, **kwargs: Any) -> None:
        super()._uninstrument(**kwargs)
        forget(_MODULE, _follow)
        if _MODULE in sys.modules:
            sys.modules[_MODULE].Greenlet.remove_spawn_callback(context.follow)
