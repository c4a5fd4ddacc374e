from __future__ import annotations

import json
from typing import Any

import pytest

from otel_dd_distro import settings as settings_module
from otel_dd_distro import tracing
from otel_dd_distro.export.info import Ignored
from otel_dd_distro.pipeline import Pipeline
from otel_dd_distro.stats import Stats
from otel_dd_distro.stats.filters import readable
from tests.agents import ScriptedAgent, says
from tests.otel_dd_distro.stats.made import groups, info, made, settings, span

ROOT = span({"env": "prod", "customer": "a:b", "runtime-id": "r", "empty": ""}, resource="GET /health")


@pytest.mark.parametrize(
    ("ignored", "expected"),
    [
        (Ignored(), False),
        (Ignored(reject=("env:prod",)), True),
        (Ignored(reject=(" env : prod ",)), True),
        (Ignored(reject=("env:staging",)), False),
        (Ignored(reject=("env",)), True),
        (Ignored(reject=("env:",)), True),
        (Ignored(reject=("other",)), False),
        (Ignored(reject=("other", "env")), True),
        (Ignored(reject=("customer:a:b",)), True),
        (Ignored(reject=("empty",)), True),
        (Ignored(require=("env:prod",)), False),
        (Ignored(require=("env:staging",)), True),
        (Ignored(require=("env", "other")), True),
        (Ignored(require=("env:prod",), reject=("customer",)), True),
        (Ignored(reject_regex=("env:^pr",)), True),
        (Ignored(reject_regex=("env:^ro",)), False),
        (Ignored(reject_regex=("env",)), True),
        (Ignored(require_regex=("env:o",)), False),
        (Ignored(require_regex=("env:x",)), True),
        (Ignored(require_regex=("other:.*",)), True),
        (Ignored(resources=("/health$",)), True),
        (Ignored(resources=("^/health",)), False),
        (Ignored(resources=("nothing", "GET")), True),
    ],
)
def test_a_trace_is_ignored_by_its_root(ignored: Ignored, expected: bool) -> None:
    filters = readable(ignored)
    assert filters is not None
    assert filters.ignore(ROOT) is expected


def test_without_a_resource_the_name_stands_for_it() -> None:
    filters = readable(Ignored(resources=("^work$",)))
    assert filters is not None
    assert filters.ignore(span(resource=""))


@pytest.mark.parametrize(
    "ignored",
    [
        Ignored(resources=("(",)),
        Ignored(resources=(r"\pL+",)),
        Ignored(reject_regex=("env:[",)),
        Ignored(reject_regex=("en.*v:x", "e*:x")),
        Ignored(reject=(":x",)),
        Ignored(require=("",)),
    ],
)
def test_where_a_filter_cannot_be_followed_the_agent_counts(ignored: Ignored) -> None:
    assert readable(ignored) is None
    said: dict[str, Any] = {
        "filter_tags": {"require": list(ignored.require), "reject": list(ignored.reject)},
        "filter_tags_regex": {"require": list(ignored.require_regex), "reject": list(ignored.reject_regex)},
        "ignore_resources": list(ignored.resources),
    }
    assert not Stats(settings()).is_active(info(**said))


def test_an_ignored_trace_is_not_counted_and_a_part_without_its_root_is() -> None:
    stats = made(agent=info(ignore_resources=["/health"]))
    stats.count([ROOT, span()])
    stats.count([span(resource="GET /health", parent_id=5)])
    stats.count([span({"runtime-id": "r"}), span(resource="GET /health")])
    assert sorted(group["Hits"] for group in groups(stats.payloads(everything=True))) == [1, 1, 1]


@pytest.mark.parametrize(
    ("meta", "ignored", "expected"),
    [
        ({"env": "Prod"}, Ignored(reject=("env:prod",)), True),
        ({"env": "Prod"}, Ignored(reject=("env:Prod",)), False),
        ({"env": "_my  env!"}, Ignored(reject=("env:my_env",)), True),
        ({"env": "x" * 300}, Ignored(reject=("env:" + "x" * 200,)), True),
        ({"peer.service": "My DB"}, Ignored(reject=("peer.service:my_db",)), True),
        ({"_dd.base_service": "Shop"}, Ignored(reject_regex=("_dd.base_service:^shop$",)), True),
        ({"customer": "A B"}, Ignored(reject=("customer:A B",)), True),
        ({"http.status_code": "200"}, Ignored(require=("http.status_code",)), False),
        ({"http.status_code": "999"}, Ignored(require=("http.status_code",)), True),
        ({"http.status_code": "ok"}, Ignored(reject=("http.status_code",)), False),
    ],
)
def test_the_agent_looks_at_normalised_values(meta: dict[str, str], ignored: Ignored, expected: bool) -> None:
    filters = readable(ignored)
    assert filters is not None
    assert filters.ignore(span({"runtime-id": "r", **meta})) is expected


@pytest.mark.parametrize(
    ("name", "resource"), [("My op", "^My_op$"), ("1 a--b", "^a_b$"), ("!", "^unnamed_operation$")]
)
def test_a_name_that_stands_for_a_resource_is_normalised_too(name: str, resource: str) -> None:
    filters = readable(Ignored(resources=(resource,)))
    assert filters is not None
    assert filters.ignore(span(resource="", name=name))


def test_an_ignored_trace_is_not_sent_either_and_a_part_without_its_root_is() -> None:
    stats = made(agent=info(ignore_resources=["/health"]))
    assert stats.take([ROOT, span()]) is None
    assert stats.payloads(everything=True) == []
    part = [span(resource="GET /health", parent_id=5)]
    assert stats.take(part) is part


def test_from_end_to_end_what_the_agent_ignores_reaches_it_in_no_form_and_is_accounted_for() -> None:
    said = {
        "endpoints": ["/v0.4/traces", "/v0.6/stats"],
        "client_drop_p0s": True,
        "filter_tags": {"reject": ["env:prod_eu"]},
    }
    with ScriptedAgent(info=says(200, json.dumps(said).encode())) as agent:
        read = settings_module.read(
            {"DD_TRACE_AGENT_URL": agent.url, "DD_TRACE_STATS_COMPUTATION_ENABLED": "true"}, argv=["-"]
        )
        pipeline = Pipeline(read)
        provider = tracing.TracerProvider(shutdown_on_exit=False)
        pipeline.serve(provider)
        tracer = provider.get_tracer("t")
        # Of the first trace the Agent was not asked yet.
        tracer.start_span("first").end()
        assert provider.force_flush(10_000)
        for env in ("Prod EU", "dev"):
            with tracer.start_as_current_span(env, attributes={"env": env}), tracer.start_as_current_span("inner"):
                pass
        assert provider.force_flush(10_000)
        counters = pipeline.counters()
        provider.shutdown()
        sent = {span["resource"] for payload in agent.payloads() for trace in payload.traces() for span in trace}
        stats = b"".join(request.body for request in agent.requests if request.path == "/v0.6/stats")
    assert sent == {"first", "dev", "inner"}
    assert (counters.accepted, counters.sent, dict(counters.dropped)) == (5, 3, {"ignored": 2})
    assert b"dev" in stats
    assert b"Prod EU" not in stats
