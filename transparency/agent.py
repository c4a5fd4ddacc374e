"""An Agent that takes all payloads, and keeps of them only how many spans there were."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tests.agents import Request, ScriptedAgent, says


class Counted(Counter[str]):
    """Numbers of spans: `tests` are those around tests, `library` all others."""


@contextmanager
def counting_agent() -> Iterator[tuple[str, Counted]]:
    counted = Counted()
    answer = says()

    def count(connection: socket.socket, request: Request | None) -> None:
        assert request is not None
        for trace in request.traces():
            for span in trace:
                is_ours = span["meta"].get("otel.scope.name") == "transparency"
                counted["tests" if is_ours else "library"] += 1
        request.body = b""
        answer(connection, request)

    with ScriptedAgent(count) as agent:
        yield agent.url, counted
