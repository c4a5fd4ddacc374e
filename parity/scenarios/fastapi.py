"""FastAPI under uvicorn: routes, routers, dependencies, threads, background tasks, errors."""

from __future__ import annotations

import asyncio
import http.client
import threading
import time
from collections.abc import AsyncIterator

import uvicorn
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, HTTPException, WebSocket
from fastapi.responses import PlainTextResponse, StreamingResponse
from guest import guest_of
from steps import step
from websockets.sync.client import connect

BESIDE = ("parity/guest.py",)

SETTINGS: dict[str, str] = {}

# No application in a mount: ddtrace 4.16.0 makes two requests of it, one named without the mount, one by its path.
app, router = FastAPI(), APIRouter()


async def dependency() -> str:
    return "kettle"


@app.get("/")
async def home() -> str:
    return "tea"


@app.get("/tea/{kind}")
async def tea(kind: str, cups: int = 1, kettle: str = Depends(dependency)) -> dict[str, str | int]:
    return {"kind": kind, "cups": cups, "from": kettle}


@app.get("/thread")
def in_a_thread() -> PlainTextResponse:
    return PlainTextResponse("steeped")


@router.websocket("/chat/{room}")
async def chat(socket: WebSocket, shop: str, room: str) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(f"{room}: {text}")


@app.get("/later")
async def later(tasks: BackgroundTasks) -> PlainTextResponse:
    tasks.add_task(time.sleep, 0)
    return PlainTextResponse("later")


@app.get("/failing")
async def failing() -> None:
    raise ValueError("no tea")


@app.get("/gone")
async def gone() -> None:
    raise HTTPException(404, "no such tea")


@app.get("/not-yet")
async def not_yet() -> None:
    raise HTTPException(503, "not yet")


@router.get("/tea/{kind}")
async def of_a_router(kind: str) -> PlainTextResponse:
    return PlainTextResponse(kind)


async def closing() -> AsyncIterator[None]:
    yield
    raise OSError("not closed")


@app.get("/closing", dependencies=[Depends(closing)])
async def closed() -> PlainTextResponse:
    return PlainTextResponse("done")


@app.get("/cups")
async def cups() -> StreamingResponse:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"cup"
            await asyncio.sleep(0.01)

    return StreamingResponse(endless())


app.include_router(router, prefix="/shops/{shop}")

server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off"))
threading.Thread(target=server.run, daemon=True).start()
while not server.started:
    time.sleep(0.01)
PORT = server.servers[0].sockets[0].getsockname()[1]
ask = guest_of(PORT)


with step("a page"):
    assert ask("/") == 200

with step("a route with arguments and a dependency"):
    assert ask("/tea/green?cups=2") == 200

with step("refused by its types"):
    assert ask("/tea/green?cups=two") == 422

with step("an endpoint in a thread"):
    assert ask("/thread") == 200

with step("a task for later"):
    assert ask("/later") == 200

with step("a router's route"):
    assert ask("/shops/corner/tea/green") == 200

with step("the description of the API"):
    assert ask("/openapi.json") == 200

with step("an exception in an endpoint"):
    assert ask("/failing") == 500

with step("a 404 that is raised"):
    assert ask("/gone") == 404

with step("an error that is raised"):
    assert ask("/not-yet") == 503

with step("a dependency that fails after the response"):
    assert ask("/closing") == 200

with step("a stream that is left"):
    connection = http.client.HTTPConnection("127.0.0.1", PORT)
    connection.request("GET", "/cups", headers={"User-Agent": "guest/1"})
    assert connection.getresponse().read(3) == b"cup"
    connection.close()
    time.sleep(0.3)

with step("no such page"):
    assert ask("/no/such/page") == 404

with step("no such method"):
    assert ask("/thread", "DELETE") == 405

with (
    step("a WebSocket"),
    connect(f"ws://127.0.0.1:{PORT}/shops/corner/chat/blue", user_agent_header="guest/1") as socket,
):
    socket.send("green")
    assert socket.recv() == "blue: green"
