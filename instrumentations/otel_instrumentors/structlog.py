"""structlog: the ids of the current trace in each event, whatever its processors are."""

from __future__ import annotations

from typing import Any

from .families import log_records
from .kernel.call import Arguments, Call
from .kernel.hooks.change_arguments import change_arguments
from .kernel.instrumentor import Instrumentor


def add_trace_fields(_logger: Any, _method: str, event_dict: dict[str, Any]) -> dict[str, Any]:
    """A processor for a chain of your own: adds `dd.trace_id` and the other fields to the event.

    You need it only where the instrumentor is not used, which does the same before each chain of processors. Outside of
    a span the ids are `0`. Returns `event_dict`, changed in place.
    """
    log_records.correlate(event_dict)
    return event_dict


def processed(call: Call) -> Arguments:
    method, event, fields = call.arg(0, "method_name"), call.arg(1, "event"), call.arg(2, "event_kw")
    return (method, event, add_trace_fields(None, method, dict(fields))), {}


class StructlogInstrumentor(Instrumentor):
    hooks = {
        # Below every kind of logger, and where those that were made before come by, too.
        "structlog._base": {"BoundLoggerBase._process_event": change_arguments(processed)},
    }
