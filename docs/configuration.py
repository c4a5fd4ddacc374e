"""Make configuration.md from the tables in settings/variables.py and upstream.py: `python docs/configuration.py`."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable
from typing import Any

from otel_dd_distro.settings import PER_INSTRUMENTOR, UPSTREAM, VARIABLES, Variable

PAGE = pathlib.Path(__file__).with_name("configuration.md")

HEAD = """# Configuration

<!-- Made by `python docs/configuration.py`; do not edit. -->

All variables are read once, when the process starts. Of several names in a row the first that is set wins; the last
ones are OpenTelemetry's of the same meaning. An empty value counts as unset unless the row says otherwise. For a value
that cannot be used, one warning on the logger `otel_dd_distro` names the variable, the value and what is used instead:
the default, or the part of the value that makes sense. Flags take `true`, `1`, `false` or `0`.
`DD_TRACE_STARTUP_LOGS=true` logs what is in use.
"""

FAMILIES = """
## Per instrumentor

`<NAME>` is the name of the instrumentor in upper case, `-` written as `_`: `DD_TRACE_FLASK_ENABLED=false`.
"""

UPSTREAMS = """
## Read by OpenTelemetry itself

What OpenTelemetry's own API, SDK and exporters read when they are imported or made. They stop tracing at some values
that they cannot use: such a value is taken out of the environment first, with the same warning, and their default
holds. (`opentelemetry-instrument` reads `OTEL_PROPAGATORS` and `OTEL_PYTHON_CONTEXT` before any code of ours runs;
`python -m otel_dd_distro` does not.)
"""

TYPES = {
    "choice": "word",
    "endpoint": "URL",
    "exporters": "list",
    "file": "path",
    "flag": "flag",
    "header": "text",
    "header name": "text",
    "header tags": "map",
    "headers": "map",
    "host": "host",
    "items": "list",
    "level": "log level",
    "logs injection": "flag",
    "name of installed": "name",
    "names": "list",
    "names of installed": "list",
    "pairs": "map",
    "per second": "number",
    "rate": "number, 0 to 1",
    "repository": "URL",
    "resource attributes": "map",
    "seconds": "seconds",
    "short text": "text",
    "span rules": "JSON",
    "span rules file": "path",
    "stats tags": "list",
    "statuses": "list of ranges",
    "statuses of grpc": "list",
    "styles": "list",
    "trace rules": "JSON",
    "url": "URL",
    "verbatim": "regular expression",
    "whole": "integer",
}
"""How a value is written, by the function that reads it; a function that is not here is called what it is."""


def page() -> str:
    lines = [HEAD, "| Variable | Value and default | Meaning |", "|---|---|---|"]
    for variable in VARIABLES:
        names = told_apart(variable.names, variable.meaning)
        lines.append(row(names, kind(variable.parse), default(variable), variable.meaning))
    lines += [FAMILIES, "| Variable | Value | Meaning |", "|---|---|---|"]
    for family in PER_INSTRUMENTOR:
        names = told_apart(tuple(f"{family.prefix}<NAME>{suffix}" for suffix in family.suffixes), family.meaning)
        lines.append(row(names, kind(family.parse), "", family.meaning))
    lines += [UPSTREAMS, "| Variable | Value and default | Meaning |", "|---|---|---|"]
    for theirs in UPSTREAM:
        lines.append(row((list(theirs.names), []), kind(theirs.parse), theirs.default, theirs.meaning))
    return "\n".join(lines) + "\n"


def row(names: tuple[list[str], list[str]], kind: str, default: str, meaning: str) -> str:
    own, twins = names
    value = f"{kind}<br>{with_names_as_code(default)}" if default else kind
    cells = "<br>".join(f"`{name}`" for name in own + twins), value, with_names_as_code(meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def with_names_as_code(meaning: str) -> str:
    """The names of variables in what is not code yet as code."""
    parts = meaning.split("`")
    parts[::2] = [re.sub(r"\b(?:DD|OTEL)_[A-Z0-9_<>]*[A-Z0-9](?:=\w+)?", r"`\g<0>`", part) for part in parts[::2]]
    return "`".join(parts)


def told_apart(names: tuple[str, ...], meaning: str) -> tuple[list[str], list[str]]:
    """Datadog's names and ours, and OpenTelemetry's that say the same, also where only the meaning names them."""
    theirs = [name for name in names if name.startswith("OTEL_") and not name.startswith("OTEL_DD_")]
    own = [name for name in names if name not in theirs]
    if not own:
        return theirs, []
    theirs += re.findall(r"\bOTEL_(?!DD_)[A-Z_]+", meaning)
    return own, list(dict.fromkeys(theirs))


def kind(parse: Callable[[str], Any]) -> str:
    name = parse.__name__.replace("_", " ")
    return TYPES.get(name, name)


def default(variable: Variable) -> str:
    if variable.shown:
        return variable.shown
    value = variable.default
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{','.join(value)}`" if value else ""
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`" if value else ""


if __name__ == "__main__":
    PAGE.write_text(page())
