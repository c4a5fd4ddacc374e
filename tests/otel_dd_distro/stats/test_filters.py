from __future__ import annotations

from typing import Any

import pytest

from otel_dd_distro.export.info import Ignored
from otel_dd_distro.stats import Stats
from otel_dd_distro.stats.filters import readable
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
