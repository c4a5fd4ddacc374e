"""aiohttp_jinja2: a span for each template that an aiohttp handler renders."""

from __future__ import annotations

from typing import Any

from .kernel.call import Call, SpanSpec
from .kernel.hooks.traced import traced
from .kernel.instrumentor import Instrumentor
from .semconv import templates

FOLDER = "aiohttp_jinja2.package_path"
"""Where in its package a loader looks for templates."""


def render(call: Call) -> SpanSpec:
    spec = templates.span("aiohttp_jinja2", "render", call.arg(0, "template_name"))
    folder = getattr(getattr(_environment(call), "loader", None), "package_path", None)
    return SpanSpec(spec.name, attributes={**(spec.attributes or {}), FOLDER: str(folder)}) if folder else spec


def _environment(call: Call) -> Any:
    from aiohttp_jinja2 import APP_KEY

    # An application below another one has that of the one above.
    return call.arg(1, "request").config_dict.get(call.kwargs.get("app_key", APP_KEY))


class AiohttpJinja2Instrumentor(Instrumentor):
    hooks = {
        "aiohttp_jinja2": {
            # The decorator `template` calls these, too.
            "render_template": traced(render),
            "render_template_async": traced(render),
        },
    }
