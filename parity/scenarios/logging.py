"""logging: records in the format that Datadog documents, before, inside of and after a span, in both styles."""

from __future__ import annotations

import io
import logging
from types import SimpleNamespace

from jinja2 import Template
from steps import saw, step

SETTINGS = {"DD_SERVICE": "shop", "DD_ENV": "prod", "DD_VERSION": "1.4"}
FIELDS = ("dd.service", "dd.env", "dd.version", "dd.trace_id", "dd.span_id")
PERCENT = "%(levelname)s [" + " ".join(f"{field}=%({field})s" for field in FIELDS) + "] - %(message)s"
BRACE = "{levelname} [" + " ".join(f"{field}={{{field}}}" for field in FIELDS) + "] - {message}"


def shape(word: str) -> str:
    """A field with its id by its form: ids differ from run to run."""
    name, _, value = word.partition("=")
    if name not in ("dd.trace_id", "dd.span_id") or value == "0":
        return word
    return f"{name}={'decimal' if value.isdecimal() and len(value) <= 20 else f'{len(value)} digits'}"


def lines(style: str, form: str) -> list[str]:
    """What a program logs outside and inside of a span, as its handler writes it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    # Untraced there are no such fields.
    defaults = {**dict.fromkeys(FIELDS, "-"), "dd": SimpleNamespace(**{field[3:]: "-" for field in FIELDS})}
    handler.setFormatter(logging.Formatter(form, style=style, defaults=defaults))
    log = logging.getLogger(f"shop.{len(form)}")
    log.addHandler(handler)
    log.warning("before")
    Template("{{ log() }}").render(log=lambda: log.warning("inside") or log.warning("again"))
    log.warning("after")
    return written.getvalue().splitlines()


def told(form: list[str]) -> dict[str, str]:
    ids = [line.partition("]")[0].split()[-2:] for line in form]
    assert ids[1] == ids[2]
    assert ids[0] == ids[3]
    words = [line.replace("]", " ]").split() for line in form]
    return {str(number): " ".join(map(shape, line)) for number, line in enumerate(words)}


with step("percent"):
    saw("log", told(lines("%", PERCENT)))

with step("brace"):
    saw("log", told(lines("{", BRACE)))

with step("a record that is made by hand"):
    record = logging.getLogger("shop").makeRecord("shop", logging.INFO, "file", 1, "message", (), None)
    saw("record", {field: str(getattr(record, field, "-")) for field in FIELDS})
