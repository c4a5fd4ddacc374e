"""Pylons, translated for Python 3 and called as a WSGI server calls it."""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from otel_instrumentors.mako import MakoInstrumentor
from otel_instrumentors.pylons import PylonsInstrumentor
from tests.otel_instrumentors import pylons_on_python3
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented
from tests.otel_instrumentors.families.wsgi_server import asked, environment
from tests.otel_instrumentors.test_pairs import counted

if importlib.util.find_spec("pylons") is not None:
    pylons_on_python3.install()

# What Pylons and the libraries below it are warned of is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::SyntaxWarning")


def module(name: str, **members: Any) -> None:
    """A module of the application, which Pylons finds by its name."""
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(members)


@cache
def application() -> Any:
    """One for all: Pylons is slow to translate, and keeps its controllers for ever."""
    import pylons.templating
    from beaker.middleware import SessionMiddleware
    from jinja2 import DictLoader, Environment
    from mako.lookup import TemplateLookup
    from paste.registry import RegistryManager
    from pylons.configuration import PylonsConfig
    from pylons.controllers import WSGIController
    from pylons.controllers.util import abort, redirect
    from pylons.wsgiapp import PylonsApp
    from routes import Mapper
    from routes.middleware import RoutesMiddleware

    class RootController(WSGIController):
        def index(self) -> str:
            return "tea"

        def item(self, id: str) -> str:
            return f"item {id}"

        def page(self) -> str:
            return str(pylons.templating.render_mako("page.html", {"name": "you"}))

        def part(self) -> str:
            return str(pylons.templating.render_mako_def("page.html", "part"))

        def card(self) -> str:
            return str(pylons.templating.render_jinja2("card.html", {"name": "you"}))

        def stream(self) -> Iterator[bytes]:
            for part in (b"a", b"b", b"c"):
                trace.get_tracer("app").start_span(f"part {part.decode()}").end()
                yield part

        def boom(self) -> str:
            raise ValueError("the action failed")

        def told(self, id: str) -> None:
            abort(int(id))

        def moved(self) -> None:
            redirect("/")

        def _private(self) -> str:
            return "private"

    class Globals:
        mako_lookup = TemplateLookup()
        jinja2_env = Environment(loader=DictLoader({"card.html": "hello {{name}}"}))

    Globals.mako_lookup.put_string("page.html", "<%def name='part()'>part</%def>hello ${name}")

    def service(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"service"]

    module("shop", __path__=[])
    module("shop.controllers", __path__=[])
    module("shop.controllers.root", RootController=RootController)
    module("shop.controllers.service", __controller__="service", service=service)

    config = PylonsConfig()
    folders = dict.fromkeys(("root", "controllers", "static_files"), "/nowhere")
    config.init_app({}, {}, package="shop", paths={**folders, "templates": []})
    config.update({"pylons.app_globals": Globals(), "pylons.h": None})
    mapper = Mapper()
    mapper.connect("/", controller="root", action="index")
    mapper.connect("/{controller}/{action}")
    mapper.connect("/{controller}/{action}/{id}")
    mapper.create_regs(["root", "service"])
    routed = RoutesMiddleware(PylonsApp(config=config), mapper, singleton=False)
    return RegistryManager(SessionMiddleware(routed, config))


class TestPylonsContract(Contract):
    instrumentor = PylonsInstrumentor

    @staticmethod
    def use() -> Any:
        return [asked(application(), path) for path in ("/root/item/3", "/root/page")]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(PylonsInstrumentor, recorder.provider):
        yield recorder


def requested(recorder: Recorder, path: str, **options: Any) -> Any:
    asked(application(), path, **options)
    (span,) = recorder.take()
    return span


def test_a_request_is_a_server_span_named_by_its_controller_and_action(recorder: Recorder) -> None:
    sent = {"HTTP_USER_AGENT": "test", "HTTP_HOST": "shop.example:8080", "REMOTE_ADDR": "127.0.0.1"}
    span = requested(recorder, "/root/item/3", QUERY_STRING="x=1", **sent)

    assert (span.name, span.kind) == ("GET root.item", SpanKind.SERVER)
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "url.path": "/root/item/3",
        "url.query": "x=1",
        "server.address": "shop.example",
        "server.port": 8080,
        "client.address": "127.0.0.1",
        "user_agent.original": "test",
        "network.protocol.version": "1.1",
        "http.response.status_code": 200,
        "pylons.route.controller": "root",
        "pylons.route.action": "item",
    }


