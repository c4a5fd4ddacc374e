"""aiopg: statements, procedures, transactions, pools, errors."""

from __future__ import annotations

import asyncio
import os
from urllib.parse import urlsplit

import aiopg
import psycopg2
from steps import step

SERVERS = ("postgresql",)

url = urlsplit(os.environ["TEST_POSTGRESQL_URL"])
WHERE = f"dbname={url.path[1:]} user={url.username} host={url.hostname} port={url.port} application_name=till"


async def main() -> None:
    with step("connected"):
        connection = await aiopg.connect(WHERE)

    with step("a statement"):
        async with connection.cursor() as cursor:
            await cursor.execute("SELECT * FROM generate_series(1, 3)")
            assert len(await cursor.fetchall()) == 3

    with step("a statement with parameters"):
        async with connection.cursor() as cursor:
            await cursor.execute("SELECT %s, %s", ("tea", 7))
            assert await cursor.fetchone() == ("tea", 7)

    with step("a procedure"):
        async with connection.cursor() as cursor:
            await cursor.callproc("upper", ["tea"])
            assert await cursor.fetchone() == ("TEA",)

    with step("rows one by one"):
        async with connection.cursor() as cursor:
            await cursor.execute("SELECT * FROM generate_series(1, 2)")
            assert [row async for row in cursor] == [(1,), (2,)]

    with step("a table"):
        async with connection.cursor() as cursor:
            await cursor.execute("CREATE TEMPORARY TABLE cups (kind text)")
            await cursor.execute("INSERT INTO cups VALUES ('green'), ('black')")

    with step("a transaction"):
        async with connection.cursor() as cursor, cursor.begin():
            await cursor.execute("DELETE FROM cups WHERE kind = %s", ("green",))

    with step("no such table", psycopg2.Error):
        async with connection.cursor() as cursor:
            await cursor.execute("SELECT * FROM none")

    with step("many rows at once, which it cannot", psycopg2.ProgrammingError):
        async with connection.cursor() as cursor:
            await cursor.executemany("INSERT INTO cups VALUES (%s)", [("a",), ("b",)])

    connection.close()

    with step("a pool"):
        async with (
            aiopg.create_pool(WHERE, minsize=1, maxsize=1) as pool,
            pool.acquire() as pooled,
            pooled.cursor() as cursor,
        ):
            await cursor.execute("SELECT 1")

    with step("at the same time"):
        async with aiopg.create_pool(WHERE, minsize=2, maxsize=2, enable_hstore=False) as pool:

            async def select() -> None:
                async with pool.acquire() as pooled, pooled.cursor() as cursor:
                    await cursor.execute("SELECT pg_sleep(0.01)")

            await asyncio.gather(select(), select())


asyncio.run(main())
