"""Jinja2: a span for each template loaded, compiled and rendered."""

from __future__ import annotations

from typing import Any

from .kernel.call import Call, Outcome, SpanSpec
from .kernel.hooks.streamed_result import streamed_result
from .kernel.hooks.traced import traced
from .kernel.instrumentor import Instrumentor
from .semconv import templates


def render(call: Call) -> SpanSpec | None:
    # In an asynchronous environment the synchronous methods call their asynchronous twins.
    if call.instance.environment.is_async:
        return None
    return templates.span("jinja2", "render", call.instance.name)


def render_async(call: Call) -> SpanSpec:
    return templates.span("jinja2", "render", call.instance.name)


def compile(call: Call) -> SpanSpec:
    return templates.span("jinja2", "compile", call.arg(1, "name"))


def load(call: Call) -> SpanSpec:
    return templates.span("jinja2", "load", call.arg(0, "name"))


def loaded(_call: Call, template: Any) -> Outcome | None:
    return templates.loaded(template.filename)


class Jinja2Instrumentor(Instrumentor):
    # Not its module `environment`: before 3.0 the package puts other methods into it when it has been imported, among
    # them a `generate` that is no generator, but returns one.
    hooks = {
        "jinja2": {
            "Template.render": traced(render),
            "Template.generate": traced(render, hold=streamed_result()),
            "Template.render_async": traced(render_async),
            "Template.generate_async": traced(render_async),
            "Environment.compile": traced(compile),
            "Environment._load_template": traced(load, loaded),
        },
    }
