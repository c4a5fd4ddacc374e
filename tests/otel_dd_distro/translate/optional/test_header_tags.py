"""Captured headers as tags."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from otel_dd_distro import settings
from otel_dd_distro.translate import Translator

from ..spans import chunk, ours, span

CAPTURED = {
    "http.request.header.x-tea": ("green",),
    "http.request.header.x.dotted": ("1",),
    "http.response.header.x-tea": ("cold", "warm"),
}


def tags(made: Any, asked: str = "") -> dict[str, str]:
    variables = {"DD_SERVICE": "shop", "DD_TRACE_HEADER_TAGS": asked}
    meta = Translator(settings.read(variables, argv=["-"])).chunk(chunk(made), native_events=True)[0]["meta"]
    return {key: text for key, text in meta.items() if text in ("green", "1", "cold, warm", "mine") or "tea" in key}


@pytest.mark.parametrize("plugin", ["flask", "requests"])
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (
            "",
            {
                "http.request.headers.x-tea": "green",
                "http.request.headers.x_dotted": "1",
                "http.response.headers.x-tea": "cold, warm",
            },
        ),
        (
            "X-Tea",
            {
                "http.request.headers.x-tea": "green",
                "http.request.headers.x_dotted": "1",
                "http.response.headers.x-tea": "cold, warm",
            },
        ),
        (
            "x.dotted:dots,other:o",
            {
                "dots": "1",
                "http.request.headers.x-tea": "green",
                "http.response.headers.x-tea": "cold, warm",
            },
        ),
        # One tag for both directions: of the two the request's, which is known first.
        ("X-TEA:tea", {"tea": "green", "http.request.headers.x_dotted": "1"}),
    ],
)
def test_a_header_is_a_tag_of_the_name_it_was_given(plugin: str, asked: str, expected: dict[str, str]) -> None:
    assert tags(ours(plugin, CAPTURED), asked) == expected


def test_other_instrumentations_headers_bear_the_same_names() -> None:
    made = span(attributes={"http.request.header.x_tea": ["green"]}, kind=SpanKind.SERVER)
    assert tags(made) == {"http.request.headers.x_tea": "green"}
    assert tags(made, "x-tea") == {"http.request.headers.x-tea": "green"}
    assert tags(made, "x-tea:tea") == {"tea": "green"}


def test_a_tag_that_the_user_set_stays() -> None:
    assert tags(ours("flask", {**CAPTURED, "tea": "mine"}), "x-tea:tea")["tea"] == "mine"


def test_the_referring_host_is_told() -> None:
    made = ours("flask", {"http.request.referrer_host": "ref.example"})
    meta = Translator(settings.read({}, argv=["-"])).chunk(chunk(made), native_events=True)[0]["meta"]
    assert meta["http.referrer_hostname"] == "ref.example"
    assert "http.request.referrer_host" not in meta
