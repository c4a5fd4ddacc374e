"""Django, called as WSGI and ASGI servers call it."""

from __future__ import annotations

import asyncio
import functools
import os
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from otel_instrumentors.django import DjangoInstrumentor, is_answer
from otel_instrumentors.kernel.switch import PREFIX
from otel_instrumentors.sqlite3 import Sqlite3Instrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented, names

VERSION = tuple(map(int, version("django").split(".")[:2]))
KINDS = ["wsgi", "asgi"] if VERSION >= (3, 1) else ["wsgi"]
SWITCHES = ("MIDDLEWARE", "TEMPLATES", "CACHES", "DATABASES", "USER_NAME")
SITE = "tests.otel_instrumentors.django_site"

if __name__ == "exam":
    os.environ.update({f"{PREFIX}DJANGO_{switch}": "true" for switch in SWITCHES})


@pytest.fixture
def all_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for switch in SWITCHES:
        monkeypatch.setenv(f"{PREFIX}DJANGO_{switch}", "true")


@pytest.mark.usefixtures("all_on")
class TestDjangoContract(Contract):
    instrumentor = DjangoInstrumentor
    asked_for = ("BaseHandler.resolve_request",)

    @staticmethod
    def use() -> Any:
        from tests.otel_instrumentors.django_site import ask, forget_caches

        forget_caches()
        answer = ask("/everything/")
        return answer.status, answer.body


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(DjangoInstrumentor, recorder.provider):
        yield recorder


def routed(method: str, route: str) -> str:
    """The name of a request's span: Django 2.1 does not tell routes."""
    return f"{method} {route}" if VERSION >= (2, 2) else method


def route(route: str) -> dict[str, Any]:
    return {"http.route": route} if VERSION >= (2, 2) else {}


def asked(recorder: Recorder, url: str, **options: Any) -> Any:
    """The span of the request, after it has been answered."""
    from tests.otel_instrumentors.django_site import ask

    ask(url, **options)
    return served(recorder)


def served(recorder: Recorder) -> Any:
    (span,) = [span for span in recorder.take() if span.kind is SpanKind.SERVER]
    return span


def handler(kind: str) -> Any:
    """A new application of the site, for a server of that kind."""
    import tests.otel_instrumentors.django_site  # noqa: F401

    if kind == "wsgi":
        from django.core.handlers.wsgi import WSGIHandler

        return WSGIHandler()
    from django.core.handlers.asgi import ASGIHandler

    return ASGIHandler()


def test_a_request_is_a_server_span_named_by_its_route_and_its_view_is_below(recorder: Recorder) -> None:
    from tests.otel_instrumentors.django_site import ask

    answer = ask("/items/3/?x=1", HTTP_HOST="shop.example:8080", HTTP_USER_AGENT="test")

    assert (answer.status, answer.body) == (200, b"item 3")
    view, request = recorder.take()
    assert (request.name, request.kind) == (routed("GET", "items/<int:n>/"), SpanKind.SERVER)
    assert dict(request.attributes) == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "url.path": "/items/3/",
        "url.query": "x=1",
        "server.address": "shop.example",
        "server.port": 8080,
        "client.address": "127.0.0.1",
        "user_agent.original": "test",
        "network.protocol.version": "1.1",
        **route("items/<int:n>/"),
        "http.response.status_code": 200,
        "code.function.name": f"{SITE}.item",
        "django.request.class": "django.core.handlers.wsgi.WSGIRequest",
        "django.response.class": "django.http.response.HttpResponse",
        "django.view": "item",
    }
    assert (view.name, view.kind) == (f"view {SITE}.item", SpanKind.INTERNAL)
    assert dict(view.attributes) == {"django.step": "view", "code.function.name": f"{SITE}.item"}
    assert view.parent.span_id == request.context.span_id


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/", {**route("/"), "django.view": "front"}),
        ("/old/1999/", {**route("^old/(?P<n>[0-9]{4})/$"), "django.view": f"{SITE}.item"}),
        (
            "/shop/items/2/",
            {
                **route("shop/items/<int:n>/"),
                "django.view": "upstairs:item",
                "django.namespace": "upstairs",
                "django.app": "shop",
            },
        ),
        ("/shelf/", {**route("shelf/"), "code.function.name": f"{SITE}.Shelf"}),
        ("/everything/", {"django.response.template": "item.html"}),
        ("/items/1/?refused=1", {**route("items/<int:n>/"), "http.response.status_code": 403}),
    ],
)
def test_routes_of_all_kinds(recorder: Recorder, url: str, expected: dict[str, Any]) -> None:
    span = asked(recorder, url)
    assert {key: span.attributes.get(key) for key in expected} == expected


