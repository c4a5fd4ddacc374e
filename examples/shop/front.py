"""The shop's front: the pages that people see. It asks stock.py what is left, and delivery.py when it arrives."""

from __future__ import annotations

import argparse
import csv
import io
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import jinja2
import requests
from flask import Blueprint, Flask, Response, abort, current_app, g, render_template, request, stream_with_context

SCHEMA = """
CREATE TABLE IF NOT EXISTS products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, cents INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY, product_id INTEGER NOT NULL REFERENCES products (id), quantity INTEGER NOT NULL,
    cents INTEGER NOT NULL, receipt TEXT NOT NULL
);
"""

PRODUCTS = [
    (1, "Teapot", 3900),
    (2, "Cup", 850),
    (3, "Saucer", 600),
    (4, "Kettle", 5200),
    (5, "Tea towel", 1200),
    (6, "Signed teapot", 24900),
    (13, "Lost spoon", 300),
]

STOCK_TIMEOUT = DELIVERY_TIMEOUT = 5  # seconds

pages = Blueprint("shop", __name__)

# Receipts are plain text for a printer, so they have an environment of their own: nothing is escaped in it.
receipts = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"), keep_trailing_newline=True
)


def money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


receipts.filters["money"] = money


def create_database(path: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(SCHEMA)
        connection.executemany("INSERT OR IGNORE INTO products VALUES (?, ?, ?)", PRODUCTS)


def database() -> sqlite3.Connection:
    """The request's own connection, closed after the response."""
    if "database" not in g:
        g.database = sqlite3.connect(current_app.config["DATABASE"])
        g.database.row_factory = sqlite3.Row
    return g.database


def close_database(error: BaseException | None) -> None:
    if connection := g.pop("database", None):
        connection.close()


def stock_service(path: str) -> str:
    return current_app.config["STOCK_URL"].rstrip("/") + path


def product_or_404(product_id: int) -> sqlite3.Row:
    found = database().execute("SELECT id, name, cents FROM products WHERE id = ?", (product_id,)).fetchone()
    if found is None:
        abort(404)
    return found


@pages.get("/")
def products() -> str:
    rows = database().execute("SELECT id, name, cents FROM products ORDER BY name").fetchall()
    return render_template("products.html", products=rows)


@pages.get("/product/<int:product_id>")
def product(product_id: int) -> str:
    found = product_or_404(product_id)
    answer = requests.get(stock_service(f"/stock/{product_id}"), timeout=STOCK_TIMEOUT)
    answer.raise_for_status()
    return render_template("product.html", product=found, left=answer.json()["quantity"], days=days(product_id))


def days(product_id: int) -> int | None:
    """How long a parcel takes; None where no delivery service is known."""
    url = current_app.config["DELIVERY_URL"]
    if url is None:
        return None
    answer = requests.get(f"{url.rstrip('/')}/delivery/{product_id}", timeout=DELIVERY_TIMEOUT)
    answer.raise_for_status()
    return answer.json()["days"]


@pages.post("/checkout")
def checkout() -> tuple[str, int]:
    found = product_or_404(request.form.get("product", type=int, default=0))
    quantity = request.form.get("quantity", type=int, default=1)
    if quantity < 1:
        abort(400)
    answer = requests.post(
        stock_service("/reserve"), json={"product": found["id"], "quantity": quantity}, timeout=STOCK_TIMEOUT
    )
    if answer.status_code == 409:
        return render_template("sorry.html", product=found, reason=answer.json()["error"]), 409
    if not answer.ok:
        return render_template("sorry.html", product=found, reason="our warehouse does not answer"), 502
    cents = found["cents"] * quantity
    receipt = receipts.get_template("receipt.txt").render(product=found, quantity=quantity, cents=cents)
    with database() as connection:
        order = connection.execute(
            "INSERT INTO orders (product_id, quantity, cents, receipt) VALUES (?, ?, ?, ?)",
            (found["id"], quantity, cents, receipt),
        )
    return render_template("thanks.html", order_id=order.lastrowid, receipt=receipt), 201


@pages.get("/orders.csv")
def orders() -> Response:
    return Response(stream_with_context(order_lines()), mimetype="text/csv")


def order_lines() -> Iterator[str]:
    yield csv_line("order", "product", "quantity", "price")
    for row in database().execute(
        "SELECT orders.id, name, quantity, orders.cents FROM orders JOIN products ON products.id = product_id"
    ):
        yield csv_line(row["id"], row["name"], row["quantity"], money(row["cents"]))


def csv_line(*values: object) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()


@pages.get("/broken")
def broken() -> str:
    raise RuntimeError("this page was never finished")


def create_app(database: str, stock_url: str, delivery_url: str | None = None) -> Flask:
    app = Flask(__name__)
    app.config.update(DATABASE=database, STOCK_URL=stock_url, DELIVERY_URL=delivery_url)
    app.add_template_filter(money)
    app.teardown_appcontext(close_database)
    app.register_blueprint(pages)
    create_database(database)
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--stock-url", required=True, help="where stock.py listens, such as http://127.0.0.1:8001")
    parser.add_argument("--delivery-url", help="where delivery.py listens; product pages tell no days without it")
    parser.add_argument("--database", required=True, help="a SQLite file, made and filled if it is not there")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    app = create_app(options.database, options.stock_url, options.delivery_url)
    app.run("127.0.0.1", options.port, threaded=True)


if __name__ == "__main__":
    main()
