"""sqlite3: statements in all their forms, transactions, errors; nothing of DD_* set."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from steps import step

with step("a table is made"):
    books = sqlite3.connect("books.sqlite")
    books.execute("CREATE TABLE books (title TEXT UNIQUE, pages INTEGER)")

with step("rows are added, on a cursor"), closing(books.cursor()) as cursor:
    cursor.execute("INSERT INTO books VALUES (?, ?)", ("Momo", 304))
    cursor.executemany("INSERT INTO books VALUES (?, ?)", [("Emma", 474), ("Ada", 590)])

with step("committed"):
    books.commit()

with step("a query, read row by row"):
    titles = [title for (title,) in books.execute("SELECT title FROM books WHERE pages > ?", (400,))]
    assert titles == ["Emma", "Ada"]

with step("a query, fetched at once"):
    cursor = books.cursor()
    assert cursor.execute("SELECT count(*) FROM books").fetchall() == [(3,)]

with step("an update, and its row count"):
    assert books.execute("UPDATE books SET pages = pages + 1").rowcount == 3

with step("rolled back"):
    books.rollback()

with step("a transaction by `with`"), books:
    books.execute("DELETE FROM books WHERE title = 'Ada'")

with step("a transaction by `with` that fails", sqlite3.IntegrityError), books:
    books.execute("INSERT INTO books VALUES ('Momo', 1)")

with step("no such table", sqlite3.OperationalError):
    books.execute("SELECT * FROM films")

with step("many rows, on the connection"):
    books.executemany("INSERT INTO books VALUES (?, ?)", [("Heidi", 320), ("Kim", 368)])

with step("a script, on the connection"):
    books.executescript("CREATE TABLE a (n); CREATE TABLE b (n);")

with step("a script, on a cursor"):
    books.cursor().executescript("DROP TABLE a; DROP TABLE b;")

with step("odd statements"):
    books.execute("  select 'tést', 'it''s a secret' -- pässword=hunter2\n  where 1 = ?", (1,)).fetchone()
    books.execute("")

with step("named parameters and a returned row"):
    row = books.execute("INSERT INTO books VALUES (:title, :pages) RETURNING pages", {"title": "Jo", "pages": 9})
    assert row.fetchone() == (9,)

with step("too few parameters", sqlite3.ProgrammingError):
    books.execute("SELECT ?, ?", (1,))

with step("no statement at all", TypeError):
    books.execute(None)

with step("a text that cannot be encoded", UnicodeEncodeError):
    books.execute("SELECT '\ud800'")

with step("a rule that is broken in the middle of many", sqlite3.IntegrityError), closing(books.cursor()) as cursor:
    cursor.executemany("INSERT INTO books VALUES (?, 1)", [("Anna",), ("Anna",)])


class Shelf(sqlite3.Connection):
    def titles(self) -> list[str]:
        return [title for (title,) in self.execute("SELECT title FROM books ORDER BY title")]


with step("a connection of one's own"):
    shelf = sqlite3.connect("books.sqlite", factory=Shelf, isolation_level=None)
    assert "Momo" in shelf.titles()
    shelf.close()

with step("a connection that is closed", sqlite3.ProgrammingError):
    shelf.execute("SELECT 1")

with step("a database that cannot be opened", sqlite3.OperationalError):
    sqlite3.connect("no/such/folder/books.sqlite")

books.close()
