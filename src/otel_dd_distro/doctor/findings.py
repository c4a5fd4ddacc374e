"""What the doctor finds: one finding is one line of a section, and a problem is also told at the top."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

OK = "ok"
INFO = "info"
WARNING = "warning"
PROBLEM = "problem"


class Finding(NamedTuple):
    """`subject` is what it is about, `said` what was found, `remedy` what to do about it, if anything."""

    level: str
    subject: str
    said: str
    remedy: str = ""


class Section(NamedTuple):
    title: str
    findings: Sequence[Finding]

    def as_dict(self) -> dict[str, Any]:
        return {"title": self.title, "findings": [finding._asdict() for finding in self.findings]}
