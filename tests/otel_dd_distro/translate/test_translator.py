from __future__ import annotations

import logging
import os
from typing import Any

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, SpanContext, SpanKind

from otel_dd_distro import settings
from otel_dd_distro.local_trace.datadog_context import NO_PARENT, DatadogContext
from otel_dd_distro.translate import Translator
from otel_dd_distro.translate.every_span import process, times
from tests.otel_dd_distro.tracing.gathered import Gathered

from .spans import START, TRACE_ID, chunk, error, ours, raised, span

SERVED = {"http.request.method": "GET", "url.scheme": "http", "server.address": "a", "url.path": "/"}
QUERY = {"db.system.name": "sqlite", "db.driver.call": "execute", "db.query.text": "select 1"}


def translator(**variables: str) -> Translator:
    return Translator(settings.read({"DD_SERVICE": "shop", **variables}, argv=["-"]))


def translated(*spans: ReadableSpan, **more: Any) -> list[dict[str, Any]]:
    return translator(**more.pop("variables", {})).chunk(chunk(*spans, **more), native_events=True)


# --- order ---


def test_spans_come_in_start_order() -> None:
    spans = [span(id=1), span(id=2, parent=1, start=START + 1), span(id=3, parent=1, start=START + 2)]
    assert [each["span_id"] for each in translated(*spans)] == [1, 2, 3]


def test_of_spans_that_start_at_the_same_tick_the_outer_one_comes_first() -> None:
    assert [each["span_id"] for each in translated(span(id=1), span(id=2, parent=1))] == [1, 2]


def test_the_local_root_comes_first_whatever_start_a_child_was_given() -> None:
    early = span(id=2, parent=1, start=START - 1_000)
    first, second = translated(span(id=1), early)
    assert (first["span_id"], second["span_id"]) == (1, 2)
    assert "_sampling_priority_v1" in first["metrics"]


# --- what a chunk says once ---


def test_a_whole_root_of_a_trace_that_came_from_elsewhere() -> None:
    context = DatadogContext(
        2,
        "synthetics",
        {"_dd.p.dm": "-4", "_dd.p.usr.id": "dQ"},
        "00000000000000aa",
        "decoding_error",
        {"baggage.user.id": "u1"},
    )
    context.metrics["_dd.rule_psr"] = 0.5
    root, child = translated(ours("flask", SERVED, id=1, parent=77, remote=True), span(id=2, parent=1), context=context)
    current = process.current()
    assert root["parent_id"] == 77
    assert (
        root["meta"].items()
        >= {
            "_dd.origin": "synthetics",
            "_dd.p.dm": "-4",
            "_dd.p.usr.id": "dQ",
            "_dd.p.tid": "640cfd8d00000000",
            "_dd.parent_id": "00000000000000aa",
            "_dd.propagation_error": "decoding_error",
            "baggage.user.id": "u1",
            "language": "python",
            "runtime-id": current.runtime_id,
        }.items()
    )
    assert (
        root["metrics"].items()
        >= {
            "_sampling_priority_v1": 2,
            "_dd.rule_psr": 0.5,
            "process_id": os.getpid(),
            "_dd.top_level": 1,
        }.items()
    )
    assert child["meta"]["_dd.origin"] == "synthetics"
    assert not {"_dd.p.dm", "_dd.p.tid", "_dd.parent_id", "language", "runtime-id"} & child["meta"].keys()
    assert "_dd.py.partial_flush" not in root["metrics"]
    assert "metrics" not in child


def test_a_part_of_a_trace_says_how_many_spans_it_has_and_repeats_the_decision() -> None:
    context = DatadogContext(-1, tags={"_dd.p.dm": "-3"})
    parts = [span(id=2, parent=1, start=START), span(id=3, parent=1, start=START + 1)]
    first, second = translated(*parts, context=context, partial=True, parents={1: span(id=1, end=None)})
    assert first["metrics"] == {"_sampling_priority_v1": -1, "_dd.py.partial_flush": 2}
    assert (first["meta"]["_dd.p.dm"], first["meta"]["_dd.p.tid"]) == ("-3", "640cfd8d00000000")
    assert "runtime-id" not in first["meta"]
    assert "metrics" not in second


def test_an_undecided_trace_is_kept() -> None:
    assert translated(span(), context=DatadogContext())[0]["metrics"]["_sampling_priority_v1"] == 1


