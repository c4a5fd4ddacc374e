"""Runs a scenario's program, untraced, under `ddtrace-run` or under `opentelemetry-instrument`."""

from __future__ import annotations

import ast
import json
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.agents import RunningAgent, clean_environ

from .recorded import Node, Places, told, trees

HERE = Path(__file__).resolve().parent
SHOP = HERE.parent / "examples" / "shop"
TIMEOUT = 120  # seconds
# What a program may say of itself, and what it says where it is silent.
CONSTANTS: Mapping[str, Any] = {"SETTINGS": {}, "STARTS": "", "SERVERS": (), "BESIDE": ()}


class Failed(Exception):
    """A run is not what it should be; the message says why."""


@dataclass(frozen=True)
class Scenario:
    """One program, and what its first lines say."""

    name: str
    about: str
    """The first line of its docstring."""
    settings: Mapping[str, str]
    """The variables that are set for both sides."""
    starts: str
    """What it starts itself, and is traced in its place."""
    servers: tuple[str, ...] = ()
    """Those of tests/servers.py that it needs, and finds by their variables."""
    beside: tuple[str, ...] = ()
    """Files of this repository that it imports."""

    @property
    def path(self) -> Path:
        return HERE / "scenarios" / f"{self.name}.py"


def scenarios() -> dict[str, Scenario]:
    """Every scenario by its name: the files of the folder, read and not imported."""
    return {path.stem: scenario(path) for path in sorted((HERE / "scenarios").glob("*.py"))}


def scenario(path: Path) -> Scenario:
    module = ast.parse(path.read_text())
    told = dict(CONSTANTS)
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in CONSTANTS:
            told[node.targets[0].id] = ast.literal_eval(node.value)
    about = (ast.get_docstring(module) or "").partition("\n")[0]
    return Scenario(path.stem, about, told["SETTINGS"], told["STARTS"], told["SERVERS"], told["BESIDE"])


@dataclass(frozen=True)
class Side:
    """One of the ways in which every program is run."""

    name: str
    python: Path
    launcher: str
    """The command beside `python` that traces what it starts; empty for none."""
    settings: Mapping[str, str] = field(default_factory=dict)

    def command(self) -> list[str]:
        words = [str(self.python.with_name(self.launcher))] if self.launcher else []
        return [*words, str(self.python)]


DDTRACE_SETTINGS = {
    # The form in which we send as well: its own default, v0.5, leaves things out on its way.
    "DD_TRACE_API_VERSION": "v0.4",
    # Where gevent is installed it would load asyncio twice, and `except CancelledError` no longer catches one.
    "DD_UNLOAD_MODULES_FROM_SITECUSTOMIZE": "false",
}


def sides(ddtrace: Path) -> tuple[Side, Side, Side]:
    """Untraced, ddtrace's and ours, in the environments of the interpreters `ddtrace` and the running one."""
    return (
        Side("untraced", Path(sys.executable), ""),
        Side("ddtrace", ddtrace, "ddtrace-run", DDTRACE_SETTINGS),
        Side("ours", Path(sys.executable), "opentelemetry-instrument"),
    )


@dataclass
class Ran:
    steps: dict[str, list[Node]]
    """What was recorded, step by step."""
    cpu: float
    """Seconds of CPU, user and system, that the program's processes took."""


def run(scenario: Scenario, side: Side, agent: RunningAgent) -> Ran:
    """Raises Failed when the program fails, or is not traced."""
    session = agent.session()
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        # ddtrace calls an application after the directory of its script.
        home = Path(folder).resolve() / "teahouse"
        home.mkdir()
        program = Path(shutil.copyfile(scenario.path, home / "program.py"))
        for beside in (HERE / "steps.py", *(HERE.parent / name for name in scenario.beside)):
            shutil.copyfile(beside, home / beside.name)
        command = (
            [str(side.python), str(program), *side.command()] if scenario.starts else [*side.command(), str(program)]
        )
        headers = ",".join(f"{name}:{value}" for name, value in session.headers.items())
        environ = clean_environ(
            NO_PROXY="*",
            PARITY_SHOP=str(SHOP),
            DD_TRACE_AGENT_URL=agent.url,
            _DD_TRACE_WRITER_ADDITIONAL_HEADERS=headers,
            **side.settings,
            **scenario.settings,
        )
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        try:
            done = subprocess.run(
                command,
                env=environ,
                cwd=home,
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired as late:
            raise Failed(f"{scenario.name}, {side.name}: not done after {TIMEOUT} s\n{late.stderr!r}") from late
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        ending = "\n".join(done.stderr.splitlines()[-15:])
        if done.returncode:
            raise Failed(f"{scenario.name}, {side.name}: ended with status {done.returncode}\n{ending}")
        spans = session.spans() if side.launcher else []
        if side.launcher and not spans:
            raise Failed(f"{scenario.name}, {side.name}: no span arrived\n{ending}")
        places = Places({str(home): "<directory>", str(SHOP): "<shop>"})
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Ran(trees(spans, told(done.stdout), places), cpu)


def library_versions(python: Path, names: Sequence[str]) -> dict[str, str]:
    """The version of each of these distributions in the environment of an interpreter, and of all that they require.

    Not of what they require under some condition: that may be there for another reason.
    """
    program = (
        "import importlib.metadata as metadata, json, platform, re, sys\n"
        "found, wanted = {'python': platform.python_version()}, sys.argv[1:]\n"
        "while wanted:\n"
        "    name = re.match(r'[\\w.-]+', wanted.pop())[0].lower().replace('_', '-')\n"
        "    if name in found: continue\n"
        "    try: distribution = metadata.distribution(name)\n"
        "    except metadata.PackageNotFoundError: continue\n"
        "    found[name] = distribution.version\n"
        "    wanted += [line for line in distribution.requires or [] if ';' not in line]\n"
        "print(json.dumps(found))\n"
    )
    done = subprocess.run([str(python), "-c", program, *names], capture_output=True, text=True, check=True)
    versions: dict[str, str] = json.loads(done.stdout)
    return versions
