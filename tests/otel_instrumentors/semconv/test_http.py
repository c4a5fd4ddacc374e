"""HTTP as the conventions have it: what no plugin's test shows."""

from __future__ import annotations

from typing import Any

import pytest

from otel_instrumentors.semconv import http


@pytest.mark.parametrize(
    ("host", "parts"),
    [
        ("tea.example", ("tea.example", None)),
        ("tea.example:81", ("tea.example", 81)),
        ("user:secret@tea.example:81", ("tea.example", 81)),
        ("[::1]:81", ("[::1]", 81)),
        ("[::1]", ("[::1]", None)),
        ("::1", ("::1", None)),
        ("tea:", ("tea:", None)),
        ("", ("", None)),
    ],
)
def test_a_host_header_is_a_host_and_perhaps_a_port(host: str, parts: tuple[str, int | None]) -> None:
    assert http.host_and_port(host) == parts


@pytest.mark.parametrize("url", ["http://[bad", "http://tea:99999999/", "tea", "", "http://tea:port/"])
def test_a_url_that_cannot_be_taken_apart_is_shown_as_it_is(url: str) -> None:
    assert dict(http.client_request("GET", url).attributes or {}).items() >= {"url.full": url}.items()


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        ("Mozilla/5.0 (Googlebot/2.1)", "bot"),
        ("x AlwaysOn googlebot", "test"),
        ("curl/8", None),
        ("", None),
    ],
)
def test_bots_and_tests_are_told_from_people(agent: str, kind: str | None) -> None:
    served = http.server_request("GET", scheme="http", path="/", user_agent=agent)
    sent = http.client_request("GET", "http://a/", user_agent=agent)
    for spec in (served, sent):
        assert (spec.attributes or {}).get(http.USER_AGENT_SYNTHETIC_TYPE) == kind


@pytest.mark.parametrize("agent", ["curl/8", b"curl/8"])
def test_a_user_agent_may_be_given_as_bytes(agent: str | bytes) -> None:
    spec = http.client_request("GET", "http://shop/", user_agent=agent)
    assert (spec.attributes or {})["user_agent.original"] == "curl/8"


def test_what_excluded_urls_is_looked_for_in() -> None:
    def of(port: int | None, query: str = "") -> Any:
        return http.server_request("GET", scheme="http", path="/tea", query=query, address="host", port=port).attributes

    assert http.url_of(of(8080, "a=1")) == "http://host:8080/tea?a=1"
    assert http.url_of(of(80)) == "http://host/tea"
    assert http.address_of(of(8080, "a=1")) == "http://host:8080/tea"
    assert http.target_of(of(80, "a=1")) == "/tea?a=1"
    assert http.path_of(of(80, "a=1")) == "/tea"
