"""A small Flask application that knows nothing of tracing."""

from __future__ import annotations

import os
import sqlite3
import sys

import flask

app = flask.Flask(__name__)


@app.route("/hello/<name>")
def hello(name: str) -> str:
    return f"hello {name}"


@app.route("/pid")
def pid() -> str:
    return str(os.getpid())


@app.route("/rows")
def rows() -> str:
    connection = sqlite3.connect(":memory:")
    try:
        return str(connection.execute("SELECT 1").fetchall())
    finally:
        connection.close()


if __name__ == "__main__":
    client = app.test_client()
    for path in sys.argv[1:]:
        print(path, client.get(path).get_data(as_text=True))
