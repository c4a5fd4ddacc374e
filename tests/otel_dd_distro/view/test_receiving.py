"""The intake as senders see it, and what browsers may do."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
import zlib

import ormsgpack
import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_dd_distro.export.info import parse
from otel_dd_distro.view.otlp import _with_binary_ids
from tests.agents import clean_environ, until
from tests.otel_dd_distro.view.running import View, span
from tests.otel_dd_distro.view.test_otlp import TRACE, payload

JSON = {"Content-Type": "application/json"}


def test_info_says_what_our_exporter_may_send(view: View) -> None:
    status, answer = view.get("/info")
    info = parse(answer.encode())

    assert status == 200
    assert info.endpoints == {"/v0.4/traces", "/v0.5/traces", "/v0.6/stats"}
    assert (info.span_events, info.client_drop_p0s, info.max_request_bytes) == (True, False, 26_214_400)


def test_traces_are_answered_with_a_rate_that_keeps_all(view: View) -> None:
    assert view.send([span(1)]) == {"rate_by_service": {"service:,env:": 1.0}}
    assert [trace["id"] for trace in view.traces()] == ["0000000000000007"]


def test_a_trace_that_comes_by_both_protocols_is_one(view: View) -> None:
    sent = payload(traceId=f"{1:016x}{7:016x}", parentSpanId=f"{1:016x}")
    view.send([span(1)])

    assert view.post("/v1/traces", json.dumps(sent).encode(), JSON) == (200, "{}")

    [trace] = view.traces()
    assert trace["trace_id"] == f"{1:016x}{7:016x}"
    assert [each["name"] for each in trace["spans"]] == ["web.request", "GET /"]


PROGRAM = """
import otel_dd_distro
from opentelemetry import trace
otel_dd_distro.install()
tracer = trace.get_tracer("shop")
with tracer.start_as_current_span("checkout") as span:
    span.add_event("packed", {"boxes": 2})
    with tracer.start_as_current_span("pay"):
        pass
