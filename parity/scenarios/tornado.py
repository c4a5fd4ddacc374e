"""Tornado: requests by handler, streamed, failing, unknown; templates; calls; nothing of DD_* set."""

from __future__ import annotations

import asyncio
import http.client
import logging
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from guest import guest_of
from steps import step
from tornado import httpclient, template, web, websocket
from tornado.httpserver import HTTPServer

SETTINGS = {"DD_PATCH_MODULES": "tornado:true"}
BESIDE = ("parity/guest.py",)

logging.disable()
Path("static").mkdir()
Path("static/leaf.txt").write_text("green")
Path("menu.html").write_text("{{ guest }}")


class Tea(web.RequestHandler):
    def get(self, kind: str = "tea") -> None:
        self.write(kind)

    head = get

    async def post(self, kind: str) -> None:
        await asyncio.sleep(0.001)
        self.set_status(201)


class Menu(web.RequestHandler):
    def get(self) -> None:
        self.render("menu.html", guest="Alice")


class Text(web.RequestHandler):
    def get(self) -> None:
        self.write(template.Template("hello {{ guest }}").generate(guest="Alice"))


class Slow(web.RequestHandler):
    async def get(self) -> None:
        for number in range(3):
            self.write(str(number))
            await self.flush()
            await asyncio.sleep(0.01)


class Boom(web.RequestHandler):
    async def get(self) -> None:
        raise ValueError("no tea")


class Status(web.RequestHandler):
    def get(self, status: str) -> None:
        raise web.HTTPError(int(status), "asked for")


class Later(web.RequestHandler):
    def get(self) -> None:
        self.set_status(503)


class Prepared(web.RequestHandler):
    def prepare(self) -> None:
        self.set_status(403)
        self.finish("keep out")


class Written(web.RequestHandler):
    def get(self) -> None:
        raise ValueError("no tea")

    def write_error(self, status_code: int, **kwargs: object) -> None:
        self.set_status(410)
        self.finish("sold out")


class Moved(web.RequestHandler):
    def get(self) -> None:
        self.redirect("/")


class Stop(web.RequestHandler):
    def get(self) -> None:
        raise web.Finish("enough")


class Backend(web.RequestHandler):
    async def get(self) -> None:
        answer = await httpclient.AsyncHTTPClient().fetch(f"http://127.0.0.1:{larder.server_port}/tea/200")
        self.write(answer.body)


class Larder(BaseHTTPRequestHandler):
    """Something that nobody traces."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"kettle")

    def log_message(self, *args: object) -> None:
        pass


class Talk(websocket.WebSocketHandler):
    def open(self) -> None:
        self.close()


app = web.Application(
    [
        (r"/", Tea),
        (r"/tea/(\w+)", Tea),
        (r"/cups/(?P<kind>[0-9]+)/full", Tea),
        (r"/any/(.*)", Tea),
        (r"/set/(?:small|large)/(\d+)", Tea),
        (r"/menu", Menu),
        (r"/text", Text),
        (r"/slow", Slow),
        (r"/boom", Boom),
        (r"/status/([0-9]+)", Status),
        (r"/later", Later),
        (r"/prepared", Prepared),
        (r"/written", Written),
        (r"/moved", Moved),
        (r"/stop", Stop),
        (r"/backend", Backend),
        (r"/talk", Talk),
        (r"/old", web.RedirectHandler, {"url": "/"}),
        (r"/static/(.*)", web.StaticFileHandler, {"path": "static"}),
    ],
    template_path=os.getcwd(),
)
app.add_handlers(r"tea\.example", [(r"/branch/(\w+)", Tea)])

larder = ThreadingHTTPServer(("127.0.0.1", 0), Larder)
threading.Thread(target=larder.serve_forever, daemon=True).start()
ready = threading.Event()
PORT = 0


async def serve() -> None:
    global PORT
    server = HTTPServer(app)
    server.listen(0, "127.0.0.1")
    PORT = next(iter(server._sockets.values())).getsockname()[1]
    ready.set()
    await asyncio.Event().wait()


threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
ready.wait(10)
ask = guest_of(PORT)


with step("a page"):
    assert ask("/") == 200

with step("a route with arguments"):
    assert ask("/tea/green") == 200

with step("a coroutine"):
    assert ask("/tea/green", "POST") == 201

with step("a named argument in the middle"):
    assert ask("/cups/7/full") == 200

with step("a pattern that cannot be reversed"):
    assert ask("/set/large/6") == 200

with step("a page made from a template"):
    assert ask("/menu") == 200

with step("a template made from text"):
    assert ask("/text") == 200

with step("a streamed body"):
    assert ask("/slow") == 200

with step("an exception in a handler"):
    assert ask("/boom") == 500

with step("an error that is answered"):
    assert ask("/later") == 503

with step("an error that is raised as an answer"):
    assert ask("/status/502") == 502

with step("a 404 of a handler"):
    assert ask("/status/404") == 404

with step("refused before the handler's method"):
    assert ask("/prepared") == 403

with step("an exception that becomes a page of one's own"):
    assert ask("/written") == 410

with step("ended early"):
    assert ask("/stop") == 200

with step("no such page"):
    assert ask("/no/such/page") == 404

with step("no such method"):
    assert ask("/menu", "DELETE") == 405

with step("a method that nobody knows"):
    assert ask("/", "BREW") == 405

with step("moved elsewhere"):
    assert ask("/moved") == 302
    assert ask("/old") == 301

with step("HEAD"):
    assert ask("/", "HEAD") == 200

with step("a file"):
    assert ask("/static/leaf.txt") == 200
    assert ask("/static/no-leaf.txt") == 404

with step("secrets in the query"):
    assert ask("/?token=abc&page=1&password=hunter2") == 200

with step("an odd URL"):
    assert ask("/any/gr%C3%BCn%3F?q=%20%C3%A9&empty") == 200

with step("another host, and where the guest comes from"):
    assert ask("/branch/black", Host="tea.example", Referer="https://guide.example/tea?page=1") == 200

with step("a connection that is kept"):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
    for path in ("/", "/boom", "/tea/red"):
        connection.request("GET", path)
        connection.getresponse().read()
    connection.close()

with step("continued from a service traced by Datadog"):
    ask("/", **{"x-datadog-trace-id": "1311768467463790320", "x-datadog-parent-id": "77"})

with step("continued by W3C headers"):
    ask("/", traceparent="00-640cfd8d0000abcd12345678901234f1-000000000000004d-01", tracestate="dd=s:1,other=1")

with step("a websocket"):
    handshake = {"Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    assert ask("/talk", Connection="Upgrade", **handshake) == 101

with step("a handler that calls a backend"):
    assert ask("/backend") == 200
