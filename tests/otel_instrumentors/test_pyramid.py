"""Pyramid, called as a WSGI server calls it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from otel_instrumentors.pyramid import PyramidInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented
from tests.otel_instrumentors.families.wsgi_server import asked, environment

SINCE_1_9 = tuple(int(part) for part in version("pyramid").split(".")[:2]) >= (1, 9)

DOORKEEPER = "tests.otel_instrumentors.test_pyramid.doorkeeper"
"""Pyramid imports tweens by their names."""


class SoldOut(Exception):
    pass


class Broken(Exception):
    pass


class Root:
    """What traversal begins with."""

    def __init__(self, request: Any = None) -> None:
        pass

    def __getitem__(self, name: str) -> Any:
        return {"box": Box()}[name]


class Box:
    pass


def item(request: Any) -> Any:
    from pyramid.response import Response

    return Response(f"item {request.matchdict['number']}")


def stream(request: Any) -> Any:
    from pyramid.response import Response

    def parts() -> Iterator[bytes]:
        for part in (b"a", b"b", b"c"):
            trace.get_tracer("app").start_span(f"part {part.decode()}").end()
            yield part

    return Response(app_iter=parts())


def broke(request: Any) -> Any:
    from pyramid import httpexceptions

    how, _, status = request.matchdict["how"].partition("-")
    errors = {"boom": ValueError("the view failed"), "sold_out": SoldOut("none left"), "broken": Broken("no pot")}
    if how in errors:
        raise errors[how]
    if how == "stumbled":
        raise KeyError("keys")
    answer = httpexceptions.status_map[int(status)]("told")
    if how == "raised":
        raise answer
    return answer


def sub(request: Any) -> Any:
    from pyramid.request import Request

    answer = request.invoke_subrequest(Request.blank("/item/7"), use_tweens=request.matchdict["how"] == "tweens")
    assert answer.text == "item 7"
    return answer


def sold_out(error: Any, request: Any) -> Any:
    from pyramid.response import Response

    return Response("sold out", status=410)


def broken(error: Any, request: Any) -> Any:
    from pyramid.response import Response

    return Response("broken", status=502)


def box(context: Any, request: Any) -> Any:
    from pyramid.response import Response

    if request.view_name == "broken":
        raise ValueError("the box is broken")
    return Response(request.view_name or "box")


def doorkeeper(handler: Callable[[Any], Any], registry: Any) -> Callable[[Any], Any]:
    """A tween of the application's own."""
    from pyramid.response import Response

    def tween(request: Any) -> Any:
        if request.path == "/closed":
            return Response("closed", status=401)
        try:
            return handler(request)
        except KeyError:
            return Response("stumbled", status=503)

    return tween


def includeme(config: Any) -> None:
    config.add_route("item", "/item/{number}")
    config.add_view(item, route_name="item")


def application() -> Any:
    from pyramid.config import Configurator
    from pyramid.tweens import EXCVIEW

    config = Configurator(root_factory=Root)
    config.add_tween(DOORKEEPER, over=EXCVIEW)
    config.include(includeme)
    for name, view in (("stream", stream), ("broke/{how}", broke), ("sub/{how}", sub)):
        config.add_route(name.partition("/")[0], f"/{name}")
        config.add_view(view, route_name=name.partition("/")[0])
    config.add_route("page", "/page")
    config.add_view(lambda request: {"tea": 1}, route_name="page", renderer="json")
    config.add_route("posted", "/posted", request_method="POST")
    config.add_view(item, route_name="posted")
    config.add_view(box, context=Box)
    config.add_view(box, context=Box, name="lid")
    config.add_view(box, context=Box, name="broken")
    config.add_view(sold_out, context=SoldOut)
    config.add_view(broken, context=Broken)
    config.add_static_view("static", str(Path(__file__).parent))
    return config.make_wsgi_app()


@cache
def kept_application() -> Any:
    """One for all: Pyramid 1.7 keeps each that is made for ever."""
    return application()


class TestPyramidContract(Contract):
    instrumentor = PyramidInstrumentor

    @staticmethod
    def use() -> Any:
        app = kept_application()
        return [asked(app, path) for path in ("/item/3", "/page", "/sub/tweens", "/broke/sold_out")]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(PyramidInstrumentor, recorder.provider):
        yield recorder


def requested(recorder: Recorder, path: str, **options: Any) -> Any:
    asked(application(), path, **options)
    (span,) = recorder.take()
    return span


def test_a_request_is_a_server_span_named_by_its_route(recorder: Recorder) -> None:
    sent = {"HTTP_USER_AGENT": "test", "HTTP_HOST": "shop.example:8080", "REMOTE_ADDR": "127.0.0.1"}
    span = requested(recorder, "/item/3", QUERY_STRING="x=1", **sent)

    assert (span.name, span.kind) == ("GET /item/{number}", SpanKind.SERVER)
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "url.path": "/item/3",
        "url.query": "x=1",
        "server.address": "shop.example",
        "server.port": 8080,
        "client.address": "127.0.0.1",
        "user_agent.original": "test",
        "network.protocol.version": "1.1",
        "http.route": "/item/{number}",
        "http.response.status_code": 200,
        "pyramid.route.name": "item",
    }