def test_a_parent_that_is_only_a_context_is_no_parent() -> None:
    [entry] = translated(span(parent=NO_PARENT, remote=True), variables={"DD_TRACE_REPORT_HOSTNAME": "1"})
    assert "parent_id" not in entry
    assert entry["metrics"]["_dd.top_level"] == 1
    assert "_dd.hostname" in entry["meta"]


def test_the_host_name_is_told_on_roots_of_traces_when_asked_for() -> None:
    named = {"DD_TRACE_REPORT_HOSTNAME": "true", "DD_HOSTNAME": "web-1"}
    assert translated(span(), variables=named)[0]["meta"]["_dd.hostname"] == "web-1"
    assert "_dd.hostname" not in translated(span(parent=5, remote=True), variables=named)[0]["meta"]
    assert "_dd.hostname" not in translated(span())[0]["meta"]


def test_a_forked_process_has_its_own_runtime_id() -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, f"{process.current().runtime_id} {process.current().id}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    runtime_id, process_id = os.read(reading, 100).decode().split()
    os.close(reading)
    os.close(writing)
    assert len(runtime_id) == 32
    assert runtime_id != process.current().runtime_id
    assert int(process_id) == child
    assert process.current().id == os.getpid()


# --- services through parents ---


def test_a_child_inherits_from_a_parent_that_is_still_open() -> None:
    root = ours("flask", SERVED, id=1, end=None)
    between = span(id=2, parent=1, end=None)
    [entry] = translated(
        span(id=3, parent=2), partial=True, parents={1: root, 2: between}, variables={"DD_FLASK_SERVICE": "front"}
    )
    assert entry["service"] == "front"
    assert entry["meta"]["_dd.svc_src"] == "m"
    assert "_dd.top_level" not in entry["metrics"]


def test_a_child_inherits_from_a_parent_that_says_it_started_later() -> None:
    named = span(id=2, parent=1, attributes={"service.name": "billing"}, start=START + 10)
    child = span(id=3, parent=2, start=START + 5)
    services = {each["span_id"]: each["service"] for each in translated(span(id=1), child, named)}
    assert services == {1: "shop", 2: "billing", 3: "billing"}


def test_a_child_of_a_parent_that_was_sent_before_has_the_service_of_the_local_root() -> None:
    root = ours("flask", SERVED, id=1, end=None)
    orphan = span(id=9, parent=8)
    variables = {"DD_FLASK_SERVICE": "front"}
    for more in ({"parents": {1: root}}, {"root": root}):
        [entry] = translated(orphan, partial=True, variables=variables, **more)
        assert (entry["service"], entry["parent_id"]) == ("front", 8)
        assert "_dd.top_level" not in entry.get("metrics", {})
    [entry] = translated(orphan)
    assert entry["service"] == "shop"
    assert "_dd.top_level" not in entry["metrics"]
    [entry] = translated(ours("sqlite3", QUERY, id=9, parent=8))
    assert entry["metrics"]["_dd.top_level"] == 1


def test_spans_that_are_each_others_parents_end_the_search() -> None:
    assert len(translated(span(id=2, parent=3), span(id=3, parent=2))) == 2
    assert len(translated(span(id=2, parent=2))) == 1


def test_the_service_of_a_root_is_known_before_it_ends() -> None:
    live = ours("flask", SERVED, end=None)
    assert translator().root_view(live).service == "shop"
    assert translator(DD_FLASK_SERVICE="front").root_view(live).service == "front"
    assert translator().root_view(span(attributes={"service.name": "billing"})).service == "billing"
    assert translator().service_of(span(), "parent") == "parent"


