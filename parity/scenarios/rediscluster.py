"""redis-py-cluster: commands, pipelines and errors, on three nodes."""

from __future__ import annotations

import os

import rediscluster
from redis.exceptions import RedisError, ResponseError
from rediscluster.exceptions import RedisClusterException
from steps import step

SERVERS = ("redis_cluster",)

host, _, port = os.environ["TEST_REDIS_CLUSTER_URL"].partition("://")[2].partition(":")

with step("connected"):
    client = rediscluster.RedisCluster(startup_nodes=[{"host": host, "port": int(port)}])

with step("a value is set, and read"):
    client.set("tea", "green")
    assert client.get("tea") == b"green"

with step("a value that is not there"):
    assert client.get("coffee") is None

with step("on every node"):
    for number in range(6):
        client.set(f"cup:{number}", number)

with step("many keys of one slot"):
    client.mset({"{pot}a": 1, "{pot}b": 2})
    assert client.mget("{pot}a", "none{pot}", "{pot}b") == [b"1", None, b"2"]

with step("a list"):
    client.rpush("leaves", "a", "b")
    assert client.lrange("leaves", 0, -1) == [b"a", b"b"]
    client.delete("leaves")

with step("a long value"):
    client.set("long", "x" * 2_000)

with step("a wrong kind", ResponseError):
    client.lpop("tea")

with step("no such command", RedisError):
    client.execute_command("BREW", "tea")

with step("a pipeline"):
    pipeline = client.pipeline()
    pipeline.set("tea", "black").get("tea").get("cup:1")
    assert pipeline.execute() == [True, b"black", b"1"]

with step("a pipeline of one"):
    assert client.pipeline().get("tea").execute() == [b"black"]

with step("a pipeline of none"):
    assert client.pipeline().execute() == []

with step("a pipeline with a wrong kind", ResponseError):
    client.pipeline().set("tea", "white").lpop("tea").execute()

with step("nobody there", RedisClusterException):
    rediscluster.RedisCluster(startup_nodes=[{"host": "127.0.0.1", "port": 1}])
