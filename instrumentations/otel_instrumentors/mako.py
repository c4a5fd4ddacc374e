"""Mako: a span for each template rendered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .kernel.call import Call, SpanSpec
from .kernel.hooks.traced import traced
from .kernel.instrumentor import Instrumentor
from .semconv import templates

_FROM_TEXT = "memory:"
"""What Mako names the templates and modules that were made from a text alone; an address follows."""


def named(template: Any) -> Any:
    """The template's URI; of a part of a template (`get_def`) its function."""
    parent = getattr(template, "parent", None)
    if parent is None:
        return None if template.uri.startswith(_FROM_TEXT) else template.uri
    function = template.callable_
    if function.__module__.startswith(_FROM_TEXT):
        return function.__name__
    return f"{function.__module__}.{function.__name__}"


def rendering(operation: str) -> Callable[[Call], SpanSpec]:
    def rendering(call: Call) -> SpanSpec:
        template = call.instance
        return templates.span("mako", operation, named(template), getattr(template, "filename", None))

    return rendering


class MakoInstrumentor(Instrumentor):
    hooks = {
        "mako.template": {
            "Template.render": traced(rendering("render")),
            "Template.render_unicode": traced(rendering("render_unicode")),
            "Template.render_context": traced(rendering("render_context")),
        },
    }
