"""Where the cost of a traced call goes: kernel, plugin, tracer, headers, translation, packing, sending; us of CPU.

Each program (programs.py) runs in a process of its own. Its calls take turns: with the hooks silent (untraced), with
the instrumentors' describing functions answered from memory and no tracer behind them (kernel), with the describing
functions (plugin), with the light tracer (tracer), and with headers for the called side (headers: their injection, and
what the library then does with six headers more). A layer is the difference of the medians to the one before. What was
recorded is then translated, packed and sent to a sink in the same thread, a thousand calls in a payload.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from applications import environment
from programs import PROGRAMS
from sink import serve

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests import servers

LAYERS = ("kernel", "plugin", "tracer", "headers", "translation", "packing", "sending")
STEPS = ("untraced", "kernel", "plugin", "tracer", "headers")
CALLS = 1_000
ROUNDS = 10
WARM_UP = 100


class NoSpan:
    """Stands for a span whose tracer does nothing."""

    end_time = None

    def nothing(self, *_: Any, **__: Any) -> None:
        pass

    set_attribute = set_attributes = add_event = add_link = record_exception = set_status = update_name = end = nothing

    def is_recording(self) -> bool:
        return True

    def get_span_context(self) -> Any:
        from opentelemetry.trace import INVALID_SPAN_CONTEXT

        return INVALID_SPAN_CONTEXT


class NoTracer:
    span = NoSpan()

    def start_span(self, *_: Any, **__: Any) -> NoSpan:
        return self.span


class Switch:
    """How much of our side takes part in the calls of this process."""

    def __init__(self) -> None:
        from otel_instrumentors.kernel.recording import Recording
        from otel_instrumentors.kernel.scope import Scope

        self.describes = True
        self._scopes: dict[Any, tuple[Any, bool]] = {}
        """What each was made with: its tracer, and whether it injects."""
        specs: dict[Any, Any] = {}
        begun, opened, learnt = Scope.__init__, Scope.open, Recording.learn

        def init(scope: Any, tracer: Any, **options: Any) -> None:
            begun(scope, tracer, **options)
            self._scopes[scope] = tracer, scope.injects

        def open_(scope: Any, describe: Any, call: Any, *rest: Any, **options: Any) -> Any:
            if self.describes:
                return opened(scope, describe, call, *rest, **options)

            def remembered(call: Any) -> Any:
                # Beside OpenTelemetry's own instrumentors the scope asks by a new object at each call.
                asked = getattr(describe, "_describe", describe)
                if asked not in specs:
                    specs[asked] = describe(call)
                return specs[asked]

            return opened(scope, remembered, call, *rest, **options)

        def learn(recording: Any, *subject: Any) -> None:
            if self.describes:
                learnt(recording, *subject)

        Scope.__init__, Scope.open, Recording.learn = init, open_, learn  # type: ignore[assignment,method-assign]

    def to(self, step: str) -> None:
        self.describes = step != "kernel"
        for scope, (tracer, injects) in self._scopes.items():
            scope.active = step != "untraced"
            scope.tracer = tracer if step in ("tracer", "headers") else NoTracer()
            scope.injects = injects and step == "headers"


def taken(work: Callable[[], object]) -> float:
    """In microseconds."""
    began = time.thread_time_ns()
    work()
    return (time.thread_time_ns() - began) / 1e3


def run(row: str) -> dict[str, float]:
    switch = Switch()
    import otel_dd_distro
    from otel_dd_distro import pipeline
    from otel_dd_distro.export.packing import pack

    otel_dd_distro.install()
    for entry in entry_points(group="opentelemetry_instrumentor"):
        if entry.value.startswith("otel_instrumentors."):
            entry.load()().instrument(skip_dep_check=True)
    line = pipeline.current()
    writer = line._writer
    queue, translator = writer._queue, line._translator
    # Nobody else is to take what is recorded: this thread does the export thread's work.
    writer._thread.thread = threading.current_thread()
    queue.raw_limit = sys.maxsize
    work = PROGRAMS[row]()
    work()  # while all is watched: what is made now is kept
    times: dict[str, list[float]] = {step: [] for step in STEPS}
    chunks: list[Any] = []
    for number in range(WARM_UP + CALLS):
        for step in STEPS:
            switch.to(step)
            time_taken = taken(work)
            recorded = list(queue._raw)
            queue._raw.clear()
            if number >= WARM_UP:
                times[step].append(time_taken)
                chunks.extend(recorded if step == STEPS[-1] else ())
    each = {step: statistics.median(values) for step, values in times.items()}
    info = writer._agent_state.info

    def translated() -> list[Any]:
        made = []
        for chunk in chunks:
            view = translator.root_view

            def settle(maps: Any, has_root: Any, steering: Any, chunk: Any = chunk, view: Any = view) -> None:
                line._sampling.settle(chunk, maps, has_root, steering, view)

            made.append(translator.chunk(chunk, native_events=info.span_events, settle=settle))
        return made

    traces = translated()

    def sent() -> None:
        for chunk in chunks:
            queue.put(chunk)
        writer._encoding.all_that_waits()
        writer._cycle._traces.send(time.monotonic() + 60)

    stages = {"translation": translated, "packing": lambda: [pack(trace) for trace in traces], "sending": sent}
    for stage, step in stages.items():
        each[stage] = min(taken(step) for _ in range(ROUNDS)) / CALLS
    return {
        "untraced": each["untraced"],
        **{step: each[step] - each[before] for before, step in itertools.pairwise(STEPS)},
        "translation": each["translation"],
        "packing": each["packing"],
        "sending": each["sending"] - each["translation"] - each["packing"],
        "spans": sum(len(chunk.spans) for chunk in chunks) / CALLS,
    }


def measured(row: str, sink: str) -> dict[str, float]:
    environ = environment("ours", sink)
    environ |= {"DJANGO_SETTINGS_MODULE": "django_settings", "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, __file__, "--run", row]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{row} failed:\n{done.stderr}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def table(results: dict[str, dict[str, float]]) -> str:
    """Markdown; `all` is the sum of the layers."""
    columns = ("us of CPU a call", "untraced", "spans", *LAYERS, "all")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for row, one in results.items():
        layers = [one[layer] for layer in LAYERS]
        cells = [f"{one['untraced']:.1f}", f"{one['spans']:.3g}", *(f"{value:.1f}" for value in layers)]
        lines.append(f"| {row} | {' | '.join(cells)} | **{sum(layers):.1f}** |")
    return "\n".join(lines) + "\n"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    # Where our hooks are silent, FastAPI makes spans of its own: nothing there is untraced.
    rows = [row for row in PROGRAMS if row != "FastAPI request"]
    arguments.add_argument("--only", nargs="*", choices=rows, default=rows)
    arguments.add_argument("--markdown", type=Path, metavar="FILE")
    arguments.add_argument("--run", choices=PROGRAMS, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.run:
        sys.modules.setdefault("programs", sys.modules["__main__"])
        print(json.dumps(run(given.run)))
        os._exit(0)

    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(there,), daemon=True)
    process.start()
    sink = f"http://127.0.0.1:{here.recv()}"
    results: dict[str, dict[str, float]] = {}
    with ExitStack() as started:
        for name in ("redis_server", "postgresql", "kafka_server"):
            started.enter_context(servers.running(name))
        for row in given.only:
            results[row] = measured(row, sink)
    process.kill()
    text = table(results)
    print(text)
    if given.markdown:
        given.markdown.write_text(f"# {__doc__}\nMade by `nox -s bench`.\n\n{text}")


if __name__ == "__main__":
    main()
