"""User and password in a URL: what stands before the `@` of its authority, also where a sign in it is not encoded."""

from __future__ import annotations

import re

from .places import Place, Places

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,30}\Z")
_END = re.compile(r"[\s<>]")
_END_IN = {quote: re.compile(rf"(?<!\\){quote}|[\s<>]") for quote in "\"'`"}
_END_OF_AUTHORITY = re.compile(r"[/?#]")
_PORT = re.compile(r"\d{0,5}\Z")
# Schemes in whose paths no `@` stands: there the last one ends the password.
_SERVERS = re.compile(
    r"(?:jdbc:)?(?:postgres|mysql|mariadb|mssql|sqlserver|oracle|cockroach|redshift|clickhouse|snowflake|trino|presto|hive"
    r"|mongo|couch|cassandra|neo4j|bolt|redis|valkey|memcache|amqp|pyamqp|kafka|nats|stomp|mqtt|ldap|smtp|imap|pop3"
    r"|elastic|opensearch|influx)"
)
_ENCODED = re.compile(r"%3a%2f%2f(?:(?!%2f|%40)[^\s&]){1,200}%40")
_LONGEST = 2_000
_LONGEST_GAP = 100


def find(text: str, lower: str, places: Places) -> None:
    """Add the credentials of all URLs."""
    at = lower.find("://")
    while at >= 0:
        at = _find_in_word(text, lower, at, places)
        at = lower.find("://", at)
    if "%3a%2f%2f" in lower:
        places.extend(Place(match.start() + 9, match.end() - 3) for match in _ENCODED.finditer(lower))


def _find_in_word(text: str, lower: str, at: int, places: Places) -> int:
    """The URLs in one word of the text, the first of them with its `://` at a position; the word's end."""
    scheme = _scheme(lower, at)
    before = text[at - len(scheme) - 1 : at - len(scheme)]
    end = _word_end(text, at, before)
    while at >= 0:
        other = lower.find("://", at + 3, end)
        authority = at + 3
        last = end if other < 0 else other - len(_scheme(lower, other))
        password = _end_of_credentials(text, authority, last, scheme)
        if password > authority:
            places.append(Place(authority, password))
            end = max(end, password)
        if other >= 0:
            scheme = _scheme(lower, other)
        at = other
    return end


def _scheme(lower: str, at: int) -> str:
    found = _SCHEME.search(lower[max(0, at - 32) : at])
    return found[0] if found else ""


def _word_end(text: str, start: int, quote: str) -> int:
    limit = min(len(text), start + _LONGEST)
    found = _END_IN.get(quote, _END).search(text, start, limit)
    return found.start() if found else limit


def _end_of_credentials(text: str, start: int, end: int, scheme: str) -> int:
    found = _END_OF_AUTHORITY.search(text, start, end)
    authority_end = found.start() if found else end
    is_server = _SERVERS.match(scheme) is not None
    at = text.rfind("@", start, authority_end)
    if at >= 0 and not is_server:
        return at
    # Neither a host nor a port: a password that holds a sign of URLs.
    colon = text.find(":", start, authority_end)
    has_password = colon >= 0 and not text.startswith("[", start) and not _PORT.match(text, colon + 1, authority_end)
    if is_server or has_password:
        at = max(at, text.rfind("@", start, end))
        if at < 0 and has_password:
            # A blank in it.
            at = text.find("@", end, end + _LONGEST_GAP)
            at = -1 if "\n" in text[end:at] else at
    return at
