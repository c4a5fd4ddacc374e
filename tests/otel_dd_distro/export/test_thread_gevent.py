"""The writer among greenlets: the standard library is patched after it was made, as servers and workers do it."""

from __future__ import annotations

import textwrap

import pytest

from tests.agents import ScriptedAgent, says, waits
from tests.otel_dd_distro.export.made import run

SCRIPT = """
import signal, sys, threading
from otel_dd_distro.export import Agent, Writer
from tests.otel_dd_distro.export.made import chunk, encode

writer = Writer(encode, Agent(sys.argv[1]), interval_s=0.05)
from gevent import monkey; monkey.patch_all()
import gevent

signal.alarm(20)
begun = []
start = threading.Thread.start
threading.Thread.start = lambda thread: (begun.append(thread.name), start(thread))

def work():
    for _ in range(3):
        writer.submit(chunk(1))
        gevent.sleep(0.02)

gevent.joinall([gevent.spawn(work) for _ in range(20)], raise_error=True)
assert writer.flush(60)
assert writer.shutdown(60)
counters = writer.counters()
assert (counters.accepted, counters.sent) == (60, 60), counters
assert begun == ["otel-dd-export"], begun
"""


def test_greenlets_that_bring_the_first_spans_at_once_start_one_thread_and_nothing_hangs_or_is_lost() -> None:
    with ScriptedAgent(waits(0.05, says())) as there:
        assert run(textwrap.dedent(SCRIPT), there.url).stderr == ""
        assert len(set(there.spans())) == 60


LATE = """
import sys, threading
from otel_dd_distro.export import Agent, Writer
from tests.otel_dd_distro.export.made import chunk, encode

writer = Writer(encode, Agent(sys.argv[1]), interval_s=0.05)
writer.submit(chunk(1))
assert writer.flush(30)
from gevent import monkey; monkey.patch_all()
import gevent

def work():
    writer.submit(chunk(1))
    gevent.sleep(0.02)

threads = [threading.Thread(target=work) for _ in range(5)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
gevent.joinall([gevent.spawn(work) for _ in range(5)], raise_error=True)
export = writer._thread.thread
assert writer.shutdown(30)
assert writer.counters().sent == 11, writer.counters()
for _ in range(6000):  # it has told that it is done, and still has to end
    if not export.is_alive():
        break
    gevent.sleep(0.01)
assert not export.is_alive()
assert export not in threading.enumerate()
"""


def test_a_thread_that_gevent_finds_at_work_when_it_patches_goes_on_and_ends_without_a_word() -> None:
    with ScriptedAgent() as there:
        assert run(textwrap.dedent(LATE), there.url).stderr == ""
        assert len(there.spans()) == 11


IDLE = """
import signal, sys
from gevent import monkey; monkey.patch_all()
import gevent, gevent.event, gevent.exceptions
import otel_dd_distro
from opentelemetry import trace

signal.alarm(30)
otel_dd_distro.install()

def work():
    with trace.get_tracer("tests").start_as_current_span("work"):
        gevent.sleep(0.05)

gevent.spawn(work)
if sys.argv[1] == "wait":
    assert gevent.wait() is True
elif sys.argv[1] == "join":
    assert gevent.get_hub().join() is True
else:
    try:
        gevent.event.Event().wait()
    except gevent.exceptions.LoopExit:
        pass
"""


@pytest.mark.parametrize("end", ["wait", "join", "LoopExit"])
@pytest.mark.parametrize("runtime_metrics", ["true", "false"])
def test_for_our_threads_alone_gevents_loop_does_not_go_on(end: str, runtime_metrics: str) -> None:
    with ScriptedAgent() as there:
        told = {"DD_TRACE_AGENT_URL": there.url, "DD_RUNTIME_METRICS_ENABLED": runtime_metrics}
        assert "Traceback" not in run(IDLE, end, **told).stderr
        assert len(there.spans()) == 1
