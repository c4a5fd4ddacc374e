"""Web frameworks by Datadog's names: what the parity scenarios, with nothing set, do not show."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from otel_dd_distro import settings
from otel_dd_distro.translate import Translator

from ..spans import chunk, ours

REQUEST = {
    "http.request.method": "GET",
    "url.scheme": "http",
    "url.path": "/tea/gr%C3%BCn",
    "url.query": "token=abc",
    "server.address": "shop.example",
    "server.port": 8080,
    "http.response.status_code": 200,
}


def translated(plugin: str, attributes: dict[str, Any], **variables: str) -> dict[str, Any]:
    read = settings.read(variables, argv=())
    known = {key: value for key, value in {**REQUEST, **attributes}.items() if value is not None}
    span = ours(plugin, known, kind=SpanKind.SERVER)
    (entry,) = Translator(read).chunk(chunk(span), native_events=True)
    return entry


@pytest.mark.parametrize(
    ("plugin", "attributes", "resource"),
    [
        ("asgi", {}, "GET /tea/gr\u00fcn"),
        ("asgi", {"http.route": "/tea/{kind}"}, "GET /tea/{kind}"),
        ("asgi", {"url.scheme": "ws", "http.response.status_code": 101}, "websocket /tea/gr\u00fcn"),
        ("bottle", {"http.route": "/tea/<kind>"}, "GET /tea/<kind>"),
        ("bottle", {"http.route": "/shop/tea/<kind>", "bottle.rule": "/tea/<kind>"}, "GET /tea/<kind>"),
        ("bottle", {}, "GET 200"),
        ("bottle", {"http.request.method": "_OTHER", "http.request.method_original": "BREW"}, "BREW 200"),
        ("falcon", {"http.route": "/tea/{kind}", "falcon.resource": "tea.Green"}, "GET tea.Green"),
        ("falcon", {}, "GET 200"),
        ("falcon", {"http.response.status_code": None}, "GET"),
        ("fastapi", {"http.route": "/tea/{kind}"}, "GET /tea/{kind}"),
        ("fastapi", {"http.response.status_code": 404}, "GET 404"),
        ("molten", {"http.route": "/tea/{kind}", "molten.route": "tea", "molten.version": "1.0.2"}, "GET /tea/{kind}"),
        ("molten", {"http.response.status_code": 404, "molten.version": "1.0.2"}, "GET 404"),
        ("pylons", {"pylons.route.controller": "tea", "pylons.route.action": "green"}, "tea.green"),
        ("pylons", {"pylons.route.controller": "tea"}, "tea"),
        ("pylons", {"http.response.status_code": 404}, "GET 404"),
        ("pyramid", {"http.route": "/tea/{kind}", "pyramid.route.name": "tea"}, "GET tea"),
        ("pyramid", {"pyramid.context": "tea.Cup"}, "GET tea.Cup"),
        ("pyramid", {"pyramid.context": "tea.Cup", "pyramid.view_name": "edit"}, "GET tea.Cup/edit"),
        ("pyramid", {"http.response.status_code": 404}, "404"),
        ("starlette", {"http.route": "/tea/{kind}"}, "GET /tea/{kind}"),
        ("starlette", {"http.response.status_code": 404}, "GET 404"),
        ("starlette", {"url.scheme": "wss", "http.route": "/chat/{room}"}, "websocket /chat/{room}"),
        ("wsgi", {}, "GET /tea/gr\u00fcn"),
        ("wsgi", {"http.route": "/tea/<kind>"}, "GET /tea/<kind>"),
    ],
)
def test_a_request_is_named_as_its_framework_names_it(plugin: str, attributes: dict[str, Any], resource: str) -> None:
    entry = translated(plugin, attributes)
    assert (entry["name"], entry["resource"], entry["type"]) == (f"{plugin}.request", resource, "web")
    assert entry["metrics"].get("_dd.measured") == (None if plugin in ("asgi", "fastapi", "starlette", "wsgi") else 1)
    assert (entry["meta"]["component"], entry["meta"]["span.kind"]) == (plugin, "server")
    told = {"molten.route", "molten.version", "pylons.route.action", "pylons.route.controller", "pyramid.route.name"}
    assert {key for key in entry["meta"] if key.startswith((f"{plugin}.", "url.", "server."))} <= told


@pytest.mark.parametrize(
    ("plugin", "path"),
    [
        ("bottle", "/tea/gr%C3%BCn"),
        ("falcon", "/tea/grün"),
        ("molten", "/tea/grün"),
        ("pylons", "/tea/grün"),
        ("pyramid", "/tea/gr%C3%BCn"),
    ],
)
def test_a_path_is_shown_as_its_framework_shows_it(plugin: str, path: str) -> None:
    meta = translated(plugin, {})["meta"]
    assert meta["http.url"] == f"http://shop.example:8080{path}?<redacted>"


@pytest.mark.parametrize(
    ("plugin", "variables", "service", "source"),
    [
        ("bottle", {}, "bottle", "m"),
        ("bottle", {"DD_SERVICE": "Shop"}, "Shop", "m"),
        ("bottle", {"DD_SERVICE": "shop", "DD_SERVICE_MAPPING": "shop:x"}, "x", "opt.service_mapping"),
        ("bottle", {"DD_SERVICE_MAPPING": "bottle:x"}, "x", "opt.service_mapping"),
        ("falcon", {}, "falcon", "m"),
        ("falcon", {"DD_SERVICE": "Shop"}, "falcon", "m"),
        ("falcon", {"DD_SERVICE": "shop", "DD_FALCON_SERVICE": "front"}, "front", "m"),
        ("falcon", {"DD_SERVICE_MAPPING": "falcon:x"}, "x", "opt.service_mapping"),
        ("molten", {}, "molten", "molten"),
        ("molten", {"DD_SERVICE": "shop"}, "shop", "m"),
        ("molten", {"DD_SERVICE": "shop", "DD_MOLTEN_SERVICE": "front"}, "front", "m"),
        ("molten", {"DD_SERVICE_MAPPING": "molten:x"}, "x", "opt.service_mapping"),
        ("pylons", {}, "pylons", "pylons"),
        ("pylons", {"DD_SERVICE": "shop"}, "shop", "m"),
        ("pyramid", {}, "pyramid", "m"),
        ("pyramid", {"DD_SERVICE": "Shop"}, "Shop", "m"),
        ("pyramid", {"DD_SERVICE_MAPPING": "pyramid:x"}, "x", "opt.service_mapping"),
        ("fastapi", {}, "fastapi", "fastapi"),
        ("starlette", {"DD_SERVICE": "shop"}, "starlette", "starlette"),
    ],
)
def test_the_service_is_named_and_its_source_told_as_recorded_of_ddtrace(
    plugin: str, variables: dict[str, str], service: str, source: str
) -> None:
    entry = translated(plugin, {}, **variables)
    assert (entry["service"], entry["meta"]["_dd.svc_src"]) == (service, source)


def test_schema_v1_has_one_name_for_all() -> None:
    assert translated("bottle", {}, DD_TRACE_SPAN_ATTRIBUTE_SCHEMA="v1")["name"] == "http.server.request"


@pytest.mark.parametrize("plugin", ["bottle", "molten", "pylons", "pyramid"])
def test_a_request_that_an_exception_leaves_unanswered_is_a_500(plugin: str) -> None:
    entry = translated(plugin, {"http.response.status_code": None, "error.type": "ValueError"})
    assert entry["meta"]["http.status_code"] == "500"


@pytest.mark.parametrize(
    ("plugin", "kind", "name"), [("pylons", "", "page.html"), ("pyramid", "template", None)], ids=["pylons", "pyramid"]
)
def test_what_a_framework_renders_tells_as_much_as_it_does_in_ddtrace(plugin: str, kind: str, name: str | None) -> None:
    attributes = {"template.engine": plugin, "template.operation": "render", "template.name": "page.html"}
    read = settings.read({}, argv=())
    (entry,) = Translator(read).chunk(chunk(ours(plugin, attributes)), native_events=True)
    assert (entry["name"], entry["resource"], entry.get("type", "")) == (f"{plugin}.render", f"{plugin}.render", kind)
    assert (entry["service"], entry["meta"]["component"]) == (plugin, plugin)
    assert {key: entry["meta"][key] for key in entry["meta"] if "template" in key} == (
        {"template.name": name} if name else {}
    )


def test_a_websocket_is_an_upgraded_request() -> None:
    entry = translated("starlette", {"url.scheme": "ws", "http.response.status_code": 101})
    told = {key: entry["meta"].get(key) for key in ("http.upgraded", "http.method", "http.status_code", "http.url")}
    assert told == {
        "http.upgraded": "websocket",
        "http.method": "GET",
        "http.status_code": "101",
        "http.url": "ws://shop.example:8080/tea/gr\u00fcn?<redacted>",
    }
    assert "http.upgraded" not in translated("starlette", {})["meta"]
