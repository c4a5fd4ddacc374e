"""The sampling decision: late, once, the same in every Datadog tracer."""

from __future__ import annotations

import json
import os
import threading
import warnings
from collections.abc import Mapping
from typing import Any

import pytest

from otel_dd_distro.gathering import LocalTraces
from otel_dd_distro.local_trace import reading
from otel_dd_distro.local_trace.chunk import Chunk
from otel_dd_distro.local_trace.datadog_context import DatadogContext
from otel_dd_distro.local_trace.rates import is_kept
from otel_dd_distro.local_trace.registry import LocalTrace
from tests.otel_dd_distro.sampling.process import Process, Root, rules, undecided, with_rules
from tests.otel_dd_distro.translate.spans import chunk, error, span

# Trace ids that 0.5 keeps and drops; that they do is tested in test_rates.
LOW, HIGH = 1, 9


# --- without rules ---


def test_without_rules_and_rates_every_trace_is_kept_by_default() -> None:
    assert Process().decided() == DatadogContext(priority=1, tags={"_dd.p.dm": "-0"})


@pytest.mark.parametrize(
    ("rates", "priority", "rate"),
    [
        ({"service:shop,env:prod": 1.0, "service:,env:": 0.0}, 1, 1.0),
        ({"service:shop,env:prod": 0.0, "service:,env:": 1.0}, 0, 0.0),
        ({"service:other,env:prod": 0.0, "service:,env:": 1.0}, 1, 1.0),
        ({"service:shop,env:other": 1.0, "service:,env:": 0.0}, 0, 0.0),
    ],
)
def test_the_agents_rate_for_the_service_decides_else_its_default(
    rates: Mapping[str, float], priority: int, rate: float
) -> None:
    context = Process(rates).decided()
    assert context.priority == priority
    assert context.tags == {"_dd.p.dm": "-1", "_dd.p.ksr": f"{rate:g}"}
    assert context.metrics == {"_dd.agent_psr": rate}


def test_rates_for_others_alone_leave_the_default() -> None:
    assert Process({"service:other,env:prod": 0.0}).decided().tags == {"_dd.p.dm": "-0"}


@pytest.mark.parametrize("priority", [-1, 0, 1, 2])
@pytest.mark.parametrize("origin", ["", "synthetics"])
def test_an_upstream_decision_stands(priority: int, origin: str) -> None:
    def upstream() -> DatadogContext:
        return DatadogContext(priority=priority, origin=origin, tags={"_dd.p.dm": "-3"})

    process = Process({"service:,env:": 0.5}, DD_TRACE_SAMPLING_RULES=rules({"sample_rate": 0}))
    assert process.decided(context=upstream()) == upstream()


def test_an_origin_without_a_priority_is_decided_here() -> None:
    context = with_rules({"sample_rate": 0}).decided(context=DatadogContext(origin="rum"))
    assert (context.priority, context.origin) == (-1, "rum")


def test_the_decision_is_taken_once() -> None:
    rates: dict[str, float] = {}
    process = Process(rates)
    context = process.decided()
    rates["service:,env:"] = 0.0
    process = Process(rates, DD_TRACE_SAMPLE_RATE="0")
    assert process.decided(context=context).priority == 1


# --- rules: which fits, and what it writes ---

KEEP = {"sample_rate": 1}
GET_CART = Root(meta={"http.method": "GET", "team": "Blue"}, metrics={"size": 5, "share": 0.25, "whole": 7.0})

