"""Secrets in the texts of errors: credentials in URLs, `key=value` pairs, tokens, the literals of a failed statement.

The Agent obfuscates the resources of SQL spans; what an error says it shows as it comes. So it is looked through here,
on the export thread, and only where there is an error or an event.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping, Sequence
from typing import Any

REDACTED = "<redacted>"
LITERAL = "?"
LONGEST_TEXT = 50_000
"""Characters of one text that are looked through; the rest is left out."""

TEXTS = ("error.message", "error.stack", "otel.status_description", "events")
EXCEPTION_TEXTS = ("exception.message", "exception.stacktrace")

_KEYS = (
    r"(?:p(?:ass)?w(?:or)?d[12]?|pass(?:[-_]?phrase)?|secret|credentials?|token|sig(?:n(?:ed|ature)?)?"
    r"|(?:api|private|public|access|secret|app(?:lication)?|account|shared)[-_]?(?:access[-_]?)?key(?:[-_]?id)?"
    r"|consumer[-_]?(?:id|key|secret)|auth(?:entication|orization)?|session[-_]?id|sas)"
)
_HEADERS = r"(?:(?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]{0,30}(?:key|token|secret|auth))"
_BASE64 = r"[a-z0-9+/_=-]"
# Each names what goes; what is in the group `kept` stays. None nests a repetition: linear in the length of the text.
_ANYWHERE = (
    # user:password@ of a URL
    r"(?P<url>://)[^\s/?#\"'<>]+@",
    # "key": "value"
    rf"(?P<json>{_KEYS}\\{{0,7}}[\"']\s{{0,4}}:\s{{0,4}}\\{{0,7}}[\"'])[^\"'\\\r\n]+",
    r"(?P<bearer>\b(?:bearer|basic|digest|negotiate)(?:\s|%20|\+))[a-z0-9+/_=.~%-]{8,}",
    # Headers, as they are logged
    rf"(?P<header>\b{_HEADERS}[\"']?\s{{0,4}}:\s{{0,4}}[\"']?)[^\r\n\"']+",
    rf"\bey[i-l]{_BASE64}{{5,500}}\.{_BASE64}{{5,}}(?:\.{_BASE64}*)?",
    r"\bgh[opsur]_[0-9a-z]{20,}|\bgithub_pat_[0-9a-z_]{20,}|\bglpat-[0-9a-z_-]{16,}",
    r"\bA(?:KI|SI)A[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_-]{30,}|\bya29\.[0-9A-Za-z_-]{10,}",
    r"\bxox[a-z]-[0-9a-z-]{10,}|\b[sr]k_(?:live|test)_[0-9a-z]{10,}|\bSG\.[0-9a-z_-]{10,}\.[0-9a-z_-]{10,}",
    r"-----BEGIN[A-Z\s]{1,40}PRIVATE KEY-----[^-]+(?:-----END[A-Z\s]{1,40}PRIVATE KEY-----)?",
)
_PAIRS = (
    # key=value of a query, a connection string or a repr()
    rf"(?P<pair>{_KEYS}(?:=|%3d))(?:\"[^\"\r\n]+\"|'[^'\r\n]+'|[^\s&\"'<>(),;]+)",
)
_FLAGS = re.IGNORECASE | re.ASCII
_everywhere = re.compile("|".join(_ANYWHERE), _FLAGS)
_in_prose = re.compile("|".join((*_ANYWHERE, *_PAIRS)), _FLAGS)
# One of these is in every secret: most texts are searched no further.
_SIGNS = (
    *("://", "pw", "pass", "secret", "credential", "token", "sig", "key", "consumer", "auth", "session", "sas"),
    *("bearer", "basic", "digest", "negotiate", "cookie", "ey", "gh", "pat_", "glpat", "akia", "asia", "aiza", "ya29"),
    *("xox", "k_live", "k_test", "sg.", "begin"),
)
# A quote within a literal is written twice.
_literals = re.compile(r"'((?:[^']|'')*)(?:'|\Z)|(?<![\w.])(\d[\d.]{3,})(?![\w.])")
_statement = re.compile(r"'(?:[^']|'')*'?|(?<![\w.$?:@])[+-]?\d[\w.]*(?![\w.])")
_MOST_LITERALS = 200
_SHORTEST_LITERAL = 3


def scrubbed(text: str, literals: Iterable[str] = ()) -> str:
    """The text of an error without what looks like a secret, and without these `literals` of a statement.

    In the source lines of a traceback `token=token` is code, and stays.
    """
    if len(text) > LONGEST_TEXT:
        text = text[:LONGEST_TEXT] + "..."
    for literal in literals:
        text = text.replace(literal, LITERAL)
    lower = text.lower()
    if not any(sign in lower for sign in _SIGNS):
        return text
    if "\n    " not in text:
        return _in_prose.sub(_without, text)
    lines = _everywhere.sub(_without, text).split("\n")
    return "\n".join(line if line.startswith("    ") else _in_prose.sub(_without, line) for line in lines)


def _without(match: re.Match[str]) -> str:
    kept = match.lastgroup
    return f"{match[kept]}{REDACTED}@" if kept == "url" else f"{match[kept] if kept else ''}{REDACTED}"


def literals_of(statements: Iterable[str]) -> list[str]:
    """The strings and long numbers in SQL statements, the longest first."""
    found: dict[str, None] = {}
    for statement in statements:
        for match in _literals.finditer(statement):
            literal = match[1] if match[1] is not None else match[2]
            for form in (literal, literal.replace("''", "'")):
                if len(form) >= _SHORTEST_LITERAL and len(found) < _MOST_LITERALS:
                    found[form] = None
    return sorted(found, key=len, reverse=True)


def without_literals(statement: str) -> str:
    """A statement with `?` for each string and number: what may be shown where no Agent obfuscates it."""
    return _statement.sub(LITERAL, statement)


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
        for event in entry.get("span_events", ()):
            for key in EXCEPTION_TEXTS:
                told = event["attributes"].get(key)
                if told is not None and "string_value" in told:
                    told["string_value"] = scrubbed(told["string_value"], literals)
