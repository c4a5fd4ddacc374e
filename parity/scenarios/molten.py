"""Molten: requests by route, included ones, injected parameters, errors raised and handled; nothing of DD_* set."""

import http.client
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

from guest import serve
from molten import (
    HTTP_201,
    HTTP_404,
    HTTP_410,
    HTTP_503,
    App,
    Header,
    HTTPError,
    Include,
    QueryParam,
    Request,
    Response,
    ResponseRendererMiddleware,
    Route,
    StreamingResponse,
    field,
    schema,
)
from steps import step

BESIDE = ("parity/guest.py",)

SETTINGS: dict[str, str] = {}

logging.disable()


@schema
class Order:
    kind: str
    cups: int = field(minimum=1)


def front() -> str:
    return "tea"


def tea(kind: str, cups: int) -> dict[str, Any]:
    return {"kind": kind, "cups": cups}


def ordered(order: Order) -> tuple[str, Order]:
    return HTTP_201, order


def asked(q: QueryParam, user_agent: Header) -> str:
    return f"{user_agent} asks for {q}"


def streamed(parts: Iterator[bytes]) -> StreamingResponse:
    response = StreamingResponse("200 OK", parts)
    # wsgiref refuses what is the server's to say.
    del response.headers["transfer-encoding"]
    return response


def slow() -> StreamingResponse:
    return streamed(str(number).encode() for number in range(3))


def slow_broken() -> StreamingResponse:
    def parts() -> Iterator[bytes]:
        yield b"1"
        raise RuntimeError("the pot is empty")

    return streamed(parts())


def boom() -> str:
    raise ValueError("no tea")


def gone() -> str:
    raise HTTPError(HTTP_404, "no such tea")


def sold_out() -> Response:
    return Response(HTTP_410, content="sold out")


def later() -> Response:
    return Response(HTTP_503, content="not yet")


def later_raised() -> str:
    raise HTTPError(HTTP_503, "not yet")


def doorkeeper(handler: Callable[..., Any]) -> Callable[..., Any]:
    """A middleware of the application's own."""

    def handle(request: Request) -> Any:
        if request.path == "/closed":
            raise HTTPError("401 Unauthorized", "who are you")
        if request.path == "/stumbled":
            raise KeyError("keys")
        return handler()

    return handle


app = App(
    routes=[
        Route("/", front, name="front"),
        Route("/tea/{kind}/{cups}", tea),
        Route("/orders", ordered, method="POST"),
        Route("/asked", asked),
        Route("/any/{*path}", front, name="any"),
        Include(
            "/failing",
            [
                Route("/boom", boom),
                Route("/gone", gone),
                Route("/sold-out", sold_out),
                Route("/later", later),
                Route("/later/raised", later_raised),
            ],
            namespace="failing",
        ),
        Route("/slow", slow),
        Route("/slow/broken", slow_broken),
    ],
    middleware=[ResponseRendererMiddleware(), doorkeeper],
)


ask = serve(app)


JSON = {"Content-Type": "application/json"}

with step("a page"):
    assert ask("/") == 200

with step("the page again"):
    assert ask("/") == 200

with step("a route with arguments"):
    assert ask("/tea/green/2") == 200

with step("an argument that is none"):
    assert ask("/tea/green/two") == 400

with step("what is posted"):
    assert ask("/orders", "POST", json.dumps({"kind": "green", "cups": 2}), **JSON) == 201

with step("what is posted and not valid"):
    assert ask("/orders", "POST", json.dumps({"kind": "green", "cups": 0}), **JSON) == 400

with step("what is posted and cannot be read"):
    assert ask("/orders", "POST", "{", **JSON) == 400
    assert ask("/orders", "POST", "<a/>", **{"Content-Type": "text/xml"}) == 415

with step("parameters and headers"):
    assert ask("/asked?q=tea") == 200

with step("the rest of a path"):
    assert ask("/any/page/of/it") == 200

with step("a streamed body"):
    assert ask("/slow") == 200

with step("a streamed body that breaks off", http.client.IncompleteRead, ConnectionError):
    ask("/slow/broken")
    raise ConnectionError  # HTTP/1.0: the client cannot tell

with step("an exception in a handler"):
    assert ask("/failing/boom") == 500

with step("a 404 that is raised"):
    assert ask("/failing/gone") == 404

with step("an answer that is returned"):
    assert ask("/failing/sold-out") == 410
    assert ask("/failing/later") == 503

with step("an error that is raised"):
    assert ask("/failing/later/raised") == 503

with step("refused by a middleware"):
    assert ask("/closed") == 401

with step("an exception in a middleware"):
    assert ask("/stumbled") == 500

with step("no such page"):
    assert ask("/no/such/page") == 404

with step("no such method"):
    assert ask("/orders") == 404

with step("a method that nobody knows"):
    assert ask("/", "BREW") == 404

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
