"""Redis: one server, and a cluster of three nodes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from .processes import PATIENCE, NotStarted, answers, asked, done, folder, found, low_port, process


@contextmanager
def redis() -> Iterator[str]:
    with _nodes(1) as (port,):
        yield f"redis://127.0.0.1:{port}"


@contextmanager
def redis_cluster() -> Iterator[str]:
    client = found("redis-cli")
    cluster = ["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "2000"]
    with _nodes(3, *cluster) as ports, folder() as place:
        nodes = [f"127.0.0.1:{port}" for port in ports]
        done([client, "--cluster", "create", *nodes, "--cluster-replicas", "0", "--cluster-yes"], place / "log")
        end = time.monotonic() + PATIENCE
        # Each node has to hear of it.
        while not all(b"cluster_state:ok" in asked(port, b"CLUSTER INFO\r\n") for port in ports):
            if time.monotonic() > end:
                raise NotStarted(f"the nodes {nodes} form no cluster:\n{(place / 'log').read_text()}")
            time.sleep(0.05)
        yield f"redis://127.0.0.1:{ports[0]}"


@contextmanager
def _nodes(number: int, *options: str) -> Iterator[list[int]]:
    server = found("redis-server")
    with ExitStack() as stack:
        ports = []
        for _ in range(number):
            port = low_port()
            place = stack.enter_context(folder())
            command = [server, "--port", port, "--bind", "127.0.0.1", "--dir", place, "--save", ""]
            log = place / "log"
            started = stack.enter_context(process([*command, "--appendonly", "no", *options], log))
            answers(started, log, port, b"PING\r\n", lambda answer: answer.startswith(b"+PONG"))
            ports.append(port)
        yield ports
