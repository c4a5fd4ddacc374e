"""FastAPI, called as ASGI servers call it."""

# Without annotations from the future: FastAPI reads those of functions whose names are local.
import asyncio
import functools
import importlib.util
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import SpanKind

from otel_instrumentors.fastapi import FastapiInstrumentor
from otel_instrumentors.kernel import versions
from otel_instrumentors.starlette import StarletteInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented
from tests.otel_instrumentors.families import asgi_server


def application(tracer: trace.Tracer | None = None, **options: Any) -> Any:
    from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, HTTPException, Request

    def step(name: str) -> None:
        (tracer or trace.get_tracer("app")).start_span(name).end()

    app, mounted, router, inner = FastAPI(**options), FastAPI(), APIRouter(), APIRouter()

    @app.get("/item/{number}")
    async def item(number: int) -> dict[str, int]:
        return {"number": number}

    async def dependency() -> None:
        step("dependency")

    def dependency_in_a_thread() -> None:
        step("dependency in a thread")

    @app.get("/steps", dependencies=[Depends(dependency), Depends(dependency_in_a_thread)])
    def steps(tasks: BackgroundTasks) -> str:
        step("endpoint in a thread")
        tasks.add_task(step, "background")
        return "ok"

    @app.get("/broke/{how}")
    async def broke(how: str) -> None:
        if how.isdecimal():
            raise HTTPException(int(how), "told")
        raise ValueError("it failed")

    @mounted.get("/item/{number}")
    async def mounted_item(number: int) -> dict[str, int]:
        return {"number": number}

    @mounted.post("/item/{number}")
    async def body(number: int, request: Request) -> int:
        return number + len(await request.body())

    @inner.get("/item/{number}")
    async def inner_item(number: int) -> dict[str, int]:
        return {"number": number}

    router.include_router(inner, prefix="/inner")
    app.include_router(router, prefix="/shops/{shop}")
    mounted.include_router(inner, prefix="/inner")
    app.mount("/mounted", mounted)
    return app


def ask(path: str, app: Any = None, **options: Any) -> tuple[int, bytes]:
    client = asgi_server.asked(app or application(), path, **options)
    return client.status, client.body


_kept = functools.cache(application)


class TestFastapiContract(Contract):
    instrumentor = FastapiInstrumentor

    @staticmethod
    def use() -> Any:
        # Of an application that is made once: Pydantic keeps what it makes of each.
        return ask("/mounted/item/3", _kept(), method="POST")


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(FastapiInstrumentor, recorder.provider):
        yield recorder


def requested(recorder: Recorder, path: str, **options: Any) -> Any:
    ask(path, **options)
    (span,) = recorder.take()
    return span


def test_a_request_is_a_server_span_named_by_its_route(recorder: Recorder) -> None:
    span = requested(recorder, "/item/3")

    assert (span.name, span.kind) == ("GET /item/{number}", SpanKind.SERVER)
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "url.path": "/item/3",
        "server.address": "shop.example",
        "server.port": 8080,
        "client.address": "127.0.0.1",
        "user_agent.original": "test",
        "network.protocol.version": "1.1",
        "asgi.version": "3.0",
        "asgi.spec_version": "2.3",
        "http.route": "/item/{number}",
        "http.response.status_code": 200,
    }


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/shops/7/inner/item/3", "/shops/{shop}/inner/item/{number}"),
        ("/mounted/item/3", "/mounted/item/{number}"),
        ("/mounted/inner/item/3", "/mounted/inner/item/{number}"),
        ("/openapi.json", "/openapi.json"),
    ],
)
@pytest.mark.parametrize("both", [False, True], ids=["alone", "with starlette"])
def test_what_includes_and_mounts_a_route_is_part_of_it(path: str, route: str, both: bool) -> None:
    recorder = Recorder()
    with instrumented(FastapiInstrumentor, recorder.provider):
        if both:
            with instrumented(StarletteInstrumentor, recorder.provider):
                span = requested(recorder, path)
        else:
            span = requested(recorder, path)

    assert (span.name, span.attributes["http.route"]) == (f"GET {route}", route)
    assert span.instrumentation_scope.name == "otel_instrumentors.fastapi"


def test_what_the_framework_refuses_keeps_its_route_and_is_no_error(recorder: Recorder) -> None:
    span = requested(recorder, "/item/three")

    assert (span.name, span.attributes["http.response.status_code"]) == ("GET /item/{number}", 422)
    assert span.status.is_unset


