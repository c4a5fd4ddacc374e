"""The servers of one run of the tests, for all its workers: the first that asks for one starts it, and it stays.

Each has a keeper: a process that starts it, and stops it when the run's owner is gone, however that came. Locks on
files tell who is alive, since the system takes them back from whoever ends. They are POSIX's: a fork has none of them.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TextIO

from .processes import PATIENCE, Missing, NotStarted

FOLDER = "TEST_SERVERS_SESSION"
"""The variable that tells a process the folder of the run that it belongs to."""
ROOT = Path(__file__).parents[2]

# Kept, because Python warns of a process that goes on when its object is gone.
_keepers: list[subprocess.Popen[bytes]] = []


@contextmanager
def session() -> Iterator[None]:
    """The servers that are asked for in here, and in processes started in here, stay until the end."""
    if FOLDER in os.environ:  # Within another one, whose servers they are.
        yield
        return
    folder = Path(tempfile.mkdtemp(prefix="servers"))
    os.environ[FOLDER] = str(folder)
    try:
        with (folder / "owner").open("w") as owner:
            fcntl.lockf(owner, fcntl.LOCK_EX)
            try:
                yield
            finally:
                # Before the lock goes: whose file is still there was killed.
                (folder / "owner").unlink()
    finally:
        _stopped(folder)
        del os.environ[FOLDER]
        shutil.rmtree(folder, ignore_errors=True)


def shared(name: str) -> str:
    """The URL of a server of this run. Raises Missing or NotStarted."""
    folder = Path(os.environ[FOLDER])
    answer, keeper, log = (folder / f"{name}.{kind}" for kind in ("answer", "keeper", "log"))
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # One may be on its way for a worker that was killed.
        if not answer.exists() and not _alive(keeper):
            _keepers.append(_keeper(name, folder, log))
        end = time.monotonic() + 2 * PATIENCE
        while not answer.exists():
            ended = not _alive(keeper) and all(process.poll() is not None for process in _keepers)
            if ended or time.monotonic() > end:
                raise NotStarted(f"{name} does not come up:\n{log.read_text(errors='replace')}")
            time.sleep(0.02)
    told: dict[str, str] = json.loads(answer.read_text())
    if "url" not in told:
        raise {"Missing": Missing, "NotStarted": NotStarted}[told["error"]](told["message"])
    return told["url"]


def keep(name: str, start: Callable[[], AbstractContextManager[str]], folder: Path) -> None:
    """What a keeper does: starts its server, says where it is, and stops it when the owner is gone."""
    with (folder / f"{name}.keeper").open("a+") as mine, (folder / "owner").open() as owner:
        if not _locked(mine):  # Another keeps it already.
            return
        mine.write(str(os.getpid()))
        mine.flush()
        try:
            with start() as url:
                _say(folder, name, url=url)
                fcntl.lockf(owner, fcntl.LOCK_SH)  # Waits: it is the owner's as long as that lives.
        except (Missing, NotStarted) as failure:
            _say(folder, name, error=type(failure).__name__, message=str(failure))
            return
    if (folder / "owner").exists():  # It was killed, and could not do it.
        shutil.rmtree(folder, ignore_errors=True)


def _keeper(name: str, folder: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.servers", name, str(folder)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _say(folder: Path, name: str, **told: str) -> None:
    new = folder / f"{name}.new"
    new.write_text(json.dumps(told))
    new.replace(folder / f"{name}.answer")


def _locked(mine: TextIO) -> bool:
    """Whether the lock is ours now. Who asks whether a keeper is alive has it for a moment, and a keeper for long."""
    for _ in range(100):
        with contextlib.suppress(OSError):
            fcntl.lockf(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.02)
    return False


def _alive(keeper: Path) -> bool:
    try:
        with keeper.open("r+") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _stopped(folder: Path) -> None:
    """Waits for the keepers, which know by now that their time is over."""
    end = time.monotonic() + PATIENCE
    for keeper in folder.glob("*.keeper"):
        while _alive(keeper):
            if time.monotonic() > end:
                # Its server ends with it.
                with contextlib.suppress(ProcessLookupError, ValueError):
                    os.kill(int(keeper.read_text()), signal.SIGKILL)
                break
            time.sleep(0.02)
