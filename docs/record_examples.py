"""Records docs/examples.json: the spans that the `use` of each plugin's exam makes, as OpenTelemetry sees them.

    python docs/record_examples.py [name ...]

In an environment that has the libraries and the servers of the tests; `nox -s examples` makes those that it takes.
Without names, all but the plugins whose library wants an environment of its own.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))
FILE = DOCS / "examples.json"

from otel_dd_distro.translate.names import PLUGINS  # noqa: E402
from tests import servers  # noqa: E402
from tests.otel_instrumentors.contract import Contract, Recorder, instrumented  # noqa: E402

STEADY = (
    (re.compile(r"(127\.0\.0\.1|localhost):\d{4,5}"), r"\1:8000"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "00000000-0000-4000-8000-000000000000"),
    (re.compile(r"/tmp/[\w/.-]+"), "/tmp/..."),
    (re.compile(r"\b0x[0-9a-f]{6,16}\b"), "0x7f0000000000"),
)
"""What differs from run to run, and what is written instead."""
PORTS = {"server.port", "client.port", "network.peer.port", "network.local.port"}
PORT = 8000
APART = tomllib.loads((DOCS.parent / "pyproject.toml").read_text())["tool"]["otel-dd-distro"]["apart"]
NO_PLUGIN = {"asgi", "wsgi"}
"""Rows of the table of names that are middlewares."""
ONE = "--one"


def exam(name: str) -> type[Contract]:
    module = importlib.import_module(f"tests.otel_instrumentors.test_{name}")
    (found,) = (
        each
        for each in vars(module).values()
        if isinstance(each, type)
        and each.__module__ == module.__name__
        and issubclass(each, Contract)
        and each.__name__.endswith("Contract")
    )
    return found


def recorded(name: str) -> list[dict[str, Any]]:
    """The spans of one use, in the order in which they began; its servers run."""
    contract, recorder = exam(name), Recorder()
    with instrumented(contract.instrumentor, recorder.provider):
        contract.use()
    return told(recorder.take())


def told(spans: Iterable[ReadableSpan]) -> list[dict[str, Any]]:
    ordered = sorted(spans, key=lambda span: span.start_time or 0)
    places = {span.context.span_id: place for place, span in enumerate(ordered)}
    return [
        {
            "name": steady("", span.name),
            "kind": span.kind.name,
            "scope": span.instrumentation_scope.name if span.instrumentation_scope else "",
            "parent": places.get(span.parent.span_id) if span.parent else None,
            "attributes": {key: steady(key, value) for key, value in sorted((span.attributes or {}).items())},
        }
        for span in ordered
    ]


def steady(key: str, value: Any) -> Any:
    if key in PORTS:
        return PORT
    if isinstance(value, tuple):
        return [steady("", each) for each in value]
    if isinstance(value, str):
        for pattern, instead in STEADY:
            value = pattern.sub(instead, value)
    return value


def main(names: list[str]) -> int:
    """Each in a process of its own, because what one library imports may change what another does."""
    known = json.loads(FILE.read_text()) if FILE.exists() else {}
    failed = []
    with ExitStack() as stack:
        for name in names or sorted(set(PLUGINS) - NO_PLUGIN - set(APART)):
            try:
                needed = exam(name).servers
            except ImportError as missing:
                failed.append(name)
                print(f"{name}: {missing}", flush=True)
                continue
            for server in needed:
                if servers.SERVERS[server].variable not in os.environ:
                    stack.enter_context(servers.running(server))
            done = subprocess.run([sys.executable, __file__, ONE, name], capture_output=True, text=True, timeout=300)
            if done.returncode:
                failed.append(name)
                print(f"{name}: {done.stderr[-500:]}", flush=True)
                continue
            known[name] = json.loads(done.stdout.splitlines()[-1])
            print(f"{name}: {len(known[name])} spans", flush=True)
            FILE.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n")
    print("failed:", *failed or ["none"])
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == [ONE]:
        print(json.dumps(recorded(sys.argv[2])))
    else:
        sys.exit(main(sys.argv[1:]))