@pytest.mark.parametrize(("how", "error"), [("404", None), ("503", "HTTPException")])
def test_an_http_exception_is_an_error_from_500_on(recorder: Recorder, how: str, error: str | None) -> None:
    span = requested(recorder, f"/broke/{how}")

    assert (span.name, span.attributes["http.response.status_code"]) == ("GET /broke/{how}", int(how))
    assert span.attributes.get("error.type", "").rpartition(".")[2] == (error or "")
    assert span.status.is_unset is (error is None)


def test_an_exception_that_nobody_handles_is_on_the_span_once(recorder: Recorder) -> None:
    async def asked() -> int:
        client = asgi_server.Client()
        with pytest.raises(ValueError, match="it failed"):
            await client.request(application(), asgi_server.http_scope("/broke/boom"))
        return client.status

    assert asyncio.run(asked()) == 500
    (span,) = recorder.take()
    assert (span.name, span.attributes["error.type"]) == ("GET /broke/{how}", "ValueError")
    assert span.attributes["http.response.status_code"] == 500
    assert len(span.events) == 1


def test_dependencies_endpoints_in_threads_and_background_tasks_have_the_request_as_parent(recorder: Recorder) -> None:
    assert ask("/steps", application(recorder.provider.get_tracer("app")))[0] == 200

    spans = recorder.take()
    (request,) = [span for span in spans if span.kind is SpanKind.SERVER]
    own = [span for span in spans if span is not request]
    assert {span.name for span in own} == {
        "dependency",
        "dependency in a thread",
        "endpoint in a thread",
        "background",
    }
    assert {span.parent.span_id for span in own if span.parent} == {request.context.span_id}
    assert all(span.parent for span in own)


def test_what_a_dependency_does_after_the_response_is_below_the_request_and_makes_it_no_failure(
    recorder: Recorder,
) -> None:
    from fastapi import Depends, FastAPI

    app, tracer = FastAPI(), recorder.provider.get_tracer("app")

    async def opened() -> AsyncIterator[None]:
        tracer.start_span("opened").end()
        yield
        tracer.start_span("closed").end()
        raise OSError("not closed")

    @app.get("/tea", dependencies=[Depends(opened)])
    async def tea() -> str:
        return "green"

    async def asked() -> asgi_server.Client:
        client = asgi_server.Client()
        with pytest.raises(OSError, match="not closed"):
            await client.request(app, asgi_server.http_scope("/tea"))
        return client

    client = asyncio.run(asked())
    assert (client.status, client.body) == (200, b'"green"')
    spans = {span.name: span for span in recorder.take()}
    request = spans.pop("GET /tea")
    assert (request.status.is_unset, request.attributes["http.response.status_code"]) == (True, 200)
    assert {name: span.parent.span_id for name, span in spans.items()} == dict.fromkeys(
        ("opened", "closed"), request.context.span_id
    )


def test_an_application_that_is_left_out_is_not_left_to_starlette() -> None:
    recorder, app, other = Recorder(), application(), application()
    with (
        instrumented(StarletteInstrumentor, recorder.provider),
        instrumented(FastapiInstrumentor, recorder.provider),
    ):
        FastapiInstrumentor.uninstrument_app(app)
        assert ask("/item/1", app)[0] == 200
        assert recorder.take() == []
        assert ask("/item/1", other)[0] == 200
        assert [span.name for span in recorder.take()] == ["GET /item/{number}"]


# The oldest FastAPI wants a Starlette that is older than those that are instrumented.
if versions.conflict("starlette") is None:

    def test_a_client_that_leaves_a_stream_ends_its_span_once_and_is_no_error(recorder: Recorder) -> None:
        from fastapi import FastAPI
        from fastapi.responses import StreamingResponse

        app, tracer = FastAPI(), recorder.provider.get_tracer("app")

        async def cups() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"cup"
                    await asyncio.sleep(0.001)
            finally:
                tracer.start_span("put away").end()

        @app.get("/cups")
        async def stream() -> StreamingResponse:
            return StreamingResponse(cups())

        assert asgi_server.asked(app, "/cups", leaves_after=3).status == 200
        away, request = recorder.take()
        assert (away.name, away.parent.span_id) == ("put away", request.context.span_id)
        assert (request.name, request.status.is_unset) == ("GET /cups", True)
        assert request.attributes["http.response.status_code"] == 200

    def test_the_prefix_that_a_proxy_serves_an_application_below_is_no_part_of_its_routes(recorder: Recorder) -> None:
        app = application()
        for path, route in (
            ("/gateway/item/3", "/item/{number}"),
            ("/gateway/mounted/item/3", "/mounted/item/{number}"),
        ):
            scope = {**asgi_server.http_scope(path), "root_path": "/gateway"}
            asyncio.run(asgi_server.Client().request(app, scope))
            (span,) = recorder.take()
            assert (span.name, span.attributes["url.path"]) == (f"GET {route}", path)
            assert span.attributes["http.response.status_code"] == 200

    def test_what_is_mounted_in_an_application_that_is_left_out_is_traced() -> None:
        from starlette.applications import Starlette
        from starlette.responses import PlainTextResponse
        from starlette.routing import Route

        async def item(_request: Any) -> PlainTextResponse:
            return PlainTextResponse("item")

        recorder, app = Recorder(), application()
        app.mount("/below", Starlette(routes=[Route("/item/{number:int}", item)]))
        with (
            instrumented(StarletteInstrumentor, recorder.provider),
            instrumented(FastapiInstrumentor, recorder.provider),
        ):
            FastapiInstrumentor.uninstrument_app(app)
            assert ask("/below/item/1", app)[0] == 200
        (span,) = recorder.take()
        assert span.instrumentation_scope is not None
        assert (span.instrumentation_scope.name, span.name) == (
            "otel_instrumentors.starlette",
            "GET /item/{number:int}",
        )


