"""The Agents of the cells: one that takes everything, and ten that do not."""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.agents import Reply, Request, ScriptedAgent, free_port, resets, says, sends, waits

AWAY_S = 0.3
"""How long an Agent that restarts is away."""


class Taken:
    """The payloads that an Agent has taken: all that it meant to answer with 2xx."""

    def __init__(self) -> None:
        self._payloads: list[Request] = []
        self.first = threading.Event()

    def spans(self) -> list[str]:
        """Trace (its lower half) and span id of each, as in the ledger; repetitions and all."""
        return [
            f"{span['trace_id']:016x} {span['span_id']:016x}"
            for payload in tuple(self._payloads)
            for trace in payload.traces()
            for span in trace
        ]

    def by(self, reply: Reply) -> Reply:
        """`reply`, with the payload taken."""

        def taking(connection: socket.socket, request: Request | None) -> None:
            # One that is cut short, because its sender dies, is nothing.
            if request is not None and len(request.body) == int(request.headers["content-length"]):
                self._payloads.append(request)
            reply(connection, request)
            self.first.set()

        return taking


Running = Iterator[tuple[str, Taken]]
"""The Agent's address, and what it takes."""


def always(reply: Reply, *, takes: bool = False, silent: bool = False) -> Callable[[], AbstractContextManager]:  # type: ignore[type-arg]
    @contextmanager
    def running() -> Running:
        taken = Taken()
        with ScriptedAgent(taken.by(reply) if takes else reply, silent=silent) as agent:
            yield agent.url, taken

    return running


@contextmanager
def absent() -> Running:
    yield f"http://127.0.0.1:{free_port()}", Taken()


@contextmanager
def restarting() -> Running:
    """Away for a moment after the first payload."""
    taken, port, over = Taken(), free_port(), threading.Event()

    def begin() -> ScriptedAgent:
        return ScriptedAgent(taken.by(says()), port=port)

    def restart() -> None:
        taken.first.wait()
        agents.pop().close()
        over.wait(AWAY_S)
        agents.append(begin())

    agents = [begin()]
    thread = threading.Thread(target=restart)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}", taken
    finally:
        over.set()
        taken.first.set()
        thread.join()
        agents.pop().close()


@contextmanager
def vanishing() -> Running:
    """On a unix socket that is gone after the first payload."""
    taken = Taken()
    # The path of a unix socket must be short.
    folder = Path(tempfile.mkdtemp(prefix="agent", dir="/tmp"))
    with ScriptedAgent(taken.by(says(then_close=True)), unix=str(folder / "apm.socket")) as agent:

        def vanish() -> None:
            taken.first.wait()
            shutil.rmtree(folder)
            agent.close()

        thread = threading.Thread(target=vanish)
        thread.start()
        try:
            yield agent.url, taken
        finally:
            taken.first.set()
            thread.join()


AGENTS: dict[str, Callable[[], AbstractContextManager[tuple[str, Taken]]]] = {
    "ok": always(says(), takes=True),
    "absent": absent,
    "silent": always(says(), silent=True),
    "slow": always(waits(0.4, says()), takes=True),
    "reset": always(resets()),
    "500": always(says(500)),
    "429": always(says(429)),
    "413": always(says(413)),
    "garbage": always(sends(b"\x00\xffthis is no HTTP\r\n\r\n")),
    "restarting": restarting,
    "vanishing": vanishing,
}
