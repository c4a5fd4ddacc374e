"""aiohttp_jinja2, in applications of aiohttp's own test client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from otel_instrumentors.aiohttp_jinja2 import AiohttpJinja2Instrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented


def asked(make: Callable[[], Any], path: str = "/") -> tuple[int, str]:
    """What an application answers."""
    from aiohttp.test_utils import TestClient, TestServer

    async def ask() -> tuple[int, str]:
        async with TestClient(TestServer(make())) as client:
            answer = await client.get(path)
            return answer.status, await answer.text()

    return asyncio.run(ask())


def application(**options: Any) -> Any:
    import aiohttp_jinja2
    import jinja2
    from aiohttp import web

    async def called(request: web.Request) -> web.Response:
        return aiohttp_jinja2.render_template("tea.html", request, {"kind": "green"})

    @aiohttp_jinja2.template("tea.html")
    async def decorated(request: web.Request) -> dict[str, str]:
        return {"kind": "black"}

    @aiohttp_jinja2.template("no.html")
    async def missing(request: web.Request) -> dict[str, str]:
        return {}

    app, below = web.Application(), web.Application()
    options.setdefault("loader", jinja2.DictLoader({"tea.html": "{{ kind }} tea"}))
    aiohttp_jinja2.setup(app, **options)
    below.router.add_get("/", decorated)
    app.router.add_get("/", called)
    app.router.add_get("/decorated", decorated)
    app.router.add_get("/missing", missing)
    app.add_subapp("/below", below)
    return app


def requested(app: Any) -> Any:
    """A request as handlers of an application get it."""
    from aiohttp.test_utils import make_mocked_request

    return make_mocked_request("GET", "/", app=app)


class TestAiohttpJinja2Contract(Contract):
    instrumentor = AiohttpJinja2Instrumentor

    @staticmethod
    def use() -> Any:
        import aiohttp_jinja2

        app = application()

        async def rendered() -> Any:
            one = aiohttp_jinja2.render_template("tea.html", requested(app), {"kind": "green"})
            other = await aiohttp_jinja2.render_template_async("tea.html", requested(slow), {"kind": "black"})
            return one.text, other.text

        slow = application(enable_async=True)
        return asyncio.run(rendered())


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(AiohttpJinja2Instrumentor, recorder.provider):
        yield recorder


def shown(recorder: Recorder) -> list[dict[str, Any]]:
    return [{"name": span.name, **dict(span.attributes or {})} for span in recorder.take()]


TEA = {
    "name": "render tea.html",
    "template.engine": "aiohttp_jinja2",
    "template.operation": "render",
    "template.name": "tea.html",
}


@pytest.mark.parametrize("path", ["/", "/decorated", "/below/"])
def test_a_template_that_a_handler_renders_is_a_span_however_it_is_asked_for(recorder: Recorder, path: str) -> None:
    assert asked(application, path) == (200, "green tea" if path == "/" else "black tea")
    assert shown(recorder) == [TEA]


def test_one_that_is_rendered_asynchronously_is_a_span(recorder: Recorder) -> None:
    assert asked(lambda: application(enable_async=True), "/decorated") == (200, "black tea")
    assert shown(recorder) == [TEA]


def test_the_folder_of_a_package_is_told(recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import jinja2

    (tmp_path / "teahouse" / "pages").mkdir(parents=True)
    (tmp_path / "teahouse" / "__init__.py").touch()
    (tmp_path / "teahouse" / "pages" / "tea.html").write_text("{{ kind }} tea")
    monkeypatch.syspath_prepend(tmp_path)

    assert asked(lambda: application(loader=jinja2.PackageLoader("teahouse", "pages"))) == (200, "green tea")
    (span,) = shown(recorder)
    assert span.pop("aiohttp_jinja2.package_path").endswith("pages")
    assert span == TEA


def test_a_template_that_is_not_there_is_an_error_and_answered_as_before(recorder: Recorder) -> None:
    assert asked(application, "/missing") == (500, "Template 'no.html' not found")
    (span,) = shown(recorder)
    assert (span["name"], span["error.type"]) == ("render no.html", "aiohttp.web_exceptions.HTTPInternalServerError")
