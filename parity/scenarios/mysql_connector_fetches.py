"""MySQL Connector: spans for rows that are fetched, where they are switched on."""

from __future__ import annotations

import os
from contextlib import closing
from urllib.parse import urlsplit

import mysql.connector
from steps import step

SERVERS = ("mariadb",)
SETTINGS = {"DD_SERVICE": "bookshop", "DD_ENV": "prod", "DD_MYSQL_TRACE_FETCH_METHODS": "true"}

URL = urlsplit(os.environ["TEST_MARIADB_URL"])
WHERE = {"host": URL.hostname, "port": URL.port, "user": URL.username, "database": URL.path[1:]}
NUMBERS = "SELECT seq FROM seq_1_to_5"
KINDS = {
    "a cursor": {},
    "a buffered one": {"buffered": True},
    "one of raw values": {"raw": True},
    "one of dictionaries": {"dictionary": True},
    "a buffered one of dictionaries": {"dictionary": True, "buffered": True},
    "a prepared one": {"prepared": True},
}

for form in ("pure", "C"):
    books = mysql.connector.connect(**WHERE, use_pure=form == "pure")
    for kind, options in KINDS.items():
        with step(f"{form}: rows of {kind}"), closing(books.cursor(**options)) as cursor:
            cursor.execute(NUMBERS)
            assert cursor.fetchone()
            assert len(cursor.fetchmany(2)) == 2
            assert len(cursor.fetchmany()) == 1
            assert len(cursor.fetchall()) == 1

        with step(f"{form}: {kind}, iterated"), closing(books.cursor(**options)) as cursor:
            cursor.execute(NUMBERS)
            assert len(list(cursor)) == 5
    books.close()
