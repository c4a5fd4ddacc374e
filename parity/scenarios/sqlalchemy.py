"""SQLAlchemy above drivers that are not traced, switched on as ddtrace wants it."""

from __future__ import annotations

import asyncio
import os

import sqlalchemy
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from steps import step

SERVERS = ("postgresql", "mariadb")
SETTINGS = {
    "DD_SERVICE": "bookshop",
    "DD_PATCH_MODULES": "sqlalchemy:true",
    "DD_TRACE_PSYCOPG_ENABLED": "false",
    "DD_TRACE_SQLITE3_ENABLED": "false",
    "DD_TRACE_PYMYSQL_ENABLED": "false",
    "DD_TRACE_ASYNCPG_ENABLED": "false",
}

POSTGRESQL = os.environ["TEST_POSTGRESQL_URL"].partition("://")[2]
MARIADB = os.environ["TEST_MARIADB_URL"].partition("://")[2]


class Base(DeclarativeBase):
    pass


class Book(Base):
    __tablename__ = "books"
    title: Mapped[str] = mapped_column(primary_key=True)
    pages: Mapped[int]


for url in (
    f"postgresql+psycopg2://{POSTGRESQL}",
    f"postgresql+psycopg://{POSTGRESQL}",
    f"mysql+pymysql://{MARIADB}",
    "sqlite://",
):
    engine = sqlalchemy.create_engine(url)
    driver = f"{engine.name} {engine.driver}"

    with step(f"{driver}: connected"), engine.connect():
        pass

    with step(f"{driver}: statements"), engine.begin() as connection:
        connection.execute(text("CREATE TEMPORARY TABLE books (title VARCHAR(20) PRIMARY KEY, pages INTEGER)"))
        connection.execute(text("INSERT INTO books VALUES (:title, :pages)"), {"title": "Momo", "pages": 304})
        connection.execute(
            text("INSERT INTO books VALUES (:title, :pages)"),
            [{"title": "Emma", "pages": 474}, {"title": "Ada", "pages": 590}],
        )
        found = connection.execute(text("SELECT title FROM books WHERE pages > :least"), {"least": 500})
        assert found.fetchall() == [("Ada",)]
        connection.exec_driver_sql("SELECT 1")

        with step(f"{driver}: the ORM"), Session(connection) as session:
            session.add_all([Book(title="Heidi", pages=320), Book(title="Kim", pages=368)])
            session.flush()
            books = session.scalars(sqlalchemy.select(Book).order_by(Book.title)).all()
            assert len(books) == 5

    with step(f"{driver}: an error", DBAPIError), engine.connect() as connection:
        connection.execute(text("SELECT * FROM films"))

    engine.dispose()


async def main() -> None:
    for driver in ("psycopg", "asyncpg"):
        engine = create_async_engine(f"postgresql+{driver}://{POSTGRESQL}")
        with step(f"async {driver}: statements"):
            async with engine.begin() as connection:
                await connection.execute(text("CREATE TEMPORARY TABLE books (title VARCHAR(20) PRIMARY KEY)"))
                await connection.execute(text("INSERT INTO books VALUES (:title)"), [{"title": "a"}, {"title": "b"}])
                assert (await connection.execute(text("SELECT * FROM books"))).fetchall() == [("a",), ("b",)]

        with step(f"async {driver}: an error", IntegrityError):
            async with engine.begin() as connection:
                await connection.execute(text("CREATE TEMPORARY TABLE books2 (title VARCHAR(20) PRIMARY KEY)"))
                await connection.execute(text("INSERT INTO books2 VALUES (:title)"), [{"title": "a"}, {"title": "a"}])
        await engine.dispose()


asyncio.run(main())
