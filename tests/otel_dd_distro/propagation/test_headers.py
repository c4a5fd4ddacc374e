"""Carriers and getters of every kind."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.propagators.textmap import DefaultGetter, Getter

from otel_dd_distro.propagation.headers import Headers


class Answers(Getter[Any]):
    """Gives the carrier itself, whatever is asked for."""

    def get(self, carrier: Any, key: str) -> Any:
        return carrier

    def keys(self, carrier: Any) -> list[str]:
        return []


@pytest.mark.parametrize(
    ("answer", "one", "several"),
    [
        (None, None, []),
        ([], None, []),
        ([None], None, []),
        ("a", "a", ["a"]),
        (["a"], "a", ["a"]),
        (["a", "b"], "a", ["a", "b"]),
        (("a", "b"), "a", ["a", "b"]),
        ([b"caf\xe9"], "caf\xe9", ["caf\xe9"]),
        (b"a", "a", ["a"]),
        (7, "7", ["7"]),
        ([7], "7", ["7"]),
        ([None, "a"], "a", ["a"]),
    ],
)
def test_any_answer_of_a_getter_is_text_or_nothing(answer: Any, one: str | None, several: list[str]) -> None:
    headers = Headers(answer, Answers())
    assert (headers.one("x"), headers.several("x")) == (one, several)


def test_names_in_a_plain_dict_are_found_in_any_case() -> None:
    headers = Headers({"X-Datadog-Trace-Id": "1", 7: "x", "A": ["2", "3"]}, DefaultGetter())
    assert (headers.one("x-datadog-trace-id"), headers.several("a"), headers.one("b")) == ("1", ["2", "3"], None)
