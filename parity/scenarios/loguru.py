"""loguru: records in the format that Datadog documents, before, inside of and after a span."""

from __future__ import annotations

from jinja2 import Template
from loguru import logger
from steps import saw, step

SETTINGS = {"DD_SERVICE": "shop", "DD_ENV": "prod", "DD_VERSION": "1.4"}
FIELDS = ("dd.service", "dd.env", "dd.version", "dd.trace_id", "dd.span_id")
FORMAT = "{level} [" + " ".join(f"{field}={{extra[{field}]}}" for field in FIELDS) + " ] - {message}"

lines: list[str] = []
logger.remove()
# Untraced there are no such fields.
logger.configure(extra=dict.fromkeys(FIELDS, "-"))
logger.add(lambda message: lines.append(str(message)), format=FORMAT)


def shape(word: str) -> str:
    """A field with its id by its form: ids differ from run to run."""
    name, _, value = word.partition("=")
    if name not in ("dd.trace_id", "dd.span_id") or value == "0":
        return word
    return f"{name}={'decimal' if value.isdecimal() and len(value) <= 20 else f'{len(value)} digits'}"


for moment in ("before", "inside", "after"):
    with step(moment):
        lines.clear()
        if moment == "inside":
            Template("{{ log() }}").render(log=lambda: logger.warning("hello"))
        else:
            logger.warning("hello")
        (line,) = lines
        saw("line", {"text": " ".join(map(shape, line.split()))})
