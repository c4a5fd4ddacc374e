"""Flask: requests by route, streamed, failing, unknown, continued from elsewhere; DD_SERVICE and its like set."""

from __future__ import annotations

import http.client
import threading
from pathlib import Path

import flask
from steps import step
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import WSGIRequestHandler, make_server

SETTINGS = {"DD_SERVICE": "Teahouse", "DD_ENV": "Prod", "DD_VERSION": "1.2.3", "DD_TAGS": "team:tea,region:eu"}

Path("static").mkdir()
Path("static/leaf.txt").write_text("green")
app = flask.Flask("teahouse", root_path=str(Path.cwd()))
app.add_template_filter(str.upper, "shout")
app.logger.disabled = True
admin = flask.Blueprint("admin", __name__, url_prefix="/admin")


class SoldOut(Exception):
    pass


@app.before_request
def welcome() -> flask.typing.ResponseReturnValue | None:
    flask.g.guest = "Alice"
    return ("keep out", 403) if flask.request.path.startswith("/cellar/dark") else None


@app.after_request
def polite(response: flask.Response) -> flask.Response:
    response.headers["X-Guest"] = flask.g.guest
    return response


@app.teardown_request
def wiped(error: BaseException | None) -> None:
    flask.g.pop("guest", None)


@app.errorhandler(SoldOut)
def sold_out(error: SoldOut) -> tuple[str, int]:
    return "sold out", 410


@app.get("/")
def front() -> str:
    return "tea"


@app.route("/tea/<kind>/<int:cups>", methods=["GET", "POST"])
def tea(kind: str, cups: int) -> tuple[str, int]:
    return f"{cups} {kind}", 201 if flask.request.method == "POST" else 200


@app.get("/menu")
def menu() -> str:
    return flask.render_template_string("{{ guest | shout }}", guest=flask.g.guest)


@app.get("/slow")
def slow() -> flask.Response:
    return flask.Response(flask.stream_with_context(str(number) for number in range(3)))


@app.get("/slow/broken")
def slow_broken() -> flask.Response:
    def body():
        yield "1"
        raise RuntimeError("the pot is empty")

    return flask.Response(body())


@app.get("/boom")
def boom() -> str:
    raise ValueError("no tea")


@app.get("/sold-out")
def unavailable() -> str:
    raise SoldOut


@app.get("/later")
def later() -> tuple[str, int]:
    return "later", 503


@app.get("/gone")
def gone() -> str:
    flask.abort(404)


@app.get("/cellar/")
def cellar() -> str:
    return "cold"


@app.get("/moved")
def moved() -> flask.typing.ResponseReturnValue:
    return flask.redirect("/")


@admin.get("/<path:rest>")
def office(rest: str) -> str:
    return rest


app.register_blueprint(admin)


class Quiet(WSGIRequestHandler):
    def log(self, *args: object) -> None:
        pass


branches = DispatcherMiddleware(app, {"/branch": app})
server = make_server("127.0.0.1", 0, branches, threaded=True, request_handler=Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()


def ask(path: str, method: str = "GET", **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request(method, path, headers={"User-Agent": "guest/1", **headers})
    with connection.getresponse() as answer:
        answer.read()
    connection.close()
    return answer.status


with step("a page"):
    assert ask("/") == 200

with step("a route with arguments"):
    assert ask("/tea/green/2") == 200

with step("another method of it"):
    assert ask("/tea/green/2", "POST") == 201

with step("a blueprint"):
    assert ask("/admin/keys/1") == 200

with step("a page made from a template"):
    assert ask("/menu") == 200

with step("a streamed body"):
    assert ask("/slow") == 200

with step("a streamed body that breaks off", http.client.IncompleteRead, ConnectionError):
    ask("/slow/broken")
    raise ConnectionError  # HTTP/1.0: the client cannot tell

with step("an exception in a view"):
    assert ask("/boom") == 500

with step("an exception that a handler takes"):
    assert ask("/sold-out") == 410

with step("an error that is answered"):
    assert ask("/later") == 503

with step("a 404 of a view"):
    assert ask("/gone") == 404

with step("no such page"):
    assert ask("/no/such/page") == 404

with step("no such method"):
    assert ask("/menu", "DELETE") == 405

with step("the automatic OPTIONS"):
    assert ask("/menu", "OPTIONS") == 200

with step("HEAD"):
    assert ask("/menu", "HEAD") == 200

with step("moved elsewhere"):
    assert ask("/moved") == 302

with step("a slash too many"):
    assert ask("/menu/") == 404

with step("a slash too few"):
    assert ask("/cellar") == 308

with step("refused before anything is looked up"):
    assert ask("/cellar/dark/corner") == 403

with step("secrets in the query"):
    assert ask("/?token=abc&page=1&password=hunter2") == 200

with step("an odd URL"):
    assert ask("/tea/gr%C3%BCn%3F/2?q=%20%C3%A9&empty") == 200

with step("another host"):
    assert ask("/", Host="tea.example") == 200

with step("mounted below a path"):
    assert ask("/branch/tea/green/2") == 200
    assert ask("/branch/no/such/page") == 404

with step("a file"):
    assert ask("/static/leaf.txt") == 200

with step("headers that tell more"):
    assert ask("/", Referer="https://guide.example/tea?page=1", **{"X-Forwarded-For": "203.0.113.7"}) == 200

with step("nobody says who asks"):
    assert ask("/", **{"User-Agent": ""}) == 200

with step("a method that nobody knows"):
    assert ask("/", "BREW") == 405

with step("continued from a service traced by Datadog"):
    ask(
        "/",
        **{
            "x-datadog-trace-id": "1311768467463790320",
            "x-datadog-parent-id": "77",
            "x-datadog-sampling-priority": "2",
            "x-datadog-origin": "synthetics",
            "x-datadog-tags": "_dd.p.dm=-4,_dd.p.tid=640cfd8d0000abcd,_dd.p.usr.id=dQ",
            "baggage": "user.id=u1,other=2",
        },
    )

with step("continued from a service that dropped the trace"):
    ask("/", **{"x-datadog-trace-id": "8", "x-datadog-parent-id": "78", "x-datadog-sampling-priority": "-1"})

with step("continued by W3C headers, with Datadog's member"):
    ask(
        "/",
        traceparent="00-640cfd8d0000abcd12345678901234f1-000000000000004d-01",
        tracestate="dd=s:1;p:00000000000000aa;t.dm:-1,other=1",
    )

with step("continued from a service traced by OpenTelemetry"):
    ask("/", traceparent="00-640cfd8d0000abcd12345678901234f2-000000000000004d-01", tracestate="other=1")

with step("continued by headers that disagree"):
    ask(
        "/",
        **{"x-datadog-trace-id": "9", "x-datadog-parent-id": "79", "x-datadog-sampling-priority": "1"},
        traceparent="00-640cfd8d0000abcd12345678901234f3-000000000000004d-01",
        tracestate="dd=s:2;p:00000000000000aa",
    )

with step("continued by nonsense"):
    ask("/", **{"x-datadog-trace-id": "tea", "x-datadog-parent-id": "-1"}, traceparent="00-zz-00-01", baggage=",=;")