@pytest.mark.parametrize(("url", "status"), [("/no/such/page/", 404), ("/items/x/", 404), ("/items/3", 301)])
def test_a_request_without_a_route_is_named_by_its_method(recorder: Recorder, url: str, status: int) -> None:
    span = asked(recorder, url)
    assert (span.name, span.attributes["http.response.status_code"]) == ("GET", status)
    assert "http.route" not in span.attributes
    assert span.status.is_unset


@pytest.mark.parametrize(
    ("url", "status", "error"),
    [
        ("/missing/", 404, None),
        ("/forbidden/", 403, None),
        ("/taken/", 410, None),
        ("/broken/", 503, "503"),
        ("/boom/", 500, "ValueError"),
    ],
)
def test_only_what_is_answered_with_a_5xx_is_an_error(
    recorder: Recorder, url: str, status: int, error: str | None
) -> None:
    span = asked(recorder, url)
    assert span.attributes["http.response.status_code"] == status
    assert span.attributes.get("error.type") == error
    assert span.status.is_unset is (error is None)
    assert [event.attributes["exception.message"] for event in span.events] == (
        ["the view failed"] if url == "/boom/" else []
    )


def test_the_view_is_an_error_only_where_it_failed(recorder: Recorder) -> None:
    from tests.otel_instrumentors.django_site import ask

    for url in ("/boom/", "/taken/", "/missing/", "/forbidden/"):
        ask(url)
    views = [span for span in recorder.take() if span.name.startswith("view")]
    assert [span.attributes.get("error.type") for span in views] == ["ValueError", "LookupError", None, None]


def test_an_exception_that_escapes_is_recorded_once_and_raised(recorder: Recorder) -> None:
    from django.test import override_settings

    from tests.otel_instrumentors.django_site import ask

    with override_settings(DEBUG_PROPAGATE_EXCEPTIONS=True), pytest.raises(ValueError, match="the view failed"):
        ask("/boom/")
    span = served(recorder)
    assert (span.name, len(span.events)) == (routed("GET", "boom/"), 1)


def stream(application: Any, url: str = "/stream/") -> Any:
    from django.test import RequestFactory

    return application(RequestFactory().get(url).environ, lambda *_args: None)


def test_the_span_covers_the_streamed_body_to_its_last_part(recorder: Recorder) -> None:
    body = stream(handler("wsgi"))
    assert not trace.get_current_span().get_span_context().is_valid
    assert [span.name for span in recorder.take()] == [f"view {SITE}.stream"]
    assert b"".join(body) == b"abc"
    assert served(recorder).name == routed("GET", "stream/")
    body.close()
    assert recorder.take() == []


def test_a_client_that_goes_away_ends_the_span_once(recorder: Recorder) -> None:
    body = stream(handler("wsgi"))
    assert next(iter(body)) == b"a"
    body.close()
    body.close()
    assert served(recorder).status.is_unset


def test_a_body_that_breaks_off_is_an_error(recorder: Recorder) -> None:
    body = stream(handler("wsgi"), "/stream/broken/")
    with pytest.raises(ValueError, match="in the middle"):
        list(body)
    span = served(recorder)
    assert (span.attributes["http.response.status_code"], span.attributes["error.type"]) == (200, "ValueError")


def test_the_user_is_told_where_the_application_asked_for_one(recorder: Recorder) -> None:
    def user(url: str) -> dict[str, Any]:
        return {key: value for key, value in asked(recorder, url).attributes.items() if key.startswith("django.user")}

    assert user("/known/") == {"django.user.is_authenticated": True, "django.user.id": "7"}
    assert user("/unknown/") == {}
    assert user("/ghost/") == {}


