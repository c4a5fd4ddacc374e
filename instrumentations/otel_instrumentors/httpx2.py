"""HTTPX2: a span for each request that a client is asked to send, with redirects that it follows; sync and async."""

from __future__ import annotations

from .families.httpx import OPTIONS, SENT
from .kernel.for_objects import ForClients


class Httpx2Instrumentor(ForClients):
    options = OPTIONS._replace(sibling="httpx")
    hooks = {"httpx2": {"Client.send": SENT, "AsyncClient.send": SENT}}
