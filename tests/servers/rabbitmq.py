"""RabbitMQ, with its user `guest`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.ports import free_port

from .processes import answers, folder, found, process


@contextmanager
def rabbitmq() -> Iterator[str]:
    # Not Debian's wrapper in /usr/sbin, which insists on the user rabbitmq.
    server, epmd = found("rabbitmq-server", "/usr/lib/rabbitmq/bin", first=True), found("epmd")
    port, nodes = free_port(), free_port()
    with folder() as place:
        (place / "enabled_plugins").write_text("[].\n")
        (place / "rabbitmq.conf").write_text(f"listeners.tcp.default = 127.0.0.1:{port}\nloopback_users = none\n")
        environ = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": place,
            "RABBITMQ_NODENAME": f"tests{port}@localhost",
            "RABBITMQ_NODE_PORT": port,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": free_port(),
            "ERL_EPMD_PORT": nodes,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": place / "mnesia",
            "RABBITMQ_LOG_BASE": place / "log",
            "RABBITMQ_PID_FILE": place / "pid",
            "RABBITMQ_ENABLED_PLUGINS_FILE": place / "enabled_plugins",
            "RABBITMQ_CONFIG_FILE": place / "rabbitmq",
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
        }
        log = place / "output"
        # Started by us: the one that the server would start stays when the server goes.
        with (
            process([epmd], place / "epmd", environ=environ) as daemon,
            process([server], log, environ=environ, pid=place / "pid") as started,
        ):
            answers(daemon, place / "epmd", nodes, b"\0\1n", lambda answer: answer[:4] == nodes.to_bytes(4, "big"))
            answers(started, log, port, b"AMQP\0\0\x09\1", lambda answer: answer.startswith(b"\x01"))
            yield f"amqp://guest:guest@127.0.0.1:{port}//"
