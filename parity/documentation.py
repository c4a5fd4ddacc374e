"""docs/differences.md, made from differences.toml."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from .differences import Listed

PAGE = Path(__file__).resolve().parents[1] / "docs" / "differences.md"

WIDTH = 120

HEAD = """# Differences from ddtrace

<!-- Made by `python -m parity --docs`; do not edit. -->

`nox -s parity` runs the same programs under ddtrace 4.16.0 and under ours, and compares their traces span by span: the
shape of the tree, name, service, resource, type, error, and every tag and metric with its value. It fails at any
difference that does not stand here, and at any that stands here and no longer occurs. The two sides of each scenario
are shown in `parity/report.html`, which it writes.
"""


def page(listed: Sequence[Listed]) -> str:
    return "\n".join([HEAD, *map(section, listed)])


def section(row: Listed) -> str:
    reason = textwrap.wrap(row.reason, WIDTH, break_long_words=False, break_on_hyphens=False)
    lines = [f"## {row.title}", "", *reason, "", *facts(row), ""]
    return "\n".join(lines)


def facts(row: Listed) -> list[str]:
    where = ", ".join(f"`{key}` is `{value}`" for key, value in row.where)
    where = f" where {where}" if where else ""
    found = []
    if row.left_out:
        found.append(f"- Spans that ddtrace alone makes: {code(row.left_out)}{where}")
    if row.added:
        found.append(f"- Spans that we alone make: {code(row.added)}{where}")
    if row.fields:
        on = "" if row.spans == ("*",) else f" of {code(row.spans)}"
        values = [
            f"{whose} `{value}`" for whose, value in (("ddtrace", row.ddtrace), ("ours", row.ours)) if value != "*"
        ]
        told = f": {', '.join(values)}" if values else ""
        found.append(f"- Fields: {code(row.fields)}{on}{where}{told}")
    return [*found, f"- Shown by `parity/scenarios/{row.shown_by}.py`"]


def code(patterns: Sequence[str]) -> str:
    return ", ".join(f"`{pattern}`" for pattern in patterns)