# fmt: off
FITTING: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"service": "shop"}, True),
    ({"service": "SHOP"}, True),
    ({"service": "sh"}, False),
    ({"service": "shop*"}, True),
    ({"service": "*shop"}, True),
    ({"service": "s*p"}, True),
    ({"service": "s?op"}, True),
    ({"service": "s?p"}, False),
    ({"service": "????"}, True),
    ({"service": "*"}, True),
    ({"service": ""}, False),
    ({"service": "s[h]op"}, False),
    ({"service": "sh.p"}, False),
    ({"service": "other"}, False),
    ({"name": "flask.request"}, True),
    ({"name": "flask.*"}, True),
    ({"name": "django.*"}, False),
    ({"resource": "GET /cart"}, True),
    ({"resource": "get /c*"}, True),
    ({"resource": "POST *"}, False),
    ({"resource": ""}, True),
    ({"service": "shop", "name": "flask*", "resource": "*cart"}, True),
    ({"service": "shop", "name": "flask*", "resource": "*basket"}, False),
    ({"service": "other", "name": "flask*", "resource": "*cart"}, False),
    ({"tags": {}}, True),
    ({"tags": {"http.method": "GET"}}, True),
    ({"tags": {"http.method": "g?t"}}, True),
    ({"tags": {"http.method": "POST"}}, False),
    ({"tags": {"team": "blue", "http.method": "*"}}, True),
    ({"tags": {"team": "red", "http.method": "*"}}, False),
    ({"tags": {"missing": "*"}}, False),
    ({"tags": {"Team": "blue"}}, False),
    ({"tags": {"size": "5"}}, True),
    ({"tags": {"size": 5}}, True),
    ({"tags": {"size": 5.0}}, True),
    ({"tags": {"size": "5.0"}}, False),
    ({"tags": {"size": "?"}}, True),
    ({"tags": {"size": "??"}}, False),
    ({"tags": {"whole": "7"}}, True),
    ({"tags": {"share": "0.25"}}, False),
    ({"tags": {"share": "0.*"}}, False),
    ({"tags": {"share": "*"}}, True),
    ({"tags": {"share": "????"}}, True),
    ({"tags": {"share": "?"}}, False),
    ({"service": "shop", "tags": {"size": "5"}}, True),
    ({"service": "other", "tags": {"size": "5"}}, False),
]
# fmt: on


@pytest.mark.parametrize(("fields", "fits"), FITTING, ids=[json.dumps(fields) for fields, _ in FITTING])
def test_a_rule_fits_when_all_that_it_names_does(fields: dict[str, Any], fits: bool) -> None:
    context = with_rules({"sample_rate": 0, **fields}).decided(GET_CART)
    assert context.priority == (-1 if fits else 1)
    assert context.tags["_dd.p.dm"] == ("-3" if fits else "-0")


@pytest.mark.parametrize(
    ("rate", "id", "priority", "written", "limit"),
    [
        (1, HIGH, 2, "1", 1.0),
        (1.0, HIGH, 2, "1", 1.0),
        (0, LOW, -1, "0", None),
        (0.5, LOW, 2, "0.5", 1.0),
        (0.5, HIGH, -1, "0.5", None),
        (0.7654321, LOW, 2, "0.765432", 1.0),
        ("0.5", LOW, 2, "0.5", 1.0),
        (1.5, HIGH, 2, "1", 1.0),
        (-1, LOW, -1, "0", None),
    ],
)
def test_a_rule_writes_its_rate_and_the_limiters(
    rate: Any, id: int, priority: int, written: str, limit: float | None
) -> None:
    context = with_rules({"sample_rate": rate}).decided(id=id)
    assert context.priority == priority
    assert context.tags == {"_dd.p.dm": "-3", "_dd.p.ksr": written}
    clamped = min(max(float(rate), 0.0), 1.0)
    assert context.metrics == {"_dd.rule_psr": clamped} | ({} if limit is None else {"_dd.limit_psr": limit})


DROP_CART = {"sample_rate": 0, "resource": "* /cart"}
HALF_SHOP = {"sample_rate": 0.5, "service": "shop"}
CUSTOMER = {"sample_rate": 1, "provenance": "customer"}
DYNAMIC = {"sample_rate": 1, "provenance": "dynamic"}


