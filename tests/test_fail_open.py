"""Both halves together, something of ours broken for every span: the application sees nothing, one line says so."""

from __future__ import annotations

import gc
import logging
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Template as JinjaTemplate
from mako.template import Template as MakoTemplate
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

import otel_instrumentors
from otel_dd_distro import settings, tracing
from otel_dd_distro.pipeline import Pipeline
from otel_instrumentors.jinja2 import Jinja2Instrumentor
from otel_instrumentors.kernel import safety
from otel_instrumentors.mako import MakoInstrumentor
from otel_instrumentors.sqlite3 import Sqlite3Instrumentor
from tests.agents import ScriptedAgent

OURS = str(Path(otel_instrumentors.__file__).parent)


def boom(*_args: Any, **_kwargs: Any) -> Any:
    raise RuntimeError("broken on purpose")


def database() -> list[Any]:
    with closing(sqlite3.connect(":memory:")) as books:
        books.execute("CREATE TABLE books (title TEXT UNIQUE)")
        books.executemany("INSERT INTO books VALUES (?)", [("Momo",), ("Emma",)])
        return books.execute("SELECT title FROM books").fetchall()


def broken_database() -> None:
    with closing(sqlite3.connect(":memory:")) as books:
        books.execute("SELECT * FROM nowhere")


USES: list[Callable[[], Any]] = [
    database,
    broken_database,
    lambda: MakoTemplate("${n}").render(n=1),
    lambda: MakoTemplate("${1 / 0}").render(),
    lambda: JinjaTemplate("{{ n }}").render(n=1),
    lambda: JinjaTemplate("{{ 1 / 0 }}").render(),
]


def outcome(use: Callable[[], Any]) -> Any:
    """What it gives; or what it raises, and the way that took in code that is not ours."""
    try:
        return use()
    except Exception as error:  # noqa: BLE001
        way = [
            (frame.filename.partition("0x")[0], frame.lineno, frame.name)
            for frame in traceback.extract_tb(error.__traceback__)
            if not frame.filename.startswith(OURS)
        ]
        return type(error), error.args, type(error.__cause__), type(error.__context__), way


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    safety._last_said.clear()
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize(
    "where",
    [
        "otel_dd_distro.gathering.local_traces.LocalTraces.begin_own",
        "otel_dd_distro.local_trace.registry.LocalTrace.end",
        "otel_dd_distro.translate.translator.Translator.chunk",
        "otel_dd_distro.translate.translator.Translator._translated",
        "otel_dd_distro.translate.secrets.conceal",
        "otel_dd_distro.sampling.Sampling.settle",
        "otel_dd_distro.pipeline.pack",
        "otel_dd_distro.export.writer.Writer.submit",
        "otel_dd_distro.export.agent.Agent.send_traces",
        "otel_dd_distro.export.agent.Agent.read_info",
    ],
)
def test_what_breaks_on_the_way_to_the_agent_the_application_does_not_see(
    where: str, stack: ExitStack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    untraced = [outcome(use) for use in USES]
    gc.collect()
    there = stack.enter_context(ScriptedAgent())
    monkeypatch.setattr(where, boom)
    pipeline = Pipeline(settings.read({"DD_TRACE_AGENT_URL": there.url}, argv=["-"]))
    provider = tracing.TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)
    pipeline.serve(provider)
    for instrumentor in (Sqlite3Instrumentor(), MakoInstrumentor(), Jinja2Instrumentor()):
        instrumentor.instrument(tracer_provider=provider, skip_dep_check=True)
        stack.callback(instrumentor.uninstrument)

    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            assert [outcome(use) for use in USES] == untraced
            provider.force_flush(200)
        provider.shutdown()
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("otel")]
    # Connections that other tests left open are told of as well.
    said = [line for line in lines if "made before it was instrumented" not in line]
    assert len(said) == 1, said
    assert not any(record.exc_info for record in caplog.records), "a traceback"
