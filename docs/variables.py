"""Make variables.md from the table in settings.py: `python docs/variables.py`."""

from __future__ import annotations

import pathlib

from otel_dd_distro.settings import PER_INSTRUMENTOR, VARIABLES, Variable

PAGE = pathlib.Path(__file__).with_name("variables.md")

HEAD = """# Variables

Made from `settings.py` by `python docs/variables.py`; do not edit.

All are read once, when the process starts. Of several names in a row the first that is set wins, so `DD_*` beats
`OTEL_*`; an empty value counts as unset unless the row says otherwise. A value that cannot be used costs one warning
on the logger `otel_dd_distro`, which names the variable, the value and what is used instead. Flags take `true`, `1`,
`false` or `0`; anything else is false, with a warning.
"""

FAMILIES = """
## Per instrumentor

`<NAME>` is the name of the instrumentor in upper case, `-` written as `_`: `DD_TRACE_FLASK_ENABLED=false`.
"""


def page() -> str:
    lines = [HEAD, "| Variable | Default | Meaning |", "|---|---|---|"]
    lines += [row(_names(variable), default(variable), variable.meaning) for variable in VARIABLES]
    lines += [FAMILIES, "| Variable | Meaning |", "|---|---|"]
    lines += [row(f"`{family.prefix}<NAME>{family.suffix}`", family.meaning) for family in PER_INSTRUMENTOR]
    return "\n".join(lines) + "\n"


def row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def default(variable: Variable) -> str:
    if variable.shown:
        return variable.shown
    value = variable.default
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{','.join(value)}`" if value else ""
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`" if value else ""


def _names(variable: Variable) -> str:
    return "<br>".join(f"`{name}`" for name in variable.names)


if __name__ == "__main__":
    PAGE.write_text(page())
