"""Forked children begin anew, also those that were forked in C and ran no hook of Python's."""

from __future__ import annotations

import gc
import json
import os

import pytest

from otel_dd_distro import forks
from tests.agents import ScriptedAgent, Session
from tests.otel_dd_distro.export.made import run


@pytest.fixture
def acts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done; nothing of the product's own."""
    monkeypatch.setattr(forks, "_acts", [])
    monkeypatch.setattr(forks, "_pid", os.getpid())
    return []


class Owner:
    def __init__(self, done: list[str]) -> None:
        self._done = done

    def act(self) -> None:
        self._done.append("method")


def test_what_is_due_is_done_once_in_another_process_and_never_in_the_same(
    acts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    forks.on_fork(lambda: acts.append("function"))
    owner = Owner(acts)
    forks.on_fork(owner.act)
    forks.check()
    assert acts == []
    monkeypatch.setattr(os, "getpid", lambda: -1)
    forks.check()
    forks.check()
    assert acts == ["function", "method"]


def test_an_object_that_is_gone_is_not_kept_for_a_fork(acts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    owner = Owner(acts)
    forks.on_fork(owner.act)
    del owner
    gc.collect()
    monkeypatch.setattr(os, "getpid", lambda: -1)
    forks.check()
    assert acts == []


def test_a_lock_that_somebody_held_at_the_fork_does_not_stop_the_child(
    acts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    forks.on_fork(lambda: acts.append("function"))
    monkeypatch.setattr(forks, "_LONGEST_WAIT_S", 0.01)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with forks._renewing:
        forks.check()
    assert acts == ["function"]


FORKING = """
import ctypes, json, os, sys
from opentelemetry import propagate, trace
import otel_dd_distro
from otel_dd_distro.translate.every_span import process

provider = otel_dd_distro.install()
tracer = trace.get_tracer("shop")
if sys.argv[1] == "thread":
    # As an application that asks its database something while it is imported: the thread is the parent's.
    with tracer.start_as_current_span("import"):
        pass
# Of Python's hooks of forks none is run.
fork = ctypes.PyDLL(None).fork
reading, writing = os.pipe()
children = []
for number in range(3):
    child = fork()
    if child == 0:
        # A request that has a trace already needs no id of it.
        caller = propagate.extract({"x-datadog-trace-id": "7", "x-datadog-parent-id": "8"})
        with tracer.start_as_current_span("request", caller) as request:
            pass
        with tracer.start_as_current_span("work") as work:
            pass
        assert provider.force_flush(30_000)
        counters = otel_dd_distro.counters()
        told = [os.getpid(), process.current().id, process.current().runtime_id, counters.accepted, counters.sent]
        told += [span.get_span_context().span_id for span in (request, work)]
        os.write(writing, json.dumps(told).encode() + b"\\n")
        os._exit(0)
    children.append(child)
assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
assert provider.force_flush(30_000)
print(os.read(reading, 10_000).decode(), end="")
"""


@pytest.mark.parametrize("light", ["true", "false"])
@pytest.mark.parametrize("before", ["thread", "nothing"])
def test_children_forked_in_c_have_ids_of_their_own_and_deliver_what_they_record(
    agent_session: Session, before: str, light: str
) -> None:
    headers = ",".join(f"{key}:{value}" for key, value in agent_session.headers.items())
    done = run(
        FORKING,
        before,
        DD_TRACE_AGENT_URL=agent_session.agent.url,
        _DD_TRACE_WRITER_ADDITIONAL_HEADERS=headers,
        OTEL_DD_LIGHT_TRACER=light,
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == 3
    assert all(pid == named for pid, named, *_ in told), "each knows its own process id"
    assert len({runtime for _, _, runtime, *_ in told}) == 3
    assert {(accepted, sent) for _, _, _, accepted, sent, *_ in told} == {(2, 2)}
    ids = [span for *_, request, work in told for span in (request, work)]
    assert len(set(ids)) == 6
    spans = agent_session.spans()
    assert sorted(span["span_id"] for span in spans if span["resource"] != "import") == sorted(ids)
    assert sum(span["resource"] == "import" for span in spans) == (before == "thread")
    assert len({span["trace_id"] for span in spans if span["resource"] == "work"}) == 3


GREENLETS = """
from gevent import monkey
monkey.patch_all()
import os, subprocess, sys
import gevent
from opentelemetry import trace
import otel_dd_distro

provider = otel_dd_distro.install()
tracer, me = trace.get_tracer("shop"), os.getpid()

def work(number):
    with tracer.start_as_current_span("work"):
        gevent.sleep(0.01)
        if os.getpid() != me:
            os.write(1, b"a greenlet of the application runs in the child\\n")
            # Without it the copies fork, too, until the machine stands still.
            os._exit(99)
        if number == 0:
            subprocess.run([sys.executable, "-I", "-c", "pass"], check=True)

gevent.joinall([gevent.spawn(work, number) for number in range(20)], raise_error=True)
assert provider.force_flush(30_000)
print(otel_dd_distro.counters().sent)
"""


@pytest.mark.parametrize("light", ["true", "false"])
def test_nothing_of_ours_waits_in_a_child_so_that_no_greenlet_of_the_application_runs_there(light: str) -> None:
    with ScriptedAgent() as there:
        done = run(GREENLETS, DD_TRACE_AGENT_URL=there.url, OTEL_DD_LIGHT_TRACER=light)
    assert done.stdout == "20\n"


DETECTING = """
import os, sys
from opentelemetry.sdk.trace import TracerProvider
import otel_dd_distro

provider = otel_dd_distro.install()
assert isinstance(provider, TracerProvider)
child = os.fork()
if child == 0:
    os._exit(provider.resource.attributes["process.pid"] != os.getpid())
assert os.waitpid(child, 0)[1] == 0
assert provider.resource.attributes["process.pid"] == os.getpid()
"""


def test_what_a_detector_says_of_the_process_is_said_anew_in_a_child() -> None:
    run(DETECTING, OTEL_EXPERIMENTAL_RESOURCE_DETECTORS="process", DD_TRACE_AGENT_URL="http://127.0.0.1:1")
