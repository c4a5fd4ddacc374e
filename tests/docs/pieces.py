"""The pieces of code on docs/ddtrace-api.md: read from the page, run, and what came of them made comparable."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.agents import Session, clean_environ
from tests.servers import SERVERS

PAGE = Path(__file__).parents[2] / "docs" / "ddtrace-api.md"

_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.DOTALL | re.MULTILINE)
_IDS = re.compile(r"\b(?:[0-9a-f]{32}|\d{15,20})\b")
_OF_THE_RUN = (
    *("language", "runtime-id", "process_id", "_dd.p.tid", "_dd.tags.process", "_dd.tracer_kr"),
    "network.destination.port",
)
_ALWAYS_DIFFERENT = ("otel.", "w3c.tracestate", "_dd.code_origin.")
"""Beginnings of the tags that the page says one side alone has."""
_STARTS_TRACING = ("import ddtrace.auto", "import patch\n", "initialize()", "install()")
"""A piece with one of these is started as `python`, any other by the command of its side."""


@dataclass
class Section:
    """One heading of the page: the same program for both sides, and the settings that both have."""

    name: str
    text: str
    settings: str = ""
    files: dict[str, str] = field(default_factory=dict)
    pieces: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Side, as the page titles it -> language and text."""

    @property
    def theirs(self) -> str:
        return next(side for side in self.pieces if side.startswith("ddtrace"))


def sections() -> dict[str, Section]:
    """Those that have code, by their headings."""
    found = {}
    for part in re.split(r"^###? ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        section = Section(part.partition("\n")[0].replace("`", ""), part)
        for language, title, text in _BLOCK.findall(part):
            if not title:
                section.settings += text
            elif title.endswith(".py"):
                section.files[title] = text
            else:
                section.pieces[title] = (language, text)
        if section.pieces:
            found[section.name] = section
    return found


def run(section: Section, side: str, folder: Path, python: Path, start: Sequence[str], session: Session) -> str:
    """Runs the piece of a side in an empty folder; returns what it printed. A program is started with `start`."""
    language, text = section.pieces[side]
    for name, content in {**section.files, "piece.py": text}.items():
        (folder / name).write_text(content)
    by = [] if any(each in text for each in _STARTS_TRACING) else start
    command = text if language == "sh" else " ".join([*(by or ["python"]), "piece.py"])
    environ = clean_environ(
        DD_SERVICE="shop",
        REDIS_URL=os.environ.get(SERVERS["redis_server"].variable, ""),
        DD_TRACE_AGENT_URL=session.agent.url,
        _DD_TRACE_WRITER_ADDITIONAL_HEADERS=f"X-Datadog-Test-Session-Token:{session.token}",
    )
    environ["PATH"] = f"{python.parent}:{environ['PATH']}"
    shell = ["sh", "-c", f"{section.settings}{command}"]
    done = subprocess.run(shell, cwd=folder, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return _IDS.sub("<id>", done.stdout)


def comparable(spans: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The spans in the order in which they started, without ids, times and what the page says is always different."""
    ordered = sorted(spans, key=lambda span: span["start"])
    places = {span["span_id"]: place for place, span in enumerate(ordered)}
    traces = list(dict.fromkeys(span["trace_id"] for span in ordered))
    return [
        {
            "trace": traces.index(span["trace_id"]),
            "parent": places.get(span.get("parent_id", 0)),
            **{key: span[key] for key in ("name", "service", "resource")},
            "type": "" if span["type"] == "custom" else span["type"],
            "error": span.get("error", 0),
            "tags": dict(sorted(_tags(span, places))),
        }
        for span in ordered
    ]


def _tags(span: Mapping[str, Any], places: Mapping[int, int]) -> Iterator[tuple[str, Any]]:
    for key, value in {**span["meta"], **span.get("metrics", {})}.items():
        if key == "_dd.span_links":
            # As ddtrace writes them, which sends the Agent's v0.5.
            for link in json.loads(value):
                yield f"link to span {places[int(link['span_id'], 16)]}", link["attributes"]
        elif not (key in _OF_THE_RUN or key.startswith(_ALWAYS_DIFFERENT) or (key, value) == ("span.kind", "internal")):
            yield key, "<stack>" if key == "error.stack" else value
    for link in span.get("span_links") or ():
        yield f"link to span {places[link['span_id']]}", link["attributes"]
