"""The `http.url` of a request: without credentials, its query searched for secrets."""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote

from ...settings import Settings
from ..every_span.attributes import text_of
from ..every_span.text import utf8, value

log = logging.getLogger("otel_dd_distro")

LONGEST_QUERY = 8_000
"""Characters of a query that are searched for secrets. A longer one is cut at the last `&` before; `...` tells."""

_REDACTED = "<redacted>"
_LONGEST_KEPT = 500

_BLANK = r"(?:\s|%20)"
_QUOTE = r'(?:"|%22)'
_KEYS = (
    r"(?:(?:old|new)[-_]?)?p(?:ass)?w(?:or)?d[12]?",
    r"pass(?:[-_]?phrase)?",
    r"secret",
    r"(?:api|private|public|access|secret|app(?:lication)?)[-_]?key(?:[-_]?id)?",
    r"token",
    r"consumer[-_]?(?:id|key|secret)",
    r"sign(?:ed|ature)?",
    r"auth(?:entication|orization)?",
)
_JWT_PART = r"ey[I-L][\w-]+(?:=|%3D)*"
_PRIVATE_KEY = rf"(?:[a-z\s]|%20)+PRIVATE{_BLANK}KEY"
_SSH_KIND = r"(?:ssh-(?:rsa|dss)|ecdsa-[a-z0-9]+-[a-z0-9]+)"
_GAP = r"(?:\s|%20|%09)"
_SECRETS = (
    # key=value, up to the next &
    rf"{_QUOTE}?(?:{'|'.join(_KEYS)}){_QUOTE}?{_BLANK}*(?:=|%3D)[^&]+",
    # "key": "value"
    rf"{_QUOTE}?(?:{'|'.join(_KEYS)}){_QUOTE}{_BLANK}*(?::|%3A){_BLANK}*{_QUOTE}(?:%2[^2]|%[^2]|[^\"%])+{_QUOTE}",
    rf"bearer(?:{_BLANK}|\+)+[a-z0-9._\-]+",
    r"token(?::|%3A)[a-z0-9]{13}",
    r"gh[opsu]_[0-9a-z]{36}",
    # A JSON web token, the sign before it (the one group) being no part of it.
    rf"(^|[^\w%-]|%[0-9a-f]{{2}}){_JWT_PART}\.{_JWT_PART}(?:\.(?:[\w.+/=-]|%3D|%2F|%2B)+)?",
    rf"-{{5}}BEGIN{_PRIVATE_KEY}-{{5}}[^\-]+-{{5}}END{_PRIVATE_KEY}(?:-{{5}})?(?:\n|%0A)?",
    rf"{_SSH_KIND}{_GAP}+(?:[a-z0-9/.+]|%2F|%5C|%2B){{100,}}(?:=|%3D)*(?:{_GAP}+[a-z0-9._-]+)?",
)
_FLAGS = re.IGNORECASE | re.ASCII
# One of these is in every secret: most queries are searched no further (0.7 us instead of 10 us).
_SIGNS = ("pw", "pass", "secret", "ey", "token", "consumer", "sign", "auth", "bearer", "gh", "begin", "ssh-", "ecdsa-")

# What stays quoted in a path that is shown to people: blanks, control characters, and % / ? # themselves.
_QUOTED = re.compile(r"((?:%(?:[01][0-9a-f]|2[0535f]|3f|7f))+)", re.IGNORECASE)


class Target(NamedTuple):
    """What a client's spans say of the URL that was requested."""

    url: str
    path: str
    """Without the parameters (`;a=1`) of its last segment."""
    domain: str
    """`host[:port]`, the host in lower case."""


class Urls:
    """Builds URLs as the settings ask for. An obfuscation pattern that cannot be compiled costs every query."""

    def __init__(self, settings: Settings) -> None:
        self._server_query = settings.server_query_string
        self._client_query = settings.client_query_string
        self.by_view = settings.django_resource if settings.django_resource != "route" else ""
        """Whether requests are named by their view in place of their route: `handler`, `view` or ""."""
        self.redis_names_alone = settings.redis_names_alone
        """Whether a Redis command's name is its resource. Not of URLs: describing functions see no other settings."""
        self.valkey_names_alone = settings.valkey_names_alone
        self._pattern: re.Pattern[str] | None = None
        self._signs: tuple[str, ...] = ("",)
        self._instead = _REDACTED
        given = settings.query_string_obfuscation
        if given is None:
            self._pattern = re.compile("|".join(_SECRETS), _FLAGS)
            self._instead = r"\1" + _REDACTED
            self._signs = _SIGNS
        elif given:
            try:
                self._pattern = re.compile(given, re.ASCII)
            except (re.error, OverflowError, RecursionError) as error:
                log.warning("DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP: %s; http.url is sent without queries", error)
                self._server_query = self._client_query = False
        self._kept = lru_cache(512)(self._target)

    def obfuscated(self, query: str) -> str:
        """The query, without the leading `?`, each secret in it replaced by `<redacted>`."""
        if self._pattern is None:
            return query
        if len(query) > LONGEST_QUERY:
            return self.obfuscated(query[: query.rfind("&", 0, LONGEST_QUERY) + 1]) + "..."
        lower = query.lower()
        for sign in self._signs:
            if sign in lower:
                return self._pattern.sub(self._instead, query)
        return query

    def served(self, attributes: dict[str, Any], *, quoted: bool = False) -> str:
        """The URL of a request that was served, from its `url.*` and `server.*` attributes.

        `quoted` leaves its path as the client sent it.
        """
        host = text_of(attributes, "server.address")
        if ":" in host and not host.startswith("["):
            host = f"[{host}]"
        port = attributes.get("server.port")
        if port is not None:
            host = f"{host}:{port}"
        path = text_of(attributes, "url.path")
        if "%" in path and not quoted:
            path = readable(path)
        url = f"{text_of(attributes, 'url.scheme') or 'http'}://{host}{path}"
        query = text_of(attributes, "url.query")
        return f"{url}?{self.obfuscated(query)}" if query and self._server_query else url

    def requested(self, url: str) -> Target:
        """The parts of a URL that was requested."""
        return self._kept(url) if len(url) <= _LONGEST_KEPT else self._target(url)

    def _target(self, url: str) -> Target:
        scheme, found, rest = url.partition("://")
        if not found:
            scheme, rest = "", url
        rest, _, fragment = rest.partition("#")
        rest, _, query = rest.partition("?")
        authority, slash, path = rest.partition("/")
        path = slash + path
        bare = path
        parameters = path.find(";", path.rfind("/") + 1)
        if parameters >= 0:
            bare = path[:parameters]
        _, userinfo, host = authority.rpartition("@")
        if userinfo:
            # ddtrace builds such a URL anew from what it needs: parameters and fragment are not among it.
            path, fragment = bare, ""
        shown = f"{scheme}{found}{host}{path}"
        if query and self._client_query:
            shown = f"{shown}?{self.obfuscated(query)}"
        if fragment:
            shown = f"{shown}#{fragment}"
        return Target(value(shown), utf8(bare), utf8(host.lower().replace("[", "").replace("]", "")))


def readable(path: str) -> str:
    """The path with what a reader can read unquoted, as werkzeug's `base_url` has it."""
    parts = _QUOTED.split(path)
    parts[::2] = [unquote(part) for part in parts[::2]]
    return "".join(parts)
