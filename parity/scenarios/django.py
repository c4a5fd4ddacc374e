"""Django: requests by WSGI and ASGI, plain and asynchronous views, streamed, failing, unknown; middleware; who asks."""

from __future__ import annotations

import asyncio
import http.client
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.conf import settings
from steps import step

SETTINGS = {"DD_SERVICE": "Teahouse", "DD_ENV": "Prod", "DD_VERSION": "1.2.3"}

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "tea.sqlite"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "__main__.Doorkeeper",
        "__main__.polite",
    ],
    ROOT_URLCONF="__main__",
    SECRET_KEY="leaf",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {"loaders": [
        ("django.template.loaders.locmem.Loader", {"menu.html": "{{ tea }}", "500.html": "sorry"})]}}],
    USE_TZ=True,
)  # fmt: skip
logging.disable(logging.CRITICAL)

django.setup()

from django.contrib.auth import authenticate, login  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.core.exceptions import PermissionDenied  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse  # noqa: E402
from django.template.response import TemplateResponse  # noqa: E402
from django.urls import include, path, re_path  # noqa: E402
from django.views import View  # noqa: E402


class Doorkeeper:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/cellar/dark"):
            return HttpResponse("keep out", status=403)
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return HttpResponse("sold out", status=410) if isinstance(error, LookupError) else None


