"""PyMySQL: cursors of all kinds, procedures, transactions; comments for DBM."""

from __future__ import annotations

import os
from contextlib import closing
from urllib.parse import urlsplit

import pymysql
import pymysql.cursors
from steps import saw, step

SERVERS = ("mariadb",)
SETTINGS = {"DD_SERVICE": "bookshop", "DD_ENV": "prod", "DD_VERSION": "1.2", "DD_DBM_PROPAGATION_MODE": "full"}

URL = urlsplit(os.environ["TEST_MARIADB_URL"])
WHERE = {"host": URL.hostname, "port": URL.port, "user": URL.username, "db": URL.path[1:]}
SENT = "SELECT info FROM information_schema.processlist WHERE id = connection_id()"

with step("connected"):
    books = pymysql.connect(**WHERE)

with step("a table is made"), closing(books.cursor()) as cursor:
    cursor.execute("CREATE TEMPORARY TABLE books (title VARCHAR(20) UNIQUE, pages INTEGER)")

with step("a row is added"), closing(books.cursor()) as cursor:
    assert cursor.execute("INSERT INTO books VALUES (%s, %s)", ("Momo", 304)) == 1

with step("many rows are added"), closing(books.cursor()) as cursor:
    assert cursor.executemany("INSERT INTO books VALUES (%s, %s)", [("Emma", 474), ("Ada", 590)]) == 2

with step("many updates"), closing(books.cursor()) as cursor:
    cursor.executemany("UPDATE books SET pages = pages + 1 WHERE title = %s", [("Emma",), ("Ada",)])

with step("committed"):
    books.commit()

with step("a query"), closing(books.cursor(pymysql.cursors.DictCursor)) as cursor:
    cursor.execute("SELECT title FROM books WHERE pages > %(least)s", {"least": 400})
    assert [row["title"] for row in cursor.fetchall()] == ["Emma", "Ada"]

with step("a query that is read row by row"), closing(books.cursor(pymysql.cursors.SSCursor)) as cursor:
    cursor.execute("SELECT title FROM books")
    assert len(list(cursor)) == 3

with step("the statement as the server sees it"), closing(books.cursor()) as cursor:
    for arguments in (None, (0,)):
        cursor.execute(SENT + (" AND 0 = %s" if arguments else ""), arguments)
        text = cursor.fetchone()[0]
        saw(f"statement {arguments}", {"query": text.partition("traceparent=")[0], "ends": text[-len(SENT) :]})

with step("a procedure"), closing(books.cursor()) as cursor:
    cursor.execute("CREATE OR REPLACE PROCEDURE twice(IN a INT) SELECT 2 * a")
    cursor.callproc("twice", (4,))
    assert cursor.fetchone() == (8,)

with step("rolled back"):
    books.rollback()

with step("an error", pymysql.ProgrammingError), closing(books.cursor()) as cursor:
    cursor.execute("SELECT * FROM films")

with step("a value twice", pymysql.IntegrityError), closing(books.cursor()) as cursor:
    cursor.execute("INSERT INTO books VALUES (%s, %s)", ("Momo", 304))

with step("a statement of bytes"), closing(books.cursor()) as cursor:
    cursor.execute(b"SELECT 'b'")

with step("a closed cursor", pymysql.ProgrammingError):
    cursor.execute("SELECT 1")

with step("closed by `with`"), books, books.cursor() as cursor:
    cursor.execute("SELECT 1")

with step("connected in other words"):
    other = pymysql.connect(
        host=URL.hostname, user=URL.username, passwd="", port=URL.port, cursorclass=pymysql.cursors.SSDictCursor
    )
    with closing(other.cursor()) as cursor:
        cursor.execute("SELECT 1 AS one")
        assert list(cursor) == [{"one": 1}]
    other.close()