@pytest.mark.parametrize("schema", ["v0", "v1"])
@pytest.mark.parametrize(
    "root",
    [
        ours("flask", SERVED),
        ours("flask", {**SERVED, "http.route": "/cart/<id>"}),
        ours("flask", {**SERVED, "http.route": "/cart", "flask.script_root": "/shop"}),
        ours("flask", {**SERVED, "flask.endpoint": "cart"}),
        ours("flask", {**SERVED, "http.response.status_code": 404}),
        ours("flask", {**SERVED, "http.request.method": "_OTHER", "http.request.method_original": "BREW"}),
        ours("flask", {**SERVED, "http.method": "MINE"}),
        ours("flask", {**SERVED, "resource.name": "mine", "operation.name": "mine.too"}),
        ours("flask", {**SERVED, "http.route": "/\ud800" + "x" * 6_000}),
        ours("flask", {}),
        ours("sqlite3", QUERY),
        ours("sqlite3", {**QUERY, "db.query.text": "select '" + "x" * 6_000}),
        ours("sqlite3", {**QUERY, "db.driver.call": "commit"}),
        ours("requests", {"http.request.method": "GET", "url.full": "http://a:b@c/d;e?f"}),
        ours("jinja2", {"template.operation": "load"}),
        span("manual", {"http.request.method": "GET"}, kind=SpanKind.SERVER),
    ],
)
def test_name_and_resource_of_a_root_are_the_same_with_and_without_its_tags(root: ReadableSpan, schema: str) -> None:
    made = translator(DD_TRACE_SPAN_ATTRIBUTE_SCHEMA=schema, DD_TAGS="http.route:/odd")
    [entry] = made.chunk(chunk(root), native_events=True)
    view, other = made.root_view(root), made.root_view(root)
    assert other.meta.items() <= entry["meta"].items()
    assert (view.name, view.resource) == (other.name, other.resource) == (entry["name"], entry["resource"])


# --- what users set on our plugins' spans ---


def test_attributes_of_the_user_stay() -> None:
    more = {"customer": "c1", "n": 3, "total": 2.5, "vip": True, "ids": (1, 2), "http.url": "mine", "url.full": "kept"}
    [entry] = translated(ours("flask", {**SERVED, **more}))
    assert entry["meta"].items() >= {"customer": "c1", "vip": "true", "http.url": "mine", "url.full": "kept"}.items()
    assert entry["metrics"].items() >= {"n": 3, "total": 2.5, "ids.0": 1, "ids.1": 2}.items()
    assert entry["meta"]["http.method"] == "GET"


def test_a_user_may_name_any_field_of_our_plugins_spans() -> None:
    fields = {"operation.name": "my.op", "resource.name": "R", "span.type": "worker", "service.name": "billing"}
    [entry] = translated(ours("sqlite3", {**QUERY, **fields}))
    assert (entry["name"], entry["resource"], entry["type"], entry["service"]) == ("my.op", "R", "worker", "billing")
    assert entry["meta"]["_dd.svc_src"] == "m"
    assert not fields.keys() & entry["meta"].keys()


def test_neutral_keys_do_not_stay_beside_their_datadog_form() -> None:
    template = {"template.engine": "jinja2", "template.operation": "load", "template.name": "a", "template.path": "/a"}
    spans = [
        ours("flask", {**SERVED, "url.query": "a", "client.address": "1.1.1.1", "network.protocol.version": "1.1"}),
        ours("sqlite3", {**QUERY, "db.row_count": 1}, id=2, parent=1),
        ours("jinja2", template, id=3, parent=1),
    ]
    kept = {key for entry in translated(*spans) for key in (*entry["meta"], *entry.get("metrics", ()))}
    neutral = ("url.", "template.", "server.", "client.", "network.", "http.request", "db.query", "db.driver", "otel.")
    assert not {key for key in kept if key.startswith(neutral)}


def test_links_and_other_events_of_our_plugins_spans_are_kept() -> None:
    linked = SpanContext(5, 6, True)
    made = ours("flask", SERVED, events=[Event("note", {"n": 1}, 7)], links=[Link(linked)])
    [entry] = translated(made)
    assert entry["span_events"] == [
        {"name": "note", "time_unix_nano": 7, "attributes": {"n": {"type": 2, "int_value": 1}}}
    ]
    assert entry["span_links"] == [{"trace_id": 5, "span_id": 6, "flags": 0x80000000}]


# --- errors of our plugins' spans ---


def test_an_exception_is_told_by_tags_and_not_as_an_event() -> None:
    made = ours("sqlite3", QUERY, status=error("d"), events=[raised("KeyError", "'k'", "stack")])
    [entry] = translated(made)
    assert entry["error"] == 1
    assert (entry["meta"]["error.type"], entry["meta"]["error.message"]) == ("builtins.KeyError", "'k'")
    assert entry["meta"]["error.stack"] == "stack"
    assert "span_events" not in entry
    assert "_dd.span_events.has_exception" not in entry["meta"]


def test_an_exception_that_somebody_only_recorded_stays_an_event() -> None:
    [entry] = translated(ours("sqlite3", QUERY, events=[raised("KeyError", "'k'")]))
    assert "error" not in entry
    assert [event["name"] for event in entry["span_events"]] == ["exception"]
    assert entry["meta"]["_dd.span_events.has_exception"] == "true"


