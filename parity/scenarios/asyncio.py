"""asyncio: what tasks, callbacks and executors do, for a template that has it done."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from jinja2 import Template
from steps import step

caller = Template("{{ begin() }}")


def below_a_span(begin: Callable[[], Any]) -> Any:
    """What `begin` returns, called by a template that is being rendered."""
    begun = []
    caller.render(begin=lambda: begun.append(begin()))
    return begun[0]


def query() -> int:
    with closing(sqlite3.connect(":memory:")) as books:
        return books.execute("SELECT 1").fetchone()[0]


def late_query() -> int:
    """When the template is done."""
    time.sleep(0.005)
    return query()


async def work(seconds: float = 0) -> int:
    await asyncio.sleep(seconds)
    return query()


async def main() -> None:
    loop = asyncio.get_running_loop()

    with step("a task"):
        await below_a_span(lambda: asyncio.create_task(work()))

    with step("gathered"):
        await below_a_span(lambda: asyncio.gather(work(), work(0.002)))

    with step("a task group"):
        async with asyncio.TaskGroup() as group:
            below_a_span(lambda: group.create_task(work()))

    with step("a task of nobody"):
        await asyncio.create_task(work())

    with step("a task that is cancelled"):
        task = below_a_span(lambda: asyncio.create_task(work(60)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    with step("in an executor"):
        await below_a_span(lambda: loop.run_in_executor(None, late_query))

    with step("the next job of the same thread, of nobody"):
        await loop.run_in_executor(None, query)

    with step("in a thread"):
        await below_a_span(lambda: asyncio.create_task(asyncio.to_thread(query)))

    with step("from another thread"):
        await asyncio.to_thread(
            lambda: below_a_span(lambda: asyncio.run_coroutine_threadsafe(work(), loop).result()),
        )


asyncio.run(main())

with asyncio.Runner() as runner:
    with step("a runner, the first time"):
        below_a_span(lambda: runner.run(work()))

    with step("a runner, again"):
        below_a_span(lambda: runner.run(work()))

    with step("a runner, of nobody"):
        runner.run(work())


async def serve() -> None:
    async def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        query()
        writer.close()

    with step("a server starts"):
        starting = below_a_span(lambda: asyncio.create_task(asyncio.start_server(connected, "127.0.0.1", 0)))
        server = await starting
    with step("a connection"):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        assert await reader.read() == b""
        writer.close()
    server.close()
    await server.wait_closed()


asyncio.run(serve())
