"""sqlite3: spans for the rows that are fetched, where they are switched on."""

from __future__ import annotations

import sqlite3

from steps import step

SETTINGS = {"DD_SERVICE": "bookshop", "DD_ENV": "prod", "DD_SQLITE_TRACE_FETCH_METHODS": "true"}

books = sqlite3.connect(":memory:")
books.execute("CREATE TABLE books (title TEXT)")
books.cursor().executemany("INSERT INTO books VALUES (?)", [("Momo",), ("Emma",), ("Ada",), ("Kim",)])
cursor = books.cursor()

with step("one row"):
    cursor.execute("SELECT title FROM books WHERE title > ?", ("B",))
    assert cursor.fetchone() == ("Momo",)

with step("several rows"):
    assert cursor.fetchmany(1) == [("Emma",)]
    assert cursor.fetchmany() == [("Kim",)]

with step("all rows, of the connection's own statement"):
    assert len(books.execute("SELECT title FROM books").fetchall()) == 4

with step("iterated"):
    assert len(list(books.execute("SELECT title FROM books"))) == 4

with step("no rows"):
    assert cursor.fetchone() is None

with step("nothing sent before"):
    assert books.cursor().fetchone() is None

with step("a cursor that is closed", sqlite3.ProgrammingError):
    cursor.close()
    cursor.fetchall()

books.close()
