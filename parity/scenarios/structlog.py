"""structlog: events with the fields that Datadog documents, before, inside of and after a span."""

from __future__ import annotations

from typing import Any

import structlog
from jinja2 import Template
from steps import saw, step

SETTINGS = {"DD_SERVICE": "shop", "DD_ENV": "prod", "DD_VERSION": "1.4"}

events: list[dict[str, Any]] = []


def keep(_logger: Any, _method: str, event: dict[str, Any]) -> str:
    events.append(event)
    return "kept"


structlog.configure(
    processors=[structlog.processors.add_log_level, keep], logger_factory=structlog.ReturnLoggerFactory()
)
log = structlog.get_logger().bind(order="tea")


def shape(name: str, value: str) -> str:
    """An id by its form: ids differ from run to run."""
    if name not in ("dd.trace_id", "dd.span_id") or value == "0":
        return value
    return "decimal" if value.isdecimal() and len(value) <= 20 else f"{len(value)} digits"


for moment in ("before", "inside", "after"):
    with step(moment):
        events.clear()
        if moment == "inside":
            Template("{{ log() }}").render(log=lambda: log.warning("hello", count=2))
        else:
            log.warning("hello", count=2)
        (event,) = events
        saw("event", {name: shape(name, str(value)) for name, value in sorted(event.items())})
