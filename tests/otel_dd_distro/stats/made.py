"""Translated spans made by hand, and payloads read back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import ormsgpack
from ddsketch.pb.ddsketch_pb2 import DDSketch

from otel_dd_distro.export.info import AgentInfo, parse
from otel_dd_distro.settings import Settings, read
from otel_dd_distro.stats import Stats

NOW = 1_800_000_003_000_000_000
"""Three seconds into a bucket."""
BUCKET = 10_000_000_000


class Clock:
    def __init__(self, now: int = NOW) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def settings(**environ: str) -> Settings:
    return read({"DD_SERVICE": "shop", "DD_TRACE_STATS_COMPUTATION_ENABLED": "true", **environ}, argv=())


def info(**more: Any) -> AgentInfo:
    said = {"endpoints": ["/v0.4/traces", "/v0.6/stats"], "client_drop_p0s": True, "peer_tags": ["db.name", "out.host"]}
    return parse(json.dumps({**said, **more}).encode())


def made(clock: Clock | None = None, agent: AgentInfo | None = None, **environ: str) -> Stats:
    """Stats that count for an Agent which wants them."""
    stats = Stats(settings(**environ), clock=clock or Clock())
    assert stats.is_active(agent or info())
    return stats


def span(
    meta: dict[str, str] | None = None,
    metrics: dict[str, float] | None = None,
    *,
    end: int = NOW,
    duration: int = 1_000_000,
    top: bool = True,
    **fields: Any,
) -> dict[str, Any]:
    """A translated span, top level unless told otherwise."""
    span: dict[str, Any] = {
        "trace_id": 1,
        "span_id": 1,
        "service": "shop",
        "name": "work",
        "resource": "GET /",
        "start": end - duration,
        "duration": duration,
        "meta": dict(meta or {}),
        "metrics": {**({"_dd.top_level": 1} if top else {}), **(metrics or {})},
        **fields,
    }
    if not span["metrics"]:
        del span["metrics"]
    return span


def payloads(packed: Iterable[bytes]) -> list[dict[str, Any]]:
    return [ormsgpack.unpackb(one) for one in packed]


def groups(packed: Iterable[bytes]) -> list[dict[str, Any]]:
    return [group for payload in payloads(packed) for bucket in payload["Stats"] for group in bucket["Stats"]]


def counted(*spans: dict[str, Any], agent: AgentInfo | None = None, **environ: str) -> list[dict[str, Any]]:
    """The groups that these spans, each a chunk of its own, make."""
    stats = made(agent=agent, **environ)
    for one in spans:
        stats.count([one])
    return groups(stats.payloads(everything=True))


def the_only(*spans: dict[str, Any], agent: AgentInfo | None = None, **environ: str) -> dict[str, Any]:
    (group,) = counted(*spans, agent=agent, **environ)
    return group


def sketch(data: bytes) -> Any:
    message = DDSketch()
    message.ParseFromString(data)
    return message


def bins(data: bytes) -> dict[int, float]:
    """Counts by bin, of the values above 0."""
    store = sketch(data).positiveValues
    first = store.contiguousBinIndexOffset
    assert not store.binCounts
    return {first + place: count for place, count in enumerate(store.contiguousBinCounts) if count}
