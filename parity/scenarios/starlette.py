"""Starlette under uvicorn: routes, mounts, threads, streams, background tasks, errors raised and handled."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator

import uvicorn
from guest import guest_of
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket
from steps import step
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

SETTINGS = {"DD_SERVICE": "teahouse"}
BESIDE = ("parity/guest.py",)


class SoldOut(Exception):
    pass


async def home(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("tea")


async def tea(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(request.path_params))


def in_a_thread(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("steeped")


async def slow(_request: Request) -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        for number in range(3):
            yield str(number).encode()

    return StreamingResponse(parts())


async def later(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("later", background=BackgroundTask(time.sleep, 0))


async def failing(_request: Request) -> PlainTextResponse:
    raise ValueError("no tea")


async def gone(_request: Request) -> PlainTextResponse:
    raise HTTPException(404, "no such tea")


async def not_yet(_request: Request) -> PlainTextResponse:
    raise HTTPException(503, "not yet")


async def said(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("not yet", status_code=503)


async def sold_out(_request: Request) -> PlainTextResponse:
    raise SoldOut("no tea left")


async def moved(_request: Request) -> RedirectResponse:
    return RedirectResponse("/")


async def handled(_request: Request, _error: Exception) -> PlainTextResponse:
    return PlainTextResponse("sold out", status_code=410)


async def other(scope: dict, receive: object, send: object) -> None:
    await PlainTextResponse("other")(scope, receive, send)


async def chat(socket: WebSocket) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)


async def closed(socket: WebSocket) -> None:
    await socket.close()


app = Starlette(
    routes=[
        Route("/", home),
        Route("/tea/{kind}/{cups:int}", tea, methods=["GET", "POST"]),
        Route("/thread", in_a_thread),
        Route("/slow", slow),
        Route("/later", later),
        Route("/failing", failing),
        Route("/gone", gone),
        Route("/not-yet", not_yet),
        Route("/said", said),
        Route("/sold-out", sold_out),
        Route("/moved", moved),
        Mount("/shops/{shop}", routes=[Route("/tea/{kind}", tea)]),
        Mount("/other", other),
        WebSocketRoute("/chat/{room}", chat),
        WebSocketRoute("/closed", closed),
    ],
    exception_handlers={SoldOut: handled},
)
server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off"))
threading.Thread(target=server.run, daemon=True).start()
while not server.started:
    time.sleep(0.01)
PORT = server.servers[0].sockets[0].getsockname()[1]
ask = guest_of(PORT)


with step("a page"):
    assert ask("/") == 200

with step("a route with arguments"):
    assert ask("/tea/green/2") == 200

with step("another method of it"):
    assert ask("/tea/green/2", "POST") == 200

with step("an endpoint in a thread"):
    assert ask("/thread") == 200

with step("a streamed body"):
    assert ask("/slow") == 200

with step("a task for later"):
    assert ask("/later") == 200

with step("a route in a mount"):
    assert ask("/shops/corner/tea/green") == 200

with step("another application in a mount"):
    assert ask("/other/tea") == 200

with step("an exception in an endpoint"):
    assert ask("/failing") == 500

with step("a 404 that is raised"):
    assert ask("/gone") == 404

with step("an error that is raised"):
    assert ask("/not-yet") == 503

with step("an error by status alone"):
    assert ask("/said") == 503

with step("an exception that a handler takes"):
    assert ask("/sold-out") == 410

with step("moved elsewhere"):
    assert ask("/moved") == 307

with step("no such page"):
    assert ask("/no/such/page") == 404

with step("no such method"):
    assert ask("/thread", "DELETE") == 405

with step("HEAD"):
    assert ask("/", "HEAD") == 200

with step("secrets in the query"):
    assert ask("/?token=abc&page=1&password=hunter2") == 200

with step("an odd URL"):
    assert ask("/tea/gr%C3%BCn%3F/2?q=%20%C3%A9&empty") == 200

with step("another host, and where the guest comes from"):
    assert ask("/", Host="tea.example", Referer="https://guide.example/tea?page=1") == 200

with step("continued from a service traced by Datadog"):
    ask("/", **{"x-datadog-trace-id": "1311768467463790320", "x-datadog-parent-id": "77"})

with step("continued by W3C headers"):
    ask("/", traceparent="00-640cfd8d0000abcd12345678901234f1-000000000000004d-01", tracestate="dd=s:1,other=1")

with step("a WebSocket"), connect(f"ws://127.0.0.1:{PORT}/chat/blue", user_agent_header="guest/1") as socket:
    for text in ("green", "black"):
        socket.send(text)
        assert socket.recv() == text

with step("a WebSocket that is refused", InvalidStatus):
    connect(f"ws://127.0.0.1:{PORT}/closed", user_agent_header="guest/1")
