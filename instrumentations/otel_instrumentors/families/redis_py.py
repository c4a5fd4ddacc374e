"""redis-py and its forks: clients of single servers and of clusters, their pipelines, also asynchronous ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.util.types import AttributeValue

from ..kernel.hook import Hook
from ..semconv import db
from .redis import REDIS, commands, pipelines

_PORT = 6379


def single(cls: str, system: str = REDIS) -> dict[str, Hook]:
    """The hooks for the module with the client `cls` of a single server; `system` is the `db.system.name`."""
    return {
        f"{cls}.execute_command": commands("execute_command", connection, system),
        "Pipeline.execute": pipelines("execute", connection, queued, is_transaction, system),
        "Pipeline.immediate_execute_command": commands("immediate_execute_command", connection, system),
    }


def clustered(cls: str, system: str = REDIS) -> dict[str, Hook]:
    """The hooks for the module with the client `cls` of a cluster."""
    return {
        f"{cls}.execute_command": commands("execute_command", cluster, system, of_cluster=True),
        "ClusterPipeline.execute": pipelines(
            "execute", cluster, queued_for_cluster, is_transaction_of_cluster, system, of_cluster=True
        ),
    }


def connection(client: Any) -> dict[str, AttributeValue]:
    """What is known of the server of a client; nothing of its address where that is a socket.

    Where Sentinel has to be asked for it, it is known once there is a connection.
    """
    pool = client.connection_pool
    settings = getattr(pool, "connection_kwargs", {})
    host, port = settings.get("host"), settings.get("port")
    if host is None:
        host, port = getattr(pool, "master_address", None) or (None, None)
    known = db.connection(str(settings.get("db") or 0), host, port or _PORT)
    name = settings.get("client_name")
    if name:
        known[db.DB_CLIENT_NAME] = name
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
