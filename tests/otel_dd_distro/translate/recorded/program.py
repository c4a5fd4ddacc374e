"""The operations that are recorded: run under `ddtrace-run` by record.py, says on stdout when each began and ended."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import flask
import jinja2
import requests
from opentelemetry import trace
from werkzeug.serving import WSGIRequestHandler, make_server

app = flask.Flask("shop")
app.jinja_loader = jinja2.DictLoader({"cart.html": "{{ items }}", "broken.html": "{{ items.a.b }}"})


@app.get("/hello")
def hello():
    return "hello"


@app.post("/cart/<int:cart>/<path:rest>/<name>")
def cart(cart, rest, name):
    return "ok", 201


@app.get("/boom")
def boom():
    raise ValueError("no tea")


@app.get("/unavailable")
def unavailable():
    return "later", 503


@app.get("/gone")
def gone():
    flask.abort(404)


@app.get("/moved")
def moved():
    return flask.redirect("/hello")


@app.get("/page")
def page():
    return flask.render_template("cart.html", items=3)


@app.get("/text")
def text():
    return flask.render_template_string("{{ 1 + 1 }}")


@app.get("/orders")
def orders():
    connection = sqlite3.connect(":memory:")
    connection.execute("create table orders (id integer)")
    connection.executemany("insert into orders values (?)", [(1,), (2,)])
    return str(connection.execute("select count(*) from orders").fetchone()[0])


@app.get("/headers")
def headers():
    answer = flask.Response("ok", headers=[("X-Cup", "big"), ("X-Cup", "blue"), ("Set-Cookie", "a=1")])
    answer.headers["X.Dotted"] = "2"
    return answer


@app.get("/manual")
def manual():
    with trace.get_tracer("shop").start_as_current_span("price"):
        jinja2.Template("x").render()
    return "ok"


class Quiet(WSGIRequestHandler):
    def log(self, *args):
        pass


class Backend(BaseHTTPRequestHandler):
    """What the requests library talks to: answers with the status that the path ends in."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        last = self.path.partition("?")[0].rpartition("/")[2]
        self.send_response(int(last) if last.isdigit() else 200)
        if last == "302":
            self.send_header("Location", "/done/200")
        self.send_header("X-Cup", "small")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_BREW = do_GET

    def log_message(self, *args):
        pass


server = make_server("127.0.0.1", int(os.environ["FRONT_PORT"]), app, threaded=True, request_handler=Quiet)
backend = ThreadingHTTPServer(("127.0.0.1", int(os.environ["BACKEND_PORT"])), Backend)
for serve in (server.serve_forever, backend.serve_forever):
    threading.Thread(target=serve, daemon=True).start()
BACKEND = f"http://127.0.0.1:{backend.server_port}"


