"""traceparent and tracestate with its dd member, both directions (datadog-protocol 4.3)."""

from __future__ import annotations

import copy
import pickle

import pytest
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import TraceState, get_current_span

from otel_dd_distro.local_trace import datadog_context
from otel_dd_distro.local_trace.datadog_context import DatadogContext
from otel_dd_distro.propagation import TraceContextPropagator

from .carriers import HIGH, SPAN, SPAN_HEX, TRACE, TRACE_HEX, ids, local, written

PROPAGATOR = TraceContextPropagator()
PARENT = f"00-{TRACE_HEX}-{SPAN_HEX}-01"
DROPPED = f"00-{TRACE_HEX}-{SPAN_HEX}-00"


def extracted(state: str, parent: str = PARENT) -> DatadogContext:
    datadog = datadog_context.of(PROPAGATOR.extract({"traceparent": parent, "tracestate": state}))
    assert datadog is not None
    return datadog


@pytest.mark.parametrize(
    "parent",
    [
        PARENT,
        f" {PARENT}\t",
        f"00-{TRACE_HEX}-{SPAN_HEX}-03",
        f"00-{TRACE_HEX}-{SPAN_HEX}-ff",
        f"01-{TRACE_HEX}-{SPAN_HEX}-01",
        f"cc-{TRACE_HEX}-{SPAN_HEX}-01-what-the-future-brings",
    ],
)
def test_a_valid_traceparent_is_read(parent: str) -> None:
    context = PROPAGATOR.extract({"traceparent": parent})
    assert ids(context) == (TRACE, SPAN)
    assert datadog_context.of(context) == DatadogContext(priority=1)


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "00",
        PARENT.upper(),
        PARENT[:-1],
        PARENT[:-2] + "0x",
        PARENT + "-more",
        PARENT + "-",
        PARENT + "0",
        "ff" + PARENT[2:],
        "0g" + PARENT[2:],
        "cc" + PARENT[2:] + ".",
        "cc" + PARENT[2:] + "-",
        f"00-{'0' * 32}-{SPAN_HEX}-01",
        f"00-{TRACE_HEX}-{'0' * 16}-01",
        f"00-{TRACE_HEX[:-1]}_-{SPAN_HEX}-01",
        f"00-+{TRACE_HEX[1:]}-{SPAN_HEX}-01",
        f"00-{TRACE_HEX}_{SPAN_HEX}-01",
        f"00-{TRACE_HEX}-0x{SPAN_HEX[2:]}-01",
        f"00-{TRACE_HEX}-{SPAN_HEX[:-1]}\u0661-01",
        f"00 {TRACE_HEX} {SPAN_HEX} 01",
        f"{PARENT},{PARENT}",
    ],
)
def test_an_invalid_traceparent_takes_the_tracestate_with_it(parent: str) -> None:
    context = PROPAGATOR.extract({"traceparent": parent, "tracestate": "dd=s:2"})
    assert ids(context) is None
    assert datadog_context.of(context) is None


class Lists(Getter[dict[str, list[str]]]):
    def get(self, carrier: dict[str, list[str]], key: str) -> list[str] | None:
        return carrier.get(key, [])

    def keys(self, carrier: dict[str, list[str]]) -> list[str]:
        return list(carrier)


def test_several_traceparents_are_none() -> None:
    assert ids(PROPAGATOR.extract({"traceparent": [PARENT, PARENT]}, getter=Lists())) is None


def test_several_tracestates_are_one() -> None:
    headers = {"traceparent": [PARENT], "tracestate": ["congo=1", "dd=s:2,rojo=2"]}
    context = PROPAGATOR.extract(headers, getter=Lists())
    state = get_current_span(context).get_span_context().trace_state
    assert dict(state) == {"congo": "1", "dd": "s:2", "rojo": "2"}


