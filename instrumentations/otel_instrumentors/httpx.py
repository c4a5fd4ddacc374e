"""HTTPX: a span for each request that a client is asked to send, with the redirects that it follows; sync and async."""

from __future__ import annotations

from .families.httpx import OPTIONS, SENT
from .kernel.for_objects import ForClients


class HttpxInstrumentor(ForClients):
    options = OPTIONS
    hooks = {"httpx": {"Client.send": SENT, "AsyncClient.send": SENT}}
