"""PyMySQL: spans for rows that are fetched, where they are switched on."""

from __future__ import annotations

import os
from contextlib import closing
from urllib.parse import urlsplit

import pymysql
import pymysql.cursors
from steps import step

SERVERS = ("mariadb",)
SETTINGS = {
    "DD_SERVICE": "bookshop",
    "DD_ENV": "prod",
    "DD_PYMYSQL_TRACE_FETCH_METHODS": "true",
}

URL = urlsplit(os.environ["TEST_MARIADB_URL"])
WHERE = {"host": URL.hostname, "port": URL.port, "user": URL.username, "db": URL.path[1:]}
NUMBERS = "SELECT seq FROM seq_1_to_5"

with step("connected"):
    books = pymysql.connect(**WHERE)

for kind in (pymysql.cursors.Cursor, pymysql.cursors.SSCursor):
    with step(f"rows of {kind.__name__}"), closing(books.cursor(kind)) as cursor:
        cursor.execute(NUMBERS)
        assert cursor.fetchone() == (1,)
        assert tuple(cursor.fetchmany(2)) == ((2,), (3,))
        assert tuple(cursor.fetchmany()) == ((4,),)
        assert tuple(cursor.fetchall()) == ((5,),)

    with step(f"{kind.__name__} iterated"), closing(books.cursor(kind)) as cursor:
        cursor.execute(NUMBERS)
        assert len(list(cursor)) == 5

with step("rows as dictionaries"), closing(books.cursor(pymysql.cursors.DictCursor)) as cursor:
    cursor.execute(NUMBERS)
    assert cursor.fetchone() == {"seq": 1}

with step("nothing to fetch", pymysql.ProgrammingError), closing(books.cursor()) as cursor:
    cursor.fetchone()

with step("nobody listens", pymysql.OperationalError):
    pymysql.connect(**{**WHERE, "host": "127.0.0.1", "port": 1})

books.close()
