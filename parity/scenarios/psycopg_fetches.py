"""psycopg 2 and 3: spans for connections that are made and for rows that are fetched, where they are switched on."""

from __future__ import annotations

import asyncio
import os
from contextlib import closing

import psycopg
import psycopg2
from psycopg2.extras import DictCursor
from psycopg_pool import ConnectionPool
from steps import step

SERVERS = ("postgresql",)
SETTINGS = {
    "DD_SERVICE": "bookshop",
    "DD_ENV": "prod",
    "DD_PSYCOPG_TRACE_CONNECT": "true",
    "DD_PSYCOPG_TRACE_FETCH_METHODS": "true",
}

URL = os.environ["TEST_POSTGRESQL_URL"]
NUMBERS = "SELECT * FROM generate_series(1, 5)"
NOBODY = "host=127.0.0.1 port=1 connect_timeout=2"

with step("2: connected"):
    connection = psycopg2.connect(URL)

with step("2: rows"), closing(connection.cursor()) as cursor:
    cursor.execute(NUMBERS)
    assert cursor.fetchone() == (1,)
    assert cursor.fetchmany(2) == [(2,), (3,)]
    assert cursor.fetchmany() == [(4,)]
    assert cursor.fetchall() == [(5,)]

with step("2: iterated"), closing(connection.cursor()) as cursor:
    cursor.execute(NUMBERS)
    assert len(list(cursor)) == 5

with step("2: rows of a cursor of another kind"), closing(connection.cursor(cursor_factory=DictCursor)) as cursor:
    cursor.execute(NUMBERS)
    assert [row["generate_series"] for row in cursor.fetchmany(2)] == [1, 2]
    assert len(cursor.fetchall()) == 3

with step("2: nothing to fetch", psycopg2.ProgrammingError), closing(connection.cursor()) as cursor:
    cursor.fetchone()

with step("2: nobody listens", psycopg2.OperationalError):
    psycopg2.connect(NOBODY)

connection.close()

with step("3: connected"):
    books = psycopg.connect(URL)

with step("3: connected by the class"):
    psycopg.Connection.connect(URL).close()

with step("3: rows"), books.cursor() as cursor:
    cursor.execute(NUMBERS)
    assert cursor.fetchone() == (1,)
    assert cursor.fetchmany(2) == [(2,), (3,)]
    assert cursor.fetchmany() == [(4,)]
    assert cursor.fetchall() == [(5,)]

with step("3: rows of the connection's own statement"):
    assert books.execute(NUMBERS).fetchone() == (1,)

with step("3: iterated"), books.cursor() as cursor:
    cursor.execute(NUMBERS)
    assert len(list(cursor)) == 5

with step("3: a server-side cursor"), books.cursor("reading") as cursor:
    cursor.execute(NUMBERS)
    assert cursor.fetchone() == (1,)
    assert cursor.fetchmany(2) == [(2,), (3,)]
    assert len(cursor.fetchall()) == 2

with step("3: nobody listens", psycopg.OperationalError):
    psycopg.connect(NOBODY)

books.close()

with step("3: a pool"), ConnectionPool(URL, min_size=1, max_size=1, open=True) as pool:
    pool.wait()


async def main() -> None:
    with step("3: connected asynchronously"):
        reading = await psycopg.AsyncConnection.connect(URL)
    with step("3: rows asynchronously"):
        async with reading.cursor() as cursor:
            await cursor.execute(NUMBERS)
            assert await cursor.fetchone() == (1,)
            assert await cursor.fetchmany(2) == [(2,), (3,)]
            assert len(await cursor.fetchall()) == 2
    await reading.close()


asyncio.run(main())
