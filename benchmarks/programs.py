"""What the applications of the benchmark do, the same on every side: nothing here knows of tracing.

Usage: programs.py NAME --calls N. Prints the CPU that a call took, in microseconds, as JSON: that of the whole process,
background threads and the last delivery included, and that of the calling thread.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import json
import os
import sqlite3
import sys
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from django_settings import PAGE

WARM_UP = 300
REST_EVERY = 50  # calls
REST_S = 0.05
PATIENCE = 60  # seconds that a client waits for a server
ENVIRON = {
    "REQUEST_METHOD": "GET",
    "PATH_INFO": "/shelves/7",
    "SCRIPT_NAME": "",
    "QUERY_STRING": "page=2",
    "SERVER_NAME": "127.0.0.1",
    "SERVER_PORT": "8000",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_HOST": "127.0.0.1:8000",
    "HTTP_USER_AGENT": "bench/1.0",
    "HTTP_ACCEPT": "*/*",
    "REMOTE_ADDR": "127.0.0.1",
    "wsgi.url_scheme": "http",
    "wsgi.version": (1, 0),
    "wsgi.multithread": False,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
    "wsgi.errors": sys.stderr,
}
SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/shelves/7",
    "raw_path": b"/shelves/7",
    "query_string": b"page=2",
    "root_path": "",
    "client": ("127.0.0.1", 40_000),
    "server": ("127.0.0.1", 8000),
}


def books() -> sqlite3.Connection:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE books (shelf INTEGER, title TEXT)")
    database.executemany("INSERT INTO books VALUES (?, ?)", [(shelf, f"Book {shelf}") for shelf in range(10)])
    database.commit()
    return database


def served(application: Any) -> Callable[[], None]:
    """A request through a WSGI application, as a server does it."""
    import io

    def request() -> None:
        answered: list[str] = []
        environ = {**ENVIRON, "wsgi.input": io.BytesIO()}
        body = application(environ, lambda status, headers, *_: answered.append(status))
        page = b"".join(body)
        close = getattr(body, "close", None)
        if close is not None:
            close()
        assert answered == ["200 OK"], answered
        assert b"Book 7" in page

    return request


def flask_application() -> Any:
    import flask
    import jinja2

    app = flask.Flask("bench")
    app.jinja_loader = jinja2.DictLoader({"shelf.html": PAGE})
    own = threading.local()

    @app.get("/shelves/<int:shelf>")
    def shelf(shelf: int) -> str:
        if not hasattr(own, "database"):
            own.database = books()
        database = own.database
        (count,) = database.execute("SELECT count(*) FROM books WHERE shelf = ?", (shelf,)).fetchone()
        rows = database.execute("SELECT title FROM books WHERE shelf = ?", (shelf,)).fetchall()
        assert count == len(rows)
        return flask.render_template("shelf.html", shelf=shelf, titles=[title for (title,) in rows])

    return app


def flask_request() -> Callable[[], None]:
    return served(flask_application())


def django_request() -> Callable[[], None]:
    import django
    from django.http import HttpRequest, HttpResponse

    django.setup()
    from django.db import connection
    from django.shortcuts import render
    from django.urls import path

    atexit.register(os.remove, connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE books (shelf INTEGER, title TEXT)")
        cursor.executemany("INSERT INTO books VALUES (%s, %s)", [(shelf, f"Book {shelf}") for shelf in range(10)])

    def shelf(request: HttpRequest, shelf: int) -> HttpResponse:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM books WHERE shelf = %s", [shelf])
            (count,) = cursor.fetchone()
            cursor.execute("SELECT title FROM books WHERE shelf = %s", [shelf])
            rows = cursor.fetchall()
        assert count == len(rows)
        return render(request, "shelf.html", {"shelf": shelf, "titles": [title for (title,) in rows]})

    urlpatterns.append(path("shelves/<int:shelf>", shelf))
    from django.core.wsgi import get_wsgi_application

    return served(get_wsgi_application())


urlpatterns: list[Any] = []


def fastapi_request() -> Callable[[], None]:
    from fastapi import FastAPI

    app, database = FastAPI(), books()

    @app.get("/shelves/{shelf}")
    async def shelf(shelf: int, page: int = 1) -> dict[str, Any]:
        (count,) = database.execute("SELECT count(*) FROM books WHERE shelf = ?", (shelf,)).fetchone()
        rows = database.execute("SELECT title FROM books WHERE shelf = ?", (shelf,)).fetchall()
        assert count == len(rows)
        return {"shelf": shelf, "page": page, "titles": [title for (title,) in rows]}

    return awaited(app)


def awaited(application: Any) -> Callable[[], None]:
    """A request through an ASGI application, as a server does it."""
    loop = asyncio.new_event_loop()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def asked() -> None:
        answered: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            answered.append(message)

        headers = [(b"host", b"127.0.0.1:8000"), (b"user-agent", b"bench/1.0"), (b"accept", b"*/*")]
        await application({**SCOPE, "headers": headers}, receive, send)
        assert answered[0]["status"] == 200, answered
        assert b"Book 7" in answered[1]["body"]

    return lambda: loop.run_until_complete(asked())


def redis_get() -> Callable[[], None]:
    import redis

    client = redis.Redis.from_url(os.environ["TEST_REDIS_URL"])
    client.set("tea", "green")

    def get() -> None:
        assert client.get("tea") == b"green"

    return get


def psycopg_select() -> Callable[[], None]:
    import psycopg

    connection = psycopg.connect(os.environ["TEST_POSTGRESQL_URL"], autocommit=True)

    def select() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 + %s", (41,))
            assert cursor.fetchone() == (42,)

    return select


def requests_get() -> Callable[[], None]:
    import requests

    session, url = requests.Session(), os.environ["BENCH_PAGE"]

    def get() -> None:
        assert session.get(url).status_code == 200

    return get


def httpx_get() -> Callable[[], None]:
    import httpx

    client, url = httpx.Client(), os.environ["BENCH_PAGE"]

    def get() -> None:
        assert client.get(url).status_code == 200

    return get


def aiohttp_get() -> Callable[[], None]:
    import aiohttp

    loop, url = asyncio.new_event_loop(), os.environ["BENCH_PAGE"]

    async def opened() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    session = loop.run_until_complete(opened())

    async def asked() -> None:
        async with session.get(url) as answer:
            assert answer.status == 200
            await answer.read()

    atexit.register(lambda: loop.run_until_complete(session.close()))
    return lambda: loop.run_until_complete(asked())


def botocore_call() -> Callable[[], None]:
    from botocore.session import get_session

    client = get_session().create_client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url=os.environ["BENCH_PAGE"],
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )

    def call() -> None:
        assert client.get_item(TableName="books", Key={"shelf": {"N": "7"}})["Item"]["title"] == {"S": "Book 7"}

    return call


def celery_task() -> Callable[[], None]:
    from celery import Celery

    app = Celery("bench", broker="memory://", task_ignore_result=True)

    @app.task
    def shelved(shelf: int) -> str:
        return f"Book {shelf}"

    def task() -> None:
        """Sent, and run as a worker runs it."""
        shelved.delay(7)
        assert shelved.apply((7,)).get() == "Book 7"

    return task


def confluent_kafka_message() -> Callable[[], None]:
    from confluent_kafka import Consumer, Producer, TopicPartition

    where = {"bootstrap.servers": broker()}
    topic = f"bench-{uuid.uuid4().hex}"
    producer = Producer({**where, "linger.ms": 0})
    producer.produce(topic, b"first")
    producer.flush()
    consumer = Consumer({**where, "group.id": topic, "enable.auto.commit": False, "fetch.wait.max.ms": 20})
    consumer.assign([TopicPartition(topic, 0, 1)])
    atexit.register(consumer.close)

    def message() -> None:
        """Produced, and consumed."""
        producer.produce(topic, b"Book 7", b"shelf", headers=[("copy", b"2")])
        assert producer.flush(PATIENCE) == 0
        assert consumer.poll(PATIENCE).value() == b"Book 7"

    return message


def aiokafka_message() -> Callable[[], None]:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

    loop, topic = asyncio.new_event_loop(), f"bench-{uuid.uuid4().hex}"

    async def started() -> tuple[AIOKafkaProducer, AIOKafkaConsumer]:
        producer = AIOKafkaProducer(bootstrap_servers=broker())
        await producer.start()
        await producer.send_and_wait(topic, b"first")
        consumer = AIOKafkaConsumer(bootstrap_servers=broker(), enable_auto_commit=False, fetch_max_wait_ms=20)
        await consumer.start()
        place = TopicPartition(topic, 0)
        consumer.assign([place])
        consumer.seek(place, 1)
        return producer, consumer

    producer, consumer = loop.run_until_complete(started())

    async def stopped() -> None:
        await producer.stop()
        await consumer.stop()

    async def message() -> None:
        """Produced, and consumed."""
        await producer.send_and_wait(topic, b"Book 7", b"shelf", headers=[("copy", b"2")])
        assert (await consumer.getone()).value == b"Book 7"

    atexit.register(lambda: loop.run_until_complete(stopped()))
    return lambda: loop.run_until_complete(message())


def broker() -> str:
    return os.environ["TEST_KAFKA_URL"].partition("://")[2]


def sqlite3_select() -> Callable[[], None]:
    database = books()

    def select() -> None:
        cursor = database.cursor()
        cursor.execute("SELECT title FROM books WHERE shelf = ?", (7,))
        assert cursor.fetchall() == [("Book 7",)]

    return select


def jinja2_render() -> Callable[[], None]:
    import jinja2

    template = jinja2.Environment(loader=jinja2.DictLoader({"shelf.html": PAGE})).get_template("shelf.html")

    def render() -> None:
        assert "Book 7" in template.render(shelf=7, titles=["Book 7"])

    return render


PROGRAMS: dict[str, Callable[[], Callable[[], None]]] = {
    "Flask request": flask_request,
    "Django request": django_request,
    "FastAPI request": fastapi_request,
    "redis GET": redis_get,
    "psycopg SELECT": psycopg_select,
    "sqlite3 SELECT": sqlite3_select,
    "requests GET": requests_get,
    "httpx GET": httpx_get,
    "aiohttp GET": aiohttp_get,
    "botocore call": botocore_call,
    "Celery task": celery_task,
    "confluent-kafka message": confluent_kafka_message,
    "aiokafka message": aiokafka_message,
    "Jinja2 render": jinja2_render,
}


def delivered() -> None:
    """All that was recorded is sent, by whichever tracer is here."""
    if "ddtrace" in sys.modules:
        sys.modules["ddtrace"].tracer.shutdown()
    elif "opentelemetry.sdk.trace" in sys.modules:
        sys.modules["opentelemetry.trace"].get_tracer_provider().shutdown()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("name", choices=PROGRAMS)
    arguments.add_argument("--calls", type=int, required=True)
    arguments.add_argument("--at-once", action="store_true", help="ours: this thread translates and packs, no other")
    given = arguments.parse_args()
    sys.modules.setdefault("programs", sys.modules["__main__"])
    if given.at_once:
        from otel_dd_distro.export import queue

        queue.RAW_LIMIT = 0
    work = PROGRAMS[given.name]()
    for _ in range(WARM_UP):
        work()
    time.sleep(2.5)  # the first payload is on its way, and everything is loaded
    total, own = time.process_time(), time.thread_time()
    for _ in range(given.calls // REST_EVERY):
        for _ in range(REST_EVERY):
            work()
        time.sleep(REST_S)
    own = time.thread_time() - own
    delivered()
    total = time.process_time() - total
    print(json.dumps({"total": total / given.calls * 1e6, "own": own / given.calls * 1e6}))


if __name__ == "__main__":
    main()
