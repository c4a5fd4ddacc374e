"""Hooks are placed when a library is imported, and taken away again."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otel_instrumentors.kernel import safety, versions
from otel_instrumentors.kernel.call import Call, SpanSpec
from otel_instrumentors.kernel.hooks.opt_in import opt_in
from otel_instrumentors.kernel.hooks.traced import traced
from otel_instrumentors.kernel.instrumentor import Instrumentor
from tests.otel_instrumentors.contract import Recorder, instrumented

LIBRARY = """
class Base:
    def inherited(self): return "inherited"

class Thing(Base):
    def method(self): return "method"
    @classmethod
    def made(cls): return cls.__name__
    @staticmethod
    def helped(x): return x

def function(): return "function"
alias = function
"""


def describe(call: Call) -> SpanSpec:
    who = getattr(call.instance, "__name__", None) or type(call.instance).__name__
    return SpanSpec(who)


class ThingInstrumentor(Instrumentor):
    hooks = {
        "a_library": {
            "Thing.method": traced(describe),
            "Thing.made": traced(describe),
            "Thing.helped": traced(describe),
            "Thing.inherited": traced(describe),
            "Thing.gone": traced(describe),
            "Missing.method": traced(describe),
            "function": traced(describe),
        },
    }


class GoneInstrumentor(Instrumentor):
    hooks = {"a_library": {"Thing.gone": traced(describe), "gone": traced(describe)}}


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture(autouse=True)
def _library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "a_library.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("a_library", None)
    safety._last_said.clear()
    yield
    sys.modules.pop("a_library", None)


def library() -> Any:
    return importlib.import_module("a_library")


def used() -> list[Any]:
    module = library()
    thing = module.Thing()
    return [thing.method(), thing.inherited(), module.Thing.made(), module.Thing.helped(1), module.function()]


def test_methods_class_methods_static_methods_and_functions_are_hooked(recorder: Recorder) -> None:
    with instrumented(ThingInstrumentor, recorder.provider):
        assert used() == ["method", "inherited", "Thing", 1, "function"]
    assert [span.name for span in recorder.take()] == ["Thing", "Thing", "Thing", "NoneType", "NoneType"]


def test_a_method_that_is_called_without_its_instance_fails_as_it_does_untraced(recorder: Recorder) -> None:
    with instrumented(ThingInstrumentor, recorder.provider), pytest.raises(TypeError, match="self"):
        library().Thing.method()


DIAMOND = """
class Base:
    def fetch(self): return "base"
    def keep(self): return "base"

class Left(Base): pass

class Right(Base):
    def fetch(self): return "right"
    def keep(self): return "right"

class Both(Left, Right): pass
"""


class DiamondInstrumentor(Instrumentor):
    """What is hooked, and what is switched off, in a class that has it from its base."""

    hooks = {"a_library": {"Left.fetch": traced(describe), "Left.keep": opt_in("KEEPING", traced(describe))}}


def test_a_class_of_several_bases_keeps_the_method_of_the_nearer_one(tmp_path: Path, recorder: Recorder) -> None:
    (tmp_path / "a_library.py").write_text(DIAMOND)
    with instrumented(DiamondInstrumentor, recorder.provider):
        module = library()
        assert [(made().fetch(), made().keep()) for made in (module.Both, module.Left)] == [
            ("right", "right"),
            ("base", "base"),
        ]
        # Called with an object of another class, as Python lets one.
        assert module.Left.fetch(module.Base()) == "base"
        assert "keep" not in vars(module.Left)
    assert [span.name for span in recorder.take()] == ["Both", "Left", "Base"]
    assert "fetch" not in vars(module.Left)


class FamilyInstrumentor(Instrumentor):
    hook = traced(describe)
    hooks = {"a_library": {"Thing.inherited": hook, "Base.inherited": hook}}


def test_a_method_that_is_hooked_where_it_is_inherited_and_where_it_stands_is_one_span_a_call(
    recorder: Recorder,
) -> None:
    module = library()
    with instrumented(FamilyInstrumentor, recorder.provider):
        assert [made().inherited() for made in (module.Thing, module.Base)] == ["inherited", "inherited"]
    assert [span.name for span in recorder.take()] == ["Thing", "Base"]
    assert module.Thing.inherited is module.Base.inherited


def test_uninstrumenting_gives_back_each_attribute_where_it_was(recorder: Recorder) -> None:
    module = library()
    before = {name: dict(vars(module.Thing)) for name in ("Thing",)}
    with instrumented(ThingInstrumentor, recorder.provider):
        assert "inherited" in vars(module.Thing)
    assert {name: dict(vars(module.Thing)) for name in ("Thing",)} == before
    assert module.function is module.alias


def test_a_wrapper_that_somebody_else_put_on_top_stays_and_ours_is_silent(recorder: Recorder) -> None:
    module = library()
    with instrumented(ThingInstrumentor, recorder.provider):
        ours = module.function
        module.function = lambda: ours()
    assert module.function() == "function"
    assert recorder.take() == []


def test_a_waiting_hook_is_cancelled_by_uninstrumenting(recorder: Recorder) -> None:
    with instrumented(ThingInstrumentor, recorder.provider):
        pass
    used()
    assert recorder.take() == []


def test_a_plugin_of_which_nothing_could_be_placed_warns_once(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    with instrumented(GoneInstrumentor, recorder.provider):
        library()
    assert [record.getMessage() for record in caplog.records] == [
        "Nothing of test_instrumentor could be instrumented: a_library has none of Thing.gone, gone"
    ]


def test_a_module_that_has_nothing_is_no_warning_where_another_had_something(
    recorder: Recorder, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Releases differ in which of their modules has what is hooked."""
    elsewhere = {"json": GoneInstrumentor.hooks["a_library"]}
    monkeypatch.setattr(ThingInstrumentor, "hooks", {**ThingInstrumentor.hooks, **elsewhere})
    library()
    with instrumented(ThingInstrumentor, recorder.provider):
        assert used()[0] == "method"
    assert caplog.records == []


