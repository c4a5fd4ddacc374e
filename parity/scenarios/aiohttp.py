"""aiohttp: requests by route, streamed, failing, unknown; calls, redirects, errors; nothing of DD_* set."""

from __future__ import annotations

import asyncio
import http.client
import logging
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import aiohttp
from aiohttp import web
from guest import guest_of
from steps import saw, step

BESIDE = ("parity/guest.py",)

logging.disable()
Path("static").mkdir()
Path("static/leaf.txt").write_text("green")


class SoldOut(Exception):
    pass


async def front(request: web.Request) -> web.Response:
    return web.Response(text="tea")


async def tea(request: web.Request) -> web.Response:
    return web.Response(text=request.match_info["kind"], status=201 if request.method == "POST" else 200)


async def slow(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for number in range(3):
        await response.write(b"%d" % number)
        await asyncio.sleep(0.01)
    await response.write_eof()
    return response


async def boom(request: web.Request) -> web.Response:
    raise ValueError("no tea")


async def gone(request: web.Request) -> web.Response:
    raise web.HTTPNotFound


async def busy(request: web.Request) -> web.Response:
    raise web.HTTPServiceUnavailable


async def later(request: web.Request) -> web.Response:
    return web.Response(status=503)


async def moved(request: web.Request) -> web.Response:
    raise web.HTTPFound("/")


async def sold_out(request: web.Request) -> web.Response:
    raise SoldOut


async def talk(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_str("hello")
    await socket.close()
    return socket


async def ask_backend(request: web.Request) -> web.Response:
    async with request.app["session"].get(f"{BACKEND}/tea/200") as answer:
        return web.Response(text=await answer.text())


@web.middleware
async def polite(request: web.Request, handler: object) -> web.StreamResponse:
    try:
        return await handler(request)
    except SoldOut:
        return web.Response(status=410)


async def session(app: web.Application) -> object:
    async with aiohttp.ClientSession() as app["session"]:
        yield


branch = web.Application()
branch.router.add_get("/tea/{kind}", tea)
app = web.Application(middlewares=[polite])
app.cleanup_ctx.append(session)
app.add_subapp("/branch", branch)
app.router.add_get("/", front)
app.router.add_get("/tea/{kind}", tea)
app.router.add_post("/tea/{kind}", tea)
app.router.add_get("/cups/{number:[0-9]+}", lambda request: front(request))
app.router.add_get("/slow", slow)
app.router.add_get("/boom", boom)
app.router.add_get("/gone", gone)
app.router.add_get("/busy", busy)
app.router.add_get("/later", later)
app.router.add_get("/moved", moved)
app.router.add_get("/sold-out", sold_out)
app.router.add_get("/talk", talk)
app.router.add_get("/backend", ask_backend)
app.router.add_static("/static", "static")
if "ddtrace" in sys.modules:
    from ddtrace.contrib.aiohttp import trace_app

    trace_app(app)


class Backend(BaseHTTPRequestHandler):
    """Answers with the status that the path ends in."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        last = self.path.partition("?")[0].rpartition("/")[2]
        self.server.headers = {key.lower(): text for key, text in self.headers.items()}
        self.send_response(int(last) if last.isdigit() else 200)
        if last == "302":
            self.send_header("Location", "/done/200")
        self.send_header("Content-Length", "6")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"kettle")

    do_HEAD = do_POST = do_PUT = do_GET

    def log_message(self, *args: object) -> None:
        pass


backend = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
threading.Thread(target=backend.serve_forever, daemon=True).start()
BACKEND = f"http://127.0.0.1:{backend.server_port}"

ready = threading.Event()
ports: list[int] = []


async def serve() -> None:
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ports.append(runner.addresses[0][1])
    ready.set()
    await asyncio.Event().wait()


threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
ready.wait(10)
ask = guest_of(ports[0])


with step("a page"):
    assert ask("/") == 200

with step("a route with arguments"):
    assert ask("/tea/green") == 200

with step("another method of it"):
    assert ask("/tea/green", "POST") == 201

with step("an argument with a pattern"):
    assert ask("/cups/7") == 200

with step("an application below a path"):
    assert ask("/branch/tea/black") == 200
    assert ask("/branch/no/such/page") == 404

with step("a streamed body"):
    assert ask("/slow") == 200

with step("an exception in a handler"):
    assert ask("/boom") == 500

with step("an exception that a middleware takes"):
    assert ask("/sold-out") == 410

with step("an error that is answered"):
    assert ask("/later") == 503

with step("an error that is raised as an answer"):
    assert ask("/busy") == 503

with step("a 404 of a handler"):
    assert ask("/gone") == 404

with step("no such page"):
    assert ask("/no/such/page") == 404

with step("no such method"):
    assert ask("/boom", "DELETE") == 405

with step("moved elsewhere"):
    assert ask("/moved") == 302

with step("HEAD"):
    assert ask("/", "HEAD") == 200

with step("a file"):
    assert ask("/static/leaf.txt") == 200
    assert ask("/static/no-leaf.txt") == 404

with step("secrets in the query"):
    assert ask("/?token=abc&page=1&password=hunter2") == 200

with step("an odd URL"):
    assert ask("/tea/gr%C3%BCn%3F?q=%20%C3%A9&empty") == 200

with step("another host, and where the guest comes from"):
    assert ask("/", Host="tea.example", Referer="https://guide.example/tea?page=1") == 200

with step("a connection that is kept"):
    connection = http.client.HTTPConnection("127.0.0.1", ports[0], timeout=10)
    for path in ("/", "/boom", "/tea/red"):
        connection.request("GET", path)
        connection.getresponse().read()
    connection.close()

with step("continued from a service traced by Datadog"):
    ask("/", **{"x-datadog-trace-id": "1311768467463790320", "x-datadog-parent-id": "77"})

with step("continued by W3C headers"):
    ask("/", traceparent="00-640cfd8d0000abcd12345678901234f1-000000000000004d-01", tracestate="dd=s:1,other=1")

with step("a handler that calls a backend"):
    assert ask("/backend") == 200


async def call(method: str, path: str, **options: object) -> int:
    base_url = options.pop("base_url", None)
    async with aiohttp.ClientSession(base_url) as session, session.request(method, path, **options) as answer:
        await answer.read()
        return answer.status


with step("a websocket"):
    handshake = {"Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    assert ask("/talk", Connection="Upgrade", **handshake) == 101

with step("a call, and the headers that tell the next service"):
    asyncio.run(call("GET", f"{BACKEND}/tea/200", headers={"User-Agent": "shop/1", "X-Shop": "1"}))
    saw("headers", {key: "sent" for key in backend.headers if key.startswith(("x-", "traceparent"))})

with step("data is sent"):
    assert asyncio.run(call("POST", f"{BACKEND}/tea/201", json={"kind": "green"}, headers=[("X-Shop", "1")])) == 201

with step("parameters beside the query"):
    asyncio.run(call("GET", f"{BACKEND}/tea/200?page=1", params={"sort": "price", "token": "abc"}))

with step("relative to the session's URL"):
    asyncio.run(call("GET", "tea/200", base_url=f"{BACKEND}/shop/"))

with step("redirected"):
    assert asyncio.run(call("GET", f"{BACKEND}/tea/302")) == 200

with step("not followed"):
    assert asyncio.run(call("HEAD", f"{BACKEND}/tea/302", allow_redirects=False)) == 302

with step("refused, and broken"):
    assert asyncio.run(call("GET", f"{BACKEND}/tea/404")) == 404
    assert asyncio.run(call("GET", f"{BACKEND}/tea/503")) == 503

with step("an error status that is raised", aiohttp.ClientResponseError):
    asyncio.run(call("GET", f"{BACKEND}/tea/404", raise_for_status=True))

with step("secrets in the URL"):
    asyncio.run(call("GET", f"{BACKEND.replace('//', '//user:hunter2@')}/tea?token=abc&page=1"))

with step("nobody listens", aiohttp.ClientConnectorError):
    asyncio.run(call("GET", "http://127.0.0.1:1/tea"))
