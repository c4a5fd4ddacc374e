"""The WSGI middleware around an application of nobody's framework, on wsgiref's server; ddtrace has a class for it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

from guest import serve
from steps import step

# Each by its own class: this is the one line in which the two programs differ.
if importlib.util.find_spec("ddtrace"):
    from ddtrace.contrib.wsgi import DDWSGIMiddleware as Middleware
else:
    from otel_instrumentors.wsgi import OpenTelemetryMiddleware as Middleware

BESIDE = ("parity/guest.py",)
SETTINGS = {"DD_SERVICE": "teahouse"}
STATUSES = {"/moved": "307 Temporary Redirect", "/gone": "404 Not Found", "/not-yet": "503 Service Unavailable"}


def teahouse(environ: dict[str, Any], start_response: Any) -> Any:
    path = environ["PATH_INFO"]
    if path == "/failing":
        raise ValueError("no tea")
    start_response(STATUSES.get(path, "200 OK"), [("Content-Type", "text/plain")])
    return parts() if path == "/slow" else [b"tea"]


def parts() -> Iterator[bytes]:
    for _ in range(3):
        yield b"tea"


ask = serve(Middleware(teahouse))


with step("a page"):
    assert ask("/") == 200

with step("another method of it"):
    assert ask("/", "POST") == 200

with step("a streamed body"):
    assert ask("/slow") == 200

with step("an exception"):
    assert ask("/failing") == 500

with step("no such page"):
    assert ask("/gone") == 404

with step("an error by status alone"):
    assert ask("/not-yet") == 503

with step("moved elsewhere"):
    assert ask("/moved") == 307

with step("secrets in the query"):
    assert ask("/tea?token=abc&page=1&password=hunter2") == 200

with step("an odd URL"):
    assert ask("/tea/gr%C3%BCn%3F/2?q=%20%C3%A9&empty") == 200

with step("another host, and where the guest comes from"):
    assert ask("/", Host="tea.example", Referer="https://guide.example/tea?page=1") == 200

with step("continued from a service traced by Datadog"):
    ask("/", **{"x-datadog-trace-id": "1311768467463790320", "x-datadog-parent-id": "77"})

with step("continued by W3C headers"):
    ask("/", traceparent="00-640cfd8d0000abcd12345678901234f1-000000000000004d-01", tracestate="dd=s:1,other=1")