"""


def test_what_this_distro_sends_is_shown_with_its_events(view: View) -> None:
    environ = clean_environ(DD_SERVICE="shop", DD_TRACE_AGENT_URL=view.url, DD_TRACE_STATS_COMPUTATION_ENABLED="true")
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, timeout=120)

    assert (done.returncode, done.stderr) == (0, "")
    [trace] = view.traces()
    checkout, pay = sorted(trace["spans"], key=lambda each: bool(each["parent"]))
    assert [each["resource"] for each in (checkout, pay)] == ["checkout", "pay"]
    assert pay["parent"] == checkout["id"]
    assert [(event["name"], event["attributes"]) for event in checkout["events"]] == [("packed", {"boxes": 2})]
    assert trace["trace_id"].startswith(checkout["tags"]["_dd.p.tid"])


def test_protobuf_is_answered_in_protobuf(view: View) -> None:
    body = ParseDict(_with_binary_ids(payload()), ExportTraceServiceRequest()).SerializeToString()
    assert view.post("/v1/traces", body, {"Content-Type": "application/x-protobuf"}) == (200, "")
    assert [trace["trace_id"] for trace in view.traces()] == [TRACE]


def test_a_trace_is_read_by_its_id_in_either_length(view: View) -> None:
    view.send([span(1)])
    short, long = view.get(f"/api/traces/{7:016x}"), view.get(f"/api/traces/{7:032x}")
    assert short == long
    assert json.loads(short[1]) == view.traces()[0]
    assert view.get(f"/api/traces/{8:016x}") == (404, "this trace is not kept\n")


@pytest.mark.parametrize("path", ["/v0.6/stats", "/v1/metrics", "/v1/logs"])
def test_what_is_not_shown_is_accepted(view: View, path: str) -> None:
    assert view.post(path, b"whatever", {"Content-Type": "application/x-protobuf"}) == (200, "")


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_payloads_are_read(view: View, encoding: str, pack: object) -> None:
    assert callable(pack)
    body = pack(json.dumps(payload()).encode())
    assert view.post("/v1/traces", body, {**JSON, "Content-Encoding": encoding})[0] == 200
    assert len(view.traces()) == 1


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "why"),
    [
        ("/v0.4/traces", b"\xc1", {"Content-Type": "application/msgpack"}, 400, "the payload is not msgpack"),
        ("/v0.4/traces", b"{", JSON, 400, "the payload is not JSON"),
        ("/v0.5/traces", b"\x90", {"Content-Type": "application/msgpack"}, 400, "not a table of strings"),
        ("/v1/traces", b"{", JSON, 400, "not an OTLP request"),
        ("/v1/traces", b"{", {"Content-Type": "text/plain"}, 400, "the content type is neither"),
        ("/v1/traces", b"xxxx", {**JSON, "Content-Encoding": "gzip"}, 400, "cannot be decompressed"),
        ("/v1/traces", gzip.compress(b"{}", mtime=0)[:-9], {**JSON, "Content-Encoding": "gzip"}, 400, "is cut off"),
        ("/v1/traces", b"x", {**JSON, "Content-Encoding": "br"}, 400, "'br' instead of gzip"),
        (
            "/v1/traces",
            gzip.compress(b" " * 2**26, mtime=0),
            {**JSON, "Content-Encoding": "gzip"},
            413,
            "above 26214400 bytes",
        ),
        ("/v0.4/traces", b" " * 26_214_401, JSON, 413, "above 26214400 bytes"),
        ("/v1/logs", b"xxxx", {"Content-Encoding": "gzip"}, 400, "cannot be decompressed"),
    ],
)
def test_a_payload_that_cannot_be_read_is_refused_in_one_line(
    view: View, path: str, body: bytes, headers: dict[str, str], status: int, why: str
) -> None:
    answered, text = view.post(path, body, headers)

    assert (answered, text.count("\n")) == (status, 1)
    assert why in text
    view.send([span(1)])
    assert len(view.traces()) == 1


def test_the_same_refusal_is_printed_once(view: View) -> None:
    for _ in range(5):
        view.post(
            "/v0.4/traces",
            ormsgpack.packb([[{"trace_id": 7, "span_id": 1, "service": 77}]]),
            {"Content-Type": "application/msgpack"},
        )
    until(lambda: "`service` of a span is int" in view.said())
    assert view.said().count("Payload refused: /v0.4/traces: `service` of a span is int instead of str\n") == 1


@pytest.mark.parametrize("origin", ["https://attacker.example", "http://127.0.0.1:1", "null"])
def test_what_a_foreign_page_has_a_browser_send_is_refused(view: View, origin: str) -> None:
    view.send([span(1)])

    assert view.post("/api/clear", b"", {"Origin": origin})[0] == 403
    assert view.post("/v0.4/traces", ormsgpack.packb([[span(2)]]), {"Origin": origin})[0] == 403
    assert [len(trace["spans"]) for trace in view.traces()] == [1]
    assert view.post("/api/clear", b"", {"Origin": view.url})[0] == 204


def test_traces_are_not_shown_under_a_name_that_a_foreign_server_may_point_here(view: View) -> None:
    named = {"Host": "attacker.example:8126"}
    for path in ("/", "/api/traces", "/api/stream"):
        assert view.get(path, named)[0] == 403
    assert view.get("/info", named)[0] == 200
    for name in ("localhost:8126", "127.0.0.1", "[::1]:8126", "view.localhost"):
        assert view.get("/api/traces", {"Host": name})[0] == 200


def test_many_senders_at_once_lose_nothing(view: View) -> None:
    def send(sender: int) -> None:
        for number in range(20):
            view.send([span(sender * 100 + number + 1, 1)], [span(1, trace_id=sender * 100 + number + 1000)])

    senders = [threading.Thread(target=send, args=(sender,)) for sender in range(4)]
    for each in senders:
        each.start()
    for each in senders:
        each.join(120)

    sizes = sorted(len(trace["spans"]) for trace in view.traces())
    assert sizes == [1] * 80 + [80]
