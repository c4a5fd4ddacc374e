"""gevent: what greenlets, their pools and its pools of threads do, for a template that has it done."""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import sqlite3  # noqa: E402
import threading  # noqa: E402
from collections.abc import Callable  # noqa: E402
from concurrent.futures import ThreadPoolExecutor  # noqa: E402
from contextlib import closing  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
import gevent.pool  # noqa: E402
from jinja2 import Template  # noqa: E402
from steps import step  # noqa: E402

caller = Template("{{ begin() }}")


def below_a_span(begin: Callable[[], Any]) -> Any:
    """What `begin` returns, called by a template that is being rendered."""
    begun = []
    caller.render(begin=lambda: begun.append(begin()))
    return begun[0]


def work(number: int = 1) -> int:
    gevent.sleep(0)
    with closing(sqlite3.connect(":memory:")) as books:
        return books.execute("SELECT ?", (number,)).fetchone()[0]


class Worker(gevent.Greenlet):
    def _run(self) -> int:
        return work()


def started(worker: gevent.Greenlet) -> gevent.Greenlet:
    worker.start()
    return worker


with step("spawned"):
    assert below_a_span(lambda: gevent.spawn(work).get()) == 1

with step("spawned for later"):
    assert below_a_span(lambda: gevent.spawn_later(0.001, work).get()) == 1

with step("a class of one's own"):
    assert below_a_span(lambda: started(Worker()).get()) == 1

with step("a greenlet of a greenlet"):
    assert below_a_span(lambda: gevent.spawn(lambda: gevent.spawn(work).get()).get()) == 1

with step("of nobody"):
    gevent.spawn(work).get()

with step("a greenlet that runs when its spawner has ended"):
    late = below_a_span(lambda: gevent.spawn(work))
    assert late.get() == 1

with step("mapped by a pool"):
    assert below_a_span(lambda: gevent.pool.Pool(1).map(work, [1, 2])) == [1, 2]

with step("mapped by a pool, one by one"):
    assert below_a_span(lambda: list(gevent.pool.Pool(1).imap(work, [1, 2]))) == [1, 2]

with step("of a group"):
    assert below_a_span(lambda: gevent.pool.Group().apply_async(work).get()) == 1

with step("of a pool of threads"):
    assert below_a_span(lambda: gevent.get_hub().threadpool.spawn(work).get()) == 1

with ThreadPoolExecutor(1) as executor:
    with step("submitted"):
        assert below_a_span(lambda: executor.submit(work).result()) == 1

    with step("the next job of the same greenlet, of nobody"):
        executor.submit(work).result()


def run(thread: threading.Thread) -> None:
    thread.start()
    thread.join()


with step("a thread that is a greenlet"):
    below_a_span(lambda: run(threading.Thread(target=work)))
