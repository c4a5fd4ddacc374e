"""Takes out of a text what looks like a secret: credentials in URLs, `key=value` pairs, headers, tokens."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from .statements import LITERAL

REDACTED = "<redacted>"
_INSTEAD = rf"\1{REDACTED}"
LONGEST_TEXT = 50_000
"""Characters of one text that are looked through; the rest is left out."""

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