def test_an_answer_of_a_renderer_is_a_span_below_the_request(recorder: Recorder) -> None:
    assert asked(application(), "/page") == ("200 OK", b'{"tea": 1}')

    rendered, request = recorder.take()
    assert (rendered.name, rendered.kind) == ("render json", SpanKind.INTERNAL)
    assert rendered.parent.span_id == request.context.span_id
    assert dict(rendered.attributes) == {
        "template.engine": "pyramid",
        "template.operation": "render",
        "template.name": "json",
    }
    assert request.name == "GET /page"


def test_a_text_that_is_rendered_for_no_request_is_no_span(recorder: Recorder) -> None:
    from pyramid.renderers import render
    from pyramid.testing import testConfig

    with testConfig() as config:
        config.add_renderer("json", "pyramid.renderers.json_renderer_factory")
        assert render("json", {"tea": 1}) == '{"tea": 1}'
    assert recorder.take() == []


def test_an_exception_that_no_view_takes_is_on_the_span_and_leaves_the_application(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="the view failed"):
        asked(application(), "/broke/boom")

    (span,) = recorder.take()
    assert span.status.status_code.name == "ERROR"
    assert (span.name, span.attributes["error.type"]) == ("GET /broke/{how}", "ValueError")
    (event,) = span.events
    assert event.attributes["exception.message"] == "the view failed"


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ("raised-404", 404),
        ("returned-404", 404),
        ("raised-403", 403),
        ("raised-302", 302),
        ("returned-302", 302),
        ("sold_out", 410),
    ],
)
def test_an_answer_below_500_is_no_error_returned_raised_or_made_by_an_exception_view(
    recorder: Recorder, how: str, status: int
) -> None:
    span = requested(recorder, f"/broke/{how}")

    assert (span.attributes["http.response.status_code"], span.attributes["http.route"]) == (status, "/broke/{how}")
    assert span.status.is_unset
    assert span.events == ()


@pytest.mark.parametrize(
    ("how", "status", "kind"),
    [
        ("raised-503", 503, "pyramid.httpexceptions.HTTPServiceUnavailable"),
        ("returned-503", 503, "503"),
        ("broken", 502, f"{__name__}.Broken"),
        ("stumbled", 503, "KeyError"),
    ],
    ids=["raised", "returned", "exception view", "tween"],
)
def test_an_error_is_told_by_the_exception_that_led_to_it(recorder: Recorder, how: str, status: int, kind: str) -> None:
    span = requested(recorder, f"/broke/{how}")

    assert (span.attributes["http.response.status_code"], span.attributes["error.type"]) == (status, kind)
    assert span.status.status_code.name == "ERROR"
    assert len(span.events) == (0 if how.startswith("returned") else 1)


@pytest.mark.parametrize(
    ("path", "view", "status"), [("/box", None, 200), ("/box/lid", "lid", 200), ("/box/broken", "broken", None)]
)
def test_what_traversal_finds_is_told_without_a_route(
    recorder: Recorder, path: str, view: str | None, status: int | None
) -> None:
    app = application()
    if status is None:
        with pytest.raises(ValueError, match="the box is broken"):
            asked(app, path)
    else:
        assert asked(app, path)[0] == "200 OK"

    (span,) = recorder.take()
    assert (span.name, span.attributes.get("http.response.status_code")) == ("GET", status)
    assert span.attributes["pyramid.context"] == f"{__name__}.Box"
    assert span.attributes.get("pyramid.view_name") == view
    assert "http.route" not in span.attributes


@pytest.mark.parametrize(
    ("path", "status"), [("/nowhere", 404), ("/box/nothing", 404), ("/posted", 404), ("/closed", 401)]
)
def test_what_is_not_found_or_answered_by_a_tween_is_named_by_its_method(
    recorder: Recorder, path: str, status: int
) -> None:
    span = requested(recorder, path)

    assert (span.name, span.attributes["http.response.status_code"]) == ("GET", status)
    assert [key for key in span.attributes if key == "http.route" or key.startswith("pyramid.")] == []
    assert span.status.is_unset


def test_a_file_is_named_by_its_static_view(recorder: Recorder) -> None:
    app = application()
    body = app(environment(f"/static/{Path(__file__).name}"), lambda *_args: None)
    assert recorder.spans() == []
    assert b"".join(body) == Path(__file__).read_bytes()
    body.close()

    (span,) = recorder.take()
    assert (span.name, span.attributes["pyramid.route.name"]) == ("GET static/*subpath", "__static/")


def test_the_span_covers_a_stream_to_its_last_part(recorder: Recorder) -> None:
    body = application()(environment("/stream"), lambda *_args: None)
    assert not trace.get_current_span().get_span_context().is_valid
    assert recorder.spans() == []
    assert b"".join(body) == b"abc"
    (span,) = recorder.take()
    assert span.name == "GET /stream"
    body.close()
    assert recorder.take() == []


