"""Two hundred traces under each of ddtrace 4.16's settings (ddtrace.json, made by record_ddtrace.py)."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from tests.otel_dd_distro.sampling.process import Process, Root
from tests.otel_dd_distro.sampling.record_ddtrace import GROUPS, SINGLE, TRACE_IDS, root

RECORDED = json.loads((pathlib.Path(__file__).parent / "ddtrace.json").read_text())


@pytest.mark.parametrize("group", GROUPS)
def test_every_trace_is_decided_as_ddtrace_decides_it(group: str) -> None:
    process = Process(**GROUPS[group])
    for number, (trace_id, recorded) in enumerate(zip(TRACE_IDS, RECORDED[group], strict=True)):
        like = root(number)
        meta = {} if like["team"] is None else {"team": like["team"]}
        metrics = {"size": like["size"], "share": like["share"]}
        context = process.decided(Root(like["service"], like["name"], like["resource"], meta, metrics), id=trace_id)
        single: dict[str, Any] = {}
        if context.priority is not None and context.priority <= 0:
            entry = {"service": like["service"], "name": like["name"], "span_id": trace_id % 2**64, "metrics": single}
            process.sampling._single_spans.mark([entry])
        tags = context.tags
        ours = [context.priority, tags["_dd.p.dm"], tags.get("_dd.p.ksr"), context.metrics, single]
        assert ours == recorded, (trace_id, like)


def test_the_record_shows_every_outcome() -> None:
    traces = [trace for group in RECORDED.values() for trace in group]
    assert {trace[0] for trace in traces} == {-1, 1, 2}
    assert {trace[1] for trace in traces} == {"-0", "-3", "-11", "-12"}
    assert any(SINGLE[0] in trace[4] for trace in traces)
