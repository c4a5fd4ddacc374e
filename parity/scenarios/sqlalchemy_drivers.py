"""SQLAlchemy above drivers that are traced, with nothing set: the drivers' spans alone."""

from __future__ import annotations

import asyncio
import os

import sqlalchemy
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from steps import step

SERVERS = ("postgresql", "mariadb")

POSTGRESQL = os.environ["TEST_POSTGRESQL_URL"].partition("://")[2]
MARIADB = os.environ["TEST_MARIADB_URL"].partition("://")[2]

for url in (
    f"postgresql+psycopg2://{POSTGRESQL}",
    f"postgresql+psycopg://{POSTGRESQL}",
    f"mysql+mysqldb://{MARIADB}",
    f"mysql+mysqlconnector://{MARIADB}",
    "sqlite://",
):
    engine = sqlalchemy.create_engine(url)
    driver = f"{engine.name} {engine.driver}"

    with step(f"{driver}: connected"), engine.connect():
        pass

    with step(f"{driver}: statements"), engine.begin() as connection:
        connection.execute(text("CREATE TEMPORARY TABLE books (title VARCHAR(20) PRIMARY KEY, pages INTEGER)"))
        connection.execute(
            text("INSERT INTO books VALUES (:title, :pages)"),
            [{"title": "Emma", "pages": 474}, {"title": "Ada", "pages": 590}],
        )
        found = connection.execute(text("SELECT title FROM books WHERE pages > :least"), {"least": 500})
        assert found.fetchall() == [("Ada",)]

    with step(f"{driver}: an error", DBAPIError), engine.connect() as connection:
        connection.execute(text("SELECT * FROM films"))

    engine.dispose()


async def main() -> None:
    engine = create_async_engine(f"postgresql+psycopg://{POSTGRESQL}")
    with step("async psycopg: statements"):
        async with engine.begin() as connection:
            await connection.execute(text("CREATE TEMPORARY TABLE books (title VARCHAR(20) PRIMARY KEY)"))
            await connection.execute(text("INSERT INTO books VALUES (:title)"), [{"title": "a"}, {"title": "b"}])
            assert (await connection.execute(text("SELECT * FROM books"))).fetchall() == [("a",), ("b",)]
    await engine.dispose()


asyncio.run(main())
