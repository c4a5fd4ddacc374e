"""The line at start-up that says what is in use, and whether it works (DD_TRACE_STARTUP_LOGS)."""

from __future__ import annotations

import datetime
import functools
import json
import logging
import platform
import re
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

from opentelemetry.instrumentation.utils import suppress_instrumentation

from . import settings
from .counterparts import DISTRIBUTION, catalogue, libraries_of
from .doctor.instrumentors import installed, reports
from .export.agent import Agent, Unreached
from .settings import Settings

log = logging.getLogger("otel_dd_distro")

PREFIX = "DATADOG TRACER CONFIGURATION - "
"""What the line begins with, as ddtrace's does."""

_NOT_INSTALLED = "N/A"
_LONGEST_WAIT_S = 1.0
"""For the Agent, which is asked before the program begins."""
_MASK = "***"
_SECRETS = re.compile(r"pass|pwd|secret|token|key|auth|cred|sign|cookie", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^/\s]*@")
_MOST_SHOWN = 1_000


@functools.cache
def tell() -> None:
    """Log the line at level info, once; where no handler would take it, it goes to stderr: somebody asked for it.

    To be called when the instrumentors are at work.
    """
    current = settings.current()
    line = PREFIX + json.dumps({**in_use(current), "agent_error": agent_error(current)})
    if log.isEnabledFor(logging.INFO) and log.hasHandlers():
        log.info(line)
    else:
        record = log.makeRecord(log.name, logging.INFO, __file__, 0, line, (), None, tell.__name__)
        logging.StreamHandler().handle(record)


def in_use(current: Settings) -> dict[str, Any]:
    """The configuration in the fields that ddtrace has, and below `settings` each setting by its own name."""
    shown = {field: _shown(value) for field, value in current._asdict().items()}
    shown["writer_headers"] = dict.fromkeys(current.writer_headers, _MASK)
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat()[:-6],
        "os_name": platform.system(),
        "os_version": platform.release(),
        "architecture": platform.machine(),
        "vm": platform.python_implementation(),
        "lang": "python",
        "lang_version": platform.python_version(),
        "version": version(DISTRIBUTION),
        "opentelemetry_version": version("opentelemetry-sdk"),
        "service": shown["service"],
        "env": shown["env"],
        "dd_version": shown["version"],
        "agent_url": shown["agent_url"],
        "ddtrace_enabled": shown["enabled"],
        "debug": shown["debug"],
        "global_tags": shown["tags"],
        "sampling_rules": shown["sampling_rules"],
        "partial_flush_enabled": shown["partial_flush_enabled"],
        "partial_flush_min_spans": shown["partial_flush_min_spans"],
        "log_injection_enabled": shown["logs_injection"],
        "runtime_metrics_enabled": shown["runtime_metrics"],
        "integrations": _integrations(current),
        "settings": shown,
    }


def agent_error(current: Settings) -> str | None:
    """Why the Agent does not answer; None where it does, or where spans do not go to it."""
    if "datadog" not in current.exporters:
        return None
    agent = Agent(
        current.agent_url,
        timeout_s=min(current.agent_timeout_seconds, _LONGEST_WAIT_S),
        headers=current.writer_headers,
        external_env=current.external_env,
    )
    try:
        with suppress_instrumentation():
            agent.read_info()
    except Unreached as error:
        return f"Agent not reachable at {agent.url}: {error.detail}"
    finally:
        agent.close()
    return None


def _integrations(current: Settings) -> dict[str, Any]:
    """What became of each instrumentor so far, in ddtrace's fields. One is at work when its library is imported."""
    loaded = reports()
    found: dict[str, Any] = {}
    for name in sorted(catalogue()):
        version_of_library = installed(name)
        found[name] = _NOT_INSTALLED
        if version_of_library is not None:
            is_at_work = bool(name in loaded and loaded[name]["placed"])
            found[name] = {
                "enabled": is_at_work or current.instruments(name),
                "instrumented": is_at_work,
                "module_version": version_of_library,
                "module_imported": any(library in sys.modules for library in libraries_of(name)),
            }
    return found


def _shown(value: Any) -> Any:
    """A value as JSON may show it: short, without what looks like a secret."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {
            _shown(str(key)): _MASK if _SECRETS.search(str(key)) and isinstance(one, str) else _shown(one)
            for key, one in value.items()
        }
    if isinstance(value, frozenset) and all(isinstance(one, int) for one in value):
        return _ranges(value)
    if isinstance(value, (tuple, frozenset)):
        return [_shown(one) for one in (value if isinstance(value, tuple) else sorted(value))]
    return _USERINFO.sub(_MASK + "@", str(value))[:_MOST_SHOWN]


def _ranges(numbers: Iterable[int]) -> str:
    """`404,500-599` of a set of numbers."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][-1] == number - 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ",".join("-".join(map(str, run)) for run in runs)
