"""Mako, on real templates."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from otel_instrumentors.mako import MakoInstrumentor
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented


class TestMakoContract(Contract):
    instrumentor = MakoInstrumentor

    @staticmethod
    def use() -> Any:
        from mako.runtime import Context
        from mako.template import Template

        template = Template("hello ${name}", strict_undefined=True)
        buffer = StringIO()
        template.render_context(Context(buffer, name="me"))
        return template.render(name="you"), template.render_unicode(name="us"), buffer.getvalue()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(MakoInstrumentor, recorder.provider):
        yield recorder


def test_a_template_is_named_by_its_uri_and_tells_its_file(recorder: Recorder, tmp_path: Path) -> None:
    from mako.lookup import TemplateLookup

    (tmp_path / "base.html").write_text("<${self.body()}>")
    (tmp_path / "page.html").write_text("<%inherit file='base.html'/>${x}")
    assert TemplateLookup([str(tmp_path)]).get_template("page.html").render_unicode(x=1) == "<1>"

    (span,) = recorder.take()
    assert (span.name, span.parent) == ("render_unicode page.html", None)
    assert dict(span.attributes or {}) == {
        "template.engine": "mako",
        "template.operation": "render_unicode",
        "template.name": "page.html",
        "template.path": str(tmp_path / "page.html"),
    }


def test_a_template_made_from_a_string_has_no_name(recorder: Recorder) -> None:
    from mako.template import Template

    Template("x").render()

    (span,) = recorder.take()
    assert (span.name, dict(span.attributes or {})) == (
        "render",
        {"template.engine": "mako", "template.operation": "render"},
    )


def test_a_part_of_a_template_is_named_by_its_function(recorder: Recorder, tmp_path: Path) -> None:
    from mako.template import Template

    text = "<%def name='greeting()'>hi</%def>"
    (tmp_path / "page.html").write_text(text)
    kept = Template(filename=str(tmp_path / "page.html"), uri="shop/page.html")
    assert kept.get_def("greeting").render() == Template(text).get_def("greeting").render() == "hi"

    assert [span.name for span in recorder.take()] == [
        "render shop_page_html.render_greeting",
        "render render_greeting",
    ]


def test_a_template_rendered_inside_another_is_its_child(recorder: Recorder) -> None:
    from mako.template import Template

    inner = Template("in", uri="inner")
    assert Template("${inner.render()}", uri="outer").render(inner=inner) == "in"

    child, parent = recorder.take()
    assert (child.name, parent.name) == ("render inner", "render outer")
    assert child.parent is not None
    assert child.parent.span_id == parent.context.span_id


def test_an_error_in_a_template_is_recorded_and_raised(recorder: Recorder) -> None:
    from mako.template import Template

    with pytest.raises(ZeroDivisionError):
        Template("${1 / 0}").render()

    (span,) = recorder.take()
    assert span.status.status_code.name == "ERROR"
    assert dict(span.attributes or {})["error.type"] == "ZeroDivisionError"


def test_a_template_made_before_instrumenting_and_a_name_imported_before_are_traced() -> None:
    from mako.template import Template

    template = Template("x")
    recorder = Recorder()
    with instrumented(MakoInstrumentor, recorder.provider):
        template.render()
        Template("y").render()

    assert [span.name for span in recorder.take()] == ["render", "render"]


def test_templates_are_rendered_by_tasks_side_by_side_each_below_its_own(recorder: Recorder) -> None:
    import asyncio

    from mako.template import Template

    tracer = recorder.provider.get_tracer("application")

    async def page(number: int) -> None:
        with tracer.start_as_current_span(f"page {number}"):
            await asyncio.sleep(0)
            Template("${n}", uri=f"{number}").render(n=number)

    async def pages() -> None:
        await asyncio.gather(page(1), page(2))

    asyncio.run(pages())

    spans = {span.name: span for span in recorder.take()}
    for number in (1, 2):
        parent = spans[f"render {number}"].parent
        assert parent is not None
        assert parent.span_id == spans[f"page {number}"].context.span_id
