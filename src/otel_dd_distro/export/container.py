"""Which container this process runs in, as the Agent wants to be told (agent intake headers)."""

from __future__ import annotations

import os
import re

# 64 hex digits; a UUID; the ECS/Fargate form. Before it perhaps "docker-", after it perhaps ".scope".
_CONTAINER = re.compile(
    r"(?:.*[-_])?([0-9a-f]{64}|[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32}-[0-9]+)(?:\.scope)?"
)


def headers(cgroup_file: str = "/proc/self/cgroup", mount: str = "/sys/fs/cgroup") -> dict[str, str]:
    """`Datadog-Container-ID` and `Datadog-Entity-ID`, as far as they can be known; empty outside Linux."""
    try:
        with open(cgroup_file, encoding="utf-8", errors="replace") as file:
            lines = [line.rstrip("\n").split(":", 2) for line in file]
    except OSError:
        return {}
    groups = [(line[1], line[2]) for line in lines if len(line) == 3]
    for _, path in groups:
        if found := _CONTAINER.fullmatch(path.rpartition("/")[2]):
            return {"Datadog-Container-ID": found[1], "Datadog-Entity-ID": f"ci-{found[1]}"}
    # Without an id the Agent goes by the inode of the cgroup: of version 2, or of version 1's memory controller.
    for controllers, path in groups:
        if controllers == "" or "memory" in controllers.split(","):
            try:
                inode = os.stat(f"{mount}/{controllers}/{path}").st_ino
            except OSError:
                continue
            return {"Datadog-Entity-ID": f"in-{inode}"}
    return {}
