"""gRPC's calls, as ddtrace shows them."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from otel_dd_distro import settings
from otel_dd_distro.translate import Translator

from ..spans import chunk, error, ours, raised, span

CALL = {"rpc.system.name": "grpc", "rpc.method": "tea.v1.House/Order", "grpc.method.kind": "unary"}
METHOD = {
    "grpc.method.path": "/tea.v1.House/Order",
    "grpc.method.package": "tea.v1",
    "grpc.method.service": "House",
    "grpc.method.name": "Order",
    "grpc.method.kind": "unary",
    "rpc.service": "tea.v1.House",
}


def called(*, kind: SpanKind = SpanKind.CLIENT, api: str = "grpc", method: str = "", **more: Any) -> ReadableSpan:
    attributes = {**CALL, "grpc.api": api, **{key.replace("__", "."): value for key, value in more.items()}}
    if method:
        attributes["rpc.method"] = method
    failure = more.get("error__type")
    events = [raised("Exception", "")] if more.get("grpc__aborted") else ()
    return ours("grpc", attributes, kind=kind, status=error() if failure else None, events=events)


def translated(made: ReadableSpan, **variables: str) -> dict[str, Any]:
    [entry] = Translator(settings.read(variables, argv=["-"])).chunk(chunk(made), native_events=True)
    return entry


def told(entry: dict[str, Any]) -> dict[str, str]:
    own = ("grpc.", "rpc.", "network.", "peer.", "error.", "component", "span.kind", "_dd.svc_src")
    return {key: value for key, value in entry["meta"].items() if key.startswith(own)}


def test_a_clients_call() -> None:
    entry = translated(called(server__address="localhost", server__port=50051, rpc__response__status_code="OK"))
    fields = ("name", "service", "resource", "type")
    assert [entry[field] for field in fields] == ["grpc", "grpc-client", "/tea.v1.House/Order", "grpc"]
    assert told(entry) == {
        **METHOD,
        "_dd.svc_src": "grpc",
        "component": "grpc",
        "grpc.host": "localhost",
        "grpc.status.code": "StatusCode.OK",
        "network.destination.port": "50051",
        "peer.hostname": "localhost",
        "span.kind": "client",
    }
    assert entry["metrics"]["_dd.measured"] == 1


@pytest.mark.parametrize("address", ["10.0.0.7", "::1"])
def test_an_address_is_no_host_name(address: str) -> None:
    meta = translated(called(server__address=address))["meta"]
    assert (meta["grpc.host"], meta["network.destination.ip"]) == (address, address)
    assert not {"peer.hostname", "network.destination.port"} & meta.keys()


@pytest.mark.parametrize(
    ("kind", "api", "component", "service"),
    [
        (SpanKind.CLIENT, "grpc", "grpc", "grpc-client"),
        (SpanKind.CLIENT, "grpc.aio", "grpc_aio_client", "grpc-aio-client"),
        (SpanKind.SERVER, "grpc", "grpc_server", "grpc-server"),
        (SpanKind.SERVER, "grpc.aio", "grpc_aio_server", "grpc-aio-server"),
    ],
)
def test_each_side_and_api_has_its_own_name(kind: SpanKind, api: str, component: str, service: str) -> None:
    entry = translated(called(kind=kind, api=api))
    meta = entry["meta"]
    assert entry["service"] == service
    assert (meta["component"], meta["_dd.svc_src"], meta["span.kind"]) == (component, component, kind.name.lower())
    variable = f"DD_{component.upper()}_SERVICE"
    assert translated(called(kind=kind, api=api), **{variable: "mine"})["service"] == "mine"
    v1 = translated(called(kind=kind, api=api), DD_TRACE_SPAN_ATTRIBUTE_SCHEMA="v1")
    assert v1["name"] == f"grpc.{kind.name.lower()}.request"


def test_the_applications_service_is_its_servers_and_not_its_clients() -> None:
    assert translated(called(kind=SpanKind.SERVER), DD_SERVICE="shop")["service"] == "shop"
    assert translated(called(), DD_SERVICE="shop")["service"] == "grpc-client"


def test_a_service_that_a_variable_names_is_told_of_where_dd_service_is_set() -> None:
    assert "_dd.svc_src" not in translated(called(), DD_GRPC_SERVICE="mine")["meta"]
    assert translated(called(), DD_GRPC_SERVICE="mine", DD_SERVICE="shop")["meta"]["_dd.svc_src"] == "m"
    mapped = translated(called(), DD_SERVICE_MAPPING="grpc-client:mine")
    assert (mapped["service"], mapped["meta"]["_dd.svc_src"]) == ("mine", "opt.service_mapping")


def test_a_call_bears_the_version_of_the_application_that_makes_it() -> None:
    assert translated(called(), DD_VERSION="7")["meta"]["version"] == "7"
    inner = ours("grpc", CALL, id=2, parent=1, kind=SpanKind.CLIENT)
    for outer, version in ((span(), "7"), (ours("sqlite3", {}), None)):
        read = settings.read({"DD_VERSION": "7"}, argv=["-"])
        entries = Translator(read).chunk(chunk(outer, inner), native_events=True)
        assert entries[1]["meta"].get("version") == version


def test_what_is_not_ok_is_a_clients_error_by_its_status() -> None:
    status = {"rpc__response__status_code": "NOT_FOUND", "error__type": "NOT_FOUND", "grpc__status__details": "no tea"}
    entry = translated(called(**status))
    meta = entry["meta"]
    assert entry["error"] == 1
    assert (meta["error.type"], meta["error.message"]) == ("StatusCode.NOT_FOUND", "no tea")
    assert meta["grpc.status.code"] == "StatusCode.NOT_FOUND"


def test_an_aborted_call_is_a_servers_error_with_the_stack_of_where_it_was() -> None:
    status = {"rpc__response__status_code": "NOT_FOUND", "grpc__aborted": True, "grpc__status__details": "no tea"}
    entry = translated(called(kind=SpanKind.SERVER, **status))
    meta = entry["meta"]
    assert entry["error"] == 1
    assert (meta["error.type"], meta["error.message"]) == ("StatusCode.NOT_FOUND", "no tea")
    assert meta["error.stack"].startswith("Traceback")
    assert "grpc.aborted" not in meta
    assert "grpc.status.details" not in meta


def test_a_status_that_blames_the_caller_is_no_servers_error() -> None:
    entry = translated(called(kind=SpanKind.SERVER, rpc__response__status_code="NOT_FOUND"))
    assert "error" not in entry
    assert "error.type" not in entry["meta"]
    assert entry["meta"]["grpc.status.code"] == "StatusCode.NOT_FOUND"


@pytest.mark.parametrize(
    ("method", "tags"),
    [
        ("Tea/Order", {"grpc.method.service": "Tea", "grpc.method.name": "Order", "rpc.service": "Tea"}),
        ("Order", {"grpc.method.service": "", "grpc.method.name": "Order", "rpc.service": ""}),
    ],
)
def test_odd_methods(method: str, tags: dict[str, str]) -> None:
    meta = translated(called(method=method))["meta"]
    assert meta.items() >= {"grpc.method.path": f"/{method}", **tags}.items()
    assert "grpc.method.package" not in meta
