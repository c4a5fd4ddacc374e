from __future__ import annotations

import json
from typing import Any

import pytest

from otel_dd_distro.export.info import AgentInfo, Ignored, parse


def test_an_agent_describes_itself() -> None:
    said = {
        "version": "7.60.0",
        "endpoints": ["/v0.4/traces", "/v0.5/traces"],
        "span_events": True,
        "config": {"max_request_bytes": 1000},
        "client_drop_p0s": True,
        "peer_tags": ["db.name", "out.host"],
        "span_kinds_stats_computed": ["client", "Server"],
        "filter_tags": {"require": ["a:b"], "reject": ["c"]},
        "filter_tags_regex": {"reject": ["d:e.*"]},
        "ignore_resources": ["^/health"],
    }
    assert parse(json.dumps(said).encode()) == AgentInfo(
        version="7.60.0",
        endpoints=frozenset({"/v0.4/traces", "/v0.5/traces"}),
        span_events=True,
        max_request_bytes=1000,
        client_drop_p0s=True,
        peer_tags=("db.name", "out.host"),
        span_kinds=("client", "server"),
        ignored=Ignored(("a:b",), ("c",), (), ("d:e.*",), ("^/health",)),
    )


@pytest.mark.parametrize("body", [b"", b"no", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b"{}", b'"text"'])
def test_an_answer_without_sense_leaves_the_defaults(body: bytes) -> None:
    assert parse(body) == AgentInfo()


@pytest.mark.parametrize("garbage", [None, True, -1, 0, 1.5, "x", [], [1], {}, {"max_request_bytes": "many"}])
@pytest.mark.parametrize(
    "field",
    [
        "version",
        "endpoints",
        "span_events",
        "config",
        "max_request_bytes",
        "client_drop_p0s",
        "peer_tags",
        "span_kinds_stats_computed",
        "filter_tags",
        "filter_tags_regex",
        "ignore_resources",
    ],
)
def test_garbage_in_one_field_spoils_no_other(field: str, garbage: Any) -> None:
    said: dict[str, Any] = {"version": "7", "endpoints": ["/a"], "span_events": True, "config": {}}
    if field == "max_request_bytes":
        said["config"] = {"max_request_bytes": garbage}
    else:
        said[field] = garbage
    info = parse(json.dumps(said).encode())
    assert isinstance(info.version, str)
    assert all(isinstance(path, str) for path in info.endpoints)
    assert info.client_drop_p0s is (field == "client_drop_p0s" and garbage is True)
    texts = (*info.peer_tags, *info.span_kinds, *(text for texts in info.ignored for text in texts))
    assert set(texts) <= {"x"}
    assert info.span_events is (field != "span_events" or garbage is True)
    assert info.max_request_bytes == AgentInfo().max_request_bytes
    assert field == "version" or info.version == "7"
