"""The baggage header, both directions (datadog-protocol 4.5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage
from opentelemetry.context import Context

from otel_dd_distro.propagation import BaggagePropagator
from otel_dd_distro.propagation.baggage import put_in

from .carriers import written

PROPAGATOR = BaggagePropagator()


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("a=b", {"a": "b"}),
        (" a = b , c = d ", {"a": "b", "c": "d"}),
        ("a=b=c", {"a": "b=c"}),
        ("a=b;p=1", {"a": "b;p=1"}),
        ("a=%20b%2C%C3%A9", {"a": " b,\xe9"}),
        ("%C3%A9=1", {"\xe9": "1"}),
        ("a=%ff%zz", {"a": "\ufffd%zz"}),
        ("a=1,a=2", {"a": "2"}),
        ("", {}),
        (" ", {}),
        ("a", {}),
        ("=b", {}),
        ("a=", {}),
        ("a=b,", {}),
        ("a=b,,c=d", {}),
        ("a=b,c", {}),
        ("a=b,=d", {}),
        ("a=b, = ", {}),
    ],
)
def test_a_header_is_read_whole_or_not_at_all(text: str, items: dict[str, str]) -> None:
    assert baggage.get_all(PROPAGATOR.extract({"baggage": text})) == items


def test_items_over_the_limits_are_dropped_from_the_end() -> None:
    many = ",".join(f"k{number}=v" for number in range(70))
    assert list(baggage.get_all(PROPAGATOR.extract({"baggage": many}))) == [f"k{number}" for number in range(64)]
    # Two of 4096 bytes fit only without the comma between them.
    large = f"a={'x' * 4094},b={'x' * 4094},c=1"
    assert list(baggage.get_all(PROPAGATOR.extract({"baggage": large}))) == ["a"]
    exact = f"a={'x' * 4094},b={'x' * 4093},c=1"
    assert list(baggage.get_all(PROPAGATOR.extract({"baggage": exact}))) == ["a", "b"]


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ({"a": "b"}, "a=b"),
        ({"a": 1}, "a=1"),
        ({" a ": " b "}, "a=b"),
        ({"a": 'x,y;z\\"=\xe9'}, "a=x%2Cy%3Bz%5C%22%3D%C3%A9"),
        ({"a": "()/:<>?@[]{}"}, "a=()/:<>?@[]{}"),
        ({"a(b": "c"}, "a%28b=c"),
        ({"a": "100%41"}, "a=100%2541"),
        ({"a": "x\r\nSet-Cookie: y"}, "a=x%0D%0ASet-Cookie:%20y"),
        ({"a": "\ud800"}, "a=?"),
        ({"a": "", "": "b", "c": "d"}, "c=d"),
        ({"a": ""}, None),
        ({}, None),
    ],
)
def test_what_a_header_may_not_hold_is_encoded(items: dict[str, str], text: str | None) -> None:
    assert written(PROPAGATOR, put_in(Context(), items)).get("baggage") == text


def test_no_more_than_the_limits_is_written() -> None:
    many = written(PROPAGATOR, put_in(Context(), {f"k{number}": "v" for number in range(70)}))["baggage"]
    assert many.split(",") == [f"k{number}=v" for number in range(64)]
    large = written(PROPAGATOR, put_in(Context(), {f"k{number}": "v" * 1000 for number in range(10)}))["baggage"]
    assert len(large.split(",")) == 8
    assert len(large) <= 8192


@given(st.dictionaries(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=40), max_size=8))
def test_what_is_written_is_read_again(items: dict[str, str]) -> None:
    expected = {key.strip(): value.strip() for key, value in items.items() if key.strip() and value.strip()}
    carrier = written(PROPAGATOR, put_in(Context(), items))
    assert baggage.get_all(PROPAGATOR.extract(carrier)) == expected
