"""Runs one cell: a program as real processes on loopback, some work for it, and its end; bounded in time."""

from __future__ import annotations

import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.agents import PATIENT, clean_environ

from .starts import BIN, EXCEPTION, OS_EXIT, SIGINT, SIGKILL, SIGTERM, Start

PROGRAMS = Path(__file__).with_name("programs")
PATIENCE_S = 60
"""For a program to come up, or to answer."""
EXIT_PATIENCE_S = 30
BETWEEN_S = 1.2
"""From the first requests to the last ones: a payload is sent each second, so the first are sent meanwhile."""


@dataclass
class Observed:
    """What is seen of a cell from without, and what its processes wrote down."""

    answers: list[str]
    """Of the server or of the tasks; of a program what it prints."""
    lines: list[str]
    """What else is written to standard output and standard error."""
    status: int | None
    """None where it had to be killed."""
    exit_s: float
    """From the stop to the end of the process that was started."""
    left: list[str] = field(default_factory=list)
    """Processes that are still there after it."""
    spans: dict[int, list[str]] = field(default_factory=dict)
    """By process, trace and span id of each span that the program began itself; zeros where nothing is traced."""
    around: dict[int, list[str]] = field(default_factory=dict)
    """By process, the spans of instrumentations that the program saw around its own, one as often as it was seen."""
    ends: dict[int, dict[str, Any]] = field(default_factory=dict)
    """By process, what it told at its very end: its peak of memory and its counters."""
    killed: frozenset[int] = frozenset()
    """Processes that were sent SIGKILL, as the cell wants it."""


@contextmanager
def witnesses() -> Iterator[None]:
    """Have every Python of this environment that is part of a cell run `programs/witness.py` as it starts."""
    place = Path(sysconfig.get_path("purelib"))
    module = shutil.copy(PROGRAMS / "witness.py", place / "torture_witness.py")
    starter = place / "torture_witness.pth"
    starter.write_text("import os; 'TORTURE_LEDGER' in os.environ and __import__('torture_witness')\n")
    try:
        yield
    finally:
        starter.unlink()
        module.unlink()


def run(start: Start, stop: str, *, traced: bool, agent_url: str, variables: Mapping[str, str]) -> Observed:
    """Start, work, stop. `variables` are those of the servers that it uses."""
    with tempfile.TemporaryDirectory(prefix="torture") as folder:
        ledger = Path(folder, "ledger")
        ledger.mkdir()
        port = _port()
        environ = clean_environ(
            **{**variables, **start.variables} if traced else variables,
            PATH=f"{BIN}{os.pathsep}{os.environ['PATH']}",
            DD_TRACE_AGENT_URL=agent_url,
            QUEUE=uuid.uuid4().hex,
            TORTURE_LEDGER=str(ledger),
        )
        # The limits are the users' own.
        environ = {name: value for name, value in environ.items() if name not in PATIENT}
        with Path(folder, "out").open("wb") as out, Path(folder, "err").open("wb") as err:
            process = subprocess.Popen(
                start.words(stop, port, traced=traced),
                env=environ,
                cwd=PROGRAMS,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            try:
                observed = {"program": _program, "server": _server, "tasks": _tasks}[start.kind](
                    _Cell(start, stop, process, port, ledger, environ)
                )
                observed.left = _left_in_group(process.pid)
            finally:
                _kill_group(process)
        printed, said = (Path(folder, name).read_text(errors="replace").splitlines() for name in ("out", "err"))
        if start.kind == "program":
            observed.answers = printed
            observed.lines = said
        else:
            observed.lines = printed + said
        for kind in ("spans", "around"):
            for path in ledger.glob(f"*.{kind}"):
                getattr(observed, kind)[int(path.stem)] = path.read_text().splitlines()
        for path in ledger.glob("*.end"):
            observed.ends[int(path.stem)] = json.loads(path.read_text())
        return observed


@dataclass
class _Cell:
    start: Start
    stop: str
    process: subprocess.Popen[bytes]
    port: int
    ledger: Path
    environ: dict[str, str]

    def wait_for(self, what: Callable[[], bool]) -> None:
        """Until it is so, the process has ended, or patience has."""
        end = time.monotonic() + PATIENCE_S
        while not what() and self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)

    def wait_for_another(self) -> None:
        """Till the parent of a worker that has ended has another one: uWSGI does not hear of SIGTERM meanwhile."""
        time.sleep(2)
        if self.start.loading > 1:
            self.wait_for(lambda: len(self.noted("loaded")) > self.start.loading)

    def noted(self, kind: str) -> list[int]:
        return [int(path.stem) for path in self.ledger.glob(f"*.{kind}")]

    def ended(self, answers: list[str], began_s: float, killed: frozenset[int] = frozenset()) -> Observed:
        try:
            status = self.process.wait(EXIT_PATIENCE_S)
        except subprocess.TimeoutExpired:
            status = None
        ended_s = time.monotonic()
        for path in self.ledger.glob("*.stopping"):
            if int(path.stem) == self.process.pid:
                began_s = float(path.read_text())
        return Observed(answers, [], status, ended_s - began_s, killed=killed)

    def signalled(self, answers: list[str]) -> Observed:
        """Ended by a signal, as the stop says; after SIGKILL of a worker, and after its own end, by SIGTERM."""
        killed: frozenset[int] = frozenset()
        if self.stop == SIGKILL:
            worker = min(set(self.noted("spans")) - {self.process.pid}, default=0)
            if worker:
                os.kill(worker, signal.SIGKILL)
                killed = frozenset([worker])
                self.wait_for_another()
        began_s = time.monotonic()
        if self.process.poll() is None:
            if self.stop == SIGINT:
                # To all of them, as Ctrl-C at a terminal.
                os.killpg(self.process.pid, signal.SIGINT)
            else:
                os.kill(self.process.pid, signal.SIGTERM)
        return self.ended(answers, began_s, killed)