@pytest.mark.usefixtures("all_on")
def test_the_users_name_is_told_where_that_is_switched_on(recorder: Recorder) -> None:
    assert asked(recorder, "/known/").attributes["django.user.name"] == "alice"


@pytest.mark.parametrize("kind", KINDS)
def test_a_handler_made_before_instrumenting_is_traced(kind: str) -> None:
    application = handler(kind)
    recorder = Recorder()
    with instrumented(DjangoInstrumentor, recorder.provider):
        request(application, kind, "/items/1/")
    assert names(recorder.take()) == [routed("GET", "items/<int:n>/"), f"view {SITE}.item"]


@pytest.mark.usefixtures("all_on")
def test_of_middleware_and_caches_made_before_instrumenting_a_line_says_so(caplog: pytest.LogCaptureFixture) -> None:
    from django.core.cache import caches

    application = handler("wsgi")
    assert caches["default"] is not None
    recorder = Recorder()
    with instrumented(DjangoInstrumentor, recorder.provider):
        request(application, "wsgi", "/everything/")
    said = [record.getMessage() for record in caplog.records if record.name == "otel_instrumentors"]
    assert sorted(line.partition(" ")[2] for line in said) == [
        "caches made before they were instrumented are not traced",
        "middleware stacks made before they were instrumented are not traced",
    ]
    assert [name for name in names(recorder.take()) if name.startswith("middleware")] == []


def test_the_caller_of_the_request_is_the_parent_unless_nothing_is_propagated() -> None:
    caller = {"HTTP_TRACEPARENT": f"00-{7:032x}-{8:016x}-01"}
    recorder = Recorder()
    with instrumented(DjangoInstrumentor, recorder.provider):
        span = asked(recorder, "/items/3/", **caller)
    assert (span.context.trace_id, span.parent.span_id) == (7, 8)
    with instrumented(DjangoInstrumentor, recorder.provider, propagate=False):
        assert asked(recorder, "/items/3/", **caller).parent is None


@pytest.mark.usefixtures("all_on")
def test_everything_that_can_be_switched_on_has_its_place() -> None:
    recorder = Recorder()
    with instrumented(DjangoInstrumentor, recorder.provider):
        from tests.otel_instrumentors.django_site import ask, forget_caches

        forget_caches()
        ask("/everything/")
    spans = {span.context.span_id: span for span in recorder.take()}

    def path(span: Any) -> str:
        above = spans.get(span.parent.span_id) if span.parent is not None else None
        return f"{path(above)} > {span.name}" if above is not None else span.name

    top = routed("GET", "everything/")
    chain = (
        f"{top} > middleware django.middleware.common.CommonMiddleware.__call__"
        f" > middleware {SITE}.Guard.__call__ > middleware {SITE}.polite"
    )
    assert sorted(map(path, spans.values())) == sorted(
        [
            top,
            f"{top} > middleware django.middleware.common.CommonMiddleware.__call__",
            chain.rpartition(" > ")[0],
            chain,
            f"{chain} > middleware {SITE}.Guard.process_view",
            f"{chain} > view {SITE}.everything",
            f"{chain} > view {SITE}.everything > cache set",
            f"{chain} > view {SITE}.everything > SELECT",
            f"{chain} > render item.html",
        ]
    )
    by_name = {span.name: dict(span.attributes) for span in spans.values()}
    assert by_name["cache set"] == {
        "django.step": "cache",
        "django.cache.backend": "django.core.cache.backends.locmem.LocMemCache",
        "django.cache.key": "key",
        "code.function.name": "django.core.cache.backends.locmem.set",
        "db.row_count": 0,
    }
    assert by_name["SELECT"] == {
        "django.step": "statement",
        "django.db.alias": "default",
        "django.db.vendor": "sqlite",
        "db.system.name": "sqlite",
        "db.driver.call": "execute",
        "db.query.text": "SELECT 7",
        "db.namespace": ":memory:",
    }
    assert by_name["render item.html"] == {
        "django.step": "render",
        "django.template.engine.class": "django.template.engine.Engine",
        "template.engine": "django",
        "template.operation": "render",
        "template.name": "item.html",
    }
    assert by_name[f"middleware {SITE}.polite"] == {
        "django.step": "middleware",
        "code.function.name": f"{SITE}.polite",
    }