@pytest.mark.parametrize(
    ("sampled", "said", "priority"),
    [
        (1, "", 1),
        (1, "s:-1", 1),
        (1, "s:0", 1),
        (1, "s:1", 1),
        (1, "s:2", 2),
        (0, "", 0),
        (0, "s:-1", -1),
        (0, "s:0", 0),
        (0, "s:1", 0),
        (0, "s:2", 0),
        (1, "o:rum", None),
        (0, "o:rum", None),
        (1, "o:rum;s:2", 2),
    ],
)
def test_the_flag_and_the_member_settle_the_priority(sampled: int, said: str, priority: int | None) -> None:
    assert extracted("dd=" + said if said else "", PARENT if sampled else DROPPED).priority == priority


@pytest.mark.parametrize(
    ("parent", "state", "tags"),
    [
        (PARENT, "dd=s:2;t.dm:-4", {"_dd.p.dm": "-4"}),
        (PARENT, "dd=s:-1;t.dm:-4", {"_dd.p.dm": "-0"}),
        (PARENT, "dd=s:0", {"_dd.p.dm": "-0"}),
        (DROPPED, "dd=s:2;t.dm:-4", {}),
        (DROPPED, "dd=s:-1;t.dm:-4", {"_dd.p.dm": "-4"}),
    ],
)
def test_a_decision_that_was_overruled_loses_its_maker(parent: str, state: str, tags: dict[str, str]) -> None:
    assert extracted(state, parent).tags == tags


@pytest.mark.parametrize(
    ("state", "datadog"),
    [
        ("dd=s:2;o:rum;p:0123456789abcdef", DatadogContext(2, "rum", {}, "0123456789abcdef")),
        ("dd=s:1;p:not-hex", DatadogContext(1, "", {}, "not-hex")),
        ("dd=o:a~b", DatadogContext(1, "a=b")),
        ("dd=s:1;t.usr.id:YmF6~~", DatadogContext(1, "", {"_dd.p.usr.id": "YmF6=="})),
        ("dd=s:1;t.url:http://a:8/b", DatadogContext(1, "", {"_dd.p.url": "http://a:8/b"})),
        ("dd=s:1;t.tid:1111111111111111", DatadogContext(1)),
        ("dd=s:1;t.:x;t.a=b:c;t.b:;x:y", DatadogContext(1)),
        ("congo=1 , dd=s:2 ,\trojo=3", DatadogContext(2)),
        ("dd=s:2;o", DatadogContext(1)),
        ("dd=s:two;o:rum", DatadogContext(1)),
        ("dd=", DatadogContext(1)),
        ("dd", DatadogContext(1)),
        ("dd=s:2,congo=\xe9", DatadogContext(1)),
        ("dd=s:2,congo=\x00", DatadogContext(1)),
        ("dd=s:2," + "a" * 8192, DatadogContext(1)),
    ],
)
def test_the_member_is_believed_whole_or_not_at_all(state: str, datadog: DatadogContext) -> None:
    assert extracted(state) == datadog


def test_the_trace_id_is_the_one_of_the_traceparent() -> None:
    context = PROPAGATOR.extract({"traceparent": PARENT, "tracestate": "dd=t.tid:1111111111111111"})
    assert ids(context) == (TRACE, SPAN)
    assert TRACE >> 64 == HIGH