@pytest.mark.parametrize(
    ("given", "priority", "maker", "rate"),
    [
        ([DROP_CART, KEEP], -1, "-3", 0.0),
        ([KEEP, DROP_CART], 2, "-3", 1.0),
        ([HALF_SHOP, DROP_CART], 2, "-3", 0.5),
        ([{"sample_rate": 0, "name": "other"}, HALF_SHOP], 2, "-3", 0.5),
        ([DROP_CART, DYNAMIC], 2, "-12", 1.0),
        ([DROP_CART, DYNAMIC, CUSTOMER], 2, "-11", 1.0),
        ([DROP_CART, {**DROP_CART, "provenance": "customer"}, DYNAMIC], -1, "-11", 0.0),
        ([{**DROP_CART, "provenance": "default"}, KEEP], -1, "-3", 0.0),
        ([{**DROP_CART, "max_per_second": 1}], -1, "-3", 0.0),
        ([{**DROP_CART, "tags": None, "service": None}], -1, "-3", 0.0),
    ],
)
def test_the_first_rule_that_fits_decides_customers_first_then_dynamic_ones(
    given: list[dict[str, Any]], priority: int, maker: str, rate: float
) -> None:
    context = with_rules(*given).decided()
    assert (context.priority, context.tags["_dd.p.dm"], context.metrics["_dd.rule_psr"]) == (priority, maker, rate)


def test_rules_go_before_the_rate_for_all_and_that_before_the_agents_rates() -> None:
    rates = {"service:,env:": 0.25}
    given = rules({"sample_rate": 0, "resource": "GET /cart"})
    process = Process(rates, DD_TRACE_SAMPLING_RULES=given, DD_TRACE_SAMPLE_RATE="1")
    assert process.decided().metrics == {"_dd.rule_psr": 0.0}
    assert process.decided(Root(resource="other")).metrics == {"_dd.rule_psr": 1.0, "_dd.limit_psr": 1.0}
    process = Process(rates, DD_TRACE_SAMPLING_RULES=given)
    assert process.decided(Root(resource="other")).metrics == {"_dd.agent_psr": 0.25}


def test_the_same_trace_is_kept_by_every_larger_rate() -> None:
    for id in range(1, 50):
        kept = [(with_rules({"sample_rate": rate / 20}).decided(id=id).priority or 0) > 0 for rate in range(21)]
        assert kept == sorted(kept)


# --- the limiter, as the decision uses it ---


def test_beyond_the_limit_a_rules_traces_are_rejected_and_the_agents_are_not_touched() -> None:
    process = with_rules({"sample_rate": 1, "service": "shop"}, DD_TRACE_RATE_LIMIT="2")
    priorities = [process.decided().priority for _ in range(4)]
    assert priorities == [2, 2, -1, -1]
    limited = process.decided()
    assert limited.tags == {"_dd.p.dm": "-3", "_dd.p.ksr": "1"}
    assert limited.metrics == {"_dd.rule_psr": 1.0, "_dd.limit_psr": 0.4}
    assert process.decided(Root(service="other")) == DatadogContext(priority=1, tags={"_dd.p.dm": "-0"})


@pytest.mark.parametrize(("limit", "kept"), [("0", 0), ("-1", 200), ("100", 100)])
def test_a_limit_of_zero_keeps_none_and_a_negative_one_all(limit: str, kept: int) -> None:
    process = with_rules({"sample_rate": 1}, DD_TRACE_RATE_LIMIT=limit)
    assert sum(process.decided().priority == 2 for _ in range(200)) == kept


def test_what_the_hash_rejects_uses_nothing_of_the_limit() -> None:
    process = with_rules({"sample_rate": 0.5}, DD_TRACE_RATE_LIMIT="1")
    assert [process.decided(id=id).priority for id in (HIGH, HIGH, LOW, LOW)] == [-1, -1, 2, -1]


# --- OpenTelemetry's samplers ---


@pytest.mark.parametrize("prefix", ["", "parentbased_"])
@pytest.mark.parametrize(
    ("name", "argument", "rate"),
    [
        ("always_on", "", 1.0),
        ("always_off", "", 0.0),
        ("traceidratio", "0.25", 0.25),
        ("traceidratio", "", 1.0),
        ("Traceidratio", "2", 1.0),
        ("traceidratio", "often", 1.0),
    ],
)
def test_samplers_of_opentelemetry_are_a_rule_for_all(prefix: str, name: str, argument: str, rate: float) -> None:
    process = Process(OTEL_TRACES_SAMPLER=prefix + name, OTEL_TRACES_SAMPLER_ARG=argument)
    assert process.settings.sampler == ""
    assert process.decided().metrics["_dd.rule_psr"] == rate
    assert process.decided().priority == (2 if is_kept(1, rate) else -1)
    upstream = DatadogContext(priority=1, tags={"_dd.p.dm": "-0"})
    assert process.decided(context=upstream) == DatadogContext(priority=1, tags={"_dd.p.dm": "-0"})


