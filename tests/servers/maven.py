"""Servers written in Java: their jars, downloaded once into a folder that outlives the checkout, and what runs them.

The folder is `TEST_SERVERS_CACHE`, else `~/.cache/test-servers`: Maven's repository (about 200 MB), and a class path
for each server. Once they are there, Maven is not called.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from .processes import NotStarted, found

# Pinned: of a range of versions Maven fetches the POM of each.
JARS: Mapping[str, Mapping[str, str]] = {
    "cassandra": {"org.apache.cassandra:cassandra-all": "5.0.9"},
    "elasticsearch": {
        "org.elasticsearch:elasticsearch": "7.17.29",
        "org.elasticsearch.plugin:transport-netty4-client": "7.17.29",
    },
    # Without slf4j-simple, what goes wrong at the start is not said.
    "kafka": {"org.apache.kafka:kafka_2.13": "4.3.1", "org.slf4j:slf4j-simple": "1.7.36"},
    "mongodb": {"de.bwaldvogel:mongo-java-server": "1.47.0", "org.slf4j:slf4j-simple": "2.0.17"},
    "opensearch": {
        "org.opensearch:opensearch": "2.19.6",
        "org.opensearch.plugin:transport-netty4-client": "2.19.6",
        # It needs this, and does not say so.
        "org.apache.logging.log4j:log4j-core": "2.25.4",
    },
}
_HEAD = "<project><modelVersion>4.0.0</modelVersion><groupId>tests</groupId><version>1</version>"


def cache() -> Path:
    return Path(os.environ.get("TEST_SERVERS_CACHE") or Path.home() / ".cache" / "test-servers")


def class_path(name: str) -> str:
    """The class path of one of JARS. Raises Missing without Maven, and NotStarted where it fails."""
    kept = _class_path_file(name)
    if not _complete(kept):
        download()
    return kept.read_text().strip()


def download() -> None:
    """Fetches what is missing of all servers: one call of Maven, which asks for all of them at a time, takes as long as
    one server does. Raises Missing and NotStarted."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "lock").open("w") as lock:
        # One at a time: Maven's repository is not made for two.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if missing := {name: jars for name, jars in JARS.items() if not _complete(_class_path_file(name))}:
            _fetch(missing)


def _fetch(missing: Mapping[str, Mapping[str, str]]) -> None:
    maven = found("mvn")
    modules = "".join(f"<module>{_class_path_file(name).parent.name}</module>" for name in missing)
    head = f"{_HEAD}<artifactId>servers</artifactId><packaging>pom</packaging>"
    (cache() / "pom.xml").write_text(f"{head}<modules>{modules}</modules></project>")
    for name, jars in missing.items():
        folder = _class_path_file(name).parent
        folder.mkdir(exist_ok=True)
        dependencies = "".join(
            "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>".format(
                *jar.split(":"), version
            )
            for jar, version in jars.items()
        )
        head = f"{_HEAD}<artifactId>{name}</artifactId><packaging>pom</packaging>"
        (folder / "pom.xml").write_text(f"{head}<dependencies>{dependencies}</dependencies></project>")
    options = ["--batch-mode", "--quiet", "--no-transfer-progress", "--threads", str(len(missing))]
    command = [maven, *options, "--file", cache() / "pom.xml", f"-Dmaven.repo.local={cache() / 'maven'}"]
    goal = ["dependency:build-classpath", "-Dmdep.outputFile=class-path"]
    done = subprocess.run([*command, *goal], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise NotStarted(f"Maven does not give the jars of {', '.join(missing)}:\n{done.stdout}{done.stderr}")


def java(name: str, *options: str, heap: str) -> list[str]:
    """The beginning of the command that runs one of JARS; `heap` as Java writes it, such as 512m."""
    # A short start and little memory go before speed.
    lean = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Xmx{heap}"]
    # Not any newer Java: Cassandra and Elasticsearch 7 want this one.
    command = found("java", "/usr/lib/jvm/java-17-openjdk-*/bin", first=True)
    return [str(command), *lean, *options, "-cp", class_path(name)]


def _class_path_file(name: str) -> Path:
    return cache() / "-".join([name, *JARS[name].values()]) / "class-path"


def _complete(kept: Path) -> bool:
    return kept.exists() and all(Path(jar).exists() for jar in kept.read_text().strip().split(":"))
