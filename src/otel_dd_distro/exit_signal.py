"""SIGTERM, or SIGINT, without losing the spans of the last second."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_UVICORN = "uvicorn.server"


def before_signal(act: Callable[[], None]) -> None:
    """Have `act` done when a signal would end the process, which it then does, with the status it always had.

    Only where nobody handles it: a handler that the application or its server sets, before or after, stays what it is,
    and ends the process through Python's own exit. (SIGINT has one, unless somebody took it away.)
    """
    _watch(act)
    if _UVICORN in sys.modules:
        _watch_again(sys.modules[_UVICORN], act)
    else:
        sys.meta_path.insert(0, _WhenImported(lambda module: _watch_again(module, act)))


class _WhenImported:
    """Has uvicorn's server watched when it is imported. wrapt, which can do that, costs more than all of our start."""

    def __init__(self, act: Callable[[Any], None]) -> None:
        self._act = act

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        if name != _UVICORN:
            return None
        sys.meta_path.remove(self)
        import importlib.util

        import wrapt

        wrapt.register_post_import_hook(self._act, _UVICORN)
        return importlib.util.find_spec(name)


def _watch(act: Callable[[], None]) -> None:
    if threading.current_thread() is not threading.main_thread():
        return

    def terminate(number: int, _frame: FrameType | None) -> None:
        if os.getpid() == 1:
            # A container's first process: by default the kernel does nothing to it, so it goes on.
            return
        # Who is asked twice ends no sooner: the default would lose what is under way.
        signal.signal(number, signal.SIG_IGN)
        try:
            act()
        finally:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    for number in _SIGNALS:
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, terminate)


def _watch_again(uvicorn_server: Any, act: Callable[[], None]) -> None:
    """Watch once more when uvicorn begins to serve. It handles the signals itself, and then raises them again.

    Without it, a worker of gunicorn that runs uvicorn ends there: such a worker takes all handlers away when it begins.
    """

    def serving(wrapped: Callable[..., Any], _server: object, args: Any, kwargs: Any) -> Any:
        _watch(act)
        return wrapped(*args, **kwargs)

    import wrapt

    wrapt.wrap_function_wrapper(uvicorn_server, "Server.serve", serving)
