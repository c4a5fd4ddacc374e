"""Cassandra: simple, prepared and bound statements, batches, pages, answers that come later, errors."""

from __future__ import annotations

import os
import threading
import uuid

from cassandra import ConsistencyLevel, InvalidRequest
from cassandra.cluster import Cluster
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.protocol import SyntaxException
from cassandra.query import BatchStatement, SimpleStatement, dict_factory
from steps import step

SERVERS = ("cassandra_server",)

host, _, port = os.environ["TEST_CASSANDRA_URL"].partition("://")[2].partition(":")
cluster = Cluster([host], port=int(port))
session = cluster.connect()

with step("a keyspace"):
    session.execute(
        "CREATE KEYSPACE IF NOT EXISTS shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
    )
    session.set_keyspace("shop")

with step("a table"):
    session.execute("DROP TABLE IF EXISTS teas")
    session.execute("CREATE TABLE teas (id int PRIMARY KEY, name text, kept uuid)")

with step("written"):
    session.execute("INSERT INTO teas (id, name) VALUES (1, 'green')")
    session.execute("INSERT INTO teas (id, name) VALUES (%s, %s)", (2, "black"))
    session.execute("INSERT INTO teas (id, name) VALUES (%(id)s, %(name)s)", {"id": 3, "name": "white"})

with step("read"):
    assert session.execute("SELECT name FROM teas WHERE id = 1").one().name == "green"
    assert not list(session.execute("SELECT name FROM teas WHERE id = 99"))

with step("with a consistency level"):
    session.execute(SimpleStatement("SELECT * FROM shop.teas", consistency_level=ConsistencyLevel.QUORUM))

with step("prepared"):
    prepared = session.prepare("INSERT INTO teas (id, name, kept) VALUES (?, ?, ?)")
    session.execute(prepared, (4, "oolong", uuid.uuid4()))
    session.execute(prepared.bind((5, "mate", uuid.uuid4())))

with step("a batch"):
    batch = BatchStatement()
    batch.add(SimpleStatement("INSERT INTO teas (id, name) VALUES (6, 'red')"))
    batch.add("INSERT INTO teas (id, name) VALUES (%s, %s)", (7, "it's blue"))
    batch.add(prepared, (8, "yellow", uuid.uuid4()))
    session.execute(batch)

with step("a batch of prepared ones"):
    batch = BatchStatement(consistency_level=ConsistencyLevel.ONE)
    batch.add(prepared, (9, "puerh", uuid.uuid4()))
    session.execute(batch)

with step("pages"):
    assert len(list(session.execute(SimpleStatement("SELECT id FROM teas", fetch_size=4)))) == 9

with step("an answer that comes later"):
    future = session.execute_async("SELECT name FROM teas WHERE id = 2")
    assert future.result().one().name == "black"

with step("an answer that is called back"):
    answered = threading.Event()
    session.execute_async("SELECT name FROM teas WHERE id = 3").add_callback(lambda rows: answered.set())
    assert answered.wait(30)

with step("many at once"):
    results = execute_concurrent_with_args(session, prepared, [(n, "many", None) for n in range(20, 25)], concurrency=1)
    assert all(succeeded for succeeded, _ in results)

with step("rows as dictionaries"):
    session.row_factory = dict_factory
    assert session.execute("SELECT name FROM teas WHERE id = 1").one() == {"name": "green"}

with step("no such table", InvalidRequest):
    session.execute("SELECT * FROM coffees")

with step("no statement", SyntaxException):
    session.execute("BREW tea")

with step("no such parameter", TypeError):
    session.execute("SELECT * FROM teas WHERE id = %s", (1, 2))

with step("closed"):
    cluster.shutdown()
