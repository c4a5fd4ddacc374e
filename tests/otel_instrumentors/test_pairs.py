"""Libraries that call each other, both traced: each row of docs/pairs.md, counted."""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from otel_instrumentors.kernel.instrumentor import Instrumentor
from otel_instrumentors.kernel.switch import PREFIX
from tests.otel_instrumentors.contract import Recorder, instrumented
from tests.otel_instrumentors.families.wsgi_server import asked

# Flask-Caching's newest release on Python 3.10 warns of its own names.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PAGE = Path(__file__).parents[2] / "docs" / "pairs.md"
APART = tomllib.loads((PAGE.parents[1] / "pyproject.toml").read_text())["tool"]["otel-dd-distro"]["apart"]

Row = tuple[str, str]
"""Libraries, and what is called, as the page has them."""


def rows() -> dict[Row, tuple[int, list[str]]]:
    """How many spans there are, and their names."""
    found = {}
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[2].isdigit():
            found[cells[0], cells[1]] = int(cells[2]), re.findall(r"`([^`]+)`", cells[3])
    return found


CALLS: dict[Row, Callable[[Recorder, pytest.FixtureRequest], None]] = {}


def call(libraries: str, what: str) -> Callable[[Any], Any]:
    def of(function: Any) -> Any:
        CALLS[libraries, what] = function
        return function

    return of


def instrumentor(plugin: str) -> type[Instrumentor]:
    members = vars(import_module(f"otel_instrumentors.{plugin}")).items()
    (found,) = (value for name, value in members if name.endswith("Instrumentor") and value is not Instrumentor)
    kind: type[Instrumentor] = found
    return kind


def counted(row: Row, recorder: Recorder) -> None:
    """The spans of a call are those that the page says."""
    spans = sorted(recorder.take(), key=lambda span: span.start_time or 0)
    number, names = rows()[row]
    assert [span.name for span in spans] == names
    assert len(spans) == number


def is_apart(row: Row) -> bool:
    """Whether the call is made by the tests of a plugin that has an environment of its own."""
    return not set(row[0].split(" + ")).isdisjoint(APART)


@pytest.mark.parametrize("row", [row for row in rows() if not is_apart(row)], ids=" - ".join)
def test_each_call_makes_the_spans_that_the_page_says(row: Row, request: pytest.FixtureRequest) -> None:
    libraries, _ = row
    recorder = Recorder()
    with ExitStack() as stack:
        for library in libraries.split(" + "):
            stack.enter_context(instrumented(instrumentor(library), recorder.provider))
        CALLS[row](recorder, request)
    counted(row, recorder)


