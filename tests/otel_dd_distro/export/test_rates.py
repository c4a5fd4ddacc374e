from __future__ import annotations

import pytest

from otel_dd_distro.export.rates import Rates


def known() -> Rates:
    rates = Rates()
    assert rates.learn(b'{"rate_by_service": {"service:,env:": 0.5, "service:shop,env:prod": 1}}', "v1") == ""
    return rates


def test_a_new_table_replaces_the_old_one_whole() -> None:
    rates = known()
    assert rates.table == {"service:,env:": 0.5, "service:shop,env:prod": 1.0}
    assert rates.version == "v1"
    assert rates.learn(b'{"rate_by_service": {"service:,env:": 0}}', "v2") == ""
    assert rates.table == {"service:,env:": 0.0}
    assert rates.version == "v2"


def test_before_the_first_answer_the_version_is_zero() -> None:
    assert Rates().version == "0"
    assert Rates().table == {}


@pytest.mark.parametrize("body", [b"{}", b"", b"OK\n", b'{"rate_by_service": null}'])
def test_an_answer_without_rates_changes_nothing_and_is_no_trouble(body: bytes) -> None:
    rates = known()
    assert rates.learn(body, "v1") == ""
    assert rates.table["service:,env:"] == 0.5


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"7",
        b"\xff\xff",
        b"[" * 100_000,
        b'{"rate_by_service": 1}',
        b'{"rate_by_service": {"service:,env:": "half"}}',
        b'{"rate_by_service": {"service:,env:": true}}',
        b'{"rate_by_service": {"service:,env:": 1.5}}',
        b'{"rate_by_service": {"service:,env:": -1}}',
        b'{"rate_by_service": {"service:,env:": NaN}}',
    ],
)
def test_an_answer_that_makes_no_sense_is_named_and_the_old_rates_are_kept(body: bytes) -> None:
    rates = known()
    assert "kept" in rates.learn(body, "v9")
    assert rates.table == {"service:,env:": 0.5, "service:shop,env:prod": 1.0}
    assert rates.version == "v1"


def test_nobody_can_change_the_table() -> None:
    with pytest.raises(TypeError):
        known().table["service:,env:"] = 1.0  # type: ignore[index]
