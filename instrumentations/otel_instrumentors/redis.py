"""redis-py: a span for each command, pipeline and transaction, on single servers and clusters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.util.types import AttributeValue

from .families import redis
from .families.redis import commands, pipelines
from .kernel.for_objects import ForClients
from .semconv import db
from .semconv.stores import DB_CLIENT_NAME

_PORT = 6379


def connection(client: Any) -> dict[str, AttributeValue]:
    """What is known of the server of a client; nothing of its address where that is a socket.

    Where Sentinel has to be asked for it, it is known once there is a connection.
    """
    pool = client.connection_pool
    settings = pool.connection_kwargs
    host, port = settings.get("host"), settings.get("port")
    if host is None:
        host, port = getattr(pool, "master_address", None) or (None, None)
    known = db.connection(str(settings.get("db") or 0), host, port or _PORT)
    name = settings.get("client_name")
    if name:
        known[DB_CLIENT_NAME] = name
    return known


def cluster(client: Any) -> dict[str, AttributeValue]:
    """The first of the nodes that a cluster's client knows stands for all of them."""
    # Some asynchronous pipelines know them through their client.
    known = client if hasattr(client, "nodes_manager") else getattr(client, "cluster_client", None) or client._client
    nodes: Any = known.nodes_manager.startup_nodes
    node = next(iter(nodes.values() if isinstance(nodes, dict) else nodes), None)
    return db.connection("0", getattr(node, "host", None), getattr(node, "port", None))


def queued(pipeline: Any) -> Sequence[Any]:
    return [words for words, _ in pipeline.command_stack]


def is_transaction(pipeline: Any) -> object:
    # `transaction` is a method of asynchronous ones.
    asked = getattr(pipeline, "is_transaction", None)
    return (pipeline.transaction if asked is None else asked) or pipeline.explicit_transaction


def queued_for_cluster(pipeline: Any) -> Sequence[Any]:
    """Once the pipeline itself kept its commands, now its strategy does."""
    strategy = getattr(pipeline, "_execution_strategy", None)
    if strategy is not None:
        return [command.args for command in strategy._command_queue]
    return [command.args for command in getattr(pipeline, "_command_stack", getattr(pipeline, "command_stack", ()))]


def is_transaction_of_cluster(pipeline: Any) -> object:
    return "Transaction" in type(getattr(pipeline, "_execution_strategy", None)).__name__


_command = commands("execute_command", connection)
_immediate = commands("immediate_execute_command", connection)
_pipeline = pipelines("execute", connection, queued, is_transaction)

_client = {
    "Redis.execute_command": _command,
    "Pipeline.execute": _pipeline,
    "Pipeline.immediate_execute_command": _immediate,
}
_cluster = {
    "RedisCluster.execute_command": commands("execute_command", cluster),
    "ClusterPipeline.execute": pipelines("execute", cluster, queued_for_cluster, is_transaction_of_cluster),
}


class RedisInstrumentor(ForClients):
    options = redis.OPTIONS
    hooks = {
        "redis.client": {
            **_client,
            # Before 3.0 these were the classes, and the others made of them.
            "StrictRedis.execute_command": _command,
            "BasePipeline.execute": _pipeline,
            "BasePipeline.immediate_execute_command": _immediate,
        },
        "redis.asyncio.client": _client,
        "redis.cluster": _cluster,
        "redis.asyncio.cluster": _cluster,
    }
