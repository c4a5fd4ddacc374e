"""MySQL Connector: pure and C cursors, procedures, pools, asyncio; comments for DBM."""

from __future__ import annotations

import asyncio
import os
from contextlib import closing
from urllib.parse import urlsplit

import mysql.connector
import mysql.connector.aio
from mysql.connector import pooling
from steps import saw, step

SERVERS = ("mariadb",)
SETTINGS = {"DD_SERVICE": "bookshop", "DD_ENV": "prod", "DD_VERSION": "1.2", "DD_DBM_PROPAGATION_MODE": "full"}

URL = urlsplit(os.environ["TEST_MARIADB_URL"])
WHERE = {"host": URL.hostname, "port": URL.port, "user": URL.username, "database": URL.path[1:]}
SENT = "SELECT info FROM information_schema.processlist WHERE id = connection_id()"

for form in ("pure", "C"):
    with step(f"{form}: connected"):
        books = mysql.connector.connect(**WHERE, use_pure=form == "pure")

    with step(f"{form}: a table is made"), closing(books.cursor()) as cursor:
        cursor.execute("CREATE TEMPORARY TABLE books (title VARCHAR(20) UNIQUE, pages INTEGER)")

    with step(f"{form}: rows are added"), closing(books.cursor()) as cursor:
        cursor.execute("INSERT INTO books VALUES (%s, %s)", ("Momo", 304))
        cursor.executemany("INSERT INTO books VALUES (%s, %s)", [("Emma", 474), ("Ada", 590)])
        assert cursor.rowcount == 2

    with step(f"{form}: many updates"), closing(books.cursor()) as cursor:
        cursor.executemany("UPDATE books SET pages = pages + 1 WHERE title = %s", [("Emma",), ("Ada",)])

    with step(f"{form}: committed"):
        books.commit()

    with step(f"{form}: a query"), closing(books.cursor(dictionary=True)) as cursor:
        cursor.execute("SELECT title FROM books WHERE pages > %(least)s", {"least": 400})
        assert [row["title"] for row in cursor.fetchall()] == ["Emma", "Ada"]

    with step(f"{form}: a buffered query"), closing(books.cursor(buffered=True)) as cursor:
        cursor.execute("SELECT title FROM books")
        assert cursor.rowcount == 3

    with step(f"{form}: a prepared statement"), closing(books.cursor(prepared=True)) as cursor:
        for least in (400, 500):
            cursor.execute("SELECT title FROM books WHERE pages > %s", (least,))
            cursor.fetchall()

    with step(f"{form}: the statement as the server sees it"), closing(books.cursor()) as cursor:
        cursor.execute(SENT)
        text = cursor.fetchone()[0]
        saw("statement", {"query": text.partition("traceparent=")[0], "ends": text[-len(SENT) :]})

    with step(f"{form}: a procedure"), closing(books.cursor()) as cursor:
        cursor.execute("CREATE OR REPLACE PROCEDURE twice(IN a INT, OUT b INT) SET b = 2 * a")
        assert cursor.callproc("twice", (4, 0))[1] == 8

    with step(f"{form}: rolled back"):
        books.rollback()

    with step(f"{form}: an error", mysql.connector.ProgrammingError), closing(books.cursor()) as cursor:
        cursor.execute("SELECT * FROM films")

    with step(f"{form}: a value twice", mysql.connector.IntegrityError), closing(books.cursor()) as cursor:
        cursor.execute("INSERT INTO books VALUES (%s, %s)", ("Momo", 304))

    with step(f"{form}: odd statements"), closing(books.cursor()) as cursor:
        cursor.execute(b"SELECT 'b'")
        cursor.fetchall()
        cursor.execute("")

    with step(f"{form}: asked for its database"):
        assert books.database == "test"

    books.close()

    with step(f"{form}: a pool"):
        pool = pooling.MySQLConnectionPool(pool_name=form, pool_size=1, **WHERE, use_pure=form == "pure")
        with closing(pool.get_connection()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchall()

    with step(f"{form}: connected by a pool's name"):
        connection = mysql.connector.connect(pool_name=f"{form}2", **WHERE)
        with closing(connection), closing(connection.cursor()) as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchall()


async def main() -> None:
    with step("async: connected"):
        books = await mysql.connector.aio.connect(**WHERE, ssl_disabled=True)

    with step("async: a cursor"):
        cursor = await books.cursor()
        await cursor.execute("SELECT 1")
        await cursor.fetchall()
        await cursor.close()

    with step("async: cursors by `with`"):
        async with await books.cursor() as cursor:
            await cursor.execute("CREATE TEMPORARY TABLE books (title VARCHAR(20) UNIQUE, pages INTEGER)")
            await cursor.executemany("INSERT INTO books VALUES (%s, %s)", [("Emma", 474), ("Ada", 590)])
            await cursor.execute("SELECT title FROM books")
            assert len(await cursor.fetchall()) == 2

    with step("async: the statement as the server sees it"):
        async with await books.cursor() as cursor:
            await cursor.execute(SENT)
            text = (await cursor.fetchone())[0]
            saw("statement", {"query": text.partition("traceparent=")[0], "ends": text[-len(SENT) :]})

    with step("async: committed and rolled back"):
        await books.commit()
        await books.rollback()

    with step("async: a procedure"):
        async with await books.cursor() as cursor:
            await cursor.callproc("twice", (4, 0))

    with step("async: an error", mysql.connector.ProgrammingError):
        async with await books.cursor() as cursor:
            await cursor.execute("SELECT * FROM films")

    await books.close()


asyncio.run(main())
