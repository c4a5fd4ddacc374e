"""The exam that every plugin sits. A plugin's test says which instrumentor it is and one thing to do with the library.

The exam reads the hook table; it compares what the application sees with and without us, and what we record.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import json
import logging
import pickle
import pkgutil
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, ClassVar

import opentelemetry.semconv.attributes
import pytest
from opentelemetry import trace
from opentelemetry.baggage import get_baggage, set_baggage
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, Context, attach, detach, get_current, set_value
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import otel_instrumentors.semconv
from otel_dd_distro.gathering import DatadogSpanProcessor, LocalTraces
from otel_dd_distro.local_trace.chunk import Chunk
from otel_dd_distro.tracing import TracerProvider as LightTracerProvider
from otel_instrumentors.kernel import safety
from otel_instrumentors.kernel.call import Outcome, SpanSpec
from otel_instrumentors.kernel.hooks.opt_in import _OptIn
from otel_instrumentors.kernel.instrumentor import Instrumentor
from otel_instrumentors.kernel.switch import PREFIX
from tests import servers
from tests.otel_instrumentors.options_exam import OptionsExam

ROOT = Path(__file__).parents[2]
_OURS = str(Path(safety.__file__).parents[1])
_TRIES = 10


class Boom(Exception):
    """What breaks in these tests."""


OURS = ("describing", "finishing", "tracer", "span", "context", "injecting", "processor", "exporter")
"""What may break on our side."""


def boom(*_args: Any, **_kwargs: Any) -> Any:
    raise Boom("broken on purpose")


class Recorder:
    """A provider of the plain SDK that keeps its spans in memory.

    None of them may have dropped an attribute: a light span leaves its plain dict there, and is slow from then on.
    """

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def spans(self) -> list[ReadableSpan]:
        spans = list(self.exporter.get_finished_spans())
        assert [span.name for span in spans if span.dropped_attributes] == []
        return spans

    def take(self) -> list[ReadableSpan]:
        spans = self.spans()
        self.exporter.clear()
        return spans


class _Nowhere:
    """The sink of a pipeline that ends before it."""

    def flush(self, timeout_s: float) -> bool:
        return True

    def shutdown(self, timeout_s: float) -> None:
        pass


def light_provider() -> tuple[TracerProvider, list[Chunk]]:
    """A provider of the light tracer, and the chunks of its spans as they are gathered, not copied for a processor."""
    chunks: list[Chunk] = []
    provider = LightTracerProvider()
    provider.add_span_processor(DatadogSpanProcessor(LocalTraces(chunks.append), _Nowhere()))
    return provider, chunks


@contextmanager
def instrumented(instrumentor: type[Instrumentor], provider: trace.TracerProvider, **options: Any) -> Iterator[None]:
    """The library instrumented, and given back whatever happens."""
    instrumentor().instrument(tracer_provider=provider, skip_dep_check=True, **options)
    try:
        yield
    finally:
        if instrumentor().is_instrumented_by_opentelemetry:
            instrumentor().uninstrument()


def broken(part: str, provider: TracerProvider, monkeypatch: pytest.MonkeyPatch) -> trace.TracerProvider:
    """Breaks one of `OURS` for every call; the provider to instrument with."""
    if part == "describing":
        monkeypatch.setattr(SpanSpec, "__init__", boom)
    elif part == "finishing":
        monkeypatch.setattr(Outcome, "__init__", boom)
    elif part == "tracer":
        return _BrokenProvider(_BrokenTracer())
    elif part == "span":
        return _BrokenProvider(_TracerOfBrokenSpans())
    elif part == "context":
        monkeypatch.setattr("otel_instrumentors.kernel.scope.set_span_in_context", boom)
    elif part == "processor":
        provider.add_span_processor(_BrokenProcessor())
    elif part == "exporter":
        # The SDK says so itself, span by span.
        monkeypatch.setattr(logging.getLogger("opentelemetry.sdk.trace.export"), "disabled", True)
        provider.add_span_processor(SimpleSpanProcessor(_BrokenExporter()))
    else:
        monkeypatch.setattr("otel_instrumentors.kernel.scope.inject", boom)
        monkeypatch.setattr("otel_instrumentors.kernel.scope.extract", boom)
    return provider


def said_by_us(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines of our log."""
    return [record.getMessage() for record in caplog.records if record.name == "otel_instrumentors"]


