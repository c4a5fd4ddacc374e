"""What is asked for, by keywords and by variables, of a plugin with a server's, a client's and a consumer's spans."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.propagators.textmap import default_getter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import SpanKind

from otel_instrumentors.kernel import asking, safety
from otel_instrumentors.kernel.call import Call, Incoming, Outcome, SpanSpec
from otel_instrumentors.kernel.hooks.annotate_entry_span import annotate_entry_span
from otel_instrumentors.kernel.hooks.traced import traced
from otel_instrumentors.kernel.instrumentor import Instrumentor
from otel_instrumentors.kernel.options import (
    USE_SPAN_LINKS,
    Convention,
    Duration,
    Options,
    in_place,
    when_finished,
    when_started,
    when_told,
    when_wanted,
)
from tests.otel_instrumentors.contract import Recorder, instrumented, names, said_by_us

LIBRARY = """
def serve(path, request=None):
    if path == "/early": done(path)
    routed(path)
    result = send(path)
    done(path)
    return result

def done(path): pass

def routed(path): return path

def send(url):
    if url == "/boom": raise ValueError("boom")
    return url.upper()

def work(headers): return len(headers)
"""
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def serve(call: Call) -> SpanSpec:
    return SpanSpec("serve", SpanKind.SERVER, {"path": call.args[0]})


def send(call: Call) -> SpanSpec:
    return SpanSpec("send", SpanKind.CLIENT, {"url": call.args[0]})


def work(call: Call) -> SpanSpec:
    return SpanSpec("work", SpanKind.CONSUMER)


def nobody(_call: Call) -> Incoming | None:
    return None


def message(call: Call) -> Incoming:
    return Incoming(call.args[0], default_getter)


def routed(call: Call, _result: Any) -> Outcome:
    return Outcome({"route": "/r"}, name="serve")


def done(_call: Call) -> None:
    """Somebody may have asked to see it."""


def _path(attributes: Any) -> str:
    return str(attributes.get("path") or attributes.get("url"))


SERVER = Convention(_path, Duration("served", "", frozenset(("path", "route", "error.type")), (1.0, 2.0)))
CLIENT = Convention(_path, Duration("sent", "", frozenset(("url", "error.type")), (1.0, 2.0)))


class BothInstrumentor(Instrumentor):
    options = Options(
        server=SERVER,
        client=CLIENT,
        hooks={
            "request_hook": when_started(lambda call: call.args, SpanKind.SERVER),
            "response_hook": when_finished(lambda call, result: (call.args, result), SpanKind.CLIENT),
            "route_hook": when_told(routed, lambda call, result: (result,)),
            "done_hook": when_told(done, lambda asked, result, call: (asked.args, result, call.args), after=routed),
            "url_filter": in_place("url", lambda call: call.args),
            "filter_": when_wanted(lambda call, attributes: (call.args[0], dict(attributes))),
        },
        request=when_started(lambda call: (call.arg(1, "request"),), SpanKind.SERVER),
        others={USE_SPAN_LINKS: USE_SPAN_LINKS},
    )
    hooks = {
        "a_both_library": {
            "serve": traced(serve, incoming=nobody),
            "routed": annotate_entry_span(routed, when="returned"),
            "done": annotate_entry_span(done, when="called"),
            "send": traced(send),
            "work": traced(work, incoming=message),
        },
    }


class PlainInstrumentor(Instrumentor):
    hooks = {"a_both_library": {"send": traced(send)}}


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    (tmp_path / "a_both_library.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("a_both_library")
    del sys.modules["a_both_library"]


@pytest.fixture
def recorder() -> Recorder:
    safety._last_said.clear()
    return Recorder()


@pytest.fixture
def stability() -> Iterator[None]:
    asking._tell_of_conventions.cache_clear()
    yield
    asking._tell_of_conventions.cache_clear()


def serve_once(library: Any, recorder: Recorder, **options: Any) -> list[str]:
    with instrumented(BothInstrumentor, recorder.provider, **options):
        library.serve("/x/1")
    return names(recorder.take())


def test_the_argument_is_for_what_is_served_and_nothing_below_an_excluded_request_has_a_span(
    library: Any, recorder: Recorder
) -> None:
    assert serve_once(library, recorder, excluded_urls="nothing, /x/") == []
    assert serve_once(library, recorder, excluded_urls=["/y/"]) == ["send", "serve"]


@pytest.mark.parametrize(
    ("variables", "left"),
    [
        ({"EXCLUDED_URLS": "/x"}, []),
        ({"TEST_ASKING_EXCLUDED_URLS": "/x"}, []),
        ({"TEST_ASKING_SERVER_EXCLUDED_URLS": "/x"}, []),
        ({"TEST_ASKING_CLIENT_EXCLUDED_URLS": "/x"}, ["serve"]),
        ({"EXCLUDED_URLS": "/x", "TEST_ASKING_EXCLUDED_URLS": "/y"}, ["serve"]),
        (
            {"EXCLUDED_URLS": "/x", "TEST_ASKING_EXCLUDED_URLS": "", "TEST_ASKING_CLIENT_EXCLUDED_URLS": ""},
            ["send", "serve"],
        ),
        ({"EXCLUDED_URLS": ""}, ["send", "serve"]),
    ],
)
def test_the_variable_of_the_library_goes_before_the_general_one(
    variables: dict[str, str], left: list[str], library: Any, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"OTEL_PYTHON_{name}", value)
    assert serve_once(library, recorder) == left


def test_the_spans_that_an_application_makes_in_an_excluded_request_are_its_own(
    library: Any, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "routed", lambda path: recorder.provider.get_tracer("own").start_span("own").end())
    assert serve_once(library, recorder, excluded_urls=".") == ["own"]


def test_a_pattern_that_is_none_is_told_and_the_others_hold(
    library: Any, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    assert serve_once(library, recorder, excluded_urls="(,/x") == []
    assert "excluding what is like '('" in caplog.text


def test_functions_are_called_with_the_span_and_what_they_are_about(library: Any, recorder: Recorder) -> None:
    called: list[Any] = []
    serve_once(
        library,
        recorder,
        request_hook=lambda span, path: called.append(("request", span.name, path, trace.get_current_span() is span)),
        response_hook=lambda span, args, result: called.append(("response", span.name, args, result)),
        route_hook=lambda span, result: called.append(("route", span.name, span.attributes["route"], result)),
    )
    assert called == [
        ("request", "serve", "/x/1", True),
        ("route", "serve", "/r", "/x/1"),
        ("response", "send", ("/x/1",), "/X/1"),
    ]


def test_a_function_that_comes_after_something_is_given_that_too(library: Any, recorder: Recorder) -> None:
    called: list[Any] = []
    with instrumented(BothInstrumentor, recorder.provider, done_hook=lambda span, *about: called.append(about)):
        library.serve("/x")
        library.serve("/early")
    assert called == [(("/x",), "/x", ("/x",)), (("/early",), "/early", ("/early",))]


def test_a_coroutine_function_that_nobody_can_await_is_told_and_changes_nothing(
    library: Any, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    async def hook(*_about: Any) -> None:
        """Asked for by a plain function's call."""

    assert serve_once(library, recorder, request_hook=hook) == ["send", "serve"]
    assert [line for line in said_by_us(caplog) if "hook" in line and "CannotBeAwaited" in line]