def test_a_subrequest_past_the_tweens_changes_nothing_of_its_request(recorder: Recorder) -> None:
    span = requested(recorder, "/sub/direct")

    assert (span.name, span.attributes["pyramid.route.name"]) == ("GET /sub/{how}", "sub")
    assert span.attributes["url.path"] == "/sub/direct"


def test_an_application_made_before_instrumenting_is_traced() -> None:
    app = application()
    recorder = Recorder()
    with instrumented(PyramidInstrumentor, recorder.provider):
        assert asked(app, "/item/1") == ("200 OK", b"item 1")
        assert asked(app, "/broke/broken")[0] == "502 Bad Gateway"
    assert [(span.name, span.attributes.get("error.type")) for span in recorder.take()] == [
        ("GET /item/{number}", None),
        ("GET /broke/{how}", f"{__name__}.Broken"),
    ]


def test_the_caller_of_the_request_is_the_parent(recorder: Recorder) -> None:
    span = requested(recorder, "/item/1", HTTP_TRACEPARENT=f"00-{7:032x}-{8:016x}-01")

    assert (span.context.trace_id, span.parent.span_id) == (7, 8)


def test_the_order_in_which_tweens_are_listed_by_hand_does_not_matter(recorder: Recorder) -> None:
    from pyramid.config import Configurator
    from pyramid.tweens import EXCVIEW

    for tweens in ([DOORKEEPER, EXCVIEW], [EXCVIEW, DOORKEEPER], [EXCVIEW]):
        config = Configurator(settings={"pyramid.tweens": "\n".join(tweens)})
        config.include(includeme)
        assert asked(config.make_wsgi_app(), "/item/3") == ("200 OK", b"item 3")
        assert [span.name for span in recorder.take()] == ["GET /item/{number}"]


if SINCE_1_9:

    def test_a_subrequest_through_the_tweens_is_a_request_below_its_request(recorder: Recorder) -> None:
        asked(application(), "/sub/tweens", HTTP_TRACEPARENT=f"00-{7:032x}-{8:016x}-01")

        inner, outer = recorder.take()
        assert (inner.name, inner.kind) == ("GET /item/{number}", SpanKind.SERVER)
        assert (inner.context.trace_id, inner.parent.span_id) == (7, outer.context.span_id)
        assert (inner.attributes["url.path"], inner.attributes["http.response.status_code"]) == ("/item/7", 200)
        assert (outer.name, outer.parent.span_id) == ("GET /sub/{how}", 8)

    def test_a_subrequest_that_nobody_asked_for_begins_a_trace(recorder: Recorder) -> None:
        from pyramid.request import Request

        header = {"traceparent": f"00-{7:032x}-{8:016x}-01"}
        router = application()
        assert router.invoke_subrequest(Request.blank("/item/7", headers=header), use_tweens=True).text == "item 7"
        (span,) = recorder.take()
        assert (span.name, span.parent) == ("GET /item/{number}", None)

    def test_a_request_that_is_tried_again_is_one_span_and_no_error_if_that_helps(recorder: Recorder) -> None:
        from pyramid.config import Configurator
        from pyramid.response import Response

        tries: list[int] = []

        def flaky(request: Any) -> Any:
            tries.append(1)
            if len(tries) == 1:
                raise Broken("the first time")
            return Response("in the end")

        def policy(environ: Any, router: Any) -> Any:
            with router.request_context(environ) as request:
                if router.invoke_request(request).status_int == 200:
                    raise AssertionError("the first try is to fail")
            with router.request_context(environ) as request:
                return router.invoke_request(request)

        config = Configurator()
        config.add_route("flaky", "/flaky")
        config.add_view(flaky, route_name="flaky")
        config.add_view(broken, context=Broken)
        config.set_execution_policy(policy)
        assert asked(config.make_wsgi_app(), "/flaky") == ("200 OK", b"in the end")
        (span,) = recorder.take()
        assert (span.name, span.attributes["http.response.status_code"]) == ("GET /flaky", 200)
        assert span.status.is_unset
        assert span.events == ()


def test_the_application_of_one_configuration_is_traced_alone_until_it_is_no_more(recorder: Recorder) -> None:
    from pyramid.config import Configurator

    PyramidInstrumentor().uninstrument()
    configs = [Configurator(), Configurator()]
    apps = []
    for config in configs:
        config.include(includeme)
        config.add_route("page", "/page")
        config.add_view(lambda request: {"tea": 1}, route_name="page", renderer="json")
        apps.append(config.make_wsgi_app())
    heard: list[Any] = []
    PyramidInstrumentor.instrument_config(
        configs[0], tracer_provider=recorder.provider, request_hook=lambda span, _environ: heard.append(span.name)
    )
    try:
        for app in apps:
            assert asked(app, "/page") == ("200 OK", b'{"tea": 1}')
        assert [span.name for span in recorder.take()] == ["render json", "GET /page"]
        assert heard == ["GET"]
    finally:
        PyramidInstrumentor.uninstrument_config(configs[0])
    for app in apps:
        asked(app, "/page")
    assert recorder.take() == []
