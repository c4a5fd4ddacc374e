"""The aggregation key: which spans are counted together.

Source: the Agent's client stats, aggregation key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .peers import quantised

BLOCKED = "tracer_blocked_value"
"""Stands where there were too many different values."""
MOST_VALUE = 200
"""Characters of an additional tag's value."""

ROOT, NOT_ROOT, ROOT_UNSET = 1, 2, 0

TOP_LEVEL = "_dd.top_level"
MEASURED = "_dd.measured"
KIND = "span.kind"
STATUS = "http.status_code"
ENDPOINT = ("http.endpoint", "http.route")
BASE_SERVICE = "_dd.base_service"
GRPC = ("rpc.grpc.status_code", "grpc.code", "rpc.grpc.status.code", "grpc.status.code")
OTHER_TOP_LEVEL = "_top_level"
PARTIAL = "_dd.partial_version"

RARE_METRICS = frozenset({STATUS, OTHER_TOP_LEVEL, PARTIAL, *GRPC})
"""Numbers that a key, or whether a span counts, depends on, and that our own spans hardly ever bear."""

_OUTGOING = frozenset({"client", "producer", "consumer"})
# fmt: off
_GRPC_CODES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)
# fmt: on
_GRPC_BY_NAME = {name.replace("_", ""): str(code) for code, name in enumerate(_GRPC_CODES)} | {"CANCELED": "1"}


class Key(NamedTuple):
    service: str
    name: str
    resource: str
    type: str
    kind: str
    status: int
    """HTTP; 0 for none."""
    synthetics: bool
    root: int
    """`ROOT`, `NOT_ROOT` or `ROOT_UNSET`."""
    method: str
    endpoint: str
    grpc: str
    """Decimal; "" for none."""
    source: str
    """Who named the service."""
    peers: tuple[str, ...]
    """`key:value`."""
    additional: tuple[str, ...]
    """`key:value`."""


OVERFLOW = Key(
    *(BLOCKED,) * 5, 0, False, ROOT_UNSET, BLOCKED, BLOCKED, "", BLOCKED, peers=(BLOCKED,), additional=(BLOCKED,)
)
"""The key of what finds no room among the others."""


class Reader:
    """Reads the keys of spans. `peers` are the keys of peer tags, `additional` those that the user names."""

    def __init__(self, peers: Iterable[str], additional: Iterable[str]) -> None:
        self._peers = tuple(peers)
        self._additional = tuple(additional)
        self.tags = frozenset(
            {KIND, STATUS, *ENDPOINT, *GRPC, BASE_SERVICE, "http.method", "_dd.origin", "_dd.svc_src"}
        ).union(self._peers, self._additional)
        """The tags that the key of a span depends on, besides its fields and `RARE_METRICS`."""

    def key(self, span: Mapping[str, Any]) -> Key:
        """The key of a translated span."""
        meta: Mapping[str, str] = span["meta"]
        metrics: Mapping[str, float] = span.get("metrics") or {}
        kind = meta.get(KIND, "")
        return Key(
            span["service"],
            span["name"],
            span["resource"],
            span.get("type", ""),
            kind,
            _status(meta, metrics),
            meta.get("_dd.origin", "").startswith("synthetics"),
            NOT_ROOT if span.get("parent_id") else ROOT,
            meta.get("http.method", ""),
            next((meta[key] for key in ENDPOINT if key in meta), ""),
            _grpc(meta, metrics),
            meta.get("_dd.svc_src", ""),
            self._peers_of(kind, meta),
            tuple(
                f"{key}:{value if len(value) <= MOST_VALUE else BLOCKED}"
                for key in self._additional
                if (value := meta.get(key))
            ),
        )

    def _peers_of(self, kind: str, meta: Mapping[str, str]) -> tuple[str, ...]:
        if kind.lower() in _OUTGOING:
            pairs = ((key, quantised(meta[key])) for key in self._peers if key in meta)
            return tuple(f"{key}:{value}" if value else key for key, value in pairs)
        base = meta.get(BASE_SERVICE)
        return () if base is None else (f"{BASE_SERVICE}:{base}",)


def _status(meta: Mapping[str, str], metrics: Mapping[str, float]) -> int:
    number = metrics.get(STATUS)
    if number is not None:
        return int(number) if 0 <= number < 2**32 else 0
    text = meta.get(STATUS, "")
    # Whoever sets a status of a thousand digits gets none.
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _grpc(meta: Mapping[str, str], metrics: Mapping[str, float]) -> str:
    for key in GRPC:
        if (text := meta.get(key)) is not None and (code := _grpc_code(text)):
            return code
    for key in GRPC:
        if (number := metrics.get(key)) is not None and 0 <= number < 256 and number == int(number):
            return str(int(number))
    return ""


def _grpc_code(text: str) -> str:
    if text.isascii() and text.isdecimal():
        return str(int(text)) if len(text) < 4 and int(text) < 256 else ""
    return _GRPC_BY_NAME.get(text.removeprefix("StatusCode.").upper().replace("_", ""), "")