def get(path: str, method: str = "GET", **headers: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
    connection.request(method, path, headers={"User-Agent": "tester/1", **headers})
    connection.getresponse().read()
    connection.close()


def say(operation: str, when: str) -> None:
    # The client has its answer before the server has finished the span.
    time.sleep(0.03)
    print(json.dumps([operation, when, time.time_ns()]), flush=True)


@contextlib.contextmanager
def operation(name: str):
    say(name, "begin")
    with contextlib.suppress(Exception):
        yield
    say(name, "end")


with operation("flask ok"):
    get("/hello")
with operation("flask query"):
    get("/hello?token=abc&x=1&y=%20a")
with operation("flask view args"):
    get("/cart/7/a/b/Bob", "POST")
with operation("flask exception"):
    get("/boom")
with operation("flask 503"):
    get("/unavailable")
with operation("flask 404"):
    get("/nowhere/5")
with operation("flask 404 routed"):
    get("/gone")
with operation("flask 405"):
    get("/hello", "DELETE")
with operation("flask redirect"):
    get("/moved")
with operation("flask slash"):
    get("/h%20ello/?a")
with operation("flask unicode"):
    get("/caf%C3%A9;v=1/a%2Bb%3F/%ff?q=%C3%A9&password=%C3%A9")
with operation("flask escapes"):
    app.testing = True
    with contextlib.suppress(ValueError):
        app.test_client().get("/boom", headers={"User-Agent": "tester/1"}, base_url="http://127.0.0.1:8000")
    app.testing = False
with operation("flask host"):
    get("/hello", Host="shop.example")
with operation("flask page"):
    get("/page")
with operation("flask page again"):
    get("/page")
with operation("flask text"):
    get("/text")
with operation("flask orders"):
    get("/orders")
with operation("flask manual"):
    get("/manual")
with operation("flask continued"):
    get(
        "/orders",
        **{
            "x-datadog-trace-id": "1311768467463790320",
            "x-datadog-parent-id": "77",
            "x-datadog-sampling-priority": "2",
            "x-datadog-origin": "synthetics",
            "x-datadog-tags": "_dd.p.dm=-4,_dd.p.tid=640cfd8d00000000,_dd.p.usr.id=dQ",
            "baggage": "user.id=u1,other=2",
        },
    )
with operation("flask continued w3c"):
    get(
        "/hello",
        traceparent="00-640cfd8d0000000012345678901234f0-000000000000004d-01",
        tracestate="dd=s:1;p:00000000000000aa;t.dm:-1,other=1",
    )
with operation("flask headers"):
    get(
        "/headers",
        **{
            "X-Tea": "green",
            "X.Dotted": "1",
            "X-Tea-Ip": "9.9.9.9",
            "X-Forwarded-For": "10.0.0.1, 999.1.1.1, 8.8.8.8, 8.8.4.4",
            "Content-Type": "text/plain",
            "Cookie": "secret=1",
            "Authorization": "Basic abc",
        },
    )
with operation("flask forwarded"):
    get("/hello", Forwarded='for="[2001:4860:4860::8888]:1234";proto=https, for=8.8.8.8')
with operation("flask private client"):
    get("/hello", **{"X-Real-Ip": "10.0.0.1", "X-Client-Ip": "8.8.8.8", "X-Tea-Ip": "10.0.0.2, 8.8.8.8"})
with operation("flask unrouted"):
    get("/cart/12/12-3/ab12cd34/ab_12-cd/a+b/abcdefghijklmnopqrstu/v1/3/9", "DELETE")

connection = sqlite3.connect(":memory:")
with operation("sqlite create"):
    connection.execute("create table t (n integer)")
with operation("sqlite executemany"):
    connection.cursor().executemany("insert into t values (?)", [(1,), (2,)])
with operation("sqlite commit"):
    connection.commit()
with operation("sqlite rollback"):
    connection.rollback()
with operation("sqlite select"):
    connection.cursor().execute("select * from t where n = ?", (1,)).fetchall()
with operation("sqlite update"):
    connection.cursor().execute("update t set n = 3")
with operation("sqlite error"):
    connection.execute("select * from nope")

with operation("requests ok"):
    requests.get(BACKEND + "/a/b/200")
with operation("requests post 201"):
    requests.post(BACKEND + "/a/201", data="x", headers={"User-Agent": "mine"})
with operation("requests 404"):
    requests.get(BACKEND + "/a/404")
with operation("requests 500"):
    requests.get(BACKEND + "/a/500")
with operation("requests query"):
    requests.get(BACKEND + "/a/200?token=abc&x=1#part")
with operation("requests userinfo"):
    requests.get(f"http://user:pw@127.0.0.1:{backend.server_port}/a/200?x=1&password=b")
with operation("requests no path"):
    requests.get(BACKEND)
with operation("requests redirect"):
    requests.get(BACKEND + "/a/302")
with operation("requests odd url"):
    requests.get(BACKEND + "/caf\u00e9;v=1/b;c=2?q=\u00e9 e&secret=\u00e9#f\u00e9")
with operation("requests odd method"):
    requests.request("geT", BACKEND + "/a/200")
with operation("requests other method"):
    requests.request("BREW", BACKEND + "/a/200")
with operation("requests headers"):
    requests.get(BACKEND + "/a/200", headers={"X-Tea": "black", "X-Forwarded-For": "8.8.4.4"})
with operation("requests refused"):
    requests.get("http://127.0.0.1:1/zz")

environment = jinja2.Environment(
    loader=jinja2.DictLoader({"a.html": "a", "bad.html": "{% if %}", "e.html": "{{ a.b.c }}"})
)
with operation("jinja2 string"):
    jinja2.Template("x").render()
with operation("jinja2 load"):
    environment.get_template("a.html")
with operation("jinja2 render"):
    environment.get_template("a.html").render()
with operation("jinja2 missing"):
    environment.get_template("none.html")
with operation("jinja2 broken"):
    environment.get_template("bad.html")
with operation("jinja2 error"):
    environment.get_template("e.html").render()

tracer = trace.get_tracer("shop")
with operation("manual"), tracer.start_as_current_span("work") as span:
    span.set_attribute("n", 3)
    span.set_attribute("b", True)
    jinja2.Template("x").render()
    connection.commit()
with (
    operation("manual with a service"),
    tracer.start_as_current_span("work", attributes={"service.name": "billing"}),
    tracer.start_as_current_span("step"),
):
    jinja2.Template("x").render()
    connection.commit()

sys.exit(0)