@pytest.mark.parametrize(
    ("path", "template"), [("/root/page", "page.html"), ("/root/part", "page.html"), ("/root/card", "card.html")]
)
def test_a_template_is_a_span_below_the_request(recorder: Recorder, path: str, template: str) -> None:
    assert asked(application(), path)[0] == "200 OK"

    rendered, request = recorder.take()
    assert (rendered.name, rendered.kind) == (f"render {template}", SpanKind.INTERNAL)
    assert rendered.parent.span_id == request.context.span_id
    assert dict(rendered.attributes) == {
        "template.engine": "pylons",
        "template.operation": "render",
        "template.name": template,
    }


def test_a_page_made_by_mako_tells_of_both() -> None:
    recorder = Recorder()
    with instrumented(PylonsInstrumentor, recorder.provider), instrumented(MakoInstrumentor, recorder.provider):
        assert asked(application(), "/root/page") == ("200 OK", b"hello you")
    counted(("pylons + mako", "a page made by `render_mako`"), recorder)


def test_an_exception_of_the_action_is_on_the_span_and_leaves_the_application(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="the action failed"):
        asked(application(), "/root/boom")

    (span,) = recorder.take()
    assert span.status.status_code.name == "ERROR"
    assert (span.name, span.attributes["error.type"]) == ("GET root.boom", "ValueError")
    (event,) = span.events
    assert event.attributes["exception.message"] == "the action failed"


@pytest.mark.parametrize(("path", "status"), [("/root/told/404", 404), ("/root/told/403", 403), ("/root/moved", 302)])
def test_an_answer_below_500_is_no_error_though_it_is_raised(recorder: Recorder, path: str, status: int) -> None:
    span = requested(recorder, path)

    assert span.attributes["http.response.status_code"] == status
    assert span.status.is_unset
    assert span.events == ()


def test_an_answer_of_500_and_above_is_an_error(recorder: Recorder) -> None:
    span = requested(recorder, "/root/told/503")

    assert (span.name, span.attributes["http.response.status_code"]) == ("GET root.told", 503)
    assert span.attributes["error.type"] == "503"


@pytest.mark.parametrize("action", ["no_such_action", "_private"])
def test_an_action_that_the_controller_does_not_have_is_not_told(recorder: Recorder, action: str) -> None:
    span = requested(recorder, f"/root/{action}")

    assert (span.name, span.attributes["http.response.status_code"]) == ("GET root", 404)
    assert "pylons.route.action" not in span.attributes


def test_a_controller_that_is_any_wsgi_application_is_told_alone(recorder: Recorder) -> None:
    span = requested(recorder, "/service/anything")

    assert (span.name, span.attributes["http.response.status_code"]) == ("GET service", 200)


def test_a_request_that_no_route_takes_is_named_by_its_method(recorder: Recorder) -> None:
    span = requested(recorder, "/no/such/page/at/all")

    assert (span.name, span.attributes["http.response.status_code"]) == ("GET", 404)
    assert [key for key in span.attributes if key.startswith("pylons.")] == []
    assert span.status.is_unset


def test_the_span_covers_a_stream_to_its_last_part(recorder: Recorder) -> None:
    body = application()(environment("/root/stream"), lambda *_args: None)
    assert not trace.get_current_span().get_span_context().is_valid
    assert recorder.spans() == []
    assert b"".join(body) == b"abc"
    (span,) = recorder.take()
    assert span.name == "GET root.stream"
    body.close()
    assert recorder.take() == []


def test_an_application_made_before_instrumenting_is_traced() -> None:
    app = application()
    recorder = Recorder()
    with instrumented(PylonsInstrumentor, recorder.provider):
        assert asked(app, "/root/item/1") == ("200 OK", b"item 1")
    assert [span.name for span in recorder.take()] == ["GET root.item"]


def test_the_caller_of_the_request_is_the_parent(recorder: Recorder) -> None:
    span = requested(recorder, "/root/item/1", HTTP_TRACEPARENT=f"00-{7:032x}-{8:016x}-01")

    assert (span.context.trace_id, span.parent.span_id) == (7, 8)