@pytest.mark.parametrize(
    ("datadog", "parent", "state"),
    [
        (DatadogContext(), PARENT, f"dd=p:{SPAN_HEX}"),
        (DatadogContext(2), PARENT, f"dd=s:2;p:{SPAN_HEX}"),
        (DatadogContext(-1), DROPPED, f"dd=s:-1;p:{SPAN_HEX}"),
        (DatadogContext(0, "rum"), DROPPED, f"dd=s:0;o:rum;p:{SPAN_HEX}"),
        (DatadogContext(1, "a=b,c;d~e\n\xe9"), PARENT, f"dd=s:1;o:a~b_c_d_e__;p:{SPAN_HEX}"),
        (
            DatadogContext(1, tags={"_dd.p.z": "1", "_dd.p.usr.id": "x==", "_dd.p.dm": "-4"}),
            PARENT,
            f"dd=s:1;p:{SPAN_HEX};t.dm:-4;t.usr.id:x~~;t.z:1",
        ),
        (DatadogContext(1, tags={"_dd.p.a b=c,d": "e:f"}), PARENT, f"dd=s:1;p:{SPAN_HEX};t.a_b_c_d:e:f"),
        (DatadogContext(1, tags={"_dd.p.tid": "1", "other": "2"}), PARENT, f"dd=s:1;p:{SPAN_HEX}"),
        (
            DatadogContext(1, tags={"_dd.p.long": "x" * 250, "_dd.p.dm": "-4"}),
            PARENT,
            f"dd=s:1;p:{SPAN_HEX};t.dm:-4",
        ),
        (DatadogContext(1, parent_id="00000000000000ab"), PARENT, f"dd=s:1;p:{SPAN_HEX}"),
    ],
)
def test_a_local_span_is_written(datadog: DatadogContext, parent: str, state: str) -> None:
    assert written(PROPAGATOR, local(datadog)) == {"traceparent": parent, "tracestate": state}


def test_the_member_never_exceeds_its_length() -> None:
    tags = {f"_dd.p.{number}": "x" * 40 for number in range(20)}
    state = written(PROPAGATOR, local(DatadogContext(1, "o" * 500, tags)))["tracestate"]
    assert len(state.removeprefix("dd=")) <= 256


def test_a_context_passed_through_keeps_the_last_datadog_span() -> None:
    headers = {"traceparent": PARENT, "tracestate": "dd=s:2;p:00000000000000ab,congo=1"}
    assert written(PROPAGATOR, PROPAGATOR.extract(headers)) == headers


def test_other_vendors_members_pass_verbatim_behind_ours() -> None:
    members = "congo=t61rcWkgMzE,a@b=1=2;3,rojo=00f0  67"
    context = PROPAGATOR.extract({"traceparent": PARENT, "tracestate": members + ",dd=s:2"})
    assert written(PROPAGATOR, context)["tracestate"] == "dd=s:2," + members


def test_ours_takes_the_place_of_the_last_of_32() -> None:
    members = [f"v{number}=1" for number in range(32)]
    context = PROPAGATOR.extract({"traceparent": PARENT, "tracestate": ",".join(members)})
    assert written(PROPAGATOR, context)["tracestate"] == ",".join(["dd=s:1", *members[:31]])


def test_a_dd_member_behind_32_others_is_still_read() -> None:
    members = ",".join(f"v{number}=1" for number in range(32))
    assert extracted(members + ",dd=s:2").priority == 2


def test_a_trace_state_made_by_hand_is_written_too() -> None:
    state = TraceState([("congo", "1"), ("dd", "s:1;t.dm:-4")])
    assert written(PROPAGATOR, local(state=state)) == {
        "traceparent": PARENT,
        "tracestate": f"dd=s:1;p:{SPAN_HEX};t.dm:-4,congo=1",
    }


def test_a_received_state_is_a_trace_state_in_every_way() -> None:
    headers = {"traceparent": PARENT, "tracestate": "congo=1,dd=s:2"}
    span = get_current_span(PROPAGATOR.extract(headers)).get_span_context()
    state = span.trace_state
    assert dict(state) == {"congo": "1", "dd": "s:2"}
    assert dict(state.add("x", "y")) == {"x": "y", "congo": "1", "dd": "s:2"}
    assert state.delete("dd").to_header() == "congo=1"
    assert pickle.loads(pickle.dumps(span)) == copy.deepcopy(span)
    assert pickle.loads(pickle.dumps(span)).trace_state.to_header() == headers["tracestate"]


@pytest.mark.parametrize(("flags", "expected"), [("00", "00"), ("01", "01"), ("02", "02"), ("03", "03"), ("ff", "03")])
def test_who_says_that_the_trace_id_is_random_is_quoted(flags: str, expected: str) -> None:
    context = PROPAGATOR.extract({"traceparent": f"00-{TRACE_HEX}-{SPAN_HEX}-{flags}"})
    assert written(PROPAGATOR, context)["traceparent"] == f"00-{TRACE_HEX}-{SPAN_HEX}-{expected}"


