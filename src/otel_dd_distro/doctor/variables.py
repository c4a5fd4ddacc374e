"""Each DD_* and OTEL_* variable that is set: the value in force, or that nothing reads it, and the likely spelling."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib.metadata import entry_points

from ..counterparts import THEIR_NAMES
from ..settings import Settings
from .findings import INFO, OK, PROBLEM, WARNING, Finding, Section
from .known import IN_FORCE, Answer, answer, is_open, names

_MOST_SHOWN = 100
_PREFIXES = ("DD_", "OTEL_", "_DD_", "DATADOG_")
_DISABLED = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
_OFF = frozenset(("false", "0", ""))


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
    found = answer(name, (entry.name for entry in entry_points(group="opentelemetry_instrumentor")))
    if found is not None and not is_open(name):
        if name == _DISABLED and (misspelt := _misspelt(current)):
            return Finding(PROBLEM, name, f"no instrumentor has the name {misspelt}", f"correct it in {name}")
        if found.state == IN_FORCE:
            return Finding(OK, name, _in_force(found, current))
        # Who switches off what is not here has what was asked for.
        level = INFO if name.endswith("_ENABLED") and text.strip().lower() in _OFF else WARNING
        return Finding(level, name, found.said)
    nearest = difflib.get_close_matches(name, names(), 1, 0.9 if found else 0.8)
    if nearest:
        return Finding(PROBLEM, name, f"nobody reads it: did you mean {nearest[0]}?", f"rename it to {nearest[0]}")
    if found is not None:
        return Finding(OK, name, found.said)
    return Finding(WARNING, name, "nobody reads it")


def _misspelt(current: Settings) -> str:
    """What is to be disabled and is the name of none, but nearly that of one: that one is at work."""
    known = {entry.name for entry in entry_points(group="opentelemetry_instrumentor")}
    known |= {name for names in THEIR_NAMES.values() for name in names}
    for name in sorted(current.disabled_instrumentors - known):
        nearest = difflib.get_close_matches(name, known, 1, 0.8)
        if nearest:
            return f"{name}: did you mean {nearest[0]}?"
    return ""


def _in_force(found: Answer, current: Settings) -> str:
    if found.family is not None:
        return _shown(getattr(current, found.family.field).get(found.middle))
    if found.row is None:
        return "understood"
    value = getattr(current, found.row.field, None)
    if found.row.joined and value is None:
        return "understood"
    return "understood (not shown)" if "HEADERS" in found.row.names[0] else _shown(value)


def _shown(value: object) -> str:
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    if "@" in shown:
        return "understood (not shown)"
    return shown if len(shown) <= _MOST_SHOWN else shown[:_MOST_SHOWN] + "..."