def test_a_failure_whose_event_was_lost_is_told_by_what_is_left() -> None:
    made = ours("sqlite3", {**QUERY, "error.type": "ValueError"}, status=error("ValueError: bad"))
    [entry] = translated(made)
    assert (entry["meta"]["error.type"], entry["meta"]["error.message"]) == ("builtins.ValueError", "ValueError: bad")


def test_a_long_stack_keeps_its_newest_frames() -> None:
    stack = "first " + "frame " * 10_000 + "last"
    [entry] = translated(ours("sqlite3", QUERY, status=error(), events=[raised("T", "m", stack)]))
    assert len(entry["meta"]["error.stack"]) == 25_000
    assert entry["meta"]["error.stack"].startswith("...")
    assert entry["meta"]["error.stack"].endswith("last")


@pytest.mark.parametrize(
    ("plugin", "more", "failed"),
    [
        ("requests", {"http.response.status_code": 404, "error.type": "404"}, 0),
        ("requests", {"http.response.status_code": 503, "error.type": "503"}, 1),
        ("requests", {"error.type": "requests.exceptions.Timeout"}, 1),
        ("requests", {"http.response.status_code": 302, "error.type": "requests.exceptions.TooManyRedirects"}, 1),
        ("flask", {"http.response.status_code": 500, "error.type": "500"}, 1),
        # Somebody set the status on purpose.
        ("flask", {"http.response.status_code": 200}, 1),
    ],
)
def test_which_http_requests_are_errors(plugin: str, more: dict[str, Any], failed: int) -> None:
    [entry] = translated(ours(plugin, {"http.request.method": "GET", **more}, status=error()))
    assert entry.get("error", 0) == failed
    if more.get("error.type", "0")[0].isdigit():
        assert "error.type" not in entry["meta"]


# --- anything may come in ---


class Odd:
    def __str__(self) -> str:
        return "odd"


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Text(str):
    pass


