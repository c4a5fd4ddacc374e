"""Inside the run of a library's tests: a span around each test, and its outcome written down in the end."""

from __future__ import annotations

import json
import os
from pathlib import Path

from opentelemetry import trace

# At once: tests may empty the environment.
PLACE = Path(os.environ["TRANSPARENCY_OUTCOMES"])
SCOPE = "transparency"
outcomes: dict[str, str] = {}
"""By the test's name: passed, failed, skipped or another word of its runner; of several parts the worst."""
_tracer = trace.get_tracer(SCOPE)
_WORST = ("failed", "error", "xpassed", "xfailed", "skipped", "passed")


def around(test: str):  # type: ignore[no-untyped-def]
    """The span of a test."""
    return _tracer.start_as_current_span(test)


def note(test: str, outcome: str) -> None:
    both = {outcome, outcomes.get(test, outcome)}
    outcomes[test] = next((word for word in _WORST if word in both), outcome)


def start_the_export_thread() -> None:
    """Before the tests, where a suite compares threads before and after them."""
    _tracer.start_span("before the tests").end()


def write() -> None:
    PLACE.write_text(json.dumps(outcomes))
