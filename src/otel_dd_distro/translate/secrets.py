"""Secrets in the texts of errors: credentials in URLs, `key=value` pairs, tokens, the literals of a failed statement.

The Agent obfuscates the resources of SQL spans; what an error says it shows as it comes. So it is looked through here,
on the export thread, and only where there is an error or an event.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, MutableMapping, Sequence
from typing import Any, NamedTuple

REDACTED = "<redacted>"
_INSTEAD = rf"\1{REDACTED}"
LITERAL = "?"
LONGEST_TEXT = 50_000
"""Characters of one text that are looked through; the rest is left out."""

TEXTS = ("error.message", "error.stack", "otel.status_description")
EVENTS = "events"
EXCEPTION_TEXTS = ("exception.message", "exception.stacktrace")

_KEYS = (
    r"(?:p(?:ass)?w(?:or)?d[12]?|pass(?:[-_]?phrase)?|secret|credentials?|token|sig(?:n(?:ed|ature)?)?"
    r"|(?:api|private|public|access|secret|app(?:lication)?|account|shared)[-_]?(?:access[-_]?)?key(?:[-_]?id)?"
    r"|consumer[-_]?(?:id|key|secret)|auth(?:entication|orization)?|session[-_]?id|sas)"
)
_HEADERS = r"(?:(?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]{0,30}(?:key|token|secret|auth))"
_BASE64 = r"[a-z0-9+/_=-]"


class _Kind(NamedTuple):
    """A kind of secret. What is in the one group of its pattern stays, the rest of the match goes.

    No repetition is nested in another: linear in the length of the text. One of `signs` is in every secret of the
    kind, in lower case: most lines of most texts are searched no further.
    """

    signs: tuple[str, ...]
    pattern: re.Pattern[str]
    in_code: bool = True
    """Whether it is looked for in source lines of a traceback, too: there `token=token` is no secret."""


def _kind(signs: str, pattern: str, in_code: bool = True) -> _Kind:
    return _Kind(tuple(signs.split()), re.compile(pattern, re.IGNORECASE | re.ASCII), in_code)


_KINDS = (
    # user:password@ of a URL
    _kind("://", r"(://)[^\s/?#\"'<>]+(?=@)"),
    # "key": "value"
    _kind("': \":", rf"({_KEYS}\\{{0,7}}[\"']\s{{0,4}}:\s{{0,4}}\\{{0,7}}[\"'])[^\"'\\\r\n]+"),
    # key=value of a query, a connection string or a repr()
    _kind("= %3d", rf"({_KEYS}(?:=|%3d))(?:\"[^\"\r\n]+\"|'[^'\r\n]+'|[^\s&\"'<>(),;]+)", in_code=False),
    _kind(
        "bearer basic digest negotiate",
        r"(\b(?:bearer|basic|digest|negotiate)(?:\s|%20|\+))[a-z0-9+/_=.~%-]{8,}",
    ),
    # Headers, as they are logged
    _kind("authorization cookie x-", rf"(\b{_HEADERS}[\"']?\s{{0,4}}:\s{{0,4}}[\"']?)[^\r\n\"']+"),
    _kind("eyi eyj eyk eyl", rf"()\bey[i-l]{_BASE64}{{5,500}}\.{_BASE64}{{5,}}(?:\.{_BASE64}*)?"),
    _kind(
        "ghp_ gho_ ghs_ ghu_ ghr_ pat_ glpat",
        r"()\b(?:gh[opsur]_[0-9a-z]{20,}|github_pat_[0-9a-z_]{20,}|glpat-[0-9a-z_-]{16,})",
    ),
    _kind(
        "akia asia aiza ya29.",
        r"()\b(?:A(?:KI|SI)A[0-9A-Z]{16}\b|AIza[0-9A-Za-z_-]{30,}|ya29\.[0-9A-Za-z_-]{10,})",
    ),
    _kind(
        "xox k_live k_test sg.",
        r"()\b(?:xox[a-z]-[0-9a-z-]{10,}|[sr]k_(?:live|test)_[0-9a-z]{10,}|SG\.[0-9a-z_-]{10,}\.[0-9a-z_-]{10,})",
    ),
    # A command in a pipeline of Redis, which redis-py shows with the error, and a rule of a user
    _kind(
        "pipeline",
        r"(command # \d{1,9} \((?:auth|(?:hello|acl|config|migrate|sentinel) [^\r\n]{0,100}?"
        r"(?:auth|pass|setuser)\S{0,20}) )[^\r\n]{1,200}?(?=\) of pipeline)",
    ),
    _kind("setuser", r"(acl setuser modifier ')[^\r\n]{1,1000}?(?=':)"),
)
_PRIVATE_KEY = re.compile(r"-----BEGIN[A-Z\s]{1,40}PRIVATE KEY-----[^-]+(?:-----END[A-Z\s]{1,40}PRIVATE KEY-----)?")
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
    if "PRIVATE KEY-----" in text:
        text = _PRIVATE_KEY.sub(REDACTED, text)
    return "\n".join(map(_scrubbed_line, text.split("\n")))


def _scrubbed_line(line: str) -> str:
    lower = line.lower()
    for signs, pattern, in_code in _KINDS:
        for sign in signs:
            if sign in lower:
                if in_code or not line.startswith("    "):
                    line = pattern.sub(_INSTEAD, line)
                break
    return line


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
