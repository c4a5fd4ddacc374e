"""Records what ddtrace sends for the operations of program.py: python record.py PYTHON AGENT.

PYTHON is the interpreter of an environment with ddtrace, flask, requests and jinja2; AGENT the `ddapm-test-agent` of
any environment. Writes one file for each scenario beside this script: operation -> the spans of its trace in start
order, without ddtrace's own step spans (a span keeps its nearest recorded ancestor), ids, times and stack traces.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent

SCENARIOS: dict[str, dict[str, str]] = {
    "nothing_set": {},
    "service": {"DD_SERVICE": "Shop"},
    "tagged": {"DD_SERVICE": "shop", "DD_ENV": "prod", "DD_VERSION": "1.2.3", "DD_TAGS": "team:tea,region:eu"},
    "version_only": {"DD_VERSION": "1.2.3"},
    "own_services": {
        "DD_SERVICE": "shop",
        "DD_VERSION": "1.2.3",
        "DD_FLASK_SERVICE": "front",
        "DD_SQLITE_SERVICE": "books",
        "DD_REQUESTS_SERVICE": "calls",
        "DD_JINJA2_SERVICE": "pages",
    },
    "mapped": {
        "DD_SERVICE": "shop",
        "DD_VERSION": "1.2.3",
        "DD_SERVICE_MAPPING": "shop:store,sqlite:store-db,requests:store-calls,billing:bills",
    },
    "mapped_unset": {"DD_SERVICE_MAPPING": "flask:front,sqlite:front"},
    "by_domain": {"DD_SERVICE": "shop", "DD_REQUESTS_SPLIT_BY_DOMAIN": "1"},
    "one_service": {
        "DD_SERVICE": "shop",
        "DD_VERSION": "1.2.3",
        "DD_TRACE_REMOVE_INTEGRATION_SERVICE_NAMES_ENABLED": "1",
    },
    "one_service_unset": {"DD_TRACE_REMOVE_INTEGRATION_SERVICE_NAMES_ENABLED": "1"},
    "no_queries": {
        "DD_SERVICE": "shop",
        "DD_HTTP_SERVER_TAG_QUERY_STRING": "false",
        "DD_TRACE_HTTP_CLIENT_TAG_QUERY_STRING": "false",
    },
    "open_queries": {"DD_SERVICE": "shop", "DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP": ""},
    "own_pattern": {"DD_SERVICE": "shop", "DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP": "x=[0-9]+"},
    "error_statuses": {"DD_SERVICE": "shop", "DD_TRACE_HTTP_SERVER_ERROR_STATUSES": "404-405,201"},
    "schema_v1": {
        "DD_SERVICE": "shop",
        "DD_VERSION": "1.2.3",
        "DD_TRACE_SPAN_ATTRIBUTE_SCHEMA": "v1",
    },
    "schema_v1_unset": {"DD_TRACE_SPAN_ATTRIBUTE_SCHEMA": "v1"},
    "schema_v1_own_services": {
        "DD_SERVICE": "shop",
        "DD_TRACE_SPAN_ATTRIBUTE_SCHEMA": "v1",
        "DD_FLASK_SERVICE": "front",
        "DD_SQLITE_SERVICE": "books",
        "DD_REQUESTS_SPLIT_BY_DOMAIN": "true",
    },
    "peers": {
        "DD_SERVICE": "shop",
        "DD_TRACE_PEER_SERVICE_DEFAULTS_ENABLED": "true",
        "DD_TRACE_PEER_SERVICE_MAPPING": "127.0.0.1:backend,other:x",
    },
    "header_tags": {
        "DD_SERVICE": "shop",
        "DD_TRACE_HEADER_TAGS": "X-Tea:tea, x-cup ,x.dotted,Content-Type:,authorization:auth.kind,missing",
    },
    "client_ip": {"DD_SERVICE": "shop", "DD_TRACE_CLIENT_IP_ENABLED": "true"},
    "client_ip_header": {
        "DD_SERVICE": "shop",
        "DD_TRACE_CLIENT_IP_ENABLED": "true",
        "DD_TRACE_CLIENT_IP_HEADER": "X-Tea-Ip",
        "DD_TRACE_HEADER_TAGS": "x-tea-ip",
    },
    "endpoints": {"DD_SERVICE": "shop", "DD_TRACE_RESOURCE_RENAMING_ENABLED": "true"},
    "git": {
        "DD_SERVICE": "shop",
        "DD_GIT_REPOSITORY_URL": "https://user:secret@git.example/tea/house.git",
        "DD_GIT_COMMIT_SHA": "0123456789abcdef0123456789abcdef01234567",
        "DD_MAIN_PACKAGE": "teahouse",
        "DD_TAGS": "git.repository_url:https://other.example/x,git.commit.sha:abc,team:tea",
    },
    "git_in_tags": {
        "DD_SERVICE": "shop",
        "DD_TAGS": "git.repository_url:ssh://git@git.example/tea.git,git.commit.sha:abc,team:tea",
    },
    "no_git": {
        "DD_SERVICE": "shop",
        "DD_TRACE_GIT_METADATA_ENABLED": "false",
        "DD_GIT_COMMIT_SHA": "abc",
        "DD_EXPERIMENTAL_PROPAGATE_PROCESS_TAGS_ENABLED": "false",
    },
}

LONG = "A" * 120

QUERIES = [
    "a=1&b=2",
    "token=abc&x=1",
    "x=1&PassWord=a%20b&y",
    "pwd=1&pw2=2&passwd1=3&pass=4&pass_phrase=5&old-password=6&newpwd=7",
    "api_key=1&apikey=2&private-key_id=3&public_key=4&access_key=5&secret_key=6&app_key=7&application-key=8&key=9",
    "consumer_id=1&consumer-key=2&consumersecret=3&sign=4&signed=5&signature=6&sig=7&auth=8&authorization=9",
    "authentication=1&author=2&tokens=3&mysecret=4&secrets=5&tok=6",
    "secret%20=1&secret+=2&secret =3&secret%3D4&token%3d5&x=secret",
    "q=%22password%22:%22a%22b&q=%22token%22%20%3A%20%22x%2&y%22&z",
    'q={"password": "a b", "x": 1}&r={"secret":"%25%26"}&s="token":"open',
    "h=Bearer%20abc.def-_&i=bearer  x&j=bearer&k=bearertoken",
    "t=token:0123456789abc&u=token%3A0123456789abcd&v=token:short",
    f"g=ghp_{'a' * 36}&h=gho_{'B1' * 18}&i=ghx_{'a' * 36}&j=ghs_short",
    "j=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl&k=eyJ.eyJ&l=xeyJa.eyJb",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0&m=%22eyJa=.eyIb%3D.c%2Fd%22&n=eyZa.eyJb",
    "k=-----BEGIN%20RSA%20PRIVATE%20KEY-----abc+/=-----END%20RSA%20PRIVATE%20KEY-----%0A&l=1",
    "k=-----BEGIN PRIVATE KEY-----abc-----END PRIVATE KEY&l=-----BEGIN PUBLIC KEY-----a-----END PUBLIC KEY-----",
    f"s=ssh-rsa%20{LONG}==%20me@host&t=ssh-dss {LONG} a.b-c&u=ecdsa-sha2-nistp256%09{LONG}&v=ssh-rsa short",
    "caf\u00e9=1&secret=\u00e9\u00e8&\u212aey=1&pa\u017fs=1",
    "token=",
    "token=&x=1",
    "=token=1&&secret",
]

RECORDED = {"flask.request", "price", "work", "step", "internal"}
PREFIXES = ("sqlite.", "requests.", "jinja2.", "http.")
VOLATILE = ("_dd.tracer_kr",)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def fetch(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as response:
        body = response.read()
    try:
        return json.loads(body)
    except ValueError:
        return None


def record(python: str, agent: str, settings: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    agent_port, otlp_http, otlp_grpc, front, backend = free_ports(5)
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("DD_", "OTEL_"))}
    with tempfile.TemporaryDirectory() as directory:
        ports = ["--port", str(agent_port), "--otlp-http-port", str(otlp_http), "--otlp-grpc-port", str(otlp_grpc)]
        started = subprocess.Popen(
            [agent, *ports, "--snapshot-dir", directory, "--log-level", "ERROR"],
            env=clean,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            address = f"http://127.0.0.1:{agent_port}"
            for _ in range(100):
                try:
                    fetch(address + "/info")
                    break
                except (urllib.error.URLError, OSError):
                    time.sleep(0.1)
            fetch(address + "/test/session/start?test_session_token=recording")
            # ddtrace calls an application after the directory of its script.
            program = Path(directory, "teahouse", "program.py")
            program.parent.mkdir()
            program.write_text((HERE / "program.py").read_text())
            run = subprocess.run(
                [str(Path(python).parent / "ddtrace-run"), python, str(program)],
                env={
                    **clean,
                    "FRONT_PORT": str(front),
                    "BACKEND_PORT": str(backend),
                    "DD_TRACE_AGENT_URL": address,
                    "DD_TRACE_API_VERSION": "v0.4",
                    "DD_TRACE_OTEL_ENABLED": "true",
                    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
                    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
                    "DD_CODE_ORIGIN_FOR_SPANS_ENABLED": "false",
                    "_DD_TRACE_WRITER_ADDITIONAL_HEADERS": "X-Datadog-Test-Session-Token:recording",
                    **settings,
                },
                cwd=program.parent,
                check=True,
                capture_output=True,
                text=True,
            )
            traces = fetch(address + "/test/session/traces?test_session_token=recording")
        finally:
            started.send_signal(signal.SIGTERM)
            started.wait()
    spans = [span for trace in traces for span in trace]
    ports_read = {str(front): "8000", str(backend): "9000"}
    moments = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("[")]
    operations: dict[str, list[dict[str, Any]]] = {}
    for (name, _, begin), (_, _, end) in zip(moments[::2], moments[1::2], strict=True):
        own = sorted((span for span in spans if begin <= span["start"] <= end), key=lambda span: span["start"])
        operations[name] = described(own, ports_read)
    return operations


def record_queries(python: str) -> list[list[str]]:
    asked = """
