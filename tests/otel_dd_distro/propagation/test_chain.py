"""Three services in line, traced by ddtrace, by us and by plain OpenTelemetry: every order, every style of headers."""

from __future__ import annotations

import base64
import contextlib
import functools
import itertools
import json
import os
import subprocess
import sys
import urllib.parse
import urllib.request
import venv
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.agents import RunningAgent, Session, clean_environ

SERVICE = Path(__file__).parent / "chain" / "service.py"
PEERS = {
    "ddtrace": ("ddtrace==4.16.0", "flask", "requests"),
    "plain": (
        "opentelemetry-distro",
        "opentelemetry-exporter-otlp-proto-http",
        "opentelemetry-instrumentation-flask",
        "opentelemetry-instrumentation-requests",
        "opentelemetry-propagator-b3",
        "flask",
        "requests",
    ),
}
LAUNCHERS = {"ddtrace": "ddtrace-run", "ours": "opentelemetry-instrument", "plain": "opentelemetry-instrument"}

STYLES = {
    "datadog": "datadog",
    "tracecontext": "tracecontext",
    "both": "datadog,tracecontext",
    "b3": "b3",
    "b3multi": "b3multi",
}
# Plain OpenTelemetry has no propagator for x-datadog-*.
ORDERS = {
    style: list(itertools.product(("ddtrace", "ours"), repeat=3))
    if style == "datadog"
    else list(itertools.permutations(LAUNCHERS))
    for style in STYLES
}

HIGH, LOW, PARENT = "640cfd8d00000000", 0x00000000075BCD15, 0x00F067AA0BA902B7


def ids(number: int) -> tuple[str, str]:
    """Trace id and parent id of a request that comes with a context, in hexadecimals."""
    return f"{HIGH}{LOW + number:016x}", f"{PARENT:016x}"


def datadog(number: int, priority: int) -> dict[str, str]:
    return {
        "x-datadog-trace-id": str(LOW + number),
        "x-datadog-parent-id": str(PARENT),
        "x-datadog-sampling-priority": str(priority),
        "x-datadog-origin": "synthetics",
        "x-datadog-tags": f"_dd.p.dm=-4,_dd.p.usr.id=abc,_dd.p.tid={HIGH}",
    }


def tracecontext(number: int, priority: int) -> dict[str, str]:
    trace, parent = ids(number)
    return {
        "traceparent": f"00-{trace}-{parent}-{'01' if priority > 0 else '00'}",
        "tracestate": f"dd=s:{priority};o:synthetics;t.dm:-4;t.usr.id:abc,other=1",
    }


def sent(style: str, number: int, priority: int) -> dict[str, str]:
    """The headers of a request that comes with a decision."""
    trace, parent = ids(number)
    if style == "b3":
        return {"b3": f"{trace}-{parent}-{'d' if priority > 0 else '0'}"}
    if style == "b3multi":
        decision = {"x-b3-flags": "1"} if priority > 0 else {"x-b3-sampled": "0"}
        return {"x-b3-traceid": trace, "x-b3-spanid": parent, **decision}
    headers: dict[str, str] = {}
    if style in ("datadog", "both"):
        headers |= datadog(number, priority)
    if style in ("tracecontext", "both"):
        headers |= tracecontext(number, priority)
    return headers


class Span(NamedTuple):
    by: str
    """Who traced it: the name of its service."""
    trace_id: int
    id: int
    parent: int
    meta: Mapping[str, str] = {}
    """Datadog's spans alone have these."""
    priority: int | None = None
    """On the first span of each of Datadog's chunks."""


@dataclass
class Passed:
    """What became of one request."""

    order: tuple[str, ...]
    received: list[dict[str, str]]
    """The headers that each service received, names in lower case."""
    spans: dict[int, Span] = field(default_factory=dict)

    def trace_id(self, at: int) -> int:
        return trace_id_of(self.received[at])


@pytest.fixture(scope="session")
def pythons(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The interpreter of each tracer's own environment."""
    folder = tmp_path_factory.mktemp("peers")

    def made(peer: str) -> Path:
        venv.create(folder / peer, with_pip=False)
        python = folder / peer / "bin" / "python"
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python), "install", "-q"]
        done = subprocess.run([*command, *PEERS[peer]], capture_output=True, text=True, env=clean_environ())
        assert done.returncode == 0, f"{peer} cannot be installed:\n{done.stdout}\n{done.stderr}"
        return python

    with ThreadPoolExecutor() as pool:
        return {"ours": Path(sys.executable), **dict(zip(PEERS, pool.map(made, PEERS), strict=True))}


