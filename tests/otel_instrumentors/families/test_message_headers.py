"""Headers of messages."""

from __future__ import annotations

from typing import Any

import pytest

from otel_instrumentors.families.message_headers import HEADERS, bears_context, carrier


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


@pytest.mark.parametrize(
    ("headers", "bears"),
    [({}, False), ({"x-cup": "big"}, False), ({"x-cup": "big", "traceparent": "00-1"}, True), ({"baggage": ""}, True)],
)
def test_who_bears_a_context_is_known_by_the_fields_of_the_propagator(headers: Any, bears: bool) -> None:
    assert bears_context(headers) == bears
