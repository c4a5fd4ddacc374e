"""Headers of messages."""

from __future__ import annotations

from typing import Any

import pytest

from otel_instrumentors.families.message_headers import HEADERS, carrier


def test_the_context_goes_into_a_copy_of_the_headers_and_into_none_that_are_no_table() -> None:
    mine = {"x-cup": "big"}
    copied = carrier(mine)
    assert copied == mine
    assert copied is not mine
    assert carrier(None) == {}
    assert carrier(["x-cup"]) is None


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"traceparent": "00-1"}, ["00-1"]),
        ({"traceparent": b"00-1"}, ["00-1"]),
        ({"traceparent": bytearray(b"00-\xff")}, ["00-�"]),
        ({"traceparent": 7}, None),
        ({"traceparent": ["00-1"]}, None),
        ({}, None),
        (None, None),
        ("traceparent", None),
    ],
)
def test_headers_are_read_whatever_stands_in_them(headers: Any, found: list[str] | None) -> None:
    assert HEADERS.get(headers, "traceparent") == found
    assert HEADERS.keys(headers) == (list(headers) if isinstance(headers, dict) else [])