@contextlib.contextmanager
def running(python: Path, launcher: str, environ: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The service under its tracer; it ends, and sends what it still has, with the block."""
    process = subprocess.Popen(
        [str(python.with_name(launcher)), str(python), str(SERVICE)],
        env={**environ, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()


def environ_of(tracer: str, style: str, session: Session) -> dict[str, str]:
    """What each tracer is told: who it is, whom to send to, which headers."""
    if tracer == "plain":
        headers = ",".join(f"{name}={value}" for name, value in session.headers.items())
        return clean_environ(
            OTEL_SERVICE_NAME=tracer,
            OTEL_PROPAGATORS="tracecontext" if style == "both" else STYLES[style],
            OTEL_EXPORTER_OTLP_ENDPOINT=session.agent.otlp_url,
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
            OTEL_EXPORTER_OTLP_HEADERS=headers,
            OTEL_METRICS_EXPORTER="none",
            OTEL_LOGS_EXPORTER="none",
        )
    more = {"DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false", "DD_REMOTE_CONFIGURATION_ENABLED": "false"}
    return clean_environ(
        DD_SERVICE=tracer,
        # One service for all spans of a process, clients too.
        DD_TRACE_REMOVE_INTEGRATION_SERVICE_NAMES_ENABLED="true",
        DD_TRACE_PROPAGATION_STYLE=STYLES[style],
        DD_TRACE_AGENT_URL=session.agent.url,
        DD_TRACE_API_VERSION="v0.4",
        _DD_TRACE_WRITER_ADDITIONAL_HEADERS=",".join(f"{k}:{v}" for k, v in session.headers.items()),
        **more if tracer == "ddtrace" else {},
    )


PRIORITIES = (None, 2, -1)
"""Of the request: none is said, the trace is kept, the trace is dropped."""


def pass_requests(style: str, pythons: Mapping[str, Path], session: Session) -> dict[Any, Passed]:
    """A request for each order and priority, and what three services made of it."""
    passed: dict[Any, Passed] = {}
    tracers = sorted(set(itertools.chain(*ORDERS[style])))
    with contextlib.ExitStack() as stack:
        processes = {
            tracer: stack.enter_context(running(pythons[tracer], LAUNCHERS[tracer], environ_of(tracer, style, session)))
            for tracer in tracers
        }
        urls = {}
        for tracer, process in processes.items():
            assert process.stdout is not None
            urls[tracer] = f"http://127.0.0.1:{process.stdout.readline().strip()}/"
        for number, (order, priority) in enumerate(itertools.product(ORDERS[style], PRIORITIES)):
            first, *rest = (urls[tracer] for tracer in order)
            query = urllib.parse.urlencode({"next": rest}, doseq=True)
            headers = {} if priority is None else sent(style, number, priority)
            with urllib.request.urlopen(urllib.request.Request(f"{first}?{query}", headers=headers), timeout=60) as got:
                received = [{k.lower(): v for k, v in told.items()} for told in json.load(got)]
            passed[order, priority] = Passed(order, received)
    for process in processes.values():
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(60) == 0
    spans = datadog_spans(session) + plain_spans(session)
    for one in passed.values():
        low = one.trace_id(-1) % 2**64
        one.spans = {span.id: span for span in spans if span.trace_id % 2**64 == low}
    return passed


@pytest.fixture(scope="session")
def passed_by_style(pythons: dict[str, Path], test_agent: RunningAgent) -> Callable[[str], dict[Any, Passed]]:
    """Runs the services of a style once: pytest would make a fixture with parameters anew, again and again."""
    return functools.cache(lambda style: pass_requests(style, pythons, test_agent.session()))


@pytest.fixture
def passed(request: pytest.FixtureRequest, passed_by_style: Callable[[str], dict[Any, Passed]]) -> dict[Any, Passed]:
    """All requests of one style: the parameter."""
    return passed_by_style(request.param)


def datadog_spans(session: Session) -> list[Span]:
    spans = []
    # The test agent makes one of all chunks of a trace, whoever sent them.
    for trace in session.traces():
        (high,) = {span["meta"]["_dd.p.tid"] for span in trace if "_dd.p.tid" in span["meta"]}
        for span in trace:
            trace_id = int(high, 16) << 64 | span["trace_id"] % 2**64
            priority = span.get("metrics", {}).get("_sampling_priority_v1")
            parent = span.get("parent_id") or 0
            spans.append(Span(span["service"], trace_id, span["span_id"], parent, span["meta"], priority))
    return spans


def plain_spans(session: Session) -> list[Span]:
    def number(text: str) -> int:
        return int.from_bytes(base64.b64decode(text), "big")

    spans = []
    for payload in session.otlp_traces():
        for resource, scope in ((r, s) for r in payload["resource_spans"] for s in r["scope_spans"]):
            told = {entry["key"]: entry["value"] for entry in resource["resource"]["attributes"]}
            name = told["service.name"]["string_value"]
            for span in scope["spans"]:
                parent = number(span.get("parent_span_id", ""))
                spans.append(Span(name, number(span["trace_id"]), number(span["span_id"]), parent))
    return spans


def trace_id_of(headers: Mapping[str, str]) -> int:
    """The trace that a request belongs to, as far as its headers say: those of W3C and B3 say all of it."""
    if "traceparent" in headers:
        return int(headers["traceparent"].split("-")[1], 16)
    if "b3" in headers:
        return int(headers["b3"].split("-")[0], 16)
    if "x-b3-traceid" in headers:
        return int(headers["x-b3-traceid"], 16)
    pairs = dict(pair.split("=") for pair in headers["x-datadog-tags"].split(","))
    return int(pairs["_dd.p.tid"], 16) << 64 | int(headers["x-datadog-trace-id"])


CASES = [
    pytest.param(style, style, order, id=f"{style}-{'-'.join(order)}") for style in STYLES for order in ORDERS[style]
]
each_order = pytest.mark.parametrize(("passed", "style", "order"), CASES, indirect=["passed"])


def parent_in(headers: Mapping[str, str]) -> int:
    """The span that a request comes from, as its headers say."""
    if "traceparent" in headers:
        return int(headers["traceparent"].split("-")[2], 16)
    if "b3" in headers:
        return int(headers["b3"].split("-")[1], 16)
    if "x-b3-spanid" in headers:
        return int(headers["x-b3-spanid"], 16)
    return int(headers["x-datadog-parent-id"])


@each_order
@pytest.mark.parametrize("priority", [None, 2])
def test_the_trace_has_one_id_of_128_bits_and_the_chain_is_unbroken(
    passed: dict[Any, Passed], style: str, order: tuple[str, ...], priority: int | None
) -> None:
    one = passed[order, priority]
    trace_id = one.trace_id(1)
    assert trace_id >> 64
    assert {span.trace_id for span in one.spans.values()} == {trace_id}
    assert {span.by for span in one.spans.values()} == set(order)
    begin = 0
    if priority is not None:
        begin = PARENT
        assert f"{trace_id:032x}"[:16] == HIGH
    at = parent_in(one.received[-1])
    # Somebody served the last request, as the child of the span that sent it.
    assert [span.by for span in one.spans.values() if span.parent == at and span.by == order[-1]]
    way = []
    while at != begin:
        span = one.spans[at]
        way.append((span.by, at))
        at = span.parent
    senders = [(by, parent_in(headers)) for by, headers in zip(order, one.received[1:], strict=False)]
    assert [sender for sender in reversed(way) if sender in senders] == senders
    assert [by for by, _ in itertools.groupby(by for by, _ in reversed(way))] == [
        by for by, _ in itertools.groupby(order[:-1])
    ]


def expected(style: str, order: tuple[str, ...], priority: int | None, by: str) -> int:
    """What a service has to know of the decision. B3 has no word for a user's; OpenTelemetry forgets its `debug`."""
    if priority is None:
        return 1
    if not style.startswith("b3"):
        return priority
    if priority < 0:
        return 0
    return 1 if "plain" in order[: order.index(by)] else 2


@each_order
@pytest.mark.parametrize("priority", PRIORITIES)
def test_the_decision_is_kept_all_along(
    passed: dict[Any, Passed], style: str, order: tuple[str, ...], priority: int | None
) -> None:
    one = passed[order, priority]
    told = {(span.by, span.priority) for span in one.spans.values() if span.priority is not None}
    assert told == {(by, expected(style, order, priority, by)) for by in order if by != "plain"}
    # Plain OpenTelemetry exports what is sampled.
    assert any(span.by == "plain" for span in one.spans.values()) == ("plain" in order and priority != -1)


WITH_STATE = [case for case in CASES if case.values[1] in ("tracecontext", "both")]


@pytest.mark.parametrize(("passed", "style", "order"), WITH_STATE, indirect=["passed"])
@pytest.mark.parametrize("priority", [2, -1])
def test_the_trace_state_survives_every_hop(
    passed: dict[Any, Passed], style: str, order: tuple[str, ...], priority: int
) -> None:
    one = passed[order, priority]
    states = [headers["tracestate"] for headers in one.received]
    for by, before, after in zip(order, states, states[1:], strict=False):
        members = dict(member.split("=", 1) for member in after.split(","))
        items = set(members["dd"].split(";"))
        assert members["other"] == "1"
        assert {f"s:{priority}", "o:synthetics", "t.dm:-4", "t.usr.id:abc"} <= items
        if by == "plain":
            assert after == before
        else:
            assert f"p:{parent_in(one.received[states.index(after)]):016x}" in items


@pytest.mark.parametrize(
    ("passed", "style", "order"), [case for case in WITH_STATE if case.values[2][1] == "plain"], indirect=["passed"]
)
@pytest.mark.parametrize("priority", PRIORITIES)
def test_behind_a_service_that_is_not_datadogs_the_last_one_that_is_stays_known(
    passed: dict[Any, Passed], style: str, order: tuple[str, ...], priority: int | None
) -> None:
    one = passed[order, priority]
    told = {span.by: span.meta["_dd.parent_id"] for span in one.spans.values() if "_dd.parent_id" in span.meta}
    assert told[order[2]] == f"{parent_in(one.received[1]):016x}"


@pytest.mark.parametrize(("passed", "style", "order"), WITH_STATE, indirect=["passed"])
def test_the_origin_and_the_users_tags_are_known_to_all_of_datadogs(
    passed: dict[Any, Passed], style: str, order: tuple[str, ...]
) -> None:
    roots = [span for span in passed[order, 2].spans.values() if span.priority is not None]
    assert len(roots) == 2
    for span in roots:
        told = [span.meta[key] for key in ("_dd.origin", "_dd.p.usr.id", "_dd.p.dm")]
        assert told == ["synthetics", "abc", "-4"]
