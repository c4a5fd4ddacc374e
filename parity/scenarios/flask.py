"""Flask: requests by route, streamed, failing, unknown, continued from elsewhere; DD_SERVICE and its like set."""

from __future__ import annotations

import http.client
import threading

import flask
from steps import step
from werkzeug.serving import WSGIRequestHandler, make_server

SETTINGS = {"DD_SERVICE": "Teahouse", "DD_ENV": "Prod", "DD_VERSION": "1.2.3", "DD_TAGS": "team:tea,region:eu"}

app = flask.Flask("teahouse")
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


server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
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

with step("continued from a service traced by OpenTelemetry"):
    ask(
        "/",
        traceparent="00-640cfd8d0000abcd12345678901234f0-000000000000004d-01",
        tracestate="dd=s:1;p:00000000000000aa;t.dm:-1,other=1",
    )
