"""Falcon: requests by resource, sinks, files, middleware, errors raised and handled; nothing of DD_* set."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import falcon
from guest import serve
from steps import step

BESIDE = ("parity/guest.py",)

SETTINGS: dict[str, str] = {}

Path("static").mkdir()
Path("static/leaf.txt").write_text("green")


class SoldOut(Exception):
    pass


class Broken(Exception):
    pass


def loudly(request: falcon.Request, response: falcon.Response, resource: object, params: dict[str, object]) -> None:
    response.set_header("X-Loud", "yes")


class Tea:
    def on_get(self, request: falcon.Request, response: falcon.Response, kind: str = "tea", cups: int = 1) -> None:
        response.text = f"{cups} {kind}"

    @falcon.before(loudly)
    def on_post(self, request: falcon.Request, response: falcon.Response, kind: str, cups: int) -> None:
        response.status = falcon.HTTP_201
        response.media = {kind: cups}

    def on_get_menu(self, request: falcon.Request, response: falcon.Response) -> None:
        response.text = "menu"


class Slow:
    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        response.stream = (str(number).encode() for number in range(3))

    def on_get_broken(self, request: falcon.Request, response: falcon.Response) -> None:
        response.stream = self.parts()

    def parts(self) -> Iterator[bytes]:
        yield b"1"
        raise RuntimeError("the pot is empty")


class Failing:
    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        raise ValueError("no tea")

    def on_get_gone(self, request: falcon.Request, response: falcon.Response) -> None:
        raise falcon.HTTPNotFound(title="no such tea")

    def on_get_refused(self, request: falcon.Request, response: falcon.Response) -> None:
        raise falcon.HTTPForbidden(title="keep out")

    def on_get_later(self, request: falcon.Request, response: falcon.Response) -> None:
        raise falcon.HTTPServiceUnavailable(title="not yet")

    def on_get_status(self, request: falcon.Request, response: falcon.Response) -> None:
        raise falcon.HTTPStatus(falcon.HTTP_203, text="so to say")

    def on_get_moved(self, request: falcon.Request, response: falcon.Response) -> None:
        raise falcon.HTTPFound("/")

    def on_get_said(self, request: falcon.Request, response: falcon.Response) -> None:
        # Not the number 503, which Falcon takes, too: ddtrace's middleware answers it with an exception of its own.
        response.status = falcon.HTTP_503

    def on_get_sold_out(self, request: falcon.Request, response: falcon.Response) -> None:
        raise SoldOut("no tea left")

    def on_get_broken(self, request: falcon.Request, response: falcon.Response) -> None:
        raise Broken("no pot")


class Doorkeeper:
    """A middleware of the application's own."""

    def process_request(self, request: falcon.Request, response: falcon.Response) -> None:
        if request.path == "/closed":
            raise falcon.HTTPUnauthorized(title="who are you")
        if request.path == "/answered":
            response.text = "answered"
            response.complete = True
        if request.path == "/stumbled":
            raise KeyError("keys")

    def process_response(
        self, request: falcon.Request, response: falcon.Response, resource: object, succeeded: bool
    ) -> None:
        if request.path == "/tea/cold/1":
            raise ValueError("cold")


def sink(request: falcon.Request, response: falcon.Response, **params: str) -> None:
    response.text = "drained"


def sold_out(request: falcon.Request, response: falcon.Response, error: SoldOut, params: dict[str, object]) -> None:
    response.status = falcon.HTTP_410


def broken(request: falcon.Request, response: falcon.Response, error: Broken, params: dict[str, object]) -> None:
    raise falcon.HTTPBadGateway(title="broken")


tea, slow, failing = Tea(), Slow(), Failing()
# No `falcon.asgi.App` beside it: under ddtrace 4.16.0 that cannot be made (TypeError in its `traced_init`).
app = falcon.App(middleware=[Doorkeeper()])
app.add_route("/", tea)
app.add_route("/tea/{kind}/{cups:int}", tea)
app.add_route("/menu", tea, suffix="menu")
app.add_route("/slow", slow)
app.add_route("/slow/broken", slow, suffix="broken")
app.add_route("/failing", failing)
for suffix in ("gone", "refused", "later", "status", "moved", "said", "sold_out", "broken"):
    app.add_route(f"/failing/{suffix}", failing, suffix=suffix)
app.add_sink(sink, "/drain")
app.add_static_route("/static", str(Path("static").resolve()))
app.add_error_handler(SoldOut, sold_out)
app.add_error_handler(Broken, broken)


ask = serve(app)


with step("a page"):
    assert ask("/") == 200

with step("a route with arguments"):
    assert ask("/tea/green/2") == 200

with step("another method of it"):
    assert ask("/tea/green/2", "POST") == 201

with step("another route of a resource"):
    assert ask("/menu") == 200

with step("a streamed body"):
    assert ask("/slow") == 200

with step("a streamed body that breaks off", http.client.IncompleteRead, ConnectionError):
    ask("/slow/broken")
    raise ConnectionError  # HTTP/1.0: the client cannot tell

with step("an exception in a resource"):
    assert ask("/failing") == 500

with step("a 404 that is raised"):
    assert ask("/failing/gone") == 404

with step("a 403 that is raised"):
    assert ask("/failing/refused") == 403

with step("an error that is raised"):
    assert ask("/failing/later") == 503

with step("an error by status alone"):
    assert ask("/failing/said") == 503

with step("an answer that is raised"):
    assert ask("/failing/status") == 203

with step("moved elsewhere"):
    assert ask("/failing/moved") == 302

with step("an exception that a handler takes"):
    assert ask("/failing/sold_out") == 410

with step("an exception that a handler makes an error of"):
    assert ask("/failing/broken") == 502

with step("refused by a middleware"):
    assert ask("/closed") == 401

with step("answered by a middleware"):
    assert ask("/answered") == 200

with step("an exception in a middleware"):
    assert ask("/stumbled") == 500

with step("an exception in a middleware's second half"):
    assert ask("/tea/cold/1") == 500

with step("a sink"):
    assert ask("/drain/here") == 200

with step("a file"):
    assert ask("/static/leaf.txt") == 200
    assert ask("/static/no-leaf.txt") == 404

with step("no such page"):
    assert ask("/no/such/page") == 404

with step("no such method"):
    assert ask("/menu", "DELETE") == 405

with step("the automatic OPTIONS"):
    assert ask("/menu", "OPTIONS") == 200

with step("HEAD"):
    assert ask("/menu", "HEAD") == 405

with step("a method that nobody knows"):
    assert ask("/", "BREW") == 400

with step("secrets in the query"):
    assert ask("/?token=abc&page=1&password=hunter2") == 200

with step("an odd URL"):
    assert ask("/tea/gr%C3%BCn%3F/2?q=%20%C3%A9&empty") == 200

with step("another host, and where the guest comes from"):
    assert ask("/", Host="tea.example", Referer="https://guide.example/tea?page=1") == 200

with step("nobody says who asks"):
    assert ask("/", **{"User-Agent": ""}) == 200

with step("continued from a service traced by Datadog"):
    ask("/", **{"x-datadog-trace-id": "1311768467463790320", "x-datadog-parent-id": "77"})

with step("continued by W3C headers"):
    ask("/", traceparent="00-640cfd8d0000abcd12345678901234f1-000000000000004d-01", tracestate="dd=s:1,other=1")
