"""Which headers are put on spans."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from otel_instrumentors.semconv import headers
from otel_instrumentors.semconv.headers import Wanted


def found(asked: str, *pairs: tuple[Any, Any]) -> dict[str, Any]:
    return Wanted("http.request.header", asked.split(",")).of(pairs)


def test_a_header_is_found_whatever_its_case_and_bears_it_in_lower() -> None:
    assert found("X-Tea", ("x-TEA", "green"), ("X-Milk", "no")) == {"http.request.header.x-tea": ["green"]}


def test_all_values_of_a_header_are_told() -> None:
    assert found("set-cookie", ("Set-Cookie", "a"), ("set-cookie", "b")) == {
        "http.request.header.set-cookie": ["a", "b"]
    }


def test_bytes_are_read_as_latin_1() -> None:
    assert found("x-tea", (b"X-Tea", b"caf\xe9")) == {"http.request.header.x-tea": ["caf\u00e9"]}


def test_a_pattern_finds_whole_names() -> None:
    pairs = (("X-Tea", "1"), ("X-Tea-Cup", "2"), ("Not-X-Tea", "3"))
    assert found("x-tea.*", *pairs) == {"http.request.header.x-tea": ["1"], "http.request.header.x-tea-cup": ["2"]}


@pytest.mark.parametrize("name", sorted(headers.CREDENTIALS))
def test_credentials_are_found_by_their_name_alone(name: str) -> None:
    assert found(".*", (name, "secret"), ("accept", "*")) == {"http.request.header.accept": ["*"]}
    assert found(name.upper(), (name, "secret")) == {f"http.request.header.{name}": ["secret"]}


def test_a_pattern_that_is_none_is_said_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "otel_instrumentors"):
        assert found("(,x-tea", ("x-tea", "1")) == {"http.request.header.x-tea": ["1"]}
    assert [record.getMessage() for record in caplog.records if "'('" in record.getMessage()]


def test_names_without_end_fill_no_memory() -> None:
    wanted = Wanted("http.request.header", ["x-tea"])
    for number in range(5_000):
        wanted.of([(f"x-{number}", "1")])
    assert len(wanted._keys) <= 1_000
    assert wanted.of([("x-tea", "1")])


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    headers.captured.cache_clear()
    yield monkeypatch
    headers.captured.cache_clear()


def test_nothing_is_captured_unless_it_is_asked_for(environ: pytest.MonkeyPatch) -> None:
    for direction in ("SERVER_REQUEST", "SERVER_RESPONSE", "CLIENT_REQUEST", "CLIENT_RESPONSE"):
        environ.delenv(headers.VARIABLES + direction, raising=False)
    assert headers.captured() == (None, None, None, None)


def test_each_direction_has_its_variable(environ: pytest.MonkeyPatch) -> None:
    environ.setenv(headers.VARIABLES + "CLIENT_RESPONSE", " x-tea , ,accept")
    captured = headers.captured()
    assert captured[:3] == (None, None, None)
    assert captured.client_response is not None
    assert set(captured.client_response.of([("X-Tea", "1"), ("Accept", "2")])) == {
        "http.response.header.x-tea",
        "http.response.header.accept",
    }


@pytest.mark.parametrize("pattern", ["x-internal-key", ".*session.*", "internal|session", "X-INTERNAL-KEY,session"])
def test_the_values_of_headers_that_an_operator_names_are_redacted(pattern: str, environ: pytest.MonkeyPatch) -> None:
    environ.setenv(headers.VARIABLES + "SERVER_REQUEST", ".*")
    environ.setenv(headers.SANITIZE_FIELDS, pattern)
    wanted = headers.captured().server_request
    assert wanted is not None
    for _ in range(2):
        shown = wanted.of([(b"X-Internal-Key", b"hunter2"), ("My-Session-Id", "s3cret"), ("x-tea", "green")])
        assert shown.pop("http.request.header.x-tea") == ["green"]
        assert ["[REDACTED]"] in shown.values()
        assert all(
            shown[f"http.request.header.{name}"] == ["[REDACTED]"]
            for name in ("x-internal-key", "my-session-id")
            if name.split("-")[1] in pattern.lower()
        )


def test_a_pattern_of_secrets_that_is_none_is_taken_as_it_is_written(environ: pytest.MonkeyPatch) -> None:
    assert Wanted("h", ["x-(tea", "x-tea"], ["(tea"]).of([("x-(tea", "secret")]) == {}
    assert Wanted("h", [".*"], ["*tea"]).of([("x-*tea", "secret"), ("x-tea", "1")]) == {
        "h.x-*tea": ["[REDACTED]"],
        "h.x-tea": ["1"],
    }