def test_the_name_that_a_function_gives_a_span_stays(library: Any, recorder: Recorder) -> None:
    left = serve_once(library, recorder, request_hook=lambda span, _path: span.update_name("mine"))
    assert left == ["mine", "send"]


def test_a_function_may_say_an_attribute_before_the_span_begins(library: Any, recorder: Recorder) -> None:
    with instrumented(BothInstrumentor, recorder.provider, url_filter=lambda url: url.partition("?")[0]):
        library.send("/a?secret=1")
    (span,) = recorder.take()
    assert dict(span.attributes or {}) == {"url": "/a"}


def test_a_call_that_a_function_does_not_want_has_no_span_and_those_below_it_have(
    library: Any, recorder: Recorder
) -> None:
    asked: list[Any] = []

    def wanted(*about: Any) -> bool:
        asked.append(about)
        return "url" in about[1]

    assert serve_once(library, recorder, filter_=wanted) == ["send"]
    assert asked == [("/x/1", {"path": "/x/1"}), ("/x/1", {"url": "/x/1"})]


def test_options_may_be_given_to_the_class_and_are_for_one_time(library: Any, recorder: Recorder) -> None:
    BothInstrumentor(excluded_urls="/x/")
    assert serve_once(library, recorder) == []
    assert serve_once(library, recorder) == ["send", "serve"]


