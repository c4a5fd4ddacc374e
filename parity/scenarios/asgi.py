"""The ASGI middleware around an application of nobody's framework, under uvicorn; ddtrace has a class for it."""

from __future__ import annotations

import importlib.util
import threading
import time
from typing import Any

import uvicorn
from guest import guest_of
from steps import step

# Each by its own class: this is the one line in which the two programs differ.
if importlib.util.find_spec("ddtrace"):
    from ddtrace.contrib.asgi import TraceMiddleware as Middleware
else:
    from otel_instrumentors.asgi import OpenTelemetryMiddleware as Middleware

BESIDE = ("parity/guest.py",)
SETTINGS = {"DD_SERVICE": "teahouse"}
STATUSES = {"/": 200, "/moved": 307, "/gone": 404, "/not-yet": 503, "/slow": 200}


async def teahouse(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await receive()
    if scope["path"] == "/failing":
        raise ValueError("no tea")
    status = STATUSES.get(scope["path"], 200)
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]})
    for _ in range(3 if scope["path"] == "/slow" else 0):
        await send({"type": "http.response.body", "body": b"tea", "more_body": True})
    await send({"type": "http.response.body", "body": b"tea"})


server = uvicorn.Server(uvicorn.Config(Middleware(teahouse), port=0, log_level="critical", lifespan="off"))
threading.Thread(target=server.run, daemon=True).start()
while not server.started:
    time.sleep(0.01)
ask = guest_of(server.servers[0].sockets[0].getsockname()[1])


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
