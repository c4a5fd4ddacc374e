"""Apache Cassandra, one node."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.ports import free_port

from .maven import class_path, java
from .processes import answers, folder, process

# What its own script opens of Java to it.
EXPORTS = [
    "java.base/java.lang.ref",
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.attach/sun.tools.attach",
    "jdk.compiler/com.sun.tools.javac.file",
    "jdk.unsupported/sun.misc",
]
OPENS = [
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "jdk.compiler/com.sun.tools.javac",
    "jdk.management/com.sun.management.internal",
]
SETTINGS = """
cluster_name: test
num_tokens: 1
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{{seeds: "127.0.0.1:{storage}"}}]
listen_address: 127.0.0.1
rpc_address: 127.0.0.1
storage_port: {storage}
native_transport_port: {port}
auto_bootstrap: false
auto_snapshot: false
cdc_enabled: false
commitlog_disk_access_mode: mmap
commitlog_sync: periodic
commitlog_sync_period: 10000ms
concurrent_compactors: 1
concurrent_reads: 4
concurrent_writes: 4
hinted_handoff_enabled: false
"""
LOGGING = """
<configuration>
  <appender name="output" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d %-5level %logger{20} %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="output"/></root>
</configuration>
"""
# An OPTIONS frame of protocol 4; the answer is a SUPPORTED frame.
OPTIONS = bytes.fromhex("04 00 0000 05 00000000")


@contextmanager
def cassandra() -> Iterator[str]:
    jamm = next(jar for jar in class_path("cassandra").split(":") if "/jamm-" in jar)
    with folder() as place:
        port = free_port()
        (place / "cassandra.yaml").write_text(SETTINGS.format(port=port, storage=free_port()))
        (place / "logback.xml").write_text(LOGGING)
        command = java(
            "cassandra",
            "-XX:MaxDirectMemorySize=256m",
            f"-javaagent:{jamm}",
            *(f"--add-exports={package}=ALL-UNNAMED" for package in EXPORTS),
            *(f"--add-opens={package}=ALL-UNNAMED" for package in OPENS),
            "-Djdk.attach.allowAttachSelf=true",
            "-Dio.netty.tryReflectionSetAccessible=true",
            f"-Dlogback.configurationFile={place}/logback.xml",
            f"-Dcassandra.config=file://{place}/cassandra.yaml",
            f"-Dcassandra.storagedir={place}",
            "-Dcassandra-foreground=yes",
            # There is nobody to wait for.
            "-Dcassandra.ring_delay_ms=100",
            "-Dcassandra.skip_wait_for_gossip_to_settle=0",
            "-Dcassandra.superuser_setup_delay_ms=0",
            heap="512m",
        )
        log = place / "log"
        command.append("org.apache.cassandra.service.CassandraDaemon")
        # Nothing of it is to be kept: it need not write it down first.
        with process(command, log, end=signal.SIGKILL, cwd=place) as started:
            answers(started, log, port, OPTIONS, lambda answer: answer[:1] == b"\x84" and answer[4:5] == b"\x06")
            yield f"cassandra://127.0.0.1:{port}"
