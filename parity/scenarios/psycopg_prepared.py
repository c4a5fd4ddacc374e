"""psycopg 3: statements that it prepares because they come again, or are said to; comments for DBM with their span."""

from __future__ import annotations

import os

import psycopg
from steps import saw, step

SERVERS = ("postgresql",)
SETTINGS = {"DD_SERVICE": "bookshop", "DD_ENV": "prod", "DD_DBM_PROPAGATION_MODE": "full"}

URL = os.environ["TEST_POSTGRESQL_URL"]
PREPARED = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s"

with psycopg.connect(URL, autocommit=True) as connection:
    with step("a statement that is sent once"):
        connection.execute("SELECT 'Momo'")

    with step("a statement that comes again"):
        for number in range(8):
            connection.execute("SELECT %s::int + 1", [number])

    with step("a prepared statement"):
        for number in range(2):
            connection.execute("SELECT %s::int + 2", [number], prepare=True)

    with step("what the server has prepared"):
        again = connection.execute(PREPARED, ["%+ 1"]).fetchone()
        saw("statements", {"again": str(again[0])})
        told = connection.execute(PREPARED, ["%+ 2"]).fetchone()
        saw("statements", {"told": str(told[0])})
