"""The web application: the page, what it asks for, and the intake."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from . import receiving
from .store import Store, Trace, trace_id
from .stream import Stream

_PAGE = Path(__file__).with_name("page")
# In this order they are one script.
_SCRIPTS = ("dom.js", "rows.js", "text.js", "list.js", "waterfall.js", "span.js", "page.js")


def application(store: Store, stream: Stream) -> Starlette:
    """Everything under one address, so that one port is enough."""
    html, policy = page()
    headers = {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}

    async def home(request: Request) -> Response:
        return HTMLResponse(html, headers=headers)

    async def events(request: Request) -> Response:
        return StreamingResponse(stream.events(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def one(request: Request) -> Response:
        trace = store.get(trace_id(request.path_params["id"]))
        if trace is None:
            return PlainTextResponse("this trace is not kept\n", 404)
        return Response(_whole(trace), media_type="application/json")

    async def every(request: Request) -> Response:
        async def lines() -> AsyncIterator[bytes]:
            for trace in store:
                yield _whole(trace) + b"\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    async def clear(request: Request) -> Response:
        store.clear()
        return Response(status_code=204)

    routes = [
        Route("/", home),
        Route("/api/stream", events),
        Route("/api/traces", every),
        Route("/api/traces/{id}", one),
        Route("/api/clear", clear, methods=["POST"]),
        *receiving.routes(store),
    ]
    return Starlette(routes=routes, middleware=[Middleware(OnlyThisSite)])


def page() -> tuple[str, str]:
    """The page with its style and script in it, and the policy by which the browser runs nothing else."""
    style = (_PAGE / "page.css").read_text(encoding="utf-8")
    script = "\n".join((_PAGE / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    html = (_PAGE / "page.html").read_text(encoding="utf-8").replace("{style}", style).replace("{script}", script)
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; connect-src 'self';"
        " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return html, policy


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _whole(trace: Trace) -> bytes:
    """A trace with all its spans, as the JSON that is kept of each."""
    spans = b",".join(span.json for span in trace.spans.values())
    told = f'"id":"{trace.name}","trace_id":"{trace.upper:016x}{trace.id:016x}","left_out":{trace.left_out}'
    return b"{" + told.encode() + b',"spans":[' + spans + b"]}"


class OnlyThisSite:
    """Refuses what a foreign page has a browser send, and names that a foreign DNS server could point here.

    Tracers may reach the intake by any name, such as that of a container.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (why := _refusal(scope)):
            await PlainTextResponse(why, 403)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _refusal(scope: Scope) -> str:
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    host = headers.get(b"host", "")
    origin = headers.get(b"origin", "")
    # A browser names the page that sends anything but a plain question.
    if origin and origin.partition("://")[2] != host:
        return "this comes from another site\n"
    if (scope["path"] == "/" or scope["path"].startswith("/api/")) and not _is_an_address(host):
        return "open this page by an IP address or as localhost\n"
    return ""


def _is_an_address(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or name.endswith(".localhost") or bool(ipaddress.ip_address(name))
    except ValueError:
        return False