class BrokenText(Text):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Unreadable:
    """A root that another thread is changing all the while."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("dictionary changed size during iteration")


def test_a_root_that_cannot_be_read_has_neither_name_nor_tags() -> None:
    view = translator().root_view(Unreadable())  # type: ignore[arg-type]
    assert (view.name, view.resource, view.meta, view.metrics) == ("", "", {}, {})


class Number(int):
    pass


def test_values_of_any_type_become_tags() -> None:
    attributes = {
        "none": None,
        "big": 2**70,
        "negative": -(2**70),
        "enormous": 10**6_000,
        "nan": float("nan"),
        "inf": float("-inf"),
        "bytes": b"\x00\xff",
        "map": {"a": [1, {"b": None}]},
        "odd": Odd(),
        "nested": [[1, "x"], ["y", None]],
        "text": Text("t"),
        "number": Number(5),
        "surrogate": "a\ud800b",
        "key\udfff": "v",
        5: "number as key",
        "empty": "",
        "long": "x" * 30_000,
        "k" * 300: "v",
    }
    [entry] = translated(span(attributes=attributes))
    meta, metrics = entry["meta"], entry["metrics"]
    assert (
        meta.items()
        >= {
            "big": str(2**70),
            "negative": str(-(2**70)),
            "bytes": "AP8=",
            "map": '{"a": [1, {"b": null}]}',
            "odd": "odd",
            "nested.0.1": "x",
            "nested.1.0": "y",
            "text": "t",
            "surrogate": "a?b",
            "key?": "v",
            "5": "number as key",
            "empty": "",
            "long": "x" * 24_997 + "...",
            "k" * 197 + "...": "v",
        }.items()
    )
    assert metrics.items() >= {"nested.0.0": 1, "number": 5}.items()
    assert not {"none", "nan", "inf"} & (meta.keys() | metrics.keys())
    assert len(meta["enormous"]) < 25_001
    assert ormsgpack.unpackb(ormsgpack.packb([[entry]])) == [[entry]]


@pytest.mark.parametrize(
    "value", [{"a": {"b": 10**6_000}}, {"a": Broken()}, Broken()], ids=["number", "in map", "alone"]
)
def test_a_value_that_cannot_be_made_text_costs_no_other_tag(value: Any) -> None:
    [entry] = translated(span(attributes={"before": "b", "odd": value, "after": 7}))
    assert (entry["meta"]["before"], entry["metrics"]["after"]) == ("b", 7)
    assert entry["meta"]["odd"] == f"<{type(value).__name__} that cannot be made text>"


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        (START, START + 5, (START, 5)),
        (START, START - 5, (START, 0)),
        (START, None, (START, 0)),
        (None, None, (0, 0)),
        # As of `time.time()`: seconds.
        (1_700_000_000.5, START, (1_700_000_000, START - 1_700_000_000)),
        (START + 0.5, float(START), (START, 0)),
        (-5, START, (0, START)),
        (float("nan"), float("inf"), (0, times.LARGEST)),
        (float("-inf"), START, (0, START)),
        (2**63, 2**64, (times.LARGEST, 0)),
        (START, 10**400, (START, times.LARGEST - START)),
        ("now", START, (0, START)),
    ],
)
def test_times_are_whole_numbers_of_63_bits_whatever_was_passed_for_them(start: Any, end: Any, told: Any) -> None:
    spans = [span(start=start, end=end)]
    if start is not None and end is not None:
        gathered = Gathered()
        gathered.tracer.start_span("work", start_time=start).end(end)
        spans += gathered.spans
    for each in spans:
        [entry] = translated(each)
        assert (entry["start"], entry["duration"]) == told
        assert type(entry["start"]) is type(entry["duration"]) is int


def test_spans_of_odd_times_are_put_in_order_all_the_same() -> None:
    spans = [span(id=1, start=2), span(id=2, start="x", parent=1), span(id=3, start=None, parent=1)]  # type: ignore[arg-type]
    assert {each["span_id"] for each in translated(*spans)} == {1, 2, 3}


@pytest.mark.parametrize("time", [-1, 1.5, float("nan"), 2**64])
def test_times_of_events_are_whole_numbers_too(time: Any) -> None:
    [entry] = translated(span(events=[Event("tea", timestamp=time)]))
    [event] = entry["span_events"]
    assert type(event["time_unix_nano"]) is int
    assert 0 <= event["time_unix_nano"] <= times.LARGEST


@pytest.mark.parametrize(
    ("written", "number"), [("3", 3), ("9" * 15, 10**15 - 1), ("9" * 16, None), ("9" * 6_000, None), ("-1", None)]
)
def test_a_number_that_is_read_from_a_text_has_fifteen_digits_at_most(written: str, number: int | None) -> None:
    [entry] = translated(ours("flask_cache", {"db.namespace": written}))
    assert entry["name"] == "flask_cache.cmd"
    assert entry["metrics"].get("out.redis_db") == number


def test_resources_are_cut_but_statements_left_to_the_agent() -> None:
    assert len(translated(span("x" * 9_000))[0]["resource"]) == 5_000
    statement = "select " + "x" * 9_000
    assert translated(ours("sqlite3", {**QUERY, "db.query.text": statement}))[0]["resource"] == statement
    statement = "select " + "x" * 90_000
    assert len(translated(ours("sqlite3", {**QUERY, "db.query.text": statement}))[0]["resource"]) == 25_000


def test_a_span_without_times_is_sent() -> None:
    assert translated(span(end=None))[0]["duration"] == 0
    assert translated(span(start=None, end=None))[0]["start"] == 0
    assert translated(span(end=START - 5))[0]["duration"] == 0
    assert len(translated(span(id=1), span(id=2, parent=1, start=None))) == 2


def test_a_span_that_cannot_be_translated_does_not_cost_the_chunk(caplog: pytest.LogCaptureFixture) -> None:
    broken = span("broken", {"x": BrokenText("x")}, id=2, parent=1)
    with caplog.at_level(logging.WARNING):
        root, rest, third = translated(
            span(id=1), broken, span(id=3, parent=2), span(id=0, parent=1, attributes={"x": BrokenText("x")})
        )
    assert len(caplog.records) == 1
    assert (root["span_id"], third["span_id"]) == (1, 3)
    assert (rest["span_id"], rest["parent_id"], rest["resource"], rest["duration"]) == (2, 1, "broken", 1_000)


def test_a_root_that_cannot_be_translated_still_says_what_the_chunk_says() -> None:
    root, _ = translated(span(attributes={"x": BrokenText("x")}), span(id=2, parent=1))
    assert root["meta"]["_dd.p.tid"] == "640cfd8d00000000"
    assert root["metrics"] == {"_sampling_priority_v1": 1}


def test_of_spans_without_ids_nothing_is_sent() -> None:
    assert translated(ReadableSpan("x", resource=Resource({}))) == []


TEXT = st.text(st.characters(exclude_categories=()), max_size=9)  # lone surrogates, too
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
KNOWN = st.sampled_from(
    [
        "http.request.method",
        "http.request.method_original",
        "http.response.status_code",
        "http.route",
        "url.full",
        "url.path",
        "url.query",
        "url.scheme",
        "server.address",
        "server.port",
        "user_agent.original",
        "db.query.text",
        "db.driver.call",
        "db.row_count",
        "db.system.name",
        "db.namespace",
        "template.operation",
        "template.name",
        "error.type",
        "service.name",
        "resource.name",
        "operation.name",
        "span.type",
        "sampling.priority",
        "analytics.event",
        "messaging.system",
        "messaging.operation",
        "http.status_code",
        "flask.view_args.id",
        "http.request.header.x-forwarded-for",
        "http.request.header.x-tea",
        "http.response.header.x_tea",
        "client.address",
        "peer.service",
        "out.host",
        "http.endpoint",
    ]
)
EVERYTHING = {
    "DD_TRACE_SPAN_ATTRIBUTE_SCHEMA": "v1",
    "DD_TRACE_HEADER_TAGS": "x-tea:tea",
    "DD_TRACE_CLIENT_IP_ENABLED": "true",
    "DD_TRACE_RESOURCE_RENAMING_ENABLED": "true",
    "DD_TRACE_PEER_SERVICE_MAPPING": "a:b",
}


@given(
    scope=st.sampled_from(["flask", "sqlite3", "requests", "jinja2", "other"]),
    attributes=st.dictionaries(KNOWN | TEXT, VALUES, max_size=8),
    told=st.dictionaries(TEXT, VALUES, max_size=3),
    kind=st.sampled_from(list(SpanKind)),
    fails=st.booleans(),
    name=TEXT,
    native=st.booleans(),
    asked=st.sampled_from([{}, EVERYTHING]),
)
def test_whatever_a_span_holds_the_intake_can_read(
    scope: str,
    attributes: dict[str, Any],
    told: dict[str, Any],
    kind: SpanKind,
    fails: bool,
    name: str,
    native: bool,
    asked: dict[str, str],
) -> None:
    made = ours(
        scope,
        attributes,
        kind=kind,
        name=name,
        scope_version=name,
        status=error(name) if fails else None,
        events=[Event("exception", told, 5), Event(name, {}, 6)],
        links=[Link(SpanContext(1, 2, True), told)],
    )
    context = DatadogContext(1, name, {"_dd.p.x": name}, name, name, {"baggage." + name: name})
    [entry] = translator(**asked).chunk(chunk(made, context=context), native_events=native)
    assert entry["name"] != "untranslated"
    assert ormsgpack.unpackb(ormsgpack.packb(entry)) == entry
    assert all(type(key) is str and type(text) is str for key, text in entry["meta"].items())
    assert all(type(key) is str and type(number) in (int, float) for key, number in entry["metrics"].items())
    for field in ("name", "service", "resource", "type"):
        assert isinstance(entry.get(field, ""), str)
    assert entry["name"]


def test_the_translator_forgets_what_it_learnt_when_too_much_comes() -> None:
    many = translator()
    for number in range(6_000):
        [entry] = many.chunk(
            chunk(span(attributes={f"k{number}": "v", "service.name": f"s{number}"})), native_events=True
        )
    assert entry["meta"]["k5999"] == "v"
    assert entry["service"] == "s5999"
    [(_, defaults)] = many._services._defaults.values()
    assert len(defaults._meta) <= 1_024
    for number in range(40):
        many.chunk(chunk(span(resource=Resource({"n": number}))), native_events=True)
    assert len(many._services._defaults) <= 16


def test_the_trace_id_is_told_in_two_halves() -> None:
    [entry] = translated(span())
    assert entry["trace_id"] == TRACE_ID & (1 << 64) - 1
    assert entry["meta"]["_dd.p.tid"] == f"{TRACE_ID >> 64:016x}"


def test_what_a_request_brought_for_all_spans_is_cut_on_each() -> None:
    brought = ",".join(f"v{number}={'x' * 250}" for number in range(20))
    spans = span(id=1, parent=9, remote=True, tracestate=brought), span(id=2, parent=1, tracestate=brought)
    for entry in translated(*spans, context=DatadogContext(origin="o" * 8_000)):
        assert len(entry["meta"]["_dd.origin"]) == len(entry["meta"]["w3c.tracestate"]) == 1_024
