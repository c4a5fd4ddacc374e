"""The view as a process, and spans to send to it."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ormsgpack

from tests.agents import clean_environ, until

START = 1_795_916_512_000_000_000
"""When the spans of tests start, in nanoseconds since 1970."""


def span(span_id: int, parent_id: int = 0, *, trace_id: int = 7, **more: Any) -> dict[str, Any]:
    """A span as the map of the Agent's v0.4 intake; the later its id, the later it starts."""
    plain = {"service": "shop", "name": "web.request", "resource": "GET /", "type": "web", "error": 0}
    times = {"start": START + span_id * 1_000_000, "duration": 5_000_000}
    return {"trace_id": trace_id, "span_id": span_id, "parent_id": parent_id, **plain, **times, **more}


@dataclass
class View:
    url: str
    otlp_url: str
    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        return self.log.read_text()

    def send(self, *traces: list[dict[str, Any]], path: str = "/v0.4/traces") -> dict[str, Any]:
        status, answer = self.post(path, ormsgpack.packb(traces), {"Content-Type": "application/msgpack"})
        assert status == 200, answer
        told: dict[str, Any] = json.loads(answer)
        return told

    def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        return self._asked(urllib.request.Request(self.url + path, body, dict(headers or {}), method="POST"))

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        return self._asked(urllib.request.Request(self.url + path, headers=dict(headers or {})))

    def _asked(self, request: urllib.request.Request) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read().decode()

    def traces(self) -> list[dict[str, Any]]:
        status, answer = self.get("/api/traces")
        assert status == 200
        return [json.loads(line) for line in answer.splitlines()]

    def clear(self) -> None:
        assert self.post("/api/clear", b"") == (204, "")


@contextlib.contextmanager
def running(
    *options: str, launcher: tuple[str, ...] = (sys.executable, "-m", "otel_dd_distro"), **variables: str
) -> Iterator[View]:
    """The view at free ports; it has to end well when it is asked to."""
    command = [*launcher, "view", "--port", "0", "--otlp-port", "0", *options]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env=clean_environ(PYTHONUNBUFFERED="1", **variables)
            )
        try:
            until(lambda: "Ctrl-C" in log.read_text() or process.poll() is not None)
            found = re.findall(r"http://127\.0\.0\.1:\d+", log.read_text())
            assert found, log.read_text()
            yield View(found[0], found[-1], process, log)
            assert process.poll() is None, log.read_text()
            process.terminate()
            process.wait(60)
            assert "Traceback" not in log.read_text(), log.read_text()
        finally:
            process.kill()
            process.wait()
