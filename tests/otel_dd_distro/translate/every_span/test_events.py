from __future__ import annotations

import json

from opentelemetry.sdk.trace import Event

from otel_dd_distro import settings
from otel_dd_distro.translate import Translator
from otel_dd_distro.translate.every_span import events

from ..spans import chunk, span

ATTRIBUTES = {
    "s": "a\ud800",
    "b": True,
    "i": 3,
    "f": 2.0,
    "big": 2**70,
    "nan": float("nan"),
    "none": None,
    "list": (1, 2),
    "mixed": ("a", 1),
    "map": {"a": 1},
}


def test_native_events_are_typed() -> None:
    [event] = events.native([Event("n", ATTRIBUTES, 5)])
    assert event == {
        "name": "n",
        "time_unix_nano": 5,
        "attributes": {
            "s": {"type": 0, "string_value": "a?"},
            "b": {"type": 1, "bool_value": True},
            "i": {"type": 2, "int_value": 3},
            "f": {"type": 3, "double_value": 2.0},
            "big": {"type": 0, "string_value": str(2**70)},
            "list": {
                "type": 4,
                "array_value": {"values": [{"type": 2, "int_value": 1}, {"type": 2, "int_value": 2}]},
            },
            "mixed": {
                "type": 4,
                "array_value": {"values": [{"type": 0, "string_value": "a"}, {"type": 0, "string_value": "1"}]},
            },
            "map": {"type": 0, "string_value": '{"a": 1}'},
        },
    }
    assert type(event["attributes"]["f"]["double_value"]) is float


def test_for_older_agents_events_are_json_in_a_tag() -> None:
    made = span(events=[Event("n", {"s": "x", "l": [1]}, 5), Event("m", None, 6)])
    [entry] = Translator(settings.read({}, argv=["-"])).chunk(chunk(made), native_events=False)
    assert json.loads(entry["meta"]["events"]) == [
        {"name": "n", "time_unix_nano": 5, "attributes": {"s": "x", "l": [1]}},
        {"name": "m", "time_unix_nano": 6, "attributes": {}},
    ]
    assert "span_events" not in entry


def test_the_tag_of_many_events_is_cut_between_events() -> None:
    long = [Event(f"e{number}", {"s": "x" * 5_000}, number) for number in range(50)]
    written = events.as_json(long)
    told = json.loads(written)
    assert len(written) <= 25_000
    assert 10 < len(told) < 50
    assert [event["name"] for event in told] == [f"e{number}" for number in range(len(told))]
    assert json.loads(events.as_json([Event("n" * 50_000, {}, 1)]))[0]["name"] == "n" * 1_000


def test_events_of_no_text_at_all_are_an_empty_array_when_nothing_fits() -> None:
    assert events.as_json([Event("n", {f"k{number}": number for number in range(9_000)}, 1)]) == "[]"
