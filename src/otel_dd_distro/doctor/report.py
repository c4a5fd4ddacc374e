"""The findings as a person reads them, in 80 columns, what is wrong first; or as JSON."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator, Sequence

from .findings import OK, PROBLEM, WARNING, Finding, Section

WIDTH = 80
_COLOURS = {PROBLEM: "\x1b[31m", WARNING: "\x1b[33m", OK: "\x1b[32m"}
_MARKS = {PROBLEM: "x", WARNING: "!", OK: "+"}
_PLAIN = "\x1b[0m"
_SUBJECT = 20


def as_json(sections: Sequence[Section]) -> str:
    return json.dumps({"ok": not problems(sections), "sections": [section.as_dict() for section in sections]}, indent=2)


def as_text(sections: Sequence[Section], coloured: bool | None = None) -> str:
    """Coloured on a terminal, unless `coloured` says otherwise."""
    if coloured is None:
        coloured = sys.stdout.isatty()
    return "\n".join(_lines(sections, coloured)) + "\n"


def problems(sections: Sequence[Section]) -> list[Finding]:
    return [finding for section in sections for finding in section.findings if finding.level == PROBLEM]


def _lines(sections: Sequence[Section], coloured: bool) -> Iterator[str]:
    wrong = problems(sections)
    number = len(wrong)
    yield f"{number} problem{'' if number == 1 else 's'} found" if wrong else "No problem found"
    for finding in wrong:
        yield from _wrapped(finding, coloured)
        if finding.remedy:
            yield from textwrap.wrap(
                f"-> {finding.remedy}",
                WIDTH,
                initial_indent="      ",
                subsequent_indent="         ",
                break_on_hyphens=False,
            )
    for section in sections:
        if section.findings:
            yield ""
            yield section.title
            for finding in section.findings:
                yield from _wrapped(finding, coloured, aligned=True)


def _wrapped(finding: Finding, coloured: bool, aligned: bool = False) -> Iterator[str]:
    is_column = aligned and len(finding.subject) <= _SUBJECT
    subject = finding.subject.ljust(_SUBJECT) if is_column else f"{finding.subject}:"
    indent = " " * (4 + _SUBJECT + 1 if is_column else 6)
    mark = _MARKS.get(finding.level, " ")
    first, *rest = textwrap.wrap(
        f"{subject} {finding.said}", WIDTH, initial_indent="    ", subsequent_indent=indent, break_on_hyphens=False
    ) or [f"    {subject}"]
    colour = _COLOURS.get(finding.level) if coloured else None
    shown = f"{colour}{mark}{_PLAIN}" if colour else mark
    yield f"  {shown} {first[4:]}"
    yield from rest