def test_another_library_under_the_name_of_one_is_left_alone_without_a_word(
    recorder: Recorder, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "another_name", library())
    monkeypatch.setattr(ThingInstrumentor, "hooks", {"another_name": ThingInstrumentor.hooks["a_library"]})
    with instrumented(ThingInstrumentor, recorder.provider):
        assert used()[0] == "method"
    assert recorder.take() == []
    assert caplog.records == []


def test_an_unsupported_version_warns_once_and_is_left_alone(
    recorder: Recorder, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "supported", lambda _plugin: ("a-library>=2",))
    monkeypatch.setattr(versions, "installed", lambda _name: "1.9")
    with instrumented(ThingInstrumentor, recorder.provider):
        assert used()[0] == "method"
    assert recorder.take() == []
    assert [record.getMessage() for record in caplog.records] == [
        "test_instrumentor is not instrumented: a-library 1.9 is installed, a-library>=2 is supported"
    ]


def test_an_import_hook_that_fails_does_not_fail_the_import(
    recorder: Recorder, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_plugin: str) -> str:
        raise RuntimeError("no metadata")

    monkeypatch.setattr(versions, "conflict", broken)
    with instrumented(ThingInstrumentor, recorder.provider), caplog.at_level(logging.WARNING):
        assert used()[0] == "method"
    assert len(caplog.records) == 1
    assert "RuntimeError in " in caplog.records[0].getMessage()


def test_the_supported_versions_are_those_of_the_extra() -> None:
    from otel_instrumentors.flask import FlaskInstrumentor
    from otel_instrumentors.sqlite3 import Sqlite3Instrumentor

    assert FlaskInstrumentor().instrumentation_dependencies() == ("flask>=0.10",)
    assert Sqlite3Instrumentor().instrumentation_dependencies() == ()
    assert versions.supported("mysql_connector") == ("mysql-connector-python>=2.1", "mysql-connector>=2.1")


@pytest.mark.parametrize(
    ("lines", "stands"),
    [
        (("no-such-thing>=1", "wrapt>=1"), True),
        (("no-such-thing>=1", "wrapt>=1000"), False),
        (("no-such-thing>=1",), False),
        ((), True),
    ],
)
def test_one_form_of_a_library_is_enough_to_instrument_it_from_code(
    lines: tuple[str, ...], stands: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "supported", lambda _plugin: lines)
    instrumentor = ThingInstrumentor()
    instrumentor.instrument()
    try:
        assert instrumentor.is_instrumented_by_opentelemetry is stands
    finally:
        if stands:
            instrumentor.uninstrument()


def test_a_name_copied_from_a_hooked_module_is_not_hooked_twice(recorder: Recorder, tmp_path: Path) -> None:
    (tmp_path / "a_package.py").write_text("from a_library import *\n")

    class Both(Instrumentor):
        hooks = {"a_library": {"function": traced(describe)}, "a_package": {"function": traced(describe)}}

    with instrumented(Both, recorder.provider):
        assert importlib.import_module("a_package").function() == "function"
        assert len(recorder.take()) == 1
    assert sys.modules.pop("a_package").function is library().alias
