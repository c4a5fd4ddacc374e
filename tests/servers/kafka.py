"""Apache Kafka, one broker that is its own controller."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.ports import free_port

from .maven import java
from .processes import PROGRAMS, answers, folder, process

SETTINGS = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={place}/data
auto.create.topics.enable=true
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=2097152
log.index.size.max.bytes=1048576
num.io.threads=2
num.network.threads=2
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
"""
# An ApiVersions request of version 0, without a client's name; the answer repeats its id.
API_VERSIONS = bytes.fromhex("0000000a 0012 0000 00000001 ffff")


@contextmanager
def kafka() -> Iterator[str]:
    with folder() as place:
        port, log = free_port(), place / "log"
        settings = place / "server.properties"
        settings.write_text(SETTINGS.format(port=port, controller=free_port(), place=place))
        quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        command = [*java("kafka", quiet, heap="256m"), PROGRAMS / "EmbeddedKafka.java", settings]
        with process(command, log, end=signal.SIGKILL, cwd=place) as started:
            answers(started, log, port, API_VERSIONS, lambda answer: answer[4:8] == API_VERSIONS[8:12])
            yield f"kafka://127.0.0.1:{port}"
