"""Template engines whose templates are their files."""

from __future__ import annotations

from typing import Any

import pytest

from otel_dd_distro import settings
from otel_dd_distro.translate import Translator

from ..spans import chunk, ours


def rendered(attributes: dict[str, Any], **variables: str) -> dict[str, Any]:
    made = ours("mako", {"template.engine": "mako", "template.operation": "render", **attributes})
    [entry] = Translator(settings.read(variables, argv=["-"])).chunk(chunk(made), native_events=True)
    return entry


def test_a_template_is_its_file() -> None:
    entry = rendered({"template.name": "page.html", "template.path": "/shop/page.html"})
    assert (entry["name"], entry["resource"], entry["type"]) == ("mako.template.render", "/shop/page.html", "template")
    assert entry["metrics"].items() >= {"_dd.measured": 1, "_dd.top_level": 1}.items()
    own = {key: value for key, value in entry["meta"].items() if key.startswith(("mako", "template", "comp", "_dd.s"))}
    assert own == {"component": "mako", "mako.template_name": "/shop/page.html", "_dd.svc_src": "m"}


@pytest.mark.parametrize(("name", "resource"), [("page_html.render_cup", "page_html.render_cup"), (None, "<memory>")])
def test_without_a_file_it_is_its_name(name: str | None, resource: str) -> None:
    entry = rendered({"template.name": name} if name else {})
    assert (entry["resource"], entry["meta"]["mako.template_name"]) == (resource, resource)


@pytest.mark.parametrize("operation", ["render_unicode", "render_context"])
def test_every_way_of_rendering_is_an_operation(operation: str) -> None:
    assert rendered({"template.operation": operation})["name"] == f"mako.template.{operation}"


@pytest.mark.parametrize(
    ("variables", "service", "source"),
    [
        ({}, "mako", "m"),
        ({"DD_SERVICE": "shop"}, "shop", "m"),
        ({"DD_MAKO_SERVICE": "cups"}, "cups", "m"),
        ({"DD_SERVICE_MAPPING": "mako:tea"}, "tea", "m"),
        ({"DD_TRACE_SPAN_ATTRIBUTE_SCHEMA": "v1"}, "unnamed-python-service", "mako"),
        ({"DD_TRACE_SPAN_ATTRIBUTE_SCHEMA": "v1", "DD_SERVICE": "shop"}, "shop", "m"),
    ],
)
def test_the_librarys_own_name_counts_as_a_service_that_was_given(
    variables: dict[str, str], service: str, source: str
) -> None:
    entry = rendered({}, **variables)
    assert (entry["service"], entry["meta"]["_dd.svc_src"]) == (service, source)


@pytest.mark.parametrize(
    ("folder", "told"), [({}, "/tea.html"), ({"aiohttp_jinja2.package_path": "pages"}, "pages/tea.html")]
)
def test_a_template_of_aiohttp_is_named_with_its_folder(folder: dict[str, str], told: str) -> None:
    attributes = {"template.engine": "aiohttp_jinja2", "template.operation": "render", "template.name": "tea.html"}
    (entry,) = Translator(settings.read({}, argv=["-"])).chunk(
        chunk(ours("aiohttp_jinja2", {**attributes, **folder})), native_events=True
    )
    assert (entry["name"], entry["resource"], entry["type"]) == ("aiohttp.template", "aiohttp.template", "template")
    meta = {key: value for key, value in entry["meta"].items() if key.startswith(("aiohttp", "template", "component"))}
    assert meta == {"aiohttp.template": told, "component": "aiohttp_jinja2"}