def test_attributes_of_the_request_object_are_on_the_span_where_a_variable_names_them(
    library: Any, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_PYTHON_TEST_ASKING_TRACED_REQUEST_ATTRS", "user, gone ,number")
    with instrumented(BothInstrumentor, recorder.provider):
        library.serve("/x", SimpleNamespace(user="ada", number=3, other=1))
    served = next(span for span in recorder.take() if span.name == "serve")
    assert dict(served.attributes or {}) == {"path": "/x", "route": "/r", "user": "ada", "number": "3"}


def test_durations_are_counted_by_the_attributes_that_the_convention_names(library: Any, recorder: Recorder) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    with instrumented(BothInstrumentor, recorder.provider, meter_provider=provider):
        library.serve("/x")
        with pytest.raises(ValueError, match="boom"):
            library.serve("/boom")
    (scope,) = reader.get_metrics_data().resource_metrics[0].scope_metrics  # type: ignore[union-attr]
    provider.shutdown()
    points = {
        metric.name: {str(dict(p.attributes)): p.count for p in metric.data.data_points} for metric in scope.metrics
    }  # type: ignore[union-attr, arg-type]
    assert points == {
        "served": {
            "{'path': '/x', 'route': '/r'}": 1,
            "{'path': '/boom', 'route': '/r', 'error.type': 'ValueError'}": 1,
        },
        "sent": {"{'url': '/x'}": 1, "{'url': '/boom', 'error.type': 'ValueError'}": 1},
    }


def test_the_span_of_a_message_is_linked_to_the_senders_where_that_is_asked(library: Any, recorder: Recorder) -> None:
    for options, linked in (({}, False), ({USE_SPAN_LINKS: True}, True)):
        with instrumented(BothInstrumentor, recorder.provider, **options):
            library.work({"traceparent": PARENT})
        (span,) = recorder.take()
        assert (span.parent is None) is linked
        assert [f"{link.context.span_id:x}" for link in span.links] == (["b7ad6b7169203331"] if linked else [])


def test_a_keyword_that_means_nothing_is_told_and_one_that_is_none_is_not(
    library: Any, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    with instrumented(PlainInstrumentor, recorder.provider, request_hook=print, meter_provider=None, colour="green"):
        library.send("/x")
    assert names(recorder.take()) == ["send"]
    assert said_by_us(caplog) == ["The instrumentor of test_asking has no option colour, request_hook: it is ignored"]


def test_a_plugin_is_off_by_the_variable_that_opentelemetry_has_for_django(
    library: Any, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_PYTHON_TEST_ASKING_INSTRUMENT", "False")
    assert serve_once(library, recorder) == []


@pytest.mark.parametrize(("value", "told"), [("http", False), ("http/dup,database", True), ("default", True)])
def test_who_asks_for_the_old_conventions_is_told_that_there_are_none(
    value: str,
    told: bool,
    library: Any,
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    stability: None,
) -> None:
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", value)
    serve_once(library, recorder)
    serve_once(library, recorder)
    assert [line.startswith("OTEL_SEMCONV_STABILITY_OPT_IN asks for") for line in said_by_us(caplog)] == [True] * told


def test_tracers_name_the_conventions_that_they_follow(library: Any, recorder: Recorder) -> None:
    with instrumented(PlainInstrumentor, recorder.provider):
        library.send("/x")
    (span,) = recorder.take()
    assert span.instrumentation_scope is not None
    assert str(span.instrumentation_scope.schema_url).startswith("https://opentelemetry.io/schemas/1.")
