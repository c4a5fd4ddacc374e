"""loguru: the ids of the current trace on each record, and in its `extra`."""

from __future__ import annotations

from .families import log_records
from .kernel.call import Call
from .kernel.hooks.change_arguments import change_arguments
from .kernel.instrumentor import Instrumentor


def emitted(call: Call) -> None:
    """After the application's patchers, and before filters and formats see the record."""
    record = call.arg(0, "record")
    log_records.correlate(record["extra"])
    log_records.correlate(record)


class LoguruInstrumentor(Instrumentor):
    hooks = {"loguru._handler": {"Handler.emit": change_arguments(emitted)}}
