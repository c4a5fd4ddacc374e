"""Which distro and which configurator win where several are installed, and what switches tracing off as a whole."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version

from ..counterparts import DISTRIBUTION
from ..settings import Settings
from .findings import INFO, OK, PROBLEM, WARNING, Finding, Section

DISTRO = "OTEL_PYTHON_DISTRO"
CONFIGURATOR = "OTEL_PYTHON_CONFIGURATOR"
_OWN = "datadog"


def look(current: Settings, environ: Mapping[str, str]) -> Section:
    findings = [Finding(OK, DISTRIBUTION, f"{version(DISTRIBUTION)}, OpenTelemetry SDK {version('opentelemetry-sdk')}")]
    # Whether this is the environment of the application: who asks in another sees other libraries.
    findings.append(Finding(OK, "Python", f"{platform.python_version()}, {sys.executable}"))
    findings += _beside()
    findings += _named("distro", DISTRO, environ, entry_points(group="opentelemetry_distro"))
    findings += _named("configurator", CONFIGURATOR, environ, entry_points(group="opentelemetry_configurator"))
    findings += _switched_off(current, environ)
    findings += _not_installed(current)
    findings += _sampled_away(current)
    return Section("Set-up", findings)


def _beside() -> list[Finding]:
    try:
        found = version("ddtrace")
    except PackageNotFoundError:
        return []
    said = f"{found} is installed as well: start the program without ddtrace-run, or each call has two spans"
    return [Finding(WARNING, "ddtrace", said)]


def _named(what: str, variable: str, environ: Mapping[str, str], found: Iterable[EntryPoint]) -> list[Finding]:
    others = sorted({f"{entry.name} ({entry.dist.name})" for entry in found if entry.name != _OWN and entry.dist})
    wanted = environ.get(variable, "").strip()
    if wanted and wanted != _OWN:
        return [
            Finding(
                PROBLEM,
                f"another {what}",
                f"{variable}={wanted} selects it in place of ours, which sends nothing then",
                f"unset {variable}, or set it to {_OWN}",
            )
        ]
    beside = f"; installed beside: {', '.join(others)}" if others else ""
    return [Finding(INFO if others else OK, what, f"{_OWN}{beside}")]


def _switched_off(current: Settings, environ: Mapping[str, str]) -> list[Finding]:
    if not current.enabled:
        for name in ("OTEL_SDK_DISABLED", "DD_TRACE_ENABLED", "OTEL_TRACES_EXPORTER"):
            if environ.get(name, "").strip():
                return [
                    Finding(
                        PROBLEM, "tracing is off", f"{name}={environ[name].strip()}: no span is made", f"unset {name}"
                    )
                ]
        return [Finding(PROBLEM, "tracing is off", "no span is made")]
    if "datadog" not in current.exporters:
        names = ", ".join(current.exporters) or "none"
        return [
            Finding(
                WARNING,
                "no Agent",
                f"OTEL_TRACES_EXPORTER={names}: spans go there, and not to the Datadog Agent",
                "add datadog to OTEL_TRACES_EXPORTER for both",
            )
        ]
    return [Finding(OK, "exporters", ", ".join(current.exporters))]


def _not_installed(current: Settings) -> list[Finding]:
    """Exporters and a sampler that are named, and that no package has."""
    found = []
    for name in current.exporters:
        entry = current.exporter_entry(name)
        if name != "datadog" and not entry_points(group="opentelemetry_traces_exporter", name=entry):
            package = "otel-dd-distro[otlp]" if name == "otlp" else "the package that has it"
            found.append(
                Finding(
                    PROBLEM,
                    f"no exporter {name}",
                    f"OTEL_TRACES_EXPORTER names {name}, which no installed package has: no span goes there",
                    f"install {package}, or correct the name: datadog, otlp, console",
                )
            )
    if current.sampler and not entry_points(group="opentelemetry_traces_sampler", name=current.sampler):
        found.append(
            Finding(
                PROBLEM,
                f"no sampler {current.sampler}",
                f"OTEL_TRACES_SAMPLER names {current.sampler}, which no installed package has: every trace is recorded",
                "correct the name: parentbased_always_on, parentbased_always_off or parentbased_traceidratio",
            )
        )
    return found


def _sampled_away(current: Settings) -> list[Finding]:
    rules = current.sampling_rules
    if not rules:
        return []
    if all(rule.rate == 0 for rule in rules) and not rules[-1].asks:
        return [
            Finding(
                PROBLEM,
                "every trace is dropped",
                f"sampling keeps none: {'; '.join(map(str, rules))}"[:200],
                "raise the rate in DD_TRACE_SAMPLING_RULES, DD_TRACE_SAMPLE_RATE or OTEL_TRACES_SAMPLER",
            )
        ]
    return [Finding(INFO, "sampling", "; ".join(map(str, rules))[:200])]
