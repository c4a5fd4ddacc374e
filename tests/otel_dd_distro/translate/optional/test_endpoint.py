"""Paths without their parameters."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from otel_dd_distro import settings
from otel_dd_distro.translate import Translator
from otel_dd_distro.translate.optional.endpoint import endpoint

from ..spans import chunk, ours, span


@pytest.mark.parametrize(
    ("url", "simplified"),
    [
        ("", "/"),
        ("http://a", "/"),
        ("http://a/", "/"),
        ("http://a//b//", "/b"),
        ("http://a/b/7/c", "/b/7/c"),
        ("http://a/12", "/{param:int}"),
        ("http://a/012", "/{param:int_id}"),
        ("http://a/12-3", "/{param:int_id}"),
        ("http://a/2024-01-02", "/{param:int_id}"),
        ("http://a/v1.2", "/v1.2"),
        ("http://a/abcdef", "/abcdef"),
        ("http://a/abc123", "/{param:hex}"),
        ("http://a/ABCDEF1", "/{param:hex}"),
        ("http://a/ab_12-cd", "/{param:hex_id}"),
        ("http://a/0123456789abcdef-0123", "/{param:hex_id}"),
        ("http://a/user@example.org", "/{param:str}"),
        ("http://a/a%20b", "/{param:str}"),
        ("http://a/abcdefghijklmnopqrs", "/abcdefghijklmnopqrs"),
        ("http://a/abcdefghijklmnopqrst", "/{param:str}"),
        ("http://a/1/2/3/4/5/6/7/8/9", "/1/2/3/4/5/6/7/8"),
        ("http://a/b?c=/d", "/b"),
        ("http://a/b#/d", "/b"),
        ("http://a/b;c=1/d;e=2", "/{param:str}/d"),
        ("/b/12", "/b/{param:int}"),
    ],
)
def test_a_segment_that_looks_like_a_value_is_a_parameter(url: str, simplified: str) -> None:
    assert endpoint(url) == simplified


def meta(made: Any, *more: Any, asked: str = "true") -> dict[str, str]:
    read = settings.read({"DD_SERVICE": "shop", "DD_TRACE_RESOURCE_RENAMING_ENABLED": asked}, argv=["-"])
    tags: dict[str, str] = Translator(read).chunk(chunk(*more, made), native_events=True)[-1]["meta"]
    return tags


SERVED = {"http.request.method": "GET", "url.scheme": "http", "server.address": "a", "url.path": "/item/12"}


def test_entries_without_a_route_say_it() -> None:
    assert meta(ours("flask", SERVED))["http.endpoint"] == "/item/{param:int}"
    assert meta(ours("requests", {"url.full": "http://a/b/12"}))["http.endpoint"] == "/b/{param:int}"
    assert meta(span(attributes=SERVED, kind=SpanKind.SERVER))["http.endpoint"] == "/item/{param:int}"


@pytest.mark.parametrize(
    "made",
    [
        ours("flask", {**SERVED, "http.route": "/item/<n>"}),
        ours("flask", {**SERVED, "http.response.status_code": 404}),
        ours("sqlite3", {"db.driver.call": "execute"}),
        span(attributes=SERVED, kind=SpanKind.SERVER, id=2, parent=1),
    ],
)
def test_others_do_not(made: Any) -> None:
    around = [span(id=1)] if made.parent else []
    assert "http.endpoint" not in meta(made, *around)


def test_nobody_does_unless_asked_to() -> None:
    assert "http.endpoint" not in meta(ours("flask", SERVED), asked="false")
