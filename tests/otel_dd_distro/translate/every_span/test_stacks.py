from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_dd_distro import settings
from otel_dd_distro.translate import Translator
from otel_dd_distro.translate.every_span.stacks import without_ours
from otel_instrumentors.jinja2 import Jinja2Instrumentor
from otel_instrumentors.sqlite3 import Sqlite3Instrumentor

from ..spans import chunk

HEAD = "Traceback (most recent call last):\n"
OURS = (
    '  File "/env/otel_instrumentors/kernel/hooks/traced.py", line 83, in wrapper\n    result = function()\n    ^^^^\n'
)
THEIRS = '  File "/srv/app.py", line 1, in view\n    do()\n'


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        (HEAD + OURS + THEIRS + "ValueError: x\n", HEAD + THEIRS + "ValueError: x\n"),
        (HEAD + OURS + OURS + THEIRS + OURS + THEIRS + "E\n", HEAD + THEIRS + OURS + THEIRS + "E\n"),
        (HEAD + OURS + "ValueError: x\n", HEAD + "ValueError: x\n"),
        (HEAD + THEIRS + "E\n\nThen\n\n" + HEAD + OURS + "F\n", HEAD + THEIRS + "E\n\nThen\n\n" + HEAD + "F\n"),
        (HEAD + OURS.replace("/", "\\") + THEIRS, HEAD + THEIRS),
        (HEAD + OURS.replace("otel_instrumentors", "otel_dd_distro") + THEIRS, HEAD + THEIRS),
        (HEAD + OURS.replace("/env/otel_instrumentors", "/srv/otel_shop") + THEIRS, None),
        (HEAD + THEIRS + "E: otel_\n", None),
        ("no stack of otel_instrumentors\n" + OURS, None),
        ("", None),
    ],
)  # fmt: skip
def test_a_stack_begins_with_the_first_frame_that_is_not_ours(stack: str, expected: str | None) -> None:
    assert without_ours(stack) == (stack if expected is None else expected)


def test_in_an_exception_group_each_stack_does() -> None:
    margin = "".join(f"  |{line[1:]}\n" for line in (OURS + THEIRS).splitlines())
    stack = "  + Exception Group " + HEAD + margin + "  | ExceptionGroup: x (1 sub-exception)\n"
    assert without_ours(stack) == stack.replace("".join(f"  |{line[1:]}\n" for line in OURS.splitlines()), "")


def stacks(use: Any, instrumentor: Any) -> list[str]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor.instrument(tracer_provider=provider, skip_dep_check=True)
    try:
        use()
    finally:
        instrumentor.uninstrument()
    translator = Translator(settings.read({}, argv=["-"]))
    return [
        translator.chunk(chunk(span), native_events=True)[0]["meta"]["error.stack"]
        for span in exporter.get_finished_spans()
        if not span.status.is_ok
    ]


def test_of_a_function_in_c_that_fails_no_frame_is_left() -> None:
    def fails() -> None:
        with pytest.raises(sqlite3.OperationalError):
            sqlite3.connect(":memory:").execute("select * from missing")

    assert stacks(fails, Sqlite3Instrumentor()) == [HEAD + "sqlite3.OperationalError: no such table: missing\n"]


def test_of_a_library_that_fails_its_own_frames_are_left() -> None:
    def fails() -> None:
        import jinja2

        with pytest.raises(ZeroDivisionError):
            jinja2.Template("{{ 1 / 0 }}").render()

    (stack,) = stacks(fails, Jinja2Instrumentor())
    first = stack.splitlines()[1]
    assert "jinja2" in first, first
    assert "otel_instrumentors" not in stack
