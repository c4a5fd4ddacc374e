"""x-datadog-* headers, both directions (datadog-protocol 4.2)."""

from __future__ import annotations

import pytest
from opentelemetry.trace import get_current_span

from otel_dd_distro.local_trace import datadog_context
from otel_dd_distro.local_trace.datadog_context import NO_PARENT, DatadogContext
from otel_dd_distro.propagation import DatadogPropagator

from .carriers import HIGH, LOW, SPAN, TRACE, ids, local, written

PROPAGATOR = DatadogPropagator()
HEADERS = {"x-datadog-trace-id": str(LOW), "x-datadog-parent-id": str(SPAN), "x-datadog-sampling-priority": "1"}
TID = f"_dd.p.tid={HIGH:016x}"


def extracted(**changed: str | None) -> tuple[tuple[int, int] | None, DatadogContext | None]:
    headers = HEADERS | {"x-datadog-" + name.replace("_", "-"): value for name, value in changed.items()}
    context = PROPAGATOR.extract({name: value for name, value in headers.items() if value is not None})
    return ids(context), datadog_context.of(context)


def test_a_whole_set_of_headers_is_read_whole() -> None:
    found, datadog = extracted(origin="rum", tags=f"_dd.p.dm=-4,{TID},_dd.p.usr.id=YmF6==")
    assert found == (TRACE, SPAN)
    assert datadog == DatadogContext(priority=1, origin="rum", tags={"_dd.p.dm": "-4", "_dd.p.usr.id": "YmF6=="})


def test_the_parent_is_an_ordinary_remote_span() -> None:
    span = get_current_span(PROPAGATOR.extract(HEADERS)).get_span_context()
    assert (span.is_remote, span.trace_flags, len(span.trace_state)) == (True, 1, 0)


@pytest.mark.parametrize(
    ("text", "flag", "priority"),
    [("-1", 0, -1), ("0", 0, 0), ("1", 1, 1), ("2", 1, 2), (" 2 ", 1, 2), ("+1", 1, 1), (None, 1, None)],
)
def test_the_priority_sets_the_sampled_flag(text: str | None, flag: int, priority: int | None) -> None:
    headers = HEADERS | {"x-datadog-sampling-priority": text}
    context = PROPAGATOR.extract({name: value for name, value in headers.items() if value is not None})
    datadog = datadog_context.of(context)
    assert datadog is not None
    assert (get_current_span(context).get_span_context().trace_flags, datadog.priority) == (flag, priority)


@pytest.mark.parametrize(
    "changed",
    [
        {"trace_id": None},
        {"trace_id": ""},
        {"trace_id": "0"},
        {"trace_id": "-1"},
        {"trace_id": "x"},
        {"trace_id": "1_0"},
        {"trace_id": "0x1f"},
        {"trace_id": str(2**64)},
        {"trace_id": "9" * 5000},
        {"trace_id": "\u0661\u0662"},
        {"parent_id": "x"},
        {"parent_id": ""},
        {"parent_id": "-1"},
        {"parent_id": str(2**64)},
        {"sampling_priority": "keep"},
        {"sampling_priority": ""},
        {"sampling_priority": "1.0"},
        {"sampling_priority": "9" * 15},
    ],
)
def test_a_malformed_id_or_priority_discards_all(changed: dict[str, str | None]) -> None:
    assert extracted(origin="rum", tags=TID, **changed) == (None, None)


@pytest.mark.parametrize("parent", ["0", None])
def test_without_a_parent_the_trace_is_kept(parent: str | None) -> None:
    found, datadog = extracted(parent_id=parent, origin="synthetics")
    assert found == (LOW, NO_PARENT)
    assert datadog is not None
    assert datadog.origin == "synthetics"
    headers = {name: value for name, value in (HEADERS | {"x-datadog-parent-id": parent}).items() if value is not None}
    assert written(PROPAGATOR, PROPAGATOR.extract(headers))["x-datadog-parent-id"] == "0"


