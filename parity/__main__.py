"""Runs the scenarios on both sides and compares: `nox -s parity` makes the environments and calls this."""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
import time
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path

from rich.console import Console

from tests import servers
from tests.agents import running_test_agent

from . import differences, documentation, page, running, terminal
from .comparison import compare
from .report import Report, Result

DISTRIBUTION = "otel-dd-distro"
PAGE = Path(__file__).with_name("report.html")


def libraries() -> list[str]:
    """The distributions that our extras name: those that both sides must have in one version."""
    required = importlib.metadata.requires(DISTRIBUTION) or []
    names = {line.partition(";")[0].split("[")[0] for line in required if "extra ==" in line}
    named = {"".join(sign for sign in name.partition(">")[0] if sign.isalnum() or sign in "-_.") for name in names}
    return sorted(name for name in named if name != DISTRIBUTION and not name.startswith("opentelemetry"))


def versions(ddtrace: Path) -> dict[str, str]:
    """What is compared with what. Raises Failed when the two environments differ in a library or in Python."""
    names = libraries()
    ours = running.library_versions(Path(sys.executable), names)
    theirs = running.library_versions(ddtrace, names)
    # What is beside ours alone, such as the servers' own libraries, is in no program.
    if both := sorted(key for key in theirs if ours.get(key) != theirs[key]):
        told = ", ".join(f"{key} {theirs[key]} beside ddtrace and {ours.get(key)} beside ours" for key in both)
        raise running.Failed(f"the environments differ: {told}; without -r nox makes them anew")
    own = running.library_versions(ddtrace, ["ddtrace"])["ddtrace"]
    mine = importlib.metadata.version(DISTRIBUTION)
    return {"ddtrace": own, DISTRIBUTION: mine, "Python": ours.pop("python"), **ours}


def compared(names: list[str], ddtrace: Path, console: Console) -> Report:
    known = running.scenarios()
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise running.Failed(f"no scenario {', '.join(unknown)}; there are {', '.join(known)}")
    listed = differences.read()
    told = versions(ddtrace)
    results, failed = [], []
    chosen = [known[name] for name in names or known]
    with ExitStack() as stack:
        agent = stack.enter_context(running_test_agent())
        for name in sorted({name for scenario in chosen for name in scenario.servers}):
            # Its variable stands in our environment, and so in that of every program.
            stack.enter_context(servers.running(name))
        for scenario in chosen:
            began = time.monotonic()
            try:
                ran = {side.name: running.run(scenario, side, agent) for side in running.sides(ddtrace)}
            except running.Failed as failure:
                failed.append(str(failure))
                console.print(f"{scenario.name}: failed")
                continue
            outcome = compare(scenario.name, ran["ddtrace"].steps, ran["ours"].steps, listed)
            results.append(Result(scenario, outcome, {name: each.cpu for name, each in ran.items()}))
            console.print(f"{scenario.name}: {scenario.about} {time.monotonic() - began:.1f} s")
    return Report(results, failed, listed, told, f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC")


def main() -> int:
    parser = argparse.ArgumentParser(prog="nox -s parity --", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="scenario", help="all, where none is named")
    parser.add_argument("--ddtrace", type=Path, metavar="PYTHON", help="the interpreter of an environment with ddtrace")
    parser.add_argument("--page", type=Path, default=PAGE, help="where to write what was compared")
    parser.add_argument("--docs", action="store_true", help="only make docs/differences.md")
    options = parser.parse_args()
    if options.docs:
        documentation.PAGE.write_text(documentation.page(differences.read()))
        return 0
    if options.ddtrace is None:
        parser.error("--ddtrace is missing: `nox -s parity` makes that environment and names it")
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 150
    try:
        report = compared(options.names, options.ddtrace, console)
    except (running.Failed, servers.Missing, servers.NotStarted) as failure:
        terminal.problems([str(failure)], console)
        return 1
    options.page.write_text(page.html(report))
    terminal.show(report, console)
    found = report.problems()
    console.print(f"{len(found)} scenarios failed, differences unlisted or vanished; the page: {options.page}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
