"""One row for each plugin whose library is installed: instrumented, or why not; and what no plugin covers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution, entry_points, version
from typing import Any

from packaging.requirements import Requirement

from ..counterparts import DISTRIBUTION, THEIR_NAMES, catalogue
from ..distro import DatadogDistro
from ..settings import Settings
from ..settings.record import OFF_BY_DEFAULT, names_in_variables
from .findings import INFO, OK, PROBLEM, Finding, Section

_GROUP = "opentelemetry_instrumentor"
_DISABLED = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"

_NOT_LOADED: Mapping[str, Any] = {"imported": [], "early": [], "placed": 0, "missing": []}

UNCOVERED = (
    *("sanic", "quart", "litestar", "blacksheep", "robyn", "cherrypy", "twisted", "eventlet"),
    *(
        "oracledb",
        "pyodbc",
        "clickhouse-driver",
        "clickhouse-connect",
        "snowflake-connector-python",
        "neo4j",
        "pymssql",
    ),
    *("arq", "huey", "nats-py", "faust", "taskiq", "azure-servicebus", "google-cloud-pubsub"),
)
"""Frameworks, drivers and clients that people trace elsewhere and that no plugin of ours may cover."""


def look(current: Settings, environ: Mapping[str, str], loaded: Mapping[str, Any] | None = None) -> Section:
    """`loaded` has, where a program was run, the instrumentors by name and what each of them says of itself."""
    findings = []
    others = _others()
    for name in sorted(catalogue()):
        found = installed(name)
        if found is not None:
            told = None if loaded is None else loaded.get(name, _NOT_LOADED)
            findings.append(_row(name, found, current, environ, told, others.get(name, "")))
    absent = len(catalogue()) - len(findings)
    if absent:
        findings.append(Finding(INFO, "others", f"{absent} more, whose libraries are not installed"))
    uncovered = [f"{name} {found}" for name in UNCOVERED if name not in catalogue() and (found := _version(name))]
    if uncovered:
        findings.append(Finding(INFO, "not covered", ", ".join(uncovered)))
    return Section("Instrumentors", findings)


def _row(
    name: str, installed: str, current: Settings, environ: Mapping[str, str], told: Mapping[str, Any] | None, other: str
) -> Finding:
    beside = f"; {other} beside it" if other else ""
    if not current.instruments(name, is_replacing=bool(other)):
        for known in names_in_variables(name):
            if known in current.instrumentor_enabled:
                variable = f"DD_TRACE_{known.upper()}_ENABLED"
                return Finding(
                    PROBLEM, name, f"disabled by {variable}={environ.get(variable, '')}", f"unset {variable}"
                )
        if name in OFF_BY_DEFAULT:
            return Finding(INFO, name, f"{installed}, off unless DD_TRACE_{name.upper()}_ENABLED=true{beside}")
    if not current.instruments(name, is_replacing=bool(other)) or current.disables(THEIR_NAMES.get(name, ())):
        return Finding(PROBLEM, name, f"disabled by {_DISABLED}={environ.get(_DISABLED, '')}", f"change {_DISABLED}")
    conflict = _conflict(name)
    if conflict:
        return Finding(PROBLEM, name, f"not instrumented: {conflict}", "install a supported version")
    if told is None:
        return Finding(OK, name, f"{installed}, instrumented when it is imported{beside}")
    return _told(name, installed + beside, told)


def _told(name: str, installed: str, told: Mapping[str, Any]) -> Finding:
    """What the instrumentor itself says, after the program has run."""
    if not told["imported"]:
        return Finding(OK, name, f"{installed}, not imported by the program")
    if not told["placed"]:
        missing = ", ".join(told["missing"][:3])
        return Finding(PROBLEM, name, f"{installed}: nothing could be instrumented, it has none of {missing}")
    early = ", imported before it was instrumented" if told["early"] else ""
    return Finding(OK, name, f"{installed}, instrumented: {told['placed']} hooks{early}")


def reports() -> dict[str, Any]:
    """Of each of our instrumentors that is at work: what it says of itself."""
    found = {}
    for entry in entry_points(group=_GROUP):
        if DatadogDistro().is_ours(entry):
            report = getattr(_class(entry), "report", None)
            if report is not None:
                found[entry.name] = report()
    return found


def _class(entry: EntryPoint) -> Any:
    """The instrumentor's class where it has been loaded; None else, for asking must not load anything."""
    import sys

    module = sys.modules.get(entry.module)
    return getattr(module, entry.attr, None)


def _requirements(name: str) -> list[Requirement]:
    extra = name.replace("_", "-")
    lines = distribution(DISTRIBUTION).requires or []
    found = [Requirement(line) for line in lines if re.search(rf"extra == ['\"]{re.escape(extra)}['\"]", line)]
    return [requirement for requirement in found if requirement.name != DISTRIBUTION]


def installed(name: str) -> str | None:
    """The library's name and version; "" for one of the standard library, None where it is not installed."""
    requirements = _requirements(name)
    if not requirements:
        return "standard library"
    for requirement in requirements:
        found = _version(requirement.name)
        if found:
            return found if requirement.name.replace("-", "_") == name else f"{requirement.name} {found}"
    return None


def _conflict(name: str) -> str:
    conflicts = []
    for requirement in _requirements(name):
        found = _version(requirement.name)
        if found and requirement.specifier.contains(found, prereleases=True):
            return ""
        if found:
            conflicts.append(
                f"{requirement.name} {found} is installed, {requirement.name}{requirement.specifier} is supported"
            )
    return "; ".join(conflicts)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _others() -> dict[str, str]:
    """The distributions of other instrumentors of the same name."""
    found = {}
    for entry in entry_points(group=_GROUP):
        if not DatadogDistro().is_ours(entry) and entry.dist is not None:
            found[entry.name] = entry.dist.name
    return found


def said(lines: list[str]) -> Section:
    """What our instrumentors had to say while the program was loaded."""
    return Section("Logged while the program was loading", [Finding(PROBLEM, "log", line) for line in lines])
