"""A request that fails with an exception that cannot be made text: the answer stays, and the span says what it can."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from otel_dd_distro.tracing import TracerProvider as LightTracerProvider
from otel_instrumentors.aiohttp import AiohttpInstrumentor
from otel_instrumentors.bottle import BottleInstrumentor
from otel_instrumentors.django import DjangoInstrumentor
from otel_instrumentors.djangorestframework import DjangorestframeworkInstrumentor
from otel_instrumentors.falcon import FalconInstrumentor
from otel_instrumentors.fastapi import FastapiInstrumentor
from otel_instrumentors.flask import FlaskInstrumentor
from otel_instrumentors.pyramid import PyramidInstrumentor
from otel_instrumentors.starlette import StarletteInstrumentor
from otel_instrumentors.tornado import TornadoInstrumentor
from tests.otel_instrumentors.contract import Recorder, instrumented, said_by_us
from tests.otel_instrumentors.families import asgi_server, wsgi_server


class Odd(Exception):
    def __str__(self) -> str:
        raise AttributeError("detail")


def fail(*_args: Any, **_parameters: Any) -> Any:
    raise Odd


async def fail_awaited(*_args: Any, **_parameters: Any) -> Any:
    raise Odd


def aiohttp() -> Any:
    from aiohttp import web

    from tests.otel_instrumentors.test_aiohttp import ask

    app = web.Application()
    app.router.add_get("/", fail_awaited)
    return asyncio.run(ask("/", app=app))


def bottle() -> Any:
    from bottle import Bottle

    app = Bottle()
    app.route("/")(fail)
    return wsgi_server.asked(app, "/")


def django() -> Any:
    from django.test import override_settings
    from django.urls import path

    from tests.otel_instrumentors.django_site import ask

    with override_settings(ROOT_URLCONF=(path("", fail),)):
        return ask("/").status


def rest() -> Any:
    from django.test import override_settings
    from django.urls import path

    from tests.otel_instrumentors.django_site import ask
    from tests.otel_instrumentors.rest_site import APIView

    page = type("Page", (APIView,), {"get": fail})
    with override_settings(ROOT_URLCONF=(path("", page.as_view()),)):
        return ask("/").status


def falcon() -> Any:
    from falcon import App

    app = App()
    app.add_route("/", type("Page", (), {"on_get": fail})())
    return wsgi_server.asked(app, "/")


def falcon_asgi() -> Any:
    from falcon.asgi import App

    app = App()
    app.add_route("/", type("Page", (), {"on_get": fail_awaited})())
    client = asgi_server.asked(app, "/")
    return client.status, client.body


def fastapi() -> Any:
    from fastapi import FastAPI

    app = FastAPI()
    app.get("/")(lambda: fail())
    return asgi_server.asked(app, "/")


def flask() -> Any:
    from flask import Flask

    app = Flask("odd")
    app.route("/")(fail)
    with app.test_client() as client:
        response = client.get("/")
        return response.status_code, response.get_data()


def pyramid() -> Any:
    from pyramid.config import Configurator

    with Configurator() as config:
        config.add_route("page", "/")
        config.add_view(fail, route_name="page")
        app = config.make_wsgi_app()
    return wsgi_server.asked(app, "/")


def starlette() -> Any:
    from starlette.applications import Starlette
    from starlette.routing import Route

    return asgi_server.asked(Starlette(routes=[Route("/", fail_awaited)]), "/")


def tornado() -> Any:
    from tornado import web

    from tests.otel_instrumentors.test_tornado import asked

    return asked("/", app=web.Application([("/", type("Page", (web.RequestHandler,), {"get": fail}))]))


FRAMEWORKS: dict[str, tuple[Callable[[], Any], tuple[Any, ...]]] = {
    "aiohttp": (aiohttp, (AiohttpInstrumentor,)),
    "bottle": (bottle, (BottleInstrumentor,)),
    "django": (django, (DjangoInstrumentor,)),
    "djangorestframework": (rest, (DjangoInstrumentor, DjangorestframeworkInstrumentor)),
    "falcon": (falcon, (FalconInstrumentor,)),
    "falcon.asgi": (falcon_asgi, (FalconInstrumentor,)),
    "fastapi": (fastapi, (FastapiInstrumentor,)),
    "flask": (flask, (FlaskInstrumentor,)),
    "pyramid": (pyramid, (PyramidInstrumentor,)),
    "starlette": (starlette, (StarletteInstrumentor,)),
    "tornado": (tornado, (TornadoInstrumentor,)),
}


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the frameworks log of the exception is theirs."""
    for name in ("aiohttp.server", "django.request", "falcon", "odd", "tornado.application", "tornado.access"):
        monkeypatch.setattr(logging.getLogger(name), "disabled", True)


def outcome(ask: Callable[[], Any]) -> Any:
    """The answer, or the type of the exception that reaches the server."""
    try:
        return ask()
    except Exception as error:  # noqa: BLE001
        return type(error)


@pytest.mark.parametrize("tracer", ["light", "the SDK's"])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_request_fails_as_ever_and_its_span_with_it(
    framework: str, tracer: str, caplog: pytest.LogCaptureFixture
) -> None:
    ask, instrumentors = FRAMEWORKS[framework]
    untraced = outcome(ask)

    recorder = Recorder()
    if tracer == "light":
        recorder.provider = LightTracerProvider(shutdown_on_exit=False)
        recorder.exporter = InMemorySpanExporter()
        recorder.provider.add_span_processor(SimpleSpanProcessor(recorder.exporter))
    with ExitStack() as stack:
        for instrumentor in instrumentors:
            stack.enter_context(instrumented(instrumentor, recorder.provider))
        assert outcome(ask) == untraced

    (span,) = [span for span in recorder.take() if span.kind is SpanKind.SERVER]
    attributes = dict(span.attributes or {})
    assert attributes["error.type"] == f"{__name__}.Odd"
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "Odd: <Odd that cannot be made text>"
    if tracer == "light":
        (event,) = span.events
        told = dict(event.attributes or {})
        assert told["exception.message"] == "<Odd that cannot be made text>"
        assert "raise Odd" in str(told["exception.stacktrace"])
        assert said_by_us(caplog) == []
