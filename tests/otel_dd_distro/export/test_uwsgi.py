"""What is done under uWSGI, by what its module says; uWSGI itself is started by `nox -s torture`."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from otel_dd_distro.export import Agent, Writer, uwsgi
from tests.agents import ScriptedAgent
from tests.otel_dd_distro.export.made import Lines, chunk, encode


def module(**said: Any) -> ModuleType:
    made = ModuleType("uwsgi")
    vars(made).update({"has_threads": 1, "opt": {}, **said})
    return made


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        ({}, 1.0),
        ({"enable-threads": True, "threads": b"4"}, 1.0),
        ({"skip-atexit": True}, uwsgi.SHORT_INTERVAL_S),
        ({"gevent": b"100"}, uwsgi.SHORT_INTERVAL_S),
        ({"async": b"10"}, uwsgi.SHORT_INTERVAL_S),
    ],
)
def test_where_nothing_runs_at_the_exit_less_waits_for_it(options: dict[str, Any], seconds: float) -> None:
    assert uwsgi.interval_s(module(opt=options), 1.0) == seconds
    assert uwsgi.interval_s(module(opt=options), 0.05) == 0.05


def test_what_was_to_be_done_at_the_exit_is_done_after_ours_once() -> None:
    done: list[str] = []
    server = module(atexit=lambda: done.append("theirs"))

    def ours() -> None:
        done.append("ours")

    for _ in range(2):
        uwsgi.before_exit(server, ours)
    uwsgi.before_exit(server, lambda: done.append("another's"))
    server.atexit()
    assert done == ["another's", "ours", "theirs"]


def test_what_breaks_at_the_exit_keeps_nobody_else_from_it() -> None:
    done: list[str] = []
    server = module(atexit=lambda: done.append("theirs"))
    uwsgi.before_exit(server, lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        server.atexit()
    assert done == ["theirs"]


def test_a_worker_without_threads_says_so_once_and_sends_when_it_ends(
    monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    server = module(has_threads=0)
    monkeypatch.setitem(sys.modules, "uwsgi", server)
    with ScriptedAgent() as there:
        writer = Writer(encode, Agent(there.url), interval_s=60.0)
        writer.submit(chunk(3))
        server.atexit()
        assert len(there.spans()) == 3
    (line,) = lines()
    assert "--enable-threads" in line


def test_a_worker_with_threads_says_nothing(monkeypatch: pytest.MonkeyPatch, lines: Lines) -> None:
    monkeypatch.setitem(sys.modules, "uwsgi", module())
    with ScriptedAgent() as there:
        writer = Writer(encode, Agent(there.url))
        writer.submit(chunk(3))
        assert writer.shutdown(30)
    assert lines() == []