@pytest.mark.parametrize(
    ("text", "tags", "high", "error"),
    [
        ("", {}, 0, ""),
        (TID, {}, HIGH, ""),
        ("_dd.p.dm=-0", {"_dd.p.dm": "-0"}, 0, ""),
        ("_dd.p.dm=-255", {"_dd.p.dm": "-255"}, 0, ""),
        ("_dd.p.dm=-3,", {"_dd.p.dm": "-3"}, 0, ""),
        ("_dd.p.a= b ", {"_dd.p.a": "b"}, 0, ""),
        ("_dd.p.a=b=c", {"_dd.p.a": "b=c"}, 0, ""),
        ("_dd.p.a=x y", {"_dd.p.a": "x y"}, 0, ""),
        ("_dd.p.a=1,_dd.p.a=2", {"_dd.p.a": "2"}, 0, ""),
        ("usr=b,_dd.p.upstream_services=x", {}, 0, ""),
        ("_dd.p.dm=3", {}, 0, "decoding_error"),
        ("_dd.p.dm=-256", {}, 0, "decoding_error"),
        ("_dd.p.dm=-01", {}, 0, "decoding_error"),
        (f"{TID},_dd.p.dm=--3", {}, HIGH, "decoding_error"),
        (f"{TID},", {}, HIGH, ""),
        (f"{TID},,_dd.p.a=b", {}, 0, "decoding_error"),
        (f"{TID},a", {}, 0, "decoding_error"),
        (f"{TID},=b", {}, 0, "decoding_error"),
        (f"{TID},a=", {}, 0, "decoding_error"),
        (f"{TID}, a=b", {}, 0, "decoding_error"),
        (f"{TID},a=\xe9", {}, 0, "decoding_error"),
        (f"{TID},a=b\x00", {}, 0, "decoding_error"),
        ("_dd.p.a=" + "b" * 505, {}, 0, "extract_max_size"),
        ("_dd.p.a=" + "b" * 504, {"_dd.p.a": "b" * 504}, 0, ""),
        ("_dd.p.tid=" + "0" * 16, {}, 0, "malformed_tid " + "0" * 16),
        ("_dd.p.tid=640CFD8D00000000", {}, 0, "malformed_tid 640CFD8D00000000"),
        ("_dd.p.tid=640cfd8d", {}, 0, "malformed_tid 640cfd8d"),
        ("_dd.p.tid=+40cfd8d00000000", {}, 0, "malformed_tid +40cfd8d00000000"),
        ("_dd.p.tid=640cfd8d0000000g", {}, 0, "malformed_tid 640cfd8d0000000g"),
        ("_dd.p.tid=640cfd8d00000000f", {}, 0, "malformed_tid 640cfd8d00000000f"),
    ],
)
def test_tags_are_kept_whole_or_an_error_tells_why_not(text: str, tags: dict[str, str], high: int, error: str) -> None:
    found, datadog = extracted(tags=text)
    assert found == (high << 64 | LOW, SPAN)
    assert datadog is not None
    assert (datadog.tags, datadog.error) == (tags, error)


@pytest.mark.parametrize(
    ("datadog", "more"),
    [
        (DatadogContext(), {"tags": TID}),
        (DatadogContext(priority=2), {"sampling-priority": "2", "tags": TID}),
        (DatadogContext(priority=-1), {"sampling-priority": "-1", "tags": TID}),
        (DatadogContext(origin="rum"), {"origin": "rum", "tags": TID}),
        (DatadogContext(origin="a\r\nb: c"), {"tags": TID}),
        (DatadogContext(origin="caf\xe9"), {"tags": TID}),
        (DatadogContext(tags={"_dd.p.dm": "-4"}), {"tags": f"_dd.p.dm=-4,{TID}"}),
        (DatadogContext(tags={"usr": "1"}), {"tags": TID}),
        (DatadogContext(error="decoding_error", tags={"_dd.p.dm": "-4"}), {}),
    ],
)
def test_what_is_set_is_written(datadog: DatadogContext, more: dict[str, str]) -> None:
    expected = {"trace-id": str(LOW), "parent-id": str(SPAN)} | more
    assert written(PROPAGATOR, local(datadog)) == {"x-datadog-" + name: value for name, value in expected.items()}


@pytest.mark.parametrize(
    ("limit", "tags", "error"),
    [
        (512, {"_dd.p.a": "b" * 500}, "inject_max_size"),
        (512, {"_dd.p.a": "b,c"}, "encoding_error"),
        (512, {"_dd.p.a": ""}, "encoding_error"),
        (512, {"_dd.p.a": "\xe9"}, "encoding_error"),
        (512, {"_dd.p.a": "\n"}, "encoding_error"),
        (512, {"_dd.p.a b": "c"}, "encoding_error"),
        (512, {"_dd.p.a=b": "c"}, "encoding_error"),
        (10, {}, "inject_max_size"),
        (0, {"_dd.p.dm": "-4"}, "disabled"),
    ],
)
def test_tags_that_cannot_be_written_leave_an_error(limit: int, tags: dict[str, str], error: str) -> None:
    datadog = DatadogContext(priority=1, tags=tags)
    assert "x-datadog-tags" not in written(DatadogPropagator(limit), local(datadog))
    assert datadog.error == error


def test_a_short_trace_id_without_tags_has_no_tags_header() -> None:
    assert written(PROPAGATOR, local(DatadogContext(priority=1), trace_id=LOW)) == HEADERS


def test_without_a_valid_span_nothing_is_written() -> None:
    assert written(PROPAGATOR, local(DatadogContext(priority=1), trace_id=0)) == {}


def test_an_origin_is_cut_where_it_comes_in() -> None:
    _, datadog = extracted(origin="o" * 8_000)
    assert datadog is not None
    assert datadog.origin == "o" * 128
