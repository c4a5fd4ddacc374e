"""What the scenarios of redis-py and of valkey-py both do: commands, pipelines, transactions, scripts, errors.

Stands beside the program when it runs: `from redis_commands import commands`.
"""

from __future__ import annotations

import asyncio
from types import ModuleType
from typing import Any

from steps import step


def commands(library: ModuleType, client: str, url: str) -> None:
    """By the class that has the name `client` in the library and in its `asyncio`."""
    of = getattr(library, client)
    store = of.from_url(url)

    with step("the server is emptied"):
        store.flushall()

    with step("a value is set, and read"):
        store.set("tea", "green", ex=60)
        assert store.get("tea") == b"green"

    with step("a value that is not there"):
        assert store.get("coffee") is None

    with step("several at once"):
        store.mset({"a": 1, "b": 2})
        assert store.mget("a", "none", "b") == [b"1", None, b"2"]

    with step("a hash"):
        store.hset("cup", mapping={"size": 2, "color": "blue"})
        assert store.hgetall("cup") == {b"size": b"2", b"color": b"blue"}
        assert store.hmget("cup", "size", "none") == [b"2", None]
        assert store.hmget("cup", "none") == [None]
        assert store.hget("cup", "none") is None

    with step("a list"):
        store.rpush("queue", "x", "y")
        assert store.lrange("queue", 0, -1) == [b"x", b"y"]
        assert store.lpop("queue") == b"x"
        assert store.lrange("none", 0, -1) == []
        assert store.blpop(["queue"], timeout=1) == (b"queue", b"y")

    with step("keys, one by one"):
        assert sorted(store.scan_iter("[ab]")) == [b"a", b"b"]

    with step("a wrong type", library.ResponseError):
        store.lpop("tea")

    with step("a wrong type of what returns a value", library.ResponseError):
        store.get("cup")

    with step("no such command", library.ResponseError):
        store.execute_command("BREW", "tea")

    with step("a value that cannot be sent", library.DataError):
        store.set("list", None)

    with step("long arguments"):
        store.set("k" * 200, "v" * 99)
        store.mget(*("n" * 90 for _ in range(20)))

    with step("odd arguments"):
        store.set("tée", b"\xff\x00 two words\nand a line", px=60_000)
        store.set("number", 1.5)

    with step("a pipeline"):
        pipeline = store.pipeline(transaction=False).set("x", 1).incr("x").get("x")
        assert pipeline.execute() == [True, 2, b"2"]

    with step("a pipeline of one"):
        assert store.pipeline().get("x").execute() == [b"2"]

    with step("an empty pipeline"):
        assert store.pipeline().execute() == []

    with step("a transaction"):
        store.pipeline().set("x", "two words").config_get("port").execute()

    with step("a transaction that watches"):

        def doubled(pipeline: Any) -> None:
            number = int(pipeline.get("a"))
            pipeline.multi()
            pipeline.set("a", 2 * number)

        store.transaction(doubled, "a")

    with step("an error in a pipeline", library.ResponseError):
        store.pipeline().set("x", 1).lpop("x").execute()

    with step("a lost race", library.WatchError), store.pipeline() as pipeline:
        pipeline.watch("x")
        store.set("x", 5)
        pipeline.multi()
        pipeline.get("x").execute()

    with step("a script"):
        assert store.register_script("return redis.call('GET', KEYS[1])")(keys=["x"]) == b"5"

    with step("published and heard"):
        listener = store.pubsub()
        listener.subscribe("news")
        store.publish("news", "ready")
        assert [listener.get_message(timeout=5)["type"] for _ in range(2)] == ["subscribe", "message"]
        listener.close()

    with step("a password", library.AuthenticationError):
        store.execute_command("AUTH", "alice", "hunter2")

    with step("passwords in other words", library.ResponseError):
        store.execute_command("CONFIG SET", "requirepass", "hunter2", "no-such-thing")

    with step("another database"):
        of.from_url(url + "/3").ping()

    with step("a name for the connection"):
        of.from_url(url, client_name="waiter").ping()

    with step("text instead of bytes"):
        assert of.from_url(url, decode_responses=True).get("tea") == "green"

    with step("nobody there", library.ConnectionError):
        of(host="127.0.0.1", port=1, retry=None).ping()

    async def later() -> None:
        store = getattr(library.asyncio, client).from_url(url)
        with step("asynchronous: a value is set, and read"):
            await store.set("tea", "black")
            assert await store.get("tea") == b"black"
        with step("asynchronous: a pipeline"):
            assert await store.pipeline(transaction=False).get("tea").get("none").execute() == [b"black", None]
        with step("asynchronous: a transaction"):
            async with store.pipeline() as pipeline:
                await pipeline.watch("tea")
                await pipeline.get("tea")
                pipeline.multi()
                await pipeline.delete("tea").execute()
        with step("asynchronous: an error", library.ResponseError):
            await store.execute_command("GET")
        await store.aclose()

    asyncio.run(later())