def polite(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["X-Guest"] = "Alice"
        return response

    return middleware


def front(request: HttpRequest) -> HttpResponse:
    return HttpResponse("tea")


def tea(request: HttpRequest, kind: str, cups: int) -> HttpResponse:
    return HttpResponse(f"{cups} {kind}", status=201 if request.method == "POST" else 200)


tea.csrf_exempt = True


def menu(request: HttpRequest) -> HttpResponse:
    return TemplateResponse(request, "menu.html", {"tea": "green"})


def slow(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(str(number) for number in range(3))


def slow_broken(request: HttpRequest) -> StreamingHttpResponse:
    def body() -> Iterator[str]:
        yield "1"
        raise RuntimeError("the pot is empty")

    return StreamingHttpResponse(body())


async def slow_asynchronous(request: HttpRequest) -> StreamingHttpResponse:
    async def body() -> AsyncIterator[str]:
        for number in range(3):
            yield str(number)

    return StreamingHttpResponse(body())


def boom(request: HttpRequest) -> HttpResponse:
    raise ValueError("no tea")


async def boom_asynchronous(request: HttpRequest) -> HttpResponse:
    raise ValueError("no tea")


def sold_out(request: HttpRequest) -> HttpResponse:
    raise LookupError("green")


def later(request: HttpRequest) -> HttpResponse:
    return HttpResponse("later", status=503)


def gone(request: HttpRequest) -> HttpResponse:
    raise Http404("no such tea")


def forbidden(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


async def steeped(request: HttpRequest, minutes: int) -> HttpResponse:
    await asyncio.sleep(0)
    return HttpResponse(str(minutes))


def door(request: HttpRequest) -> HttpResponse:
    login(request, authenticate(request, username="alice", password="rabbit"))
    return HttpResponse("welcome")


def who(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(request.user))


class Shelf(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("shelf")


def keys(request: HttpRequest, number: int, **more: Any) -> HttpResponse:
    return HttpResponse(str(number))


office = ([path("keys/<int:number>/", keys, name="keys")], "office")
urlpatterns = [
    path("", front, name="front"),
    path("tea/<str:kind>/<int:cups>/", tea, name="tea"),
    path("menu/", menu),
    path("slow/", slow),
    path("slow/broken/", slow_broken),
    path("slow/asynchronous/", slow_asynchronous),
    path("boom/", boom),
    path("boom/asynchronous/", boom_asynchronous),
    path("sold-out/", sold_out),
    path("later/", later),
    path("gone/", gone),
    path("forbidden/", forbidden),
    path("steeped/<int:minutes>/", steeped),
    path("door/", door),
    path("who/", who),
    path("cellar/dark/", front),
    path("shelf/", Shelf.as_view(), name="shelf"),
    path("office/", include(office, namespace="upstairs")),
    re_path(r"^old/(?P<year>[0-9]{4})/$", keys, {"number": 1}),
]


class Quiet(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        pass

    def get_stderr(self) -> Any:
        return open("/dev/null", "w")


class Threaded(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def ask(path: str, method: str = "GET", **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request(method, path, headers={"User-Agent": "guest/1", **headers})
    with connection.getresponse() as answer:
        answer.read()
        jar.update(cookie.split(";")[0].split("=", 1) for cookie in answer.headers.get_all("Set-Cookie", []))
    connection.close()
    return answer.status


def asked(path: str, method: str = "GET", query: str = "", **headers: str) -> int:
    """The same by ASGI, as a server would call the application."""
    sent: list[dict[str, Any]] = []

    async def call() -> None:
        messages = [{"type": "http.request", "body": b"", "more_body": False}]
        over = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await over.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                over.set()

        pairs = {"host": "127.0.0.1:8000", "user-agent": "guest/1", **headers}
        await asgi(
            {
                "type": "http",
                "asgi": {"version": "3.0", "spec_version": "2.3"},
                "http_version": "1.1",
                "method": method,
                "scheme": "http",
                "path": path,
                "raw_path": path.encode(),
                "query_string": query.encode(),
                "root_path": "",
                "headers": [(name.lower().encode(), value.encode()) for name, value in pairs.items()],
                "client": ("127.0.0.1", 40000),
                "server": ("127.0.0.1", 8000),
            },
            receive,
            send,
        )

    asyncio.run(call())
    return int(sent[0]["status"])


jar: dict[str, str] = {}

with step("tables and a user are made"):
    call_command("migrate", verbosity=0)
    User.objects.create_user("alice", password="rabbit")

server = make_server("127.0.0.1", 0, get_wsgi_application(), Threaded, Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()
asgi = get_asgi_application()

for path_, name, *expected in (
    ("/", "a page"),
    ("/tea/green/2/", "a route with arguments"),
    ("/menu/", "a page made from a template"),
    ("/slow/", "a streamed body"),
    ("/boom/", "an exception in a view", 500),
    ("/sold-out/", "an exception that a middleware takes", 410),
    ("/later/", "an error that is answered", 503),
    ("/gone/", "a 404 of a view", 404),
    ("/forbidden/", "a 403 of a view", 403),
    ("/no/such/page/", "no such page", 404),
    ("/who", "a slash too few", 301),
    ("/cellar/dark/", "refused by a middleware", 403),
    ("/steeped/3/", "an asynchronous view"),
    ("/boom/asynchronous/", "an exception in an asynchronous view", 500),
    ("/shelf/", "a view that is a class"),
    ("/office/keys/1/", "a route of an included application"),
    ("/old/1999/", "a route that is a regular expression"),
    ("/who/", "a view that asks who it is"),
    ("/tea/gr\u00fcn 100%/2/", "an odd URL"),
):
    quoted = path_.replace("%", "%25").replace("\u00fc", "%C3%BC").replace(" ", "%20")
    with step(name):
        assert ask(quoted) == (expected[0] if expected else 200), path_
    with step(f"{name}, by ASGI"):
        assert asked(path_) == (expected[0] if expected else 200), path_

with step("another method"):
    assert ask("/tea/green/2/", "POST") == 201

with step("no such method"):
    assert ask("/shelf/", "DELETE") == 403

with step("a forged form"):
    assert ask("/menu/", "POST") == 403

with step("HEAD"):
    assert ask("/menu/", "HEAD") == 200

with step("a streamed body that breaks off", http.client.IncompleteRead, ConnectionError):
    ask("/slow/broken/")
    raise ConnectionError  # HTTP/1.0: the client cannot tell

with step("a body streamed asynchronously, by ASGI"):
    assert asked("/slow/asynchronous/") == 200

with step("logged in"):
    assert ask("/door/") == 200

with step("known"):
    assert ask("/who/", Cookie=f"sessionid={jar['sessionid']}") == 200

with step("secrets in the query"):
    assert ask("/?token=abc&page=1&password=hunter2") == 200

with step("secrets in the query, by ASGI"):
    assert asked("/", query="token=abc&page=1") == 200

continued = {
    "x-datadog-trace-id": "1311768467463790320",
    "x-datadog-parent-id": "77",
    "x-datadog-sampling-priority": "2",
    "x-datadog-origin": "synthetics",
}
with step("continued from a service traced by Datadog"):
    assert ask("/", **continued) == 200

with step("continued from a service traced by Datadog, by ASGI"):
    assert asked("/", **continued) == 200

with step("continued from a service traced by OpenTelemetry"):
    assert ask("/", traceparent="00-640cfd8d0000abcd12345678901234f2-000000000000004d-01") == 200
