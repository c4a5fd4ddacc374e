"""Scrubs the errors and events of translated spans.

On the export thread, and only where there is an error or an event.
"""

from __future__ import annotations

import json
from collections.abc import MutableMapping, Sequence
from typing import Any

from .scrubber import scrubbed
from .statements import literals_of

TEXTS = ("error.message", "error.stack", "otel.status_description")
EVENTS = "events"
EXCEPTION_TEXTS = ("exception.message", "exception.stacktrace")


def conceal(maps: Sequence[MutableMapping[str, Any]]) -> None:
    """Scrub the errors and events of a chunk's translated spans, in place.

    An error that leaves a statement passes through the spans around it: its literals are taken out of all of them.
    """
    telling = [entry for entry in maps if "error" in entry or "span_events" in entry or "events" in entry["meta"]]
    if not telling:
        return
    failed = (entry["resource"] for entry in telling if entry.get("type") == "sql" and "error" in entry)
    literals = literals_of(failed)
    for entry in telling:
        meta = entry["meta"]
        for key in TEXTS:
            if key in meta:
                meta[key] = scrubbed(meta[key], literals)
        if EVENTS in meta:
            meta[EVENTS] = _scrubbed_events(meta[EVENTS], literals)
        for event in entry.get("span_events", ()):
            for key in EXCEPTION_TEXTS:
                told = event["attributes"].get(key)
                if told is not None and "string_value" in told:
                    told["string_value"] = scrubbed(told["string_value"], literals)


def _scrubbed_events(text: str, literals: Sequence[str]) -> str:
    """The tag `events`, if it is what we write there."""
    try:
        events = json.loads(text)
        for event in events:
            told = event["attributes"]
            for key in EXCEPTION_TEXTS:
                if isinstance(told.get(key), str):
                    told[key] = scrubbed(told[key], literals)
        return json.dumps(events)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return scrubbed(text, literals)
