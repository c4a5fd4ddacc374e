"""What the tests of HTTPX and of HTTPX2 ask for by its clients, of either kind."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

from tests.otel_instrumentors.http_server import HttpServer

WAYS = ["sync", "async"]


def ask(library: str, way: str, url: str, method: str = "GET", **options: Any) -> Any:
    """The response, by a client of its own."""
    of: Any = import_module(library)
    if way == "sync":
        with of.Client(trust_env=False, follow_redirects=True) as client:
            return client.request(method, url, **options)

    async def asked() -> Any:
        async with of.AsyncClient(trust_env=False, follow_redirects=True) as client:
            return await client.request(method, url, **options)

    return asyncio.run(asked())


def both_ways(library: str, server: HttpServer) -> list[str]:
    server.seen.clear()
    return [ask(library, way, f"{server.url}/path").text for way in WAYS]


def sent(server: HttpServer) -> list[str]:
    """The span ids that the server has seen, request by request."""
    return [span_id(headers) for _, headers in server.seen]


def span_id(headers: dict[str, str]) -> str:
    """The one that a server was told."""
    return {name.lower(): value for name, value in headers.items()}["traceparent"].split("-")[2]
