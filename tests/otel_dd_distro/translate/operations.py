"""What our plugins make of the operations of recorded/program.py: neutral spans, in start order."""

from __future__ import annotations

from typing import Any

from otel_dd_distro.local_trace.datadog_context import DatadogContext

from .spans import Made

REFUSED = (
    "HTTPConnectionPool(host='127.0.0.1', port=1): Max retries exceeded with url: /zz "
    "(Caused by NewConnectionError(\"HTTPConnection(host='127.0.0.1', port=1): "
    'Failed to establish a new connection: [Errno 111] Connection refused"))'
)


def served(
    path: str, status: int | None, route: str = "", endpoint: str = "", method: str = "GET", **more: Any
) -> dict[str, Any]:
    attributes = {
        "http.request.method": method,
        "url.scheme": "http",
        "url.path": path,
        "server.address": "127.0.0.1",
        "server.port": 8000,
        "client.address": "127.0.0.1",
        "user_agent.original": "tester/1",
        "network.protocol.version": "1.1",
        "flask.version": "3.1.3",
    }
    if route:
        attributes |= {"http.route": route, "flask.endpoint": endpoint}
    if status is not None:
        attributes["http.response.status_code"] = status
    if status is not None and status >= 500:
        attributes["error.type"] = str(status)
    attributes |= {key.replace("__", "."): value for key, value in more.items()}
    return {key: value for key, value in attributes.items() if value is not None}


def requested(path: str, status: int, reason: str, method: str = "GET", **more: Any) -> dict[str, Any]:
    attributes = {
        "http.request.method": method,
        "url.full": "http://127.0.0.1:9000" + path,
        "server.address": "127.0.0.1",
        "server.port": 9000,
        "user_agent.original": "python-requests/2.34.2",
        "http.response.status_code": status,
        "http.response.reason_phrase": reason,
    }
    if status >= 400:
        attributes["error.type"] = str(status)
    return attributes | {key.replace("__", "."): value for key, value in more.items()}


def flask(path: str, status: int | None, route: str = "", endpoint: str = "", **more: Any) -> Made:
    return Made("flask", served(path, status, route, endpoint, **more), failed=(status or 0) >= 500)


def requests(path: str, status: int, reason: str, parent: int | None = None, **more: Any) -> Made:
    return Made("requests", requested(path, status, reason, **more), parent=parent, failed=status >= 400)


def sqlite(text: str, call: str = "execute", rows: int | None = None, parent: int | None = None) -> Made:
    attributes: dict[str, Any] = {"db.system.name": "sqlite", "db.driver.call": call}
    if text:
        attributes["db.query.text"] = text
    if rows is not None:
        attributes["db.row_count"] = rows
    return Made("sqlite3", attributes, parent=parent)


def jinja2(operation: str, name: str = "", parent: int | None = None, path: str = "", **more: Any) -> Made:
    attributes = {"template.engine": "jinja2", "template.operation": operation}
    attributes |= {"template.name": name} if name else {}
    attributes |= {"template.path": path} if path else {}
    return Made("jinja2", attributes, parent=parent, **more)


def manual(name: str, parent: int | None = None, **attributes: Any) -> Made:
    return Made("", {key.replace("__", "."): value for key, value in attributes.items()}, parent=parent, name=name)


Pairs = list[tuple[str, str]]


def headers(operation: str, plugin: str) -> tuple[Pairs, Pairs]:
    """What a request of an operation carried to and fro, as far as a scenario asks for it."""
    sent: dict[str, Pairs] = {
        "flask headers": [
            ("X-Tea", "green"),
            ("X.Dotted", "1"),
            ("X-Tea-Ip", "9.9.9.9"),
            ("X-Forwarded-For", "10.0.0.1, 999.1.1.1, 8.8.8.8, 8.8.4.4"),
            ("Content-Type", "text/plain"),
            ("Cookie", "secret=1"),
            ("Authorization", "Basic abc"),
        ],
        "flask forwarded": [("Forwarded", 'for="[2001:4860:4860::8888]:1234";proto=https, for=8.8.8.8')],
        "flask private client": [
            ("X-Real-Ip", "10.0.0.1"),
            ("X-Client-Ip", "8.8.8.8"),
            ("X-Tea-Ip", "10.0.0.2, 8.8.8.8"),
        ],
        "requests headers": [("X-Tea", "black"), ("X-Forwarded-For", "8.8.4.4")],
        "requests userinfo": [("Authorization", "Basic dXNlcjpwdw==")],
    }
    received: dict[str, Pairs] = {
        "flask headers": [("X-Cup", "big"), ("X-Cup", "blue"), ("Set-Cookie", "a=1"), ("X.Dotted", "2")],
        "flask escapes": [],
        "requests refused": [],
    }
    if operation.startswith("flask") and operation != "flask escapes":
        received.setdefault(operation, []).append(("Content-Type", "text/html; charset=utf-8"))
    if plugin == "requests":
        received.setdefault(operation, [("X-Cup", "small")])
    return sent.get(operation, []), received.get(operation, [])


