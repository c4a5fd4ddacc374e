"""Threads that outlive the request that started them do not keep its trace for ever."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator

import pytest

from otel_instrumentors.futures import FuturesInstrumentor
from otel_instrumentors.gevent import GeventInstrumentor
from otel_instrumentors.kernel import aftermath
from otel_instrumentors.sqlite3 import Sqlite3Instrumentor
from tests.otel_instrumentors.contract import Recorder, instrumented


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with instrumented(FuturesInstrumentor, recorder.provider), instrumented(Sqlite3Instrumentor, recorder.provider):
        yield recorder


@pytest.mark.parametrize(("longest", "belongs"), [(aftermath.LONGEST_NS, True), (0, False)], ids=["soon", "late"])
def test_what_a_thread_does_belongs_to_the_request_that_started_it_for_a_while(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, longest: int, belongs: bool
) -> None:
    go_on = threading.Event()

    def poll() -> None:
        assert go_on.wait(60)
        sqlite3.connect(":memory:").execute("SELECT 2").connection.close()

    with recorder.provider.get_tracer("application").start_as_current_span("request") as request:
        thread = threading.Thread(target=poll)
        thread.start()
        sqlite3.connect(":memory:").execute("SELECT 1").connection.close()
    monkeypatch.setattr(aftermath, "LONGEST_NS", longest)
    go_on.set()
    thread.join(60)
    spans = {str((span.attributes or {}).get("db.query.text")): span for span in recorder.take()}
    trace_id = request.get_span_context().trace_id
    assert spans["SELECT 1"].context.trace_id == trace_id
    late = spans["SELECT 2"]
    assert (late.context.trace_id == trace_id) is belongs
    assert [link.context for link in late.links] == ([] if belongs else [request.get_span_context()])
    assert (late.parent is not None) is belongs


@pytest.mark.parametrize(("longest", "belongs"), [(aftermath.LONGEST_NS, True), (0, False)], ids=["soon", "late"])
def test_a_greenlet_is_as_a_thread(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, longest: int, belongs: bool
) -> None:
    import gevent
    from gevent.event import Event

    go_on = Event()

    def poll() -> None:
        assert go_on.wait(60)
        sqlite3.connect(":memory:").execute("SELECT 1").connection.close()

    with instrumented(GeventInstrumentor, recorder.provider):
        with recorder.provider.get_tracer("application").start_as_current_span("request") as request:
            poller = gevent.spawn(poll)
        monkeypatch.setattr(aftermath, "LONGEST_NS", longest)
        go_on.set()
        poller.get(timeout=60)
    (late,) = [span for span in recorder.take() if span.name.startswith("SELECT")]
    assert (late.context.trace_id == request.get_span_context().trace_id) is belongs
    assert [link.context for link in late.links] == ([] if belongs else [request.get_span_context()])


def test_an_open_request_is_never_outlived(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aftermath, "LONGEST_NS", 0)

    def work() -> None:
        sqlite3.connect(":memory:").execute("SELECT 1").connection.close()

    with recorder.provider.get_tracer("application").start_as_current_span("request") as request:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(60)
    (statement,) = [span for span in recorder.take() if span.name.startswith("SELECT")]
    assert statement.parent is not None
    assert statement.parent.span_id == request.get_span_context().span_id
