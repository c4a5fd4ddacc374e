"""Scrubs the errors and events of translated spans.

On the export thread, and only where there is an error or an event.
"""

from __future__ import annotations

import json
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any

from .databases import parameters_in
from .places import MORE
from .scrubber import scrubbed
from .statements import literals_of

RETRY_REASON = "celery.retry.reason"
ERROR_TEXTS = ("error.message", "error.stack", "otel.status_description", RETRY_REASON)
EVENTS = "events"
EXCEPTION_TEXTS = ("exception.message", "exception.stacktrace")
LONGEST_TEXTS = 200_000
"""Characters of the texts of one span that are looked through; the rest is left out."""

Scrub = Callable[[str], str]


def conceal(maps: Sequence[MutableMapping[str, Any]]) -> None:
    """Scrub the errors and events of a chunk's translated spans, in place.

    An error that leaves a statement passes through the spans around it: its literals, and the parameters that it shows,
    are taken out of all of them.
    """
    telling = [
        entry
        for entry in maps
        if "error" in entry or "span_events" in entry or EVENTS in (meta := entry["meta"]) or RETRY_REASON in meta
    ]
    if not telling:
        return
    failed = [entry["resource"] for entry in telling if entry.get("type") == "sql" and "error" in entry]
    messages = {entry["meta"].get("error.message", "") for entry in telling}
    known = _Known(literals_of([*failed, *(shown for message in messages for shown in parameters_in(message))]))
    for entry in telling:
        scrub = known.of_span()
        meta = entry["meta"]
        for key in ERROR_TEXTS:
            if key in meta:
                meta[key] = scrub(meta[key])
        if EVENTS in meta:
            meta[EVENTS] = _scrubbed_events(meta[EVENTS], scrub)
        for event in entry.get("span_events", ()):
            for key in EXCEPTION_TEXTS:
                told = event["attributes"].get(key)
                if told is not None and "string_value" in told:
                    told["string_value"] = scrub(told["string_value"])


class _Known:
    """The texts of a chunk that were looked through: an error tells the same in many places."""

    def __init__(self, literals: Sequence[str]) -> None:
        self._literals = literals
        self._texts: dict[str, str] = {}

    def of_span(self) -> Scrub:
        """A function that scrubs the texts of one span."""
        left = LONGEST_TEXTS

        def scrub(text: str) -> str:
            nonlocal left
            known = self._texts.get(text)
            if known is None:
                cut = text if len(text) <= left else text[:left] + MORE
                left = max(0, left - len(text))
                known = self._texts[text] = scrubbed(cut, self._literals)
            return known

        return scrub


def _scrubbed_events(text: str, scrub: Scrub) -> str:
    """The tag `events`, if it is what we write there."""
    try:
        events = json.loads(text)
        for event in events:
            told = event["attributes"]
            for key in EXCEPTION_TEXTS:
                if isinstance(told.get(key), str):
                    told[key] = scrub(told[key])
        return json.dumps(events)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return scrub(text)
