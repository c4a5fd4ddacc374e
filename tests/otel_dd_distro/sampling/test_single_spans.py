"""Single spans of traces that are not kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from otel_dd_distro.local_trace.datadog_context import DatadogContext
from tests.otel_dd_distro.sampling.process import Process, undecided
from tests.otel_dd_distro.translate.spans import chunk, ours, span

PREFIX = "_dd.span_sampling."


def marks(entry: dict[str, Any]) -> dict[str, float]:
    found = entry.get("metrics", {})
    return {key.removeprefix(PREFIX): value for key, value in found.items() if key.startswith(PREFIX)}


def sent(rules: list[dict[str, Any]], context: DatadogContext | None = None, **more: str) -> list[dict[str, Any]]:
    """A dropped trace: a request of `shop`, below it a query of `sqlite` (span id 9, which 0.5 drops)."""
    process = Process(DD_SPAN_SAMPLING_RULES=json.dumps(rules), DD_TRACE_SAMPLE_RATE="0", **more)
    root = ours("flask", {}, id=1)
    query = ours("sqlite3", {"db.driver.call": "execute"}, id=9, parent=1)
    return process.sent(chunk(root, query, context=context or undecided()))


KEPT = {"mechanism": 8, "rule_rate": 1.0}


@pytest.mark.parametrize(
    ("rules", "root", "query"),
    [
        ([], {}, {}),
        ([{"service": "shop"}], KEPT, {}),
        ([{"service": "SQL*"}], {}, KEPT),
        ([{"name": "flask.request"}], KEPT, {}),
        ([{"name": "*.query"}], {}, KEPT),
        ([{"name": "*"}], KEPT, KEPT),
        ([{"service": "shop", "name": "sqlite.query"}], {}, {}),
        ([{"service": "sqlite", "name": "sqlite.quer?"}], {}, KEPT),
        ([{"name": "*", "sample_rate": 0}], {}, {}),
        ([{"name": "*", "sample_rate": 0.5}], {"mechanism": 8, "rule_rate": 0.5}, {}),
        ([{"name": "*", "sample_rate": 0}, {"name": "*"}], {}, {}),
        ([{"name": "flask*", "sample_rate": 0}, {"name": "*"}], {}, KEPT),
        ([{"name": "*", "max_per_second": 1}], {**KEPT, "max_per_second": 1.0}, {}),
        ([{"name": "*", "max_per_second": 0}], {}, {}),
        ([{"name": "*", "max_per_second": -1}], KEPT, KEPT),
        (
            [{"name": "flask*", "max_per_second": 1}, {"name": "sqlite*", "max_per_second": 1}],
            {**KEPT, "max_per_second": 1.0},
            {**KEPT, "max_per_second": 1.0},
        ),
    ],
)
def test_the_first_rule_that_fits_a_span_has_the_only_say(
    rules: list[dict[str, Any]], root: dict[str, float], query: dict[str, float]
) -> None:
    entries = sent(rules)
    assert [marks(entry) for entry in entries] == [root, query]
    assert entries[0]["metrics"]["_sampling_priority_v1"] == -1


@pytest.mark.parametrize("priority", [-1, 0, 1, 2])
def test_only_spans_of_rejected_traces_are_looked_at(priority: int) -> None:
    entries = sent([{"name": "*"}], DatadogContext(priority=priority))
    assert [marks(entry) for entry in entries] == [KEPT if priority <= 0 else {}] * 2


def test_a_trace_that_is_kept_late_needs_no_single_spans() -> None:
    entries = sent([{"name": "*"}], OTEL_DD_KEEP_SLOWER_THAN="0.0000001")
    assert [marks(entry) for entry in entries] == [{}, {}]


def test_rules_come_from_a_file_where_the_variable_says_none(tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    file.write_text('[{"name": "work*", "sample_rate": 1.0}]')
    environ = {"DD_SPAN_SAMPLING_RULES_FILE": str(file), "DD_TRACE_SAMPLE_RATE": "0"}
    assert [str(rule) for rule in Process(**environ).settings.span_sampling_rules] == ["rule 1 name=work* rate 1"]
    hidden = Process(**environ, DD_SPAN_SAMPLING_RULES='[{"name": "other"}]')
    assert [str(rule) for rule in hidden.settings.span_sampling_rules] == ["rule 1 name=other rate 1"]


def test_names_without_number_take_no_memory_without_number() -> None:
    process = Process(DD_SPAN_SAMPLING_RULES='[{"name": "x"}]', DD_TRACE_SAMPLE_RATE="0")
    for number in range(2_500):
        process.sent(chunk(span(attributes={"operation.name": f"n{number}"}), context=undecided()))
    assert len(process.sampling._single_spans._by_names) <= 2_048
