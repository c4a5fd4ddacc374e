"""What starting a server takes: its command, a folder, a process that ends with us, and a right answer from it."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.ports import free_port

# Seconds for a server to answer: a busy machine that is four times slower has Cassandra up after a minute and a half.
PATIENCE = 300
PROGRAMS = Path(__file__).with_name("programs")
"""Servers of our own, and what starts those written in Java."""
PACKAGES = Path(__file__).with_name("packages.txt")


class Missing(Exception):
    """A server is not installed; the message says how to get it."""


class NotStarted(Exception):
    """A server is installed and does not come up; the message ends with what it says."""


def packages() -> list[str]:
    """Debian's packages that the tests use."""
    return [line for line in PACKAGES.read_text().splitlines() if line and not line.startswith("#")]


def install_line() -> str:
    return "apt-get install -y --no-install-recommends " + " ".join(packages())


def found(command: str, *folders: str, first: bool = False) -> Path:
    """The path of a command: in PATH, and where Debian has it; `first` there and then in PATH."""
    there = sorted(path for folder in folders for path in Path("/").glob(f"{folder.lstrip('/')}/{command}"))
    in_path = shutil.which(command)
    known = [*([Path(in_path)] if in_path else []), *reversed(there)]
    if first:
        known = [*reversed(there), *known]
    if not known:
        raise Missing(
            f"{command} is missing: {install_line()}\n"
            'or `docker compose up -d --wait` and the variables of CONTRIBUTING.md, "Servers"'
        )
    return known[0]


def account(user: str) -> dict[str, Any]:
    """What makes a process that of `user`, where we are root: few servers run as root."""
    if not user or os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@contextmanager
def folder(owner: str = "") -> Iterator[Path]:
    """An empty folder. Not pytest's or nox's own: those let no other user in, and paths of sockets must be short."""
    made = Path(tempfile.mkdtemp(prefix="server", dir="/tmp" if Path("/tmp").is_dir() else None))
    if owner and os.geteuid() == 0:
        made.chmod(0o755)
        to = account(owner)
        os.chown(made, to["user"], to["group"])
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def done(command: Sequence[object], log: Path, user: str = "") -> None:
    """Runs a command to its end. Raises NotStarted where it fails."""
    with log.open("ab") as output:
        ran = subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            timeout=PATIENCE,
            **account(user),
        )
    if ran.returncode:
        raise NotStarted(f"{command[0]} ended with status {ran.returncode}:\n{log.read_text(errors='replace')}")


@contextmanager
def process(
    command: Sequence[object],
    log: Path,
    *,
    user: str = "",
    end: signal.Signals = signal.SIGTERM,
    environ: Mapping[str, object] | None = None,
    pid: Path | None = None,
    cwd: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process, ended by the signal `end`, which goes to the one whose id the file `pid` holds, where there is one."""
    # So it ends as well where these tests are killed.
    bound = [setpriv, "--pdeathsig", end.name] if (setpriv := shutil.which("setpriv")) else []
    with log.open("ab") as output:
        started = subprocess.Popen(
            [*bound, *(str(word) for word in command)],
            env=None if environ is None else {name: str(value) for name, value in environ.items()},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C at the terminal is for the tests, which then stop this.
            start_new_session=True,
            **account(user),
        )
    try:
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid.read_text()) if pid is not None and pid.exists() else started.pid, end)
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()


def answers(
    started: subprocess.Popen[bytes], log: Path, port: int, question: bytes, right: Callable[[bytes], bool]
) -> None:
    """Waits until what listens there gives the right answer. Raises NotStarted where it does not."""
    end = time.monotonic() + PATIENCE
    while not right(asked(port, question)):
        if started.poll() is not None or time.monotonic() > end:
            raise NotStarted(f"{started.args!r} does not come up:\n{log.read_text(errors='replace')}")
        time.sleep(0.02)


def asked(port: int, question: bytes) -> bytes:
    """The beginning of the answer; empty where there is none."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(question)
            return connection.recv(4096)
    except OSError:
        return b""


def low_port() -> int:
    """A free port of redis: its nodes talk to each other on that port plus 10,000."""
    while (port := free_port()) >= 55536:
        pass
    return port