def _program(cell: _Cell) -> Observed:
    began_s = time.monotonic()
    killed: frozenset[int] = frozenset()
    if cell.stop == SIGKILL:
        cell.wait_for(lambda: len(cell.noted("waiting")) == 2)
        killed = frozenset(cell.noted("waiting"))
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
    elif cell.stop in (SIGTERM, SIGINT):
        cell.wait_for(lambda: bool(cell.noted("ready")))
        return cell.signalled([])
    return cell.ended([], began_s, killed)


def _server(cell: _Cell) -> Observed:
    cell.wait_for(lambda: len(cell.noted("loaded")) >= cell.start.loading and _listens(cell.port))
    began = time.monotonic()
    paths = [f"/{kind}/{number}" for number in range(16) for kind in ("unit", "parts")]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda path: _asked(cell.port, path), paths))
        time.sleep(max(0.0, began + BETWEEN_S - time.monotonic()))
        answers += pool.map(lambda path: _asked(cell.port, path), paths[:8])
    if cell.stop == EXCEPTION:
        answers.append(_asked(cell.port, "/raise"))
    if cell.stop == OS_EXIT:
        answers.append(_asked(cell.port, "/exit", tries=1))
        if SIGKILL in cell.start.stops:
            # It has workers.
            cell.wait_for_another()
    return cell.signalled(answers)


def _tasks(cell: _Cell) -> Observed:
    def sent(*words: str) -> list[str]:
        # Not a part of the cell: it is not traced, and has a ledger of its own.
        done = subprocess.run(
            [sys.executable, "tasks.py", *words],
            env={**cell.environ, "TORTURE_LEDGER": str(cell.ledger.parent)},
            cwd=PROGRAMS,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE_S,
        )
        return (done.stdout + done.stderr).splitlines()

    answers = sent("0", "20") + sent("20", "10")
    if cell.stop == EXCEPTION:
        answers += sent("raise")
    if cell.stop == OS_EXIT:
        sent("exit")
        time.sleep(1)
    return cell.signalled(answers)


def _port() -> int:
    """A free port that no client of anybody is given, as those are that the system chooses."""
    while _listens(port := random.randrange(20000, 30000)):
        pass
    return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _asked(port: int, path: str, tries: int = 50) -> str:
    """The answer as text; asked again where the connection is refused or breaks, as by a worker that is replaced."""
    for _ in range(tries):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return f"{path} {answer.status} {answer.getheader('Content-Type')} {answer.read()!r}"
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
        finally:
            connection.close()
    return f"{path} no answer"


def _left_in_group(group: int) -> list[str]:
    """The commands of the processes of a group that are still there, a moment after its leader has ended."""
    end = time.monotonic() + 3
    while (left := _commands(group)) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def _commands(group: int) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, owner = path.read_text().rpartition(")")[2].split()[:3]
            if int(owner) == group and state != "Z":
                found.append(path.with_name("cmdline").read_text().replace("\0", " ").strip())
        except (OSError, ValueError):
            # It has just ended.
            continue
    return found


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        process.wait()
