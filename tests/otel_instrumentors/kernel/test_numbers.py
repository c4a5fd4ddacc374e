"""Numbers from outside are read only as far as they can be meant."""

from __future__ import annotations

import pytest

from otel_instrumentors.families.redis import VARIABLE, _wanted_length
from otel_instrumentors.grpc import address
from otel_instrumentors.kernel.numbers import natural, port
from otel_instrumentors.semconv.http import host_and_port

MANY = "9" * 5_000


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("80", 80),
        ("65535", 65_535),
        ("65536", None),
        ("99999", None),
        ("", None),
        ("-1", None),
        ("8_0", None),
        (" 80", None),
        ("\u0663", None),
        ("\u00b2", None),
        (MANY, None),
    ],
)
def test_a_port_is_one_or_none(text: str, number: int | None) -> None:
    assert port(text) == number


def test_leading_zeros_are_digits_like_others() -> None:
    assert (natural("007", 100), natural("0007", 100)) == (7, None)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("h:80", ("h", 80)),
        (f"h:{MANY}", ("h", None)),
        ("h:99999", ("h", None)),
        ("h", ("h", None)),
        ("[::1]:80", ("[::1]", 80)),
    ],
)
def test_a_host_header_with_a_port_that_cannot_be_keeps_its_host(host: str, expected: tuple[str, int | None]) -> None:
    assert host_and_port(host) == expected


def test_a_target_of_grpc_with_a_port_that_cannot_be_keeps_its_host() -> None:
    assert address(f"h:{MANY}") == ("h", None)


def test_a_length_that_cannot_be_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, MANY)
    _wanted_length.cache_clear()
    assert _wanted_length() == 1_000
    _wanted_length.cache_clear()
