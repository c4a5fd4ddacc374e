"""The command: `doctor [--json] [--seconds N] [-- program argument ...]`."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from .. import settings
from . import agent, instrumentors, set_up, variables
from .findings import INFO, OK, PROBLEM, Finding, Section
from .report import as_json, as_text, problems

USAGE = """\
usage: python -m otel_dd_distro doctor [--json] [--seconds N] [-- program.py [argument ...]]

Says why there are no spans: what is instrumented and what is not, which variables are understood, whether the Agent
takes spans. With a program: starts it as `python -m otel_dd_distro program.py` would, waits N seconds (5) or until it
ends, and reports on it. The exit status is 1 if a problem was found.
"""
INSIDE = "_OTEL_DD_DOCTOR"
"""Where the started program is to write what it finds."""

_SECONDS = 5.0
_MOST_SECONDS = 600.0


class _Lines(logging.Handler):
    """Keeps what is logged, in place of showing it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def main(arguments: Sequence[str]) -> int:
    """Run the command; the status that the process is to end with: 0, 1 for a problem, 2 for wrong usage."""
    options, program = _parted(arguments)
    wants_json, seconds = False, _SECONDS
    while options:
        option = options.pop(0)
        if option in ("-h", "--help"):
            print(USAGE, end="")
            return 0
        if option == "--json":
            wants_json = True
        elif option == "--seconds" and options and (read := _seconds(options.pop(0))) is not None:
            seconds = read
        else:
            print(USAGE, end="", file=sys.stderr)
            return 2
    sections = _of_program(program, seconds) if program else of_environment()
    print(as_json(sections) if wants_json else as_text(sections), end="" if not wants_json else "\n")
    return 1 if problems(sections) else 0


def _parted(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    if "--" not in arguments:
        return list(arguments), []
    place = list(arguments).index("--")
    return list(arguments[:place]), list(arguments[place + 1 :])


def _seconds(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 < number <= _MOST_SECONDS else None


def of_environment(loaded: dict[str, Any] | None = None) -> list[Section]:
    """What can be said of this environment, without a program; `loaded` is what a program's instrumentors say."""
    kept = _Lines()
    logger = logging.getLogger("otel_dd_distro")
    before, logger.propagate = logger.propagate, False
    logger.addHandler(kept)
    try:
        current = settings.read(os.environ)
    finally:
        logger.removeHandler(kept)
        logger.propagate = before
    environ = {name: value for name, value in os.environ.items() if name != INSIDE}
    # Causes before effects: an address that cannot be used before the Agent that is not there.
    return [
        set_up.look(current, environ),
        variables.look(current, environ, kept.lines),
        agent.look(current, environ),
        instrumentors.look(current, environ, loaded),
    ]


def _of_program(program: Sequence[str], seconds: float) -> list[Section]:
    """Start the program in a process of its own, and read what it found there."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "found")
        environ = {**os.environ, INSIDE: json.dumps({"path": path, "seconds": seconds})}
        started = subprocess.Popen([sys.executable, "-m", __package__.partition(".")[0], *program], env=environ)
        try:
            status: int | None = started.wait(seconds + 30)
        except subprocess.TimeoutExpired:
            started.kill()
            status = None
        found = _read(folder)
    if not found:
        ended = Finding(PROBLEM, "program", f"it ended with status {status} before it could be asked")
        return [Section("Program", [ended]), *of_environment()]
    failed = (
        [Finding(PROBLEM, "program", f"it ended with status {status}", "see what it printed above")] if status else []
    )
    sections = of_environment(_loaded_by(found))
    counters = _added([each["counters"] for each in found])
    spans = Finding(OK if counters.get("accepted") else INFO, "spans", _counted(counters))
    lines = list(dict.fromkeys(line for each in found for line in each["lines"]))
    return [Section("Program", [*failed, spans]), *sections, instrumentors.said(lines)]


def _read(folder: str) -> list[dict[str, Any]]:
    """What the program and each process that it forked have written."""
    found = []
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".part"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                found.append(json.load(file))
    return found


def _loaded_by(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of each instrumentor, what the process says that has most of its library."""
    loaded: dict[str, Any] = {}
    for each in found:
        for name, told in each["loaded"].items():
            known = loaded.get(name)
            if known is None or (bool(told["imported"]), told["placed"]) > (bool(known["imported"]), known["placed"]):
                loaded[name] = told
    return loaded


def _added(counters: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The spans of all processes; none where tracing is off."""
    if not all(counters):
        return {}
    dropped: dict[str, int] = {}
    for each in counters:
        for reason, number in each["dropped"].items():
            dropped[reason] = dropped.get(reason, 0) + number
    return {name: sum(each[name] for each in counters) for name in ("accepted", "queued", "sent")} | {
        "dropped": dropped
    }


def _counted(counters: dict[str, Any]) -> str:
    if not counters:
        return "not counted: tracing is off"
    dropped = ", ".join(f"{reason} {number}" for reason, number in counters["dropped"].items())
    return (
        f"{counters['accepted']} made and ended, {counters['queued']} queued, {counters['sent']} sent, "
        f"dropped: {dropped or 'none'}"
    )
