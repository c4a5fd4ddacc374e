"""Jinja2, on real templates."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otel_instrumentors.jinja2 import Jinja2Instrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented


class TestJinja2Contract(Contract):
    instrumentor = Jinja2Instrumentor

    @staticmethod
    def use() -> Any:
        import jinja2

        environment = jinja2.Environment(loader=jinja2.DictLoader({"a.html": "hello {{ name }}"}))
        template = environment.get_template("a.html")
        awaited = jinja2.Environment(enable_async=True).from_string("{{ x }}!")

        async def rendered() -> tuple[str, list[str]]:
            return await awaited.render_async(x=1), [part async for part in awaited.generate_async(x=2)]

        return template.render(name="you"), "".join(template.generate(name="me")), asyncio.run(rendered())


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(Jinja2Instrumentor, recorder.provider):
        yield recorder


def test_loading_compiling_and_rendering_are_spans_that_nest(recorder: Recorder, tmp_path: Path) -> None:
    import jinja2

    (tmp_path / "base.html").write_text("<{% block body %}{% endblock %}>")
    (tmp_path / "page.html").write_text("{% extends 'base.html' %}{% block body %}{{ x }}{% endblock %}")
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(str(tmp_path)))
    assert environment.get_template("page.html").render(x=1) == "<1>"

    spans = {span.name: span for span in recorder.take()}
    parents = {span.context.span_id: name for name, span in spans.items()}
    assert {name: parents.get(span.parent.span_id) if span.parent else None for name, span in spans.items()} == {
        "load page.html": None,
        "compile page.html": "load page.html",
        "render page.html": None,
        "load base.html": "render page.html",
        "compile base.html": "load base.html",
    }
    assert dict(spans["load page.html"].attributes or {}) == {
        "template.engine": "jinja2",
        "template.operation": "load",
        "template.name": "page.html",
        "template.path": str(tmp_path / "page.html"),
    }


def test_a_template_made_from_a_string_has_no_name(recorder: Recorder) -> None:
    import jinja2

    jinja2.Template("x").render()

    assert [(span.name, dict(span.attributes or {})) for span in recorder.take()] == [
        ("compile", {"template.engine": "jinja2", "template.operation": "compile"}),
        ("render", {"template.engine": "jinja2", "template.operation": "render"}),
    ]


def test_an_error_in_a_template_is_recorded_and_raised(recorder: Recorder) -> None:
    import jinja2

    template = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string("{{ missing }}")
    recorder.take()
    with pytest.raises(jinja2.UndefinedError):
        template.render()
    with pytest.raises(jinja2.UndefinedError):
        list(template.generate())

    for span in recorder.take():
        assert span.status.status_code.name == "ERROR"
        assert dict(span.attributes or {})["error.type"] == "jinja2.exceptions.UndefinedError"


def test_an_asynchronous_environment_renders_once_however_it_is_called(recorder: Recorder) -> None:
    import jinja2

    template = jinja2.Environment(enable_async=True).from_string("{{ x }}")
    recorder.take()
    # Before 3.0 it runs in the thread's own loop.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        assert template.render(x=1) == "1"
        assert "".join(template.generate(x=2)) == "2"
    finally:
        asyncio.set_event_loop(None)
        loop.close()

    assert [span.name for span in recorder.take()] == ["render", "render"]


def test_what_is_traced_between_two_parts_of_a_template_is_not_its_child(recorder: Recorder) -> None:
    import jinja2

    template = jinja2.Environment().from_string("a{% for i in range(3) %}{{ i }}{% endfor %}")
    recorder.take()
    tracer = recorder.provider.get_tracer("consumer")
    for _ in template.generate():
        tracer.start_span("between").end()

    spans = recorder.take()
    assert {span.name for span in spans} == {"between", "render"}
    assert [span.parent for span in spans] == [None] * len(spans)
