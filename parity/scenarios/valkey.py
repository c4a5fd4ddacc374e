"""valkey-py: commands, pipelines, transactions, scripts, a cluster, asynchronous clients, on Redis; DD_SERVICE set."""

from __future__ import annotations

import asyncio
import os

import valkey
import valkey.asyncio
from redis_commands import commands
from steps import step

SETTINGS = {"DD_SERVICE": "teahouse"}
BESIDE = ("parity/redis_commands.py",)
SERVERS = ("redis_server", "redis_cluster")

url, cluster_url = os.environ["TEST_REDIS_URL"], os.environ["TEST_REDIS_CLUSTER_URL"]
commands(valkey, "Valkey", url)

with step("a cluster: connected"):
    nodes = valkey.ValkeyCluster.from_url(cluster_url)

with step("a cluster: a value is set, and read"):
    nodes.set("tea", "green")
    assert nodes.get("tea") == b"green"

with step("a cluster: several nodes"):
    assert nodes.mget_nonatomic("a", "b", "tea") == [None, None, b"green"]

with step("a cluster: a pipeline"):
    pipeline = nodes.pipeline()
    pipeline.set("a", 1)
    pipeline.get("b")
    assert pipeline.execute() == [True, None]

with step("a cluster: deleted"):
    nodes.delete("a")

with step("a cluster: an error", valkey.ResponseError):
    nodes.lpop("tea")


async def much_later() -> None:
    with step("asynchronous cluster: connected"):
        nodes = await valkey.asyncio.ValkeyCluster.from_url(cluster_url).initialize()
    with step("asynchronous cluster: a value is set, and read"):
        await nodes.set("tea", "black")
        assert await nodes.get("tea") == b"black"
    with step("asynchronous cluster: a pipeline"):
        assert await nodes.pipeline().get("tea").get("none").execute() == [b"black", None]
    with step("asynchronous cluster: an error", valkey.ResponseError):
        await nodes.execute_command("LPOP", "tea")
    await nodes.aclose()


asyncio.run(much_later())
