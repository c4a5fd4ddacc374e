"""Forks, exits and imports, each in a process of its own."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.agents import RunningAgent, ScriptedAgent, Session, hangs, says
from tests.otel_dd_distro.export.made import run
from tests.ports import free_port

SET_UP = """
import os, signal, sys, threading, time
from otel_dd_distro.export import Agent, Writer
from tests.otel_dd_distro.export.made import chunk, encode, settled

url, token = sys.argv[1], sys.argv[2]
agent = Agent(url, timeout_s=60, headers={"X-Datadog-Test-Session-Token": token})
writer = Writer(encode, agent, interval_s=0.05)

def check(expected):
    counters = settled(writer)
    assert counters.sent == counters.accepted == expected, counters
"""


def exactly(session: Session, expected: set[int]) -> None:
    arrived = Counter(span["span_id"] for span in session.wait_for_spans(len(expected)))
    assert set(arrived) == expected
    assert set(arrived.values()) == {1}


@pytest.mark.parametrize("over", ["http", "unix"])
def test_parent_and_child_each_deliver_their_own_spans_once(
    test_agent: RunningAgent, agent_session: Session, over: str
) -> None:
    script = """
    writer.submit(chunk(10, first_id=1000))
    assert writer.flush(60)
    # Queued in the parent, not sent, when it forks.
    writer.submit(chunk(10, first_id=2000))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            assert writer.counters().accepted == 0
            writer.submit(chunk(10, first_id=3000))
            grandchild = os.fork()
            if grandchild == 0:
                writer.submit(chunk(10, first_id=4000))
                assert writer.shutdown(60)
                check(10)
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]) == 0
            assert writer.shutdown(60)
            check(10)
            code = 0
        finally:
            os._exit(code)
    writer.submit(chunk(10, first_id=5000))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    # The parent's connection has survived its children.
    writer.submit(chunk(10, first_id=6000))
    assert writer.shutdown(60)
    check(40)
    """
    url = test_agent.url if over == "http" else test_agent.socket_url
    run(SET_UP + _dedented(script), url, agent_session.token)
    exactly(agent_session, {first + i for first in range(1000, 7000, 1000) for i in range(10)})


def test_forks_amid_busy_threads_lose_nothing_double_nothing_and_do_not_hang(
    test_agent: RunningAgent, agent_session: Session
) -> None:
    script = """
    from otel_dd_distro.export import queue
    queue.RAW_LIMIT = writer._queue.raw_limit = 50
    submitted = [0] * 4

    def work(number):
        first = 1_000_000 * (number + 1)
        for _ in range(500):
            writer.submit(chunk(2, first_id=first + submitted[number]))
            submitted[number] += 2
            time.sleep(0.0002)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    children = []
    for number in range(10):
        # So the forks are amid the work, however fast that is.
        while sum(submitted) < 350 * (number + 1):
            time.sleep(0.001)
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            code = 1
            try:
                for i in range(20):
                    writer.submit(chunk(1, first_id=100_000 + number * 1000 + i))
                assert writer.flush(60)
                writer.submit(chunk(1, first_id=100_000 + number * 1000 + 20))
                assert writer.shutdown(60)
                check(21)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 10
    for thread in threads:
        thread.join()
    assert writer.shutdown(60)
    check(sum(submitted))
    """
    run(SET_UP + _dedented(script), test_agent.url, agent_session.token)
    of_children = {100_000 + number * 1000 + i for number in range(10) for i in range(21)}
    of_parent = {1_000_000 * (number + 1) + i for number in range(4) for i in range(1000)}
    exactly(agent_session, of_children | of_parent)


def test_a_child_forked_while_the_parent_waits_for_an_answer_speaks_on_its_own_connection(tmp_path: Path) -> None:
    asked, again = tmp_path / "asked", threading.Event()

    def first(connection: Any, request: Any) -> None:
        asked.touch()
        assert again.wait(60)
        says()(connection, request)

    def second(connection: Any, request: Any) -> None:
        again.set()
        says()(connection, request)

    with ScriptedAgent(first, second) as there:
        script = """
        writer.submit(chunk(1, first_id=1))
        while not os.path.exists(sys.argv[3]):
            time.sleep(0.01)
        child = os.fork()
        if child == 0:
            writer.submit(chunk(1, first_id=2))
            os._exit(0 if writer.shutdown(60) and writer.counters().sent == 1 else 1)
        assert writer.shutdown(60)
        check(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        """
        run(SET_UP + _dedented(script), there.url, "token", str(asked))
        assert sorted(there.spans()) == [1, 2]
        connections = {payload.connection for payload in there.payloads()}
        assert len(connections) == 2


def test_a_fork_in_the_midst_of_the_export_threads_first_imports_leaves_no_lock_behind() -> None:
    with ScriptedAgent() as there:
        script = """
        import logging

        from otel_dd_distro.export import loading
        loading._LONGEST_WAIT_S = 60
        begun = threading.Event()

        class Slow:
            def find_spec(self, name, path=None, target=None):
                if name == "otel_dd_distro.export.connection":
                    begun.set()
                    time.sleep(2)
                    # A fork holds the lock of logging; whoever imports may need it.
                    logging.getLogger("fresh")

        sys.meta_path.insert(0, Slow())
        writer.submit(chunk(1, first_id=1))
        assert begun.wait(60)
        assert "otel_dd_distro.export.connection" not in sys.modules
        child = os.fork()
        if child == 0:
            writer.submit(chunk(1, first_id=2))
            os._exit(0 if writer.shutdown(60) and writer.counters().sent == 1 else 1)
        assert writer.shutdown(60)
        check(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        """
        run(SET_UP + _dedented(script), there.url, "token")
        assert sorted(there.spans()) == [1, 2]


@pytest.mark.parametrize("trouble", [False, True])
def test_all_that_sending_imports_is_imported_in_the_one_place_that_forks_wait_for(trouble: bool) -> None:
    script = """
    import sys
    from otel_dd_distro.export import Agent, Writer
    from otel_dd_distro.export.loading import load
    from otel_dd_distro.export.packing import pack
    from otel_dd_distro.local_trace.chunk import Chunk
    from otel_dd_distro.local_trace.datadog_context import DatadogContext

    writer = Writer(lambda chunk, info: pack([{"name": "caf\\udce9"}]), Agent(sys.argv[1]))
    load()
    before = set(sys.modules)
    writer.submit(Chunk([None], DatadogContext(), False, {}))
    assert writer.flush(60)
    assert writer.shutdown()
    assert writer.counters().sent == (sys.argv[2] == "False"), writer.counters()
    assert set(sys.modules) == before, set(sys.modules) - before
    """
    with ScriptedAgent(says(body=b'{"rate_by_service": {}}'), info=says(body=b'{"version": "7"}')) as there:
        url = f"http://localhost:{free_port()}" if trouble else there.url.replace("127.0.0.1", "localhost")
        run(_dedented(script), url, str(trouble))


FAMILY = """
limit = float(sys.argv[3])
writer = Writer(encode, Agent(url), interval_s=0.05, shutdown_limit_s=limit)
writer.submit(chunk())
assert not writer.flush(0.2) or url.endswith(":1")
began = time.monotonic()
for number in range(4):
    child = os.fork()
    if child == 0:
        writer.submit(chunk())
        writer.flush(0.2)
        # Sends what there is, as after os._exit.
        writer.shutdown()
        os._exit(0)
    os.waitpid(child, 0)
writer.shutdown()
print(time.monotonic() - began)
"""


def test_children_and_parent_that_stop_one_after_the_other_wait_for_a_silent_agent_once() -> None:
    with ScriptedAgent(silent=True) as there:
        done = run(SET_UP + FAMILY, there.url, "token", "5")
    # Each for itself they would have waited for 25 seconds.
    assert 4 < float(done.stdout) < 15
    assert len(done.stderr.splitlines()) == 1


def test_children_know_what_was_said_and_say_it_not_again() -> None:
    done = run(SET_UP + FAMILY, "http://127.0.0.1:1", "token", "5")
    assert len(done.stderr.splitlines()) == 1


def test_a_writer_that_is_gone_is_no_trouble_at_a_fork() -> None:
    script = """
    import gc
    del writer
    gc.collect()
    child = os.fork()
    if child == 0:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    """
    done = run(SET_UP + _dedented(script), f"http://127.0.0.1:{free_port()}", "token")
    assert done.stderr == ""


def test_a_script_without_a_shutdown_ends_at_once_even_beside_a_silent_agent() -> None:
    with ScriptedAgent(silent=True) as there:
        began = time.monotonic()
        run(SET_UP + "\nwriter.submit(chunk())\ntime.sleep(0.2)\n", there.url, "token")
        assert time.monotonic() - began < 30


EXITING = """
import atexit
atexit.register(writer.shutdown)
began = time.monotonic()
def ended():
    print(time.monotonic() - began)
# Registered before the writer's: runs after it.
atexit.unregister(writer.shutdown)
atexit.register(ended)
atexit.register(writer.shutdown)
writer.submit(chunk(3))
began = time.monotonic()
"""


@pytest.mark.parametrize("trouble", ["refused", "silent", "hangs", "drips"])
def test_an_agent_in_trouble_costs_an_exit_two_seconds_at_most(trouble: str) -> None:
    from tests.agents import drips

    reply = drips(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500, 0.2) if trouble == "drips" else hangs()
    with ScriptedAgent(reply, silent=trouble == "silent") as there:
        url = f"http://127.0.0.1:{free_port()}" if trouble == "refused" else there.url
        done = run(SET_UP + EXITING, url, "token")
    added = float(done.stdout)
    # Without a limit it would be the minute that a request may take.
    assert added < 30
    # One line, no traceback, the reason in it.
    assert len(done.stderr.splitlines()) == 1
    assert "refused 3" in done.stderr if trouble == "refused" else "exit 3" in done.stderr


def test_a_script_of_a_moment_delivers_at_exit_and_ends_soon(test_agent: RunningAgent, agent_session: Session) -> None:
    done = run(SET_UP + EXITING, test_agent.url, agent_session.token)
    assert len(agent_session.spans()) == 3
    assert float(done.stdout) < 30
    assert done.stderr == ""


def test_a_first_span_that_ends_while_the_interpreter_exits_is_delivered(
    test_agent: RunningAgent, agent_session: Session
) -> None:
    script = """
    import atexit
    def last():
        writer.submit(chunk(2))
        assert writer.shutdown(60)
    atexit.register(last)
    """
    done = run(SET_UP + _dedented(script), test_agent.url, agent_session.token)
    assert len(agent_session.spans()) == 2
    assert done.stderr == ""


def test_importing_the_room_loads_no_network_and_no_encoder() -> None:
    script = """
    import sys
    import opentelemetry.sdk.trace.export
    before = set(sys.modules)
    import otel_dd_distro.export
    from otel_dd_distro.export import Agent, Writer
    import threading
    Writer(lambda chunk, info: b"", Agent())
    loaded = set(sys.modules) - before
    assert not loaded & {"http.client", "http", "ssl", "_ssl", "socket", "ormsgpack", "json", "email", "urllib.request"}
    assert all(not name.startswith("otel_dd_distro.export.connection") for name in loaded)
    assert threading.active_count() == 1
    """
    run(_dedented(script))


def _dedented(script: str) -> str:
    import textwrap

    return textwrap.dedent(script)
