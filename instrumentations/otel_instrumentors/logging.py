"""logging: the ids of the current trace on each record, also outside of a span and before the first one."""

from __future__ import annotations

import copy
import functools
import logging
import os
from logging import LogRecord
from types import SimpleNamespace
from typing import Any

from opentelemetry.trace import format_span_id, format_trace_id, get_current_span, get_tracer_provider

from .families import log_records
from .kernel.call import Arguments, Call
from .kernel.hooks.change_arguments import change_arguments
from .kernel.hooks.change_result import change_result
from .kernel.instrumentor import Instrumentor
from .kernel.options import Options

CORRELATION = "OTEL_PYTHON_LOG_CORRELATION"
"""Where this is `true`, records have fields by OpenTelemetry's names, and the root logger a format that shows them."""
FORMAT = "OTEL_PYTHON_LOG_FORMAT"
LEVEL = "OTEL_PYTHON_LOG_LEVEL"
DEFAULT_FORMAT = (
    "%(asctime)s %(levelname)s [%(name)s] [%(filename)s:%(lineno)d] [trace_id=%(otelTraceID)s span_id=%(otelSpanID)s "
    "resource.service.name=%(otelServiceName)s trace_sampled=%(otelTraceSampled)s] - %(message)s"
)

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


_SHOWS, _HAS, _FORMAT, _LEVEL, _HOOK = OPTIONS = (
    *("set_logging_format", "inject_trace_context", "logging_format", "log_level", "log_hook"),
)
"""Keywords that go before the variables; a hook is called with the current span and each record."""

_asked: dict[str, Any] = {}
"""What the instrumentor was asked for."""


@functools.cache
def correlates() -> bool:
    return bool(_asked.get(_HAS)) or shows()


def shows() -> bool:
    return bool(_asked.get(_SHOWS, os.environ.get(CORRELATION, "").strip().lower() == "true"))


def made(_call: Call, record: LogRecord) -> LogRecord:
    fields = vars(record)
    log_records.correlate(fields)
    if correlates():
        fields.update(_by_opentelemetrys_names())
    hook = _asked.get(_HOOK)
    if hook is not None and get_current_span().get_span_context().is_valid:
        hook(get_current_span(), record)
    return record


def _by_opentelemetrys_names() -> dict[str, Any]:
    context = get_current_span().get_span_context()
    return {
        "otelTraceID": format_trace_id(context.trace_id) if context.is_valid else "0",
        "otelSpanID": format_span_id(context.span_id) if context.is_valid else "0",
        "otelTraceSampled": context.is_valid and context.trace_flags.sampled,
        "otelServiceName": _service(),
    }


def _service() -> Any:
    resource = getattr(get_tracer_provider(), "resource", None)
    return "" if resource is None else resource.attributes.get("service.name", "")


def formatted(call: Call) -> Arguments | None:
    """`{dd.trace_id}` asks for an attribute of `dd`: there is one, of a copy, while the record is formatted."""
    record = call.arg(0, "record")
    spaces: dict[str, SimpleNamespace] = {}
    for name, value in vars(record).items():
        space, dot, field = name.partition(".")
        if dot:
            setattr(spaces.setdefault(space, SimpleNamespace()), field, value)
    if not spaces:
        return None
    record = copy.copy(record)
    vars(record).update(spaces)
    return (record, *call.args[1:]), {}


class LoggingInstrumentor(Instrumentor):
    options = Options(others=dict(zip(OPTIONS, OPTIONS, strict=True)))
    hooks = {
        "logging": {
            "Logger.makeRecord": change_result(made),
            "StrFormatStyle._format": change_arguments(formatted),
        },
    }

    def _instrument(self, **kwargs: Any) -> None:
        super()._instrument(**kwargs)
        _asked.clear()
        _asked.update({name: kwargs[name] for name in OPTIONS if kwargs.get(name) is not None})
        correlates.cache_clear()
        if shows():
            level = _asked.get(_LEVEL) or _LEVELS.get(os.environ.get(LEVEL, "").strip().lower(), logging.INFO)
            shown = _asked.get(_FORMAT) or os.environ.get(FORMAT, DEFAULT_FORMAT)
            logging.basicConfig(format=shown, level=level)
