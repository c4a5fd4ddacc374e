"""A small site for the tests of Django and of what stands on it. Imported only once Django may be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from importlib.util import find_spec
from typing import Any

import django
from django.conf import settings
from opentelemetry import trace

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        # REST framework's own imports want them; they cannot be imported with Django 2.1 on Python 3.11.
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"] if find_spec("rest_framework") else [],
        MIDDLEWARE=[
            "django.middleware.common.CommonMiddleware",
            f"{__name__}.Guard",
            f"{__name__}.polite",
        ],
        REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [], "UNAUTHENTICATED_USER": None},
        ROOT_URLCONF=__name__,
        SECRET_KEY="not a secret",
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {"loaders": [("django.template.loaders.locmem.Loader", {"item.html": "item {{ n }}"})]},
            }
        ],
        USE_I18N=False,
        USE_TZ=True,
    )
    django.setup()
    logging.getLogger("django.request").disabled = True

from django.core.cache import caches
from django.core.exceptions import PermissionDenied
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.test import RequestFactory
from django.urls import include, path, re_path
from django.utils.functional import SimpleLazyObject
from django.views import View

Respond = Callable[[HttpRequest], HttpResponse]


class Guard:
    """A middleware that is a class: it refuses, and it takes one kind of exception."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "refused" in request.GET:
            return HttpResponse("refused", status=403)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> None:
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return HttpResponse("taken", status=410) if isinstance(error, LookupError) else None


def polite(get_response: Respond) -> Respond:
    """A middleware that is a function."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    return middleware


def item(request: HttpRequest, n: int) -> HttpResponse:
    return HttpResponse(f"item {n}")


def everything(request: HttpRequest) -> HttpResponse:
    """What the switches are for, once each."""
    caches["default"].set("key", "value")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 7")
        (n,) = cursor.fetchone()
    return TemplateResponse(request, "item.html", {"n": n})


def statement(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", [7])
        cursor.execute("SELECT 8")
        return HttpResponse(str(cursor.fetchone()[0]))


def queried(request: HttpRequest) -> HttpResponse:
    """What PostgreSQL was sent."""
    import psycopg

    with psycopg.connect(request.GET["url"]) as connection:
        row = connection.execute("SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()").fetchone()
    return HttpResponse(row[0] if row else "")


def boom(request: HttpRequest) -> HttpResponse:
    raise ValueError("the view failed")


def taken(request: HttpRequest) -> HttpResponse:
    raise LookupError("for the middleware")


def missing(request: HttpRequest) -> HttpResponse:
    raise Http404("not here")


def forbidden(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def broken(request: HttpRequest) -> HttpResponse:
    return HttpResponse("broken", status=503)


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[str]:
        for part in "abc":
            trace.get_tracer("app").start_span(f"part {part}").end()
            yield part

    return StreamingHttpResponse(parts())


def stream_broken(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[str]:
        yield "a"
        raise ValueError("in the middle")

    return StreamingHttpResponse(parts())


class User:
    is_authenticated = True
    pk = 7

    def __init__(self) -> None:
        self.username = "alice"


class Ghost:
    """A user that cannot be looked at."""

    __slots__ = ()

    @property
    def is_authenticated(self) -> bool:
        raise ValueError("who knows")


def ghost(request: HttpRequest) -> HttpResponse:
    request.user = Ghost()
    return HttpResponse("ghost")


def known(request: HttpRequest) -> HttpResponse:
    request.user = SimpleLazyObject(User)
    return HttpResponse(request.user.username)


def unknown(request: HttpRequest) -> HttpResponse:
    def asked() -> User:
        raise AssertionError("nobody asked for the user")

    request.user = SimpleLazyObject(asked)
    return HttpResponse("somebody")


class Shelf(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("shelf")


urlpatterns = [
    path("", item, {"n": 0}, name="front"),
    path("items/<int:n>/", item, name="item"),
    path("everything/", everything),
    path("statement/", statement),
    path("queried/", queried, name="queried"),
    path("boom/", boom),
    path("taken/", taken),
    path("missing/", missing),
    path("forbidden/", forbidden),
    path("broken/", broken),
    path("stream/", stream),
    path("stream/broken/", stream_broken),
    path("known/", known),
    path("unknown/", unknown),
    path("ghost/", ghost),
    path("shelf/", Shelf.as_view()),
    path(
        "shop/",
        include(
            ([path("items/<int:n>/", item, name="item"), path("queried/", queried, name="queried")], "shop"),
            namespace="upstairs",
        ),
    ),
    re_path(r"^old/(?P<n>[0-9]{4})/$", item),
]

if django.VERSION >= (3, 1):
    from inspect import iscoroutinefunction

    from django.utils.decorators import sync_and_async_middleware

    async def waited(request: HttpRequest, n: int) -> HttpResponse:
        await asyncio.sleep(0)
        return HttpResponse(f"waited {n}")

    async def boom_asynchronous(request: HttpRequest) -> HttpResponse:
        raise ValueError("the view failed")

    class AsynchronousShelf(View):
        async def get(self, request: HttpRequest) -> HttpResponse:
            await asyncio.sleep(0)
            return HttpResponse("shelf")

    class Patient:
        """A middleware that waits."""

        sync_capable = False
        async_capable = True

        def __init__(self, get_response: Any) -> None:
            from asgiref.sync import markcoroutinefunction

            self.get_response = get_response
            markcoroutinefunction(self)

        async def __call__(self, request: HttpRequest) -> HttpResponse:
            await asyncio.sleep(0)
            response: HttpResponse = await self.get_response(request)
            return response

    @sync_and_async_middleware
    def both(get_response: Any) -> Any:
        """A middleware that is a function of the kind that is wanted."""
        if iscoroutinefunction(get_response):

            async def waiting(request: HttpRequest) -> Any:
                return await get_response(request)

            return waiting
        return polite(get_response)

    async def ten_thousand(request: HttpRequest) -> StreamingHttpResponse:
        async def parts() -> AsyncIterator[bytes]:
            for _ in range(10_000):
                yield b"x"

        return StreamingHttpResponse(parts())

    async def endless(request: HttpRequest) -> StreamingHttpResponse:
        async def parts() -> AsyncIterator[bytes]:
            while True:
                await asyncio.sleep(0.001)
                yield b"x"

        return StreamingHttpResponse(parts())

    async def sleepy(request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(60)
        return HttpResponse("awake")

    urlpatterns += [
        path("waited/<int:n>/", waited),
        path("boom/asynchronous/", boom_asynchronous),
        path("shelf/asynchronous/", AsynchronousShelf.as_view()),
        path("stream/long/", ten_thousand),
        path("stream/endless/", endless),
        path("sleepy/", sleepy),
    ]


def forget_caches() -> None:
    """Caches are made once for each thread: have them made again."""
    if django.VERSION < (3, 2):
        vars(caches._caches).clear()
    elif hasattr(caches._connections, "default"):
        del caches["default"]


class Answer:
    """What came of a request."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.body = body


def ask(url: str, application: Any = None, method: str = "GET", **headers: str) -> Answer:
    """Call the application (a new one, where none is given) as a WSGI server does."""
    application = WSGIHandler() if application is None else application
    statuses: list[str] = []
    environ = RequestFactory().generic(method, url, **headers).environ
    response = application(environ, lambda status, *_rest: statuses.append(status))
    try:
        body = b"".join(response)
    finally:
        response.close()
    return Answer(int(statuses[0][:3]), body)
