"""psycopg 2 and 3: statements, transactions, pools, server-side cursors, COPY, composed SQL; comments for DBM."""

from __future__ import annotations

import asyncio
import io
import os
from contextlib import closing

import psycopg
import psycopg2
import psycopg2.extras
import psycopg2.pool
import psycopg2.sql
from psycopg import sql
from psycopg2.extras import DictCursor
from psycopg_pool import AsyncConnectionPool, ConnectionPool
from steps import saw, step

SERVERS = ("postgresql",)
SETTINGS = {"DD_SERVICE": "bookshop", "DD_ENV": "prod", "DD_VERSION": "1.2", "DD_DBM_PROPAGATION_MODE": "service"}

URL = os.environ["TEST_POSTGRESQL_URL"]
SENT = "SELECT current_query()"


# --- psycopg 2 ---

with step("2: connected"):
    books = psycopg2.connect(URL)

with step("2: a table is made"), closing(books.cursor()) as cursor:
    cursor.execute("CREATE TEMP TABLE books (title TEXT UNIQUE, pages INTEGER)")

with step("2: rows are added"), closing(books.cursor()) as cursor:
    cursor.execute("INSERT INTO books VALUES (%s, %s)", ("Momo", 304))
    cursor.executemany("INSERT INTO books VALUES (%s, %s)", [("Emma", 474), ("Ada", 590)])

with step("2: committed"):
    books.commit()

with step("2: a query"), closing(books.cursor()) as cursor:
    cursor.execute("SELECT title FROM books WHERE pages > %(least)s", {"least": 400})
    assert cursor.fetchall() == [("Emma",), ("Ada",)]

with step("2: the statement as the server sees it"), closing(books.cursor()) as cursor:
    cursor.execute(SENT)
    saw("statement", {"query": cursor.fetchone()[0]})
    cursor.execute(SENT + " WHERE 0 = %s", (0,))
    saw("formatted statement", {"query": cursor.fetchone()[0]})

with step("2: an update, and its row count"), closing(books.cursor()) as cursor:
    cursor.execute("UPDATE books SET pages = pages + 1")
    assert cursor.rowcount == 3

with step("2: rolled back"):
    books.rollback()

with step("2: a transaction by `with`"), books, books.cursor() as cursor:
    cursor.execute("DELETE FROM books WHERE title = 'Ada'")

with step("2: a transaction by `with` that fails", psycopg2.IntegrityError), books, books.cursor() as cursor:
    cursor.execute("INSERT INTO books VALUES ('Momo', 1)")

with (
    step("2: a server-side cursor"),
    books,
    books.cursor("reading", cursor_factory=DictCursor) as cursor,
):
    cursor.execute("SELECT title FROM books")
    assert [row["title"] for row in cursor] == ["Momo", "Emma"]

with step("2: composed SQL"), books.cursor() as cursor:
    cursor.execute(
        psycopg2.sql.SQL("SELECT {} AS {} FROM {}").format(
            psycopg2.sql.Placeholder(), psycopg2.sql.Identifier("x y"), psycopg2.sql.Identifier("books")
        ),
        (1,),
    )

with step("2: a literal that is composed into SQL"), books.cursor() as cursor:
    cursor.execute(psycopg2.sql.SQL("SELECT {}").format(psycopg2.sql.Literal("secret")))

with step("2: a statement of bytes"), books.cursor() as cursor:
    cursor.execute(b"SELECT 'b'")

with step("2: a procedure"), books.cursor() as cursor:
    cursor.callproc("abs", (-5,))
    assert cursor.fetchone() == (5,)

with step("2: COPY"), books.cursor() as cursor:
    cursor.copy_from(io.StringIO("Heidi\t320\n"), "books")
    cursor.copy_expert("COPY books TO STDOUT", io.StringIO())

with step("2: many statements in one"), books.cursor() as cursor:
    psycopg2.extras.execute_values(cursor, "INSERT INTO books VALUES %s", [("Kim", 368), ("Jo", 9)])

with step("2: an error", psycopg2.errors.UndefinedTable), books.cursor() as cursor:
    cursor.execute("SELECT * FROM films")

books.rollback()

with step("2: what needs the true types"):
    psycopg2.extensions.register_type(psycopg2.extensions.UNICODE, books)
    assert psycopg2.extensions.quote_ident("a b", books) == '"a b"'
    assert isinstance(books, psycopg2.extensions.connection)
    psycopg2.extras.register_uuid(None, books)

with step("2: a closed cursor", psycopg2.InterfaceError):
    cursor.execute("SELECT 1")

books.close()

with step("2: a pool"):
    pool = psycopg2.pool.ThreadedConnectionPool(1, 2, URL)
    connection = pool.getconn()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    pool.putconn(connection)
    pool.closeall()

