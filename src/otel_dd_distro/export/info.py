"""What the Agent says of itself at `/info`, read with patience: any field may be missing or wrong."""

from __future__ import annotations

from typing import Any, NamedTuple

TRACES_PATH = "/v0.4/traces"
STATS_PATH = "/v0.6/stats"


class Ignored(NamedTuple):
    """Which traces the Agent neither counts nor keeps, by their root: `key:value` or `key`; resources by pattern."""

    require: tuple[str, ...] = ()
    reject: tuple[str, ...] = ()
    require_regex: tuple[str, ...] = ()
    reject_regex: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()


NOTHING_IGNORED = Ignored()


class AgentInfo(NamedTuple):
    """The defaults hold for an Agent that has not answered, or is too old to."""

    version: str = ""
    endpoints: frozenset[str] = frozenset({TRACES_PATH})
    span_events: bool = False
    """Whether spans may carry native `span_events`."""
    max_request_bytes: int = 26_214_400
    """The largest body that the Agent accepts; its own default is 25 MiB."""
    client_drop_p0s: bool = False
    """Whether a tracer that counts its spans itself may drop those that are not sampled."""
    peer_tags: tuple[str, ...] = ()
    """Tags of outgoing calls that stats are kept by."""
    span_kinds: tuple[str, ...] = ()
    """Kinds of spans, lower case, that are counted whatever they are; empty if the Agent does not say."""
    ignored: Ignored = NOTHING_IGNORED


def parse(body: bytes) -> AgentInfo:
    """An `/info` answer; every field that cannot be understood keeps its default."""
    import json

    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return AgentInfo()
    if not isinstance(said, dict):
        return AgentInfo()
    default = AgentInfo()
    version, endpoints, config = said.get("version"), said.get("endpoints"), said.get("config")
    largest = config.get("max_request_bytes") if isinstance(config, dict) else None
    paths = frozenset(_texts(endpoints))
    return AgentInfo(
        version=version if isinstance(version, str) else default.version,
        endpoints=paths or default.endpoints,
        span_events=said.get("span_events") is True,
        max_request_bytes=largest if type(largest) is int and largest > 0 else default.max_request_bytes,
        client_drop_p0s=said.get("client_drop_p0s") is True,
        peer_tags=_texts(said.get("peer_tags")),
        span_kinds=tuple(kind.lower() for kind in _texts(said.get("span_kinds_stats_computed"))),
        ignored=Ignored(
            *_lists(said.get("filter_tags")),
            *_lists(said.get("filter_tags_regex")),
            resources=_texts(said.get("ignore_resources")),
        ),
    )


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _lists(value: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (_texts(value.get("require")), _texts(value.get("reject"))) if isinstance(value, dict) else ((), ())
