"""HTTP as the conventions have it: what no plugin's test shows."""

from __future__ import annotations

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