@pytest.mark.parametrize(
    ("variable", "value", "rate"),
    [
        ("DD_TRACE_SAMPLE_RATE", "0.5", 0.5),
        ("DD_TRACE_SAMPLING_RULES", '[{"sample_rate": 0.75}]', 0.75),
        ("DD_TRACE_SAMPLING_RULES", "[]", None),
    ],
)
def test_variables_of_datadog_hide_opentelemetrys(variable: str, value: str, rate: float | None) -> None:
    process = Process(**{variable: value}, OTEL_TRACES_SAMPLER="always_off")
    assert process.decided().metrics.get("_dd.rule_psr") == rate


def test_any_other_sampler_is_left_to_the_sdk() -> None:
    process = Process(OTEL_TRACES_SAMPLER="jaeger_remote", OTEL_TRACES_SAMPLER_ARG="x=y")
    assert (process.settings.sampler, process.settings.sampling_rules) == ("jaeger_remote", ())


# --- manual.keep and manual.drop ---


@pytest.mark.parametrize(
    ("attributes", "priority"),
    [
        ({"manual.keep": True}, 2),
        ({"manual.drop": True}, -1),
        ({"manual.keep": "true"}, 2),
        ({"manual.keep": ""}, 2),
        ({"manual.keep": 1}, 2),
        ({"manual.drop": "yes"}, -1),
        ({"manual.keep": True, "manual.drop": True}, 2),
        ({"manual.keep": False, "manual.drop": True}, -1),
        ({"manual.keep": False}, None),
        ({"manual.keep": "False"}, None),
        ({"manual.drop": 0}, None),
    ],
)
@pytest.mark.parametrize("on_root", [True, False])
def test_the_application_has_the_last_word_from_any_span(
    attributes: dict[str, Any], priority: int | None, on_root: bool
) -> None:
    process = with_rules({"sample_rate": 0.5, "service": "other"}, DD_TRACE_SAMPLE_RATE="1")
    root = span(attributes=attributes if on_root else {})
    child = span(attributes={} if on_root else attributes, id=2, parent=1)
    first, second = process.sent(chunk(root, child, context=undecided()))
    if priority is None:
        assert (first["metrics"]["_sampling_priority_v1"], first["meta"]["_dd.p.dm"]) == (2, "-3")
    else:
        assert (first["metrics"]["_sampling_priority_v1"], first["meta"]["_dd.p.dm"]) == (priority, "-4")
        assert not {"_dd.rule_psr", "_dd.limit_psr", "_dd.agent_psr"} & set(first["metrics"])
        assert "_dd.p.ksr" not in first["meta"]
    for entry in (first, second):
        assert not {"manual.keep", "manual.drop"} & {*entry["meta"], *entry.get("metrics", ())}


def test_it_goes_before_upstreams_decision_too() -> None:
    upstream = DatadogContext(priority=-1, tags={"_dd.p.dm": "-3", "_dd.p.ksr": "0.1", "_dd.p.usr.id": "7"})
    (entry,) = Process().sent(chunk(span(attributes={"manual.keep": True}), context=upstream))
    assert entry["metrics"]["_sampling_priority_v1"] == 2
    assert {key: entry["meta"][key] for key in entry["meta"] if key.startswith("_dd.p.") and key != "_dd.p.tid"} == {
        "_dd.p.dm": "-4",
        "_dd.p.usr.id": "7",
    }


def test_it_goes_before_a_decision_that_was_told_already() -> None:
    process = with_rules({"sample_rate": 0})
    root = span()
    trace = LocalTrace(LocalTraces(lambda chunk: None), undecided(), root)
    trace.open[1] = root
    assert process.injected(trace).priority == -1
    reading.attributes(root)["manual.keep"] = True
    assert process.injected(trace).priority == 2
    assert trace.context.tags == {"_dd.p.dm": "-4"}
    (entry,) = process.sent(chunk(root, context=trace.context))
    assert entry["metrics"]["_sampling_priority_v1"] == 2
    assert "_dd.rule_psr" not in entry["metrics"]


