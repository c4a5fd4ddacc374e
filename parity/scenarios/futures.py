"""futures: what pools of threads, threads and timers do, for a template that has it done."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

from jinja2 import Template
from steps import step

caller = Template("{{ begin() }}")
worker = Template("{{ query() }}")


def below_a_span(begin: Callable[[], Any]) -> Any:
    """What `begin` returns, called by a template that is being rendered."""
    begun = []
    caller.render(begin=lambda: begun.append(begin()))
    return begun[0]


def query(number: int = 1) -> int:
    with closing(sqlite3.connect(":memory:")) as books:
        return books.execute("SELECT ?", (number,)).fetchone()[0]


def work() -> str:
    return worker.render(query=query)


with ThreadPoolExecutor(1) as executor:
    with step("submitted"):
        assert below_a_span(lambda: executor.submit(query).result()) == 1

    with step("submitted, with a span of its own"):
        assert below_a_span(lambda: executor.submit(work).result()) == "1"

    with step("the next job of the same thread, of nobody"):
        executor.submit(query).result()

    with step("mapped"):
        assert below_a_span(lambda: list(executor.map(query, [1, 2]))) == [1, 2]

    with step("a job that fails"):
        error = below_a_span(lambda: executor.submit(query, object()).exception())
        assert isinstance(error, sqlite3.Error)

    with step("a job of a job"), ThreadPoolExecutor(1) as inner:
        assert below_a_span(lambda: executor.submit(lambda: inner.submit(query).result()).result()) == 1

    with step("a job that begins when its caller has ended"):
        may_begin = threading.Event()
        late = below_a_span(lambda: executor.submit(lambda: may_begin.wait(10) and query()))
        may_begin.set()
        assert late.result() == 1


def run(thread: threading.Thread) -> None:
    thread.start()
    thread.join()


with step("a thread"):
    below_a_span(lambda: run(threading.Thread(target=query)))

with step("a timer"):
    below_a_span(lambda: run(threading.Timer(0, query)))
