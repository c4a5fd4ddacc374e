"""A request that is traced leaves nothing to the garbage collector: what it held is freed when it is over."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from otel_dd_distro.tracing import TracerProvider
from otel_instrumentors.aiohttp import AiohttpInstrumentor
from otel_instrumentors.django import DjangoInstrumentor
from otel_instrumentors.flask import FlaskInstrumentor
from otel_instrumentors.kernel import recording
from otel_instrumentors.kernel.instrumentor import Instrumentor
from otel_instrumentors.tornado import TornadoInstrumentor
from tests.otel_instrumentors.contract import instrumented

REQUESTS = 20


@pytest.fixture
def recordings(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Every recording that is made, as long as somebody holds it; the collector is off."""
    made: list[Any] = []
    begin = recording.Recording.__init__

    def noted(self: Any, *args: Any, **kwargs: Any) -> None:
        begin(self, *args, **kwargs)
        made.append(weakref.ref(self))

    monkeypatch.setattr(recording.Recording, "__init__", noted)
    gc.collect()
    gc.disable()
    yield made
    gc.enable()


def flask() -> None:
    from flask import Flask

    app = Flask("shop")
    app.add_url_rule("/", view_func=lambda: "tea")
    for _ in range(REQUESTS):
        app.test_client().get("/").close()


def django() -> None:
    from django.core.cache import caches

    from tests.otel_instrumentors.django_site import ask

    # At a request's end Django asks whether a cache was used. The "no" is an exception in a context manager, of which
    # Python 3.10 leaves a circle that holds all frames, ours or not.
    _ = caches["default"]
    for _ in range(REQUESTS):
        ask("/items/1/")


def aiohttp() -> None:
    from aiohttp import ClientSession, web

    async def tea(_request: Any) -> Any:
        return web.Response(text="tea")

    async def main() -> None:
        app = web.Application()
        app.router.add_get("/", tea)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        async with ClientSession() as session:
            for _ in range(REQUESTS):
                async with session.get(f"http://127.0.0.1:{runner.addresses[0][1]}/") as answer:
                    await answer.read()
        await runner.cleanup()

    asyncio.run(main())


def tornado() -> None:
    from tornado.httpclient import AsyncHTTPClient
    from tornado.httpserver import HTTPServer
    from tornado.testing import bind_unused_port
    from tornado.web import Application, RequestHandler

    class Tea(RequestHandler):
        def get(self) -> None:
            self.write("tea")

    async def main() -> None:
        listener, port = bind_unused_port()
        server = HTTPServer(Application([("/", Tea)]))
        server.add_socket(listener)
        client = AsyncHTTPClient(force_instance=True)
        for _ in range(REQUESTS):
            await client.fetch(f"http://127.0.0.1:{port}/")
        client.close()
        server.stop()
        await server.close_all_connections()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("serve", "instrumentor"),
    [
        (flask, FlaskInstrumentor),
        (django, DjangoInstrumentor),
        (aiohttp, AiohttpInstrumentor),
        (tornado, TornadoInstrumentor),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_a_request_held_is_freed_without_the_collector(
    serve: Callable[[], None], instrumentor: type[Instrumentor], recordings: list[Any]
) -> None:
    with instrumented(instrumentor, TracerProvider(shutdown_on_exit=False)):
        serve()
    assert len(recordings) >= REQUESTS
    # The last one may still be in a frame or a variable of the library's.
    assert sum(reference() is not None for reference in recordings) <= 2
