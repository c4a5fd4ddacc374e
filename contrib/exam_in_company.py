"""What one use of a plugin's exam leaves, with an instrumentor of opentelemetry-python-contrib beside ours or alone.

Run as `python -m contrib.exam_in_company PLUGIN PACKAGE`. For each of WAYS it prints a line of JSON: the way, and how
many spans there are by whose they are (`ours`, `theirs`) and their kind. Each is a forked process, so that modules are
imported once.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation.auto_instrumentation._load import _load_instrumentors
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from contrib.counterparts import PACKAGE
from otel_dd_distro.distro import DatadogDistro
from tests.otel_instrumentors.contract import Recorder

WAYS = ("ours", "theirs", "theirs first", "theirs after", "all of ours", "entry points")
OURS = "otel_instrumentors"


PREPARED = {"django": "tests.otel_instrumentors.django_site"}
"""What has to be imported before their instrumentor is started: Django's settings."""


def exam_of(plugin: str) -> Any:
    module = importlib.import_module(f"tests.{OURS}.test_{plugin}")
    (exam,) = (
        value
        for name, value in vars(module).items()
        if name.startswith("Test") and name.endswith("Contract") and value.__module__ == module.__name__
    )
    return exam


def theirs(package: str) -> Iterator[Any]:
    """Their instrumentors, those that can be made without any argument."""
    for value in vars(importlib.import_module(f"{PACKAGE}.{package}")).values():
        # Not `isinstance`, which has Django's settings loaded.
        is_one = issubclass(type(value), type) and issubclass(value, BaseInstrumentor)
        if is_one and value is not BaseInstrumentor and not value.__name__.startswith("_"):
            yield value()


def start(way: str, ours: Any, package: str) -> None:
    distro = DatadogDistro()
    if way == "entry points":
        distro.configure()
        _load_instrumentors(distro)
    elif way == "all of ours":
        distro.configure()
        for entry in distribution("otel-dd-distro").entry_points.select(group="opentelemetry_instrumentor"):
            distro.load_instrumentor(entry)
    else:
        pair = {"ours": [ours], "theirs": list(theirs(package))}
        for side in {"theirs first": ("theirs", "ours"), "theirs after": ("ours", "theirs")}.get(way, (way,)):
            for each in pair[side]:
                each.instrument()


def grpc_call() -> Any:
    """A call of one answer: in the place of one of several, theirs gives a generator, which the exam cannot use."""
    from tests.otel_instrumentors import test_grpc

    with test_grpc.channel(test_grpc._elsewhere()) as made:
        return made.unary_unary(test_grpc.ORDER)(b"tea")


USES: dict[str, Callable[[], Any]] = {"grpc": grpc_call}
"""What is done in the place of the exam's own `use`."""


def count(way: str, exam: Any, package: str) -> None:
    recorder = Recorder()
    trace.set_tracer_provider(recorder.provider)
    start(way, exam.instrumentor(), package)
    # What a library asks only once (who the server is) is none of what is counted.
    use = USES.get(package, exam.use)
    use()
    recorder.take()
    use()
    counted: Counter[tuple[str, str]] = Counter()
    for span in recorder.take():
        scope = span.instrumentation_scope.name if span.instrumentation_scope is not None else ""
        whose = "ours" if scope.startswith(OURS) else "theirs" if scope.startswith(PACKAGE) else "application"
        counted[whose, span.kind.name] += 1
    print("\n" + json.dumps([way, [[*key, number] for key, number in sorted(counted.items())]]), flush=True)


def main(plugin: str, package: str) -> None:
    exam = exam_of(plugin)
    importlib.import_module(PREPARED.get(plugin, f"{PACKAGE}.{package}"))
    for way in WAYS:
        child = os.fork()
        if not child:
            try:
                count(way, exam, package)
            except BaseException:  # noqa: BLE001
                traceback.print_exc()
            # What a library leaves running (pools, loops) is of no interest.
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
