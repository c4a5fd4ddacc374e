"""Vertica: statements, parameters, COPY, rows one by one and all at once, several results, errors, on a stand-in."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import vertica_python
from steps import step
from vertica_python.errors import InterfaceError, QueryError

SERVERS = ("vertica_server",)

url = urlsplit(os.environ["TEST_VERTICA_URL"])
connection = vertica_python.connect(
    host=url.hostname, port=url.port, user="dbadmin", password="", database="test", tlsmode="disable"
)
cursor = connection.cursor()

with step("a table"):
    cursor.execute("CREATE TABLE teas (id INTEGER, name VARCHAR)")

with step("written"):
    cursor.execute("INSERT INTO teas VALUES (1, 'green')")
    cursor.execute("INSERT INTO teas VALUES (%s, %s)", (2, "black"))
    cursor.execute("INSERT INTO teas VALUES (:id, :name)", {"id": 3, "name": "white"})

with step("committed"):
    connection.commit()

with step("copied"):
    cursor.copy("COPY teas FROM STDIN DELIMITER ','", "4,oolong\n5,mate\n")

with step("many at once"):
    cursor.executemany("INSERT INTO teas (id, name) VALUES (%s, %s)", [(6, "red"), (7, "blue")])

with step("one row"):
    cursor.execute("SELECT name FROM teas WHERE id = 1")
    assert cursor.fetchone() == ["green"]
    assert cursor.fetchone() is None

with step("no row left of all"):
    cursor.execute("SELECT name FROM teas WHERE id = 99")
    assert cursor.fetchall() == []

with step("all rows"):
    cursor.execute("SELECT id FROM teas ORDER BY id")
    assert cursor.fetchall() == [[1], [2], [3], [4], [5], [6], [7]]

with step("some rows"):
    cursor.execute("SELECT id FROM teas ORDER BY id")
    assert cursor.fetchmany(2) == [[1], [2]]

with step("row by row"):
    cursor.execute("SELECT id FROM teas ORDER BY id")
    assert [row[0] for row in cursor.iterate()] == [1, 2, 3, 4, 5, 6, 7]

with step("several results"):
    cursor.execute("SELECT 1; SELECT 2")
    assert cursor.fetchone() == [1]
    assert cursor.nextset()
    assert cursor.fetchone() == [2]
    assert not cursor.nextset()

with step("no such table", QueryError):
    cursor.execute("SELECT * FROM coffees")

with step("a closed cursor", InterfaceError):
    closed = connection.cursor()
    closed.close()
    closed.execute("SELECT 1")

with step("rolled back"):
    connection.rollback()

connection.close()
