"""How a planted secret gets in: each function uses a library as an application does, with the plant's text."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import flask
import jinja2
import requests
from opentelemetry.trace import Tracer

from tests.ports import free_port

from .corpus import Plant


class Neighbour(ThreadingHTTPServer):
    """Another service: it answers, redirects to where the last segment of the query points, or loops."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.location = ""
        self.header = ("X-None", "x")
        self.address = f"127.0.0.1:{self.server_address[1]}"
        self.refusing = f"127.0.0.1:{free_port()}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class _Answer(BaseHTTPRequestHandler):
    server: Neighbour

    def do_GET(self) -> None:
        to = self.path if self.path.startswith("/loop") else self.server.location if "/redirect" in self.path else ""
        self.send_response(302 if to else 200)
        if to:
            self.send_header("Location", to)
        self.send_header(*self.server.header)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_arguments: Any) -> None:
        pass


class Ways:
    """The application: the methods are the ways."""

    def __init__(self, tracer: Tracer, neighbour: Neighbour) -> None:
        self.tracer = tracer
        self.neighbour = neighbour
        self.action: Callable[[], Any] = lambda: "ok"
        app = flask.Flask(__name__)
        app.add_url_rule("/<path:path>", view_func=self._view, methods=["GET", "POST"])
        self.client = app.test_client()

    def _view(self, path: str) -> Any:
        return self.action()

    def take(self, plant: Plant) -> None:
        getattr(self, plant.way)(plant)

    # Flask

    def serve(self, plant: Plant, query: str = "", **more: Any) -> None:
        self.client.open(f"/{plant.marker}?{query}", **more).get_data()

    def serve_failing(self, plant: Plant, fail: Callable[[], Any]) -> None:
        self.action = fail
        with contextlib.suppress(Exception):
            self.serve(plant)
        self.action = lambda: "ok"

    def server_query(self, plant: Plant) -> None:
        self.serve(plant, plant.text)

    def server_host(self, plant: Plant) -> None:
        self.serve(plant, headers={"Host": f"{plant.text}shop.example"})

    def server_header(self, plant: Plant) -> None:
        name, _, value = plant.text.partition(": ")
        self.serve(plant, headers={name: f"https://x.example/?token={value}" if name == "Referer" else value})

    def server_response_header(self, plant: Plant) -> None:
        name, _, value = plant.text.partition(": ")
        self.action = lambda: flask.Response("ok", headers={name: value})
        self.serve(plant)
        self.action = lambda: "ok"

    def server_body(self, plant: Plant) -> None:
        self.serve(plant, method="POST", data=plant.text)

    def baggage(self, plant: Plant) -> None:
        self.serve(plant, headers={"baggage": plant.text})

    def server_error(self, plant: Plant) -> None:
        def fail() -> None:
            raise RuntimeError(plant.text)

        self.serve_failing(plant, fail)

    # Requests

    def ask(self, plant: Plant, url: str, **more: Any) -> None:
        url = url.replace("SERVER", self.neighbour.address).replace("HOST", self.neighbour.refusing)
        # What the exception says is not the same each time: the span around it tells whose it is.
        with self.tracer.start_as_current_span(plant.marker), contextlib.suppress(Exception):
            requests.request(more.pop("method", "GET"), url, timeout=5, **more).close()

    def client_query(self, plant: Plant) -> None:
        self.ask(plant, f"http://SERVER/ok?{plant.text}")

    def client_userinfo(self, plant: Plant) -> None:
        self.ask(plant, f"http://{plant.text}SERVER/ok")

    def client_header(self, plant: Plant) -> None:
        name, _, value = plant.text.partition(": ")
        self.ask(plant, "http://SERVER/ok", headers={name: value})

    def client_response_header(self, plant: Plant) -> None:
        name, _, value = plant.text.partition(": ")
        self.neighbour.header = (name, value)
        self.ask(plant, "http://SERVER/ok")
        self.neighbour.header = ("X-None", "x")

    def client_body(self, plant: Plant) -> None:
        self.ask(plant, "http://SERVER/ok", method="POST", data=plant.text)

    def client_error(self, plant: Plant) -> None:
        self.ask(plant, plant.text)

    def client_redirect(self, plant: Plant) -> None:
        self.neighbour.location = plant.text.replace("SERVER", self.neighbour.address)
        self.ask(plant, "http://SERVER/redirect")

    # sqlite3

    def run(self, plant: Plant, statement: str, parameters: tuple[str, ...] = ()) -> None:
        connection = sqlite3.connect(":memory:")
        try:
            connection.execute(statement.replace("MARKER", plant.marker), parameters)
        finally:
            connection.close()

    def statement(self, plant: Plant) -> None:
        self.run(plant, plant.text)

    def parameter(self, plant: Plant) -> None:
        self.run(plant, "select ? as MARKER", (plant.text,))

    def failing_statement(self, plant: Plant) -> None:
        with contextlib.suppress(sqlite3.Error):
            self.run(plant, plant.text)

    def failing_statement_in_a_request(self, plant: Plant) -> None:
        self.serve_failing(plant, lambda: self.run(plant, plant.text))

    # Jinja2

    def template(self, plant: Plant) -> None:
        loader = jinja2.DictLoader({plant.marker: plant.text})
        jinja2.Environment(loader=loader).get_template(plant.marker).render(value=plant.word)

    def template_error(self, plant: Plant) -> None:
        def fail() -> None:
            raise LookupError(plant.text)

        loader = jinja2.DictLoader({plant.marker: "{{ fail() }}"})
        with contextlib.suppress(LookupError):
            jinja2.Environment(loader=loader).get_template(plant.marker).render(fail=fail)

    # By hand

    def manual_error(self, plant: Plant) -> None:
        with contextlib.suppress(OSError), self.tracer.start_as_current_span(plant.marker):
            raise OSError(plant.text)
