"""Whether memory grows over many streamed requests: Starlette, traced, each answer a stream of twenty events.

Usage: streams.py [--requests 100000]. Runs the application under `opentelemetry-instrument` of this environment, calls
it as an ASGI server does (a client in ten leaves in the middle), and exits non-zero when memory grew in the second
half, or spans are unaccounted for. A sink in a thread takes what is sent.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.sink import Sink

MOST_KIB = 1024
"""What the second half may take more than the first: arenas of the allocator come in steps of this size."""

PROGRAM = """
import asyncio, gc, json, resource, sys
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route
import otel_dd_distro

requests = int(sys.argv[1])

async def events():
    for _ in range(20):
        yield b"data: tea\\n\\n"

async def stream(request):
    return StreamingResponse(events(), media_type="text/event-stream")

app = Starlette(routes=[Route("/stream/{number}", stream)])

def rss_kib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() // 1024

async def ask(number):
    gone, messages, sent = asyncio.Event(), [{"type": "http.request", "body": b"", "more_body": False}], []
    leaves_after = 10 if number % 10 == 0 else 22

    async def receive():
        if messages:
            return messages.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)
        if len(sent) == leaves_after:
            gone.set()
        await asyncio.sleep(0)

    path = f"/stream/{number}"
    headers = [(b"host", b"shop.example"), (b"user-agent", b"bench/1.0")]
    await app({"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
               "method": "GET", "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
               "root_path": "", "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)},
              receive, send)
    return len(sent)

async def main():
    rss, parts = [], 0
    for number in range(requests):
        parts += await ask(number)
        if number % (requests // 20) == requests // 20 - 1:
            rss.append(rss_kib())
    return rss, parts

rss, parts = asyncio.run(main())
gc.collect()
objects = len(gc.get_objects())
c = otel_dd_distro.counters()
print(json.dumps({"rss_kib": rss, "parts": parts, "objects": objects, "accepted": c.accepted, "sent": c.sent,
                  "queued": c.queued, "dropped": dict(c.dropped)}))
"""


def streamed(requests: int, **variables: str) -> dict[str, Any]:
    """What the program told of itself."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DD_", "OTEL_"))}
    with ThreadingHTTPServer(("127.0.0.1", 0), Sink) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            done = subprocess.run(
                [
                    str(Path(sys.executable).with_name("opentelemetry-instrument")),
                    *(sys.executable, "-c", PROGRAM, str(requests)),
                ],
                env={**clean, "DD_TRACE_AGENT_URL": f"http://127.0.0.1:{server.server_port}", **variables},
                capture_output=True,
                text=True,
                check=True,
            )
        finally:
            server.shutdown()
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def grown_kib(rss: list[int]) -> int:
    """How much memory grew in the second half."""
    return max(rss[len(rss) // 2 :]) - max(rss[: len(rss) // 2])


def is_accounted_for(told: dict[str, Any]) -> bool:
    return bool(told["accepted"] == told["sent"] + told["queued"] + sum(told["dropped"].values()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    options = parser.parse_args()
    told = streamed(options.requests)
    grown = grown_kib(told["rss_kib"])
    print(
        f"{options.requests} streams, {told['parts']} parts: memory {told['rss_kib'][-1] / 1024:.1f} MiB, "
        f"{grown} KiB more in the second half; spans {told['accepted']} = {told['sent']} sent "
        f"+ {sum(told['dropped'].values())} dropped + {told['queued']} queued"
    )
    sys.exit(grown > MOST_KIB or told["accepted"] < options.requests or not is_accounted_for(told))


if __name__ == "__main__":
    main()
