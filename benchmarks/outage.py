"""What an application under load suffers while its Agent is away: log lines, memory, exit time.

Usage: outage.py [--seconds 60] [--rate 100] [--agent absent|silent]. Runs a Flask application under
`opentelemetry-instrument` of this environment, asks it `rate` times a second, and exits non-zero when more than a line
a minute was logged, memory grew in the second half, spans are unaccounted for, or exit took over two seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = """
import json, resource, sys, time
sys.path.insert(0, sys.argv[3])
import hello, otel_dd_distro
seconds, rate = float(sys.argv[1]), float(sys.argv[2])

def rss_kib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() // 1024

client, began, asked, rss = hello.app.test_client(), time.monotonic(), 0, []
while asked < seconds * rate:
    client.get("/rows").get_data()
    asked += 1
    if (time.monotonic() - began) * 10 > len(rss):
        rss.append(rss_kib())
    time.sleep(max(0.0, asked / rate - (time.monotonic() - began)))
c = otel_dd_distro.counters()
print(json.dumps({"requests": asked, "rss_kib": rss, "accepted": c.accepted, "sent": c.sent, "queued": c.queued,
                  "dropped": dict(c.dropped), "ended": time.monotonic()}))
"""


@contextmanager
def agent_address(kind: str) -> Iterator[str]:
    """The address of an Agent that refuses connections (`absent`), or takes them and never answers (`silent`)."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        if kind == "silent":
            place.listen(64)
        yield f"http://127.0.0.1:{place.getsockname()[1]}"


def outage(kind: str, seconds: float, rate: float, **variables: str) -> dict[str, Any]:
    """What the program told of itself, with `lines` (what it logged) and `exit_seconds` added."""
    apps = Path(__file__).parents[1] / "tests" / "apps"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DD_", "OTEL_"))}
    with agent_address(kind) as url:
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("opentelemetry-instrument")),
                *(sys.executable, "-c", PROGRAM, str(seconds), str(rate), str(apps)),
            ],
            env={**clean, "DD_TRACE_AGENT_URL": url, **variables},
            capture_output=True,
            text=True,
            check=True,
            timeout=4 * seconds + 60,
        )
    told: dict[str, Any] = json.loads(done.stdout)
    return {**told, "lines": done.stderr.splitlines(), "exit_seconds": time.monotonic() - told.pop("ended")}


def grown_kib(rss: list[int]) -> int:
    """How much memory grew in the second half."""
    return max(rss[len(rss) // 2 :]) - max(rss[: len(rss) // 2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--agent", choices=("absent", "silent"), action="append")
    options = parser.parse_args()
    failed = False
    for kind in options.agent or ("absent", "silent"):
        told = outage(kind, options.seconds, options.rate)
        grown = grown_kib(told["rss_kib"])
        print(
            f"Agent {kind}: {told['requests']} requests, {len(told['lines'])} lines logged, "
            f"memory {told['rss_kib'][-1] // 1024} MiB, {grown} KiB more in the second half, "
            f"exit {told['exit_seconds']:.2f} s; spans {told['accepted']} = {told['sent']} sent "
            f"+ {sum(told['dropped'].values())} dropped {told['dropped']} + {told['queued']} queued"
        )
        for line in told["lines"]:
            print(f"    {line}")
        failed |= len(told["lines"]) > options.seconds / 60 + 1 or told["exit_seconds"] > 2.5 or grown > 4096
    sys.exit(failed)


if __name__ == "__main__":
    main()
