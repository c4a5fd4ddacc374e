"""asyncio: a server's connections start in an empty context, and each run of a `Runner` in that of its caller.

Tasks, callbacks and `asyncio.to_thread` carry the context by themselves, and `run_in_executor` does by `futures`.
"""

from __future__ import annotations

import contextvars

from .families import context
from .kernel.call import Call
from .kernel.instrumentor import Instrumentor


def runners_own(call: Call) -> contextvars.Context | None:
    """The context that a runner copies when it is first used, and keeps."""
    return None if call.kwargs.get("context") is not None else getattr(call.instance, "_context", None)


class AsyncioInstrumentor(Instrumentor):
    hooks = {
        "asyncio": {
            # What arrives on a connection is run in the context of who started to listen.
            "Server._start_serving": context.apart(),
            "Runner.run": context.entered(runners_own),
        },
    }