def _way(tb: TracebackType | None) -> list[tuple[str, int, str]]:
    """The traceback from the use on, without our own frames: file, line, function."""
    return [
        (frame.filename, frame.lineno or 0, frame.name)
        for frame in traceback.extract_tb(tb)[1:]
        if not frame.filename.startswith(_OURS)
    ]


def names(spans: list[ReadableSpan]) -> list[str]:
    return sorted(span.name for span in spans)


class Contract(OptionsExam):
    """Subclass it as `Test<Plugin>Contract`, and say `instrumentor` and `use`."""

    instrumentor: ClassVar[type[Instrumentor]]
    servers: ClassVar[tuple[str, ...]] = ()
    """The servers (tests/servers/) that `use` needs; the URL of each is in its variable, TEST_REDIS_URL."""

    unbreakable: ClassVar[tuple[str, ...]] = ()
    """Paths of hooks whose failure the library does not survive: it waits for ever for their result, or crashes."""

    asked_for: ClassVar[tuple[str, ...]] = ()
    """Paths of hooks that stand only where an option asks for them (`where_asked`)."""

    @staticmethod
    def use() -> Any:
        """Use the library so that at least one hook makes a span; return a value that is the same each time."""
        raise NotImplementedError

    @classmethod
    def traces(cls, recorder: Recorder) -> list[str]:
        """What a use leaves in the recorder, in words that are the same each time."""
        cls.use()
        return names(recorder.take())

    @pytest.fixture(autouse=True)
    def _quiet_start(self) -> Iterator[None]:
        safety._last_said.clear()
        yield
        if self.instrumentor().is_instrumented_by_opentelemetry:
            self.instrumentor().uninstrument()

    @pytest.fixture(autouse=True)
    def _with_servers(self, request: pytest.FixtureRequest) -> None:
        for name in self.servers:
            request.getfixturevalue(name)

    @pytest.fixture
    def recorder(self) -> Recorder:
        return Recorder()

    def targets(self) -> dict[tuple[str, str], tuple[Any, str]]:
        """(module, path) -> (owner, attribute) of every hook that the installed version has."""
        found = {}
        for module_name, hooks in self.instrumentor.hooks.items():
            module = _module(module_name)
            for path in hooks if module is not None else ():
                owner: Any = module
                *parents, name = path.split(".")
                for parent in parents:
                    owner = getattr(owner, parent, None)
                if owner is not None and inspect.getattr_static(owner, name, None) is not None:
                    found[module_name, path] = (owner, name)
        return found

    def originals(self) -> dict[tuple[str, str], Any]:
        return {key: inspect.getattr_static(owner, name) for key, (owner, name) in self.targets().items()}

    @pytest.mark.depends_on_python
    def test_a_use_is_traced_by_this_plugin_and_nothing_of_it_fails(self, recorder: Recorder) -> None:
        untraced = self.use()
        with instrumented(self.instrumentor, recorder.provider):
            assert self.use() == untraced
            missing = self.instrumentor.report()["missing"]
        spans = recorder.spans()
        assert spans, f"`use` made no span; the library has none of these hooks: {missing}"
        for span in spans:
            assert span.instrumentation_scope is not None
            assert span.instrumentation_scope.name == self.instrumentor.__module__
            assert span.end_time is not None
            assert span.start_time is not None
            assert span.end_time >= span.start_time
            assert span.status.is_unset, span.to_json()

    @pytest.mark.depends_on_python
    def test_every_hook_of_the_table_stands_and_is_given_back(
        self, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Those that have to be switched on as well."""
        for hooks in self.instrumentor.hooks.values():
            for hook in hooks.values():
                if isinstance(hook, _OptIn):
                    monkeypatch.setenv(f"{PREFIX}{hook.switch}", "true")
        before = self.originals()
        assert before, "the installed version has none of the hooks"
        untraced = self.traces(recorder)
        with instrumented(self.instrumentor, recorder.provider):
            during = self.originals()
            assert [key for key in before if during[key] is before[key] and key[1] not in self.asked_for] == []
        assert self.originals() == before
        assert self.traces(recorder) == untraced

    def test_hooked_functions_keep_their_name_and_signature(self, recorder: Recorder) -> None:
        def looks(function: Any) -> tuple[Any, ...]:
            return function.__name__, function.__doc__, str(inspect.signature(function))

        before = {key: looks(function) for key, function in self.originals().items() if inspect.isfunction(function)}
        with instrumented(self.instrumentor, recorder.provider):
            during = {key: looks(function) for key, function in self.originals().items() if key in before}
        assert during == before

    def test_functions_of_modules_are_pickled_as_ever(self, recorder: Recorder) -> None:
        def pickled(function: Any) -> bool:
            try:
                return pickle.loads(pickle.dumps(function)) is function
            except pickle.PicklingError:
                return False

        def which() -> set[Any]:
            return {key for key, function in self.originals().items() if "." not in key[1] and pickled(function)}

        before = which()
        with instrumented(self.instrumentor, recorder.provider):
            assert before <= which()

    def test_instrumenting_twice_traces_once(self, recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
        with instrumented(self.instrumentor, recorder.provider):
            once = self.traces(recorder)
            with caplog.at_level(logging.CRITICAL):
                self.instrumentor().instrument(tracer_provider=recorder.provider, skip_dep_check=True)
            assert self.traces(recorder) == once

    def test_instrumenting_again_and_again_leaves_nothing_behind(self, recorder: Recorder) -> None:
        before = self.originals()
        with instrumented(self.instrumentor, recorder.provider):
            once = self.traces(recorder)
        for _ in range(10):
            with instrumented(self.instrumentor, recorder.provider):
                pass
        with instrumented(self.instrumentor, recorder.provider):
            assert self.traces(recorder) == once
        assert self.originals() == before

    def test_what_the_application_kept_falls_silent(self, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
        result, untraced = self.use(), self.traces(recorder)
        with instrumented(self.instrumentor, recorder.provider):
            kept = self.originals()
        for key, (owner, name) in self.targets().items():
            monkeypatch.setattr(owner, name, kept[key])
        assert self.use() == result
        assert self.traces(recorder) == untraced

    @pytest.mark.parametrize("key", [_SUPPRESS_INSTRUMENTATION_KEY, "suppress_instrumentation"], ids=["new", "old"])
    def test_suppressed_means_no_span(self, recorder: Recorder, key: str) -> None:
        untraced = self.use()
        with instrumented(self.instrumentor, recorder.provider):
            token = attach(set_value(key, True))
            try:
                assert self.use() == untraced
            finally:
                detach(token)
        assert recorder.spans() == []

    @pytest.mark.parametrize("when", ["imported_before", "imported_after"])
    def test_it_does_not_matter_when_the_library_is_imported(self, recorder: Recorder, when: str) -> None:
        with instrumented(self.instrumentor, recorder.provider):
            assert self._elsewhere(when)["traces"] == self.traces(recorder)

    def test_instrumenting_imports_nothing_of_the_library(self) -> None:
        assert self._elsewhere("imported_after")["imported_by_instrumenting"] == []

    @pytest.mark.parametrize("part", OURS)
    def test_what_breaks_on_our_side_the_application_does_not_see(
        self, recorder: Recorder, part: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        untraced = self.use()
        provider = broken(part, recorder.provider, monkeypatch)
        with instrumented(self.instrumentor, provider), caplog.at_level(logging.WARNING, "otel_instrumentors"):
            for _ in range(3):
                assert self.use() == untraced
        said = said_by_us(caplog)
        assert len(said) == len(set(said)), "the same line twice within a minute"
        if part in ("describing", "tracer", "span", "processor"):
            assert said

    @pytest.mark.parametrize("part", [None, *OURS])
    def test_what_breaks_on_their_side_reaches_the_application_as_it_is(
        self, recorder: Recorder, part: str | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Whether ours is in order or breaks as well: the same exception, by the same way."""
        for owner, name in self.targets().values():
            monkeypatch.setattr(owner, name, _raising(inspect.getattr_static(owner, name)))
        with pytest.raises(Boom) as untraced:
            self.use()
        provider = recorder.provider if part is None else broken(part, recorder.provider, monkeypatch)
        with (
            caplog.at_level(logging.WARNING, "otel_instrumentors"),
            instrumented(self.instrumentor, provider),
            pytest.raises(Boom) as traced,
        ):
            self.use()
        assert traced.value.args == untraced.value.args
        assert type(traced.value.__cause__) is type(untraced.value.__cause__)
        assert type(traced.value.__context__) is type(untraced.value.__context__)
        assert _way(traced.tb) == _way(untraced.tb)
        said = said_by_us(caplog)
        assert len(said) == len(set(said)), "the same line twice within a minute"
        for span in recorder.spans():
            assert span.end_time is not None

    def test_each_call_that_breaks_on_their_side_ends_as_it_does_without_us(
        self, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One after the other, with the library's own handling of it around.

        A library that waits for its server goes on from one line or another, as the answer is there or not: what never
        comes out the same is another end.
        """
        for (_module_name, path), (owner, name) in self.targets().items():
            if path in self.unbreakable:
                continue
            with monkeypatch.context() as patch:
                patch.setattr(owner, name, _raising(inspect.getattr_static(owner, name)))
                for _ in range(_TRIES):
                    untraced = self._outcome()
                    with instrumented(self.instrumentor, recorder.provider):
                        traced = self._outcome()
                    if traced == untraced:
                        break
                assert traced == untraced, path
        for span in recorder.spans():
            assert span.end_time is not None

    def _outcome(self) -> Any:
        """What a use gives, or what it raises and where."""
        try:
            return self.use()
        except Exception as error:  # noqa: BLE001
            return type(error), _way(error.__traceback__)

    def test_spans_speak_the_conventions_and_name_no_vendor(self, recorder: Recorder) -> None:
        with instrumented(self.instrumentor, recorder.provider):
            self.use()
        plugin = self.instrumentor.__module__.rpartition(".")[2]
        known = _known_keys()
        for span in recorder.spans():
            strange = [key for key in span.attributes or {} if key not in known and not key.startswith(f"{plugin}.")]
            assert strange == [], f"neither in semconv/ nor under the plugin's own prefix `{plugin}.`"
            assert "datadog" not in span.to_json().lower()

    def test_no_span_leaves_the_plain_dict_in_which_the_light_tracer_keeps_its_attributes(self) -> None:
        provider, chunks = light_provider()
        with instrumented(self.instrumentor, provider):
            self.use()
        spans: list[Any] = [span for chunk in chunks for span in chunk.spans]
        assert spans
        assert [span.name for span in spans if type(span.held_attributes) is not dict] == []

    def test_nothing_is_left_in_memory(self) -> None:
        provider = TracerProvider(shutdown_on_exit=False)
        with instrumented(self.instrumentor, provider):
            for _ in range(20):
                self.use()
            gc.collect()
            before = len(gc.get_objects())
            for _ in range(200):
                self.use()
            gc.collect()
            assert len(gc.get_objects()) - before <= 100

    def _elsewhere(self, scenario: str) -> dict[str, Any]:
        """Run a scenario in a fresh interpreter."""
        test_module = inspect.getfile(type(self))
        done = subprocess.run(
            [sys.executable, __file__, scenario, test_module, type(self).__name__],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "PATH": "", **servers.variables()},
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer


class Carrying(Contract):
    """The exam of a plugin that makes no span, and sees to it that the application's own get the right parents.

    `use` calls `job` wherever the library runs what it was given; `parents` says whose span each of them is below:
    True where it is the caller's.
    """

    parents: ClassVar[dict[str, bool]]

    test_a_use_is_traced_by_this_plugin_and_nothing_of_it_fails = None  # type: ignore[assignment]
    test_spans_speak_the_conventions_and_name_no_vendor = None  # type: ignore[assignment]
    test_no_span_leaves_the_plain_dict_in_which_the_light_tracer_keeps_its_attributes = None  # type: ignore[assignment]

    @classmethod
    def traces(cls, recorder: Recorder) -> list[str]:
        _jobs.tracer = recorder.provider.get_tracer("application")
        token = attach(set_baggage("tea", "green"))
        try:
            with _jobs.tracer.start_as_current_span("caller") as caller:
                cls.use()
        finally:
            detach(token)
            _jobs.tracer = trace.NoOpTracer()
        told = []
        for span in recorder.take():
            if span.name == "caller":
                continue
            is_below = span.parent is not None and span.parent.span_id == caller.get_span_context().span_id
            assert is_below == bool(span.attributes and span.attributes["has baggage"])
            assert is_below or span.parent is None
            told.append(f"{span.name} {'below the caller' if is_below else 'alone'}")
        return sorted(told)

    def test_what_a_use_has_done_belongs_to_whom_it_should(self, recorder: Recorder) -> None:
        wanted = sorted(f"{name} {'below the caller' if below else 'alone'}" for name, below in self.parents.items())
        result = self.use()
        assert self.traces(recorder) != wanted, "nobody needs this plugin"
        with instrumented(self.instrumentor, recorder.provider):
            assert self.use() == result
            assert self.traces(recorder) == wanted

    @pytest.mark.parametrize("key", [_SUPPRESS_INSTRUMENTATION_KEY, "suppress_instrumentation"], ids=["new", "old"])
    def test_suppressed_means_no_span(self, recorder: Recorder, key: str) -> None:
        with instrumented(self.instrumentor, recorder.provider):
            token = attach(set_value(key, True))
            _jobs.found.clear()
            try:
                self.use()
            finally:
                detach(token)
        assert {name: bool(context.get(key)) for name, context in _jobs.found.items()} == self.parents

    def test_what_breaks_on_our_side_the_application_does_not_see(  # type: ignore[override]
        self, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        result = self.use()
        monkeypatch.setattr("otel_instrumentors.families.context.get_current", boom)
        with instrumented(self.instrumentor, recorder.provider), caplog.at_level(logging.WARNING, "otel_instrumentors"):
            for _ in range(3):
                assert self.use() == result
        said = [record.getMessage() for record in caplog.records if record.name == "otel_instrumentors"]
        assert said
        assert len(said) == len(set(said)), "the same line twice within a minute"


class _Jobs:
    """What the jobs of a carrying plugin's use find, and where their spans go."""

    tracer: trace.Tracer = trace.NoOpTracer()
    found: ClassVar[dict[str, Context]] = {}


_jobs = _Jobs()


def job(name: str) -> str:
    """What an application has the library do for it: it makes a span."""
    _jobs.found[name] = get_current()
    with _jobs.tracer.start_as_current_span(name, attributes={"has baggage": get_baggage("tea") is not None}):
        return f"{name} done"


class _BrokenProvider(trace.TracerProvider):
    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    def get_tracer(self, *_args: Any, **_kwargs: Any) -> trace.Tracer:
        return self._tracer


class _BrokenTracer(trace.NoOpTracer):
    def start_span(self, *_args: Any, **_kwargs: Any) -> trace.Span:
        raise Boom("no span today")


class _BrokenSpan(trace.NonRecordingSpan):
    set_attribute = set_attributes = record_exception = set_status = update_name = end = boom


class _BrokenProcessor(SpanProcessor):
    on_start = on_end = boom


class _BrokenExporter(SpanExporter):
    export = boom


class _TracerOfBrokenSpans(trace.NoOpTracer):
    def start_span(self, *_args: Any, **_kwargs: Any) -> trace.Span:
        return _BrokenSpan(trace.INVALID_SPAN_CONTEXT)


def _raising(function: Any) -> Any:
    """A function of the same shape that raises."""
    if inspect.iscoroutinefunction(function):

        async def coroutine(*_args: Any, **_kwargs: Any) -> Any:
            raise Boom("theirs")

        return coroutine
    if inspect.isasyncgenfunction(function):

        async def asynchronous_generator(*_args: Any, **_kwargs: Any) -> Any:
            raise Boom("theirs")
            yield

        return asynchronous_generator
    if inspect.isgeneratorfunction(function):

        def generator(*_args: Any, **_kwargs: Any) -> Any:
            raise Boom("theirs")
            yield

        return generator

    def plain(*_args: Any, **_kwargs: Any) -> Any:
        raise Boom("theirs")

    return plain


def _module(name: str) -> ModuleType | None:
    """A module of the library; None where the installed version has none of that name, or not its part in C."""
    try:
        return importlib.import_module(name)
    except ImportError as failed:
        absent = failed.name or "?"
        if isinstance(failed, ModuleNotFoundError) and not absent.startswith("_") and not name.startswith(absent):
            raise
        return None


def _known_keys() -> set[str]:
    """The attribute keys of the stable conventions, and those that our own `semconv` modules add."""
    keys = set()
    for package in (opentelemetry.semconv.attributes, otel_instrumentors.semconv):
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            members = vars(importlib.import_module(module.name))
            keys.update(value for name, value in members.items() if name.isupper() and isinstance(value, str))
    return keys


def _imported_before(contract: type[Contract]) -> dict[str, Any]:
    for module in contract.instrumentor.hooks:
        _module(module)
    return _imported_after(contract)


def _imported_after(contract: type[Contract]) -> dict[str, Any]:
    recorder = Recorder()
    before = set(sys.modules)
    contract.instrumentor().instrument(tracer_provider=recorder.provider, skip_dep_check=True)
    libraries = {module.partition(".")[0] for module in contract.instrumentor.hooks}
    imported = sorted({name.partition(".")[0] for name in set(sys.modules) - before} & libraries)
    return {"traces": contract.traces(recorder), "imported_by_instrumenting": imported}


def _main(scenario: str, file: str, contract_name: str) -> None:
    spec = importlib.util.spec_from_file_location("exam", file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    contract = getattr(module, contract_name)
    print(json.dumps({"imported_before": _imported_before, "imported_after": _imported_after}[scenario](contract)))


if __name__ == "__main__":
    import importlib.util

    _main(*sys.argv[1:])
