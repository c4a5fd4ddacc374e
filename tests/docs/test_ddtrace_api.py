"""The page that shows ddtrace's API beside OpenTelemetry's: both pieces of a section make the same spans."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from tests.agents import Session
from tests.docs import pieces

RECORDED = json.loads(Path(__file__).with_name("ddtrace_api.json").read_text())
SECTIONS = pieces.sections()
DIFFERENT = {
    "tracer.context_provider": {"_dd.top_level"},
    "span.service, resource, name, span_type": {"_dd.svc_src"},
    "Errors": {"_dd.span_events.has_exception", "error.type"},
    "Pin.override": {"_dd.svc_src"},
}
"""The tags that differ between the sides, of which the section tells."""


def test_what_is_recorded_of_ddtrace_is_of_the_pieces_on_the_page() -> None:
    shown = {name: each.settings + each.pieces[each.theirs][1] for name, each in SECTIONS.items()}
    assert shown == {name: each["piece"] for name, each in RECORDED.items()}, "run: python -m tests.docs.record_ddtrace"


@pytest.mark.parametrize("name", SECTIONS)
def test_opentelemetrys_piece_makes_the_spans_of_ddtraces(
    name: str, tmp_path: Path, agent_session: Session, redis_server: str
) -> None:
    section, expected = SECTIONS[name], RECORDED[name]
    start = ["python", "-m", "otel_dd_distro"]

    printed = pieces.run(section, "OpenTelemetry", tmp_path, Path(sys.executable), start, agent_session)
    spans = pieces.comparable(agent_session.wait_for_spans(len(expected["spans"])))

    assert printed == expected["printed"]
    allowed = DIFFERENT.get(name, set())
    assert without(allowed, spans) == without(allowed, expected["spans"])
    for tag in allowed:
        assert f"`{tag}`" in section.text
        assert [span["tags"].get(tag) for span in spans] != [span["tags"].get(tag) for span in expected["spans"]]


def without(tags: Collection[str], spans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**span, "tags": {key: value for key, value in span["tags"].items() if key not in tags}} for span in spans]