def test_the_page_has_every_call() -> None:
    assert {row for row in rows() if not is_apart(row)} == set(CALLS)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(302 if self.path == "/moved" else 204)
        self.send_header("Location", "/")
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        """Quiet."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@call("requests + urllib3 + httplib", "`requests.get(url)`")
def _get(_recorder: Recorder, request: pytest.FixtureRequest) -> None:
    import requests

    requests.get(request.getfixturevalue("url"), timeout=60)


@call("requests + urllib3 + httplib", "the same, redirected once")
def _get_redirected(_recorder: Recorder, request: pytest.FixtureRequest) -> None:
    import requests

    requests.get(f"{request.getfixturevalue('url')}moved", timeout=60)


@call("urllib3 + httplib", '`PoolManager().request("GET", url)`')
def _get_with_urllib3(_recorder: Recorder, request: pytest.FixtureRequest) -> None:
    import urllib3

    with urllib3.PoolManager() as manager:
        manager.request("GET", request.getfixturevalue("url"))


@call("fastapi + starlette + requests + httplib", "a request whose endpoint sends one with requests")
def _serve_and_get(_recorder: Recorder, request: pytest.FixtureRequest) -> None:
    import requests
    from fastapi import FastAPI

    from tests.otel_instrumentors.families import asgi_server

    app, url = FastAPI(), request.getfixturevalue("url")
    app.get("/tea")(lambda: requests.get(url, timeout=60).status_code)
    assert asgi_server.asked(app, "/tea").body == b"204"


@call("httpx + httplib", "`httpx.get(url)`")
def _get_with_httpx(_recorder: Recorder, request: pytest.FixtureRequest) -> None:
    import httpx

    httpx.get(request.getfixturevalue("url"), timeout=60, trust_env=False)


@call("httplib", "`urllib.request.urlopen(url)`")
def _urlopen(_recorder: Recorder, request: pytest.FixtureRequest) -> None:
    from urllib.request import urlopen

    urlopen(request.getfixturevalue("url"), timeout=60).close()


@call("botocore + requests + urllib3 + httplib", "`sns.list_topics()`")
def _list_topics(_recorder: Recorder, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("aws")
    from tests.otel_instrumentors.test_botocore import client

    client("sns").list_topics()


@call("aiobotocore + botocore + aiohttp", "`await sns.list_topics()`")
def _await_list_topics(_recorder: Recorder, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("aws")
    from tests.otel_instrumentors.test_aiobotocore import TestAiobotocoreContract

    TestAiobotocoreContract.use()


@call("elasticsearch + urllib3 + httplib", "`client.info()`")
def _info(_recorder: Recorder, request: pytest.FixtureRequest, **more: Any) -> None:
    from elasticsearch import Elasticsearch

    assert Elasticsearch(request.getfixturevalue("elasticsearch_server"), **more).info()["version"]


@call("elasticsearch + requests + urllib3 + httplib", 'the same, with `node_class="requests"`')
def _info_by_requests(recorder: Recorder, request: pytest.FixtureRequest) -> None:
    _info(recorder, request, node_class="requests")


@call("elasticsearch + aiohttp", "`await client.info()`")
def _info_awaited(_recorder: Recorder, request: pytest.FixtureRequest) -> None:
    from elasticsearch import AsyncElasticsearch

    async def ask() -> None:
        async with AsyncElasticsearch(request.getfixturevalue("elasticsearch_server")) as client:
            assert (await client.info())["version"]

    asyncio.run(ask())


@call("opensearch + requests + urllib3 + httplib", "`client.info()`, with `connection_class=RequestsHttpConnection`")
def _info_of_opensearch(_recorder: Recorder, request: pytest.FixtureRequest) -> None:
    from opensearchpy import OpenSearch, RequestsHttpConnection

    url = request.getfixturevalue("opensearch_server")
    assert OpenSearch(url, connection_class=RequestsHttpConnection).info()["version"]


@call("opensearch + urllib3 + httplib", "`client.info()`")
def _info_of_opensearch_by_urllib3(_recorder: Recorder, request: pytest.FixtureRequest) -> None:
    from opensearchpy import OpenSearch

    assert OpenSearch(request.getfixturevalue("opensearch_server")).info()["version"]


@contextmanager
def flask_site() -> Iterator[Any]:
    import flask
    import jinja2

    app = flask.Flask("shop")
    app.jinja_loader = jinja2.DictLoader({"page.html": "tea"})
    app.add_url_rule("/", view_func=lambda: flask.render_template("page.html"), endpoint="page")
    with app.test_client() as browser:
        yield lambda: browser.get("/").get_data()


@call("flask + jinja2", "a page, its template for the first time")
def _page(_recorder: Recorder, _request: pytest.FixtureRequest) -> None:
    with flask_site() as ask:
        assert ask() == b"tea"


@call("flask + jinja2", "the page again")
def _page_again(recorder: Recorder, _request: pytest.FixtureRequest) -> None:
    with flask_site() as ask:
        ask()
        recorder.take()
        assert ask() == b"tea"


def bottle_page(template: Callable[[Any], Any]) -> None:
    """A page that `template` makes: the function of the `bottle` module that it is given."""
    import bottle

    app = bottle.Bottle()
    app.route("/")(lambda: template(bottle))
    assert asked(app, "/") == ("200 OK", b"hello you")
    bottle.TEMPLATES.clear()


@call("bottle + jinja2", "a page made by `jinja2_template`")
def _bottle_with_jinja2(_recorder: Recorder, _request: pytest.FixtureRequest) -> None:
    bottle_page(lambda bottle: bottle.jinja2_template("hello {{name}}", name="you"))


@call("bottle + mako", "a page made by `mako_template`")
def _bottle_with_mako(_recorder: Recorder, _request: pytest.FixtureRequest) -> None:
    bottle_page(lambda bottle: bottle.mako_template("hello ${name}", name="you"))


def falcon_page(template: Any) -> None:
    """A page made from a template, as Falcon's users do it: Falcon itself has none."""
    from tests.otel_instrumentors.test_falcon import application

    class Page:
        def on_get(self, _request: Any, response: Any) -> None:
            response.data = template.render(name="you").encode()

    app = application()
    app.add_route("/", Page())
    assert asked(app, "/") == ("200 OK", b"hello you")


