"""Bottle: requests by route, mounted, raised as answers, streamed, failing, unknown; nothing of DD_* set."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import bottle
from bottle import Bottle, HTTPError, HTTPResponse, request, response
from guest import serve
from steps import step

BESIDE = ("parity/guest.py",)

SETTINGS: dict[str, str] = {}

Path("static").mkdir()
Path("static/leaf.txt").write_text("green")


@bottle.route("/")
def front() -> str:
    return "tea"


@bottle.route("/tea/<kind>/<cups:int>", method=["GET", "POST"])
def tea(kind: str, cups: int) -> str:
    response.status = 201 if request.method == "POST" else 200
    return f"{cups} {kind}"


@bottle.route("/menu")
def menu() -> str:
    return bottle.template("{{guest}}", guest="Alice")


@bottle.route("/json")
def as_json() -> dict[str, int]:
    return {"cups": 2}


@bottle.route("/slow")
def slow() -> Iterator[str]:
    return (str(number) for number in range(3))


@bottle.route("/slow/broken")
def slow_broken() -> Iterator[str]:
    yield "1"
    raise RuntimeError("the pot is empty")


@bottle.route("/slow/empty")
def slow_empty() -> Iterator[str]:
    raise RuntimeError("no pot")
    yield "1"


@bottle.route("/boom")
def boom() -> str:
    raise ValueError("no tea")


@bottle.route("/gone")
def gone() -> None:
    bottle.abort(404, "no such tea")


@bottle.route("/later")
def later() -> None:
    bottle.abort(503, "not yet")


@bottle.route("/later/said")
def later_said() -> HTTPResponse:
    return HTTPResponse("not yet", 503)


@bottle.route("/later/status")
def later_status() -> str:
    response.status = 503
    return "not yet"


@bottle.route("/error/returned")
def error_returned() -> HTTPError:
    return HTTPError(502, "bad tea")


@bottle.route("/moved")
def moved() -> None:
    bottle.redirect("/")


@bottle.route("/raised")
def raised() -> None:
    raise HTTPResponse("teapot", 418)


@bottle.route("/file/<name:path>")
def file(name: str) -> HTTPResponse:
    return bottle.static_file(name, root="static")


@bottle.error(404)
def nowhere(error: HTTPError) -> str:
    return "nowhere"


cellar = Bottle()


@cellar.route("/wine/<year:int>")
def wine(year: int) -> str:
    return str(year)


@cellar.route("/boom")
def cellar_boom() -> str:
    raise ValueError("no wine")


attic = Bottle()


@attic.route("/box/<number>")
def box(number: str) -> str:
    return number


def foreign(environ: dict[str, object], start_response: object) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"foreign"]


bottle.mount("/cellar/", cellar)
bottle.mount("/attic/", attic.wsgi)
bottle.mount("/foreign/", foreign)


ask = serve(bottle.default_app())


with step("a page"):
    assert ask("/") == 200

with step("a route with arguments"):
    assert ask("/tea/green/2") == 200

with step("another method of it"):
    assert ask("/tea/green/2", "POST") == 201

with step("a page made from a template"):
    assert ask("/menu") == 200

with step("an answer as JSON"):
    assert ask("/json") == 200

with step("a streamed body"):
    assert ask("/slow") == 200

with step("a streamed body that breaks off", http.client.IncompleteRead, ConnectionError):
    ask("/slow/broken")
    raise ConnectionError  # HTTP/1.0: the client cannot tell

with step("a streamed body that never begins"):
    assert ask("/slow/empty") == 500

with step("an exception in a handler"):
    assert ask("/boom") == 500

with step("a 404 that is raised"):
    assert ask("/gone") == 404

with step("an error that is raised"):
    assert ask("/later") == 503

with step("an error that is returned"):
    assert ask("/later/said") == 503
    assert ask("/error/returned") == 502

with step("an error by status alone"):
    assert ask("/later/status") == 503

with step("moved elsewhere"):
    assert ask("/moved") == 303

with step("an answer that is raised"):
    assert ask("/raised") == 418

with step("no such page"):
    assert ask("/no/such/page") == 404

with step("no such method"):
    assert ask("/menu", "DELETE") == 405

with step("HEAD"):
    assert ask("/menu", "HEAD") == 200

with step("a file"):
    assert ask("/file/leaf.txt") == 200
    assert ask("/file/no-leaf.txt") == 404

with step("an application that was mounted"):
    assert ask("/cellar/wine/1998") == 200
    assert ask("/cellar/no/such/page") == 404

with step("an exception in an application that was mounted"):
    assert ask("/cellar/boom") == 500

with step("an application that was mounted as any other"):
    assert ask("/attic/box/7") == 200
    assert ask("/attic/no/such/page") == 404

with step("another framework that was mounted"):
    assert ask("/foreign/land") == 200

with step("secrets in the query"):
    assert ask("/?token=abc&page=1&password=hunter2") == 200

with step("an odd URL"):
    assert ask("/tea/gr%C3%BCn%3F/2?q=%20%C3%A9&empty") == 200

with step("another host, and where the guest comes from"):
    assert ask("/", Host="tea.example", Referer="https://guide.example/tea?page=1") == 200

with step("nobody says who asks"):
    assert ask("/", **{"User-Agent": ""}) == 200

with step("a method that nobody knows"):
    assert ask("/", "BREW") == 405

with step("continued from a service traced by Datadog"):
    ask("/", **{"x-datadog-trace-id": "1311768467463790320", "x-datadog-parent-id": "77"})

with step("continued by W3C headers"):
    ask("/", traceparent="00-640cfd8d0000abcd12345678901234f1-000000000000004d-01", tracestate="dd=s:1,other=1")
