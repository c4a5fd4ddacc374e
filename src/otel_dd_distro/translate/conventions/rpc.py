"""Remote procedure calls."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from opentelemetry.trace import StatusCode

from ..every_span.attributes import Meta, Targets, as_text, text_of
from .operation import MEASURED, Operation, Operations
from .urls import Urls

API, ASYNCHRONOUS = "grpc.api", "grpc.aio"
"""The attribute that tells which of its two APIs a call of gRPC is of, and its value for the asynchronous one."""
_ABORTED = "grpc.aborted"
_OF_STATUS = "StatusCode."

TARGETS = Targets(
    {
        "rpc.method": "grpc.method.path",
        "server.address": "grpc.host",
        # Parts of others
        "rpc.response.status_code": "",
        "grpc.status.details": "",
        "server.port": "",
        _ABORTED: "",
        API: "",
        "rpc.system.name": "",
        "error.type": "",
    },
    made=(
        "grpc.method.package",
        "grpc.method.service",
        "grpc.method.name",
        "grpc.status.code",
        "rpc.service",
        "network.destination.port",
        "network.destination.ip",
        "peer.hostname",
    ),
)


def calls(component: str, kind: str) -> Operations:
    """One side of gRPC, `client` or `server`."""
    return Operations(
        Operation(
            "grpc",
            v1=f"grpc.{kind}.request",
            type="grpc",
            kind=kind,
            component=component,
            metrics=MEASURED,
            targets=TARGETS,
            describe=describe,
            failed=failed,
        )
    )


def describe(attributes: dict[str, Any], meta: Meta, urls: Urls) -> str:
    path, parts = _method(meta.get("grpc.method.path", ""))
    meta["grpc.method.path"] = path
    meta.update(parts)
    host = meta.get("grpc.host")
    if host:
        meta["network.destination.ip" if _is_address(host) else "peer.hostname"] = host
        port = attributes.get("server.port")
        if port is not None:
            meta["network.destination.port"] = as_text(port)
    status = text_of(attributes, "rpc.response.status_code")
    if status:
        meta["grpc.status.code"] = _OF_STATUS + status
        if attributes.get("error.type") == status or attributes.get(_ABORTED):
            meta["error.type"] = _OF_STATUS + status
            meta["error.message"] = text_of(attributes, "grpc.status.details")
    return path


def failed(status: StatusCode, attributes: dict[str, Any], raised: bool, statuses: frozenset[int]) -> bool:
    """Whether a call failed: its status says so, or its handler left it by `abort`, with whatever status."""
    return status is StatusCode.ERROR or bool(attributes.get(_ABORTED))


@lru_cache(1_024)
def _method(method: str) -> tuple[str, dict[str, str]]:
    """`package.Service/Method` as a path, and its parts as tags."""
    full, _, name = method.rpartition("/")
    package, _, service = full.rpartition(".")
    parts = {"rpc.service": full, "grpc.method.service": service, "grpc.method.name": name}
    if package:
        parts["grpc.method.package"] = package
    return f"/{method}", parts


@lru_cache(1_024)
def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
