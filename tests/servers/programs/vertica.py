"""A stand-in for Vertica, which nobody may copy: its protocol's simple queries and COPY FROM STDIN, in front of SQLite.

Each connection has an empty database of its own. Vertica's SQL is SQLite's here, types are integer, float and varchar,
and prepared statements and TLS are refused. `python vertica.py PORT` runs it.
"""

from __future__ import annotations

import csv
import io
import re
import socketserver
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from struct import pack, unpack
from typing import Any, BinaryIO

# The untyped messages that a connection begins with, by their codes.
SSL, LOAD_BALANCE, CANCEL = 80877103, 80936960, 80877102
# Since protocol 3.9 a column may be part of another; this is before.
PROTOCOL = 3 << 16 | 8
INTEGER, FLOAT, VARCHAR = 6, 7, 9
COPY = re.compile(r"COPY\s+(?P<table>[\w.\"]+)\s*(?P<columns>\([^)]*\))?\s+FROM\s+STDIN(?P<options>.*)", re.I | re.S)
OPTION = r"{}\s+(?:AS\s+)?'(''|[^'])'"


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + pack("!I", len(body) + 4) + body


def text(value: str) -> bytes:
    return value.encode() + b"\0"


def described(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """A RowDescription; SQLite has types of values only, so the first row's."""
    body = pack("!HI", len(names), 0)
    for number, name in enumerate(names, 1):
        value = rows[0][number - 1] if rows else ""
        kind = INTEGER if isinstance(value, int) else FLOAT if isinstance(value, float) else VARCHAR
        size, modifier = (-1, 69) if kind == VARCHAR else (8, -1)
        body += text(name) + pack("!QH", 0, number) + pack("!BIhHHiH", 0, kind, size, 1, 0, modifier, 0)
    return message(b"T", body)


def row(values: Sequence[Any]) -> bytes:
    body = pack("!H", len(values))
    for value in values:
        encoded = None if value is None else str(value).encode()
        body += pack("!i", -1) if encoded is None else pack("!i", len(encoded)) + encoded
    return message(b"D", body)


def failed(problem: Exception, query: str) -> bytes:
    known = "no such table" in str(problem)
    state = "42V01" if known else "23505" if isinstance(problem, sqlite3.IntegrityError) else "42601"
    fields = {"S": "ERROR", "C": state, "M": str(problem), "R": "query", "F": "sqlite", "L": "1", "q": query}
    return message(b"E", b"".join(name.encode() + text(value) for name, value in fields.items()) + b"\0")


class Connection(socketserver.StreamRequestHandler):
    rfile: BinaryIO
    disable_nagle_algorithm = True

    def handle(self) -> None:
        try:
            if self.begun():
                with closing(sqlite3.connect(":memory:", isolation_level=None)) as self.database:
                    self.serve()
        except (EOFError, ConnectionError):
            return  # It went without a word.

    def serve(self) -> None:
        while (kind := self.read(1)) != b"X":
            body = self.read(unpack("!I", self.read(4))[0] - 4)
            if kind == b"Q":
                self.queries(body.rstrip(b"\0").decode())
            elif kind not in (b"S", b"H"):
                self.send(failed(NotImplementedError(f"message {kind!r}: only simple queries are known"), ""))
            if kind != b"H":
                self.send(message(b"Z", b"T" if self.database.in_transaction else b"I"))

    def begun(self) -> bool:
        """Answers what a connection begins with; False where it was not for queries."""
        while True:
            body = self.read(unpack("!I", self.read(4))[0] - 4)
            code = unpack("!I", body[:4])[0]
            if code == SSL:
                self.send(b"N")
            elif code == CANCEL:
                return False
            elif code != LOAD_BALANCE:
                break
        parameters = {"protocol_version": str(PROTOCOL), "standard_conforming_strings": "on"}
        for name, value in parameters.items():
            self.send(message(b"S", text(name) + text(value)))
        self.send(message(b"R", pack("!I", 0)) + message(b"K", pack("!II", 1, 2)) + message(b"Z", b"I"))
        return True

    def queries(self, query: str) -> None:
        """Each statement's answer; none after the first that fails."""
        for statement in statements(query):
            try:
                if copy := COPY.match(statement):
                    self.copy(copy)
                else:
                    self.query(statement)
            except (sqlite3.Error, ValueError) as problem:
                self.send(failed(problem, query))
                return

    def query(self, statement: str) -> None:
        verb = statement.split()[0].upper() if statement.split() else ""
        if verb in ("COMMIT", "ROLLBACK") and not self.database.in_transaction:
            self.send(message(b"C", text(verb)))
            return
        cursor = self.database.execute(statement)
        if cursor.description:
            rows = cursor.fetchall()
            self.send(described([column[0] for column in cursor.description], rows))
        else:
            # What is stored is told of as a table, too.
            rows = [(cursor.rowcount,)] if verb in ("INSERT", "UPDATE", "DELETE") else []
            self.send(described(["OUTPUT"], rows) if rows else b"")
        self.send(b"".join(row(values) for values in rows) + message(b"C", text(verb)))

    def copy(self, copy: re.Match[str]) -> None:
        table, columns = copy["table"], copy["columns"] or ""
        delimiter, quote = (
            found[1][-1] if (found := re.search(OPTION.format(name), copy["options"], re.I)) else default
            for name, default in (("DELIMITER", "|"), ("ENCLOSED BY", '"'))
        )
        width = len(self.database.execute(f"select {columns.strip('()') or '*'} from {table} limit 0").description)
        self.send(message(b"G", pack(f"!B{width + 1}H", 0, width, *[0] * width)))
        data = b""
        while (kind := self.read(1)) != b"c":
            body = self.read(unpack("!I", self.read(4))[0] - 4)
            if kind == b"f":
                raise ValueError(f"COPY: {body.rstrip(bytes(1)).decode()}")
            data += body
        self.read(4)
        rows = list(csv.reader(io.StringIO(data.decode()), delimiter=delimiter, quotechar=quote))
        self.database.executemany(f"insert into {table} {columns} values ({','.join('?' * width)})", rows)
        self.send(message(b"C", text("COPY")))

    def read(self, size: int) -> bytes:
        data = self.rfile.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def send(self, data: bytes) -> None:
        self.wfile.write(data)


def statements(query: str) -> Iterator[str]:
    """The statements of a text, without their semicolons."""
    collected = ""
    for piece in query.split(";"):
        collected += piece
        if sqlite3.complete_statement(f"{collected};"):
            if collected.strip():
                yield collected.strip()
            collected = ""
        else:
            collected += ";"
    if collected.strip(";\n\t "):
        yield collected


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    with Server(("127.0.0.1", int(sys.argv[1])), Connection) as server:
        server.serve_forever()