import json, sys
from ddtrace.internal.settings._config import config
from ddtrace.internal.utils.http import redact_query_string
redacted = [
    redact_query_string(query, config._obfuscation_query_string_pattern, preserve_delimiter=True).decode()
    for query in json.load(sys.stdin)
]
print(json.dumps(redacted))
"""
    run = subprocess.run([python, "-c", asked], input=json.dumps(QUERIES), check=True, capture_output=True, text=True)
    return [list(pair) for pair in zip(QUERIES, json.loads(run.stdout), strict=True)]


def described(spans: list[dict[str, Any]], ports: dict[str, str]) -> list[dict[str, Any]]:
    by_id = {span["span_id"]: span for span in spans}
    recorded = [span for span in spans if span["name"] in RECORDED or span["name"].startswith(PREFIXES)]
    places = {span["span_id"]: place for place, span in enumerate(recorded)}

    def nearest(span: dict[str, Any]) -> int | None:
        parent = span.get("parent_id")
        while parent and parent not in places and parent in by_id:
            parent = by_id[parent].get("parent_id")
        return places.get(parent)

    return [
        {
            "parent": nearest(span),
            **{key: steady(span.get(key), ports) for key in ("name", "service", "resource", "type")},
            "error": span.get("error", 0),
            "meta": {key: steady(text, ports) for key, text in sorted(span["meta"].items()) if key not in VOLATILE},
            "metrics": {key: number for key, number in sorted(span["metrics"].items()) if key not in VOLATILE},
            **({"span_links": span["span_links"]} if span.get("span_links") else {}),
        }
        for span in recorded
        for span in [hidden(span)]
    ]


def hidden(span: dict[str, Any]) -> dict[str, Any]:
    meta, metrics = dict(span.get("meta") or {}), dict(span.get("metrics") or {})
    for key, text in (("runtime-id", "<32 hex>"), ("error.stack", "<stack>")):
        if key in meta:
            meta[key] = text
    if "process_id" in metrics:
        metrics["process_id"] = 1
    if "_dd.p.tid" in meta and meta["_dd.p.tid"] != "640cfd8d00000000":
        meta["_dd.p.tid"] = "<16 hex>"
    if "object at 0x" in meta.get("error.message", ""):
        before, _, after = meta["error.message"].partition("object at 0x")
        meta["error.message"] = before + "object at <address>" + after[after.index(":") :]
    return {**span, "meta": meta, "metrics": metrics}


def steady(text: Any, ports: dict[str, str]) -> Any:
    if isinstance(text, str):
        for port, named in ports.items():
            text = text.replace(":" + port, ":" + named)
    return text


if __name__ == "__main__":
    wanted = sys.argv[3:] or list(SCENARIOS)
    (HERE / "queries.json").write_text(json.dumps(record_queries(sys.argv[1]), indent=1) + "\n")
    for scenario in wanted:
        spans = record(sys.argv[1], sys.argv[2], SCENARIOS[scenario])
        document = {"settings": SCENARIOS[scenario], "operations": spans}
        (HERE / f"{scenario}.json").write_text(json.dumps(document, indent=1) + "\n")
        print(scenario, sum(map(len, spans.values())), "spans")
