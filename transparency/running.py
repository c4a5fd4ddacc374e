"""Runs the tests of one library, in an environment of its own, bare or traced."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests import servers
from tests.agents import clean_environ

from .agent import counting_agent
from .libraries import Library

ROOT = Path(__file__).parents[1]
INSIDE = Path(__file__).with_name("inside")
UV = str(Path(sys.executable).with_name("uv"))
LIMIT_S = 1800
TEST_LIMIT_S = "120"


class Failed(Exception):
    """The tests of a library could not be run; the message says why."""


@dataclass(frozen=True)
class Prepared:
    library: Library
    python: Path
    version: str
    folder: Path
    """Where the tests are run."""


@dataclass(frozen=True)
class Run:
    outcomes: Mapping[str, str]
    """By test: passed, failed, error, skipped, xfailed or xpassed."""
    of_tests: int
    """Spans around tests that the Agent got."""
    of_library: int
    """Other spans that it got."""
    seconds: float


def prepare(library: Library, place: Path) -> Prepared:
    """Its environment, with this product in it, and its source. What is there from an earlier run is taken."""
    environment = place / library.name
    python = environment / "bin" / "python"
    if not python.exists():
        _done([UV, "venv", "--quiet", "--python", sys.executable, str(environment)])
    packages = ["pytest>=8", "pytest-timeout", "pip", *library.requires]
    _done([UV, "pip", "install", "--quiet", "--python", str(python), "--editable", str(ROOT), *packages])
    if not library.source:
        return Prepared(library, python, platform.python_version(), environment)
    version = _said(python, f"from importlib.metadata import version; print(version({library.source!r}))")
    if library.installs_tests:
        return Prepared(library, python, version, environment)
    source = place / "sources" / f"{library.source}-{version}"
    if not source.exists():
        _download(python, f"{library.source}=={version}", source)
    return Prepared(library, python, version, source / library.folder)


def run(prepared: Prepared, variables: Mapping[str, str], *, traced: bool) -> Run:
    """All its tests once. Raises Failed where none were run, or none of the traced ones made a span."""
    library = prepared.library
    with tempfile.TemporaryDirectory(prefix="transparency") as folder, counting_agent() as (url, counted):
        written, output = Path(folder, "outcomes"), Path(folder, "output")
        addresses = _addresses(variables)
        arguments = [word.format_map(addresses) for word in library.arguments]
        for name, text in library.files.items():
            (prepared.folder / name).write_text(text.format_map(addresses))
        environ = clean_environ(
            **{name: value.format_map(addresses) for name, value in library.variables.items()},
            DD_TRACE_AGENT_URL=url,
            PATH=f"{prepared.python.parent}{os.pathsep}{os.environ['PATH']}",
            PYTHONPATH=str(INSIDE),
            TRANSPARENCY_OUTCOMES=str(written),
        )
        if library.runner == "pytest":
            program = [
                "-m",
                "pytest",
                "-p",
                "spans_around_tests",
                "-p",
                "no:cacheprovider",
                "-q",
                "--timeout",
                TEST_LIMIT_S,
            ]
        else:
            program = [str(INSIDE / "unittests.py")]
        launcher = ["-m", "otel_dd_distro"] if traced else []
        began = time.monotonic()
        with output.open("wb") as said:
            process = subprocess.Popen(
                [str(prepared.python), *launcher, *program, *arguments],
                env=environ,
                cwd=prepared.folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
            try:
                process.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                raise Failed(f"not done after {LIMIT_S} s:\n{_last(output)}") from None
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        outcomes = json.loads(written.read_text()) if written.exists() else {}
        if not any(outcome == "passed" for outcome in outcomes.values()):
            raise Failed(f"no test has passed:\n{_last(output)}")
        if traced and not counted["tests"]:
            raise Failed(f"no span was made:\n{_last(output)}")
        if traced and not counted["library"] and not library.makes_none:
            raise Failed(f"no span but those around tests was made:\n{_last(output)}")
        return Run(outcomes, counted["tests"], counted["library"], time.monotonic() - began)


def _addresses(variables: Mapping[str, str]) -> dict[str, Any]:
    """The parts of the URL of each server, by its name: `{redis_server.port}`."""
    by_variable = {server.variable: name for name, server in servers.SERVERS.items()}
    return {by_variable[variable]: urlsplit(url) for variable, url in variables.items()}


def _download(python: Path, requirement: str, source: Path) -> None:
    source.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        wanted = ["--no-deps", "--no-binary", ":all:", requirement]
        _done([str(python), "-m", "pip", "download", "--quiet", "--dest", folder, *wanted])
        (packed,) = Path(folder).iterdir()
        with tarfile.open(packed) as archive:
            archive.extractall(folder, filter="data")
        packed.unlink()
        (unpacked,) = Path(folder).iterdir()
        unpacked.rename(source)


def _said(python: Path, program: str) -> str:
    return _done([str(python), "-c", program]).strip()


def _done(command: Sequence[str]) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{' '.join(command)}: {done.stderr[-2000:] or done.stdout[-2000:]}")
    return done.stdout


def _last(output: Path) -> str:
    return "\n".join(output.read_text(errors="replace").splitlines()[-30:])
