"""The shop's stock: a small JSON API that knows what is left of each product, and reserves it."""

from __future__ import annotations

import argparse
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

from flask import Blueprint, Flask, abort, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

# A quantity of NULL: the books know the product, the warehouse cannot find its shelf.
SCHEMA = """
CREATE TABLE IF NOT EXISTS stock (product_id INTEGER PRIMARY KEY, quantity INTEGER);
"""

STOCK = [(1, 10_000), (2, 10_000), (3, 10_000), (4, 10_000), (5, 10_000), (6, 3), (13, None)]

api = Blueprint("stock", __name__)


def create_database(path: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(SCHEMA)
        connection.executemany("INSERT OR IGNORE INTO stock VALUES (?, ?)", STOCK)


@contextmanager
def transaction() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(current_app.config["DATABASE"])) as connection, connection:
        yield connection


@api.get("/stock/<int:product_id>")
def left(product_id: int) -> ResponseReturnValue:
    with transaction() as connection:
        row = connection.execute("SELECT quantity FROM stock WHERE product_id = ?", (product_id,)).fetchone()
    if row is None:
        abort(404, f"product {product_id} is not known here")
    return jsonify(product=product_id, quantity=row[0] or 0)


@api.post("/reserve")
def reserve() -> ResponseReturnValue:
    match request.get_json():
        case {"product": int(product_id), "quantity": int(quantity)} if quantity > 0:
            pass
        case _:
            abort(400, "send a product and a quantity, both whole numbers")
    with transaction() as connection:
        row = connection.execute("SELECT quantity FROM stock WHERE product_id = ?", (product_id,)).fetchone()
        if row is None:
            abort(404, f"product {product_id} is not known here")
        if row[0] is None:
            raise LookupError(f"nobody knows the shelf of product {product_id}")
        taken = connection.execute(
            "UPDATE stock SET quantity = quantity - ? WHERE product_id = ? AND quantity >= ?",
            (quantity, product_id, quantity),
        )
    if not taken.rowcount:
        abort(409, f"fewer than {quantity} left")
    return jsonify(product=product_id, reserved=quantity)


@api.errorhandler(HTTPException)
def explained(error: HTTPException) -> ResponseReturnValue:
    return jsonify(error=error.description), error.code or 500


def create_app(database: str) -> Flask:
    app = Flask(__name__)
    app.config.update(DATABASE=database)
    app.register_blueprint(api)
    create_database(database)
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--database", required=True, help="a SQLite file, made and filled if it is not there")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    create_app(options.database).run("127.0.0.1", options.port, threaded=True)


if __name__ == "__main__":
    main()