def test_an_application_made_before_instrumenting_is_traced() -> None:
    app = application()
    assert ask("/item/1", app)[0] == 200
    recorder = Recorder()
    with instrumented(FastapiInstrumentor, recorder.provider):
        assert ask("/item/1", app)[0] == 200
    assert [span.name for span in recorder.take()] == ["GET /item/{number}"]


if importlib.util.find_spec("fastapi.telemetry") is not None:

    def test_without_our_instrumentor_of_fastapi_the_span_is_starlettes_and_there_is_none_of_fastapis_own(
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        recorder = Recorder()
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", recorder.provider)
        with instrumented(StarletteInstrumentor, recorder.provider):
            assert ask("/item/1", application(telemetry={"meter_provider": MeterProvider()}))[0] == 200
        (span,) = recorder.take()
        assert span.instrumentation_scope is not None
        assert span.instrumentation_scope.name == "otel_instrumentors.starlette"
        assert span.name == "GET /item/{number}"

    def test_its_own_telemetry_makes_no_second_span_and_keeps_its_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
        recorder, reader = Recorder(), InMemoryMetricReader()
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", recorder.provider)
        app = application(telemetry={"meter_provider": MeterProvider([reader])})
        for _ in range(2):
            assert ask("/item/1", app)[0] == 200
        assert {span.instrumentation_scope.name for span in recorder.take() if span.instrumentation_scope} == {
            "fastapi"
        }

        with instrumented(FastapiInstrumentor, recorder.provider):
            for _ in range(2):
                assert ask("/item/1", app)[0] == 200
        spans = recorder.take()
        assert [span.name for span in spans] == ["GET /item/{number}"] * 2
        assert {span.instrumentation_scope.name for span in spans if span.instrumentation_scope} == {
            "otel_instrumentors.fastapi"
        }
        assert counted(reader) == 4

    def test_its_own_telemetry_with_a_provider_of_its_own_is_left_alone(recorder: Recorder) -> None:
        theirs = Recorder()

        ask("/item/1", application(telemetry={"tracer_provider": theirs.provider, "operation_spans": False}))

        # FastAPI begins a context of its own for its span: ours does not learn the route.
        assert [span.name for span in recorder.take()] == ["GET"]
        assert [span.name for span in theirs.take()] == ["GET /item/{number}"]

    def counted(reader: InMemoryMetricReader) -> int:
        """The requests that FastAPI has measured."""
        data = reader.get_metrics_data()
        return sum(
            point.count
            for resource in (data.resource_metrics if data is not None else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == "http.server.request.duration"
            for point in metric.data.data_points
        )


def test_an_application_has_headers_of_its_own_that_become_attributes() -> None:
    recorder, app = Recorder(), application()
    FastapiInstrumentor.instrument_app(
        app,
        tracer_provider=recorder.provider,
        http_capture_headers_server_request=["x-cup"],
        http_capture_headers_server_response=["content-.*"],
        http_capture_headers_sanitize_fields=["cup"],
        exclude_spans=["receive", "send"],
    )
    try:
        ask("/item/3", app, **{"x-cup": "big", "x-other": "1"})
    finally:
        FastapiInstrumentor.uninstrument_app(app)
    (span,) = recorder.take()
    captured = {key: value for key, value in span.attributes.items() if ".header." in key}
    assert captured["http.request.header.x-cup"] == ("[REDACTED]",)
    assert "http.response.header.content-length" in captured
    assert "http.request.header.x-other" not in captured


def test_who_instruments_before_the_import_is_not_told_of_a_module_that_older_releases_had() -> None:
    code = "from otel_instrumentors.fastapi import FastapiInstrumentor as F; F().instrument(); import fastapi"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
