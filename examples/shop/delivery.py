"""The shop's delivery: a small FastAPI service that says when a parcel arrives."""

from __future__ import annotations

import argparse
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request

SCHEMA = """
CREATE TABLE IF NOT EXISTS days (product_id INTEGER PRIMARY KEY, days INTEGER NOT NULL);
"""

DAYS = [(1, 2), (2, 2), (3, 2), (4, 3), (5, 1), (6, 14), (13, 30)]


def create_database(path: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(SCHEMA)
        connection.executemany("INSERT OR IGNORE INTO days VALUES (?, ?)", DAYS)


def database(request: Request) -> Iterator[sqlite3.Connection]:
    """The request's own connection: what asks it runs in another thread."""
    with closing(sqlite3.connect(request.app.state.database, check_same_thread=False)) as connection:
        yield connection


def arrival(product_id: int, connection: Annotated[sqlite3.Connection, Depends(database)]) -> dict[str, int]:
    row = connection.execute("SELECT days FROM days WHERE product_id = ?", (product_id,)).fetchone()
    if row is None:
        raise HTTPException(404, f"product {product_id} is not known here")
    return {"product": product_id, "days": row[0]}


def create_app(database: str) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.state.database = database
    app.get("/delivery/{product_id}")(arrival)
    create_database(database)
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8002)
    parser.add_argument("--database", required=True, help="a SQLite file, made and filled if it is not there")
    options = parser.parse_args()
    # uvicorn ends in order on the signal, and then passes it on to who was there before.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    uvicorn.run(create_app(options.database), host="127.0.0.1", port=options.port)


if __name__ == "__main__":
    main()
