"""Single objects of a library are instrumented in a way of their own, and no others."""

from __future__ import annotations

import gc
import importlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otel_instrumentors.kernel import safety
from otel_instrumentors.kernel.call import Call, SpanSpec
from otel_instrumentors.kernel.for_objects import ForApplications
from otel_instrumentors.kernel.hooks.traced import traced
from otel_instrumentors.kernel.options import Options, when_started
from tests.otel_instrumentors.contract import Recorder, boom, instrumented, names, said_by_us

LIBRARY = """
class App:
    def __init__(self, name): self.name = name
    def __eq__(self, other): return True
    __hash__ = None
    def serve(self): return self.name

class Slotted(App):
    __slots__ = ()
"""


def serve(call: Call) -> SpanSpec:
    return SpanSpec(str(call.instance.name))


class AppInstrumentor(ForApplications):
    options = Options(hooks={"request_hook": when_started(lambda call: (call.instance,))}, singly=("app", "apps"))
    hooks = {"a_library_of_apps": {"App.serve": traced(serve)}}


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    (tmp_path / "a_library_of_apps.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("a_library_of_apps")
    if AppInstrumentor().is_instrumented_by_opentelemetry:
        AppInstrumentor().uninstrument()
    assert AppInstrumentor()._installation is None
    del sys.modules["a_library_of_apps"]


@pytest.fixture
def recorder() -> Recorder:
    safety._last_said.clear()
    return Recorder()


def test_one_object_alone_is_instrumented_and_given_back(library: Any, recorder: Recorder) -> None:
    original = library.App.serve
    one, other = library.App("one"), library.App("other")
    AppInstrumentor.instrument_app(one, tracer_provider=recorder.provider)
    kept = one.serve
    assert [one.serve(), other.serve(), kept()] == ["one", "other", "one"]
    assert names(recorder.take()) == ["one", "one"]
    AppInstrumentor().uninstrument_app(one)
    assert [one.serve(), kept()] == ["one", "one"]
    assert recorder.take() == []
    assert library.App.serve is original


def test_an_object_has_its_own_options_beside_the_librarys_whichever_came_first(
    library: Any, recorder: Recorder
) -> None:
    called: list[str] = []
    theirs = Recorder()
    early, late, other = library.App("early"), library.App("late"), library.App("other")

    def hook(_span: Any, app: Any) -> None:
        called.append(app.name)

    AppInstrumentor.instrument_app(early, tracer_provider=theirs.provider, request_hook=hook)
    with instrumented(AppInstrumentor, recorder.provider):
        kept = late.serve
        AppInstrumentor.instrument_app(late, tracer_provider=theirs.provider, request_hook=hook)
        for serve in (early.serve, late.serve, other.serve, kept):
            serve()
        assert names(theirs.take()) == ["early", "late", "late"]
        assert names(recorder.take()) == ["other"]
    early.serve()
    other.serve()
    assert (names(theirs.take()), recorder.take()) == (["early"], [])
    assert called == ["early", "late", "late", "early"]
    AppInstrumentor.uninstrument_app(early)
    AppInstrumentor.uninstrument_app(late)


def test_one_object_is_left_out_of_what_the_library_has(library: Any, recorder: Recorder) -> None:
    one, other = library.App("one"), library.App("other")
    with instrumented(AppInstrumentor, recorder.provider):
        AppInstrumentor.uninstrument_app(one)
        one.serve()
        other.serve()
        assert names(recorder.take()) == ["other"]
        AppInstrumentor.instrument_app(one, tracer_provider=recorder.provider)
        one.serve()
        assert names(recorder.take()) == ["one"]
        AppInstrumentor.uninstrument_app(one)
        del one
        gc.collect()
        library.App("new").serve()
        assert names(recorder.take()) == ["new"]
    assert AppInstrumentor()._installation is None


def test_where_one_object_is_left_out_uninstrumenting_gives_the_library_back(library: Any, recorder: Recorder) -> None:
    original = vars(library.App)["serve"]
    left_out = library.App("left out")
    with instrumented(AppInstrumentor, recorder.provider):
        AppInstrumentor.uninstrument_app(left_out)
        kept = library.App("kept").serve
    assert vars(library.App)["serve"] is original
    kept()
    assert recorder.take() == []


@pytest.mark.parametrize("several", [False, True])
def test_the_objects_that_instrument_names_are_the_only_ones(several: bool, library: Any, recorder: Recorder) -> None:
    one, other = library.App("one"), library.Slotted("other")
    only: dict[str, Any] = {"apps": [one]} if several else {"app": one}
    with instrumented(AppInstrumentor, recorder.provider, **only):
        assert [one.serve(), other.serve()] == ["one", "other"]
        assert names(recorder.take()) == ["one"]
    one.serve()
    assert recorder.take() == []


def test_what_is_instrumented_already_or_not_at_all_is_told(
    library: Any, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    app = library.App("one")
    with caplog.at_level(logging.WARNING):
        AppInstrumentor.uninstrument_app(app)
        AppInstrumentor.instrument_app(app, tracer_provider=recorder.provider)
        AppInstrumentor.instrument_app(app, tracer_provider=recorder.provider)
        AppInstrumentor.uninstrument_app(app)
    assert said_by_us(caplog) == ["App is not instrumented", "App is instrumented already"]


def test_what_breaks_when_the_owner_of_a_call_is_sought_hinders_no_call(
    library: Any, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(AppInstrumentor, "options", Options(owners=boom))
    app = library.App("one")
    AppInstrumentor.instrument_app(app, tracer_provider=recorder.provider)
    assert app.serve() == "one"
    AppInstrumentor.uninstrument_app(app)
    assert "looking for whose a call is" in caplog.text