def test_a_part_of_a_trace_is_sent_as_its_open_spans_ask() -> None:
    still_open = span(attributes={"manual.drop": True})
    part = chunk(span(id=2, parent=1), context=undecided(), partial=True, parents={1: still_open}, root=still_open)
    (entry,) = Process().sent(part)
    assert (entry["metrics"]["_sampling_priority_v1"], entry["meta"]["_dd.p.dm"]) == (-1, "-4")


def test_a_span_that_has_ended_is_heard_at_the_next_injection_and_looked_at_once() -> None:
    root, done = span(), span(id=2, parent=1, attributes={"manual.keep": True})
    trace = LocalTrace(LocalTraces(lambda chunk: None), undecided(), root)
    trace.open[1] = root
    trace.finished.extend([span(id=3, parent=1), done])
    process = with_rules({"sample_rate": 0})
    assert process.injected(trace).priority == 2
    assert trace.looked_at == 2


def test_keep_is_not_taken_back() -> None:
    root = span(attributes={"manual.keep": True})
    trace = LocalTrace(LocalTraces(lambda chunk: None), undecided(), root)
    trace.open[1] = root
    process = Process()
    assert process.injected(trace).priority == 2
    (entry,) = process.sent(chunk(span(attributes={"manual.drop": True}), context=trace.context))
    assert entry["metrics"]["_sampling_priority_v1"] == 2


def test_of_very_many_open_spans_the_newest_and_the_root_are_asked() -> None:
    root = span(attributes={"manual.keep": True})
    trace = LocalTrace(LocalTraces(lambda chunk: None), undecided(), root)
    trace.open.update({1: root} | {id: span(id=id, parent=1) for id in range(2, 500)})
    assert Process(DD_TRACE_SAMPLE_RATE="0").injected(trace).priority == 2


# --- kept when it was over ---

MS = 1_000_000
SLOW = span(end=1_700_000_000_000_000_000 + 600 * MS)
FAILED = span(status=error("boom"))


def late(one: Any, context: DatadogContext | None = None, **variables: str) -> dict[str, Any]:
    variables = {"DD_TRACE_SAMPLE_RATE": "0", "OTEL_DD_EXPLAIN_SAMPLING": "true", **variables}
    (entry,) = Process(**variables).sent(chunk(one, context=context or undecided()))
    return entry


@pytest.mark.parametrize(
    ("one", "variables", "kept_for"),
    [
        (SLOW, {"OTEL_DD_KEEP_SLOWER_THAN": "500ms"}, "slow"),
        (SLOW, {"OTEL_DD_KEEP_SLOWER_THAN": "0.5"}, "slow"),
        (SLOW, {"OTEL_DD_KEEP_SLOWER_THAN": "600ms"}, "slow"),
        (SLOW, {"OTEL_DD_KEEP_SLOWER_THAN": "2s"}, None),
        (SLOW, {"OTEL_DD_KEEP_ERRORS": "true"}, None),
        (SLOW, {}, None),
        (FAILED, {"OTEL_DD_KEEP_ERRORS": "true"}, "error"),
        (FAILED, {"OTEL_DD_KEEP_SLOWER_THAN": "500ms"}, None),
        (FAILED, {}, None),
        (FAILED, {"OTEL_DD_KEEP_ERRORS": "true", "OTEL_DD_KEEP_LIMIT": "0"}, None),
    ],
)
def test_a_dropped_trace_that_was_slow_or_failed_is_kept_after_all(
    one: Any, variables: dict[str, str], kept_for: str | None
) -> None:
    entry = late(one, **variables)
    assert entry["meta"].get("otel_dd.kept_for") == kept_for
    assert entry["metrics"]["_sampling_priority_v1"] == (2 if kept_for else -1)
    assert entry["meta"]["_dd.p.dm"] == "-3"
    if kept_for:
        assert (entry["metrics"]["_dd.rule_psr"], entry["metrics"]["_dd.limit_psr"]) == (1.0, 1.0)
        assert "_dd.p.ksr" not in entry["meta"]


