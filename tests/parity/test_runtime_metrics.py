"""What is made of the datagrams of two reporters."""

from __future__ import annotations

import socket

import pytest

from parity.runtime_metrics import Metric, differences, listening, parsed, received, url

NAME = "runtime.python.thread_count"
RSS = "runtime.python.mem.rss"
TAGS = frozenset({"service:shop"})


def test_a_line_is_a_value_a_kind_and_tags_but_the_tracers_version() -> None:
    lines = f"{NAME}:3|d|#tracer_version:4.16.0,service:shop\n{RSS}:1.5e6|d|#service:shop\n".encode()
    assert parsed(lines) == {NAME: Metric(3.0, "d", TAGS), RSS: Metric(1_500_000.0, "d", TAGS)}


def test_the_same_has_no_differences() -> None:
    assert differences({NAME: Metric(3, "d", TAGS)}, {NAME: Metric(3, "d", TAGS)}) == []


@pytest.mark.parametrize(
    ("ours", "line"),
    [
        ({}, f"{NAME} comes from ddtrace alone"),
        ({NAME: Metric(4, "d", TAGS)}, f"{NAME} is 3 of ddtrace, 4 of ours"),
        ({NAME: Metric(3, "g", TAGS)}, f"{NAME} is d of ddtrace, g of ours"),
        ({NAME: Metric(3, "d", frozenset())}, f"{NAME} has other tags: service:shop"),
        ({NAME: Metric(3, "d", TAGS), RSS: Metric(1, "d", TAGS)}, f"{RSS} comes from ours alone"),
    ],
)
def test_each_difference_is_a_line(ours: dict[str, Metric], line: str) -> None:
    assert differences({NAME: Metric(3, "d", TAGS)}, ours) == [line]


@pytest.mark.parametrize(("ours", "is_told"), [(101 * 2**20, False), (103 * 2**20, True), (50 * 2**20, True)])
def test_what_moves_between_the_readings_may_be_a_little_apart(ours: float, is_told: bool) -> None:
    lines = differences({RSS: Metric(100 * 2**20, "d", TAGS)}, {RSS: Metric(ours, "d", TAGS)})
    assert bool(lines) is is_told


def test_datagrams_are_taken_until_all_names_are_there() -> None:
    with listening() as listener, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        host, _, port = url(listener).removeprefix("udp://").partition(":")
        for name in (NAME, RSS):
            sender.sendto(f"{name}:1|d|#a:b".encode(), (host, int(port)))
        assert set(parsed(received(listener, 2))) == {NAME, RSS}
