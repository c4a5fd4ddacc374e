"""asyncpg: statements, prepared and not, cursors, COPY, transactions, pools, errors; comments for DBM."""

from __future__ import annotations

import asyncio
import io
import os

import asyncpg
from steps import saw, step

SERVERS = ("postgresql",)
SETTINGS = {"DD_SERVICE": "bookshop", "DD_ENV": "prod", "DD_VERSION": "1.2", "DD_DBM_PROPAGATION_MODE": "full"}

URL = os.environ["TEST_POSTGRESQL_URL"]
SENT = "SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()"


async def statements(books: asyncpg.Connection) -> None:
    with step("a table is made"):
        await books.execute("CREATE TEMPORARY TABLE books (title TEXT UNIQUE, pages INTEGER)")

    with step("a row is added"):
        await books.execute("INSERT INTO books VALUES ($1, $2)", "Momo", 304)

    with step("many rows are added"):
        await books.executemany("INSERT INTO books VALUES ($1, $2)", [("Emma", 474), ("Ada", 590)])

    with step("a query"):
        rows = await books.fetch("SELECT title FROM books WHERE pages > $1", 400)
        assert [row["title"] for row in rows] == ["Emma", "Ada"]

    with step("a row, a value"):
        assert (await books.fetchrow("SELECT title FROM books WHERE pages > $1", 500))["title"] == "Ada"
        assert await books.fetchval("SELECT count(*) FROM books") == 3

    with step("a prepared statement"):
        statement = await books.prepare("SELECT title FROM books WHERE pages > $1")
        assert len(await statement.fetch(400)) == 2
        assert await statement.fetchval(500) == "Ada"

    with step("the statement as the server sees it"):
        saw("prepared statement", {"query": await books.fetchval(SENT)})

    with step("a prepared statement for many rows"):
        await (await books.prepare("SELECT $1::int")).executemany([(1,), (2,)])

    with step("given up"):
        task = asyncio.create_task(books.fetch("SELECT pg_sleep($1)", 60))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.wait([task])

    with step("several statements in one"):
        await books.execute("SELECT 1; SELECT 2")


async def transactions(books: asyncpg.Connection) -> None:
    with step("a transaction"):
        async with books.transaction():
            await books.execute("UPDATE books SET pages = pages + 1")

    with step("a transaction that fails", asyncpg.UniqueViolationError):
        async with books.transaction():
            await books.execute("INSERT INTO books VALUES ('Momo', 1)")

    with step("a transaction inside of another"):
        async with books.transaction(), books.transaction():
            await books.execute("DELETE FROM books WHERE title = 'Ada'")

    with step("a cursor that is read row by row"):
        async with books.transaction():
            found = [row["n"] async for row in books.cursor("SELECT generate_series(1, 5) AS n", prefetch=2)]
            assert found == [1, 2, 3, 4, 5]

    with step("a cursor"):
        async with books.transaction():
            cursor = await books.cursor("SELECT generate_series(1, 5) AS n")
            assert (await cursor.fetchrow())["n"] == 1
            await cursor.forward(1)
            assert len(await cursor.fetch(9)) == 3

    with step("COPY"):
        await books.copy_to_table("books", source=io.BytesIO(b"Heidi\t320\n"))
        await books.copy_records_to_table("books", records=[("Kim", 368)])
        await books.copy_from_table("books", output=io.BytesIO())
        await books.copy_from_query("SELECT title FROM books", output=io.BytesIO())


async def main() -> None:
    with step("connected"):
        books = await asyncpg.connect(URL)
    await statements(books)
    await transactions(books)

    with step("an error", asyncpg.UndefinedTableError):
        await books.fetch("SELECT * FROM films")

    with step("a syntax error", asyncpg.PostgresSyntaxError):
        await books.execute("SELEC 1")

    with step("too slow", asyncio.TimeoutError):
        await books.execute("SELECT pg_sleep(5)", timeout=0.1)

    await books.close()

    with step("a closed connection", asyncpg.InterfaceError):
        await books.execute("SELECT 1")

    with step("nobody listens", OSError):
        await asyncpg.connect(host="127.0.0.1", port=1, database="none")

    with step("a pool"):
        async with asyncpg.create_pool(URL, min_size=1, max_size=1) as pool:
            assert await pool.fetchval("SELECT 7") == 7
            async with pool.acquire() as pooled:
                await pooled.execute("SELECT 1")

    with step("at the same time"):
        async with asyncpg.create_pool(URL, min_size=2, max_size=2) as pool:
            await asyncio.gather(*(pool.execute("SELECT pg_sleep(0.01)") for _ in range(2)))


asyncio.run(main())