def test_an_error_below_the_root_keeps_the_trace() -> None:
    process = Process(DD_TRACE_SAMPLE_RATE="0", OTEL_DD_KEEP_ERRORS="true")
    first, _ = process.sent(chunk(span(), span(id=2, parent=1, status=error()), context=undecided()))
    assert (first["metrics"]["_sampling_priority_v1"], first["meta"]["otel_dd.kept_for"]) == (2, "error")


def test_a_trace_that_upstream_dropped_stays_dropped() -> None:
    entry = late(FAILED, DatadogContext(priority=0), OTEL_DD_KEEP_ERRORS="true")
    assert entry["metrics"]["_sampling_priority_v1"] == 0
    assert "otel_dd.kept_for" not in entry["meta"]


def test_a_trace_that_the_application_dropped_stays_dropped() -> None:
    one = span(status=error(), attributes={"manual.drop": True})
    assert late(one, OTEL_DD_KEEP_ERRORS="true")["metrics"]["_sampling_priority_v1"] == -1


def test_a_trace_that_others_were_told_is_dropped_stays_dropped() -> None:
    process = Process(DD_TRACE_SAMPLE_RATE="0", OTEL_DD_KEEP_ERRORS="true")
    trace = LocalTrace(LocalTraces(lambda chunk: None), undecided(), FAILED)
    trace.open[1] = FAILED
    assert process.injected(trace).priority == -1
    (entry,) = process.sent(chunk(FAILED, context=trace.context))
    assert entry["metrics"]["_sampling_priority_v1"] == -1


def test_the_agents_rate_is_not_on_a_trace_kept_late() -> None:
    process = Process({"service:,env:": 0.0}, OTEL_DD_KEEP_ERRORS="true")
    (entry,) = process.sent(chunk(FAILED, context=undecided()))
    assert entry["metrics"]["_sampling_priority_v1"] == 2
    assert "_dd.agent_psr" not in entry["metrics"]


def test_so_many_traces_a_second_are_kept_late_and_no_more() -> None:
    process = Process(DD_TRACE_SAMPLE_RATE="0", OTEL_DD_KEEP_ERRORS="true", OTEL_DD_KEEP_LIMIT="3")
    sent = [process.sent(chunk(FAILED, context=undecided()))[0]["metrics"] for _ in range(6)]
    assert [metrics["_sampling_priority_v1"] for metrics in sent] == [2, 2, 2, -1, -1, -1]


def test_once_a_part_is_kept_for_an_error_the_rest_and_the_headers_are_too() -> None:
    process = Process(DD_TRACE_SAMPLE_RATE="0", OTEL_DD_KEEP_ERRORS="true")
    root = span()
    trace = LocalTrace(LocalTraces(lambda chunk: None), undecided(), root)
    trace.open[1] = root
    failed = span(id=2, parent=1, status=error())
    process.sent(Chunk([failed], trace.context, True, trace.parents, root))
    assert process.injected(trace).priority == 2
    (entry,) = process.sent(chunk(root, context=trace.context))
    assert (entry["metrics"]["_sampling_priority_v1"], entry["meta"]["otel_dd.kept_for"]) == (2, "error")


# --- threads and forks ---


def test_of_threads_that_decide_one_trace_at_once_all_find_the_same_decision() -> None:
    process = with_rules({"sample_rate": 1}, DD_TRACE_RATE_LIMIT="50")
    contexts = [DatadogContext() for _ in range(200)]
    start = threading.Barrier(4)
    seen: list[list[tuple[int | None, float]]] = []

    def decide() -> None:
        start.wait()
        seen.append(
            [(process.decided(context=context).priority, context.metrics["_dd.limit_psr"]) for context in contexts]
        )

    threads = [threading.Thread(target=decide) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen[0] == seen[1] == seen[2] == seen[3]
    assert sum(context.priority == 2 for context in contexts) == 50


def test_a_child_that_was_forked_in_the_midst_of_a_decision_decides() -> None:
    process = with_rules({"sample_rate": 1})
    inside, done = threading.Event(), threading.Event()

    def hold() -> None:
        with process.sampling._lock:
            inside.set()
            done.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads, since Python 3.12
        child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if process.decided().priority == 2 else 2
        finally:
            os._exit(status)
    done.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
