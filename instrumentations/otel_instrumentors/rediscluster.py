"""redis-py-cluster: a span for each command and for each pipeline, redirections included."""

from __future__ import annotations

from typing import Any

from opentelemetry.util.types import AttributeValue

from .families import redis, redis_py
from .kernel.for_objects import ForClients
from .semconv import db


def cluster(client: Any) -> dict[str, AttributeValue]:
    """The first of the nodes that the application named stands for all of them."""
    node: Any = next(iter(client.connection_pool.nodes.orig_startup_nodes), {})
    return db.connection(address=node.get("host"), port=node.get("port"))


_command = redis.commands("execute_command", cluster, of_cluster=True)
_pipeline = redis.pipelines(
    "execute", cluster, redis_py.queued_for_cluster, redis_py.is_transaction_of_cluster, of_cluster=True
)


class RedisclusterInstrumentor(ForClients):
    options = redis.OPTIONS
    # Those called strict before 2.0.
    hooks = {
        "rediscluster.client": {
            "RedisCluster.execute_command": _command,
            "StrictRedisCluster.execute_command": _command,
        },
        "rediscluster.pipeline": {"ClusterPipeline.execute": _pipeline, "StrictClusterPipeline.execute": _pipeline},
    }