CREATE, COUNT = "create table orders (id integer)", "select count(*) from orders"
UNDEFINED = ("jinja2.exceptions.UndefinedError", "'a' is undefined")
SYNTAX = ("jinja2.exceptions.TemplateSyntaxError", "Expected an expression, got 'end of statement block'")
BOOM = ("ValueError", "no tea")


def continued() -> list[Made]:
    spans = [flask("/orders", 200, "/orders", "orders"), sqlite(CREATE, parent=0), sqlite(COUNT, parent=0)]
    spans[0].remote_parent = 77
    return spans


def continued_w3c() -> list[Made]:
    made = flask("/hello", 200, "/hello", "hello")
    made.remote_parent = 77
    return [made]


def failing(made: Made, raised: tuple[str, str]) -> Made:
    made.raised = raised
    made.attributes["error.type"] = raised[0]
    return made


CONTEXTS = {
    "flask continued": DatadogContext(
        2, "synthetics", {"_dd.p.dm": "-4", "_dd.p.usr.id": "dQ"}, baggage_tags={"baggage.user.id": "u1"}
    ),
    "flask continued w3c": DatadogContext(1, "", {"_dd.p.dm": "-1"}, "00000000000000aa"),
}


def traces() -> dict[str, list[list[Made]]]:
    """Operation -> its traces, each a list of spans with the places of their parents."""
    one: dict[str, list[Made]] = {
        "flask ok": [flask("/hello", 200, "/hello", "hello")],
        "flask query": [flask("/hello", 200, "/hello", "hello", url__query="token=abc&x=1&y=%20a")],
        "flask view args": [
            flask(
                "/cart/7/a/b/Bob",
                201,
                "/cart/<int:cart>/<path:rest>/<name>",
                "cart",
                method="POST",
                flask__view_args__cart=7,
                flask__view_args__rest="a/b",
                flask__view_args__name="Bob",
            )
        ],
        "flask exception": [failing(flask("/boom", 500, "/boom", "boom"), BOOM)],
        "flask 503": [flask("/unavailable", 503, "/unavailable", "unavailable")],
        "flask 404": [flask("/nowhere/5", 404)],
        "flask 404 routed": [flask("/gone", 404, "/gone", "gone")],
        "flask 405": [flask("/hello", 405, method="DELETE")],
        "flask redirect": [flask("/moved", 302, "/moved", "moved")],
        "flask slash": [flask("/h%20ello/", 404, url__query="a")],
        "flask unicode": [
            flask("/caf%C3%A9;v=1/a+b%3F/%EF%BF%BD", 404, url__query="q=%C3%A9&password=%C3%A9"),
        ],
        "flask escapes": [failing(flask("/boom", None, "/boom", "boom"), BOOM)],
        "flask host": [flask("/hello", 200, "/hello", "hello", server__address="shop.example", server__port=None)],
        "flask page": [
            flask("/page", 200, "/page", "page"),
            jinja2("load", "cart.html", 0, "<template>"),
            jinja2("compile", "cart.html", 1),
            jinja2("render", "cart.html", 0),
        ],
        "flask page again": [
            flask("/page", 200, "/page", "page"),
            jinja2("load", "cart.html", 0, "<template>"),
            jinja2("render", "cart.html", 0),
        ],
        "flask text": [flask("/text", 200, "/text", "text"), jinja2("compile", "", 0), jinja2("render", "", 0)],
        "flask orders": [flask("/orders", 200, "/orders", "orders"), sqlite(CREATE, parent=0), sqlite(COUNT, parent=0)],
        "flask manual": [
            flask("/manual", 200, "/manual", "manual"),
            manual("price", 0),
            jinja2("compile", "", 1),
            jinja2("render", "", 1),
        ],
        "flask headers": [flask("/headers", 200, "/headers", "headers")],
        "flask forwarded": [flask("/hello", 200, "/hello", "hello")],
        "flask private client": [flask("/hello", 200, "/hello", "hello")],
        "flask unrouted": [
            flask("/cart/12/12-3/ab12cd34/ab_12-cd/a+b/abcdefghijklmnopqrstu/v1/3/9", 405, method="DELETE"),
        ],
        "flask continued": continued(),
        "flask continued w3c": continued_w3c(),
        "sqlite create": [sqlite("create table t (n integer)")],
        "sqlite executemany": [sqlite("insert into t values (?)", "executemany", 2)],
        "sqlite commit": [sqlite("", "commit")],
        "sqlite rollback": [sqlite("", "rollback")],
        "sqlite select": [sqlite("select * from t where n = ?")],
        "sqlite update": [sqlite("update t set n = 3", rows=2)],
        "sqlite error": [failing(sqlite("select * from nope"), ("sqlite3.OperationalError", "no such table: nope"))],
        "requests ok": [requests("/a/b/200", 200, "OK")],
        "requests post 201": [requests("/a/201", 201, "Created", method="POST", user_agent__original="mine")],
        "requests 404": [requests("/a/404", 404, "Not Found")],
        "requests 500": [requests("/a/500", 500, "Internal Server Error")],
        "requests query": [requests("/a/200?token=abc&x=1#part", 200, "OK")],
        "requests userinfo": [
            requests("", 200, "OK", url__full="http://REDACTED:REDACTED@127.0.0.1:9000/a/200?x=1&password=b")
        ],
        "requests no path": [requests("/", 200, "OK")],
        "requests redirect": [requests("/a/302", 200, "OK"), requests("/done/200", 200, "OK", 0)],
        "requests odd url": [
            requests("/caf%C3%A9;v=1/b;c=2?q=%C3%A9%20e&secret=%C3%A9#f%C3%A9", 200, "OK"),
        ],
        "requests odd method": [requests("/a/200", 200, "OK")],
        "requests other method": [
            requests("/a/200", 200, "OK", method="_OTHER", http__request__method_original="BREW")
        ],
        "requests headers": [requests("/a/200", 200, "OK")],
        "requests refused": [
            failing(
                Made(
                    "requests",
                    {
                        "http.request.method": "GET",
                        "url.full": "http://127.0.0.1:1/zz",
                        "server.address": "127.0.0.1",
                        "server.port": 1,
                        "user_agent.original": "python-requests/2.34.2",
                    },
                ),
                ("requests.exceptions.ConnectionError", REFUSED),
            )
        ],
        "jinja2 load": [jinja2("load", "a.html", None, "<template>"), jinja2("compile", "a.html", 0)],
        "jinja2 missing": [
            failing(jinja2("load", "none.html"), ("jinja2.exceptions.TemplateNotFound", "none.html")),
        ],
        "jinja2 broken": [
            failing(jinja2("load", "bad.html"), SYNTAX),
            failing(jinja2("compile", "bad.html", 0), SYNTAX),
        ],
        "manual": [
            manual("work", n=3, b=True),
            jinja2("compile", "", 0),
            jinja2("render", "", 0),
            sqlite("", "commit", parent=0),
        ],
        "manual with a service": [
            manual("work", service__name="billing"),
            manual("step", 0),
            jinja2("compile", "", 1),
            jinja2("render", "", 1),
            sqlite("", "commit", parent=1),
        ],
    }
    several = {
        "jinja2 string": [[jinja2("compile")], [jinja2("render")]],
        "jinja2 render": [[jinja2("load", "a.html", None, "<template>")], [jinja2("render", "a.html")]],
        "jinja2 error": [
            [jinja2("load", "e.html", None, "<template>"), jinja2("compile", "e.html", 0)],
            [failing(jinja2("render", "e.html"), UNDEFINED)],
        ],
    }
    return {**{name: [spans] for name, spans in one.items()}, **several}
