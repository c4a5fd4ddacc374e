"""asyncmy: cursors of all kinds, procedures, transactions, pools, errors."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from urllib.parse import urlsplit

import asyncmy
import asyncmy.cursors
import asyncmy.errors
from steps import saw, step

SERVERS = ("mariadb",)
SETTINGS = {"DD_SERVICE": "bookshop", "DD_ENV": "prod", "DD_VERSION": "1.2"}

URL = urlsplit(os.environ["TEST_MARIADB_URL"])
WHERE = {"host": URL.hostname, "port": URL.port, "user": URL.username, "db": URL.path[1:]}
SENT = "SELECT info FROM information_schema.processlist WHERE id = connection_id()"


async def statements(books: asyncmy.Connection) -> None:
    with step("a table is made"):
        async with books.cursor() as cursor:
            await cursor.execute("CREATE TEMPORARY TABLE books (title VARCHAR(20) UNIQUE, pages INTEGER)")

    with step("a row is added"):
        async with books.cursor() as cursor:
            assert await cursor.execute("INSERT INTO books VALUES (%s, %s)", ("Momo", 304)) == 1

    with step("many rows are added"):
        async with books.cursor() as cursor:
            assert await cursor.executemany("INSERT INTO books VALUES (%s, %s)", [("Emma", 474), ("Ada", 590)]) == 2

    with step("many updates"):
        async with books.cursor() as cursor:
            await cursor.executemany("UPDATE books SET pages = pages + 1 WHERE title = %s", [("Emma",), ("Ada",)])

    with step("committed"):
        await books.commit()

    with step("a query"):
        async with books.cursor(asyncmy.cursors.DictCursor) as cursor:
            await cursor.execute("SELECT title FROM books WHERE pages > %(least)s", {"least": 400})
            assert [row["title"] for row in await cursor.fetchall()] == ["Emma", "Ada"]

    with step("a query that is read row by row"):
        async with books.cursor(asyncmy.cursors.SSCursor) as cursor:
            await cursor.execute("SELECT title FROM books")
            assert len([row async for row in cursor]) == 3

    with step("the statement as the server sees it"):
        async with books.cursor() as cursor:
            for arguments in (None, (0,)):
                await cursor.execute(SENT + (" AND 0 = %s" if arguments else ""), arguments)
                (text,) = await cursor.fetchone()
                saw(f"statement {arguments}", {"query": text.partition("traceparent=")[0], "ends": text[-len(SENT) :]})

    with step("a procedure"):
        async with books.cursor() as cursor:
            await cursor.execute("CREATE OR REPLACE PROCEDURE twice(IN a INT) SELECT 2 * a")
            await cursor.callproc("twice", (4,))
            assert await cursor.fetchone() == (8,)

    with step("rolled back"):
        await books.rollback()

    with step("an error", asyncmy.errors.ProgrammingError):
        async with books.cursor() as cursor:
            await cursor.execute("SELECT * FROM films")

    with step("a value twice", asyncmy.errors.IntegrityError):
        async with books.cursor() as cursor:
            await cursor.execute("INSERT INTO books VALUES (%s, %s)", ("Momo", 304))

    with step("a closed cursor", asyncmy.errors.ProgrammingError):
        await cursor.execute("SELECT 1")


async def main() -> None:
    with step("connected"):
        books = await asyncmy.connect(**WHERE)
    await statements(books)

    with step("closed by `async with`"):
        async with books, books.cursor() as cursor:
            await cursor.execute("SELECT 1")

    with step("a pool"):
        async with (
            asyncmy.create_pool(minsize=1, maxsize=1, **WHERE) as pool,
            pool.acquire() as pooled,
            pooled.cursor() as cursor,
        ):
            await cursor.execute("SELECT 1")

    with step("at the same time"):
        async with asyncmy.create_pool(minsize=2, maxsize=2, **WHERE) as pool:

            async def select() -> None:
                async with pool.acquire() as pooled, pooled.cursor() as cursor:
                    await cursor.execute("SELECT SLEEP(0.01)")

            await asyncio.gather(select(), select())


asyncio.run(main())

with step("a statement beside them"), sqlite3.connect(":memory:") as database:
    database.execute("SELECT 1")
