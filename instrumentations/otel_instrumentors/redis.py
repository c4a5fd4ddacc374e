"""redis-py: a span for each command, pipeline and transaction, on single servers and clusters."""

from __future__ import annotations

from .families import redis, redis_py
from .kernel.for_objects import ForClients

_client, _cluster = redis_py.single("Redis"), redis_py.clustered("RedisCluster")


class RedisInstrumentor(ForClients):
    options = redis.OPTIONS
    hooks = {
        "redis.client": {
            **_client,
            # Before 3.0 these were the classes, and the others made of them.
            "StrictRedis.execute_command": _client["Redis.execute_command"],
            "BasePipeline.execute": _client["Pipeline.execute"],
            "BasePipeline.immediate_execute_command": _client["Pipeline.immediate_execute_command"],
        },
        "redis.asyncio.client": _client,
        "redis.cluster": _cluster,
        "redis.asyncio.cluster": _cluster,
    }