@pytest.mark.parametrize(
    ("flag", "received", "passed_on"),
    [
        ("01", "ot=rv:e6666666666668;th:e6666666666668", "ot=rv:e6666666666668;th:e6666666666668"),
        ("00", "ot=rv:65cd67504a538e;th:e6666666666668", "ot=rv:65cd67504a538e;th:e6666666666668"),
        ("01", "ot=rv:65cd67504a538e;th:e6666666666668", "ot=rv:65cd67504a538e"),
        ("00", "ot=rv:65cd67504a538e;th:0", "ot=rv:65cd67504a538e"),
        ("01", "congo=1,ot=rv:65cd67504a538e", "ot=rv:65cd67504a538e,congo=1"),
        ("01", "ot=th:0", "ot=th:0"),
        ("01", "ot=rv:not-hex;th:0,congo=1", "congo=1"),
        ("01", "ot=th:123456789abcdef,congo=1", "congo=1"),
        ("01", "ot=,congo=1", "congo=1"),
    ],
)
def test_odds_pass_where_they_are_well_formed_and_the_decision_does_not_belie_them(
    flag: str, received: str, passed_on: str
) -> None:
    context = PROPAGATOR.extract({"traceparent": f"00-{TRACE_HEX}-{SPAN_HEX}-{flag}", "tracestate": received})
    assert written(PROPAGATOR, context)["tracestate"] == f"dd=s:{int(flag)},{passed_on}"


def test_a_decision_taken_here_erases_odds_by_which_it_would_be_another() -> None:
    context = PROPAGATOR.extract({"traceparent": DROPPED, "tracestate": "ot=rv:65cd67504a538e;th:e6666666666668"})
    datadog = datadog_context.of(context)
    assert datadog is not None
    datadog.priority = 2
    assert written(PROPAGATOR, context)["tracestate"] == "dd=s:2,ot=rv:65cd67504a538e"


LONG = "x" * 200


@pytest.mark.parametrize(
    ("received", "passed_on"),
    [
        ("v=" + "x" * 8_000, ""),
        (f"a=1,b={LONG},c=2", f"a=1,b={LONG},c=2"),
        (f"a={LONG},b={LONG},c={LONG},d=1", f"a={LONG},b={LONG},d=1"),
        (",".join(f"{key}={'x' * 100}" for key in "abcdef"), ",".join(f"{key}={'x' * 100}" for key in "abcd")),
        ("k" * 256 + "=1", "k" * 256 + "=1"),
    ],
)
def test_other_vendors_members_are_passed_on_up_to_512_characters_long_ones_go_first(
    received: str, passed_on: str
) -> None:
    headers = {"traceparent": PARENT, "tracestate": received + ",dd=s:2"}
    context = PROPAGATOR.extract(headers)
    assert written(PROPAGATOR, context)["tracestate"] == ("dd=s:2," + passed_on).rstrip(",")
    # What is on every span is no longer than what is passed on.
    assert len(get_current_span(context).get_span_context().trace_state.to_header()) <= 512 + len(",dd=s:2")


def test_a_trace_state_made_by_hand_is_cut_as_well() -> None:
    state = TraceState([("congo", "x" * 250), ("rojo", "x" * 250), ("verde", "x" * 250)])
    assert written(PROPAGATOR, local(state=state))["tracestate"].count("x") == 500


@pytest.mark.parametrize("said", ["s:2;o:" + "x" * 8_000, "s:2;p:" + "x" * 8_000, "s:2;t.a:" + "x" * 8_000])
def test_a_member_of_ours_that_is_too_long_for_one_is_not_believed(said: str) -> None:
    assert extracted("dd=" + said) == DatadogContext(1)


def test_an_origin_and_a_parent_in_our_member_have_a_length() -> None:
    datadog = extracted(f"dd=s:2;o:{'o' * 200};p:{'p' * 200}")
    assert datadog == DatadogContext(2, "o" * 128, {}, "p" * 16)