with step("2: connection and cursor of other classes"):
    logged = psycopg2.connect(URL, connection_factory=psycopg2.extras.LoggingConnection)
    logged.initialize(io.StringIO())
    with logged.cursor() as cursor:
        cursor.execute("SELECT 1")
    logged.close()

with step("2: an application with a name"):
    named = psycopg2.connect(URL, application_name="till")
    with named.cursor() as cursor:
        cursor.execute("SELECT 1")
    named.close()

# --- psycopg 3 ---

with step("3: connected"):
    books = psycopg.connect(URL)

with step("3: a table is made"):
    books.execute("CREATE TEMP TABLE books (title TEXT UNIQUE, pages INTEGER)")

with step("3: rows are added"), books.cursor() as cursor:
    cursor.execute("INSERT INTO books VALUES (%s, %s)", ("Momo", 304))
    cursor.executemany("INSERT INTO books VALUES (%s, %s)", [("Emma", 474), ("Ada", 590)])

with step("3: committed"):
    books.commit()

with step("3: a query"):
    rows = books.execute("SELECT title FROM books WHERE pages > %(least)s", {"least": 400}).fetchall()
    assert rows == [("Emma",), ("Ada",)]

with step("3: the statement as the server sees it"):
    saw("statement", {"query": books.execute(SENT).fetchone()[0]})
    saw("formatted statement", {"query": books.execute(SENT + " WHERE 0 = %s", (0,)).fetchone()[0]})
    saw("composed statement", {"query": books.execute(sql.SQL(SENT)).fetchone()[0]})

with step("3: rolled back"):
    books.rollback()

with step("3: a transaction block"), books.transaction():
    books.execute("UPDATE books SET pages = pages + 1")

with step("3: a server-side cursor"), books.cursor("reading", row_factory=psycopg.rows.dict_row) as cursor:
    cursor.execute("SELECT title FROM books")
    assert [row["title"] for row in cursor] == ["Momo", "Emma", "Ada"]

with step("3: composed SQL"):
    books.execute(
        sql.SQL("SELECT {} AS {} FROM {}").format(sql.Placeholder(), sql.Identifier("x y"), sql.Identifier("books")),
        (1,),
    )

with step("3: a literal that is composed into SQL"):
    books.execute(sql.SQL("SELECT {}").format(sql.Literal("secret")))

with step("3: a statement of bytes"):
    books.execute(b"SELECT 'b'")

with step("3: COPY"), books.cursor() as cursor, cursor.copy("COPY books FROM STDIN") as copy:
    copy.write_row(("Heidi", 320))

with step("3: a stream"), books.cursor() as cursor:
    assert len(list(cursor.stream("SELECT title FROM books"))) == 4

with step("3: a pipeline"), psycopg.connect(URL, autocommit=True) as piped, piped.pipeline():
    piped.execute("SELECT 1")
    piped.execute("SELECT 2")

with step("3: an error", psycopg.errors.UndefinedTable):
    books.execute("SELECT * FROM films")

books.rollback()

with step("3: another kind of cursor"):
    psycopg.ClientCursor(books).execute("SELECT %s", ("here",))

with step("3: closed by `with`"), books:
    books.execute("SELECT 1")

with step("3: a closed connection", psycopg.OperationalError):
    books.execute("SELECT 1")

with step("3: a pool"), ConnectionPool(URL, min_size=1, open=True) as pool, pool.connection() as connection:
    connection.execute("SELECT 1")

with step("3: an application with a name"), psycopg.connect(URL, application_name="till") as named:
    named.execute("SELECT 1")


async def main() -> None:
    with step("async: a connection"):
        books = await psycopg.AsyncConnection.connect(URL)
        cursor = await books.execute("SELECT 1")
        assert await cursor.fetchall() == [(1,)]

    with step("async: a cursor"):
        async with books.cursor() as cursor:
            await cursor.execute("CREATE TEMP TABLE books (title TEXT, pages INTEGER)")
            await cursor.executemany("INSERT INTO books VALUES (%s, %s)", [("Emma", 474), ("Ada", 590)])

    with step("async: committed and rolled back"):
        await books.commit()
        await books.rollback()

    with step("async: the statement as the server sees it"):
        async with books.cursor() as cursor:
            await cursor.execute(SENT)
            saw("statement", {"query": (await cursor.fetchone())[0]})

    with step("async: an error", psycopg.errors.UndefinedTable):
        async with books.cursor() as cursor:
            await cursor.execute("SELECT * FROM films")

    await books.rollback()
    await books.close()

    with step("async: a pool"):
        async with (
            AsyncConnectionPool(URL, min_size=1, open=False) as pool,
            pool.connection() as connection,
            connection.cursor() as cursor,
        ):
            await cursor.execute("SELECT 1")


asyncio.run(main())
