"""Makes instrumentations.md: one row for each plugin, from its entry point, its extra and its docstring."""

from __future__ import annotations

import importlib
from importlib import metadata
from pathlib import Path

PAGE = Path(__file__).with_name("instrumentations.md")

HEAD = """\
# Instrumentations

Made from the catalogue by `python docs/instrumentations.py`; do not edit.

Each is an extra of the same name, `pip install 'otel-dd-distro[flask]'`, which holds the versions it supports. The
instrumentors work with any other OpenTelemetry SDK set-up, too. One is switched off by `DD_TRACE_<NAME>_ENABLED=false`
or by its name in `OTEL_PYTHON_DISABLED_INSTRUMENTATIONS`.

| Name | Supported versions | What it does |
|---|---|---|
"""


def page() -> str:
    """The whole page."""
    from otel_instrumentors.kernel import versions

    entries = [
        entry
        for entry in metadata.distribution(versions.DISTRIBUTION).entry_points
        if entry.group == "opentelemetry_instrumentor"
    ]
    rows = []
    for entry in sorted(entries, key=lambda entry: entry.name):
        lines = importlib.import_module(entry.value.partition(":")[0]).__doc__ or ""
        meaning = lines.splitlines()[0].partition(": ")[2]
        ranges = ", ".join(f"`{line}`" for line in versions.supported(entry.name)) or "standard library"
        rows.append(f"| `{entry.name}` | {ranges} | {meaning[:1].upper()}{meaning[1:]} |\n")
    return HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(page())
