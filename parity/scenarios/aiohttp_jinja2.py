"""aiohttp_jinja2: templates of handlers, called and decorated, of a package, missing; what Jinja2 does below them."""

from __future__ import annotations

import asyncio
import http.client
import logging
import sys
import threading
from pathlib import Path

import aiohttp_jinja2
import jinja2
from aiohttp import web
from steps import step

SETTINGS = {"DD_SERVICE": "teahouse", "DD_ENV": "prod"}

logging.disable()
Path("house/pages").mkdir(parents=True)
Path("house/__init__.py").touch()
Path("house/pages/tea.html").write_text("{{ kind }} tea")
sys.path.insert(0, "")


async def called(request: web.Request) -> web.Response:
    return aiohttp_jinja2.render_template("tea.html", request, {"kind": "green"})


@aiohttp_jinja2.template("tea.html")
async def decorated(request: web.Request) -> dict[str, str]:
    return {"kind": "black"}


@aiohttp_jinja2.template("no.html")
async def missing(request: web.Request) -> dict[str, str]:
    return {}


def application(loader: jinja2.BaseLoader) -> web.Application:
    app = web.Application()
    aiohttp_jinja2.setup(app, loader=loader)
    app.router.add_get("/called", called)
    app.router.add_get("/decorated", decorated)
    app.router.add_get("/missing", missing)
    if "ddtrace" in sys.modules:
        from ddtrace.contrib.aiohttp import trace_app

        trace_app(app)
    return app


ready = threading.Event()
ports: list[int] = []


async def serve(*loaders: jinja2.BaseLoader) -> None:
    for loader in loaders:
        runner = web.AppRunner(application(loader))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ports.append(runner.addresses[0][1])
    ready.set()
    await asyncio.Event().wait()


texts, package = jinja2.DictLoader({"tea.html": "{{ kind }} tea"}), jinja2.PackageLoader("house", "pages")
threading.Thread(target=lambda: asyncio.run(serve(texts, package)), daemon=True).start()
ready.wait(10)


def ask(path: str, which: int = 0) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", ports[which], timeout=10)
    connection.request("GET", path, headers={"User-Agent": "guest/1"})
    with connection.getresponse() as answer:
        answer.read()
    connection.close()
    return answer.status


with step("called"):
    assert ask("/called") == 200

with step("decorated"):
    assert ask("/decorated") == 200

with step("no such template"):
    assert ask("/missing") == 500

with step("of a package"):
    assert ask("/called", 1) == 200
