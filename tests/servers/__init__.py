"""Real servers for the tests: each on loopback ports of its own, from a temporary folder, for as long as it is used."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

from .aws import aws
from .cassandra import cassandra
from .elasticsearch import elasticsearch, elasticsearch_stub, opensearch
from .kafka import kafka
from .mariadb import mariadb
from .memcached import memcached
from .mongodb import mongodb
from .postgresql import postgresql
from .processes import Missing, NotStarted
from .rabbitmq import rabbitmq
from .redis import redis, redis_cluster
from .session import FOLDER, session, shared
from .vertica import vertica

__all__ = ["FOLDER", "SERVERS", "Missing", "NotStarted", "Server", "running", "session", "variables"]


@dataclass(frozen=True)
class Server:
    variable: str
    """Where this is set, that server is used, and none is started."""
    start: Callable[[], AbstractContextManager[str]]
    """Gives the URL of a server of its own."""
    shared: bool = True
    """Whether the workers of a run share one. Not what tests empty, where starting it takes no time."""


# The names are those of the fixtures, and of SERVERS in a parity scenario.
SERVERS = {
    "postgresql": Server("TEST_POSTGRESQL_URL", postgresql),
    "mariadb": Server("TEST_MARIADB_URL", mariadb),
    "redis_server": Server("TEST_REDIS_URL", redis, shared=False),
    "redis_cluster": Server("TEST_REDIS_CLUSTER_URL", redis_cluster),
    "memcached": Server("TEST_MEMCACHED_URL", memcached, shared=False),
    "rabbitmq": Server("TEST_RABBITMQ_URL", rabbitmq),
    "aws": Server("TEST_AWS_URL", aws),
    "cassandra_server": Server("TEST_CASSANDRA_URL", cassandra),
    "elasticsearch_server": Server("TEST_ELASTICSEARCH_URL", elasticsearch),
    "opensearch_server": Server("TEST_OPENSEARCH_URL", opensearch),
    "mongodb_server": Server("TEST_MONGODB_URL", mongodb),
    "kafka_server": Server("TEST_KAFKA_URL", kafka),
    "elasticsearch_stub": Server("TEST_ELASTICSEARCH_STUB_URL", elasticsearch_stub),
    "vertica_server": Server("TEST_VERTICA_URL", vertica),
}


@contextmanager
def running(name: str) -> Iterator[Mapping[str, str]]:
    """The variable of one of SERVERS and its URL, also in the environment; raises Missing or NotStarted."""
    server = SERVERS[name]
    if known := os.environ.get(server.variable):
        yield {server.variable: known}
        return
    with ExitStack() as stack:
        url = shared(name) if server.shared and FOLDER in os.environ else stack.enter_context(server.start())
        os.environ[server.variable] = url
        stack.callback(os.environ.pop, server.variable, None)
        yield {server.variable: url}


def variables() -> dict[str, str]:
    """Those of the servers that run now, to hand on to another process."""
    known = {server.variable for server in SERVERS.values()}
    return {name: value for name, value in os.environ.items() if name in known}
