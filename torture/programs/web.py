"""A Flask application that knows nothing of tracing but its own spans."""

from __future__ import annotations

import os
from collections.abc import Iterator

import flask
from work import note, unit

app = flask.Flask(__name__)


@app.route("/unit/<int:number>")
def one(number: int) -> str:
    return unit(number)


@app.route("/parts/<int:number>")
def parts(number: int) -> flask.Response:
    def body() -> Iterator[str]:
        for part in range(3):
            yield f"{unit(number)} {part}\n"

    return flask.Response(flask.stream_with_context(body()), mimetype="text/plain")


@app.route("/raise")
def fails() -> str:
    unit()
    raise RuntimeError("this view fails")


@app.route("/exit")
def exits() -> str:
    unit(around_ends=False)
    os._exit(3)


note("loaded", "")
