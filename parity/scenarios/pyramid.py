"""Pyramid: requests by route, traversal, tweens, exception views, answers raised; nothing of DD_* set."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from pathlib import Path

from guest import serve
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPForbidden, HTTPFound, HTTPNotFound, HTTPServiceUnavailable
from pyramid.request import Request
from pyramid.response import Response
from pyramid.tweens import EXCVIEW
from steps import step

BESIDE = ("parity/guest.py",)

SETTINGS: dict[str, str] = {}

Path("static").mkdir()
Path("static/leaf.txt").write_text("green")


class SoldOut(Exception):
    pass


class Broken(Exception):
    pass


class Cellar:
    """What is found by traversal."""

    def __init__(self, request: Request | None = None) -> None:
        self.bottles = {"red": Bottle()}

    def __getitem__(self, name: str) -> object:
        return self.bottles[name]


class Bottle:
    pass


def tea(request: Request) -> Response:
    return Response(f"{request.matchdict['cups']} {request.matchdict['kind']}", status=201 if request.POST else 200)


def menu(request: Request) -> dict[str, str]:
    return {"guest": "Alice"}


def slow(request: Request) -> Response:
    return Response(app_iter=(str(number).encode() for number in range(3)))


def slow_broken(request: Request) -> Response:
    def parts() -> Iterator[bytes]:
        yield b"1"
        raise RuntimeError("the pot is empty")

    return Response(app_iter=parts())


def boom(request: Request) -> Response:
    raise ValueError("no tea")


def raised(request: Request) -> Response:
    how = request.matchdict["how"]
    if how == "sold_out":
        raise SoldOut("no tea left")
    if how == "broken":
        raise Broken("no pot")
    answers = {"gone": HTTPNotFound("no such tea"), "refused": HTTPForbidden(), "later": HTTPServiceUnavailable()}
    raise answers.get(how) or HTTPFound("/")


def returned(request: Request) -> Response:
    return {"gone": HTTPNotFound(), "later": HTTPServiceUnavailable()}[request.matchdict["how"]]


def sold_out(error: SoldOut, request: Request) -> Response:
    return Response("sold out", status=410)


def broken(error: Broken, request: Request) -> Response:
    return Response("broken", status=502)


def subrequest(request: Request) -> Response:
    return request.invoke_subrequest(Request.blank("/tea/green/2"))


def subrequest_with_tweens(request: Request) -> Response:
    return request.invoke_subrequest(Request.blank("/tea/green/2"), use_tweens=True)


def doorkeeper(handler: Callable[[Request], Response], registry: object) -> Callable[[Request], Response]:
    """A tween of the application's own."""

    def tween(request: Request) -> Response:
        if request.path == "/closed":
            return Response("who are you", status=401)
        try:
            return handler(request)
        except KeyError:
            return Response("stumbled", status=500)

    return tween


def stumble(request: Request) -> Response:
    raise KeyError("keys")


def upper(info: object) -> Callable[[dict[str, str], dict[str, object]], str]:
    return lambda value, system: str(value).upper()


with Configurator(settings={"tea.kind": "green"}) as config:
    config.add_tween("__main__.doorkeeper", over=EXCVIEW)
    config.add_renderer(".upper", upper)
    config.set_root_factory(Cellar)
    for name, pattern, view in (
        ("front", "/", lambda request: Response("tea")),
        ("tea", "/tea/{kind}/{cups:\\d+}", tea),
        ("slow", "/slow", slow),
        ("slow broken", "/slow/broken", slow_broken),
        ("boom", "/boom", boom),
        ("raised", "/raised/{how}", raised),
        ("returned", "/returned/{how}", returned),
        ("stumble", "/stumble", stumble),
        ("subrequest", "/subrequest", subrequest),
        ("subrequest with tweens", "/subrequest/tweens", subrequest_with_tweens),
        ("no slash", "rest/*rest", lambda request: Response("rest")),
    ):
        config.add_route(name, pattern)
        config.add_view(view, route_name=name)
    config.add_route("menu", "/menu")
    config.add_view(menu, route_name="menu", renderer="menu.upper")
    config.add_route("json", "/json")
    config.add_view(menu, route_name="json", renderer="json")
    config.add_route("posted", "/posted", request_method="POST")
    config.add_view(lambda request: Response("posted"), route_name="posted")
    config.add_route("viewless", "/viewless")
    config.add_view(lambda context, request: Response("red"), context=Bottle)
    config.add_view(lambda context, request: Response("old"), context=Bottle, name="age")
    config.add_exception_view(sold_out, context=SoldOut)
    config.add_exception_view(broken, context=Broken)
    config.add_static_view("static", str(Path("static").resolve()))
    app = config.make_wsgi_app()


ask = serve(app)


with step("a page"):
    assert ask("/") == 200

with step("a route with arguments"):
    assert ask("/tea/green/2") == 200

with step("another method of it"):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert ask("/tea/green/2", "POST", "sugar=1", **form) == 201

with step("a route without a slash"):
    assert ask("/rest/of/it") == 200

with step("a page made by a renderer"):
    assert ask("/menu") == 200

with step("an answer as JSON"):
    assert ask("/json") == 200

with step("a streamed body"):
    assert ask("/slow") == 200

with step("a streamed body that breaks off", http.client.IncompleteRead, ConnectionError):
    ask("/slow/broken")
    raise ConnectionError  # HTTP/1.0: the client cannot tell

with step("an exception in a view"):
    assert ask("/boom") == 500

with step("a 404 that is raised"):
    assert ask("/raised/gone") == 404

with step("a 403 that is raised"):
    assert ask("/raised/refused") == 403

with step("an error that is raised"):
    assert ask("/raised/later") == 503

with step("moved elsewhere"):
    assert ask("/raised/moved") == 302

with step("an answer that is returned"):
    assert ask("/returned/gone") == 404
    assert ask("/returned/later") == 503

with step("an exception that a view takes"):
    assert ask("/raised/sold_out") == 410

with step("an exception that a view makes an error of"):
    assert ask("/raised/broken") == 502

with step("refused by a tween"):
    assert ask("/closed") == 401

with step("an exception that a tween takes"):
    assert ask("/stumble") == 500

with step("found by traversal"):
    assert ask("/red") == 200
    assert ask("/red/age") == 200

with step("not found by traversal"):
    assert ask("/red/colour") == 404

with step("a file"):
    assert ask("/static/leaf.txt") == 200
    assert ask("/static/no-leaf.txt") == 404

with step("no such page"):
    assert ask("/no/such/page") == 404

with step("no such method"):
    assert ask("/posted") == 404

with step("a route without a view"):
    assert ask("/viewless") == 404

with step("HEAD"):
    assert ask("/menu", "HEAD") == 200

with step("a method that nobody knows"):
    assert ask("/", "BREW") == 200

with step("a subrequest"):
    assert ask("/subrequest") == 200

with step("a subrequest through the tweens"):
    assert ask("/subrequest/tweens") == 200

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