def pyramid_page(template: Any) -> None:
    """A page made by a renderer, as the packages of either engine for Pyramid add one."""
    from pyramid.config import Configurator

    config = Configurator()
    config.add_renderer(".html", lambda _info: lambda value, _system: template.render(**value))
    config.add_route("page", "/")
    config.add_view(lambda _request: {"name": "you"}, route_name="page", renderer="page.html")
    assert asked(config.make_wsgi_app(), "/") == ("200 OK", b"hello you")


def jinja2_template() -> Any:
    import jinja2

    return jinja2.Environment(loader=jinja2.DictLoader({"page.html": "hello {{name}}"})).get_template("page.html")


def mako_template() -> Any:
    from mako.template import Template

    return Template("hello ${name}", uri="page.html")


PAGES = {"falcon": falcon_page, "pyramid": pyramid_page}
TEMPLATES = {"jinja2": jinja2_template, "mako": mako_template}


def page_from_template(framework: str, engine: str, what: str) -> None:
    @call(f"{framework} + {engine}", what)
    def of(recorder: Recorder, _request: pytest.FixtureRequest) -> None:
        template = TEMPLATES[engine]()
        recorder.take()
        PAGES[framework](template)


for engine in TEMPLATES:
    page_from_template("falcon", engine, "a page made from a template")
    page_from_template("pyramid", engine, "a page that a renderer makes from a template")


@call("flask_cache + redis", '`cache.get("tea")`, kept in Redis')
def _cached_value(recorder: Recorder, request: pytest.FixtureRequest) -> None:
    from tests.otel_instrumentors.test_flask_cache import made

    host, _, port = request.getfixturevalue("redis_server").partition("://")[2].partition(":")
    app, cache = made("RedisCache", CACHE_REDIS_HOST=host, CACHE_REDIS_PORT=int(port))
    recorder.take()
    with app.app_context():
        cache.get("tea")
        cache.cache._write_client.close()


@contextmanager
def django_site(path: str, view: Any) -> Iterator[Any]:
    """Django's, with one page; asks for it."""
    site = import_module("tests.otel_instrumentors.django_site")
    from django.test import override_settings
    from django.urls import path as at

    view.__module__ = "shop"
    with override_settings(ROOT_URLCONF=(at(path, getattr(view, "as_view", lambda: view)()),)):
        yield lambda: site.ask(f"/{path}").body


