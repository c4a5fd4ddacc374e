"""Each DD_* and OTEL_* variable that is set: the value in force, or that nothing reads it, and the likely spelling."""

from __future__ import annotations

import difflib
import functools
import importlib
from collections.abc import Iterator, Mapping
from typing import Any

from ..counterparts import catalogue
from ..settings import PER_INSTRUMENTOR, VARIABLES, Settings
from .elsewhere import elsewhere
from .findings import INFO, OK, PROBLEM, WARNING, Finding, Section

_MOST_SHOWN = 100
_UPSTREAM = (
    "opentelemetry.environment_variables",
    "opentelemetry.sdk.environment_variables",
    "opentelemetry.instrumentation.environment_variables",
    "opentelemetry.util.http",
)
_PREFIXES = ("DD_", "OTEL_", "_DD_")
_INSTRUMENTATION = "OTEL_INSTRUMENTATION_"


def look(current: Settings, environ: Mapping[str, str], complaints: list[str]) -> Section:
    """`complaints` are the lines that reading the settings logged, one for each value that cannot be used."""
    findings = [
        _finding(name, environ[name], current, complaints) for name in sorted(environ) if name.startswith(_PREFIXES)
    ]
    return Section("Variables", findings or [Finding(INFO, "none", "no DD_* or OTEL_* variable is set")])


def _finding(name: str, text: str, current: Settings, complaints: list[str]) -> Finding:
    for line in complaints:
        if line.startswith(f"{name}="):
            return Finding(PROBLEM, name, line.partition("=")[2])
    row = _rows().get(name)
    if row is not None:
        return Finding(OK, name, _in_force(row, current))
    if _is_of_an_instrumentor(name) or name in _upstream() or name.startswith(_INSTRUMENTATION):
        return Finding(OK, name, "understood")
    said = elsewhere(name)
    if said:
        return Finding(WARNING, name, said)
    nearest = difflib.get_close_matches(name, [*_rows(), *_upstream(), *_of_instrumentors()], 1, 0.8)
    if nearest:
        return Finding(PROBLEM, name, f"nobody reads it: did you mean {nearest[0]}?", f"rename it to {nearest[0]}")
    return Finding(WARNING, name, "nobody reads it")


@functools.cache
def _rows() -> dict[str, Any]:
    return {name: variable for variable in VARIABLES for name in variable.names}


def _in_force(row: Any, current: Settings) -> str:
    value = getattr(current, row.field, None)
    if row.joined and value is None:
        return "understood"
    shown = str(value) if not isinstance(value, bool) else str(value).lower()
    if "HEADERS" in row.names[0] or "@" in shown:
        return "understood (not shown)"
    return shown if len(shown) <= _MOST_SHOWN else shown[:_MOST_SHOWN] + "..."


def _is_of_an_instrumentor(name: str) -> bool:
    return any(
        name.startswith(family.prefix)
        and name.endswith(family.suffix)
        and name[len(family.prefix) : -len(family.suffix)].lower().removesuffix("_client") in catalogue()
        for family in PER_INSTRUMENTOR
    )


def _of_instrumentors() -> Iterator[str]:
    for family in PER_INSTRUMENTOR:
        for plugin in catalogue():
            yield f"{family.prefix}{plugin.upper()}{family.suffix}"


@functools.cache
def _upstream() -> frozenset[str]:
    """What OpenTelemetry's own packages read, by the constants of their modules."""
    found: set[str] = set()
    for module in _UPSTREAM:
        try:
            names = vars(importlib.import_module(module))
        except ImportError:
            continue
        found.update(value for value in names.values() if isinstance(value, str) and value.startswith("OTEL_"))
    return frozenset(found)
