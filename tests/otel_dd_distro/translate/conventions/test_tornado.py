"""Tornado by Datadog's names: what the parity scenario, with nothing set, does not show."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from otel_dd_distro import settings
from otel_dd_distro.translate import Translator

from ..spans import chunk, ours

SERVED = {
    "http.request.method": "GET",
    "url.scheme": "http",
    "url.path": "/",
    "server.address": "tea",
    "tornado.handler": "tea.Green",
}
SENT = {"http.request.method": "GET", "url.full": "http://cup:81/green", "server.address": "cup", "server.port": 81}
RENDERED = {"template.engine": "tornado", "template.operation": "render"}


def translated(*spans: Any, **variables: str) -> list[dict[str, Any]]:
    return Translator(settings.read(variables, argv=["-"])).chunk(chunk(*spans), native_events=True)


def test_a_request_a_template_and_a_call() -> None:
    spans = translated(
        ours("tornado", {**SERVED, "http.route": "/tea/%s"}, kind=SpanKind.SERVER, id=1),
        ours("tornado", {**RENDERED, "template.name": "menu.html"}, id=2, parent=1),
        ours("tornado", SENT, kind=SpanKind.CLIENT, id=3, parent=1),
        DD_SERVICE="shop",
    )
    assert [(span["name"], span["resource"], span["type"], span["meta"]["component"]) for span in spans] == [
        ("tornado.request", "tea.Green", "web", "tornado"),
        ("tornado.template", "menu.html", "template", "tornado"),
        ("tornado.fetch", "GET /green", "http", "tornado_client"),
    ]
    assert [(span["service"], span["meta"]["_dd.svc_src"]) for span in spans] == [
        ("shop", "tornado"),
        ("shop", "tornado"),
        ("shop", "tornado_client"),
    ]
    assert spans[0]["meta"]["http.route"] == "/tea/%s"
    assert "tornado.handler" not in spans[0]["meta"]


def test_without_a_route_it_is_the_empty_pattern() -> None:
    [entry] = translated(ours("tornado", SERVED, kind=SpanKind.SERVER))
    assert entry["meta"]["http.route"] == "^$"


@pytest.mark.parametrize(("name", "shown"), [("<string>", "render_string"), ("menu.html", "menu.html")])
def test_a_template_made_from_text_is_called_so(name: str, shown: str) -> None:
    [entry] = translated(ours("tornado", {**RENDERED, "template.name": name}))
    assert (entry["resource"], entry["meta"]["tornado.template_name"]) == (shown, shown)


@pytest.mark.parametrize(
    ("variables", "server", "client"),
    [
        ({}, "tornado-web", "tornado-web"),
        ({"DD_TORNADO_SERVICE": "front", "DD_TORNADO_CLIENT_SERVICE": "calls"}, "front", "calls"),
        ({"DD_TORNADO_CLIENT_SPLIT_BY_DOMAIN": "1"}, "tornado-web", "cup"),
    ],
)
def test_services_are_named_as_the_variables_of_either_say(variables: dict[str, str], server: str, client: str) -> None:
    spans = translated(
        ours("tornado", SERVED, kind=SpanKind.SERVER, id=1),
        ours("tornado", SENT, kind=SpanKind.CLIENT, id=2, parent=1),
        **variables,
    )
    assert [span["service"] for span in spans] == [server, client]