@pytest.mark.parametrize(
    ("switch", "more"),
    [("MIDDLEWARE", "middleware"), ("TEMPLATES", "render"), ("CACHES", "cache"), ("DATABASES", "SELECT")],
)
def test_each_switch_is_for_itself(switch: str, more: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}DJANGO_{switch}", "true")
    recorder = Recorder()
    with instrumented(DjangoInstrumentor, recorder.provider):
        from tests.otel_instrumentors.django_site import ask, forget_caches

        forget_caches()
        ask("/everything/")
    assert {span.name.split()[0] for span in recorder.take()} == {"GET", "view", more}


def reconnect(connection: Any) -> None:
    """Django does not close a database that is in memory."""
    if connection.connection is not None:
        connection.connection.close()
        connection.connection = None
    connection.ensure_connection()


@pytest.mark.parametrize("switch", ["true", "false"])
def test_a_statement_is_one_span_where_the_driver_is_traced(switch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}DJANGO_DATABASES", switch)
    recorder = Recorder()
    with (
        instrumented(DjangoInstrumentor, recorder.provider),
        instrumented(Sqlite3Instrumentor, recorder.provider),
    ):
        from django.db import connection

        from tests.otel_instrumentors.django_site import ask

        reconnect(connection)
        recorder.take()
        assert ask("/statement/").body == b"8"
        reconnect(connection)
    spans = [span for span in recorder.take() if span.kind is SpanKind.CLIENT and span.name == "SELECT"]
    spans = [span for span in spans if "sqlite_" not in span.attributes["db.query.text"]]
    expected = [("SELECT ?", "otel_instrumentors.sqlite3"), ("SELECT 8", "otel_instrumentors.sqlite3")]
    if VERSION < (4, 2):
        # Its cursor calls the driver's past the traced one.
        own = [("SELECT %s", "otel_instrumentors.django"), ("SELECT 8", "otel_instrumentors.django")]
        expected = own if switch == "true" else []
    assert [(span.attributes["db.query.text"], span.instrumentation_scope.name) for span in spans] == expected
    told = [(span.attributes.get("django.db.alias"), span.attributes.get("django.db.vendor")) for span in spans]
    assert set(told) <= ({("default", "sqlite")} if switch == "true" else {(None, None)})


