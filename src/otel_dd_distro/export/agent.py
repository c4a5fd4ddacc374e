"""The Datadog Agent as we talk to it: one kept connection, the intake's headers, `/info`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from ..interruptions import pass_on
from . import info as agent_info
from .info import STATS_PATH, TRACES_PATH, AgentInfo
from .loading import own_version

if TYPE_CHECKING:
    from http.client import HTTPConnection

_ANSWER_LIMIT_BYTES = 4 << 20


class Unreached(Exception):
    """No answer came. `reason` is one word: refused, timeout, tls or network; `detail` says more."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Answer(NamedTuple):
    status: int
    body: bytes
    """At most 4 MiB; empty if the connection broke after the status was read."""
    state: str | None
    """`Datadog-Agent-State`: changes when `/info` does."""
    rates_version: str | None


class Agent:
    """A client for one export thread at a time. Constructing it imports, opens and reads nothing.

    `url` is `http://host:port`, `https://...`, either with a path prefix, or `unix:///path/to/socket`.
    `timeout_s` bounds connecting, each 64 KiB sent, and the whole answer, separately.
    `headers` go with every request; `external_env` is the value of `DD_EXTERNAL_ENV`.
    """

    def __init__(
        self,
        url: str = "http://localhost:8126",
        *,
        timeout_s: float = 2.0,
        headers: Mapping[str, str] = MappingProxyType({}),
        external_env: str = "",
    ) -> None:
        self.timeout_s = timeout_s
        self._url = url
        self._extra = dict(headers)
        self._external_env = external_env
        self._constant: dict[str, str] = {}
        self._connection: HTTPConnection | None = None
        self._prefix = ""

    @property
    def url(self) -> str:
        """The address as it may be shown: without user and password."""
        scheme, mark, rest = self._url.partition("://")
        host, slash, path = rest.partition("/")
        return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}"

    def read_info(self, timeout_s: float | None = None) -> AgentInfo:
        """`GET /info`; the defaults if the Agent has none (404). Raises Unreached."""
        answer = self._request("GET", "/info", (), {}, timeout_s)
        return agent_info.parse(answer.body) if answer.status == 200 else AgentInfo()

    def send_traces(
        self,
        parts: Sequence[bytes],
        traces: int,
        rates_version: str,
        timeout_s: float | None = None,
        *,
        counted: bool = False,
        left_out: tuple[int, int] = (0, 0),
    ) -> Answer:
        """POST a v0.4 payload, given as consecutive pieces of a msgpack array of `traces` traces. Raises Unreached.

        `counted`: their spans are in our own stats. `left_out`: traces and spans that were not sent since the last
        time, because they are not sampled.
        """
        headers = {
            "Content-Type": "application/msgpack",
            "Content-Length": str(sum(map(len, parts))),
            "X-Datadog-Trace-Count": str(traces),
            "Datadog-Rates-Payload-Version": rates_version,
        }
        if counted:
            headers["Datadog-Client-Computed-Stats"] = "yes"
        for what, number in zip(("Traces", "Spans"), left_out, strict=True):
            if number:
                headers[f"Datadog-Client-Dropped-P0-{what}"] = str(number)
        return self._request("POST", TRACES_PATH, parts, headers, timeout_s)

    def send_stats(self, payload: bytes, timeout_s: float | None = None) -> Answer:
        """POST a v0.6 payload of client stats. Raises Unreached."""
        headers = {"Content-Type": "application/msgpack", "Content-Length": str(len(payload))}
        return self._request("POST", STATS_PATH, (payload,), headers, timeout_s)

    def close(self) -> None:
        """Close the kept connection; the next request opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def after_fork(self) -> None:
        """In a forked child: never touch the conversation that the parent has on this connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            from .connection import abandon

            abandon(connection)

    def _request(
        self, method: str, path: str, parts: Sequence[bytes], headers: Mapping[str, str], timeout_s: float | None
    ) -> Answer:
        timeout_s = self.timeout_s if timeout_s is None else min(timeout_s, self.timeout_s)
        kept = self._connection is not None and self._connection.sock is not None
        try:
            headers = {**self._constant_headers(), **headers, **self._extra}
            try:
                return self._exchange(method, path, parts, headers, timeout_s)
            except (ConnectionResetError, ConnectionAbortedError, BrokenPipeError):
                # The Agent closed the kept connection while we were silent: that says nothing about this request.
                if not kept:
                    raise
                self.close()
                return self._exchange(method, path, parts, headers, timeout_s)
        except Exception as error:
            # Mostly OSError and HTTPException; but a Python without ssl, say, must not cost the application more.
            self.close()
            pass_on(error)
            raise Unreached(_reason(error), f"{type(error).__name__}: {error}"[:200]) from error

    def _exchange(
        self, method: str, path: str, parts: Sequence[bytes], headers: Mapping[str, str], timeout_s: float
    ) -> Answer:
        from . import connection as wire

        if self._connection is None:
            self._connection, self._prefix = wire.connect(self._url, timeout_s)
        connection = self._connection
        connection.timeout = timeout_s
        if connection.sock is not None:
            connection.sock.settimeout(timeout_s)
        try:
            connection.request(method, self._prefix + path, wire.blocks(parts) if parts else None, headers)
        except (BrokenPipeError, ConnectionResetError) as error:
            # An Agent may refuse a body before it has read it all; then its answer is already waiting.
            try:
                answer = connection.getresponse()
            except wire.FAILURES:
                raise error from None
        else:
            answer = connection.getresponse()
        try:
            body = answer.read(_ANSWER_LIMIT_BYTES)
            whole = answer.isclosed()
        except wire.FAILURES:
            # The status has been said: whether the payload was taken no longer depends on the rest.
            body, whole = b"", False
        if not whole:
            answer.close()
            self.close()
        return Answer(
            answer.status,
            body,
            answer.getheader("Datadog-Agent-State"),
            answer.getheader("Datadog-Rates-Payload-Version"),
        )

    def _constant_headers(self) -> dict[str, str]:
        if not self._constant:
            import platform

            from . import container

            self._constant = {
                "Datadog-Meta-Lang": "python",
                "Datadog-Meta-Lang-Version": ".".join(map(str, sys.version_info[:3])),
                "Datadog-Meta-Lang-Interpreter": platform.python_implementation(),
                "Datadog-Meta-Tracer-Version": own_version(),
                # We mark top level spans ourselves.
                "Datadog-Client-Computed-Top-Level": "yes",
                # Otherwise an overloaded Agent would answer 200 and throw the payload away.
                "Datadog-Send-Real-Http-Status": "1",
                **container.headers(),
            }
            if self._external_env:
                self._constant["Datadog-External-Env"] = self._external_env
        return self._constant


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, (ConnectionRefusedError, FileNotFoundError)):
        return "refused"
    # By name: the ssl module may be absent.
    return "tls" if type(error).__name__.startswith("SSL") else "network"
