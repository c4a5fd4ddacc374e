"""valkey-py: a span for each command, pipeline and transaction, on single servers and clusters."""

from __future__ import annotations

from .families import redis, redis_py
from .kernel.for_objects import ForClients

_client, _cluster = redis_py.single("Valkey", "valkey"), redis_py.clustered("ValkeyCluster", "valkey")


class ValkeyInstrumentor(ForClients):
    options = redis.OPTIONS
    hooks = {
        "valkey.client": _client,
        "valkey.asyncio.client": _client,
        "valkey.cluster": _cluster,
        "valkey.asyncio.cluster": _cluster,
    }