if VERSION >= (4, 2) and find_spec("psycopg"):

    def test_what_a_request_sends_to_a_database_bears_a_comment_where_that_is_asked_for(postgresql: str) -> None:
        from otel_instrumentors.psycopg import PsycopgInstrumentor
        from tests.otel_instrumentors.django_site import ask

        chosen = {"commenter_options": {"opentelemetry_values": False, "dbapi_level": False}}
        provider = Recorder().provider
        url = f"/queried/?url={postgresql}"
        with (
            instrumented(DjangoInstrumentor, provider, is_sql_commentor_enabled=True, **chosen),
            instrumented(PsycopgInstrumentor, provider),
        ):
            pairs = ask(url).body.decode().replace("%%", "%").partition("/*")[2].removesuffix("*/").split(",")
        assert [pair for pair in pairs if not pair.startswith(("db", "driver", "libpq"))] == [
            "controller='queried'",
            f"framework='django%3A{version('django')}'",
            "route='queried/'",
        ]
        with instrumented(DjangoInstrumentor, provider), instrumented(PsycopgInstrumentor, provider):
            assert b"/*" not in ask(url).body

    def keys_of_comment(url: str, postgresql: str, **options: Any) -> dict[str, str]:
        """The keys and values of the comment behind the statement of one request."""
        from otel_instrumentors.psycopg import PsycopgInstrumentor
        from tests.otel_instrumentors.django_site import ask

        provider = Recorder().provider
        with (
            instrumented(DjangoInstrumentor, provider, is_sql_commentor_enabled=True, **options),
            instrumented(PsycopgInstrumentor, provider),
        ):
            text = ask(f"{url}?url={postgresql}").body.decode().replace("%%", "%")
        pairs = [pair.partition("=")[::2] for pair in text.partition("/*")[2].removesuffix("*/").split(",") if pair]
        return {key: value.strip("'") for key, value in pairs}

    def test_the_comment_of_an_application_with_a_name_has_it(postgresql: str) -> None:
        found = keys_of_comment("/shop/queried/", postgresql)
        assert (found["app_name"], found["controller"]) == ("shop", "upstairs%3Aqueried")
        assert "app_name" not in keys_of_comment("/queried/", postgresql)

    @pytest.mark.parametrize(
        ("name", "key"),
        [
            ("APP_NAME", "app_name"),
            ("CONTROLLER", "controller"),
            ("DB_DRIVER", "db_driver"),
            ("FRAMEWORK", "framework"),
            ("OPENTELEMETRY", "traceparent"),
            ("ROUTE", "route"),
        ],
    )
    def test_a_setting_of_the_application_leaves_a_key_out_of_comments(
        name: str, key: str, postgresql: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is read for each statement, as OpenTelemetry's own does; what `commenter_options` says goes before it."""
        from django.conf import settings

        import tests.otel_instrumentors.django_site  # noqa: F401

        every = keys_of_comment("/shop/queried/", postgresql)
        monkeypatch.setattr(settings, f"SQLCOMMENTER_WITH_{name}", False, raising=False)
        assert set(every) - set(keys_of_comment("/shop/queried/", postgresql)) == {key}
        option = "opentelemetry_values" if key == "traceparent" else key
        assert set(keys_of_comment("/shop/queried/", postgresql, commenter_options={option: True})) == set(every)

    @pytest.mark.parametrize("switch", ["true", "false"])
    def test_a_statement_is_one_span_on_postgresql(
        switch: str, postgresql: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from otel_instrumentors.psycopg import PsycopgInstrumentor

        monkeypatch.setenv(f"{PREFIX}DJANGO_DATABASES", switch)
        recorder = Recorder()
        with (
            instrumented(PsycopgInstrumentor, recorder.provider),
            instrumented(DjangoInstrumentor, recorder.provider),
        ):
            from django.db.utils import ConnectionHandler

            import tests.otel_instrumentors.django_site  # noqa: F401

            url = urlsplit(postgresql)
            to = {"ENGINE": "django.db.backends.postgresql", "NAME": url.path[1:], "USER": url.username}
            connection = ConnectionHandler({"default": {**to, "HOST": url.hostname, "PORT": url.port}})["default"]
            connection.ensure_connection()
            recorder.take()
            with connection.cursor() as cursor:
                cursor.execute("SELECT %s", [7])
                assert cursor.fetchone() == (7,)
                cursor.executemany("SELECT %s", [[1], [2]])
            with connection.chunked_cursor() as cursor:
                cursor.execute("SELECT 8")
                assert cursor.fetchall() == [(8,)]
            connection.close()
        spans = [(span.attributes["db.query.text"], span.instrumentation_scope.name) for span in recorder.take()]
        assert spans == [(text, "otel_instrumentors.psycopg") for text in ("SELECT %s", "SELECT %s", "SELECT 8")]


def test_middleware_is_called_as_it_is_and_its_own_attributes_are_there(all_on: None) -> None:
    with instrumented(DjangoInstrumentor, Recorder().provider):
        from django.core.handlers import base

        guard = base.import_string(f"{SITE}.Guard")
        assert guard.__name__ == "Guard"
        instance = guard(lambda request: request)
        assert type(instance.get_response) is type(lambda: None)
        assert instance.process_view.__self__ is instance.process_exception.__self__
        assert not hasattr(instance, "process_template_response")


@pytest.mark.parametrize(("name", "is_one"), [("PermissionDenied", True), ("ImproperlyConfigured", False)])
def test_which_exceptions_are_answers(name: str, is_one: bool) -> None:
    from django.core import exceptions

    assert is_answer(getattr(exceptions, name)()) is is_one
    assert not is_answer(type(name, (Exception,), {})())


@pytest.mark.usefixtures("all_on")
@pytest.mark.parametrize(
    ("operation", "arguments", "shown"),
    [
        ("get", ("a",), "a"),
        ("get", (b"\xff",), "\\xff"),
        ("get", ("x" * 101,), "x" * 100 + "..."),
        ("get_many", (["a", "b"],), "a b"),
        ("get_many", ((key for key in "ab"),), ""),
        ("set_many", ({"a": 1, "b": 2},), "a b"),
        ("get_many", ([f"key-{number:03}" for number in range(200)],), None),
    ],
)
def test_keys_of_caches_are_shown_and_cut_and_never_used_up(operation: str, arguments: Any, shown: str | None) -> None:
    recorder = Recorder()
    with instrumented(DjangoInstrumentor, recorder.provider):
        from django.core.cache import caches

        from tests.otel_instrumentors.django_site import forget_caches

        forget_caches()
        cache = caches["default"]
        cache.clear()
        cache.set_many({"a": 1, "b": 2})
        recorder.take()
        result = getattr(cache, operation)(*arguments)
        forget_caches()
    (span,) = recorder.take()
    assert span.name == f"cache {operation}"
    keys = span.attributes["django.cache.key"]
    assert keys == shown if shown is not None else (len(keys), keys[-10:]) == (1_145, " key-14...")
    assert result == {"a": 1, "b": 2} or operation != "get_many" or shown is None


def request(application: Any, kind: str, path: str, **how: Any) -> Any:
    if kind == "wsgi":
        from tests.otel_instrumentors.django_site import ask

        return ask(path, application)
    from tests.otel_instrumentors.families.asgi_server import asked as asked_asynchronously

    return asked_asynchronously(application, path, **how)


if VERSION >= (3, 1):

    def test_asynchronously_a_request_is_the_same_span(recorder: Recorder) -> None:
        client = request(handler("asgi"), "asgi", "/items/3/", query="x=1")

        assert (client.status, client.body) == (200, b"item 3")
        view, served = recorder.take()
        assert (served.name, served.kind) == ("GET items/<int:n>/", SpanKind.SERVER)
        assert dict(served.attributes) == {
            "http.request.method": "GET",
            "url.scheme": "http",
            "url.path": "/items/3/",
            "url.query": "x=1",
            "server.address": "shop.example",
            "server.port": 8080,
            "client.address": "127.0.0.1",
            "user_agent.original": "test",
            "network.protocol.version": "1.1",
            "asgi.version": "3.0",
            "asgi.spec_version": "2.3",
            "http.route": "items/<int:n>/",
            "http.response.status_code": 200,
            "code.function.name": f"{SITE}.item",
            "django.request.class": "django.core.handlers.asgi.ASGIRequest",
            "django.response.class": "django.http.response.HttpResponse",
            "django.view": "item",
        }
        assert view.parent.span_id == served.context.span_id

    @pytest.mark.parametrize("path", ["/boom/", "/boom/asynchronous/"])
    def test_asynchronously_an_exception_of_the_view_is_on_the_span(recorder: Recorder, path: str) -> None:
        assert request(handler("asgi"), "asgi", path).status == 500
        span = served(recorder)
        assert (span.attributes["error.type"], len(span.events)) == ("ValueError", 1)

    def test_requests_at_the_same_time_keep_to_their_own(recorder: Recorder) -> None:
        from tests.otel_instrumentors.families.asgi_server import Client, http_scope

        application = handler("asgi")

        async def all_at_once() -> None:
            paths = [f"/waited/{number}/" for number in range(20)] + [f"/items/{number}/" for number in range(20)]
            await asyncio.gather(*(Client().request(application, http_scope(path)) for path in paths))

        asyncio.run(all_at_once())
        spans = recorder.take()
        roots = {span.context.span_id: span for span in spans if span.kind is SpanKind.SERVER}
        assert len(roots) == 40
        assert Counter(span.parent.span_id for span in spans if span.parent) == dict.fromkeys(roots, 1)


if VERSION >= (4, 1):

    @pytest.mark.parametrize("kind", ["wsgi", "asgi"])
    @pytest.mark.parametrize(
        ("path", "view"),
        [("/waited/3/", "waited"), ("/shelf/asynchronous/", "AsynchronousShelf"), ("/shelf/", "Shelf")],
    )
    def test_views_of_both_kinds_on_servers_of_both_kinds(recorder: Recorder, kind: str, path: str, view: str) -> None:
        request(handler(kind), kind, path)
        below, above = recorder.take()
        assert below.name == f"view {SITE}.{view}"
        assert below.parent.span_id == above.context.span_id
        assert above.start_time < below.start_time < below.end_time < above.end_time

    @pytest.mark.usefixtures("all_on")
    def test_asynchronous_middleware_lasts_until_it_is_done() -> None:
        from django.test import override_settings

        chain = [f"{SITE}.Patient", f"{SITE}.both", "django.middleware.common.CommonMiddleware"]
        recorder = Recorder()
        with override_settings(MIDDLEWARE=chain), instrumented(DjangoInstrumentor, recorder.provider):
            request(handler("asgi"), "asgi", "/waited/3/")
        view, common, both, patient, above = recorder.take()
        assert [span.name for span in (patient, both, common)] == [
            f"middleware {SITE}.Patient.__call__",
            f"middleware {SITE}.both",
            "middleware django.middleware.common.CommonMiddleware.__call__",
        ]
        parents = [span.parent.span_id for span in (view, common, both, patient)]
        assert parents == [span.context.span_id for span in (common, both, patient, above)]


if VERSION >= (4, 2):

    def test_a_stream_of_ten_thousand_parts_is_one_span(recorder: Recorder) -> None:
        assert len(request(handler("asgi"), "asgi", "/stream/long/").body) == 10_000
        assert names(recorder.take()) == ["GET stream/long/", f"view {SITE}.ten_thousand"]


if VERSION >= (5, 0):

    @pytest.mark.parametrize(("path", "parts"), [("/sleepy/", 0), ("/stream/endless/", 3)])
    def test_a_client_that_disconnects_ends_the_span_once_and_nothing_is_said(
        recorder: Recorder, path: str, parts: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        request(handler("asgi"), "asgi", path, leaves_after=parts)
        span = served(recorder)
        assert (span.name, span.status.is_unset) == (f"GET {path[1:]}", True)
        assert [record.getMessage() for record in caplog.records if record.name.startswith(("ote", "opente"))] == []


@pytest.mark.parametrize(("path", "status"), [("/items/1/", 200), ("/missing/", 404)])
@pytest.mark.parametrize("client", ["Client", "AsyncClient"] if VERSION >= (3, 1) else ["Client"])
def test_a_request_of_djangos_own_test_client_is_a_request(
    client: str, path: str, status: int, recorder: Recorder
) -> None:
    import django.test

    handler("wsgi")
    testing = getattr(django.test, client)()
    with recorder.provider.get_tracer("tests").start_as_current_span("test"):
        answer = testing.get(path)
        answer = asyncio.run(answer) if client == "AsyncClient" else answer
        assert answer.status_code == status
    spans = recorder.take()
    (asked,) = [span for span in spans if span.kind is SpanKind.SERVER]
    (test,) = [span for span in spans if span.name == "test"]
    assert asked.parent.span_id == test.context.span_id
    assert asked.attributes["http.response.status_code"] == status
    assert asked.attributes["url.path"] == path
    below = [span.name for span in spans if span.parent and span.parent.span_id == asked.context.span_id]
    assert [name.partition(" ")[0] for name in below] == ["view"]


def timing(get_response: Any) -> Any:
    @functools.wraps(get_response)
    def middleware(request: Any) -> Any:
        return get_response(request)

    return middleware


@pytest.mark.usefixtures("all_on")
def test_a_middleware_that_wears_anothers_name_has_the_one_of_the_settings(recorder: Recorder) -> None:
    from django.test import override_settings

    with override_settings(MIDDLEWARE=[f"{__name__}.timing"]):
        request(handler("wsgi"), "wsgi", "/items/1/")
    assert f"middleware {__name__}.timing" in names(recorder.take())