@call("django + sqlite3", "a page with a statement")
def _statement(recorder: Recorder, _request: pytest.FixtureRequest) -> None:
    def statement(_request: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 7")
            return HttpResponse(str(cursor.fetchone()[0]))

    with django_site("statement/", statement) as ask:
        from django.db import connection
        from django.http import HttpResponse

        # One that is made now: of older ones sqlite3's statements are not seen.
        connection.connect()
        recorder.take()
        assert ask() == b"7"


@call("django + sqlite3", "the same with `DD_DJANGO_INSTRUMENT_DATABASES=true`")
def _statement_with_switch(recorder: Recorder, request: pytest.FixtureRequest) -> None:
    monkeypatch = request.getfixturevalue("monkeypatch")
    django = instrumentor("django")()
    django.uninstrument()
    monkeypatch.setenv(f"{PREFIX}DJANGO_DATABASES", "true")
    django.instrument(tracer_provider=recorder.provider, skip_dep_check=True)
    _statement(recorder, request)


@call("django + djangorestframework", "a page of the API")
def _api(_recorder: Recorder, _request: pytest.FixtureRequest) -> None:
    import_module("tests.otel_instrumentors.django_site")
    from rest_framework.response import Response
    from rest_framework.views import APIView

    class Api(APIView):
        def get(self, _request: Any) -> Response:
            return Response({"tea": 7})

    with django_site("api/", Api) as ask:
        assert ask() == b'{"tea":7}'


@call("sqlalchemy + sqlite3", '`connection.execute(text("SELECT 1"))`')
@call("sqlalchemy", '`connection.execute(text("SELECT 1"))`')
def _select(recorder: Recorder, _request: pytest.FixtureRequest, url: str = "sqlite://") -> None:
    import sqlalchemy

    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        # What the pool says to a connection that it makes, and to one that it takes back.
        recorder.take()
        assert connection.execute(sqlalchemy.text("SELECT 1")).scalar() == 1
        spans = recorder.take()
    engine.dispose()
    recorder.take()
    recorder.exporter.export(spans)


def await_select(recorder: Recorder, url: str, driver: str) -> None:
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine

    async def select() -> None:
        engine = create_async_engine(url.replace("://", f"+{driver}://"))
        async with engine.connect() as connection:
            recorder.take()
            assert (await connection.execute(text("SELECT 1"))).scalar() == 1
            spans = recorder.take()
        await engine.dispose()
        recorder.take()
        recorder.exporter.export(spans)

    asyncio.run(select())


@call("sqlalchemy + asyncpg", '`await connection.execute(text("SELECT 1"))`, in its transaction')
def _await_select_by_asyncpg(recorder: Recorder, request: pytest.FixtureRequest) -> None:
    await_select(recorder, request.getfixturevalue("postgresql"), "asyncpg")


@call("sqlalchemy + aiomysql", '`await connection.execute(text("SELECT 1"))`')
def _await_select_by_aiomysql(recorder: Recorder, request: pytest.FixtureRequest) -> None:
    await_select(recorder, request.getfixturevalue("mariadb"), "aiomysql")


@call("sqlalchemy + asyncmy", '`await connection.execute(text("SELECT 1"))`')
def _await_select_by_asyncmy(recorder: Recorder, request: pytest.FixtureRequest) -> None:
    await_select(recorder, request.getfixturevalue("mariadb"), "asyncmy")


@call("sqlalchemy + pymysql", '`connection.execute(text("SELECT 1"))`, with `mysql+pymysql`')
def _select_by_pymysql(recorder: Recorder, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("mariadb")
    _select(recorder, request, url.replace("mysql:", "mysql+pymysql:"))


@call("mongoengine + pymongo", '`Tea.objects.get(name="green")`')
def _get_document(recorder: Recorder, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("mongodb_server")
    from tests.otel_instrumentors.test_mongoengine import connected

    with connected("pairs", "pairs") as tea:
        tea.objects.delete()
        tea(name="green").save()
        recorder.take()
        assert tea.objects.get(name="green").name == "green"
        spans = recorder.take()
    recorder.take()
    for span in spans:
        recorder.exporter.export([span])


@call("aiopg + psycopg", '`await cursor.execute("SELECT 1")`')
def _await_select(_recorder: Recorder, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("postgresql")
    import asyncio

    from tests.otel_instrumentors.test_aiopg import cursor

    async def select() -> None:
        async with cursor() as made:
            await made.execute("SELECT 1")

    asyncio.run(select())


@call(
    "confluent_kafka",
    '`producer.produce("tea", value="green")` of a `SerializingProducer`, and `consumer.poll()` of a '
    "`DeserializingConsumer`",
)
def _produce_and_poll(_recorder: Recorder, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("kafka_server")
    from tests.otel_instrumentors.test_confluent_kafka import deserializing, polled, sent, serializing

    receiver = deserializing()
    assert polled(receiver, sent(serializing(), "tea", value="green")).value() == "green"
    receiver.close()


@call("kafka", '`producer.send("tea", b"green")` and `next(consumer)`, which polls')
def _send_and_next(_recorder: Recorder, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("kafka_server")
    from tests.otel_instrumentors.test_kafka import at, consumer, producer, sent

    sender, receiver = producer(), consumer()
    assert next(at(receiver, sent(sender, "tea", b"green"))).value == b"green"
    sender.close()
    receiver.close()


@call("aiokafka", '`await producer.send_and_wait("tea", b"green")` and `async for record in consumer`')
def _send_and_iterate(_recorder: Recorder, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("kafka_server")
    from tests.otel_instrumentors.test_aiokafka import consumer, producer, run

    async def main() -> None:
        async with producer() as sender:
            metadata = await sender.send_and_wait("tea", b"green")
        async with consumer(at=metadata) as receiver:
            async for record in receiver:
                assert record.value == b"green"
                break

    run(main)


@call("celery + kombu", "`add.delay(1, 2)`")
@call("celery + kombu + pika", "`add.delay(1, 2)`")
def _delay(_recorder: Recorder, _request: pytest.FixtureRequest) -> None:
    from tests.otel_instrumentors.test_celery import task, thrown_away

    task("add").delay(1, 2)
    thrown_away()


@call("pika", '`channel.basic_publish("", "pairs", b"tea")`')
def _publish(_recorder: Recorder, request: pytest.FixtureRequest) -> None:
    from tests.otel_instrumentors.test_pika import blocking

    # By a channel above another one.
    with blocking(request.getfixturevalue("rabbitmq")) as channel:
        channel.basic_publish("", "pairs", b"tea")


@call("rq + redis", "`queue.enqueue(print)`")
def _enqueue(recorder: Recorder, request: pytest.FixtureRequest) -> None:
    from tests.otel_instrumentors.test_rq import queue_of

    queue = queue_of(request.getfixturevalue("redis_server"))
    # What is asked of a server once.
    queue.enqueue(print)
    recorder.take()
    queue.enqueue(print)
    queue.connection.close()


@call("aio_pika + pika", '`await exchange.publish(message, "pairs")`')
def _await_publish(_recorder: Recorder, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("rabbitmq")
    from tests.otel_instrumentors.test_aio_pika import message, run

    run(lambda channel: channel.default_exchange.publish(message(), "pairs"))


def send_to_actor(broker: Any, recorder: Recorder) -> None:
    from tests.otel_instrumentors.test_dramatiq import actor_of, brew, closed

    actor = actor_of(broker, brew)
    # What is asked of a server once.
    actor.send()
    recorder.take()
    actor.send()
    spans = recorder.take()
    closed(broker)
    recorder.take()
    recorder.exporter.export(spans)


@call("dramatiq + pika", "`actor.send()`, over RabbitMQ")
def _send_over_rabbitmq(recorder: Recorder, request: pytest.FixtureRequest) -> None:
    from tests.otel_instrumentors.test_dramatiq import rabbitmq_broker

    send_to_actor(rabbitmq_broker(request.getfixturevalue("rabbitmq")), recorder)


@call("dramatiq + redis", "`actor.send()`, over Redis")
def _send_over_redis(recorder: Recorder, request: pytest.FixtureRequest) -> None:
    from tests.otel_instrumentors.test_dramatiq import redis_broker

    send_to_actor(redis_broker(request.getfixturevalue("redis_server")), recorder)
