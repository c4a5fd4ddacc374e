"""What the Agent says of itself at `/info`, read with patience: any field may be missing or wrong."""

from __future__ import annotations

from dataclasses import dataclass

TRACES_PATH = "/v0.4/traces"


@dataclass(frozen=True, slots=True)
class AgentInfo:
    """The defaults hold for an Agent that has not answered, or is too old to."""

    version: str = ""
    endpoints: frozenset[str] = frozenset({TRACES_PATH})
    span_events: bool = False
    """Whether spans may carry native `span_events`."""
    max_request_bytes: int = 26_214_400
    """The largest body that the Agent accepts; its own default is 25 MiB."""


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
    paths = frozenset(path for path in endpoints if isinstance(path, str)) if isinstance(endpoints, list) else None
    return AgentInfo(
        version=version if isinstance(version, str) else default.version,
        endpoints=paths or default.endpoints,
        span_events=said.get("span_events") is True,
        max_request_bytes=largest if type(largest) is int and largest > 0 else default.max_request_bytes,
    )
