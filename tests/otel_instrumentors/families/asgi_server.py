"""Calls ASGI applications as a server does."""

from __future__ import annotations

import asyncio
from typing import Any


def http_scope(path: str, query: str = "", method: str = "GET", **headers: str) -> dict[str, Any]:
    pairs = {"host": "shop.example:8080", "user-agent": "test", **headers}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in pairs.items()],
        "client": ("127.0.0.1", 40_000),
        "server": ("127.0.0.1", 8000),
    }


class Client:
    """One request. `messages` are what the application sent; `leaves_after` is when the client goes away, in parts."""

    def __init__(self, leaves_after: int | None = None) -> None:
        self.messages: list[dict[str, Any]] = []
        self._leaves_after = leaves_after
        self._asked = False
        self._over: asyncio.Event | None = None

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])

    async def request(self, application: Any, scope: dict[str, Any]) -> Client:
        self._over = asyncio.Event()
        if self._leaves_after == 0:
            asyncio.get_running_loop().call_later(0.05, self._over.set)
        await application(scope, self.receive, self.send)
        return self

    async def receive(self) -> dict[str, Any]:
        assert self._over is not None
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._over.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        assert self._over is not None
        self.messages.append(message)
        parts = len(self.messages) - 1
        if parts == self._leaves_after or (message["type"] == "http.response.body" and not message.get("more_body")):
            self._over.set()


def asked(application: Any, path: str, *, leaves_after: int | None = None, **how: Any) -> Client:
    """The request, done in a loop of its own."""
    return asyncio.run(Client(leaves_after).request(application, http_scope(path, **how)))
